//! The operators that most of any body consists of, read straight from its bytes: locals, constants, arithmetic,
//! accesses to memory 0, branches, calls. Everything here only saves reading the operator as a
//! whole: what is not as simple as it can be is left to that. The body is valid.

use super::form::{Exit, Ty};
use super::operand::At;
use super::operator::{self, SMALL_OFFSET};
use super::pass::{Pass, Result};
use super::table::Row;
use wasmparser::BlockType;

/// The bytes of a body from some place on.
pub(super) struct Bytes<'a> {
    pub(super) body: &'a [u8],
    pub(super) at: usize,
}

impl Bytes<'_> {
    #[inline]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.body.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// An unsigned number in LEB128.
    #[inline]
    pub(super) fn unsigned(&mut self) -> Option<u32> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u32::from(first));
        }
        let (mut number, mut shift) = (u32::from(first & 0x7f), 7);
        loop {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }

    /// A signed number in LEB128.
    #[inline]
    fn signed(&mut self) -> Option<i64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(i64::from(first) << 57 >> 57);
        }
        let (mut number, mut shift) = (i64::from(first & 0x7f), 7);
        loop {
            let byte = self.byte()?;
            number |= i64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte < 0x80 {
                let unused = 64u32.saturating_sub(shift);
                return Some(number << unused >> unused);
            }
        }
    }

    /// A block's type that says nothing of parameters.
    fn block_type(&mut self) -> Option<BlockType> {
        Some(match self.byte()? {
            0x40 => BlockType::Empty,
            0x7f => BlockType::Type(wasmparser::ValType::I32),
            0x7e => BlockType::Type(wasmparser::ValType::I64),
            0x7d => BlockType::Type(wasmparser::ValType::F32),
            0x7c => BlockType::Type(wasmparser::ValType::F64),
            _ => return None,
        })
    }
}

/// A comparison, whose result the next operator may branch on.
pub(super) fn is_comparison(opcode: u8) -> bool {
    matches!(opcode, 0x45..=0x66 | 0xd1)
}

pub(super) const IF: u8 = 0x04;
pub(super) const BR_IF: u8 = 0x0d;
const EQZ: u8 = 0x45;

/// How many `i32.eqz` stand at the start of `rest`, if a branch follows.
pub(super) fn negations(rest: &[u8]) -> Option<usize> {
    let count = rest.iter().take_while(|byte| **byte == EQZ).count();
    matches!(rest.get(count), Some(&(IF | BR_IF))).then_some(count)
}

impl<'a> Pass<'a> {
    /// Compiles operators from `start` on as long as they are simple; says where the first stands that is not.
    pub(super) fn quick(&mut self, start: usize) -> Result<usize> {
        let mut bytes = Bytes { body: self.bytes, at: start };
        while let Some(opcode) = bytes.byte() {
            let start = bytes.at - 1;
            self.offset = start as u32;
            let simple = if self.reachable {
                self.quick_operator(opcode, &mut bytes)?
            } else {
                self.quick_skip(opcode, &mut bytes)?
            };
            if !simple {
                return Ok(start);
            }
        }
        Ok(bytes.at)
    }

