//! The way from Wasm into a host function, for every signature. Knows registers and the stack, not what is in them.

use super::{FLOAT_ARGS, FLOAT_RESULTS, INT_ARGS, INT_RESULTS, checked, raise::raise};
use crate::arch::{HostHead, Upcalls};
use crate::vmctx::{HEADER_STORE, STORE_EXIT_FP, STORE_EXIT_PC};
use std::arch::naked_asm;
use std::mem::{MaybeUninit, offset_of};

/// What a host function was called with and what it is to return, on the stack of [`host_exit`].
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
        "mov [rsp], rdi",
        "mov [rsp + 8], rsi",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], rcx",
        "mov [rsp + 32], r8",
        "mov [rsp + 40], r9",
        "lea rax, [rbp + 16]",
        "mov [rsp + {stack_args}], rax",
        "mov rax, [rdi + {store}]",
        "mov r10, [rbp]",
        "mov [rax + {exit_fp}], r10",
        "mov r10, [rbp + 8]",
        "mov [rax + {exit_pc}], r10",
        "cmp byte ptr [rdi + {floats}], 0",
        "jne 2f",
        "xorps xmm0, xmm0",
        "3:",
        "movaps [rsp + {ret_gpr}], xmm0",
        "movaps [rsp + {ret_gpr} + 16], xmm0",
        "movaps [rsp + {ret_gpr} + 32], xmm0",
        "movaps [rsp + {ret_gpr} + 48], xmm0",
        "mov rsi, rsp",
        "call [rdi + {call}]",
        "test al, al",
        "jz 6f",
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
        "mov rax, [rsp + {ret_gpr}]",
        "mov rcx, [rsp + {ret_gpr} + 8]",
        "mov rdx, [rsp + {ret_gpr} + 16]",
        "mov rsi, [rsp + {ret_gpr} + 24]",
        "mov rdi, [rsp + {ret_gpr} + 32]",
        "mov r8, [rsp + {ret_gpr} + 40]",
        "mov r9, [rsp + {ret_gpr} + 48]",
        "mov r10, [rsp + {ret_gpr} + 56]",
        "mov rsp, r11",
        "ret",
        // Float arguments.
        "2:",
        "movaps [rsp + {fpr}], xmm0",
        "movaps [rsp + {fpr} + 16], xmm1",
        "movaps [rsp + {fpr} + 32], xmm2",
        "movaps [rsp + {fpr} + 48], xmm3",
        "movaps [rsp + {fpr} + 64], xmm4",
        "movaps [rsp + {fpr} + 80], xmm5",
        "movaps [rsp + {fpr} + 96], xmm6",
        "movaps [rsp + {fpr} + 112], xmm7",
        "xorps xmm0, xmm0",
        "movaps [rsp + {ret_fpr}], xmm0",
        "movaps [rsp + {ret_fpr} + 16], xmm0",
        "movaps [rsp + {ret_fpr} + 32], xmm0",
        "movaps [rsp + {ret_fpr} + 48], xmm0",
        "movaps [rsp + {ret_fpr} + 64], xmm0",
        "movaps [rsp + {ret_fpr} + 80], xmm0",
        "movaps [rsp + {ret_fpr} + 96], xmm0",
        "movaps [rsp + {ret_fpr} + 112], xmm0",
        "jmp 3b",
        // Float results.
        "4:",
        "movaps xmm0, [rsp + {ret_fpr}]",
        "movaps xmm1, [rsp + {ret_fpr} + 16]",
        "movaps xmm2, [rsp + {ret_fpr} + 32]",
        "movaps xmm3, [rsp + {ret_fpr} + 48]",
        "movaps xmm4, [rsp + {ret_fpr} + 64]",
        "movaps xmm5, [rsp + {ret_fpr} + 80]",
        "movaps xmm6, [rsp + {ret_fpr} + 96]",
        "movaps xmm7, [rsp + {ret_fpr} + 112]",
        "jmp 5b",
        "6:",
        "jmp {raise}",
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

// The assembly names the argument registers by their distance from the start and stores 16 bytes at a time.
const _: () = {
    assert!(offset_of!(HostFrame, gpr) == 0 && INT_ARGS == 6 && INT_RESULTS == 8);
    assert!(FLOAT_ARGS == 8 && FLOAT_RESULTS == 8);
    assert!(
        offset_of!(HostFrame, ret_gpr).is_multiple_of(16) && offset_of!(HostFrame, fpr).is_multiple_of(16)
    );
};
