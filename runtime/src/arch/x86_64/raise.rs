//! The way back to a landing pad: what ends a call into Wasm early. Does not know why it ends.

use super::lines::{checked, record_exit};
use crate::arch::{Resume, Upcalls};
use crate::vmctx::{HEADER_STORE, STORE_EXIT_FP, STORE_EXIT_PC};
use std::arch::{asm, naked_asm};
use std::mem::offset_of;

/// Lands: goes on behind the call of [`super::enter`] that recorded the stack pointer in `rax`, which returns 1. Every
/// frame between is dropped as it is: they are Wasm frames and frames of this folder's assembly, which own nothing.
#[unsafe(naked)]
unsafe extern "C" fn land() {
    naked_asm!(
        "lea rsp, [rax + 8]",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "mov eax, 1",
        "ret",
    )
}

/// Ends the innermost call into Wasm, whose reason is recorded already; or goes on at the handler of the exception
/// that is the reason. Jumped to, with the stack pointer a multiple of 16. A handler finds the exception in `rax`;
/// frames with handlers keep nothing in other registers across calls.
///
/// # Safety
/// The frames above that call are of Wasm or of assembly, and an `Unwind` is recorded in its activation.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn raise<U: Upcalls>() {
    naked_asm!(
        checked!("test rsp, 15", "jnz 8f"),
        "sub rsp, {resume}",
        "mov rdi, rsp",
        "call {landing}",
        "test rax, rax",
        "jnz {land}",
        "mov rcx, [rsp + {pc}]",
        "mov rbp, [rsp + {fp}]",
        "mov rax, [rsp + {payload}]",
        "mov rsp, [rsp + {sp}]",
        "jmp rcx",
        "8:",
        "ud2",
        resume = const size_of::<Resume>(),
        pc = const offset_of!(Resume, pc),
        sp = const offset_of!(Resume, sp),
        fp = const offset_of!(Resume, fp),
        payload = const offset_of!(Resume, payload),
        landing = sym U::landing,
        land = sym land,
    )
}

/// The builtin that throws: `rdi` is the vmctx of the instance that does, `rsi` the exception.
///
/// ```text
///            return address into the function that throws
///   rbp ──►  its rbp              ◄── rsp
/// ```
///
/// # Safety
/// Called by compiled code, with an exception of its store.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn throw<U: Upcalls>() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        checked!("test rsp, 15", "jnz 8f"),
        record_exit!(),
        "call {throw}",
        "jmp {raise}",
        "8:",
        "ud2",
        store = const HEADER_STORE,
        exit_fp = const STORE_EXIT_FP,
        exit_pc = const STORE_EXIT_PC,
        throw = sym U::throw,
        raise = sym raise::<U>,
    )
}

/// What the registers hold that a function keeps for its caller: rbx, r12, r13, r14, r15.
#[inline(always)]
pub(crate) fn callee_saved() -> [usize; 5] {
    let mut saved = [0; 5];
    // SAFETY: it writes these registers to the five words.
    unsafe {
        asm!(
            "mov [{0}], rbx",
            "mov [{0} + 8], r12",
            "mov [{0} + 16], r13",
            "mov [{0} + 24], r14",
            "mov [{0} + 32], r15",
            in(reg) saved.as_mut_ptr(),
            options(nostack, preserves_flags),
        );
    }
    saved
}

/// Where the signal handler leads a thread that trapped: `rdi` is the address of the instruction, `rsi` the frame
/// pointer, `rdx` the trap's number; the stack pointer is as after a call.
#[unsafe(naked)]
unsafe extern "C" fn raise_trap<U: Upcalls>() {
    naked_asm!(
        "push rbp",
        checked!("test rsp, 15", "jnz 8f"),
        "call {record_trap}",
        "jmp {land}",
        "8:",
        "ud2",
        record_trap = sym U::record_trap,
        land = sym land,
    )
}

/// The address for signal handlers to lead a trapped thread to.
pub(crate) fn raise_trap_address<U: Upcalls>() -> usize {
    raise_trap::<U> as *const () as usize
}
