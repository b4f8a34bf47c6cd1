//! What stands behind a body's code: where its safepoints and traps lead, and constants.

use super::code::{R10, RAX, RDI};
use super::listing::PartKind;
use super::pass::Pass;
use latier_runtime::builtin::Builtin;
use latier_runtime::sites::{Site, SiteKind};
use latier_runtime::vmctx::HEADER_BUILTINS;

/// A safepoint of the code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Safepoint {
    /// The place of the branch to it, which ends there.
    place: u32,
    wasm_offset: u32,
    /// Which of [`super::pass::Buffers::kept_at`] are its.
    first: usize,
    end: usize,
}

impl Pass<'_> {
    /// Where a float with these bits is among the constants: those that were put there last are looked at.
    pub(super) fn pooled(&mut self, bits: i64) -> u32 {
        let known = self.b.numbers.iter().rev().take(8).find(|(other, _)| *other == bits);
        if let Some((_, inside)) = known {
            return *inside;
        }
        let inside = self.b.pool.len() as u32;
        self.b.pool.extend_from_slice(&bits.to_le_bytes());
        self.b.numbers.push((bits, inside));
        inside
    }

    /// Puts vectors among the constants; says where.
    pub(super) fn pool_vectors(&mut self, bytes: &[u8]) -> u32 {
        let inside = self.b.pool.len().next_multiple_of(16);
        self.b.pool.resize(inside, 0);
        self.b.pool.extend_from_slice(bytes);
        inside as u32
    }

    /// A safepoint that the branch at `place` leads to, which ends the code so far: of the operator at this offset, or at
    /// the function's entry if that is 0.
    pub(super) fn safepoint_at(&mut self, place: u32, wasm_offset: u32) {
        let first = self.b.kept_at.len();
        for n in 0..self.b.kept.len() {
            if self.saved(n).is_some() {
                self.b.kept_at.push(self.b.kept[n]);
            }
        }
        self.b.safepoints.push(Safepoint { place, wasm_offset, first, end: self.b.kept_at.len() });
    }

    /// Safepoints stand behind the code: `latier_runtime` says what they are given.
    fn finish_safepoints(&mut self) {
        for n in 0..self.b.safepoints.len() {
            let Safepoint { place, wasm_offset, first, end } = self.b.safepoints[n];
            let at = self.b.code.at();
            self.b.code.lead(place, at);
            if wasm_offset != 0 {
                let activation = self.homes.activation().expect("a body with a loop may loop");
                self.b.code.address(R10, activation);
            }
            // Code that takes this body's place returns to the caller.
            for n in first..end {
                self.put_back_one(self.b.kept_at[n].1);
            }
            // mov rax, [rdi + builtins]; call [rax]
            self.b.code.load_from(RAX, RDI, HEADER_BUILTINS as u8);
            self.b.code.put(&[0xff, 0x50, Builtin::Safepoint.offset() as u8]);
            let code_offset = self.b.code.at();
            self.b.sites.push(Site { code_offset, wasm_offset, kind: SiteKind::Call });
            self.load_again(first..end);
            let back = self.b.code.jump();
            self.b.code.lead(back, place + 4);
        }
    }

    fn finish_traps(&mut self) {
        for (place, code, wasm_offset) in std::mem::take(&mut self.b.traps) {
            let at = self.b.code.at();
            self.b.code.lead(place, at);
            self.b.sites.push(Site { code_offset: at, wasm_offset, kind: SiteKind::Trap(code) });
            self.b.code.put(&[0x0f, 0x0b]);
        }
    }

    /// What stands behind the code: safepoints and traps that it branches to, and constants.
    pub(super) fn finish(&mut self) {
        let finishes: [(fn(&mut Self), _); 2] =
            [(Self::finish_safepoints, PartKind::Safepoints), (Self::finish_traps, PartKind::Traps)];
        for (finish, kind) in finishes {
            finish(self);
            if let Some(trace) = &mut self.trace {
                trace.behind(kind, self.b.code.at());
            }
        }
        if self.b.pool_places.is_empty() {
            return;
        }
        let start = self.b.code.at().next_multiple_of(16);
        self.b.code.align(16);
        self.b.code.put_slice(&self.b.pool);
        for (place, behind, inside) in std::mem::take(&mut self.b.pool_places) {
            let distance = (start + inside).wrapping_sub(place + u32::from(behind));
            self.b.code.set_word(place, distance.cast_signed());
        }
    }
}
