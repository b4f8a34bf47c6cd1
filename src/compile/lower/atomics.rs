//! Atomic instructions. All are sequentially consistent; an address that is not a multiple of the access's size traps
//! before anything else is looked at. Who waits and who is woken is the executor's business.

use super::{Lowering, memory};
use crate::compile::environ::trap_code;
use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, Type, Value};
use latier_runtime::abi::TrapCode;
use latier_runtime::builtin::Builtin;
use wasmparser::{MemArg, Operator};

/// Lowers `op` if it is atomic.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    load(op, f) || store(op, f) || exchange(op, f) || update(op, f) || wait(op, f)
}

fn load(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    use Operator::*;
    let (memarg, ty, wide) = match op {
        I32AtomicLoad { memarg } => (memarg, I32, I32),
        I64AtomicLoad { memarg } => (memarg, I64, I64),
        I32AtomicLoad8U { memarg } => (memarg, I8, I32),
        I32AtomicLoad16U { memarg } => (memarg, I16, I32),
        I64AtomicLoad8U { memarg } => (memarg, I8, I64),
        I64AtomicLoad16U { memarg } => (memarg, I16, I64),
        I64AtomicLoad32U { memarg } => (memarg, I32, I64),
        _ => return false,
    };
    let index = f.pop();
    let at = address(f, index, memarg, ty);
    let flags = f.env.access.heap;
    let value = f.ins().atomic_load(ty, flags, at);
    push_extended(f, value, wide);
    true
}

fn store(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    use Operator::*;
    let (memarg, ty) = match op {
        I32AtomicStore { memarg } | I64AtomicStore32 { memarg } => (memarg, I32),
        I64AtomicStore { memarg } => (memarg, I64),
        I32AtomicStore8 { memarg } | I64AtomicStore8 { memarg } => (memarg, I8),
        I32AtomicStore16 { memarg } | I64AtomicStore16 { memarg } => (memarg, I16),
        _ => return false,
    };
    let (index, value) = f.pop2();
    let at = address(f, index, memarg, ty);
    let value = reduced(f, value, ty);
    let flags = f.env.access.heap;
    f.ins().atomic_store(flags, value, at);
    true
}

/// Compare and exchange.
fn exchange(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    use Operator::*;
    let (memarg, ty, wide) = match op {
        I32AtomicRmwCmpxchg { memarg } => (memarg, I32, I32),
        I64AtomicRmwCmpxchg { memarg } => (memarg, I64, I64),
        I32AtomicRmw8CmpxchgU { memarg } => (memarg, I8, I32),
        I32AtomicRmw16CmpxchgU { memarg } => (memarg, I16, I32),
        I64AtomicRmw8CmpxchgU { memarg } => (memarg, I8, I64),
        I64AtomicRmw16CmpxchgU { memarg } => (memarg, I16, I64),
        I64AtomicRmw32CmpxchgU { memarg } => (memarg, I32, I64),
        _ => return false,
    };
    let (index, expected, value) = f.pop3();
    let at = address(f, index, memarg, ty);
    // Both values are cut to the width of the access.
    let (expected, value) = (reduced(f, expected, ty), reduced(f, value, ty));
    let flags = f.env.access.heap;
    let old = f.ins().atomic_cas(flags, at, expected, value);
    push_extended(f, old, wide);
    true
}

fn update(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let Some((memarg, ty, wide, rmw)) = update_of(op) else { return false };
    let (index, value) = f.pop2();
    let at = address(f, index, memarg, ty);
    let value = reduced(f, value, ty);
    let flags = f.env.access.heap;
    let old = f.ins().atomic_rmw(ty, flags, rmw, at, value);
    push_extended(f, old, wide);
    true
}

/// Of a read-modify-write: where, the type in memory, the type of operand and result, and what is done.
fn update_of<'a>(op: &'a Operator<'_>) -> Option<(&'a MemArg, Type, Type, AtomicRmwOp)> {
    use AtomicRmwOp::{Add, And, Or, Sub, Xchg, Xor};
    use Operator::*;
    Some(match op {
        I32AtomicRmwAdd { memarg } => (memarg, I32, I32, Add),
        I64AtomicRmwAdd { memarg } => (memarg, I64, I64, Add),
        I32AtomicRmw8AddU { memarg } => (memarg, I8, I32, Add),
        I32AtomicRmw16AddU { memarg } => (memarg, I16, I32, Add),
        I64AtomicRmw8AddU { memarg } => (memarg, I8, I64, Add),
        I64AtomicRmw16AddU { memarg } => (memarg, I16, I64, Add),
        I64AtomicRmw32AddU { memarg } => (memarg, I32, I64, Add),
        I32AtomicRmwSub { memarg } => (memarg, I32, I32, Sub),
        I64AtomicRmwSub { memarg } => (memarg, I64, I64, Sub),
        I32AtomicRmw8SubU { memarg } => (memarg, I8, I32, Sub),
        I32AtomicRmw16SubU { memarg } => (memarg, I16, I32, Sub),
        I64AtomicRmw8SubU { memarg } => (memarg, I8, I64, Sub),
        I64AtomicRmw16SubU { memarg } => (memarg, I16, I64, Sub),
        I64AtomicRmw32SubU { memarg } => (memarg, I32, I64, Sub),
        I32AtomicRmwAnd { memarg } => (memarg, I32, I32, And),
        I64AtomicRmwAnd { memarg } => (memarg, I64, I64, And),
        I32AtomicRmw8AndU { memarg } => (memarg, I8, I32, And),
        I32AtomicRmw16AndU { memarg } => (memarg, I16, I32, And),
        I64AtomicRmw8AndU { memarg } => (memarg, I8, I64, And),
        I64AtomicRmw16AndU { memarg } => (memarg, I16, I64, And),
        I64AtomicRmw32AndU { memarg } => (memarg, I32, I64, And),
        I32AtomicRmwOr { memarg } => (memarg, I32, I32, Or),
        I64AtomicRmwOr { memarg } => (memarg, I64, I64, Or),
        I32AtomicRmw8OrU { memarg } => (memarg, I8, I32, Or),
        I32AtomicRmw16OrU { memarg } => (memarg, I16, I32, Or),
        I64AtomicRmw8OrU { memarg } => (memarg, I8, I64, Or),
        I64AtomicRmw16OrU { memarg } => (memarg, I16, I64, Or),
        I64AtomicRmw32OrU { memarg } => (memarg, I32, I64, Or),
        I32AtomicRmwXor { memarg } => (memarg, I32, I32, Xor),
        I64AtomicRmwXor { memarg } => (memarg, I64, I64, Xor),
        I32AtomicRmw8XorU { memarg } => (memarg, I8, I32, Xor),
        I32AtomicRmw16XorU { memarg } => (memarg, I16, I32, Xor),
        I64AtomicRmw8XorU { memarg } => (memarg, I8, I64, Xor),
        I64AtomicRmw16XorU { memarg } => (memarg, I16, I64, Xor),
        I64AtomicRmw32XorU { memarg } => (memarg, I32, I64, Xor),
        I32AtomicRmwXchg { memarg } => (memarg, I32, I32, Xchg),
        I64AtomicRmwXchg { memarg } => (memarg, I64, I64, Xchg),
        I32AtomicRmw8XchgU { memarg } => (memarg, I8, I32, Xchg),
        I32AtomicRmw16XchgU { memarg } => (memarg, I16, I32, Xchg),
        I64AtomicRmw8XchgU { memarg } => (memarg, I8, I64, Xchg),
        I64AtomicRmw16XchgU { memarg } => (memarg, I16, I64, Xchg),
        I64AtomicRmw32XchgU { memarg } => (memarg, I32, I64, Xchg),
        _ => return None,
    })
}

