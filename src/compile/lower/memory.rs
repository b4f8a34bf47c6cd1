//! Loads, stores and bulk operations on linear memories. Whether an access is checked follows from the memory's type
//! and the access's static offset alone.

use super::Lowering;
use crate::object::symbol::Symbol;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32, F64, I8, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value};
use latier_runtime::abi::TrapCode;
use latier_runtime::builtin::Builtin;
use latier_runtime::types::MemoryType;
use latier_runtime::vmctx::{MEMORY_BASE, MEMORY_LEN};
use wasmparser::{MemArg, MemArgTarget, Operator};

/// Lowers `op` if it works on a memory.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    load(op, f) || store(op, f) || bulk(op, f)
}

fn load(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    use Operator::*;
    match op {
        I32Load { memarg } => plain_load(f, memarg, I32, 4),
        I64Load { memarg } => plain_load(f, memarg, I64, 8),
        F32Load { memarg } => plain_load(f, memarg, F32, 4),
        F64Load { memarg } => plain_load(f, memarg, F64, 8),
        I32Load8S { memarg } => access(f, memarg, 1, |f, flags, at, o| f.ins().sload8(I32, flags, at, o)),
        I32Load8U { memarg } => access(f, memarg, 1, |f, flags, at, o| f.ins().uload8(I32, flags, at, o)),
        I32Load16S { memarg } => access(f, memarg, 2, |f, flags, at, o| f.ins().sload16(I32, flags, at, o)),
        I32Load16U { memarg } => access(f, memarg, 2, |f, flags, at, o| f.ins().uload16(I32, flags, at, o)),
        I64Load8S { memarg } => access(f, memarg, 1, |f, flags, at, o| f.ins().sload8(I64, flags, at, o)),
        I64Load8U { memarg } => access(f, memarg, 1, |f, flags, at, o| f.ins().uload8(I64, flags, at, o)),
        I64Load16S { memarg } => access(f, memarg, 2, |f, flags, at, o| f.ins().sload16(I64, flags, at, o)),
        I64Load16U { memarg } => access(f, memarg, 2, |f, flags, at, o| f.ins().uload16(I64, flags, at, o)),
        I64Load32S { memarg } => access(f, memarg, 4, |f, flags, at, o| f.ins().sload32(flags, at, o)),
        I64Load32U { memarg } => access(f, memarg, 4, |f, flags, at, o| f.ins().uload32(flags, at, o)),
        _ => return false,
    }
    true
}

fn plain_load(f: &mut Lowering<'_>, memarg: &MemArg, ty: Type, bytes: u32) {
    access(f, memarg, bytes, |f, flags, at, offset| f.ins().load(ty, flags, at, offset));
}

/// One address operand to the value that `make` reads there.
pub(super) fn access<'a>(
    f: &mut Lowering<'a>,
    memarg: &MemArg,
    bytes: u32,
    make: impl FnOnce(&mut Lowering<'a>, MemFlagsData, Value, i32) -> Value,
) {
    let index = f.pop();
    let (at, offset) = address(f, index, memarg, bytes);
    let value = make(f, f.env.access.heap, at, offset);
    f.push(value);
}

fn store(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    use Operator::*;
    let (memarg, bytes) = match op {
        I32Store { memarg } | F32Store { memarg } | I64Store32 { memarg } => (memarg, 4),
        I64Store { memarg } | F64Store { memarg } => (memarg, 8),
        I32Store8 { memarg } | I64Store8 { memarg } => (memarg, 1),
        I32Store16 { memarg } | I64Store16 { memarg } => (memarg, 2),
        _ => return false,
    };
    let (index, value) = f.pop2();
    let (at, offset) = address(f, index, memarg, bytes);
    let flags = f.env.access.heap;
    match (bytes, op) {
        (1, _) => f.ins().istore8(flags, value, at, offset),
        (2, _) => f.ins().istore16(flags, value, at, offset),
        (_, I64Store32 { .. }) => f.ins().istore32(flags, value, at, offset),
        _ => f.ins().store(flags, value, at, offset),
    };
    true
}

