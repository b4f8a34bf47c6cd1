//! Plain bodies: those of numbers, locals, memory 0, branches, calls and exceptions, which is what compilers for C, C++
//! and Rust write.
//! They are validated here in less than a third of the time that the parser's own validator takes, which answers for
//! every operator of every proposal. What is not plain, or not valid, is left to that one: here nothing is ever refused.
//!
//! The algorithm is the specification's ("Validation Algorithm", appendix): a stack of operand types, a stack of
//! frames, and below a frame's height what is popped from unreachable code is of any type. Blocks have no parameters.

mod exceptions;
mod table;
#[cfg(test)]
mod tests;

use super::features::Features;
use latier_runtime::module::ModuleDesc;
use latier_runtime::types::ValType;
use table::{
    ACCESSES, Code, EXN, F32, F64, FIRST_ACCESS, FIRST_NUMERIC, FIRST_STORE, I32, I64, LAST_NUMERIC, NONE,
    NUMERIC, Signature, code, parsed, unary,
};
use wasmparser::WasmFeatures;

/// What operators of plain bodies belong to.
const NEEDS: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::EXCEPTIONS);

/// Whether bodies may be plain where these features are on.
pub(super) fn may_be(features: Features) -> bool {
    features.flags().contains(NEEDS)
}

/// The most locals that a function may have, with its parameters.
const MAX_LOCALS: usize = 50_000;

/// The types of a construct's results, or of what a branch to it takes: at most one, which is its [`Code`]; else
/// those are the results of the type with this index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Types {
    One(Code),
    Of(u32),
}

impl Types {
    const NONE: Types = Types::One(NONE);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A block, also one with catches, the other half of an `if`, or the function.
    Block,
    Loop,
    If,
}

/// An open construct. What is unreachable in it is the check's to say while it is the innermost.
#[derive(Clone, Copy)]
struct Frame {
    kind: Kind,
    results: Types,
    /// Operands below it.
    height: u32,
    /// Whether its rest cannot be reached, once another has been opened in it.
    unreachable: bool,
}

impl Frame {
    /// What a branch to it takes.
    fn label(&self) -> Types {
        if self.kind == Kind::Loop { Types::NONE } else { self.results }
    }
}

/// What a check allocates, to be used again.
#[derive(Default)]
pub(super) struct Buffers {
    operands: Vec<Code>,
    locals: Vec<Code>,
    frames: Vec<Frame>,
}

/// Whether the body of a function with this type is plain and valid. False says nothing.
pub(super) fn is_valid(desc: &ModuleDesc, ty: u32, body: &[u8], buffers: &mut Buffers) -> bool {
    buffers.operands.clear();
    buffers.locals.clear();
    buffers.frames.clear();
    let memory = desc.memories.first().is_some_and(|memory| !memory.memory64);
    Check { desc, body, at: 0, memory, height: 0, unreachable: false, b: buffers }.function(ty).is_some()
}

/// A body that is looked at. `None` where it is not plain, or not valid.
struct Check<'a> {
    desc: &'a ModuleDesc,
    body: &'a [u8],
    at: usize,
    /// Whether there is a memory 0 of 32 bits.
    memory: bool,
    /// The innermost frame's.
    height: usize,
    unreachable: bool,
    b: &'a mut Buffers,
}

