//! The machine code of a body under construction, on x86-64: what stands between stencils. Moves between frame and
//! registers, jumps, calls. Knows neither stencils nor WebAssembly.

use super::form::Ty;

/// General registers by number.
pub(super) const RAX: u8 = 0;
pub(super) const RCX: u8 = 1;
pub(super) const RDX: u8 = 2;
pub(super) const RSP: u8 = 4;
/// The base register of frames.
const RBP: u8 = 5;
pub(super) const RSI: u8 = 6;
pub(super) const RDI: u8 = 7;
pub(super) const R8: u8 = 8;
pub(super) const R9: u8 = 9;
pub(super) const R10: u8 = 10;

/// Registers of operands, by rotation.
pub(super) const INTS: [u8; 3] = [RDX, RCX, R8];
pub(super) const FLOATS: [u8; 3] = [0, 1, 2];
/// Registers of integer arguments.
pub(super) const ARGUMENTS: [u8; 6] = [RDI, RSI, RDX, RCX, R8, R9];
/// Registers of integer results.
pub(super) const RESULTS: [u8; 8] = [RAX, RCX, RDX, RSI, RDI, R8, R9, R10];
/// Integer registers that a function keeps for its caller. Code between stencils, and stencils themselves when they
/// are done, leave them alone.
pub(super) const KEPT: [u8; 5] = [3, 12, 13, 14, 15];
/// A float register that holds nothing for long.
pub(super) const SCRATCH_FLOAT: u8 = 15;

/// Prepared code comes in pieces of so many bytes.
pub(super) const CHUNK: usize = 16;

/// The end of a chain of places that wait for a label.
pub(super) const NO_PLACE: u32 = u32::MAX;

/// Places that will hold the distance to one label. Each place holds the place before it until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain(pub(super) u32);

impl Chain {
    pub(super) const EMPTY: Chain = Chain(NO_PLACE);

    pub(super) fn is_empty(self) -> bool {
        self.0 == NO_PLACE
    }
}

/// What is behind the code in its buffer is written over by the next.
#[derive(Debug, Default)]
pub(super) struct Code {
    buffer: Vec<u8>,
    len: usize,
}

impl Code {
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    #[inline]
    pub(super) fn at(&self) -> u32 {
        self.len as u32
    }

