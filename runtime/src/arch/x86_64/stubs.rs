//! The machine code of stubs and re-entry trampolines, as bytes. Decides nothing about where they lie.
//!
//! ```text
//!  head   FF 25 disp32    jmp *[rip + cell]    the cell holds the re-entry's address
//!  stub   FF 25 disp32    jmp *[rip + slot]    the slot holds the code's address, at first the next line's
//!         B8 imm32        mov eax, index       \ the function's re-entry trampoline
//!         E9 rel32        jmp head             /
//! ```

use crate::abi::FuncIndex;

/// Bytes of a jump through a cell.
pub(crate) const JUMP_BYTES: usize = 6;
/// Bytes of one re-entry trampoline. With the jump before it, a stub takes 16 bytes.
pub(crate) const TRAMPOLINE_BYTES: usize = 10;

/// A jump, to stand at `at`, to the address that the cell at `cell` holds when the jump is executed.
///
/// The cell lies less than 2 GiB away.
pub(crate) fn jump_through(at: usize, cell: usize) -> [u8; JUMP_BYTES] {
    let [a, b, c, d] = displacement(at + JUMP_BYTES, cell);
    [0xff, 0x25, a, b, c, d]
}

/// The re-entry trampoline of `function`, to stand at `at`: it leads to the batch's head at `head`, less than
/// 2 GiB away.
pub(crate) fn trampoline(at: usize, head: usize, function: FuncIndex) -> [u8; TRAMPOLINE_BYTES] {
    let [i, j, k, l] = function.0.to_le_bytes();
    let [a, b, c, d] = displacement(at + TRAMPOLINE_BYTES, head);
    [0xb8, i, j, k, l, 0xe9, a, b, c, d]
}

/// Makes code that was written at another address fit to run at `start`, for every thread that learns of it from now
/// on. This processor sees such writes by itself.
pub(crate) fn code_written(_start: usize, _len_bytes: usize) {}

/// The distance that an instruction which ends at `end` needs to name `target`.
fn displacement(end: usize, target: usize) -> [u8; 4] {
    let distance = target.wrapping_sub(end) as isize;
    debug_assert!(i32::try_from(distance).is_ok(), "one reservation keeps every distance below 2 GiB");
    (distance as i32).to_le_bytes()
}

/// Machine code for tests.
#[cfg(test)]
pub(crate) mod sample {
    /// A function that returns `value`: `mov eax, value; ret`.
    pub(crate) fn returns(value: u32) -> [u8; 6] {
        let [a, b, c, d] = value.to_le_bytes();
        [0xb8, a, b, c, d, 0xc3]
    }

    /// The address of a re-entry that returns the index it is given.
    pub(crate) fn returns_index() -> usize {
        #[unsafe(naked)]
        extern "C" fn code() {
            std::arch::naked_asm!("ret")
        }
        code as *const () as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_from_the_end_of_the_instruction() {
        assert_eq!(jump_through(0x1000, 0x1006), [0xff, 0x25, 0, 0, 0, 0]);
        assert_eq!(jump_through(0x1000, 0x2007), [0xff, 0x25, 1, 0x10, 0, 0]);
        let bytes = trampoline(0x1006, 0x1000, FuncIndex(0x0102_0304));
        assert_eq!(bytes, [0xb8, 4, 3, 2, 1, 0xe9, 0xf0, 0xff, 0xff, 0xff]);
    }
}
