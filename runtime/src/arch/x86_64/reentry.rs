//! Where every re-entry trampoline leads: the way from a first call to the session. Knows registers and the stack,
//! not what resolving means.

use super::lines::{arguments, checked, floats, loads, record_exit, stores};
use super::raise::raise;
use crate::arch::Upcalls;
use crate::vmctx::{HEADER_STORE, STORE_EXIT_FP, STORE_EXIT_PC};
use std::arch::naked_asm;

/// Resolves the function whose index is in `eax`, of the instance whose vmctx is in `rdi`, and jumps to it with
/// everything as its caller left it. Saves exactly what can hold an argument; vectors are 128 bits wide.
///
/// ```text
///            stack arguments
///            return address        ◄── pushed by the caller; the resolved function returns to it
///   rbp ──►  caller's rbp
///            xmm7 … xmm0
///   rsp ──►  rdi rsi rdx rcx r8 r9
/// ```
#[unsafe(naked)]
unsafe extern "C" fn reentry<U: Upcalls>() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 176",
        checked!("test rsp, 15", "jnz 8f"),
        arguments!(stores, "rsp"),
        floats!(stores, "movaps", "rsp + 48"),
        record_exit!(),
        "mov esi, eax",
        "call {resolve}",
        "test rax, rax",
        "jz {raise}",
        "mov r11, rax",
        arguments!(loads, "rsp"),
        floats!(loads, "movaps", "rsp + 48"),
        "leave",
        "jmp r11",
        "8:",
        "ud2",
        store = const HEADER_STORE,
        exit_fp = const STORE_EXIT_FP,
        exit_pc = const STORE_EXIT_PC,
        resolve = sym U::resolve,
        raise = sym raise::<U>,
    )
}

/// The address that trampolines jump to, with the function's index in `eax` and the callee's vmctx in `rdi`.
pub(crate) fn reentry_address<U: Upcalls>() -> usize {
    reentry::<U> as *const () as usize
}
