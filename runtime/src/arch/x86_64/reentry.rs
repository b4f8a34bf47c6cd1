//! Where every re-entry trampoline leads: the way from a first call to the session. Knows registers and the stack,
//! not what resolving means.

use super::{checked, raise::raise};
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
        "mov [rsp], rdi",
        "mov [rsp + 8], rsi",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], rcx",
        "mov [rsp + 32], r8",
        "mov [rsp + 40], r9",
        "movaps [rsp + 48], xmm0",
        "movaps [rsp + 64], xmm1",
        "movaps [rsp + 80], xmm2",
        "movaps [rsp + 96], xmm3",
        "movaps [rsp + 112], xmm4",
        "movaps [rsp + 128], xmm5",
        "movaps [rsp + 144], xmm6",
        "movaps [rsp + 160], xmm7",
        "mov r11, [rdi + {store}]",
        "mov r10, [rbp]",
        "mov [r11 + {exit_fp}], r10",
        "mov r10, [rbp + 8]",
        "mov [r11 + {exit_pc}], r10",
        "mov esi, eax",
        "call {resolve}",
        "test rax, rax",
        "jz 2f",
        "mov r11, rax",
        "mov rdi, [rsp]",
        "mov rsi, [rsp + 8]",
        "mov rdx, [rsp + 16]",
        "mov rcx, [rsp + 24]",
        "mov r8, [rsp + 32]",
        "mov r9, [rsp + 40]",
        "movaps xmm0, [rsp + 48]",
        "movaps xmm1, [rsp + 64]",
        "movaps xmm2, [rsp + 80]",
        "movaps xmm3, [rsp + 96]",
        "movaps xmm4, [rsp + 112]",
        "movaps xmm5, [rsp + 128]",
        "movaps xmm6, [rsp + 144]",
        "movaps xmm7, [rsp + 160]",
        "leave",
        "jmp r11",
        "2:",
        "jmp {raise}",
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
