//! Calls: of defined functions through their slot's symbol, of imports and table elements through the slot that
//! their record names. No call holds an implementation's address.

use super::{Lowering, tables};
use crate::compile::environ::trap_code;
use crate::compile::signature::{RESULT_BYTES, value_type};
use crate::object::symbol::Symbol;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{self, Inst, InstBuilder, SigRef, Value};
use latier_runtime::abi::{CallLayout, FuncIndex, TrapCode};
use latier_runtime::types::{FuncType, ValType};
use latier_runtime::vmctx::{FUNCREF_SLOT, FUNCREF_TYPE_ID, FUNCREF_VMCTX, IMPORT_SLOT, IMPORT_VMCTX};
use wasmparser::Operator;

/// What is called.
enum Callee {
    Defined(ir::FuncRef),
    Code(SigRef, Value),
}

/// Lowers `op` if it calls.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match *op {
        Operator::Call { function_index } => direct(f, function_index),
        Operator::CallIndirect { type_index, table_index } => indirect(f, type_index, table_index),
        _ => return false,
    }
    true
}

fn direct(f: &mut Lowering<'_>, function: u32) {
    let ty = f.env.module.functions[function as usize];
    let func_type = f.env.func_type(ty);
    if function >= f.env.module.func_imports {
        let callee = f.env.callee(&mut f.builder, FuncIndex(function));
        return call(f, func_type, f.env.vmctx, Callee::Defined(callee));
    }
    let signature = f.env.signature(&mut f.builder, ty);
    let import = f.env.field(&mut f.builder, Symbol::FuncImport(function));
    let access = f.env.access;
    let slot = f.ins().load(I64, access.fixed, import, IMPORT_SLOT);
    let vmctx = f.ins().load(I64, access.fixed, import, IMPORT_VMCTX);
    let code = f.ins().load(I64, access.slot, slot, 0);
    call(f, func_type, vmctx, Callee::Code(signature, code));
}

fn indirect(f: &mut Lowering<'_>, ty: u32, table: u32) {
    let index = f.pop();
    let access = f.env.access;
    let record = tables::load_element(f, table, index);
    // A null record faults here: all of a record lies in the page that is never mapped.
    let actual = f.ins().load(I32, access.nullable_record, record, FUNCREF_TYPE_ID);
    let expected = f.env.number(&mut f.builder, Symbol::Type(ty));
    let expected = f.ins().ireduce(I32, expected);
    let differs = f.ins().icmp(IntCC::NotEqual, actual, expected);
    f.ins().trapnz(differs, trap_code(TrapCode::BadSignature));
    let slot = f.ins().load(I64, access.record, record, FUNCREF_SLOT);
    let vmctx = f.ins().load(I64, access.record, record, FUNCREF_VMCTX);
    let code = f.ins().load(I64, access.slot, slot, 0);
    let signature = f.env.signature(&mut f.builder, ty);
    call(f, f.env.func_type(ty), vmctx, Callee::Code(signature, code));
}

/// Takes the arguments from the operand stack, calls, and puts the results there.
fn call(f: &mut Lowering<'_>, ty: &FuncType, vmctx: Value, callee: Callee) {
    let area = CallLayout::results_in_memory(&ty.results)
        .then(|| f.env.result_area(f.builder.func, RESULT_BYTES * ty.results.len() as u32));
    let mut args = std::mem::take(&mut f.values);
    args.clear();
    args.push(vmctx);
    if let Some(area) = area {
        args.push(f.ins().stack_addr(I64, area, 0));
    }
    let first = f.stack.len() - ty.params.len();
    args.extend(f.stack.drain(first..));
    let call = match callee {
        Callee::Defined(callee) => f.ins().call(callee, &args),
        Callee::Code(signature, code) => f.ins().call_indirect(signature, code, &args),
    };
    f.values = args;
    match area {
        None => push_results(f, call),
        Some(area) => load_results(f, &ty.results, area),
    }
}

fn push_results(f: &mut Lowering<'_>, call: Inst) {
    f.stack.extend_from_slice(f.builder.inst_results(call));
}

fn load_results(f: &mut Lowering<'_>, results: &[ValType], area: ir::StackSlot) {
    for (ty, n) in results.iter().zip(0u32..) {
        let offset = (n * RESULT_BYTES) as i32;
        let value = f.ins().stack_load(I64, value_type(*ty), area, offset);
        f.push(value);
    }
}
