//! A stencil's copy: part after part of its code goes behind what there is, and what belongs into its holes between
//! them. Numbers that fit take 8 bits, registers of locals stand instead of accesses: what follows is nearer then.

use super::code::{CHUNK, Chain};
use super::extract::{Hole, Stencil};
use super::instead::{self, Instead};
use super::narrow::Width;
use super::operand::{Numbers, Other};
use super::operator;
use super::pass::Pass;
use latier_runtime::sites::SiteKind;

/// A piece of a stencil's code, and the hole behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    code: [u8; CHUNK],
    /// How many of these bytes there are.
    len: u8,
    /// `None` in the last piece, and where code without holes is longer than a piece.
    hole: Option<Hole>,
}

/// The pieces of a stencil. The first lie here: most stencils have no more, and then nothing else is looked at.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Pieces {
    first: [Piece; FEW],
    /// How many these are.
    count: u8,
    /// Bytes below the frame's own that the stencil uses, from the stack pointer up.
    pub(super) spill: u32,
    /// All of them, if they are more.
    many: Box<[Piece]>,
}

/// Few pieces: all that is looked at of most stencils are two lines of the processor's cache.
const FEW: usize = 4;
const _: () = assert!(size_of::<Pieces>() == 128);

impl Pieces {
    /// Cuts the code of a stencil that spills so much at its holes. What is written into these is not in the pieces.
    pub(super) fn new(code: &[u8], holes: &[(u16, Hole)], spill: u32) -> Pieces {
        let mut pieces = Vec::with_capacity(holes.len() + code.len() / CHUNK + 1);
        let mut from = 0;
        let ends = holes.iter().map(|(at, hole)| (usize::from(*at), Some(*hole)));
        for (end, hole) in ends.chain([(code.len(), None)]) {
            let end = end.max(from);
            while end - from > CHUNK {
                pieces.push(Piece::new(&code[from..from + CHUNK], None));
                from += CHUNK;
            }
            pieces.push(Piece::new(&code[from..end], hole));
            from = end + hole.map_or(0, written);
        }
        let mut first = [Piece::new(&[], None); FEW];
        let count = pieces.len().min(FEW);
        first[..count].copy_from_slice(&pieces[..count]);
        let many = if pieces.len() > FEW { pieces.into() } else { Box::default() };
        Pieces { first, count: count as u8, spill, many }
    }

    #[inline]
    fn all(&self) -> &[Piece] {
        if self.many.is_empty() { &self.first[..usize::from(self.count)] } else { &self.many }
    }
}

/// How many bytes are written into a hole when its stencil is copied.
pub(super) fn written(hole: Hole) -> usize {
    match hole {
        Hole::Displacement(..) | Hole::Constant(..) | Hole::Offset(..) | Hole::Taken => 4,
        Hole::Amount(..) | Hole::Complement(..) => 1,
        // These are written later, or not at all.
        Hole::Trap(_) | Hole::Symbol(_) | Hole::Pool(..) | Hole::Site(_) | Hole::Call => 0,
    }
}

impl Piece {
    fn new(bytes: &[u8], hole: Option<Hole>) -> Piece {
        let mut code = [0; CHUNK];
        code[..bytes.len()].copy_from_slice(bytes);
        Piece { code, len: bytes.len() as u8, hole }
    }
}

