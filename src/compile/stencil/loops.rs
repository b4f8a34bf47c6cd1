//! Locals that are in registers while a loop runs. At a loop's head its body is read ahead, as far as that is cheap,
//! and the locals that it uses most get registers that stencils leave alone.
//!
//! Their homes stay true: what sets a local sets both. So a register may be given up anywhere and loaded again
//! anywhere, and only what uses these registers for something else, a call above all, has to care.
//!
//! Registers that a function keeps for its caller survive calls. They are the loop's while it runs: it saves them
//! before its head, and whatever leaves it puts them back.

use super::code::{KEPT, RSI};
use super::form::Ty;
use super::operand::{Local, NO_REGISTER};
use super::pass::Pass;
use super::quick::Bytes;

/// Registers that are given to locals besides [`KEPT`]: those that stencils are given and pass on, and do not use.
const INTS: [u8; 1] = [RSI];
const FLOATS: [u8; 5] = [3, 4, 5, 6, 7];

/// Loops with longer bodies are not read to their end: in them nothing is kept.
const FAR: usize = 2048;
/// Deeper constructs are not followed.
const DEEP: u32 = 60;

/// What it gains to have a local in a register, for each use of it. What is used in an inner loop counts
/// `1 << INNER` times as much.
const GET: i32 = 2;
const SET: i32 = -1;
/// Behind a call it has to be loaded.
const CALL: i32 = -2;
const INNER: u32 = 2;
/// Less is not worth the load at the loop's head, or that and saving what the register has.
const WORTH: i32 = 2;
const WORTH_SAVING: i32 = 4;

/// What a loop does, besides using locals.
struct Ahead {
    /// Where its body ends.
    end: usize,
    calls: i32,
}

