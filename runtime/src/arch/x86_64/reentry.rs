//! Where every re-entry trampoline leads: the way from a first call to the session.

use std::arch::naked_asm;

/// The address that the head of every batch of trampolines jumps to, with the function's index in `eax` and the
/// callee's vmctx in `rdi`.
pub(crate) fn reentry_address() -> usize {
    reentry as *const () as usize
}

/// Stops: there is no session yet.
#[unsafe(naked)]
extern "C" fn reentry() {
    naked_asm!("ud2")
}
