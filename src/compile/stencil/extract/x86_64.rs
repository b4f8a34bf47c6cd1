//! From Cranelift's machine code for one operator to a stencil, on x86-64: strips the frame and the exits, finds the
//! places that the pass writes to, and refuses every shape it does not know.
//!
//! ```text
//!   55 48 89 e5 [48 83 ec n]            prologue: stripped
//!   body                                 kept
//!   [48 83 c4 n] 48 89 ec 5d e9 d32      an exit, one or two of them: stripped; or a return, `c3` instead of the jump
//!   0f 0b ...                            traps that the body branches to: each becomes a place
//!   constants, 16 to a line              kept apart
//! ```

use super::{Access, Hole, Machine, Stencil};
use crate::compile::stencil::form::Class;
use crate::compile::stencil::generate::{MAX_OPERANDS, Raw, Request};
use crate::compile::stencil::instead::Instead;
use crate::compile::stencil::narrow::{Instructions, Width};
use crate::object::symbol::Symbol;
use latier_runtime::abi::TrapCode;

/// Displacements and constants have 32 bits, in one place each.
pub(super) const MACHINE: Machine = Machine {
    displacements: [
        -0x1122_3348,
        -0x1526_3748,
        -0x192a_3b48,
        -0x1d2e_3f48,
        -0x2132_4348,
        -0x2536_4748,
        -0x293a_4b48,
    ],
    constants: [
        [0x2b3c_4d56, 0x2d5e_6f78, 0x2a4b_5c6d, 0, 0],
        [-0x2b3c_4d57, -0x2d5e_6f79, -0x2a4b_5c6e, 0, 0],
    ],
    extract,
    blank,
};

const LEAVE: [u8; 4] = [0x48, 0x89, 0xec, 0x5d];
const UD2: [u8; 2] = [0x0f, 0x0b];

/// The stencil in `raw`, which was made with the placeholders of `request`.
fn extract(
    raw: &Raw,
    request: &Request<'_>,
    symbols: &[Symbol],
    offset: Option<u64>,
    amount: Option<u8>,
) -> Result<Stencil, String> {
    let (skip, spill) = prologue(&raw.code)?;
    let mut found = Extraction { code: raw.code[skip..].to_vec(), skip, holes: Vec::new() };
    let main = found.exits(raw)?;
    let pool = found.pool(raw, main)?;
    found.code.truncate(main.end);
    for (at, note) in super::notes(raw, symbols, main.end, |at| at - skip)? {
        found.hole(at, note);
    }
    found.displacements(raw, request)?;
    for n in 0..request.params.len() {
        if request.form.class(n) == Class::Constant {
            found.constant(n, request.constants[n], amount)?;
        }
    }
    if let Some(offset) = offset {
        found.offset(offset)?;
    }
    found.instructions(request)?;
    Stencil::found(found.code, found.holes, pool, spill)
}

/// A stencil's code without what is written into it.
fn blank(stencil: &Stencil) -> Vec<u8> {
    let mut code = stencil.code.to_vec();
    for (at, hole) in &stencil.holes {
        let at = usize::from(*at);
        match hole {
            Hole::Constant(..) | Hole::Offset(..) => code[at..at + 4].fill(0),
            Hole::Amount(..) | Hole::Complement(..) => code[at] = 0,
            _ => {}
        }
    }
    code
}

/// How long the prologue is and how many bytes it reserves.
fn prologue(code: &[u8]) -> Result<(usize, u32), String> {
    match code {
        [0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, n, ..] => Ok((8, u32::from(*n))),
        [0x55, 0x48, 0x89, 0xe5, 0x48, 0x81, 0xec, a, b, c, d, ..] => {
            Ok((11, u32::from_le_bytes([*a, *b, *c, *d])))
        }
        [0x55, 0x48, 0x89, 0xe5, ..] => Ok((4, 0)),
        _ => Err("an unknown prologue".into()),
    }
}

struct Extraction {
    code: Vec<u8>,
    skip: usize,
    holes: Vec<(u16, Hole)>,
}

/// Where the parts of the code end.
#[derive(Clone, Copy)]
struct Parts {
    /// The body.
    end: usize,
    /// The traps behind it.
    traps_end: usize,
}

impl Extraction {
    fn word(&self, at: usize) -> Option<i32> {
        Some(i32::from_le_bytes(self.code.get(at..at + 4)?.try_into().ok()?))
    }

    fn hole(&mut self, at: usize, hole: Hole) {
        self.holes.push((at as u16, hole));
    }

    /// Where the stack is given back before `at`, if it is.
    fn released(&self, at: usize) -> usize {
        let before = |n: usize| at.checked_sub(n).map(|start| &self.code[start..at]);
        match (before(4), before(7)) {
            (Some([0x48, 0x83, 0xc4, _]), _) => at - 4,
            (_, Some([0x48, 0x81, 0xc4, ..])) => at - 7,
            _ => at,
        }
    }