fn wait(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match op {
        Operator::AtomicFence { .. } => {
            f.ins().fence();
        }
        Operator::MemoryAtomicNotify { memarg } => {
            let (index, count) = f.pop2();
            let at = offset_in_memory(f, index, memarg, I32);
            answer(f, Builtin::AtomicNotify, memarg, &[at, count]);
        }
        Operator::MemoryAtomicWait32 { memarg } => wait_for(f, Builtin::AtomicWait32, memarg, I32),
        Operator::MemoryAtomicWait64 { memarg } => wait_for(f, Builtin::AtomicWait64, memarg, I64),
        _ => return false,
    }
    true
}

fn wait_for(f: &mut Lowering<'_>, builtin: Builtin, memarg: &MemArg, ty: Type) {
    let (index, expected, nanoseconds) = f.pop3();
    if !memory::accessed(f, memarg).1.shared {
        let always = f.ins().iconst(I32, 1);
        f.ins().trapnz(always, trap_code(TrapCode::AtomicWaitNonShared));
    }
    let at = offset_in_memory(f, index, memarg, ty);
    answer(f, builtin, memarg, &[at, expected, nanoseconds]);
}

/// Calls a builtin that answers one more than the result, or 0 when the address is out of bounds.
fn answer(f: &mut Lowering<'_>, builtin: Builtin, memarg: &MemArg, args: &[Value]) {
    let (index, _) = memory::accessed(f, memarg);
    let descriptor = memory::descriptor(f, index);
    let mut values = vec![descriptor];
    values.extend(args);
    let answer = f.builtin_value(builtin, &values);
    f.ins().trapz(answer, trap_code(TrapCode::MemoryOutOfBounds));
    let result = f.ins().iadd_imm_s(answer, -1);
    let result = f.ins().ireduce(I32, result);
    f.push(result);
}

/// The sum of `index` and the static offset, which is a multiple of the size of `ty` and has no carry.
fn offset_in_memory(f: &mut Lowering<'_>, index: Value, memarg: &MemArg, ty: Type) -> Value {
    let index = f.widen(index);
    let offset = f.ins().iconst(I64, memarg.offset.cast_signed());
    let at = f.ins().uadd_overflow_trap(index, offset, trap_code(TrapCode::MemoryOutOfBounds));
    check_alignment(f, at, ty);
    at
}

/// Where an access of type `ty` goes. What is not aligned traps here, what is outside here or at the access.
fn address(f: &mut Lowering<'_>, index: Value, memarg: &MemArg, ty: Type) -> Value {
    let index = f.widen(index);
    if ty != I8 {
        let offset = f.ins().iconst(I64, memarg.offset.cast_signed());
        let at = f.ins().iadd(index, offset);
        check_alignment(f, at, ty);
    }
    let (at, offset) = memory::address(f, index, memarg, ty.bytes());
    match offset {
        0 => at,
        offset => f.ins().iadd_imm_s(at, i64::from(offset)),
    }
}

fn check_alignment(f: &mut Lowering<'_>, at: Value, ty: Type) {
    let low = f.ins().band_imm_u(at, i64::from(ty.bytes()) - 1);
    f.ins().trapnz(low, trap_code(TrapCode::UnalignedAtomic));
}

fn reduced(f: &mut Lowering<'_>, value: Value, ty: Type) -> Value {
    match f.builder.func.dfg.value_type(value) == ty {
        true => value,
        false => f.ins().ireduce(ty, value),
    }
}

fn push_extended(f: &mut Lowering<'_>, value: Value, ty: Type) {
    let value = match f.builder.func.dfg.value_type(value) == ty {
        true => value,
        false => f.ins().uextend(ty, value),
    };
    f.push(value);
}