/// Where an access of `bytes` bytes goes: an address, and an offset to add to it. What is outside the memory traps,
/// here or at the access.
pub(super) fn address(f: &mut Lowering<'_>, index: Value, memarg: &MemArg, bytes: u32) -> (Value, i32) {
    let (memory, ty) = accessed(f, memarg);
    let index = f.widen(index);
    // The guard lies behind all that 32 bits can address, so an offset that leads at most to its end is caught there.
    let caught = memarg.offset.checked_add(u64::from(bytes)).is_some_and(|end| end <= MemoryType::GUARD);
    let outside =
        if ty.is_guarded() && caught { None } else { Some(outside(f, index, memory, memarg, bytes)) };
    let (base, to_byte_0) = base(f, memory, ty);
    let at = f.ins().iadd(base, index);
    let offset = memarg.offset.wrapping_add(u64::from(to_byte_0.cast_unsigned()));
    let Some(outside) = outside else {
        // The guard is shorter than an i32 reaches, by far.
        return (at, offset as i32);
    };
    let at = match offset {
        0 => at,
        offset => {
            let offset = f.ins().iconst(I64, offset.cast_signed());
            f.ins().iadd(at, offset)
        }
    };
    // What is outside goes to address 0, which is never mapped: the access traps there, and no address outside the
    // memory is ever accessed, not even by a processor that guesses.
    let nowhere = f.ins().iconst(I64, 0);
    (f.ins().select_spectre_guard(outside, nowhere, at), 0)
}

/// The memory that an access names, and its type.
pub(super) fn accessed(f: &Lowering<'_>, memarg: &MemArg) -> (u32, MemoryType) {
    let MemArgTarget::Memory(memory) = memarg.target else {
        unreachable!("only operators on memories come here");
    };
    (memory, f.env.module.memories[memory as usize])
}

/// Whether `index`, the static offset and `bytes`, summed up without overflow, are more than the memory's length.
fn outside(f: &mut Lowering<'_>, index: Value, memory: u32, memarg: &MemArg, bytes: u32) -> Value {
    let Some(reach) = memarg.offset.checked_add(u64::from(bytes)) else {
        return f.ins().iconst(I8, 1);
    };
    let reach = f.ins().iconst(I64, reach.cast_signed());
    let len = length(f, memory);
    if !f.env.module.memories[memory as usize].memory64 {
        // Index and offset have 32 bits each: their sum has no carry.
        let end = f.ins().iadd(index, reach);
        return f.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
    }
    let (end, carry) = f.ins().uadd_overflow(index, reach);
    let beyond = f.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
    f.ins().bor(beyond, carry)
}

/// The pointer to the memory's description.
pub(super) fn descriptor(f: &mut Lowering<'_>, memory: u32) -> Value {
    f.env.pointer(&mut f.builder, Symbol::Memory(memory))
}

/// An address and the distance from it to byte 0 of the memory.
fn base(f: &mut Lowering<'_>, memory: u32, ty: MemoryType) -> (Value, i32) {
    if memory == 0
        && let Some(base) = f.env.memory0_base()
    {
        return base;
    }
    let descriptor = descriptor(f, memory);
    let flags = if ty.is_guarded() { f.env.access.fixed } else { f.env.access.memory_desc };
    (f.ins().load(I64, flags, descriptor, MEMORY_BASE), 0)
}

fn length(f: &mut Lowering<'_>, memory: u32) -> Value {
    let descriptor = descriptor(f, memory);
    let flags = f.env.access.memory_desc;
    f.ins().load(I64, flags, descriptor, MEMORY_LEN)
}

fn bulk(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let code = TrapCode::MemoryOutOfBounds;
    match *op {
        Operator::MemorySize { mem } => {
            let ty = f.env.module.memories[mem as usize];
            let bytes = length(f, mem);
            let pages = f.ins().ushr_imm_u(bytes, i64::from(ty.page_size_log2));
            let pages = f.narrow(pages, ty.memory64);
            f.push(pages);
        }
        Operator::MemoryGrow { mem } => {
            let is_64 = f.env.module.memories[mem as usize].memory64;
            let delta = f.pop();
            let memory = descriptor(f, mem);
            let previous = f.builtin_value(Builtin::MemoryGrow, &[memory, delta]);
            let previous = f.narrow(previous, is_64);
            f.push(previous);
        }
        Operator::MemoryCopy { dst_mem, src_mem } => {
            let (to, from, len) = f.pop3();
            let (dst, src) = (descriptor(f, dst_mem), descriptor(f, src_mem));
            f.builtin_or_trap(Builtin::MemoryCopy, &[dst, src, to, from, len], code);
        }
        Operator::MemoryFill { mem } => {
            let (to, byte, len) = f.pop3();
            let memory = descriptor(f, mem);
            f.builtin_or_trap(Builtin::MemoryFill, &[memory, to, byte, len], code);
        }
        Operator::MemoryInit { data_index, mem } => {
            let (to, from, len) = f.pop3();
            let memory = descriptor(f, mem);
            let segment = f.env.number(&mut f.builder, Symbol::Data(data_index));
            f.builtin_or_trap(Builtin::MemoryInit, &[memory, segment, to, from, len], code);
        }
        Operator::DataDrop { data_index } => {
            let segment = f.env.number(&mut f.builder, Symbol::Data(data_index));
            f.builtin(Builtin::DataDrop, &[segment]);
        }
        _ => return false,
    }
    true
}