    /// Finds exits and traps, makes places of the branches to them, and says where the body ends.
    fn exits(&mut self, raw: &Raw) -> Result<Parts, String> {
        let mut exits = Vec::new();
        for (at, exit) in &raw.exits {
            let at = at - self.skip;
            let start = at.checked_sub(5).ok_or("an exit at the start")?;
            if self.code[start..at - 1] != LEAVE || self.code[at - 1] != 0xe9 {
                return Err("an unknown exit".into());
            }
            exits.push((self.released(start), at + 4, *exit));
        }
        exits.sort_unstable();
        let mut traps: Vec<_> = raw.traps.iter().map(|(at, code)| (at - self.skip, *code)).collect();
        traps.retain(|(at, _)| self.code.get(*at..at + 2) == Some(&UD2));
        traps.sort_by_key(|(at, _)| *at);
        // Traps inside stay where they are: the code hops over them.
        let inside = exits.first().map_or(0, |(start, ..)| *start);
        traps.retain(|(at, _)| *at >= inside);
        let behind = match exits.last() {
            Some((_, end, _)) => *end,
            None if raw.returns => self.returned(&mut traps)?,
            None => return Err("no exit".into()),
        };
        if traps.iter().enumerate().any(|(n, (at, _))| *at != behind + 2 * n) {
            return Err("a trap inside".into());
        }
        let traps_end = behind + 2 * traps.len();
        let end = match exits[..] {
            [] => {
                self.branches(&[], &traps, behind)?;
                match self.code[..behind].strip_suffix(&[0xc3]) {
                    Some(body) => self.released(body.len() - LEAVE.len()),
                    None => behind,
                }
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
        Ok(Parts { end, traps_end })
    }

    /// Where code without exits goes over to traps that it branches to: behind its return, or behind the trap that it
    /// ends with, which is none of these.
    fn returned(&self, traps: &mut Vec<(usize, TrapCode)>) -> Result<usize, String> {
        let end = traps.first().map_or(self.code.len(), |(at, _)| *at);
        if self.code[..end].ends_with(&[LEAVE[0], LEAVE[1], LEAVE[2], LEAVE[3], 0xc3]) {
            return Ok(end);
        }
        if traps.is_empty() {
            return Err("no return".into());
        }
        Ok(traps.remove(0).0 + UD2.len())
    }

    /// Makes places of the branches to traps, and to `taken`.
    fn branches(
        &mut self,
        taken: &[usize],
        traps: &[(usize, TrapCode)],
        end: usize,
    ) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        let mut reached = vec![false; traps.len()];
        for at in 0..end.saturating_sub(5) {
            let [0x0f, condition] = self.code[at..at + 2] else { continue };
            if condition & 0xf0 != 0x80 {
                continue;
            }
            let target = (at as i64 + 6) + i64::from(self.word(at + 2).ok_or("a branch at the end")?);
            if let Some(n) = traps.iter().position(|(trap, _)| *trap as i64 == target) {
                reached[n] = true;
                self.hole(at + 2, Hole::Trap(traps[n].1));
            } else if taken.iter().any(|taken| *taken as i64 == target) {
                found.push(at);
            }
        }
        if reached.contains(&false) {
            return Err("a trap that nothing leads to".into());
        }
        Ok(found)
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
            branches.iter().for_each(|at| self.hole(at + 2, Hole::Taken));
            return Ok(first);
        }
        // Branches to the exit that is taken, which is not there any more.
        let to_first = self.branches(&[first], &[], first)?;
        if let [only] = branches[..]
            && only + 6 == first
        {
            to_first.iter().for_each(|at| self.hole(at + 2, Hole::Taken));
            self.code[only + 1] ^= 1;
            self.hole(only + 2, Hole::Taken);
            return Ok(first);
        }
        // Several branches lead to the next: they hop over a jump.
        let end = first + 5;
        self.code[first] = 0xe9;
        self.hole(first + 1, Hole::Taken);
        for at in branches {
            let distance = (end - (at + 6)) as i32;
            self.code[at + 2..at + 6].copy_from_slice(&distance.to_le_bytes());
        }
        Ok(end)
    }

