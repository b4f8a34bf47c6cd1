//! The way from Wasm into a host function, for every signature. Knows registers and the stack, not what is in them.

use super::lines::{arguments, checked, floats, loads, record_exit, results, stores};
use super::{FLOAT_ARGS, FLOAT_RESULTS, INT_ARGS, INT_RESULTS, raise::raise};
use crate::arch::{HostHead, Upcalls};
use crate::vmctx::{HEADER_STORE, STORE_EXIT_FP, STORE_EXIT_PC};
use std::arch::naked_asm;
use std::mem::{MaybeUninit, offset_of};

/// What a host function was called with and what it is to return, on the stack of the exit.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct HostFrame {
    /// Arguments in rdi, rsi, rdx, rcx, r8, r9.
    pub(crate) gpr: [u64; INT_ARGS],
    /// Results for rax, rcx, rdx, rsi, rdi, r8, r9, r10; zero at first.
    pub(crate) ret_gpr: [u64; INT_RESULTS],
    /// The first stack argument.
    pub(crate) stack_args: *const u8,
    /// Arguments in xmm0–7; initialized if the context has `floats`.
    pub(crate) fpr: [MaybeUninit<u128>; FLOAT_ARGS],
    /// Results for xmm0–7; initialized, to zero, if the context has `floats`.
    pub(crate) ret_fpr: [MaybeUninit<u128>; FLOAT_RESULTS],
}

/// The code of every host function: `rdi` is its context, which starts with a [`HostHead`].
///
/// ```text
///            stack arguments, first one lowest
///            return address
///   rbp ──►  caller's rbp
///   rsp ──►  HostFrame
/// ```
///
/// The stack arguments are popped by moving the return address, so that the `ret` is still the partner of its call.
#[unsafe(naked)]
unsafe extern "C" fn host_exit<U: Upcalls>() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, {frame_bytes}",
        checked!("test rsp, 15", "jnz 8f"),
        arguments!(stores, "rsp"),
        "lea rax, [rbp + 16]",
        "mov [rsp + {stack_args}], rax",
        record_exit!(),
        "cmp byte ptr [rdi + {floats}], 0",
        "jne 2f",
        "xorps xmm0, xmm0",
        "3:",
        ".irp at, 0, 16, 32, 48",
        r"movaps [rsp + {ret_gpr} + \at], xmm0",
        ".endr",
        "mov rsi, rsp",
        "call [rdi + {call}]",
        "test al, al",
        "jz {raise}",
        // Moves the return address over the stack arguments; r11 = where it is then.
        "mov rcx, [rsp]",
        "mov edx, [rcx + {stack_bytes}]",
        "mov rax, [rbp + 8]",
        "lea r11, [rbp + rdx + 8]",
        "mov [r11], rax",
        "cmp byte ptr [rcx + {floats}], 0",
        "jne 4f",
        "5:",
        "mov rbp, [rbp]",
        results!(loads, "rsp + {ret_gpr}"),
        "mov rsp, r11",
        "ret",
        // Float arguments.
        "2:",
        floats!(stores, "movaps", "rsp + {fpr}"),
        "xorps xmm0, xmm0",
        ".irp at, 0, 16, 32, 48, 64, 80, 96, 112",
        r"movaps [rsp + {ret_fpr} + \at], xmm0",
        ".endr",
        "jmp 3b",
        // Float results.
        "4:",
        floats!(loads, "movaps", "rsp + {ret_fpr}"),
        "jmp 5b",
        "8:",
        "ud2",
        frame_bytes = const size_of::<HostFrame>(),
        stack_args = const offset_of!(HostFrame, stack_args),
        ret_gpr = const offset_of!(HostFrame, ret_gpr),
        fpr = const offset_of!(HostFrame, fpr),
        ret_fpr = const offset_of!(HostFrame, ret_fpr),
        store = const HEADER_STORE,
        exit_fp = const STORE_EXIT_FP,
        exit_pc = const STORE_EXIT_PC,
        call = const offset_of!(HostHead, call),
        stack_bytes = const offset_of!(HostHead, stack_bytes),
        floats = const offset_of!(HostHead, floats),
        raise = sym raise::<U>,
    )
}

/// The address that host functions' slots hold.
pub(crate) fn host_exit_address<U: Upcalls>() -> usize {
    host_exit::<U> as *const () as usize
}

// The assembly finds the arguments at the start, and stores 16 bytes at a time.
const _: () = {
    assert!(offset_of!(HostFrame, gpr) == 0);
    assert!(
        offset_of!(HostFrame, ret_gpr).is_multiple_of(16) && offset_of!(HostFrame, fpr).is_multiple_of(16)
    );
};