    /// Compiles the operator with this opcode, whose immediates are next, and the branch on it; false if it is not
    /// simple.
    #[inline]
    fn quick_operator(&mut self, opcode: u8, bytes: &mut Bytes<'a>) -> Result<bool> {
        match opcode {
            0x20 => {
                let Some(local) = bytes.unsigned() else { return Ok(false) };
                self.local_get(local);
            }
            0x21 | 0x22 => {
                let Some(local) = bytes.unsigned() else { return Ok(false) };
                self.local_set(local, opcode == 0x22);
            }
            0x41 => {
                let Some(value) = bytes.signed() else { return Ok(false) };
                self.push(At::Constant(value), Ty::I32);
            }
            0x42 => {
                let Some(value) = bytes.signed() else { return Ok(false) };
                self.push(At::Constant(value), Ty::I64);
            }
            0x28..=0x3e => return self.quick_access(opcode, bytes),
            0x45..=0xc4 => return self.quick_number(opcode, bytes),
            0x0b => self.end()?,
            0x02..=0x05 | 0x0c | BR_IF | 0x0f => return self.quick_control(opcode, bytes),
            0x10 | 0x11 => return self.quick_call(opcode, bytes),
            0x1a => {
                self.pop();
            }
            0x1b | 0x23 | 0x24 => return self.quick_row(opcode, bytes),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Passes over an operator that cannot be reached.
    fn quick_skip(&mut self, opcode: u8, bytes: &mut Bytes<'a>) -> Result<bool> {
        match opcode {
            0x02..=0x04 => {
                if bytes.skip_number().is_none() {
                    return Ok(false);
                }
                self.dead += 1;
            }
            0x05 if self.dead == 0 => self.otherwise(),
            0x0b if self.dead == 0 => self.end()?,
            0x0b => self.dead -= 1,
            0x10 => return Ok(bytes.skip_number().is_some()),
            _ => return Ok(bytes.skip_immediates(opcode).is_some()),
        }
        Ok(true)
    }

    fn quick_control(&mut self, opcode: u8, bytes: &mut Bytes<'a>) -> Result<bool> {
        self.bounded()?;
        let start = self.offset as usize;
        match opcode {
            0x02 | 0x03 | IF => {
                let Some(ty) = bytes.block_type() else { return Ok(false) };
                match opcode {
                    0x02 => self.block(ty),
                    0x03 => self.repeat(ty, bytes.at),
                    _ => {
                        let Some(row) = self.quick_condition() else { return Ok(false) };
                        self.flush(self.b.stack.len() - 1);
                        let chain = self.branch_on(row, &bytes.body[start..bytes.at], Exit::BranchUnless)?;
                        self.enter_if(ty, chain);
                    }
                }
            }
            0x05 => self.otherwise(),
            0x0f => self.branch(0),
            _ => {
                let Some(depth) = bytes.unsigned() else { return Ok(false) };
                if opcode == BR_IF {
                    let bytes = &bytes.body[start..bytes.at];
                    let Some(row) = self.quick_condition() else { return Ok(false) };
                    self.conditional(depth, 1, |pass, exit| pass.branch_on(row, bytes, exit))?;
                } else {
                    self.branch(self.depth(depth));
                }
            }
        }
        Ok(true)
    }

    /// The row of a branch on the top operand, if it has been used before.
    fn quick_condition(&self) -> Option<&'static Row> {
        self.b.quick[usize::from(BR_IF)]
    }

    fn quick_call(&mut self, opcode: u8, bytes: &mut Bytes<'a>) -> Result<bool> {
        self.bounded()?;
        let Some(callee) = bytes.unsigned() else { return Ok(false) };
        if opcode == 0x10 {
            self.call_function(callee)?;
            return Ok(true);
        }
        let Some(table) = bytes.unsigned() else { return Ok(false) };
        let Some(slot) = operator::call_slot(self.module, table, &self.b.stack) else { return Ok(false) };
        let Some(row) = self.b.quick[slot] else { return Ok(false) };
        self.call_given(callee, row, &bytes.body[self.offset as usize..bytes.at])?;
        Ok(true)
    }

    /// An operator whose row depends on more than its opcode.
    fn quick_row(&mut self, opcode: u8, bytes: &mut Bytes<'a>) -> Result<bool> {
        let slot = if opcode == 0x1b {
            operator::select_slot(&self.b.stack)
        } else {
            let Some(global) = bytes.unsigned() else { return Ok(false) };
            operator::global_slot(self.module, global, opcode == 0x24)
        };
        let Some(row) = self.b.quick[slot] else { return Ok(false) };
        self.stitch(row, &bytes.body[self.offset as usize..bytes.at], 0, Exit::Next)?;
        Ok(true)
    }

    fn quick_access(&mut self, opcode: u8, bytes: &mut Bytes<'a>) -> Result<bool> {
        // The bit for another memory than 0 is one of the alignment's.
        let Some(row) = self.b.quick[usize::from(opcode)] else { return Ok(false) };
        let simple = bytes.byte().is_some_and(|flags| flags < 0x40);
        let offset = if simple { bytes.unsigned() } else { None };
        let Some(offset) = offset.filter(|offset| u64::from(*offset) <= SMALL_OFFSET) else {
            return Ok(false);
        };
        let own = &bytes.body[self.offset as usize..bytes.at];
        self.stitch(row, own, offset.cast_signed(), Exit::Next)?;
        Ok(true)
    }

    fn quick_number(&mut self, opcode: u8, bytes: &mut Bytes<'a>) -> Result<bool> {
        let Some(row) = self.b.quick[usize::from(opcode)] else { return Ok(false) };
        let own = &bytes.body[bytes.at - 1..bytes.at];
        if is_comparison(opcode)
            && let Some(negations) = negations(&bytes.body[bytes.at..])
        {
            return self.quick_branch(row, own, negations, bytes);
        }
        self.stitch(row, own, 0, Exit::Next)?;
        Ok(true)
    }

    /// A comparison with the branch on it, behind so many negations.
    fn quick_branch(
        &mut self,
        row: &'static Row,
        own: &[u8],
        negations: usize,
        bytes: &mut Bytes<'a>,
    ) -> Result<bool> {
        let branch = bytes.body[bytes.at + negations];
        bytes.at += negations + 1;
        let count = row.params.len();
        if branch == BR_IF {
            let Some(depth) = bytes.unsigned() else { return Ok(false) };
            let condition = |pass: &mut Self, exit: Exit| pass.stitch(row, own, 0, exit.negated(negations));
            self.conditional(depth, count, condition)?;
        } else {
            let Some(ty) = bytes.block_type() else { return Ok(false) };
            self.flush(self.b.stack.len() - count);
            let chain = self.stitch(row, own, 0, Exit::BranchUnless.negated(negations))?;
            self.enter_if(ty, chain);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_parser_does() {
        for value in
            [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, i64::from(i32::MIN), i64::MAX, i64::MIN]
        {
            let mut body = Vec::new();
            let mut rest = value;
            loop {
                let byte = (rest & 0x7f) as u8;
                rest >>= 7;
                let last = rest == 0 && byte & 0x40 == 0 || rest == -1 && byte & 0x40 != 0;
                body.push(if last { byte } else { byte | 0x80 });
                if last {
                    break;
                }
            }
            let mut bytes = Bytes { body: &body, at: 0 };
            assert_eq!((bytes.signed(), bytes.at), (Some(value), body.len()));
            assert_eq!(wasmparser::BinaryReader::new(&body, 0).read_var_i64().ok(), Some(value));
        }
        let long = |body: &[u8]| Bytes { body, at: 0 }.unsigned();
        assert_eq!(long(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Some(u32::MAX));
        assert_eq!(long(&[0x80, 0x80, 0x00]), Some(0));
        assert_eq!(long(&[0x80]), None);
    }
}