impl Pass<'_> {
    /// Copies a stencil and fills its holes: `bytes` are its operator's.
    #[inline]
    pub(super) fn emit(&mut self, stencil: &Stencil, numbers: &Numbers, bytes: &[u8]) -> Chain {
        let start = self.b.code.at();
        let short = stencil.short.as_ref().filter(|_| numbers.plain);
        let taken = match short.and_then(|short| self.emit_short(short, numbers, bytes)) {
            Some(taken) => taken,
            None => self.emit_pieces(stencil, numbers, bytes),
        };
        if let Some(trace) = &mut self.trace {
            trace.stencil(start..self.b.code.at());
        }
        taken
    }

    /// The same piece after piece.
    #[inline(never)]
    fn emit_pieces(&mut self, stencil: &Stencil, numbers: &Numbers, bytes: &[u8]) -> Chain {
        self.spill = self.spill.max(stencil.pieces.spill);
        let mut taken = Chain::EMPTY;
        // Where its constants are, once they are put behind the code.
        let mut pool = None;
        // By how many bytes the last number was shortened.
        let mut less = 0;
        for piece in stencil.pieces.all() {
            self.b.code.put_piece(&piece.code, piece.len);
            let Some(hole) = piece.hole else { continue };
            let (value, width, bits) = match hole {
                Hole::Displacement(n, access) => match numbers.other(n) {
                    Other::Register(register) if access.instead.takes(register) => {
                        self.instead(register, access.instead);
                        less = 4;
                        continue;
                    }
                    Other::Pool => {
                        self.pooled_operand(numbers.value(n).cast_unsigned(), access.end);
                        less = 0;
                        continue;
                    }
                    _ => (numbers.value(n), access.width, Width::MODE),
                },
                Hole::Offset(add, width) => {
                    (numbers.values[Numbers::OFFSET] + i32::from(add), width, Width::MODE)
                }
                Hole::Constant(n, width) => (numbers.value(n), width, Width::OPCODE),
                Hole::Pool(inside, behind) => {
                    let pool = *pool.get_or_insert_with(|| self.pool_vectors(&stencil.pool));
                    self.b.pool_places.push((self.b.code.at(), behind, pool + u32::from(inside)));
                    continue;
                }
                hole => {
                    let at = self.b.code.at();
                    self.b.code.put_first(&[0; 4], written(hole));
                    self.fill(hole, at, numbers, bytes, &mut taken);
                    continue;
                }
            };
            less = self.number(less, value, width, bits);
        }
        taken
    }

    /// Fills the hole at `at`, numbers with 32 bits, or notes what is there; adds to the places of the branch.
    #[inline(never)]
    pub(super) fn fill(&mut self, hole: Hole, at: u32, numbers: &Numbers, bytes: &[u8], taken: &mut Chain) {
        match hole {
            Hole::Site(code) => self.site(at, SiteKind::Trap(code)),
            Hole::Taken => self.b.code.chain(taken, at),
            Hole::Symbol(n) => {
                let symbol = operator::symbols(bytes)[usize::from(n)];
                self.relocate(at, symbol.expect("a role is one of the operator's symbols"));
            }
            Hole::Trap(code) => self.trap_at(at, code),
            Hole::Amount(n, limit) => {
                let amount = numbers.value(n) as u8;
                self.b.code.set_byte(at, amount & (limit - 1));
            }
            Hole::Complement(n, limit) => {
                let amount = numbers.value(n) as u8;
                self.b.code.set_byte(at, amount.wrapping_neg() & (limit - 1));
            }
            Hole::Call => self.called(at),
            Hole::Displacement(n, _) | Hole::Constant(n, _) => self.b.code.set_word(at, numbers.value(n)),
            Hole::Offset(add, _) => {
                self.b.code.set_word(at, numbers.values[Numbers::OFFSET] + i32::from(add));
            }
            Hole::Pool(..) => unreachable!("what has constants behind the code is copied piece after piece"),
        }
    }

    /// A constant behind the code stands instead of an access, whose instruction ends so many bytes behind this place.
    fn pooled_operand(&mut self, inside: u32, end: u8) {
        let at = self.b.code.at();
        // [rip + d32]
        self.b.code.flip(at - 1, Width::MODE_POOL);
        self.b.code.word(0);
        self.b.pool_places.push((at, end, inside));
    }

    /// A register stands instead of an access.
    fn instead(&mut self, register: u8, instead: Instead) {
        let code = &mut self.b.code;
        let at = code.at();
        match instead {
            Instead::Prefix(back) if register >= 8 => code.insert(at - u32::from(back), 0x41),
            Instead::Rex(back) if register >= 8 => code.flip(at - u32::from(back), 0x01),
            Instead::Vex(back) if register >= 8 => code.flip(at - u32::from(back) + 1, 0x20),
            Instead::Copy(back) => {
                let prefix = at - u32::from(back);
                let byte = code.get_byte(prefix + 1);
                code.set_byte(prefix + 1, byte & !instead::LANES);
                code.set_byte(prefix + 2, instead::COPY);
            }
            _ => {}
        }
        let mode = code.at() - 1;
        let byte = code.get_byte(mode);
        code.set_byte(mode, 0xc0 | byte & 0x38 | register & 7);
    }

    /// Writes a number of 32 bits, or of 8 if it fits and may have so many. Takes and gives by how many bytes the last was
    /// shortened.
    #[inline]
    fn number(&mut self, less: u8, value: i32, width: Width, bits: u8) -> u8 {
        let code = &mut self.b.code;
        match i8::try_from(value) {
            Ok(short) if width != Width::FIXED => {
                code.flip(code.at() - width.back(less) as u32, bits);
                code.put(&[short.cast_unsigned()]);
                3
            }
            _ => {
                code.word(value);
                0
            }
        }
    }
}
