//! Constants, arithmetic, comparisons, conversions, `select` and `drop`. Cranelift's instructions trap by themselves
//! where WebAssembly's do; no memory is touched.

use super::Lowering;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64, I128};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value};
use wasmparser::Operator::{self, *};

/// Lowers `op` if it is numeric.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    constant(op, f)
        || int_binary(op, f)
        || int_compare(op, f)
        || int_unary(op, f)
        || float_binary(op, f)
        || float_compare(op, f)
        || float_unary(op, f)
        || to_int(op, f)
        || to_float(op, f)
        || wide(op, f)
}

fn constant(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let value = match op {
        // Immediates narrower than 64 bits are extended by zeros.
        I32Const { value } => f.ins().iconst(I32, i64::from(value.cast_unsigned())),
        I64Const { value } => f.ins().iconst(I64, *value),
        F32Const { value } => f.ins().f32const(Ieee32::with_bits(value.bits())),
        F64Const { value } => f.ins().f64const(Ieee64::with_bits(value.bits())),
        Select | TypedSelect { .. } => {
            let (x, y, condition) = f.pop3();
            f.ins().select(condition, x, y)
        }
        Drop => {
            f.pop();
            return true;
        }
        Nop => return true,
        _ => return false,
    };
    f.push(value);
    true
}

fn int_binary(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match op {
        I32Add | I64Add => f.binary(|i, x, y| i.iadd(x, y)),
        I32Sub | I64Sub => f.binary(|i, x, y| i.isub(x, y)),
        I32Mul | I64Mul => f.binary(|i, x, y| i.imul(x, y)),
        I32DivS | I64DivS => f.binary(|i, x, y| i.sdiv(x, y)),
        I32DivU | I64DivU => f.binary(|i, x, y| i.udiv(x, y)),
        I32RemS | I64RemS => f.binary(|i, x, y| i.srem(x, y)),
        I32RemU | I64RemU => f.binary(|i, x, y| i.urem(x, y)),
        I32And | I64And => f.binary(|i, x, y| i.band(x, y)),
        I32Or | I64Or => f.binary(|i, x, y| i.bor(x, y)),
        I32Xor | I64Xor => f.binary(|i, x, y| i.bxor(x, y)),
        // Cranelift takes shift amounts modulo the width, as WebAssembly does.
        I32Shl | I64Shl => f.binary(|i, x, y| i.ishl(x, y)),
        I32ShrS | I64ShrS => f.binary(|i, x, y| i.sshr(x, y)),
        I32ShrU | I64ShrU => f.binary(|i, x, y| i.ushr(x, y)),
        I32Rotl | I64Rotl => f.binary(|i, x, y| i.rotl(x, y)),
        I32Rotr | I64Rotr => f.binary(|i, x, y| i.rotr(x, y)),
        _ => return false,
    }
    true
}

fn int_compare(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let condition = match op {
        I32Eqz | I64Eqz => {
            let x = f.pop();
            let is_zero = f.ins().icmp_imm_s(IntCC::Equal, x, 0);
            let value = f.ins().uextend(I32, is_zero);
            f.push(value);
            return true;
        }
        I32Eq | I64Eq => IntCC::Equal,
        I32Ne | I64Ne => IntCC::NotEqual,
        I32LtS | I64LtS => IntCC::SignedLessThan,
        I32LtU | I64LtU => IntCC::UnsignedLessThan,
        I32GtS | I64GtS => IntCC::SignedGreaterThan,
        I32GtU | I64GtU => IntCC::UnsignedGreaterThan,
        I32LeS | I64LeS => IntCC::SignedLessThanOrEqual,
        I32LeU | I64LeU => IntCC::UnsignedLessThanOrEqual,
        I32GeS | I64GeS => IntCC::SignedGreaterThanOrEqual,
        I32GeU | I64GeU => IntCC::UnsignedGreaterThanOrEqual,
        _ => return false,
    };
    let (x, y) = f.pop2();
    let holds = f.ins().icmp(condition, x, y);
    let value = f.ins().uextend(I32, holds);
    f.push(value);
    true
}

fn int_unary(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match op {
        I32Clz | I64Clz => f.unary(|i, x| i.clz(x)),
        I32Ctz | I64Ctz => f.unary(|i, x| i.ctz(x)),
        I32Popcnt | I64Popcnt => f.unary(|i, x| i.popcnt(x)),
        I32WrapI64 => f.unary(|i, x| i.ireduce(I32, x)),
        I64ExtendI32S => f.unary(|i, x| i.sextend(I64, x)),
        I64ExtendI32U => f.unary(|i, x| i.uextend(I64, x)),
        I32Extend8S => extend(f, I8, I32),
        I32Extend16S => extend(f, I16, I32),
        I64Extend8S => extend(f, I8, I64),
        I64Extend16S => extend(f, I16, I64),
        I64Extend32S => extend(f, I32, I64),
        _ => return false,
    }
    true
}

/// The low bits of an operand, sign-extended.
fn extend(f: &mut Lowering<'_>, from: Type, to: Type) {
    f.unary(|i, x| i.ireduce(from, x));
    f.unary(|i, x| i.sextend(to, x));
}

