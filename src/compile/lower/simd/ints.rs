//! Arithmetic on lanes that are integers, and on vectors as bits. Nothing here traps.

use super::super::Lowering;
use cranelift_codegen::ir::types::{I8X16, I16X8};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value};
use wasmparser::Operator;

/// Lowers `op` if it computes with integers.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    if let Some((ty, opcode)) = arithmetic(op).or_else(|| saturating(op)) {
        f.vector_binary(ty, opcode);
    } else if let Some((ty, opcode)) = unary(op) {
        f.vector_unary(ty, opcode);
    } else if let Some((ty, opcode)) = shift(op) {
        // Cranelift takes shift amounts modulo the lanes' width, as WebAssembly does.
        let amount = f.pop();
        let x = f.pop_vector(ty);
        let value = f.apply2(opcode, ty, x, amount);
        f.push_vector(value);
    } else if let Some((ty, widen)) = extended_product(op) {
        let (x, y) = f.pop_vectors(ty);
        let (x, y) = (f.apply(widen, ty, x), f.apply(widen, ty, y));
        let value = f.ins().imul(x, y);
        f.push_vector(value);
    } else {
        return pairwise(op, f);
    }
    true
}

fn arithmetic(op: &Operator<'_>) -> Option<(Type, Opcode)> {
    rows! { op, Opcode;
        I8X16 {
            V128And => Band, V128Or => Bor, V128Xor => Bxor,
            I8x16Add => Iadd, I8x16Sub => Isub,
            I8x16MinS => Smin, I8x16MinU => Umin, I8x16MaxS => Smax, I8x16MaxU => Umax,
            I8x16AvgrU => AvgRound,
        }
        I16X8 {
            I16x8Add => Iadd, I16x8Sub => Isub, I16x8Mul => Imul,
            I16x8MinS => Smin, I16x8MinU => Umin, I16x8MaxS => Smax, I16x8MaxU => Umax,
            I16x8AvgrU => AvgRound,
        }
        I32X4 {
            I32x4Add => Iadd, I32x4Sub => Isub, I32x4Mul => Imul,
            I32x4MinS => Smin, I32x4MinU => Umin, I32x4MaxS => Smax, I32x4MaxU => Umax,
        }
        I64X2 { I64x2Add => Iadd, I64x2Sub => Isub, I64x2Mul => Imul }
    }
}

fn saturating(op: &Operator<'_>) -> Option<(Type, Opcode)> {
    rows! { op, Opcode;
        I8X16 {
            I8x16AddSatS => SaddSat, I8x16AddSatU => UaddSat,
            I8x16SubSatS => SsubSat, I8x16SubSatU => UsubSat,
        }
        I16X8 {
            I16x8AddSatS => SaddSat, I16x8AddSatU => UaddSat,
            I16x8SubSatS => SsubSat, I16x8SubSatU => UsubSat,
            I16x8Q15MulrSatS => SqmulRoundSat,
            I8x16NarrowI16x8S => Snarrow, I8x16NarrowI16x8U => Unarrow,
        }
        I32X4 { I16x8NarrowI32x4S => Snarrow, I16x8NarrowI32x4U => Unarrow }
    }
}

fn unary(op: &Operator<'_>) -> Option<(Type, Opcode)> {
    rows! { op, Opcode;
        I8X16 {
            V128Not => Bnot, I8x16Abs => Iabs, I8x16Neg => Ineg, I8x16Popcnt => Popcnt,
            I16x8ExtendLowI8x16S => SwidenLow, I16x8ExtendHighI8x16S => SwidenHigh,
            I16x8ExtendLowI8x16U => UwidenLow, I16x8ExtendHighI8x16U => UwidenHigh,
        }
        I16X8 {
            I16x8Abs => Iabs, I16x8Neg => Ineg,
            I32x4ExtendLowI16x8S => SwidenLow, I32x4ExtendHighI16x8S => SwidenHigh,
            I32x4ExtendLowI16x8U => UwidenLow, I32x4ExtendHighI16x8U => UwidenHigh,
        }
        I32X4 {
            I32x4Abs => Iabs, I32x4Neg => Ineg,
            I64x2ExtendLowI32x4S => SwidenLow, I64x2ExtendHighI32x4S => SwidenHigh,
            I64x2ExtendLowI32x4U => UwidenLow, I64x2ExtendHighI32x4U => UwidenHigh,
        }
        I64X2 { I64x2Abs => Iabs, I64x2Neg => Ineg }
    }
}

