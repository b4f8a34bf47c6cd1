//! Operands and locals, and where they are while code is stitched together.

use super::code::{FLOATS, INTS};
use super::form::{Class, Ty};

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

impl Local {
    /// Where a stencil finds it.
    #[inline]
    pub(super) fn place(&self) -> Place {
        match self.register {
            NO_REGISTER => Place::Frame(self.displacement),
            register => Place::Register(register, self.displacement),
        }
    }
}

/// No register.
pub(super) const NO_REGISTER: u8 = u8::MAX;

/// Where a stencil finds an operand that is in no register of operands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In the frame.
    Frame(i32),
    /// There, and in a register.
    Register(u8, i32),
    /// Among the constants behind the code.
    Pool(u32),
    /// Nowhere: it is this number.
    Constant(i64),
}

impl Place {
    /// The number that it is.
    #[inline]
    pub(super) fn constant(self) -> i64 {
        match self {
            Place::Constant(value) => value,
            _ => unreachable!("the stencil's form says which operands are constants"),
        }
    }
}

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
