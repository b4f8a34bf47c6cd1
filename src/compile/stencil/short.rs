//! Stencils as most copies of them are: short, with every number in as few bits as it can have. Then places in the
//! code do not depend on the numbers: the code is copied as a whole, and numbers are written without a decision.

use super::code::Chain;
use super::extract::Hole;
use super::generate::MAX_OPERANDS;
use super::narrow::Width;
use super::operand::Numbers;
use super::pass::Pass;
use super::patch::written;
use latier_runtime::sites::SiteKind;

/// The most bytes, numbers of 8 bits and other holes of what is short.
const BYTES: usize = 24;
const FEW: usize = 3;
/// Room behind the code that is written while it is copied: what need not be written goes to its last byte.
const WINDOW: usize = 32;

/// A number of 8 bits, where it stands in the code and what it is: one of [`Numbers::values`], and something more.
#[derive(Clone, Copy, Debug)]
struct Number {
    at: u8,
    of: u8,
    add: u8,
}

impl Number {
    /// What stands for a number where there are fewer: operand 4, which no stencil has that is short.
    const NONE: Number = Number { at: WINDOW as u8 - 1, of: MAX_OPERANDS as u8 - 1, add: 0 };
}

/// A hole, and how many bytes into the code.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: u8,
    /// `None` behind the last.
    hole: Option<Hole>,
}

/// A stencil's code with all its numbers short. All that is needed of it lies in one line of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Short {
    code: [u8; BYTES],
    marks: [Mark; FEW],
    /// Bytes below the frame's own that it uses, from the stack pointer up.
    spill: u16,
    numbers: [Number; FEW],
    len: u8,
}

const _: () = assert!(size_of::<Option<Short>>() == 64);

impl Short {
    /// The short form of code with holes, if it has one.
    pub(super) fn new(code: &[u8], holes: &[(u16, Hole)], spill: u32) -> Option<Short> {
        let mut out = Vec::with_capacity(code.len());
        let (mut numbers, mut marks) = (Vec::new(), Vec::new());
        // Up to where the code is copied, and by how many bytes the last number was shortened.
        let (mut from, mut less) = (0, 0);
        for (at, hole) in holes.iter().copied() {
            let end = usize::from(at).max(from);
            out.extend_from_slice(&code[from..end]);
            from = end + written(hole);
            let at = u8::try_from(out.len()).ok()?;
            let (of, add, width, bits) = match hole {
                Hole::Displacement(n, access) => (n, 0, access.width, Width::MODE),
                Hole::Offset(add, width) => (Numbers::OFFSET as u8, add, width, Width::MODE),
                Hole::Constant(n, width) => (n, 0, width, Width::OPCODE),
                Hole::Pool(..) => return None,
                _ => {
                    out.resize(out.len() + written(hole), 0);
                    marks.push(Mark { at, hole: Some(hole) });
                    continue;
                }
            };
            if width == Width::FIXED {
                out.extend([0; 4]);
                marks.push(Mark { at, hole: Some(hole) });
                less = 0;
            } else {
                out[usize::from(at) - width.back(less)] ^= bits;
                out.push(0);
                numbers.push(Number { at, of, add });
                less = 3;
            }
        }
        out.extend_from_slice(&code[from..]);
        let mut short = Short {
            code: [0; BYTES],
            marks: [Mark { at: 0, hole: None }; FEW],
            spill: u16::try_from(spill).ok()?,
            numbers: [Number::NONE; FEW],
            len: u8::try_from(out.len()).ok()?,
        };
        let fits = !numbers.iter().any(|number| number.of == Number::NONE.of);
        short.code.get_mut(..out.len()).filter(|_| fits)?.copy_from_slice(&out);
        short.numbers.get_mut(..numbers.len())?.copy_from_slice(&numbers);
        short.marks.get_mut(..marks.len())?.copy_from_slice(&marks);
        Some(short)
    }
}

impl Pass<'_> {
    /// Copies a stencil in its short form and fills its holes; `None`, and nothing is done, if a number does not fit.
    /// Else the places of its branch.
    #[inline]
    pub(super) fn emit_short(&mut self, short: &Short, numbers: &Numbers, bytes: &[u8]) -> Option<Chain> {
        let window: &mut [u8; WINDOW] = self.b.code.window();
        *window.first_chunk_mut()? = short.code;
        let mut wide = 0;
        for Number { at, of, add } in short.numbers {
            let value = numbers.values[usize::from(of) % numbers.values.len()] + i32::from(add);
            wide |= value ^ i32::from(value as i8);
            window[usize::from(at) % WINDOW] = value as u8;
        }
        if wide != 0 {
            return None;
        }
        let start = self.b.code.at();
        self.b.code.advance(usize::from(short.len));
        let mut taken = Chain::EMPTY;
        for mark in &short.marks {
            let Some(hole) = mark.hole else { break };
            let at = start + u32::from(mark.at);
            match hole {
                Hole::Site(code) => self.site(at, SiteKind::Trap(code)),
                hole => self.fill(hole, at, numbers, bytes, &mut taken),
            }
        }
        self.spill = self.spill.max(u32::from(short.spill));
        Some(taken)
    }
}
