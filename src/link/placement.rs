//! Where code of x86-64 is best placed. The front end of many processors takes code in windows of 32 bytes, and of
//! those some do not keep a window decoded that a jump crosses or ends (Intel, "Mitigations for Jump Conditional Code
//! Erratum", 2019): a loop with such a jump can take an eighth longer. So code is moved by a few bytes to where the
//! jumps of its loops lie within windows, as far as one distance can do that for all of them.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
use std::collections::HashMap;

/// Bytes of a window.
pub(super) const WINDOW: usize = 32;

/// Loops in one another count each so many times as much as what is around it.
const ROUNDS: u64 = 8;

/// Loops in more than so many others count no more than those.
const MAX_DEPTH: usize = 6;

/// By how many bytes, fewer than a window has, code is best moved that would start at `running`, whose address is to be
/// a multiple of `align`.
pub(super) fn distance(text: &[u8], running: usize, align: usize) -> usize {
    let jumps = jumps(text);
    let cost = |distance: &usize| -> u64 {
        let start = running + distance;
        jumps.iter().filter(|jump| jump.touches_boundary(start)).map(|jump| jump.weight).sum()
    };
    let distances = (0..WINDOW).filter(|distance| (running + distance).is_multiple_of(align.max(1)));
    distances.min_by_key(cost).unwrap_or(0)
}

/// A jump in a loop, with the comparison that the processor makes one with it. In bytes from the start of the code.
struct Jump {
    start: usize,
    end: usize,
    weight: u64,
}

impl Jump {
    /// Whether it crosses the boundary of two windows or ends at one, in code at this address.
    fn touches_boundary(&self, code: usize) -> bool {
        (code + self.start) / WINDOW != (code + self.end) / WINDOW
    }
}

/// The jumps in loops of some code. A jump table or a constant in it is taken for instructions: that can make the
/// result worse, nothing else.
fn jumps(text: &[u8]) -> Vec<Jump> {
    let (mut jumps, mut loops) = (Vec::new(), HashMap::new());
    let mut fused_from = None;
    let mut decoder = Decoder::new(64, text, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let (start, end) = (instruction.ip() as usize, instruction.next_ip() as usize);
        let conditional = matches!(text[start..end], [0x70..=0x7f, ..] | [0x0f, 0x80..=0x8f, ..]);
        if conditional || matches!(instruction.mnemonic(), Mnemonic::Jmp | Mnemonic::Call | Mnemonic::Ret) {
            let from = fused_from.filter(|_| conditional);
            jumps.push(Jump { start: from.unwrap_or(start), end, weight: 0 });
            let direct = matches!(instruction.op0_kind(), OpKind::NearBranch64);
            let target = instruction.near_branch_target() as usize;
            if direct && instruction.mnemonic() != Mnemonic::Call && target < end {
                let last = loops.entry(target).or_insert(end);
                *last = end.max(*last);
            }
        }
        fused_from = fuses(&instruction).then_some(start);
    }
    let depths = depths(text.len(), &loops);
    for jump in &mut jumps {
        let depth = depths[jump.start].min(MAX_DEPTH);
        jump.weight = if depth == 0 { 0 } else { ROUNDS.pow(depth as u32) };
    }
    jumps.retain(|jump| jump.weight > 0);
    jumps
}

/// Whether an instruction can be one with a conditional jump behind it.
fn fuses(instruction: &Instruction) -> bool {
    use Mnemonic::{Add, And, Cmp, Dec, Inc, Sub, Test};
    matches!(instruction.mnemonic(), Add | And | Cmp | Dec | Inc | Sub | Test)
}

/// In how many loops, given by their start and end, each byte of the code lies.
fn depths(len: usize, loops: &HashMap<usize, usize>) -> Vec<usize> {
    let mut changes = vec![0isize; len + 1];
    for (start, end) in loops {
        changes[*start] += 1;
        changes[*end] -= 1;
    }
    let mut depth = 0;
    let sums = changes.into_iter().map(|change| {
        depth += change;
        depth.unsigned_abs()
    });
    sums.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many bytes of `nop`, then a loop of so many more that ends with `dec ecx; jnz` (4 bytes).
    fn code(before: usize, within: usize) -> Vec<u8> {
        let mut code = vec![0x90; before + within];
        code.extend([0xff, 0xc9, 0x75, (-(within as i32) - 4) as u8]);
        code
    }

    #[test]
    fn code_stays_where_its_loops_jump_within_windows() {
        assert_eq!(distance(&code(3, 20), 0x1000, 1), 0);
        assert_eq!(distance(&[0x90; 100], 0x1010, 1), 0);
    }

    #[test]
    fn a_jump_that_crosses_or_ends_a_window_moves_code_to_the_next() {
        // It begins 30, 29 and 28 bytes from the start of a window, and ends 2, 1 and 0 bytes behind the next.
        for (before, moved) in [(10, 2), (9, 3), (8, 4)] {
            assert_eq!(distance(&code(before, 20), 0x1000, 1), moved);
        }
        // What must stay aligned moves further.
        assert_eq!(distance(&code(10, 20), 0x1000, 16), 16);
    }

    #[test]
    fn inner_loops_count_more_and_what_is_in_no_loop_nothing() {
        // A forward jump at a boundary, alone.
        let mut forward = vec![0x90; 31];
        forward.extend([0x75, 0x02, 0x90, 0x90, 0x90]);
        assert_eq!(distance(&forward, 0x1000, 1), 0);
        // Two loops, one in the other. Where the code starts, the inner one's jump crosses a boundary; with 16 bytes before
        // it the outer one's ends at one.
        let mut nested = code(10, 20);
        nested.extend([0x90; 10]);
        nested.extend([0xff, 0xc9, 0x75, (-(nested.len() as i32) - 4) as u8]);
        assert_eq!(distance(&nested, 0x1000, 16), 16);
    }
}
