//! The way back to a landing pad: what ends a call into Wasm early. Does not know why it ends.

use super::lines::checked;
use crate::arch::Upcalls;
use std::arch::naked_asm;

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

/// Ends the innermost call into Wasm, whose reason is recorded already. Jumped to, with the stack pointer a multiple
/// of 16.
///
/// # Safety
/// The frames above that call are of Wasm or of assembly, and an `Unwind` is recorded in its activation.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn raise<U: Upcalls>() {
    naked_asm!(
        checked!("test rsp, 15", "jnz 8f"),
        "call {landing}",
        "jmp {land}",
        "8:",
        "ud2",
        landing = sym U::landing,
        land = sym land,
    )
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
