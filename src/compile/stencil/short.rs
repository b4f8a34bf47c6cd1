//! Stencils as most copies of them are: short, with every number in as few bits as it can have. Then places in the
//! code do not depend on the numbers, and the code is copied as a whole.

use super::code::Chain;
use super::extract::{Hole, Stencil};
use super::narrow::Width;
use super::operand::Place;
use super::pass::Pass;
use super::patch::{Found, written};
use latier_runtime::sites::SiteKind;

/// The most bytes, and the most holes, of what is short.
const BYTES: usize = 24;
const HOLES: usize = 4;

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
    /// Numbers first: if one of them does not fit, nothing has been noted.
    marks: [Mark; HOLES],
    /// Bytes below the frame's own that it uses, from the stack pointer up.
    spill: u32,
    len: u8,
}

const _: () = assert!(size_of::<Option<Short>>() == 64);

impl Short {
    /// The short form of code with holes, if it has one.
    pub(super) fn new(code: &[u8], holes: &[(u16, Hole)], spill: u32) -> Option<Short> {
        let (mut out, mut marks) = (Vec::with_capacity(code.len()), Vec::new());
        // Up to where the code is copied, and by how many bytes the last number was shortened.
        let (mut from, mut less) = (0, 0);
        for (at, hole) in holes {
            let end = usize::from(*at).max(from);
            out.extend_from_slice(&code[from..end]);
            let at = out.len();
            let number = match hole {
                Hole::Displacement(_, access) => Some((access.width, Width::MODE)),
                Hole::Offset(_, width) => Some((*width, Width::MODE)),
                Hole::Constant(_, width) => Some((*width, Width::OPCODE)),
                Hole::Pool(..) => return None,
                _ => None,
            };
            match number {
                None => out.resize(at + written(*hole), 0),
                Some((Width::FIXED, _)) => {
                    out.resize(at + 4, 0);
                    less = 0;
                }
                Some((width, bits)) => {
                    out[at - width.back(less)] ^= bits;
                    out.push(0);
                    less = 3;
                }
            }
            marks.push(Mark { at: u8::try_from(at).ok()?, hole: Some(*hole) });
            from = end + written(*hole);
        }
        out.extend_from_slice(&code[from..]);
        if out.len() > BYTES || marks.len() > HOLES {
            return None;
        }
        marks.sort_by_key(|mark| !mark.hole.is_some_and(Hole::is_number));
        let mut short = Short {
            code: [0; BYTES],
            marks: [Mark { at: 0, hole: None }; HOLES],
            spill,
            len: out.len() as u8,
        };
        short.code[..out.len()].copy_from_slice(&out);
        short.marks[..marks.len()].copy_from_slice(&marks);
        Some(short)
    }
}

impl Pass<'_> {
    /// Copies a stencil in its short form and fills its holes; `None`, and nothing is done, if a number does not fit.
    /// Else the places of its branch.
    #[inline]
    pub(super) fn emit_short(
        &mut self,
        short: &Short,
        stencil: &Stencil,
        places: &[Place],
        offset: i32,
        bytes: &[u8],
    ) -> Option<Chain> {
        let start = self.b.code.at();
        self.b.code.put_first(&short.code, usize::from(short.len));
        let mut found = Found::NOTHING;
        for mark in &short.marks {
            let Some(hole) = mark.hole else { break };
            let at = start + u32::from(mark.at);
            let (value, width) = match hole {
                Hole::Displacement(n, access) => match places[usize::from(n)] {
                    Place::Frame(displacement) => (displacement, access.width),
                    // What else there may be takes other bytes.
                    _ => return self.take_back(start),
                },
                Hole::Offset(add, width) => (offset + i32::from(add), width),
                Hole::Constant(n, width) => (places[usize::from(n)].constant() as i32, width),
                Hole::Site(code) => {
                    self.site(at, SiteKind::Trap(code));
                    continue;
                }
                hole => {
                    self.fill(hole, at, stencil, places, bytes, &mut found);
                    continue;
                }
            };
            match i8::try_from(value) {
                _ if width == Width::FIXED => self.b.code.set_word(at, value),
                Ok(value) => self.b.code.set_byte(at, value.cast_unsigned()),
                Err(_) => return self.take_back(start),
            }
        }
        self.spill = self.spill.max(short.spill);
        Some(found.taken)
    }

    fn take_back(&mut self, start: u32) -> Option<Chain> {
        self.b.code.take_back(start);
        None
    }
}
