//! Conversions between lanes of integers and of floats, and between floats of two sizes. What does not fit
//! saturates; nothing traps.

use super::super::Lowering;
use cranelift_codegen::ir::types::{F32X4, F64X2, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

/// Lowers `op` if it converts.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let value = match op {
        Operator::I32x4TruncSatF32x4S => {
            let x = f.pop_vector(F32X4);
            f.ins().fcvt_to_sint_sat(I32X4, x)
        }
        Operator::I32x4TruncSatF32x4U => {
            let x = f.pop_vector(F32X4);
            f.ins().fcvt_to_uint_sat(I32X4, x)
        }
        Operator::I32x4TruncSatF64x2SZero => {
            let x = f.pop_vector(F64X2);
            let wide = f.ins().fcvt_to_sint_sat(I64X2, x);
            signed_low(f, wide)
        }
        Operator::I32x4TruncSatF64x2UZero => {
            let x = f.pop_vector(F64X2);
            unsigned_low(f, x)
        }
        Operator::F32x4ConvertI32x4S => {
            let x = f.pop_vector(I32X4);
            f.ins().fcvt_from_sint(F32X4, x)
        }
        Operator::F32x4ConvertI32x4U => {
            let x = f.pop_vector(I32X4);
            f.ins().fcvt_from_uint(F32X4, x)
        }
        Operator::F64x2ConvertLowI32x4S => {
            let x = f.pop_vector(I32X4);
            let wide = f.ins().swiden_low(x);
            f.ins().fcvt_from_sint(F64X2, wide)
        }
        Operator::F64x2ConvertLowI32x4U => {
            let x = f.pop_vector(I32X4);
            let wide = f.ins().uwiden_low(x);
            f.ins().fcvt_from_uint(F64X2, wide)
        }
        Operator::F32x4DemoteF64x2Zero => {
            let x = f.pop_vector(F64X2);
            f.ins().fvdemote(x)
        }
        Operator::F64x2PromoteLowF32x4 => {
            let x = f.pop_vector(F32X4);
            f.ins().fvpromote_low(x)
        }
        _ => return false,
    };
    f.push_vector(value);
    true
}

/// Two signed lanes of 64 bits as the low lanes of 32, saturated; the high ones are zero.
pub(super) fn signed_low(f: &mut Lowering<'_>, wide: Value) -> Value {
    let zero = f.vector_const(I64X2, &[0; 16]);
    f.ins().snarrow(wide, zero)
}

/// Two floats of 64 bits as unsigned integers in the low lanes of 32, saturated; the high ones are zero.
pub(super) fn unsigned_low(f: &mut Lowering<'_>, x: Value) -> Value {
    let wide = f.ins().fcvt_to_uint_sat(I64X2, x);
    let zero = f.vector_const(I64X2, &[0; 16]);
    f.ins().uunarrow(wide, zero)
}