    /// Room for so many bytes behind the code.
    #[inline]
    fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.len + bytes > self.buffer.len() {
            self.grow(bytes);
        }
        &mut self.buffer[self.len..self.len + bytes]
    }

    /// Puts the first bytes of an array, which is copied as a whole: that takes an instruction or two.
    #[inline]
    pub(super) fn put_first<const N: usize>(&mut self, array: &[u8; N], bytes: usize) {
        *self.window() = *array;
        self.advance(bytes);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        let len = (self.len + bytes).next_power_of_two().max(64 << 10);
        self.buffer.resize(len, 0);
    }

    #[inline]
    pub(super) fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.put_first(bytes, N);
    }

    /// Puts so many of the lower bytes of a number.
    #[inline]
    fn put_low(&mut self, number: u64, bytes: usize) {
        self.put_first(&number.to_le_bytes(), bytes);
    }

    /// Puts the first bytes of a piece of prepared code.
    #[inline]
    pub(super) fn put_piece(&mut self, piece: &[u8; CHUNK], bytes: u8) {
        self.put_first(piece, usize::from(bytes));
    }

    /// Room behind the code, for what may be put there by [`Code::advance`].
    #[inline]
    pub(super) fn window<const N: usize>(&mut self) -> &mut [u8; N] {
        self.room(N).first_chunk_mut().expect("the room is as large as was asked for")
    }

    /// Puts so many bytes of what was written there.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.len += bytes;
    }

    /// Puts a byte at `at`, which is close: what stands there moves.
    pub(super) fn insert(&mut self, at: u32, byte: u8) {
        self.put(&[0]);
        let at = at as usize;
        self.buffer.copy_within(at..self.len - 1, at + 1);
        self.buffer[at] = byte;
    }

    pub(super) fn put_slice(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Fills up to a multiple of `align` bytes.
    pub(super) fn align(&mut self, align: usize) {
        let fill = self.len.next_multiple_of(align) - self.len;
        self.room(fill).fill(0);
        self.len += fill;
    }

    #[inline]
    pub(super) fn set_byte(&mut self, at: u32, byte: u8) {
        self.buffer[at as usize] = byte;
    }

    #[inline]
    pub(super) fn get_byte(&self, at: u32) -> u8 {
        self.buffer[at as usize]
    }

    /// Changes bits of a byte.
    #[inline]
    pub(super) fn flip(&mut self, at: u32, bits: u8) {
        self.buffer[at as usize] ^= bits;
    }

    #[inline]
    pub(super) fn word(&mut self, word: i32) {
        self.put(&word.to_le_bytes());
    }

    #[inline]
    pub(super) fn set_word(&mut self, at: u32, word: i32) {
        if let Some(place) = self.buffer[at as usize..].first_chunk_mut() {
            *place = word.to_le_bytes();
        }
    }

    #[inline]
    pub(super) fn get_word(&self, at: u32) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&self.buffer[at as usize..at as usize + 4]);
        u32::from_le_bytes(word)
    }

    /// Adds the four bytes at `place` to a chain.
    #[inline]
    pub(super) fn chain(&mut self, chain: &mut Chain, place: u32) {
        self.set_word(place, chain.0.cast_signed());
        chain.0 = place;
    }

    /// Makes all places of a chain lead to `target`.
    pub(super) fn bind(&mut self, chain: &mut Chain, target: u32) {
        while chain.0 != NO_PLACE {
            let place = chain.0;
            chain.0 = self.get_word(place);
            self.lead(place, target);
        }
    }

    /// Makes the distance at `place` lead to `target`.
    #[inline]
    pub(super) fn lead(&mut self, place: u32, target: u32) {
        self.set_word(place, target.wrapping_sub(place + 4).cast_signed());
    }

    /// A jump; gives the place of its distance.
    pub(super) fn jump(&mut self) -> u32 {
        self.put(&[0xe9, 0, 0, 0, 0]);
        self.at() - 4
    }

    /// An opcode of one or two bytes, with a mode byte that names `[rbp + displacement]`.
    #[inline]
    fn in_frame(&mut self, rex: u8, opcode: u16, reg: u8, displacement: i32) {
        let (mut code, mut len) = (u64::from(opcode), if opcode > 0xff { 2 } else { 1 });
        let mode = u64::from((reg & 7) << 3 | RBP);
        match i8::try_from(displacement) {
            Ok(short) => {
                code |= (mode | 0x40 | u64::from(short.cast_unsigned()) << 8) << (8 * len);
                len += 2;
            }
            Err(_) => {
                code |= (mode | 0x80 | u64::from(displacement.cast_unsigned()) << 8) << (8 * len);
                len += 5;
            }
        }
        if rex != 0x40 {
            (code, len) = (code << 8 | u64::from(rex), len + 1);
        }
        self.put_low(code, len);
    }

    /// An integer instruction on `[rbp + displacement]`.
    #[inline]
    fn integer(&mut self, opcode: u8, wide: bool, reg: u8, displacement: i32) {
        let rex = 0x40 | u8::from(wide) << 3 | (reg >> 3) << 2;
        self.in_frame(rex, u16::from(opcode), reg, displacement);
    }

    /// A float instruction on `[rbp + displacement]`.
    fn float(&mut self, opcode: u8, ty: Ty, reg: u8, displacement: i32) {
        match ty {
            Ty::F32 => self.put(&[0xf3]),
            Ty::F64 => self.put(&[0xf2]),
            _ => {}
        }
        let rex = 0x40 | (reg >> 3) << 2;
        self.in_frame(rex, u16::from_le_bytes([0x0f, opcode]), reg, displacement);
    }

    /// A register of the class of `ty` from the frame. Integers of 32 bits are extended by zeros.
    #[inline]
    pub(super) fn load(&mut self, reg: u8, ty: Ty, displacement: i32) {
        match ty {
            Ty::I32 | Ty::I64 => self.integer(0x8b, ty == Ty::I64, reg, displacement),
            _ => self.float(0x10, ty, reg, displacement),
        }
    }

    #[inline]
    pub(super) fn store(&mut self, reg: u8, ty: Ty, displacement: i32) {
        match ty {
            Ty::I32 | Ty::I64 => self.integer(0x89, ty == Ty::I64, reg, displacement),
            _ => self.float(0x11, ty, reg, displacement),
        }
    }

    /// Copies a value from one place of the frame to another.
    pub(super) fn copy(&mut self, ty: Ty, from: i32, to: i32) {
        if from == to {
            return;
        }
        let reg = if ty == Ty::V128 { SCRATCH_FLOAT } else { RAX };
        let ty = match ty {
            Ty::F32 => Ty::I32,
            Ty::F64 => Ty::I64,
            other => other,
        };
        self.load(reg, ty, from);
        self.store(reg, ty, to);
    }

    /// An address in the frame.
    pub(super) fn address(&mut self, reg: u8, displacement: i32) {
        self.integer(0x8d, true, reg, displacement);
    }

    /// The same, of a displacement that is known later; gives its place.
    pub(super) fn address_later(&mut self, reg: u8) -> u32 {
        self.put(&[0x48 | (reg >> 3) << 2, 0x8d, 0x80 | (reg & 7) << 3 | RBP, 0, 0, 0, 0]);
        self.at() - 4
    }

    /// A load of a displacement that is known later; gives its place.
    pub(super) fn load_later(&mut self, reg: u8, ty: Ty) -> u32 {
        self.load(reg, ty, i32::MIN);
        self.at() - 4
    }

    /// A store to a displacement that is known later; gives its place.
    pub(super) fn store_later(&mut self, reg: u8, ty: Ty) -> u32 {
        self.store(reg, ty, i32::MIN);
        self.at() - 4
    }

    /// A register from a register, of the class of `ty`.
    pub(super) fn register(&mut self, to: u8, from: u8, ty: Ty) {
        match ty {
            // Also where both are the same: the upper half becomes zero.
            Ty::I32 => {
                let rex = 0x40 | (to >> 3) << 2 | from >> 3;
                if rex != 0x40 {
                    self.put(&[rex]);
                }
                self.put(&[0x8b, 0xc0 | (to & 7) << 3 | from & 7]);
            }
            Ty::I64 if to != from => {
                self.put(&[0x48 | (to >> 3) << 2 | from >> 3, 0x8b, 0xc0 | (to & 7) << 3 | from & 7]);
            }
            Ty::F32 | Ty::F64 | Ty::V128 if to != from => {
                let rex = 0x40 | (to >> 3) << 2 | from >> 3;
                if rex != 0x40 {
                    self.put(&[rex]);
                }
                self.put(&[0x0f, 0x28, 0xc0 | (to & 7) << 3 | from & 7]);
            }
            _ => {}
        }
    }

    /// An integer register becomes a number.
    pub(super) fn number(&mut self, reg: u8, value: i64) {
        let high = reg >> 3;
        if value == 0 {
            let rex = 0x40 | high << 2 | high;
            if high != 0 {
                self.put(&[rex]);
            }
            self.put(&[0x31, 0xc0 | (reg & 7) << 3 | reg & 7]);
        } else if let Ok(short) = u32::try_from(value) {
            if high != 0 {
                self.put(&[0x41]);
            }
            self.put(&[0xb8 | reg & 7]);
            self.put(&short.to_le_bytes());
        } else if let Ok(short) = i32::try_from(value) {
            self.put(&[0x48 | high, 0xc7, 0xc0 | reg & 7]);
            self.word(short);
        } else {
            self.put(&[0x48 | high, 0xb8 | reg & 7]);
            self.put(&value.to_le_bytes());
        }
    }

    /// A float register becomes 0.
    pub(super) fn float_zero(&mut self, reg: u8) {
        if reg >= 8 {
            self.put(&[0x45]);
        }
        self.put(&[0x0f, 0x57, 0xc0 | (reg & 7) << 3 | reg & 7]);
    }

    /// A number in the frame.
    pub(super) fn store_number(&mut self, ty: Ty, value: i64, displacement: i32) {
        let wide = matches!(ty, Ty::I64 | Ty::F64);
        let short = if wide { i32::try_from(value).ok() } else { Some(value as i32) };
        match short {
            Some(short) => {
                self.integer(0xc7, wide, 0, displacement);
                self.word(short);
            }
            None => {
                self.number(RAX, value);
                self.store(RAX, Ty::I64, displacement);
            }
        }
    }

    /// `[rsp + displacement]` becomes a register's value.
    pub(super) fn store_argument(&mut self, reg: u8, ty: Ty, displacement: i32) {
        match ty {
            Ty::V128 => {
                if reg >= 8 {
                    self.put(&[0x44]);
                }
                self.put(&[0x0f, 0x11]);
            }
            _ => self.put(&[0x48 | (reg >> 3) << 2, 0x89]),
        }
        self.put(&[0x84 | (reg & 7) << 3, 0x20 | RSP]);
        self.word(displacement);
    }

    /// A register becomes the word at `[rsp + displacement]`.
    pub(super) fn load_argument(&mut self, reg: u8, displacement: i32) {
        self.put(&[0x48 | (reg >> 3) << 2, 0x8b, 0x84 | (reg & 7) << 3, 0x20 | RSP]);
        self.word(displacement);
    }

    /// `rsp` less so many bytes.
    pub(super) fn lower_stack(&mut self, bytes: u32) {
        self.put(&[0x48, 0x81, 0xec]);
        self.put(&bytes.to_le_bytes());
    }

    /// A register from `[base + displacement]`, of 64 bits.
    pub(super) fn load_from(&mut self, reg: u8, base: u8, displacement: u8) {
        self.put(&[0x48 | (reg >> 3) << 2 | base >> 3, 0x8b, 0x40 | (reg & 7) << 3 | base & 7, displacement]);
    }

    /// Copies a value from `[base + offset]` to the frame.
    pub(super) fn copy_from(&mut self, base: u8, offset: u32, ty: Ty, to: i32) {
        let reg = if ty == Ty::V128 { SCRATCH_FLOAT } else { R10 };
        let rex = 0x40 | (reg >> 3) << 2 | base >> 3;
        match ty {
            Ty::V128 => self.put(&[rex, 0x0f, 0x10]),
            Ty::I64 | Ty::F64 => self.put(&[rex | 8, 0x8b]),
            Ty::I32 | Ty::F32 => self.put(&[rex, 0x8b]),
        }
        self.put(&[0x80 | (reg & 7) << 3 | base & 7]);
        self.put(&offset.to_le_bytes());
        let ty = match ty {
            Ty::F32 => Ty::I32,
            Ty::F64 => Ty::I64,
            other => other,
        };
        self.store(reg, ty, to);
    }

    /// A register's value to `[base + offset]`.
    pub(super) fn store_to(&mut self, base: u8, offset: u32, reg: u8, ty: Ty) {
        match ty {
            Ty::F32 => self.put(&[0xf3]),
            Ty::F64 => self.put(&[0xf2]),
            _ => {}
        }
        let rex = 0x40 | u8::from(ty == Ty::I64) << 3 | (reg >> 3) << 2 | base >> 3;
        self.put(&[rex]);
        match ty.is_float() {
            true => self.put(&[0x0f, 0x11]),
            false => self.put(&[0x89]),
        }
        self.put(&[0x80 | (reg & 7) << 3 | base & 7]);
        self.put(&offset.to_le_bytes());
    }

    /// `movsd reg, [rip + distance]`; gives the place of the distance.
    pub(super) fn load_double(&mut self, reg: u8) -> u32 {
        self.put(&[0xf2]);
        if reg >= 8 {
            self.put(&[0x44]);
        }
        self.put(&[0x0f, 0x10, 0x05 | (reg & 7) << 3, 0, 0, 0, 0]);
        self.at() - 4
    }

    /// `movups reg, [rip + distance]`; gives the place of the distance.
    pub(super) fn load_vector(&mut self, reg: u8) -> u32 {
        self.put(&[0x0f, 0x10, 0x05 | (reg & 7) << 3, 0, 0, 0, 0]);
        self.at() - 4
    }

    /// `mov reg, [rip + distance]`, the GOT entry of a symbol; gives the place of the distance.
    pub(super) fn load_symbol(&mut self, reg: u8) -> u32 {
        self.put(&[0x48 | (reg >> 3) << 2, 0x8b, 0x05 | (reg & 7) << 3, 0, 0, 0, 0]);
        self.at() - 4
    }
}
