//! How a register may stand instead of an access to the frame, on x86-64: the mode byte names it, the displacement
//! goes. Knows instructions, and nothing of the stencils that they are in.
//!
//! ```text
//!   03 55 d8        add edx, [rbp - 40]
//!   03 d3           add edx, ebx
//!   41 03 d4        add edx, r12d: registers from 8 up need a bit, in a prefix that may have to be put there
//! ```

use super::narrow::Instructions;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, Register};
use serde::{Deserialize, Serialize};

/// How a register is written instead of an access. Numbers are how many bytes before the displacement's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Instead {
    /// Not at all.
    Never,
    /// Only one of the lower eight.
    Lower,
    /// One of the upper by a prefix, which is put here.
    Prefix(u8),
    /// One of the upper by a bit of the prefix here.
    Rex(u8),
    /// The same, of the byte behind the long VEX prefix here.
    Vex(u8),
    /// Only one of the lower eight, and the load of a float whose VEX prefix is here becomes a copy of all lanes.
    Copy(u8),
}

impl Instead {
    /// Whether this register can be written so.
    #[inline]
    pub(super) fn takes(self, register: u8) -> bool {
        match self {
            Instead::Never => false,
            Instead::Lower | Instead::Copy(_) => register < 8,
            Instead::Prefix(_) | Instead::Rex(_) | Instead::Vex(_) => true,
        }
    }

    /// How far before its place it changes anything.
    pub(super) fn back(self) -> u8 {
        match self {
            Instead::Never | Instead::Lower => 1,
            Instead::Prefix(back) | Instead::Rex(back) | Instead::Vex(back) | Instead::Copy(back) => back,
        }
    }
}

/// `vmovss`, `vmovsd` become `vmovaps`: the prefix's second byte loses these bits, the opcode becomes this.
pub(super) const LANES: u8 = 0x03;
pub(super) const COPY: u8 = 0x28;

/// Registers that stand for all lower and all upper ones.
const LOWER: (u8, [Register; 2], Register) = (3, [Register::EBX, Register::RBX], Register::XMM3);
const UPPER: (u8, [Register; 2]) = (4, [Register::R12D, Register::R12]);

fn decoded(code: &[u8]) -> Option<Instruction> {
    let instruction = Decoder::new(64, code, DecoderOptions::NONE).decode();
    (!instruction.is_invalid() && instruction.len() == code.len()).then_some(instruction)
}

fn names(instruction: &Instruction, register: Register) -> bool {
    (0..instruction.op_count()).any(|n| instruction.op_register(n) == register)
}

impl Instructions<'_> {
    /// How a register of a class may stand instead of the access whose displacement is at `place`.
    pub(super) fn instead(&self, place: usize, float: bool) -> Instead {
        let Some((instruction, _, inside)) = self.around(place) else { return Instead::Never };
        let start = place - inside;
        let code = &self.code[start..start + instruction.len()];
        let mut other = [&code[..inside], &code[inside + 4..]].concat();
        let mode = |register: u8| 0xc0 | code[inside - 1] & 0x38 | register;
        other[inside - 1] = mode(LOWER.0);
        if let (Mnemonic::Vmovss | Mnemonic::Vmovsd, 0xc5, 0x10) = (instruction.mnemonic(), code[0], code[2])
        {
            return if float { Instead::Copy(inside as u8) } else { Instead::Never };
        }
        let same = |other: &[u8], registers: &[Register]| {
            let Some(other) = decoded(other) else { return false };
            let named = registers.iter().any(|r| names(&other, *r) && !names(instruction, *r));
            named && other.mnemonic() == instruction.mnemonic() && other.op_count() == instruction.op_count()
        };
        let registers: &[Register] = if float { &[LOWER.2] } else { &LOWER.1 };
        if !same(&other, registers) {
            return Instead::Never;
        }
        if float {
            return Instead::Lower;
        }
        let prefixes = code.iter().take_while(|byte| matches!(byte, 0x66 | 0xf2 | 0xf3)).count();
        let back = (inside - prefixes) as u8;
        other[inside - 1] = mode(UPPER.0);
        let instead = match code[prefixes] {
            0x40..=0x4f => {
                other[prefixes] |= 1;
                Instead::Rex(back)
            }
            0xc4 => {
                other[prefixes + 1] ^= 0x20;
                Instead::Vex(back)
            }
            0xc5 => return Instead::Lower,
            _ => {
                other.insert(prefixes, 0x41);
                Instead::Prefix(back)
            }
        };
        if same(&other, &UPPER.1) { instead } else { Instead::Lower }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instead(code: &[u8], place: usize, float: bool) -> Instead {
        Instructions::new(code, &[]).unwrap().instead(place, float)
    }

    #[test]
    fn a_register_stands_instead_of_an_access_only_where_it_means_the_same() {
        // add edx, [rbp + d32]; add rdx, [rbp + d32]; mov r8d, [rbp + d32]; cmp dword [rbp + d32], 7
        assert_eq!(instead(&[0x03, 0x95, 0, 0, 0, 1], 2, false), Instead::Prefix(2));
        assert_eq!(instead(&[0x48, 0x03, 0x95, 0, 0, 0, 1], 3, false), Instead::Rex(3));
        assert_eq!(instead(&[0x44, 0x8b, 0x85, 0, 0, 0, 1], 3, false), Instead::Rex(3));
        assert_eq!(instead(&[0x83, 0xbd, 0, 0, 0, 1, 7], 2, false), Instead::Prefix(2));
        // movzx edx, byte [rbp + d32]; rorx edx, [rbp + d32], 5; vcvtsi2sd xmm0, xmm0, dword [rbp + d32]
        assert_eq!(instead(&[0x0f, 0xb6, 0x95, 0, 0, 0, 1], 3, false), Instead::Never);
        assert_eq!(instead(&[0xc4, 0xe3, 0x7b, 0xf0, 0x95, 0, 0, 0, 1, 5], 5, false), Instead::Vex(5));
        assert_eq!(instead(&[0xc5, 0xfb, 0x2a, 0x85, 0, 0, 0, 1], 4, false), Instead::Lower);
    }

    #[test]
    fn a_float_register_does_not_stand_for_an_integer_nor_the_other_way_round() {
        // vaddsd xmm0, xmm0, [rbp + d32]; vmovsd xmm0, [rbp + d32]; mov rdx, [rbp + d32]
        let (add, load) = ([0xc5, 0xfb, 0x58, 0x85, 0, 0, 0, 1], [0xc5, 0xfb, 0x10, 0x85, 0, 0, 0, 1]);
        assert_eq!((instead(&add, 4, true), instead(&add, 4, false)), (Instead::Lower, Instead::Never));
        assert_eq!((instead(&load, 4, true), instead(&load, 4, false)), (Instead::Copy(4), Instead::Never));
        assert_eq!(instead(&[0x48, 0x8b, 0x95, 0, 0, 0, 1], 3, true), Instead::Never);
    }
}
