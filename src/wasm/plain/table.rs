//! What operators of plain bodies take and give, by opcode.

use latier_runtime::types::{RefType, ValType};

/// A type's code. As an operand's, `NONE` is any type; as a label's or an operator's, it is no operand.
pub(super) type Code = u8;
pub(super) const NONE: Code = 0;
pub(super) const I32: Code = 1;
pub(super) const I64: Code = 2;
pub(super) const F32: Code = 3;
pub(super) const F64: Code = 4;
pub(super) const V128: Code = 5;
/// `exnref`.
pub(super) const EXN: Code = 6;

/// The code of a type that values of plain bodies have.
#[inline]
pub(super) fn code(ty: ValType) -> Option<Code> {
    Some(match ty {
        ValType::I32 => I32,
        ValType::I64 => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        ValType::V128 => V128,
        ValType::Ref(RefType::EXNREF) => EXN,
        ValType::Ref(_) => return None,
    })
}

/// The code of a type as it stands in a body.
#[inline]
pub(super) fn parsed(byte: u8) -> Option<Code> {
    Some(match byte {
        0x7f => I32,
        0x7e => I64,
        0x7d => F32,
        0x7c => F64,
        0x7b => V128,
        0x69 => EXN,
        _ => return None,
    })
}

/// What an operator without immediates takes, deepest first, and gives.
#[derive(Clone, Copy)]
pub(super) struct Signature {
    pub(super) first: Code,
    pub(super) second: Code,
    pub(super) result: Code,
}

pub(super) const fn unary(from: Code, result: Code) -> Signature {
    Signature { first: NONE, second: from, result }
}

const fn binary(of: Code, result: Code) -> Signature {
    Signature { first: of, second: of, result }
}

pub(super) const FIRST_NUMERIC: u8 = 0x45;
pub(super) const LAST_NUMERIC: u8 = 0xc4;

const fn numeric(opcode: u8) -> Signature {
    match opcode {
        0x45 | 0x67..=0x69 | 0xc0 | 0xc1 => unary(I32, I32),
        0x46..=0x4f | 0x6a..=0x78 => binary(I32, I32),
        0x50 | 0xa7 => unary(I64, I32),
        0x51..=0x5a => binary(I64, I32),
        0x5b..=0x60 => binary(F32, I32),
        0x61..=0x66 => binary(F64, I32),
        0x79..=0x7b | 0xc2..=0xc4 => unary(I64, I64),
        0x7c..=0x8a => binary(I64, I64),
        0x8b..=0x91 => unary(F32, F32),
        0x92..=0x98 => binary(F32, F32),
        0x99..=0x9f => unary(F64, F64),
        0xa0..=0xa6 => binary(F64, F64),
        0xa8 | 0xa9 | 0xbc => unary(F32, I32),
        0xaa | 0xab => unary(F64, I32),
        0xac | 0xad => unary(I32, I64),
        0xae | 0xaf => unary(F32, I64),
        0xb0 | 0xb1 | 0xbd => unary(F64, I64),
        0xb2 | 0xb3 | 0xbe => unary(I32, F32),
        0xb4 | 0xb5 => unary(I64, F32),
        0xb6 => unary(F64, F32),
        0xb7 | 0xb8 => unary(I32, F64),
        0xb9 | 0xba | 0xbf => unary(I64, F64),
        0xbb => unary(F32, F64),
        _ => panic!("no numeric operator"),
    }
}

/// By opcode less the first.
pub(super) static NUMERIC: [Signature; (LAST_NUMERIC - FIRST_NUMERIC) as usize + 1] = {
    let mut table = [unary(NONE, NONE); (LAST_NUMERIC - FIRST_NUMERIC) as usize + 1];
    let mut n = 0;
    while n < table.len() {
        table[n] = numeric(FIRST_NUMERIC + n as u8);
        n += 1;
    }
    table
};

pub(super) const FIRST_ACCESS: u8 = 0x28;
pub(super) const FIRST_STORE: u8 = 0x36;

/// The type that loads and stores access, and the logarithm of how many bytes, by opcode less the first.
pub(super) static ACCESSES: [(Code, u8); 23] = [
    (I32, 2),
    (I64, 3),
    (F32, 2),
    (F64, 3),
    (I32, 0),
    (I32, 0),
    (I32, 1),
    (I32, 1),
    (I64, 0),
    (I64, 0),
    (I64, 1),
    (I64, 1),
    (I64, 2),
    (I64, 2),
    (I32, 2),
    (I64, 3),
    (F32, 2),
    (F64, 3),
    (I32, 0),
    (I32, 1),
    (I64, 0),
    (I64, 1),
    (I64, 2),
];
