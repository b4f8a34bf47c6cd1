//! Constants, lanes taken out and put in, and vectors put together of lanes of others.

use super::super::Lowering;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::Operator::{self, *};

/// Lowers `op` if it moves lanes.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    if let Some(ty) = splat(op) {
        let x = f.pop();
        let lane = to_lane(f, x, ty);
        let value = f.ins().splat(ty, lane);
        f.push_vector(value);
    } else if let Some((ty, lane)) = replaced(op) {
        let x = f.pop();
        let lane_value = to_lane(f, x, ty);
        let vector = f.pop_vector(ty);
        let value = f.ins().insertlane(vector, lane_value, lane);
        f.push_vector(value);
    } else if let Some((ty, lane)) = extracted(op) {
        let vector = f.pop_vector(ty);
        let value = f.ins().extractlane(vector, lane);
        let value = match op {
            I8x16ExtractLaneS { .. } | I16x8ExtractLaneS { .. } => f.ins().sextend(I32, value),
            I8x16ExtractLaneU { .. } | I16x8ExtractLaneU { .. } => f.ins().uextend(I32, value),
            _ => value,
        };
        f.push(value);
    } else {
        return bytes(op, f);
    }
    true
}

fn splat(op: &Operator<'_>) -> Option<Type> {
    Some(match op {
        I8x16Splat => I8X16,
        I16x8Splat => I16X8,
        I32x4Splat => I32X4,
        I64x2Splat => I64X2,
        F32x4Splat => F32X4,
        F64x2Splat => F64X2,
        _ => return None,
    })
}

fn replaced(op: &Operator<'_>) -> Option<(Type, u8)> {
    Some(match *op {
        I8x16ReplaceLane { lane } => (I8X16, lane),
        I16x8ReplaceLane { lane } => (I16X8, lane),
        I32x4ReplaceLane { lane } => (I32X4, lane),
        I64x2ReplaceLane { lane } => (I64X2, lane),
        F32x4ReplaceLane { lane } => (F32X4, lane),
        F64x2ReplaceLane { lane } => (F64X2, lane),
        _ => return None,
    })
}

fn extracted(op: &Operator<'_>) -> Option<(Type, u8)> {
    Some(match *op {
        I8x16ExtractLaneS { lane } | I8x16ExtractLaneU { lane } => (I8X16, lane),
        I16x8ExtractLaneS { lane } | I16x8ExtractLaneU { lane } => (I16X8, lane),
        I32x4ExtractLane { lane } => (I32X4, lane),
        I64x2ExtractLane { lane } => (I64X2, lane),
        F32x4ExtractLane { lane } => (F32X4, lane),
        F64x2ExtractLane { lane } => (F64X2, lane),
        _ => return None,
    })
}

/// A scalar operand as a lane of a vector of type `ty`: of what is too wide, the low bits.
fn to_lane(f: &mut Lowering<'_>, x: Value, ty: Type) -> Value {
    let lane = ty.lane_type();
    if f.builder.func.dfg.value_type(x) == lane { x } else { f.ins().ireduce(lane, x) }
}

/// Constants and choices, byte by byte or bit by bit.
fn bytes(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let value = match op {
        V128Const { value } => f.vector_const(I8X16, value.bytes()),
        I8x16Shuffle { lanes } => {
            let (x, y) = f.pop2();
            let lanes = f.builder.func.dfg.immediates.push(lanes.as_slice().into());
            f.ins().shuffle(x, y, lanes)
        }
        I8x16Swizzle => {
            let (x, indices) = f.pop2();
            f.ins().swizzle(x, indices)
        }
        V128AndNot => {
            let (x, y) = f.pop2();
            f.ins().band_not(x, y)
        }
        V128Bitselect => {
            let (x, y, mask) = f.pop3();
            f.ins().bitselect(mask, x, y)
        }
        _ => return false,
    };
    f.push_vector(value);
    true
}
