//! Where safepoints lead that find the guest's attention wanted. Knows registers and the stack, not what is wanted.

use super::lines::{arguments, checked, floats, loads, record_exit, stores};
use super::raise::raise;
use crate::arch::{SAFEPOINT_RAISE, Upcalls};
use crate::vmctx::{HEADER_STORE, STORE_EXIT_FP, STORE_EXIT_PC};
use std::arch::naked_asm;

/// Called by compiled code at a safepoint, with its vmctx in `rdi` and a number in `r10` that is between it and the
/// upcall. Goes on there with everything that can hold an argument as it was; or leaves the caller's frame and jumps to
/// code that takes its place, with the arguments that the caller has in registers and on the stack.
///
/// ```text
///            stack arguments of the caller
///            its return address
///   fp  ──►  its caller's rbp
///            the caller's frame              at a loop header all that it knows is here
///   sp  ──►  ────────────────
///            return address into the caller
///   rbp ──►  fp
///            xmm7 … xmm0
///   rsp ──►  rdi rsi rdx rcx r8 r9
/// ```
///
/// # Safety
/// Called by compiled code with a frame pointer, whose stack pointer is a multiple of 16 then.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn safepoint<U: Upcalls>() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 176",
        checked!("test rsp, 15", "jnz 8f"),
        arguments!(stores, "rsp"),
        floats!(stores, "movaps", "rsp + 48"),
        "mov rcx, r10",
        record_exit!(),
        "mov rsi, [rbp]",
        "mov rdx, [rbp + 8]",
        "lea r8, [rbp + 16]",
        "call {safepoint}",
        "cmp rax, {raised}",
        "je {raise}",
        "mov r11, rax",
        arguments!(loads, "rsp"),
        floats!(loads, "movaps", "rsp + 48"),
        "leave",
        "test r11, r11",
        "jnz 2f",
        "ret",
        // The caller's frame ends; what called it is returned to by the code that goes on.
        "2:",
        "leave",
        "jmp r11",
        "8:",
        "ud2",
        store = const HEADER_STORE,
        exit_fp = const STORE_EXIT_FP,
        exit_pc = const STORE_EXIT_PC,
        raised = const SAFEPOINT_RAISE,
        safepoint = sym U::safepoint,
        raise = sym raise::<U>,
    )
}