    /// The constants behind the traps, and the references to them.
    fn pool(&mut self, raw: &Raw, parts: Parts) -> Result<Vec<u8>, String> {
        let start = (parts.traps_end + self.skip).next_multiple_of(16) - self.skip;
        if self.code[parts.traps_end..].iter().all(|b| *b == 0) {
            return Ok(Vec::new());
        }
        let pool = self.code.get(start..).ok_or("something behind the traps")?.to_vec();
        let mut found = 0;
        for at in 1..parts.end.saturating_sub(3) {
            if self.code[at - 1] & 0xc7 != 0x05 || raw.symbols.iter().any(|(s, _)| s - self.skip == at) {
                continue;
            }
            for behind in [4usize, 5, 8] {
                let target = at as i64 + behind as i64 + i64::from(self.word(at).ok_or("a cut word")?);
                let inside = target.checked_sub(start as i64).filter(|n| (0..pool.len() as i64).contains(n));
                let Some(inside) = inside.filter(|n| n % 4 == 0) else { continue };
                self.hole(at, Hole::Pool(inside as u16, behind as u8));
                found += 1;
                break;
            }
        }
        if found == 0 { Err("constants that nothing refers to".into()) } else { Ok(pool) }
    }

    /// Places where these bytes stand.
    fn places(&self, bytes: &[u8]) -> Vec<usize> {
        (0..(self.code.len() + 1).saturating_sub(bytes.len()))
            .filter(|at| self.code[*at..].starts_with(bytes))
            .collect()
    }

    /// Accesses to the frame: `[rsi + d32]` becomes `[rbp + d32]`. Results behind a call are found by a copy of rbp.
    fn displacements(&mut self, raw: &Raw, request: &Request<'_>) -> Result<(), String> {
        let params = (0..request.params.len()).filter(|n| request.form.class(*n) == Class::Memory);
        let results = 0..if request.form.frame { raw.results.len() } else { 0 };
        let expected = params.chain(results.map(|n| MAX_OPERANDS + n));
        for n in expected {
            let places = self.places(&MACHINE.displacements[n].to_le_bytes());
            let [at] = places[..] else {
                return Err(format!("operand {n} is at {} places", places.len()));
            };
            let mode = self.code[at - 1];
            if !(raw.returns && n >= MAX_OPERANDS) {
                if mode & 0xc7 != 0x86 {
                    return Err(format!("operand {n} is reached by mode {mode:#x}"));
                }
                self.code[at - 1] = mode & 0xf8 | 5;
            }
            self.hole(at, Hole::Displacement(n as u8, Access::UNKNOWN));
        }
        let stray =
            MACHINE.displacements.iter().filter(|d| !self.places(&d.to_le_bytes()).is_empty()).count();
        let known = self.holes.iter().filter(|(_, hole)| matches!(hole, Hole::Displacement(..))).count();
        if stray == known { Ok(()) } else { Err("a displacement too many".into()) }
    }

    fn constant(&mut self, n: usize, value: i64, amount: Option<u8>) -> Result<(), String> {
        if let Some(limit) = amount {
            let small = Instructions::new(&self.code, &[])?.small_constants();
            let [at] = small[..] else { return Err(format!("{} small constants", small.len())) };
            let hole = match self.code[at] {
                amount if amount == value as u8 => Hole::Amount(n as u8, limit),
                rest if rest == limit - value as u8 => Hole::Complement(n as u8, limit),
                _ => return Err("an unknown shift amount".into()),
            };
            self.hole(at, hole);
            return Ok(());
        }
        let places = self.places(&(value as i32).to_le_bytes());
        let [at] = places[..] else {
            return Err(format!("constant {n} is at {} places", places.len()));
        };
        self.hole(at, Hole::Constant(n as u8, Width::FIXED));
        Ok(())
    }

    fn offset(&mut self, offset: u64) -> Result<(), String> {
        let before = self.holes.len();
        for add in 0..=16u8 {
            for at in self.places(&(offset as u32 + u32::from(add)).to_le_bytes()) {
                self.hole(at, Hole::Offset(add, Width::FIXED));
            }
        }
        if self.holes.len() > before { Ok(()) } else { Err("no static offset".into()) }
    }

    /// Finds out how numbers and accesses to the frame may be written.
    fn instructions(&mut self, request: &Request<'_>) -> Result<(), String> {
        let elsewhere = self.holes.iter().filter(|(_, hole)| matches!(hole, Hole::Taken | Hole::Trap(_)));
        let elsewhere: Vec<_> = elsewhere.map(|(at, _)| usize::from(*at)).collect();
        let instructions = Instructions::new(&self.code, &elsewhere)?;
        for (at, hole) in &mut self.holes {
            let at = usize::from(*at);
            match hole {
                Hole::Displacement(n, access) => {
                    let param = request.params.get(usize::from(*n));
                    *access = Access {
                        width: instructions.displacement(at),
                        instead: param.map_or(Instead::Never, |ty| instructions.instead(at, ty.is_float())),
                        end: instructions.end(at),
                    };
                }
                Hole::Constant(_, width) => *width = instructions.constant(at),
                Hole::Offset(_, width) => *width = instructions.displacement(at),
                _ => {}
            }
        }
        Ok(())
    }
}
