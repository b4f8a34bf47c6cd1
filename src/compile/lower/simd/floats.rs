//! Arithmetic on lanes that are floats. NaNs are as the processor makes them.

use super::super::Lowering;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32X4, F64X2};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value};
use wasmparser::Operator;

/// Lowers `op` if it computes with floats.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    if let Some((ty, opcode)) = binary(op) {
        f.vector_binary(ty, opcode);
    } else if let Some((ty, opcode)) = unary(op) {
        f.vector_unary(ty, opcode);
    } else {
        let (ty, choose): (_, fn(&mut Lowering<'_>, Value, Value) -> Value) = match op {
            Operator::F32x4PMin => (F32X4, pseudo_min),
            Operator::F64x2PMin => (F64X2, pseudo_min),
            Operator::F32x4PMax => (F32X4, pseudo_max),
            Operator::F64x2PMax => (F64X2, pseudo_max),
            _ => return false,
        };
        let (x, y) = f.pop_vectors(ty);
        let value = choose(f, x, y);
        f.push_vector(value);
    }
    true
}

fn binary(op: &Operator<'_>) -> Option<(Type, Opcode)> {
    rows! { op, Opcode;
        F32X4 {
            F32x4Add => Fadd, F32x4Sub => Fsub, F32x4Mul => Fmul, F32x4Div => Fdiv,
            F32x4Min => Fmin, F32x4Max => Fmax,
        }
        F64X2 {
            F64x2Add => Fadd, F64x2Sub => Fsub, F64x2Mul => Fmul, F64x2Div => Fdiv,
            F64x2Min => Fmin, F64x2Max => Fmax,
        }
    }
}

fn unary(op: &Operator<'_>) -> Option<(Type, Opcode)> {
    rows! { op, Opcode;
        F32X4 {
            F32x4Abs => Fabs, F32x4Neg => Fneg, F32x4Sqrt => Sqrt,
            F32x4Ceil => Ceil, F32x4Floor => Floor, F32x4Trunc => Trunc, F32x4Nearest => Nearest,
        }
        F64X2 {
            F64x2Abs => Fabs, F64x2Neg => Fneg, F64x2Sqrt => Sqrt,
            F64x2Ceil => Ceil, F64x2Floor => Floor, F64x2Trunc => Trunc, F64x2Nearest => Nearest,
        }
    }
}

/// `y < x ? y : x`, by which NaNs and zeros of either sign are `x`. The processor has an instruction for just this.
pub(super) fn pseudo_min(f: &mut Lowering<'_>, x: Value, y: Value) -> Value {
    let less = f.ins().fcmp(FloatCC::LessThan, y, x);
    choose(f, less, y, x)
}

/// `x < y ? y : x`.
pub(super) fn pseudo_max(f: &mut Lowering<'_>, x: Value, y: Value) -> Value {
    let less = f.ins().fcmp(FloatCC::LessThan, x, y);
    choose(f, less, y, x)
}

fn choose(f: &mut Lowering<'_>, mask: Value, yes: Value, no: Value) -> Value {
    let ty = f.builder.func.dfg.value_type(yes);
    let mask = f.cast(mask, ty);
    f.ins().bitselect(mask, yes, no)
}
