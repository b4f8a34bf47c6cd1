//! From Cranelift's machine code for one operator to a stencil, on AArch64: strips the frame and the exits, finds the
//! instructions whose fields are to be written, and refuses every shape it does not know. Which field of an
//! instruction a place means, the instruction itself says.
//!
//! ```text
//!   stp x29, x30, [sp, #-16]!  mov x29, sp  [sub sp, sp, #n]     prologue: stripped
//!   body                                                         kept
//!   [add sp, sp, #n]  ldp x29, x30, [sp], #16  b exit            an exit, one or two of them: stripped; or a return,
//!                                                                `ret` instead of the branch
//!   udf ...                                                      traps that the body branches to: each becomes a place
//!   constants                                                    kept apart
//! ```
//!
//! A stencil is given and gives `x2` (vmctx), `x3` (frame), `x4`, `x5`, `x6` (integers), `x7` (base of memory 0), and
//! `v0`, `v1`, `v2` (floats).

use super::{Access, Hole, Machine, Stencil};
use crate::compile::stencil::form::Class;
use crate::compile::stencil::generate::{MAX_OPERANDS, Raw, Request};
use crate::compile::stencil::narrow::Width;
use crate::object::symbol::Symbol;
use latier_runtime::abi::TrapCode;

/// Displacements are scaled by what is accessed and have twelve bits; every sixteen bits of a constant have an
/// instruction of their own, unless they are all 0 or all 1.
pub(super) const MACHINE: Machine = Machine {
    displacements: [0x2340, 0x2750, 0x2b60, 0x2f70, 0x3380, 0x3790, 0x3ba0],
    constants: [
        [0x1b2c_3d4e_2b3c_4d56, 0x1d2e_3f4a_2d5e_6f78, 0x1a2b_3c4d_2a4b_5c6d, 0, 0],
        [-0x1b2c_3d4e_2b3c_4d57, -0x1d2e_3f4a_2d5e_6f79, -0x1a2b_3c4d_2a4b_5c6e, 0, 0],
    ],
    extract,
    blank,
};

/// The frame's register as stencils are given it, and as they have it in the end.
const FRAME: u32 = 3;
const FP: u32 = 29;
const WORD: usize = 4;
const PROLOGUE: [u32; 2] = [0xa9bf_7bfd, 0x9100_03fd];
const LEAVE: u32 = 0xa8c1_7bfd;
const RET: u32 = 0xd65f_03c0;
const UDF: u32 = 0x0000_c11f;

/// What an instruction is that can hold something to be written, as far as that matters.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// A load or store of `[rn + a multiple of what is accessed]`; how many bits the multiple is shifted by.
    Access(u32),
    /// A load relative to itself.
    Literal,
    /// Sixteen bits of a register, the others kept; by how many they are shifted.
    Keep(u32),
    /// The same, the others cleared.
    Clear(u32),
    /// A shift or rotation by a constant.
    Shift,
    Conditional,
    /// A branch on a bit of a register.
    Bit,
    Branch,
    /// The page of an address.
    Page,
    /// The sum of two registers of 64 bits.
    Sum,
    Other,
}

fn kind(word: u32) -> Kind {
    let halves = word >> 21 & 3;
    match word {
        _ if word & 0x3b00_0000 == 0x3900_0000 => {
            let vector = word & 0x0480_0000 == 0x0480_0000;
            Kind::Access(if vector { 4 } else { word >> 30 })
        }
        _ if word & 0x3f00_0000 == 0x1c00_0000 => Kind::Literal,
        _ if word & 0x7f80_0000 == 0x7280_0000 => Kind::Keep(16 * halves),
        _ if word & 0x7f80_0000 == 0x5280_0000 => Kind::Clear(16 * halves),
        // Bit fields (signed, unsigned), and an extract of a register and itself.
        _ if word & 0x5f80_0000 == 0x5300_0000 || word & 0x7f80_0000 == 0x1300_0000 => Kind::Shift,
        _ if word & 0x7fa0_0000 == 0x1380_0000 => Kind::Shift,
        _ if word & 0xff00_0010 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 => Kind::Conditional,
        _ if word & 0x7e00_0000 == 0x3600_0000 => Kind::Bit,
        _ if word & 0xfc00_0000 == 0x1400_0000 => Kind::Branch,
        _ if word & 0x9f00_0000 == 0x9000_0000 => Kind::Page,
        _ if word & 0xffe0_fc00 == 0x8b00_0000 => Kind::Sum,
        _ => Kind::Other,
    }
}

