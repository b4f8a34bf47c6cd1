//! Operands and locals, and where they are while code is stitched together.

use super::code::{FLOATS, INTS};
use super::form::{Class, Ty};
use super::generate::MAX_OPERANDS;

/// Where an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In the register of its place on the operand stack.
    Register,
    /// At home.
    Frame,
    /// In a local.
    Local(u32),
    /// Nowhere: it is this number, or has these bits.
    Constant(i64),
}

impl At {
    /// How a stencil takes an operand of this type here; `None` if something has to be done to it first.
    #[inline]
    pub(super) fn class(self, ty: Ty) -> Option<Class> {
        match self {
            At::Register => Some(Class::Register),
            At::Frame | At::Local(_) => Some(Class::Memory),
            At::Constant(0) if ty.is_float() => None,
            At::Constant(_) if ty.is_float() => Some(Class::Memory),
            At::Constant(value) => is_short(ty, value).then_some(Class::Constant),
        }
    }
}

/// Whether a constant can stand in an instruction.
#[inline]
pub(super) fn is_short(ty: Ty, value: i64) -> bool {
    ty == Ty::I32 || ty == Ty::I64 && i32::try_from(value).is_ok()
}

/// An operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) at: At,
    pub(super) ty: Ty,
    /// Its register's place in [`super::pass::Pass::holds`].
    pub(super) slot: u8,
    /// How a stencil takes it where it is; `None` if something has to be done to it first.
    pub(super) class: Option<Class>,
    /// Words of the operands below.
    pub(super) word: u32,
}

/// What a register of operands holds. What is popped is still there until something else is put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// This operand; [`NONE`] if it is free.
    pub(super) entry: u32,
    /// The value that this local has now; [`NONE`] if none is known.
    pub(super) local: u32,
}

/// No operand, no local.
pub(super) const NONE: u32 = u32::MAX;

impl Hold {
    pub(super) const NOTHING: Hold = Hold { entry: NONE, local: NONE };
}

/// A local.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) ty: Ty,
    pub(super) displacement: i32,
    /// How many operands are in it.
    pub(super) used: u32,
    /// The register that has its value too; [`NO_REGISTER`] if none has.
    pub(super) register: u8,
    /// While a loop is read ahead: what a register would gain.
    pub(super) gain: i32,
}

/// No register.
pub(super) const NO_REGISTER: u8 = u8::MAX;

/// What stands instead of an access to the frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Other {
    Nothing,
    /// A register of a local.
    Register(u8),
    /// A constant behind the code: the number says which.
    Pool,
}

/// The numbers for a stencil's holes.
pub(super) struct Numbers {
    /// Of operands that are in the frame where, of constants which; from [`MAX_OPERANDS`] on, where results go; at
    /// [`Numbers::OFFSET`] the static offset.
    pub(super) values: [i32; 8],
    others: [Other; 8],
    /// Whether there is anything else.
    pub(super) plain: bool,
}

impl Numbers {
    pub(super) const OFFSET: usize = MAX_OPERANDS + 2;

    #[inline]
    pub(super) fn new(offset: i32) -> Numbers {
        let mut values = [0; 8];
        values[Numbers::OFFSET] = offset;
        Numbers { values, others: [Other::Nothing; 8], plain: true }
    }

    /// Something else stands instead of the access to operand `n`.
    #[inline]
    pub(super) fn set_other(&mut self, n: usize, other: Other) {
        self.others[n] = other;
        self.plain = false;
    }

    #[inline]
    pub(super) fn value(&self, n: u8) -> i32 {
        self.values[usize::from(n)]
    }

    #[inline]
    pub(super) fn other(&self, n: u8) -> Other {
        self.others[usize::from(n)]
    }
}

const _: () = assert!(Numbers::OFFSET < 8);

/// Where registers of operands of this type begin in [`super::pass::Pass::holds`].
#[inline]
pub(super) fn slots(ty: Ty) -> u8 {
    if ty.is_float() { 4 } else { 0 }
}

/// Where in [`super::pass::Pass::holds`] the register is of an operand of this type at this place of the operand stack.
#[inline]
pub(super) fn slot(ty: Ty, place: usize) -> u8 {
    slots(ty) + (place % 3) as u8
}

/// The register with this slot.
#[inline]
pub(super) fn register_of(slot: u8) -> u8 {
    const REGISTERS: [u8; 8] = [INTS[0], INTS[1], INTS[2], 0, FLOATS[0], FLOATS[1], FLOATS[2], 0];
    REGISTERS[usize::from(slot & 7)]
}

/// The register of an operand of this type at this place of the operand stack.
#[inline]
pub(super) fn register(ty: Ty, place: usize) -> u8 {
    register_of(slot(ty, place))
}
