//! Comparisons: lane by lane to masks, and of whole vectors to numbers.

use super::super::Lowering;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{I8X16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::Operator;

/// Lowers `op` if it compares or tests.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    if let Some((ty, condition)) = ints(op) {
        let (x, y) = f.pop_vectors(ty);
        let mask = f.ins().icmp(condition, x, y);
        f.push_vector(mask);
    } else if let Some((ty, condition)) = floats(op) {
        let (x, y) = f.pop_vectors(ty);
        let mask = f.ins().fcmp(condition, x, y);
        f.push_vector(mask);
    } else {
        return whole(op, f);
    }
    true
}

fn ints(op: &Operator<'_>) -> Option<(Type, IntCC)> {
    rows! { op, IntCC;
        I8X16 {
            I8x16Eq => Equal, I8x16Ne => NotEqual,
            I8x16LtS => SignedLessThan, I8x16LtU => UnsignedLessThan,
            I8x16GtS => SignedGreaterThan, I8x16GtU => UnsignedGreaterThan,
            I8x16LeS => SignedLessThanOrEqual, I8x16LeU => UnsignedLessThanOrEqual,
            I8x16GeS => SignedGreaterThanOrEqual, I8x16GeU => UnsignedGreaterThanOrEqual,
        }
        I16X8 {
            I16x8Eq => Equal, I16x8Ne => NotEqual,
            I16x8LtS => SignedLessThan, I16x8LtU => UnsignedLessThan,
            I16x8GtS => SignedGreaterThan, I16x8GtU => UnsignedGreaterThan,
            I16x8LeS => SignedLessThanOrEqual, I16x8LeU => UnsignedLessThanOrEqual,
            I16x8GeS => SignedGreaterThanOrEqual, I16x8GeU => UnsignedGreaterThanOrEqual,
        }
        I32X4 {
            I32x4Eq => Equal, I32x4Ne => NotEqual,
            I32x4LtS => SignedLessThan, I32x4LtU => UnsignedLessThan,
            I32x4GtS => SignedGreaterThan, I32x4GtU => UnsignedGreaterThan,
            I32x4LeS => SignedLessThanOrEqual, I32x4LeU => UnsignedLessThanOrEqual,
            I32x4GeS => SignedGreaterThanOrEqual, I32x4GeU => UnsignedGreaterThanOrEqual,
        }
        I64X2 {
            I64x2Eq => Equal, I64x2Ne => NotEqual,
            I64x2LtS => SignedLessThan, I64x2GtS => SignedGreaterThan,
            I64x2LeS => SignedLessThanOrEqual, I64x2GeS => SignedGreaterThanOrEqual,
        }
    }
}

fn floats(op: &Operator<'_>) -> Option<(Type, FloatCC)> {
    rows! { op, FloatCC;
        F32X4 {
            F32x4Eq => Equal, F32x4Ne => NotEqual, F32x4Lt => LessThan, F32x4Gt => GreaterThan,
            F32x4Le => LessThanOrEqual, F32x4Ge => GreaterThanOrEqual,
        }
        F64X2 {
            F64x2Eq => Equal, F64x2Ne => NotEqual, F64x2Lt => LessThan, F64x2Gt => GreaterThan,
            F64x2Le => LessThanOrEqual, F64x2Ge => GreaterThanOrEqual,
        }
    }
}

/// Tests of whole vectors.
fn whole(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let value = match op {
        Operator::V128AnyTrue => {
            let x = f.pop();
            let any = f.ins().vany_true(x);
            f.ins().uextend(I32, any)
        }
        Operator::I8x16AllTrue => return all_true(f, I8X16),
        Operator::I16x8AllTrue => return all_true(f, I16X8),
        Operator::I32x4AllTrue => return all_true(f, I32X4),
        Operator::I64x2AllTrue => return all_true(f, I64X2),
        Operator::I8x16Bitmask => return bitmask(f, I8X16),
        Operator::I16x8Bitmask => return bitmask(f, I16X8),
        Operator::I32x4Bitmask => return bitmask(f, I32X4),
        Operator::I64x2Bitmask => return bitmask(f, I64X2),
        _ => return false,
    };
    f.push(value);
    true
}

fn all_true(f: &mut Lowering<'_>, ty: Type) -> bool {
    let x = f.pop_vector(ty);
    let all = f.ins().vall_true(x);
    let value = f.ins().uextend(I32, all);
    f.push(value);
    true
}

fn bitmask(f: &mut Lowering<'_>, ty: Type) -> bool {
    let x = f.pop_vector(ty);
    let value = f.ins().vhigh_bits(I32, x);
    f.push(value);
    true
}
