//! The forms an operator comes in: where its operands are and where it goes on.

use cranelift_codegen::ir::{Type, types};
use serde::{Deserialize, Serialize};

/// The type of a value, as far as machine code is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub(super) enum Ty {
    I32,
    /// References too.
    I64,
    F32,
    F64,
    V128,
}

impl Ty {
    #[inline]
    pub(super) fn of_parsed(ty: wasmparser::ValType) -> Ty {
        match ty {
            wasmparser::ValType::I32 => Ty::I32,
            wasmparser::ValType::I64 | wasmparser::ValType::Ref(_) => Ty::I64,
            wasmparser::ValType::F32 => Ty::F32,
            wasmparser::ValType::F64 => Ty::F64,
            wasmparser::ValType::V128 => Ty::V128,
        }
    }

    #[inline]
    pub(super) fn of(ty: latier_runtime::types::ValType) -> Ty {
        Ty::of_clif(crate::compile::signature::value_type(ty))
    }

    #[inline]
    pub(super) fn of_clif(ty: Type) -> Ty {
        match ty {
            types::I32 => Ty::I32,
            types::I64 => Ty::I64,
            types::F32 => Ty::F32,
            types::F64 => Ty::F64,
            _ => Ty::V128,
        }
    }

    pub(super) fn clif(self) -> Type {
        match self {
            Ty::I32 => types::I32,
            Ty::I64 => types::I64,
            Ty::F32 => types::F32,
            Ty::F64 => types::F64,
            Ty::V128 => types::I8X16,
        }
    }

    /// Whether it stands in float registers.
    #[inline]
    pub(super) fn is_float(self) -> bool {
        matches!(self, Ty::F32 | Ty::F64 | Ty::V128)
    }

    /// How many words of the frame it takes.
    #[inline]
    pub(super) fn words(self) -> u32 {
        if self == Ty::V128 { 2 } else { 1 }
    }
}

/// Where an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Class {
    /// In the register of its place on the operand stack.
    Register,
    /// In the frame.
    Memory,
    /// In the code.
    Constant,
}

/// How an operator goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Exit {
    /// Its results are operands.
    Next,
    /// It branches if its result is not 0.
    BranchIf,
    /// It branches if its result is 0.
    BranchUnless,
}

impl Exit {
    /// A branch on the contrary, if the count is odd.
    #[inline]
    pub(super) fn negated(self, count: usize) -> Exit {
        match self {
            Exit::BranchIf if count % 2 == 1 => Exit::BranchUnless,
            Exit::BranchUnless if count % 2 == 1 => Exit::BranchIf,
            same => same,
        }
    }
}

/// One form of an operator. The register of the n-th operand is that of rotation + n; the result's is that of the
/// first operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub(super) rotation: u8,
    pub(super) classes: [Class; 3],
    pub(super) exit: Exit,
    /// Whether operands and results are all in the frame, whatever the classes say.
    pub(super) frame: bool,
}

impl Form {
    /// Operands and results in the frame.
    pub(super) const FRAME: Form =
        Form { rotation: 0, classes: [Class::Memory; 3], exit: Exit::Next, frame: true };

    /// How many forms an operator with so many operands has.
    pub(super) fn count(params: usize) -> usize {
        if params > 3 { 1 } else { 1 + 3 * 3 * 3usize.pow(params as u32) }
    }

    /// Its number among the forms of an operator with so many operands.
    #[inline]
    pub(super) fn number(self, params: usize) -> usize {
        if self.frame {
            return 0;
        }
        let number = FormNumber::new(self.exit, self.rotation);
        self.classes[..params].iter().fold(number, |number, class| number.operand(*class)).get()
    }

    pub(super) fn class(self, n: usize) -> Class {
        if self.frame { Class::Memory } else { self.classes[n] }
    }
}

/// The number of a form with operands in registers, while it is found out operand by operand.
#[derive(Clone, Copy)]
pub(super) struct FormNumber(usize);

impl FormNumber {
    #[inline]
    pub(super) fn new(exit: Exit, rotation: u8) -> FormNumber {
        FormNumber(exit as usize * 3 + usize::from(rotation))
    }

    #[inline]
    pub(super) fn operand(self, class: Class) -> FormNumber {
        FormNumber(self.0 * 3 + class as usize)
    }

    #[inline]
    pub(super) fn get(self) -> usize {
        // The form in the frame is number 0.
        1 + self.0
    }
}
