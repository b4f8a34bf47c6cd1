//! Operators whose results the specification leaves open within limits. Deterministic, each gives what the
//! specification's deterministic profile says, on every machine; else what this processor gives soonest.

use super::super::Lowering;
use super::convert::{signed_low, unsigned_low};
use super::floats::{pseudo_max, pseudo_min};
use super::ints::{dot, sum_of_neighbours};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::Operator::{self, *};

/// Lowers `op` if it is a relaxed one.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    truncation(op, f) || ternary(op, f) || binary(op, f)
}

fn truncation(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let value = match op {
        I32x4RelaxedTruncF32x4S => {
            let x = f.pop_vector(F32X4);
            to_signed(f, I32X4, x)
        }
        I32x4RelaxedTruncF64x2SZero => {
            let x = f.pop_vector(F64X2);
            let wide = to_signed(f, I64X2, x);
            signed_low(f, wide)
        }
        // The processor has nothing that is quicker than saturation.
        I32x4RelaxedTruncF32x4U => {
            let x = f.pop_vector(F32X4);
            f.ins().fcvt_to_uint_sat(I32X4, x)
        }
        I32x4RelaxedTruncF64x2UZero => {
            let x = f.pop_vector(F64X2);
            unsigned_low(f, x)
        }
        _ => return false,
    };
    f.push_vector(value);
    true
}

fn to_signed(f: &mut Lowering<'_>, ty: Type, x: Value) -> Value {
    if f.relaxed.deterministic { f.ins().fcvt_to_sint_sat(ty, x) } else { f.ins().x86_cvtt2dq(ty, x) }
}

fn ternary(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match op {
        F32x4RelaxedMadd => multiply_add(f, F32X4, false),
        F64x2RelaxedMadd => multiply_add(f, F64X2, false),
        F32x4RelaxedNmadd => multiply_add(f, F32X4, true),
        F64x2RelaxedNmadd => multiply_add(f, F64X2, true),
        I8x16RelaxedLaneselect => select(f, I8X16),
        I16x8RelaxedLaneselect => select(f, I16X8),
        I32x4RelaxedLaneselect => select(f, I32X4),
        I64x2RelaxedLaneselect => select(f, I64X2),
        I32x4RelaxedDotI8x16I7x16AddS => {
            let sum = f.pop_vector(I32X4);
            let products = narrow_dot(f);
            let products = sum_of_neighbours(f, products);
            let value = f.ins().iadd(products, sum);
            f.push_vector(value);
        }
        _ => return false,
    }
    true
}

/// `±x * y + z`, rounded once. Deterministic or not: a machine that has the instruction loses nothing by it, and on
/// one that lacks it only the other form, which rounds twice, is quick.
fn multiply_add(f: &mut Lowering<'_>, ty: Type, negated: bool) {
    let z = f.pop_vector(ty);
    let (x, y) = f.pop_vectors(ty);
    let x = if negated { f.ins().fneg(x) } else { x };
    let value = if f.relaxed.deterministic || f.relaxed.native_fma {
        f.ins().fma(x, y, z)
    } else {
        let product = f.ins().fmul(x, y);
        f.ins().fadd(product, z)
    };
    f.push_vector(value);
}

/// Lanes of two vectors, chosen bit by bit, or lane by lane by the highest bit of each lane of the mask.
fn select(f: &mut Lowering<'_>, ty: Type) {
    let mask = f.pop_vector(ty);
    let (x, y) = f.pop_vectors(ty);
    // The processor chooses no lanes of 16 bits by one bit each.
    let bits = f.relaxed.deterministic || ty == I16X8;
    let value = if bits { f.ins().bitselect(mask, x, y) } else { f.ins().blendv(mask, x, y) };
    f.push_vector(value);
}

fn binary(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let value = match op {
        I8x16RelaxedSwizzle => {
            let (x, indices) = f.pop2();
            if f.relaxed.deterministic { f.ins().swizzle(x, indices) } else { f.ins().x86_pshufb(x, indices) }
        }
        F32x4RelaxedMin => minimum(f, F32X4),
        F64x2RelaxedMin => minimum(f, F64X2),
        F32x4RelaxedMax => maximum(f, F32X4),
        F64x2RelaxedMax => maximum(f, F64X2),
        I16x8RelaxedQ15mulrS => {
            let (x, y) = f.pop_vectors(I16X8);
            if f.relaxed.deterministic { f.ins().sqmul_round_sat(x, y) } else { f.ins().x86_pmulhrsw(x, y) }
        }
        I16x8RelaxedDotI8x16I7x16S => narrow_dot(f),
        _ => return false,
    };
    f.push_vector(value);
    true
}

fn minimum(f: &mut Lowering<'_>, ty: Type) -> Value {
    let (x, y) = f.pop_vectors(ty);
    if f.relaxed.deterministic { f.ins().fmin(x, y) } else { pseudo_min(f, x, y) }
}

fn maximum(f: &mut Lowering<'_>, ty: Type) -> Value {
    let (x, y) = f.pop_vectors(ty);
    if f.relaxed.deterministic { f.ins().fmax(x, y) } else { pseudo_max(f, x, y) }
}

/// Takes two vectors of bytes and gives the products of their lanes, each pair of neighbours added to a lane of 16
/// bits. Deterministic, all bytes are signed and a sum that does not fit saturates: the sums are made in 32 bits.
fn narrow_dot(f: &mut Lowering<'_>) -> Value {
    let (x, y) = f.pop_vectors(I8X16);
    if !f.relaxed.deterministic {
        return f.ins().x86_pmaddubsw(x, y);
    }
    let (x_low, y_low) = (f.ins().swiden_low(x), f.ins().swiden_low(y));
    let low = dot(f, x_low, y_low);
    let (x_high, y_high) = (f.ins().swiden_high(x), f.ins().swiden_high(y));
    let high = dot(f, x_high, y_high);
    f.ins().snarrow(low, high)
}
