//! The operators that most of any body consists of, read straight from its bytes: locals, constants, arithmetic,
//! accesses to memory 0, comparisons with the branch on them. Everything here only saves reading the operator as a
//! whole: what is not as simple as it can be is left to that. The body is valid.

use super::form::{Exit, Ty};
use super::pass::{At, Pass, Result};
use super::table::Instance;
use wasmparser::BlockType;

/// The bytes of a body from some place on.
pub(super) struct Bytes<'a> {
    pub(super) body: &'a [u8],
    pub(super) at: usize,
}

impl Bytes<'_> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.body.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// An unsigned number in LEB128.
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
    fn signed(&mut self) -> Option<i64> {
        let (mut number, mut shift) = (0, 0);
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

impl Pass<'_> {
    /// Compiles the operator at `start`, if it is simple, and the branch on it; says where the next stands.
    #[inline]
    pub(super) fn quick(&mut self, body: &[u8], start: usize) -> Result<Option<usize>> {
        let mut bytes = Bytes { body, at: start + 1 };
        let opcode = body[start];
        match opcode {
            0x20..=0x22 => {
                let Some(local) = bytes.unsigned() else { return Ok(None) };
                match opcode {
                    0x20 => self.local_get(local),
                    _ => self.local_set(local, opcode == 0x22),
                }
            }
            0x41 => {
                let Some(value) = bytes.signed() else { return Ok(None) };
                self.push(At::Constant(value), Ty::I32);
            }
            0x42 => {
                let Some(value) = bytes.signed() else { return Ok(None) };
                self.push(At::Constant(value), Ty::I64);
            }
            0x1a => {
                self.pop();
            }
            0x0b => self.end()?,
            0x28..=0x3e => return self.quick_access(bytes, start),
            0x45..=0xc4 => return self.quick_number(bytes, start),
            _ => return Ok(None),
        }
        Ok(Some(bytes.at))
    }

    fn quick_access(&mut self, mut bytes: Bytes<'_>, start: usize) -> Result<Option<usize>> {
        // The bit for another memory than 0 is one of the alignment's.
        let Some(row) = self.b.quick[usize::from(bytes.body[start])] else { return Ok(None) };
        let simple = bytes.byte().is_some_and(|flags| flags < 0x40);
        let offset = if simple { bytes.unsigned() } else { None };
        let Some(offset) = offset.filter(|offset| *offset < 1 << 24) else { return Ok(None) };
        let instance = Instance { module: self.module, bytes: &bytes.body[start..bytes.at] };
        self.stitch(row, instance, Some(u64::from(offset)), Exit::Next)?;
        Ok(Some(bytes.at))
    }

    fn quick_number(&mut self, mut bytes: Bytes<'_>, start: usize) -> Result<Option<usize>> {
        let opcode = bytes.body[start];
        let Some(row) = self.b.quick[usize::from(opcode)] else { return Ok(None) };
        let instance = Instance { module: self.module, bytes: &bytes.body[start..=start] };
        let branch = if is_comparison(opcode) { negations(&bytes.body[bytes.at..]) } else { None };
        let Some(negations) = branch else {
            self.stitch(row, instance, None, Exit::Next)?;
            return Ok(Some(bytes.at));
        };
        let branch = bytes.body[bytes.at + negations];
        bytes.at += negations + 1;
        let count = row.params.len();
        if branch == BR_IF {
            let Some(depth) = bytes.unsigned() else { return Ok(None) };
            let condition =
                |pass: &mut Self, exit: Exit| pass.stitch(row, instance, None, exit.negated(negations));
            self.conditional(depth, count, condition)?;
        } else {
            let Some(ty) = bytes.block_type() else { return Ok(None) };
            self.flush(self.b.stack.len() - count);
            let chain = self.stitch(row, instance, None, Exit::BranchUnless.negated(negations))?;
            self.enter_if(ty, chain);
        }
        Ok(Some(bytes.at))
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