impl Check<'_> {
    fn function(&mut self, ty: u32) -> Option<()> {
        let results = self.results(ty)?;
        for param in &self.desc.func_types[ty as usize].params {
            self.b.locals.push(code(*param)?);
        }
        for _ in 0..self.unsigned()? {
            let count = self.unsigned()? as usize;
            let ty = parsed(self.byte()?)?;
            let len = self.b.locals.len().checked_add(count).filter(|len| *len <= MAX_LOCALS)?;
            self.b.locals.resize(len, ty);
        }
        self.b.frames.push(Frame { kind: Kind::Block, results, height: 0, unreachable: false });
        while !self.b.frames.is_empty() {
            let opcode = self.byte()?;
            self.operator(opcode)?;
        }
        (self.at == self.body.len()).then_some(())
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.body.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// An unsigned number of 32 bits in LEB128.
    #[inline]
    fn unsigned(&mut self) -> Option<u32> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u32::from(first));
        }
        let mut number = u32::from(first & 0x7f);
        for shift in [7, 14, 21] {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        let last = self.byte().filter(|byte| *byte < 0x10)?;
        Some(number | u32::from(last) << 28)
    }

    /// Passes over a signed number in LEB128 that has at most so many bytes and so many bits in the last of these.
    #[inline]
    fn signed(&mut self, bytes: usize, last: u32) -> Option<()> {
        for _ in 1..bytes {
            if self.byte()? < 0x80 {
                return Some(());
            }
        }
        // What is left of the byte repeats the sign.
        let above = self.byte()? >> (last - 1);
        (above == 0 || above == 0x7f >> (last - 1)).then_some(())
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.at += bytes;
        (self.at <= self.body.len()).then_some(())
    }

    #[inline]
    fn push(&mut self, ty: Code) {
        self.b.operands.push(ty);
    }

    /// Pops an operand of any type.
    #[inline]
    fn pop_any(&mut self) -> Option<Code> {
        if self.b.operands.len() > self.height {
            self.b.operands.pop()
        } else {
            self.unreachable.then_some(NONE)
        }
    }

    #[inline]
    fn pop(&mut self, ty: Code) -> Option<()> {
        let found = self.pop_any()?;
        (found == ty || found == NONE).then_some(())
    }

    /// The same of what may be none.
    #[inline]
    fn pop_some(&mut self, ty: Code) -> Option<()> {
        if ty == NONE { Some(()) } else { self.pop(ty) }
    }

    /// Pops operands of these types.
    #[inline]
    fn pop_all(&mut self, types: Types) -> Option<()> {
        match types {
            Types::One(ty) => self.pop_some(ty),
            Types::Of(ty) => {
                let results = &self.desc.func_types[ty as usize].results;
                results.iter().rev().try_for_each(|ty| self.pop(code(*ty)?))
            }
        }
    }

    #[inline]
    fn push_all(&mut self, types: Types) -> Option<()> {
        match types {
            Types::One(NONE) => {}
            Types::One(ty) => self.push(ty),
            Types::Of(ty) => {
                let results = &self.desc.func_types[ty as usize].results;
                results.iter().try_for_each(|ty| code(*ty).map(|ty| self.push(ty)))?;
            }
        }
        Some(())
    }

    /// The results of the type with this index.
    fn results(&self, ty: u32) -> Option<Types> {
        Some(match *self.desc.func_types.get(ty as usize)?.results {
            [] => Types::NONE,
            [one] => Types::One(code(one)?),
            _ => Types::Of(ty),
        })
    }

    #[inline]
    fn local(&mut self) -> Option<Code> {
        let local = self.unsigned()?;
        self.b.locals.get(local as usize).copied()
    }

    #[inline]
    fn operator(&mut self, opcode: u8) -> Option<()> {
        match opcode {
            0x20 => {
                let ty = self.local()?;
                self.push(ty);
            }
            0x21 => {
                let ty = self.local()?;
                self.pop(ty)?;
            }
            0x22 => {
                let ty = self.local()?;
                self.pop(ty)?;
                self.push(ty);
            }
            0x41 => {
                self.signed(5, 4)?;
                self.push(I32);
            }
            0x42 => {
                self.signed(10, 1)?;
                self.push(I64);
            }
            FIRST_ACCESS..=0x3e => self.access(opcode)?,
            FIRST_NUMERIC..=LAST_NUMERIC => self.apply(NUMERIC[usize::from(opcode - FIRST_NUMERIC)])?,
            0x00..=0x05 | 0x0b..=0x0f => self.control(opcode)?,
            _ => self.rare(opcode)?,
        }
        Some(())
    }

    #[inline]
    fn apply(&mut self, signature: Signature) -> Option<()> {
        self.pop(signature.second)?;
        self.pop_some(signature.first)?;
        self.push(signature.result);
        Some(())
    }

    #[inline]
    fn access(&mut self, opcode: u8) -> Option<()> {
        let (ty, log2) = ACCESSES[usize::from(opcode - FIRST_ACCESS)];
        // Also false if it names another memory.
        self.byte().filter(|align| *align <= log2 && self.memory)?;
        self.unsigned()?;
        if opcode < FIRST_STORE {
            self.pop(I32)?;
            self.push(ty);
        } else {
            self.pop(ty)?;
            self.pop(I32)?;
        }
        Some(())
    }

    /// Control flow but for calls.
    fn control(&mut self, opcode: u8) -> Option<()> {
        match opcode {
            0x00 => self.leave(),
            0x01 => {}
            0x02 => self.open(Kind::Block)?,
            0x03 => self.open(Kind::Loop)?,
            0x04 => {
                self.pop(I32)?;
                self.open(Kind::If)?;
            }
            0x05 => {
                let frame = self.close().filter(|frame| frame.kind == Kind::If)?;
                self.enter(Frame { kind: Kind::Block, ..frame });
            }
            0x0b => {
                let frame = self.close()?;
                // The half that is not there would have to give the result.
                if frame.kind == Kind::If && frame.results != Types::NONE {
                    return None;
                }
                self.push_all(frame.results)?;
            }
            0x0c => {
                let label = self.label()?;
                self.pop_all(label)?;
                self.leave();
            }
            0x0d => {
                let label = self.label()?;
                self.pop(I32)?;
                self.pop_all(label)?;
                self.push_all(label)?;
            }
            0x0e => {
                let count = self.unsigned()?;
                let label = self.label()?;
                for _ in 0..count {
                    self.label().filter(|other| *other == label)?;
                }
                self.pop(I32)?;
                self.pop_all(label)?;
                self.leave();
            }
            _ => {
                let results = self.b.frames.first()?.results;
                self.pop_all(results)?;
                self.leave();
            }
        }
        Some(())
    }

    /// What the branch takes whose depth is next.
    #[inline]
    fn label(&mut self) -> Option<Types> {
        let depth = self.unsigned()? as usize;
        let frame = self.b.frames.len().checked_sub(1 + depth)?;
        Some(self.b.frames[frame].label())
    }

    /// What follows is not reached.
    fn leave(&mut self) {
        self.b.operands.truncate(self.height);
        self.unreachable = true;
    }

    /// The results of the block whose type is next.
    fn block_type(&mut self) -> Option<Types> {
        Some(match self.byte()? {
            0x40 => Types::NONE,
            low => match parsed(low) {
                Some(ty) => Types::One(ty),
                None => {
                    // An index; as a number with a sign it is positive.
                    let high = if low < 0x80 { 0 } else { self.byte()? };
                    let last = if low < 0x80 { low } else { high };
                    let index = u32::from(low & 0x7f) | u32::from(high) << 7;
                    let ty = self.desc.func_types.get(index as usize).filter(|_| last < 0x40)?;
                    self.results(index).filter(|_| ty.params.is_empty())?
                }
            },
        })
    }

    fn open(&mut self, kind: Kind) -> Option<()> {
        let results = self.block_type()?;
        self.nest(kind, results);
        Some(())
    }

    fn nest(&mut self, kind: Kind, results: Types) {
        if let Some(outer) = self.b.frames.last_mut() {
            outer.unreachable = self.unreachable;
        }
        let height = self.b.operands.len() as u32;
        self.enter(Frame { kind, results, height, unreachable: false });
    }

    fn enter(&mut self, frame: Frame) {
        (self.height, self.unreachable) = (frame.height as usize, false);
        self.b.frames.push(frame);
    }

    /// Closes the innermost frame, whose result is taken from the operands, where nothing else may be left of it.
    fn close(&mut self) -> Option<Frame> {
        let frame = self.b.frames.pop()?;
        self.pop_all(frame.results)?;
        if self.b.operands.len() != self.height {
            return None;
        }
        if let Some(outer) = self.b.frames.last() {
            (self.height, self.unreachable) = (outer.height as usize, outer.unreachable);
        }
        Some(frame)
    }

    fn rare(&mut self, opcode: u8) -> Option<()> {
        match opcode {
            0x10 => {
                let callee = self.unsigned()?;
                self.call(*self.desc.functions.get(callee as usize)?)?;
            }
            0x11 => {
                let (ty, table) = (self.unsigned()?, self.unsigned()?);
                let table = self.desc.tables.get(table as usize)?;
                if ValType::Ref(table.element) != ValType::FUNCREF || table.table64 {
                    return None;
                }
                self.pop(I32)?;
                self.call(ty)?;
            }
            0x1a => {
                self.pop_any()?;
            }
            0x1b => {
                self.pop(I32)?;
                let (a, b) = (self.pop_any()?, self.pop_any()?);
                if a != b && a != NONE && b != NONE || a == EXN || b == EXN {
                    return None;
                }
                self.push(if a == NONE { b } else { a });
            }
            0x23 | 0x24 => {
                let global = self.unsigned()?;
                let global = self.desc.globals.get(global as usize)?;
                let ty = code(global.content)?;
                if opcode == 0x23 {
                    self.push(ty);
                } else {
                    self.pop(ty).filter(|()| global.mutable)?;
                }
            }
            0x3f | 0x40 => {
                self.byte().filter(|memory| *memory == 0 && self.memory)?;
                self.pop_some(if opcode == 0x40 { I32 } else { NONE })?;
                self.push(I32);
            }
            0x43 => {
                self.skip(4)?;
                self.push(F32);
            }
            0x44 => {
                self.skip(8)?;
                self.push(F64);
            }
            0x08 | 0x0a | 0x1f => self.exceptional(opcode)?,
            0xfc => self.prefixed()?,
            _ => return None,
        }
        Some(())
    }

    fn pop_params(&mut self, params: &[ValType]) -> Option<()> {
        params.iter().rev().try_for_each(|ty| self.pop(code(*ty)?))
    }

    /// A call of a function with this type.
    fn call(&mut self, ty: u32) -> Option<()> {
        let ty = self.desc.func_types.get(ty as usize)?;
        self.pop_params(&ty.params)?;
        for result in &ty.results {
            self.push(code(*result)?);
        }
        Some(())
    }

    /// Saturating conversions, `memory.copy` and `memory.fill`.
    fn prefixed(&mut self) -> Option<()> {
        let opcode = self.byte()?;
        let memories = match opcode {
            0 | 1 => return self.apply(unary(F32, I32)),
            2 | 3 => return self.apply(unary(F64, I32)),
            4 | 5 => return self.apply(unary(F32, I64)),
            6 | 7 => return self.apply(unary(F64, I64)),
            10 => 2,
            11 => 1,
            _ => return None,
        };
        for _ in 0..memories {
            self.byte().filter(|memory| *memory == 0 && self.memory)?;
        }
        (0..3).try_for_each(|_| self.pop(I32))
    }
}