impl Kind {
    /// The bits of the instruction that hold what is written.
    fn field(self) -> u32 {
        match self {
            Kind::Access(_) | Kind::Shift => 0x003f_fc00,
            Kind::Keep(_) | Kind::Clear(_) => 0x001f_ffe0,
            Kind::Literal | Kind::Conditional => 0x00ff_ffe0,
            Kind::Bit => 0x0007_ffe0,
            Kind::Branch => 0x03ff_ffff,
            Kind::Page => 0x60ff_ffe0,
            Kind::Sum | Kind::Other => 0,
        }
    }

    /// Where an instruction at index `at` branches to or reads from, by index.
    fn target(self, word: u32, at: usize) -> Option<i64> {
        let field = match self {
            Kind::Literal | Kind::Conditional => ((word << 8).cast_signed() >> 13, at),
            Kind::Bit => ((word << 13).cast_signed() >> 18, at),
            Kind::Branch => ((word << 6).cast_signed() >> 6, at),
            _ => return None,
        };
        Some(field.1 as i64 + i64::from(field.0))
    }
}

/// Whether an instruction that is no branch may change this register for integers.
fn writes(word: u32, register: u32) -> bool {
    let access = matches!(kind(word), Kind::Access(_));
    let (vector, store) = (word & 1 << 26 != 0, word >> 22 & 3 == 0);
    word & 31 == register && !(access && (vector || store))
}

fn words(code: &[u8]) -> Vec<u32> {
    code.as_chunks::<WORD>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
}

