//! Tables: elements read and written in place after a check, everything else by builtins.

use super::Lowering;
use crate::object::symbol::Symbol;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value};
use latier_runtime::abi::TrapCode;
use latier_runtime::builtin::Builtin;
use latier_runtime::vmctx::{TABLE_BASE, TABLE_LEN};
use wasmparser::Operator;

/// Binary logarithm of an element's size.
const ELEMENT_SHIFT: i64 = 3;

/// Lowers `op` if it works on a table.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    elements(op, f) || bulk(op, f)
}

fn elements(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match *op {
        Operator::TableGet { table } => {
            let index = f.pop();
            let value = load_element(f, table, index);
            f.push(value);
        }
        Operator::TableSet { table } => {
            let (index, value) = f.pop2();
            let at = element(f, table, index);
            let flags = f.env.access.element;
            f.ins().store(flags, value, at, 0);
        }
        Operator::TableSize { table } => {
            let is_64 = f.env.module.tables[table as usize].table64;
            let descriptor = descriptor(f, table);
            let flags = descriptor_access(f, table);
            let len = f.ins().load(I64, flags, descriptor, TABLE_LEN);
            let len = f.narrow(len, is_64);
            f.push(len);
        }
        _ => return false,
    }
    true
}

/// Element `index` of a table; traps if there is none.
pub(super) fn load_element(f: &mut Lowering<'_>, table: u32, index: Value) -> Value {
    let at = element(f, table, index);
    let flags = f.env.access.element;
    f.ins().load(I64, flags, at, 0)
}

/// The address of element `index`. That of one that is not there is 0, which is never mapped: the access traps there,
/// and no address outside the table is ever accessed, not even by a processor that guesses.
fn element(f: &mut Lowering<'_>, table: u32, index: Value) -> Value {
    let index = f.widen(index);
    let descriptor = descriptor(f, table);
    let flags = descriptor_access(f, table);
    let len = f.ins().load(I64, flags, descriptor, TABLE_LEN);
    let outside = f.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
    let base = f.ins().load(I64, flags, descriptor, TABLE_BASE);
    let offset = f.ins().ishl_imm_u(index, ELEMENT_SHIFT);
    let at = f.ins().iadd(base, offset);
    let nowhere = f.ins().iconst(I64, 0);
    f.ins().select_spectre_guard(outside, nowhere, at)
}

fn descriptor(f: &mut Lowering<'_>, table: u32) -> Value {
    f.env.pointer(&mut f.builder, Symbol::Table(table))
}

/// A table that cannot grow neither moves nor changes its length.
fn descriptor_access(f: &Lowering<'_>, table: u32) -> MemFlagsData {
    let ty = f.env.module.tables[table as usize];
    if ty.max == Some(ty.min) { f.env.access.fixed } else { f.env.access.table_desc }
}

fn bulk(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let code = TrapCode::TableOutOfBounds;
    match *op {
        Operator::TableGrow { table } => {
            let is_64 = f.env.module.tables[table as usize].table64;
            let (value, count) = f.pop2();
            let table = descriptor(f, table);
            let previous = f.builtin_value(Builtin::TableGrow, &[table, value, count]);
            let previous = f.narrow(previous, is_64);
            f.push(previous);
        }
        Operator::TableFill { table } => {
            let (to, value, len) = f.pop3();
            let table = descriptor(f, table);
            f.builtin_or_trap(Builtin::TableFill, &[table, to, value, len], code);
        }
        Operator::TableCopy { dst_table, src_table } => {
            let (to, from, len) = f.pop3();
            let (dst, src) = (descriptor(f, dst_table), descriptor(f, src_table));
            f.builtin_or_trap(Builtin::TableCopy, &[dst, src, to, from, len], code);
        }
        Operator::TableInit { elem_index, table } => {
            let (to, from, len) = f.pop3();
            let table = descriptor(f, table);
            let segment = f.env.number(&mut f.builder, Symbol::Elem(elem_index));
            f.builtin_or_trap(Builtin::TableInit, &[table, segment, to, from, len], code);
        }
        Operator::ElemDrop { elem_index } => {
            let segment = f.env.number(&mut f.builder, Symbol::Elem(elem_index));
            f.builtin(Builtin::ElemDrop, &[segment]);
        }
        _ => return false,
    }
    true
}