impl Pass<'_> {
    /// At the head of a loop whose body begins at `start`: gives registers to its locals, and loads these.
    pub(super) fn keep_locals(&mut self, start: usize) {
        // What was read with an outer loop has been weighed.
        let full = self.b.kept.len() == KEPT.len() + INTS.len() + FLOATS.len();
        if start < self.read_to || full {
            return;
        }
        let first = self.b.kept.len();
        if let Some(ahead) = self.read_ahead(start) {
            if ahead.calls == 0 {
                self.read_to = ahead.end;
            }
            let worth = WORTH - ahead.calls * CALL;
            if ahead.calls == 0 {
                self.give(&INTS, false, worth);
            }
            self.give(&KEPT, false, WORTH_SAVING);
            self.give(&INTS, false, worth);
            self.give(&FLOATS, true, worth);
        }
        for local in self.b.touched.drain(..) {
            self.b.locals[local as usize].gain = 0;
        }
        for n in first..self.b.kept.len() {
            if let Some(word) = self.saved(n) {
                let place = self.b.code.store_later(self.b.kept[n].1, Ty::I64);
                self.b.kept_places.push((place, word));
            }
        }
        self.load_kept(first, |_| true);
    }

    /// Which word of the frame saves the register of a kept local for the caller, if it is the caller's.
    pub(super) fn saved(&self, n: usize) -> Option<u32> {
        let (local, register) = self.b.kept[n];
        let float = self.b.locals[local as usize].ty.is_float();
        let word = KEPT.iter().position(|kept| *kept == register)?;
        (!float).then_some(word as u32)
    }

    /// Whether anything is to be put back where only so many kept locals have registers.
    pub(super) fn puts_back(&self, count: usize) -> bool {
        (count..self.b.kept.len()).any(|n| self.saved(n).is_some())
    }

    /// Puts back what the caller has in registers of kept locals, but for so many of these.
    pub(super) fn put_back(&mut self, count: usize) {
        for n in count..self.b.kept.len() {
            if self.saved(n).is_some() {
                self.put_back_one(self.b.kept[n].1);
            }
        }
    }

    /// Puts back what the caller has in one of [`KEPT`].
    pub(super) fn put_back_one(&mut self, register: u8) {
        let word = KEPT.iter().position(|kept| *kept == register).expect("it is one of these");
        let place = self.b.code.load_later(register, Ty::I64);
        self.b.kept_places.push((place, word as u32));
    }

    /// Gives registers to those locals of a class that gain most, and more than `worth`.
    fn give(&mut self, registers: &[u8], float: bool, worth: i32) {
        for register in registers {
            let taken = |(local, other): &(u32, u8)| {
                other == register && self.b.locals[*local as usize].ty.is_float() == float
            };
            if self.b.kept.iter().any(taken) {
                continue;
            }
            let candidate = |local: &&u32| {
                let Local { ty, register, .. } = self.b.locals[**local as usize];
                ty.is_float() == float && register == NO_REGISTER
            };
            let gain = |local: &&u32| self.b.locals[**local as usize].gain;
            let best = self.b.touched.iter().filter(candidate).max_by_key(gain);
            let Some(best) = best.filter(|best| gain(best) > worth).copied() else { return };
            self.b.locals[best as usize].register = *register;
            self.b.kept.push((best, *register));
        }
    }

    /// Those registers of kept locals, from one number on, have their values.
    fn load_kept(&mut self, first: usize, which: impl Fn(u8) -> bool) {
        for (local, register) in &self.b.kept[first..] {
            let Local { ty, displacement, .. } = self.b.locals[*local as usize];
            if which(*register) || ty.is_float() {
                self.b.code.load(*register, ty, displacement);
            }
        }
    }

    /// The same at a place behind the code, where these were kept.
    pub(super) fn load_again(&mut self, kept: std::ops::Range<usize>) {
        for n in kept {
            let (local, register) = self.b.kept_at[n];
            let Local { ty, displacement, .. } = self.b.locals[local as usize];
            self.b.code.load(register, ty, displacement);
        }
    }

    /// Locals are in the frame alone, until [`Self::resume`], if their registers are put to another use at calls.
    pub(super) fn suspend(&mut self) {
        for n in 0..self.b.kept.len() {
            if self.saved(n).is_none() {
                self.b.locals[self.b.kept[n].0 as usize].register = NO_REGISTER;
            }
        }
    }

    /// Locals are in their registers, which have not changed.
    pub(super) fn resume(&mut self) {
        for (local, register) in &self.b.kept {
            self.b.locals[*local as usize].register = *register;
        }
    }

    /// Locals are in their registers again, behind a call.
    pub(super) fn reload_kept(&mut self) {
        self.resume();
        self.load_kept(0, |register| !KEPT.contains(&register));
    }

    /// At the end of a loop, before which `count` locals had registers.
    pub(super) fn release(&mut self, count: usize) {
        for (local, _) in self.b.kept.drain(count..) {
            self.b.locals[local as usize].register = NO_REGISTER;
        }
    }

    /// Reads a loop's body and weighs the uses of locals; `None` if it is long or unusual.
    fn read_ahead(&mut self, start: usize) -> Option<Ahead> {
        let mut bytes = Bytes { body: self.bytes, at: start };
        let mut calls = 0;
        // The constructs that are open, a bit each: whether it is a loop.
        let (mut loops, mut open, mut depth) = (0u64, 0u32, 0u32);
        while bytes.at < start + FAR {
            let opcode = bytes.byte()?;
            let weight = 1 << (INNER * depth.min(6));
            match opcode {
                0x02..=0x04 => {
                    bytes.skip_number()?;
                    let repeats = opcode == 0x03;
                    (loops, open, depth) =
                        (loops << 1 | u64::from(repeats), open + 1, depth + u32::from(repeats));
                    if open > DEEP {
                        return None;
                    }
                }
                0x0b if open == 0 => return Some(Ahead { end: bytes.at, calls }),
                0x0b => {
                    depth -= (loops & 1) as u32;
                    (loops, open) = (loops >> 1, open - 1);
                }
                0x20..=0x22 => {
                    let number = bytes.unsigned()?;
                    let local = self.b.locals.get_mut(number as usize)?;
                    if local.gain == 0 {
                        self.b.touched.push(number);
                    }
                    local.gain += weight * if opcode == 0x20 { GET } else { SET };
                }
                0x10..=0x15 => {
                    calls += weight;
                    bytes.skip_number()?;
                    if matches!(opcode, 0x11 | 0x13) {
                        bytes.skip_number()?;
                    }
                }
                _ => bytes.skip_immediates(opcode)?,
            }
        }
        None
    }
}

impl Bytes<'_> {
    fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// Skips a number in LEB128.
    #[inline]
    pub(super) fn skip_number(&mut self) -> Option<()> {
        while self.byte()? >= 0x80 {}
        Some(())
    }

    /// Skips a memory operator's immediate.
    #[inline]
    fn skip_access(&mut self) -> Option<()> {
        if self.byte()? >= 0x40 {
            return None;
        }
        self.skip_number()
    }

    /// Skips the immediates of an operator that neither calls nor opens or closes a construct; `None` if it is rare.
    #[inline]
    pub(super) fn skip_immediates(&mut self, opcode: u8) -> Option<()> {
        match opcode {
            0x00 | 0x01 | 0x05 | 0x0f | 0x1a | 0x1b | 0x45..=0xc4 => {}
            0x0c | 0x0d | 0x23 | 0x24 | 0x3f | 0x41 | 0x42 => self.skip_number()?,
            0x0e => {
                for _ in 0..=self.unsigned()? {
                    self.skip_number()?;
                }
            }
            0x28..=0x3e => self.skip_access()?,
            0x43 => self.skip(4),
            0x44 => self.skip(8),
            0xfc => {
                if self.byte()? > 7 {
                    return None;
                }
            }
            0xfd => match self.unsigned()? {
                0x00..=0x0b | 0x5c | 0x5d => self.skip_access()?,
                0x0c | 0x0d => self.skip(16),
                0x15..=0x22 => self.skip(1),
                0x54..=0x5b => {
                    self.skip_access()?;
                    self.skip(1);
                }
                _ => {}
            },
            _ => return None,
        }
        Some(())
    }
}