/// A stencil's code without what is written into it.
fn blank(stencil: &Stencil) -> Vec<u8> {
    let mut words = words(&stencil.code);
    for (at, hole) in &stencil.holes {
        if matches!(hole, Hole::Constant(..) | Hole::Offset(..) | Hole::Amount(..) | Hole::Complement(..)) {
            let word = &mut words[usize::from(*at) / WORD];
            *word &= !kind(*word).field();
        }
    }
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The stencil in `raw`, which was made with the placeholders of `request`.
fn extract(
    raw: &Raw,
    request: &Request<'_>,
    symbols: &[Symbol],
    offset: Option<u64>,
    amount: Option<u8>,
) -> Result<Stencil, String> {
    let words = words(&raw.code);
    let rest = words.strip_prefix(&PROLOGUE).ok_or("an unknown prologue")?;
    let (rest, spill) = match rest {
        [first, rest @ ..] if *first & 0xffc0_03ff == 0xd100_03ff => (rest, *first >> 10 & 0xfff),
        _ => (rest, 0),
    };
    let skip = words.len() - rest.len();
    let mut found = Extraction { words: rest.to_vec(), skip, holes: Vec::new() };
    let parts = found.exits(raw)?;
    let pool = found.pool(parts)?;
    found.words.truncate(parts.end);
    for (at, note) in super::notes(raw, symbols, parts.end, |at| found.index(at))? {
        found.hole(at, note);
    }
    found.displacements(raw, request)?;
    for n in 0..request.params.len() {
        if request.form.class(n) == Class::Constant {
            match amount {
                Some(limit) => found.amount(n, request.constants[n], limit)?,
                None => found.constant(n, request.constants[n], Hole::Constant(n as u8, Width::FIXED))?,
            }
        }
    }
    if let Some(offset) = offset {
        found.offset(offset)?;
    }
    found.inside()?;
    let code: Vec<u8> = found.words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Stencil::found(code, found.holes, pool, spill)
}

struct Extraction {
    words: Vec<u32>,
    /// How many words were stripped.
    skip: usize,
    holes: Vec<(u16, Hole)>,
}

/// Where the parts of the code end, by index.
#[derive(Clone, Copy)]
struct Parts {
    end: usize,
    traps_end: usize,
}

impl Extraction {
    /// The index of the instruction at a byte of the code as it was made.
    fn index(&self, at: usize) -> usize {
        (at / WORD).wrapping_sub(self.skip)
    }

    fn hole(&mut self, index: usize, hole: Hole) {
        self.holes.push(((index * WORD) as u16, hole));
    }

    /// Where the stack is given back before `at`, if it is.
    fn released(&self, at: usize) -> usize {
        let before = at.checked_sub(1).map(|before| self.words[before]);
        at - usize::from(before.is_some_and(|word| word & 0xffc0_03ff == 0x9100_03ff))
    }

    /// Finds exits and traps, makes places of the branches to them, and says where the body ends.
    fn exits(&mut self, raw: &Raw) -> Result<Parts, String> {
        let mut exits = Vec::new();
        for (at, exit) in &raw.exits {
            let at = self.index(*at);
            let start = at.checked_sub(1).filter(|start| self.words[*start] == LEAVE);
            let start = start.ok_or("an unknown exit")?;
            exits.push((self.released(start), at + 1, *exit));
        }
        exits.sort_unstable();
        let mut traps: Vec<_> = raw.traps.iter().map(|(at, code)| (self.index(*at), *code)).collect();
        traps.retain(|(at, _)| self.words.get(*at) == Some(&UDF));
        traps.sort_by_key(|(at, _)| *at);
        let inside = exits.first().map_or(0, |(start, ..)| *start);
        traps.retain(|(at, _)| *at >= inside);
        let behind = match exits.last() {
            Some((_, end, _)) => *end,
            None if raw.returns => self.returned(&mut traps)?,
            None => return Err("no exit".into()),
        };
        if traps.iter().enumerate().any(|(n, (at, _))| *at != behind + n) {
            return Err("a trap inside".into());
        }
        let end = match exits[..] {
            [] => {
                self.branches(&[], &traps, behind)?;
                let returns = self.words[..behind].last() == Some(&RET);
                if returns { self.released(behind - 2) } else { behind }
            }
            [(start, _, 0)] => {
                self.branches(&[], &traps, start)?;
                start
            }
            [(first, first_end, one), (second, _, other)] if first_end == second && one != other => {
                self.two_exits(first, second, one, &traps)?
            }
            _ => return Err(format!("exits {exits:?}")),
        };
        Ok(Parts { end, traps_end: behind + traps.len() })
    }

    /// Where code without exits goes over to traps that it branches to: behind its return, or behind the trap that it
    /// ends with, which is none of these.
    fn returned(&self, traps: &mut Vec<(usize, TrapCode)>) -> Result<usize, String> {
        let end = traps.first().map_or(self.words.len(), |(at, _)| *at);
        if self.words[..end].ends_with(&[LEAVE, RET]) {
            return Ok(end);
        }
        if traps.is_empty() {
            return Err("no return".into());
        }
        Ok(traps.remove(0).0 + 1)
    }

    /// Makes places of the branches to traps, and finds those to `taken`.
    fn branches(
        &mut self,
        taken: &[usize],
        traps: &[(usize, TrapCode)],
        end: usize,
    ) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        let mut reached = vec![false; traps.len()];
        for at in 0..end {
            let word = self.words[at];
            let Some(target) = kind(word).target(word, at) else { continue };
            if let Some(n) = traps.iter().position(|(trap, _)| *trap as i64 == target) {
                reached[n] = true;
                self.hole(at, Hole::Trap(traps[n].1));
            } else if taken.iter().any(|taken| *taken as i64 == target) {
                found.push(at);
            }
        }
        if reached.contains(&false) { Err("a trap that nothing leads to".into()) } else { Ok(found) }
    }

    /// A branch: exit `one` begins at `first`, the other at `second`. Says where the body ends.
    fn two_exits(
        &mut self,
        first: usize,
        second: usize,
        one: u32,
        traps: &[(usize, TrapCode)],
    ) -> Result<usize, String> {
        let branches = self.branches(&[second], traps, first)?;
        if one == 0 {
            // Falls through to the next; branches that are taken become places.
            branches.iter().for_each(|at| self.hole(*at, Hole::Taken));
            return Ok(first);
        }
        // Falls through to the exit that is taken, which is not there any more: its last branch is turned around.
        let to_first = self.branches(&[first], &[], first)?;
        let [only] = branches[..] else { return Err(format!("{} branches to the next", branches.len())) };
        if only + 1 != first {
            return Err("a branch to the next that is not last".into());
        }
        self.words[only] ^= match self.words[only] >> 24 {
            0x54 => 1,
            _ => 1 << 24,
        };
        to_first.iter().chain([&only]).for_each(|at| self.hole(*at, Hole::Taken));
        Ok(first)
    }

    /// The constants behind the traps, and the loads of them.
    fn pool(&mut self, parts: Parts) -> Result<Vec<u8>, String> {
        if self.words[parts.traps_end..].iter().all(|word| *word == 0) {
            return Ok(Vec::new());
        }
        let mut loads = Vec::new();
        for at in 0..parts.end {
            if kind(self.words[at]) == Kind::Literal {
                let target = Kind::Literal.target(self.words[at], at);
                let target = target.and_then(|target| usize::try_from(target).ok());
                let target = target.filter(|target| (parts.traps_end..self.words.len()).contains(target));
                loads.push((at, target.ok_or("a load of code")?));
            }
        }
        let start = loads.iter().map(|(_, target)| *target).min().ok_or("constants that nothing loads")?;
        if self.words[parts.traps_end..start].iter().any(|word| *word != 0) {
            return Err("constants that nothing loads".into());
        }
        for (at, target) in loads {
            self.hole(at, Hole::Pool(((target - start) * WORD) as u16, 0));
        }
        Ok(self.words[start..].iter().flat_map(|word| word.to_le_bytes()).collect())
    }

    /// Accesses to the frame: their base becomes `x29`. Results behind a call are stored by a copy of that.
    fn displacements(&mut self, raw: &Raw, request: &Request<'_>) -> Result<(), String> {
        let params = (0..request.params.len()).filter(|n| request.form.class(*n) == Class::Memory);
        let results = 0..if request.form.frame { raw.results.len() } else { 0 };
        let mut expected: Vec<usize> = params.chain(results.map(|n| MAX_OPERANDS + n)).collect();
        let operand =
            |displacement: u64| MACHINE.displacements.iter().position(|d| *d as u64 == displacement);
        // What returns may use the frame's register for something else when it needs it no more.
        let mut given = true;
        for at in 0..self.words.len() {
            let word = self.words[at];
            let (kind, from_frame) = (kind(word), given && word >> 5 & 31 == FRAME);
            given &= !(raw.returns && writes(word, FRAME));
            let found = match kind {
                Kind::Access(scale) => match operand(u64::from(word >> 10 & 0xfff) << scale) {
                    Some(operand) if from_frame || raw.returns => Some((operand, at)),
                    None if from_frame => return Err("an access to the frame elsewhere".into()),
                    _ => None,
                },
                // An address for an instruction that has no displacement.
                Kind::Sum if from_frame => {
                    let made = self.made().into_iter().find(|(_, places)| places == &[at.wrapping_sub(1)]);
                    let (value, places) = made.ok_or("an address in the frame")?;
                    Some((operand(value).ok_or("an address in the frame elsewhere")?, places[0]))
                }
                _ => None,
            };
            let Some((operand, place)) = found else { continue };
            let n = expected.iter().position(|n| *n == operand).ok_or("an access to the frame too many")?;
            expected.swap_remove(n);
            if from_frame {
                self.words[at] = word & !(31 << 5) | FP << 5;
            }
            self.hole(place, Hole::Displacement(operand as u8, Access::UNKNOWN));
        }
        if expected.is_empty() { Ok(()) } else { Err(format!("no access to operands {expected:?}")) }
    }

    /// Registers that are made of pieces of sixteen bits, and where: each value with the indices of its pieces.
    fn made(&self) -> Vec<(u64, Vec<usize>)> {
        let mut made: Vec<(u64, Vec<usize>)> = Vec::new();
        let mut last = None;
        for (at, word) in self.words.iter().enumerate() {
            let bits = u64::from(word >> 5 & 0xffff);
            match kind(*word) {
                Kind::Clear(shift) => made.push((bits << shift, vec![at])),
                Kind::Keep(shift) if last == Some(word & 31) => {
                    let (value, places) = made.last_mut().expect("a register that has a beginning");
                    *value |= bits << shift;
                    places.push(at);
                }
                _ => {
                    last = None;
                    continue;
                }
            }
            last = Some(word & 31);
        }
        made
    }

    fn constant(&mut self, n: usize, value: i64, hole: Hole) -> Result<(), String> {
        let value = value.cast_unsigned();
        let whole = |made: u64, pieces: usize| match pieces {
            4 => made == value,
            2 => made == value & 0xffff_ffff,
            _ => false,
        };
        let made = self.made();
        let found: Vec<_> = made.iter().filter(|(made, places)| whole(*made, places.len())).collect();
        let [(_, places)] = found[..] else {
            return Err(format!("constant {n} is at {} places", found.len()));
        };
        places.iter().for_each(|at| self.hole(*at, hole));
        Ok(())
    }

    fn offset(&mut self, offset: u64) -> Result<(), String> {
        let before = self.holes.len();
        for (value, places) in self.made() {
            let add = value.wrapping_sub(offset);
            if places.len() == 2 && add <= 16 {
                places.iter().for_each(|at| self.hole(*at, Hole::Offset(add as u8, Width::FIXED)));
            }
        }
        if self.holes.len() > before { Ok(()) } else { Err("no static offset".into()) }
    }

    /// The shift by constant operand `n`, of which there is one. What rotates to the left rotates to the right by what
    /// is left of the width.
    fn amount(&mut self, n: usize, value: i64, limit: u8) -> Result<(), String> {
        let shifts = (0..self.words.len()).filter(|at| kind(self.words[*at]) == Kind::Shift);
        let shifts: Vec<usize> = shifts.collect();
        let [at] = shifts[..] else { return Err(format!("{} shifts", shifts.len())) };
        let rotation = self.words[at] & 0x7fa0_0000 == 0x1380_0000;
        let by = i64::from(self.words[at] >> 10 & 63);
        let hole = match rotation {
            true if by == i64::from(limit) - value => Hole::Complement(n as u8, limit),
            true if by != value => return Err(format!("a rotation by {by}")),
            _ => Hole::Amount(n as u8, limit),
        };
        self.hole(at, hole);
        Ok(())
    }

    /// Nothing but places branches out of the body.
    fn inside(&self) -> Result<(), String> {
        for (at, word) in self.words.iter().enumerate() {
            let place = self.holes.iter().any(|(hole, what)| {
                usize::from(*hole) == at * WORD
                    && matches!(what, Hole::Taken | Hole::Trap(_) | Hole::Pool(..))
            });
            let target = kind(*word).target(*word, at);
            if !place && target.is_some_and(|target| !(0..=self.words.len() as i64).contains(&target)) {
                return Err("a branch to outside".into());
            }
        }
        Ok(())
    }
}