fn float_binary(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match op {
        F32Add | F64Add => f.binary(|i, x, y| i.fadd(x, y)),
        F32Sub | F64Sub => f.binary(|i, x, y| i.fsub(x, y)),
        F32Mul | F64Mul => f.binary(|i, x, y| i.fmul(x, y)),
        F32Div | F64Div => f.binary(|i, x, y| i.fdiv(x, y)),
        F32Min | F64Min => f.binary(|i, x, y| i.fmin(x, y)),
        F32Max | F64Max => f.binary(|i, x, y| i.fmax(x, y)),
        F32Copysign | F64Copysign => f.binary(|i, x, y| i.fcopysign(x, y)),
        _ => return false,
    }
    true
}

fn float_compare(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let condition = match op {
        F32Eq | F64Eq => FloatCC::Equal,
        F32Ne | F64Ne => FloatCC::NotEqual,
        F32Lt | F64Lt => FloatCC::LessThan,
        F32Gt | F64Gt => FloatCC::GreaterThan,
        F32Le | F64Le => FloatCC::LessThanOrEqual,
        F32Ge | F64Ge => FloatCC::GreaterThanOrEqual,
        _ => return false,
    };
    let (x, y) = f.pop2();
    let holds = f.ins().fcmp(condition, x, y);
    let value = f.ins().uextend(I32, holds);
    f.push(value);
    true
}

fn float_unary(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match op {
        F32Abs | F64Abs => f.unary(|i, x| i.fabs(x)),
        F32Neg | F64Neg => f.unary(|i, x| i.fneg(x)),
        F32Sqrt | F64Sqrt => f.unary(|i, x| i.sqrt(x)),
        F32Ceil | F64Ceil => f.unary(|i, x| i.ceil(x)),
        F32Floor | F64Floor => f.unary(|i, x| i.floor(x)),
        F32Trunc | F64Trunc => f.unary(|i, x| i.trunc(x)),
        F32Nearest | F64Nearest => f.unary(|i, x| i.nearest(x)),
        F32DemoteF64 => f.unary(|i, x| i.fdemote(F32, x)),
        F64PromoteF32 => f.unary(|i, x| i.fpromote(F64, x)),
        _ => return false,
    }
    true
}

fn to_int(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match op {
        I32TruncF32S | I32TruncF64S => f.unary(|i, x| i.fcvt_to_sint(I32, x)),
        I32TruncF32U | I32TruncF64U => f.unary(|i, x| i.fcvt_to_uint(I32, x)),
        I64TruncF32S | I64TruncF64S => f.unary(|i, x| i.fcvt_to_sint(I64, x)),
        I64TruncF32U | I64TruncF64U => f.unary(|i, x| i.fcvt_to_uint(I64, x)),
        I32TruncSatF32S | I32TruncSatF64S => f.unary(|i, x| i.fcvt_to_sint_sat(I32, x)),
        I32TruncSatF32U | I32TruncSatF64U => f.unary(|i, x| i.fcvt_to_uint_sat(I32, x)),
        I64TruncSatF32S | I64TruncSatF64S => f.unary(|i, x| i.fcvt_to_sint_sat(I64, x)),
        I64TruncSatF32U | I64TruncSatF64U => f.unary(|i, x| i.fcvt_to_uint_sat(I64, x)),
        I32ReinterpretF32 => f.unary(|i, x| i.bitcast(I32, MemFlagsData::new(), x)),
        I64ReinterpretF64 => f.unary(|i, x| i.bitcast(I64, MemFlagsData::new(), x)),
        _ => return false,
    }
    true
}

fn to_float(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match op {
        F32ConvertI32S | F32ConvertI64S => f.unary(|i, x| i.fcvt_from_sint(F32, x)),
        F32ConvertI32U | F32ConvertI64U => f.unary(|i, x| i.fcvt_from_uint(F32, x)),
        F64ConvertI32S | F64ConvertI64S => f.unary(|i, x| i.fcvt_from_sint(F64, x)),
        F64ConvertI32U | F64ConvertI64U => f.unary(|i, x| i.fcvt_from_uint(F64, x)),
        F32ReinterpretI32 => f.unary(|i, x| i.bitcast(F32, MemFlagsData::new(), x)),
        F64ReinterpretI64 => f.unary(|i, x| i.bitcast(F64, MemFlagsData::new(), x)),
        _ => return false,
    }
    true
}

/// Arithmetic on 128 bits, as two values of 64: the low half first.
fn wide(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let wide = match op {
        I64Add128 | I64Sub128 => {
            let y = pop_wide(f);
            let x = pop_wide(f);
            match op {
                I64Add128 => f.ins().iadd(x, y),
                _ => f.ins().isub(x, y),
            }
        }
        I64MulWideS | I64MulWideU => {
            let (x, y) = f.pop2();
            let extend = |f: &mut Lowering<'_>, half| match op {
                I64MulWideS => f.ins().sextend(I128, half),
                _ => f.ins().uextend(I128, half),
            };
            let (x, y) = (extend(f, x), extend(f, y));
            f.ins().imul(x, y)
        }
        _ => return false,
    };
    let (low, high) = f.ins().isplit(wide);
    f.push(low);
    f.push(high);
    true
}

fn pop_wide(f: &mut Lowering<'_>) -> Value {
    let (low, high) = f.pop2();
    f.ins().iconcat(low, high)
}
