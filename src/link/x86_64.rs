//! Relocations of x86-64 (System V ABI, AMD64 Architecture Processor Supplement, sections 4.4 and B.2). Knows places
//! and numbers, no symbols.

use crate::object::read::Relocation;

/// A relocated place in the code being linked.
pub(super) struct Place<'a> {
    /// The code, in its working view.
    pub(super) text: &'a mut [u8],
    /// The address at which the code will run.
    pub(super) running: u64,
    /// The relocation.
    pub(super) relocation: &'a Relocation,
}

/// Whether `mov r64, imm32`, which sign-extends, can load `n`.
pub(super) fn fits_immediate(n: i64) -> bool {
    i32::try_from(n).is_ok()
}

impl Place<'_> {
    fn bytes(&mut self, from: i64, len: usize) -> Result<&mut [u8], String> {
        let offset = self.relocation.offset;
        let start = offset.checked_add_signed(from).and_then(|n| usize::try_from(n).ok());
        start
            .and_then(|start| self.text.get_mut(start..start.checked_add(len)?))
            .ok_or_else(|| format!("a relocation at {offset:#x} lies outside the text"))
    }

    /// Stores the 32-bit distance from the place to `target`, addend included.
    pub(super) fn distance(mut self, target: u64) -> Result<(), String> {
        let place = self.running + self.relocation.offset;
        let distance = (target.wrapping_sub(place) as i64).wrapping_add(self.relocation.addend);
        let distance =
            i32::try_from(distance).map_err(|_| format!("it is out of reach ({distance:#x} bytes away)"))?;
        self.bytes(0, 4)?.copy_from_slice(&distance.to_le_bytes());
        Ok(())
    }

    /// Stores the 64-bit value `n`, addend included.
    pub(super) fn absolute(mut self, n: u64) -> Result<(), String> {
        let value = n.wrapping_add_signed(self.relocation.addend);
        self.bytes(0, 8)?.copy_from_slice(&value.to_le_bytes());
        Ok(())
    }

    /// Turns the load of a GOT entry into a load of the number that the entry would hold:
    /// ```text
    ///   REX.W+R 8B /r  [rip + disp32]   mov r64, [rip + entry]
    ///   REX.W+B C7 /0  imm32            mov r64, n
    /// ```
    /// Both are 7 bytes long. The addend must be the -4 of an operand that ends its instruction.
    pub(super) fn relax(mut self, n: i64) -> Result<(), String> {
        let immediate = i32::try_from(n).map_err(|_| format!("{n:#x} does not fit an immediate"))?;
        if self.relocation.addend != -4 {
            return Err(format!("addend {} on a GOT entry", self.relocation.addend));
        }
        let instruction = self.bytes(-3, 7)?;
        let (rex, opcode, modrm) = (instruction[0], instruction[1], instruction[2]);
        if rex & 0xfb != 0x48 || opcode != 0x8b || modrm & 0xc7 != 0x05 {
            return Err(format!("{rex:02x} {opcode:02x} {modrm:02x} is no load from a GOT entry"));
        }
        instruction[0] = 0x48 | (rex >> 2 & 1);
        instruction[1] = 0xc7;
        instruction[2] = 0xc0 | (modrm >> 3 & 7);
        instruction[3..].copy_from_slice(&immediate.to_le_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::write::RelocKind;

    fn relocation(offset: u64, addend: i64) -> Relocation {
        Relocation { offset, kind: RelocKind::GotPcRel, symbol: 0, addend }
    }

    #[test]
    fn a_load_of_a_number_becomes_an_immediate() {
        // mov rax, [rip]; mov r15, [rip]
        let mut text = [0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x4c, 0x8b, 0x3d, 0, 0, 0, 0];
        for (offset, n) in [(3, 0x40), (10, 0x7fff_ffff)] {
            let relocation = relocation(offset, -4);
            Place { text: &mut text, running: 0, relocation: &relocation }
                .relax(n)
                .expect("it is such a load");
        }
        // mov rax, 0x40; mov r15, 0x7fffffff
        assert_eq!(text, [0x48, 0xc7, 0xc0, 0x40, 0, 0, 0, 0x49, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0x7f]);
    }

    #[test]
    fn what_is_not_such_a_load_is_refused() {
        for (text, offset, addend, n) in [
            ([0x48, 0x03, 0x05, 0, 0, 0, 0], 3, -4, 1), // add
            ([0x48, 0x8b, 0x45, 0, 0, 0, 0], 3, -4, 1), // [rbp]
            ([0x48, 0x8b, 0x05, 0, 0, 0, 0], 3, 0, 1),
            ([0x48, 0x8b, 0x05, 0, 0, 0, 0], 4, -4, 1),
            ([0x48, 0x8b, 0x05, 0, 0, 0, 0], 2, -4, 1),
            ([0x48, 0x8b, 0x05, 0, 0, 0, 0], 3, -4, 1 << 31),
        ] {
            let mut text = text;
            let relocation = relocation(offset, addend);
            let place = Place { text: &mut text, running: 0, relocation: &relocation };
            assert!(place.relax(n).is_err(), "{text:x?} at {offset}");
        }
    }

    #[test]
    fn distances_reach_two_gigabytes() {
        let relocation = relocation(0, -4);
        let distance = |target: u64| {
            let mut text = [0; 4];
            let place = Place { text: &mut text, running: 1 << 40, relocation: &relocation };
            place.distance(target).map(|()| i32::from_le_bytes(text))
        };
        assert_eq!(distance((1 << 40) + (1 << 31) + 3), Ok(i32::MAX));
        assert!(distance((1 << 40) + (1 << 31) + 4).is_err());
        assert_eq!(distance((1 << 40) - (1 << 31) + 4), Ok(i32::MIN));
        assert!(distance((1 << 40) - (1 << 31)).is_err());
    }
}