fn shift(op: &Operator<'_>) -> Option<(Type, Opcode)> {
    rows! { op, Opcode;
        I8X16 { I8x16Shl => Ishl, I8x16ShrS => Sshr, I8x16ShrU => Ushr }
        I16X8 { I16x8Shl => Ishl, I16x8ShrS => Sshr, I16x8ShrU => Ushr }
        I32X4 { I32x4Shl => Ishl, I32x4ShrS => Sshr, I32x4ShrU => Ushr }
        I64X2 { I64x2Shl => Ishl, I64x2ShrS => Sshr, I64x2ShrU => Ushr }
    }
}

/// Products of one half of the lanes, twice as wide: how the operands are widened.
fn extended_product(op: &Operator<'_>) -> Option<(Type, Opcode)> {
    rows! { op, Opcode;
        I8X16 {
            I16x8ExtMulLowI8x16S => SwidenLow, I16x8ExtMulHighI8x16S => SwidenHigh,
            I16x8ExtMulLowI8x16U => UwidenLow, I16x8ExtMulHighI8x16U => UwidenHigh,
        }
        I16X8 {
            I32x4ExtMulLowI16x8S => SwidenLow, I32x4ExtMulHighI16x8S => SwidenHigh,
            I32x4ExtMulLowI16x8U => UwidenLow, I32x4ExtMulHighI16x8U => UwidenHigh,
        }
        I32X4 {
            I64x2ExtMulLowI32x4S => SwidenLow, I64x2ExtMulHighI32x4S => SwidenHigh,
            I64x2ExtMulLowI32x4U => UwidenLow, I64x2ExtMulHighI32x4U => UwidenHigh,
        }
    }
}

/// Sums of neighbouring lanes, twice as wide, and of neighbouring products.
fn pairwise(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let value = match op {
        Operator::I16x8ExtAddPairwiseI8x16S | Operator::I32x4ExtAddPairwiseI16x8S => {
            let ty = if matches!(op, Operator::I16x8ExtAddPairwiseI8x16S) { I8X16 } else { I16X8 };
            let x = f.pop_vector(ty);
            sum_of_neighbours(f, x)
        }
        Operator::I16x8ExtAddPairwiseI8x16U | Operator::I32x4ExtAddPairwiseI16x8U => {
            let ty = if matches!(op, Operator::I16x8ExtAddPairwiseI8x16U) { I8X16 } else { I16X8 };
            let x = f.pop_vector(ty);
            let (low, high) = (f.ins().uwiden_low(x), f.ins().uwiden_high(x));
            f.ins().iadd_pairwise(low, high)
        }
        Operator::I32x4DotI16x8S => {
            let (x, y) = f.pop_vectors(I16X8);
            dot(f, x, y)
        }
        _ => return false,
    };
    f.push_vector(value);
    true
}

/// The signed lanes of `x`, each pair of neighbours added to a lane that is twice as wide.
pub(super) fn sum_of_neighbours(f: &mut Lowering<'_>, x: Value) -> Value {
    let (low, high) = (f.ins().swiden_low(x), f.ins().swiden_high(x));
    f.ins().iadd_pairwise(low, high)
}

/// The products of signed lanes, twice as wide, each pair of neighbours added.
pub(super) fn dot(f: &mut Lowering<'_>, x: Value, y: Value) -> Value {
    let (x_low, y_low) = (f.ins().swiden_low(x), f.ins().swiden_low(y));
    let low = f.ins().imul(x_low, y_low);
    let (x_high, y_high) = (f.ins().swiden_high(x), f.ins().swiden_high(y));
    let high = f.ins().imul(x_high, y_high);
    f.ins().iadd_pairwise(low, high)
}
