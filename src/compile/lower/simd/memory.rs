//! Loads and stores of vectors and of their lanes. Where an access goes, and whether it is checked, is the memory
//! family's to say.

use super::super::Lowering;
use super::super::memory::{access, address};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value};
use wasmparser::{MemArg, Operator};

/// Lowers `op` if it accesses a memory.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    whole(op, f) || parts(op, f) || lanes(op, f)
}

/// Accesses of 16 bytes, and loads of 8 whose lanes are widened.
fn whole(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    use Operator::*;
    match op {
        V128Load { memarg } => access(f, memarg, 16, |f, flags, at, o| f.ins().load(I8X16, flags, at, o)),
        V128Store { memarg } => {
            let (index, value) = f.pop2();
            let (at, offset) = address(f, index, memarg, 16);
            let flags = f.env.access.heap;
            f.ins().store(flags, value, at, offset);
        }
        V128Load8x8S { memarg } => widened(f, memarg, |f, flags, at, o| f.ins().sload8x8(flags, at, o)),
        V128Load8x8U { memarg } => widened(f, memarg, |f, flags, at, o| f.ins().uload8x8(flags, at, o)),
        V128Load16x4S { memarg } => widened(f, memarg, |f, flags, at, o| f.ins().sload16x4(flags, at, o)),
        V128Load16x4U { memarg } => widened(f, memarg, |f, flags, at, o| f.ins().uload16x4(flags, at, o)),
        V128Load32x2S { memarg } => widened(f, memarg, |f, flags, at, o| f.ins().sload32x2(flags, at, o)),
        V128Load32x2U { memarg } => widened(f, memarg, |f, flags, at, o| f.ins().uload32x2(flags, at, o)),
        _ => return false,
    }
    true
}

fn widened<'a>(
    f: &mut Lowering<'a>,
    memarg: &MemArg,
    make: impl FnOnce(&mut Lowering<'a>, MemFlagsData, Value, i32) -> Value,
) {
    access(f, memarg, 8, |f, flags, at, offset| {
        let value = make(f, flags, at, offset);
        f.cast(value, I8X16)
    });
}

/// Loads of a lane: into every lane, or into the first with the others zero.
fn parts(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    use Operator::*;
    let (memarg, ty, all) = match op {
        V128Load8Splat { memarg } => (memarg, I8X16, true),
        V128Load16Splat { memarg } => (memarg, I16X8, true),
        V128Load32Splat { memarg } => (memarg, F32X4, true),
        V128Load64Splat { memarg } => (memarg, F64X2, true),
        V128Load32Zero { memarg } => (memarg, F32X4, false),
        V128Load64Zero { memarg } => (memarg, F64X2, false),
        _ => return false,
    };
    access(f, memarg, ty.lane_type().bytes(), |f, flags, at, offset| {
        let lane = f.ins().load(ty.lane_type(), flags, at, offset);
        let value = if all { f.ins().splat(ty, lane) } else { f.ins().scalar_to_vector(ty, lane) };
        f.cast(value, I8X16)
    });
    true
}

/// Loads and stores of one lane of a vector that is there.
fn lanes(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    use Operator::*;
    match *op {
        V128Load8Lane { ref memarg, lane } => load_lane(f, memarg, I8X16, lane),
        V128Load16Lane { ref memarg, lane } => load_lane(f, memarg, I16X8, lane),
        V128Load32Lane { ref memarg, lane } => load_lane(f, memarg, I32X4, lane),
        V128Load64Lane { ref memarg, lane } => load_lane(f, memarg, I64X2, lane),
        V128Store8Lane { ref memarg, lane } => store_lane(f, memarg, I8X16, lane),
        V128Store16Lane { ref memarg, lane } => store_lane(f, memarg, I16X8, lane),
        V128Store32Lane { ref memarg, lane } => store_lane(f, memarg, I32X4, lane),
        V128Store64Lane { ref memarg, lane } => store_lane(f, memarg, I64X2, lane),
        _ => return false,
    }
    true
}

fn load_lane(f: &mut Lowering<'_>, memarg: &MemArg, ty: Type, lane: u8) {
    let vector = f.pop_vector(ty);
    access(f, memarg, ty.lane_type().bytes(), |f, flags, at, offset| {
        let value = f.ins().load(ty.lane_type(), flags, at, offset);
        let value = f.ins().insertlane(vector, value, lane);
        f.cast(value, I8X16)
    });
}

fn store_lane(f: &mut Lowering<'_>, memarg: &MemArg, ty: Type, lane: u8) {
    let vector = f.pop_vector(ty);
    let index = f.pop();
    let (at, offset) = address(f, index, memarg, ty.lane_type().bytes());
    let value = f.ins().extractlane(vector, lane);
    let flags = f.env.access.heap;
    f.ins().store(flags, value, at, offset);
}
