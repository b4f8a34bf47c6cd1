//! Which numbers of 32 bits in a stencil may be written with 8, on x86-64: displacements, and constants that extend
//! their sign. Knows instructions; what stands in a stencil's places is all that it knows of stencils.
//!
//! ```text
//!   8b 95 d32          mov edx, [rbp + d32]         8b 55 d8
//!   81 c2 i32          add edx, i32                 83 c2 i8
//!      ▲  ▲
//!      │  └── the place
//!      └───── the mode byte says how wide a displacement is; the opcode does it for a constant
//! ```

use iced_x86::{ConstantOffsets, Decoder, DecoderOptions, Instruction, OpKind};
use serde::{Deserialize, Serialize};

/// How many bytes before its place the byte stands that says how wide a number is; 0 if that must not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Width(pub(super) u8);

impl Width {
    /// As it is.
    pub(super) const FIXED: Width = Width(0);
    /// What changes in a mode byte, and in an opcode.
    pub(super) const MODE: u8 = 0xc0;
    pub(super) const OPCODE: u8 = 0x02;
    /// What changes in a mode byte that is to name the code's own place instead of the frame's.
    pub(super) const MODE_POOL: u8 = 0x80;

    /// How many bytes before its place that byte stands in a copy where the last number was shortened by `less` bytes:
    /// it may lie between.
    #[inline]
    pub(super) fn back(self, less: u8) -> usize {
        usize::from(self.0 - if self.0 > 2 { less } else { 0 })
    }
}

/// The instructions of a stencil, with what is needed of each.
pub(super) struct Instructions<'a> {
    pub(super) code: &'a [u8],
    pub(super) decoded: Vec<(Instruction, ConstantOffsets)>,
    /// Hops inside the stencil: from the end of an instruction to another's start.
    hops: Vec<(usize, usize)>,
}

impl<'a> Instructions<'a> {
    /// Reads `code`. Branches whose distance is at one of `places` lead elsewhere.
    pub(super) fn new(code: &'a [u8], places: &[usize]) -> Result<Instructions<'a>, String> {
        let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
        let (mut decoded, mut hops) = (Vec::new(), Vec::new());
        while decoder.can_decode() {
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return Err(format!("an unknown instruction at {:#x}", instruction.ip()));
            }
            let offsets = decoder.get_constant_offsets(&instruction);
            let end = instruction.next_ip() as usize;
            let near = matches!(instruction.op0_kind(), OpKind::NearBranch64);
            if near && !places.contains(&(instruction.ip() as usize + offsets.immediate_offset())) {
                hops.push((end, instruction.near_branch_target() as usize));
            }
            decoded.push((instruction, offsets));
        }
        Ok(Instructions { code, decoded, hops })
    }

    /// The instruction that holds `place`, and where in it that is; `None` if something hops over the place, whose
    /// distance would not be right any more.
    pub(super) fn around(&self, place: usize) -> Option<(&Instruction, &ConstantOffsets, usize)> {
        let over = |(from, to): &(usize, usize)| (*from.min(to)..*from.max(to)).contains(&place);
        if self.hops.iter().any(over) {
            return None;
        }
        let n = self.decoded.partition_point(|(instruction, _)| instruction.next_ip() as usize <= place);
        let (instruction, offsets) = self.decoded.get(n)?;
        Some((instruction, offsets, place - instruction.ip() as usize))
    }

    /// How many bytes behind `place` the instruction that holds it ends.
    pub(super) fn end(&self, place: usize) -> u8 {
        let n = self.decoded.partition_point(|(instruction, _)| instruction.next_ip() as usize <= place);
        self.decoded.get(n).map_or(4, |(instruction, _)| (instruction.next_ip() as usize - place) as u8)
    }

    /// Whether the displacement at `place` may have 8 bits.
    pub(super) fn displacement(&self, place: usize) -> Width {
        let Some((instruction, offsets, inside)) = self.around(place) else { return Width::FIXED };
        // EVEX scales displacements of 8 bits.
        let scaled = self.code[instruction.ip() as usize] == 0x62;
        if scaled || offsets.displacement_offset() != inside || offsets.displacement_size() != 4 {
            return Width::FIXED;
        }
        // Between the mode byte and the displacement, an index byte may stand.
        for back in [1, 2] {
            let mode = self.code[place - back];
            let indexed = mode & 7 == 4;
            if mode & 0xc0 == 0x80 && indexed == (back == 2) {
                return Width(back as u8);
            }
        }
        Width::FIXED
    }

    /// Where constants of 8 bits stand.
    pub(super) fn small_constants(&self) -> Vec<usize> {
        let small = self.decoded.iter().filter(|(_, offsets)| offsets.immediate_size() == 1);
        small.map(|(instruction, offsets)| instruction.ip() as usize + offsets.immediate_offset()).collect()
    }

    /// Whether the constant at `place` may have 8 bits.
    pub(super) fn constant(&self, place: usize) -> Width {
        let Some((instruction, offsets, inside)) = self.around(place) else { return Width::FIXED };
        if offsets.immediate_offset() != inside || offsets.immediate_size() != 4 {
            return Width::FIXED;
        }
        let start = place - inside;
        let opcode = start + usize::from(self.code[start] & 0xf0 == 0x40);
        // Of what lies between, only a displacement may change, which is then the number before.
        let Some(between) = inside.checked_sub(opcode - start + 2) else { return Width::FIXED };
        let displaced =
            between == 4 && offsets.displacement_size() == 4 && !instruction.is_ip_rel_memory_operand();
        if matches!(self.code[opcode], 0x69 | 0x81) && (between == 0 || displaced) {
            return Width((place - opcode) as u8);
        }
        Width::FIXED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(code: &[u8], place: usize) -> (Width, Width) {
        let instructions = Instructions::new(code, &[]).unwrap();
        (instructions.displacement(place), instructions.constant(place))
    }

    #[test]
    fn the_byte_that_says_how_wide_a_number_is_is_found() {
        let fixed = Width::FIXED;
        // mov edx, [rbp + d32]; mov edx, [r9 + rcx + d32]; vaddsd xmm0, xmm0, [rbp + d32]
        assert_eq!(widths(&[0x8b, 0x95, 1, 2, 3, 4], 2), (Width(1), fixed));
        assert_eq!(widths(&[0x41, 0x8b, 0x94, 0x09, 1, 2, 3, 4], 4), (Width(2), fixed));
        assert_eq!(widths(&[0xc5, 0xfb, 0x58, 0x85, 1, 2, 3, 4], 4), (Width(1), fixed));
        // add r8d, i32; cmp dword [rbp + d32], i32; imul edx, ecx, i32; mov edx, i32
        assert_eq!(widths(&[0x41, 0x81, 0xc0, 1, 2, 3, 4], 3), (fixed, Width(2)));
        let compare = [0x81, 0xbd, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!((widths(&compare, 2).0, widths(&compare, 6).1), (Width(1), Width(6)));
        assert_eq!(widths(&[0x69, 0xd1, 1, 2, 3, 4], 2), (fixed, Width(2)));
        assert_eq!(widths(&[0xba, 1, 2, 3, 4], 1), (fixed, fixed));
    }

    #[test]
    fn what_is_hopped_over_stays_as_it_is() {
        // jne behind; mov edx, [rbp + d32]
        let code = [0x75, 6, 0x8b, 0x95, 1, 2, 3, 4, 0x90];
        assert_eq!(widths(&code, 4).0, Width::FIXED);
        let elsewhere = Instructions::new(&code, &[1]).unwrap();
        assert_eq!(elsewhere.displacement(4), Width(1));
    }
}
