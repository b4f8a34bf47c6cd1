//! From Cranelift's machine code for one operator to a stencil: what a stencil is, and which machines have them. How
//! code of a machine is read, its own file says.

mod aarch64;
mod x86_64;

use super::generate::{MAX_OPERANDS, Raw, Request};
use super::instead::Instead;
use super::narrow::Width;
use super::patch::Pieces;
use super::short::Short;
use crate::object::symbol::Symbol;
use cranelift_codegen::isa::OwnedTargetIsa;
use latier_runtime::abi::TrapCode;
use serde::{Deserialize, Serialize};

/// Finds the stencil in code that was made for a request. The symbols are the operator's own, the first number is the
/// placeholder of its static offset, the second is what its constants are less than if they are amounts of a shift.
type Extract = fn(&Raw, &Request<'_>, &[Symbol], Option<u64>, Option<u8>) -> Result<Stencil, String>;

/// What stencils of one kind of machine are made with and made of.
pub(super) struct Machine {
    /// Placeholders of displacements: of the operands, deepest first, then of two results.
    pub(super) displacements: [i32; MAX_OPERANDS + 2],
    /// Constant operands, in two makings that have to agree: the placeholder chooses the encoding.
    pub(super) constants: [[i64; MAX_OPERANDS]; 2],
    pub(super) extract: Extract,
    /// A stencil's code without what is written into it.
    blank: fn(&Stencil) -> Vec<u8>,
}

impl Machine {
    /// The machine that this compiles for.
    ///
    /// # Errors
    /// When its code is not known here.
    pub(super) fn of(isa: &OwnedTargetIsa) -> Result<&'static Machine, String> {
        match isa.name() {
            "x64" => Ok(&x86_64::MACHINE),
            "aarch64" => Ok(&aarch64::MACHINE),
            name => Err(format!("there are no stencils for {name}")),
        }
    }

    /// Whether two stencils of one operator, made with other constants, differ in nothing but these.
    pub(super) fn agree(&self, a: &Stencil, b: &Stencil) -> bool {
        let alike = a.holes == b.holes && a.pool == b.pool && a.pieces.spill == b.pieces.spill;
        alike && (self.blank)(a) == (self.blank)(b)
    }
}

/// What the pass writes at a place of a stencil, or notes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// 32 bits, or 8, or none: where operand n lies in the frame; from [`MAX_OPERANDS`] on, result n.
    Displacement(u8, Access),
    /// 32 bits, or 8: constant operand n.
    Constant(u8, Width),
    /// The low byte of constant operand n, which is less than this.
    Amount(u8, u8),
    /// This less the low byte of constant operand n.
    Complement(u8, u8),
    /// 32 bits, or 8: the access's static offset plus this.
    Offset(u8, Width),
    /// 32 bits: the distance to where the branch goes.
    Taken,
    /// 32 bits: the distance to an instruction that traps.
    Trap(TrapCode),
    /// 32 bits: the distance to the GOT entry of the operator's n-th symbol.
    Symbol(u8),
    /// 32 bits: the distance to byte n of the stencil's constants, from this many bytes behind the place.
    Pool(u16, u8),
    /// The instruction here may trap.
    Site(TrapCode),
    /// A call returns here.
    Call,
}

/// How an access to the frame may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Access {
    pub(super) width: Width,
    pub(super) instead: Instead,
    /// How many bytes behind the place the instruction ends.
    pub(super) end: u8,
}

impl Access {
    const UNKNOWN: Access = Access { width: Width::FIXED, instead: Instead::Never, end: 4 };
}

/// The code of one operator in one form.
#[derive(Clone, Debug)]
pub(super) struct Stencil {
    /// What is copied if all numbers are small, and there is no local in a register.
    pub(super) short: Option<Short>,
    /// What is copied else.
    pub(super) pieces: Pieces,
    pub(super) code: Box<[u8]>,
    /// Places in the code, in its order.
    pub(super) holes: Box<[(u16, Hole)]>,
    /// Constants that the code refers to.
    pub(super) pool: Box<[u8]>,
}

impl Stencil {
    /// The stencil that was found in code.
    fn found(
        code: Vec<u8>,
        mut holes: Vec<(u16, Hole)>,
        pool: Vec<u8>,
        spill: u32,
    ) -> Result<Stencil, String> {
        if code.len() > usize::from(u16::MAX) {
            return Err("it is too long".into());
        }
        holes.sort_by_key(|(at, _)| *at);
        Ok(Stencil::new(code, holes.into(), pool.into(), spill))
    }

    pub(super) fn new(code: Vec<u8>, holes: Box<[(u16, Hole)]>, pool: Box<[u8]>, spill: u32) -> Stencil {
        let (short, pieces) = (Short::new(&code, &holes, spill), Pieces::new(&code, &holes, spill));
        Stencil { code: code.into(), holes, short, pieces, pool }
    }
}

/// Traps, calls and symbols inside a body that ends at `end`. `place` says where in it a byte of the raw code is.
fn notes(
    raw: &Raw,
    symbols: &[Symbol],
    end: usize,
    place: impl Fn(usize) -> usize,
) -> Result<Vec<(usize, Hole)>, String> {
    let traps = raw.traps.iter().map(|(at, code)| (place(*at), Hole::Site(*code)));
    let calls = raw.calls.iter().map(|at| (place(*at), Hole::Call)).filter(|(at, _)| *at <= end);
    let mut notes: Vec<_> = traps.filter(|(at, _)| *at < end).chain(calls).collect();
    for (at, symbol) in &raw.symbols {
        let role = symbols.iter().position(|s| s == symbol).ok_or("a symbol of its own")?;
        notes.push((place(*at), Hole::Symbol(role as u8)));
    }
    Ok(notes)
}
