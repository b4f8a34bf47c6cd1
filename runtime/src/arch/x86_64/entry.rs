//! The way from the host into Wasm, for every signature. Knows registers and the stack, not what is in them.

use super::lines::{arguments, checked, floats, loads, results, stores};
use std::arch::naked_asm;
use std::mem::{MaybeUninit, offset_of};

/// The registers that a call into Wasm is made with and, after it, the ones it returned with.
///
/// A signature that has no value in float registers leaves them alone, which saves the 16 moves of 128 bits.
#[derive(Debug)]
#[repr(C)]
pub struct Registers {
    /// Arguments: rdi, rsi, rdx, rcx, r8, r9. Results: rax, rcx, rdx, rsi, rdi, r8, r9, r10.
    gpr: [u64; 8],
    /// xmm0–7; initialized if `floats`.
    fpr: [MaybeUninit<u128>; 8],
    floats: bool,
}

impl Registers {
    /// Registers that are all zero. `floats`: whether any argument or result travels in a float register.
    #[inline]
    pub fn new(floats: bool) -> Registers {
        let fpr = if floats { [MaybeUninit::new(0); 8] } else { [MaybeUninit::uninit(); 8] };
        Registers { gpr: [0; 8], fpr, floats }
    }

    /// Sets the `n`-th integer argument; the 0th is the callee's vmctx.
    ///
    /// # Panics
    /// When there is no such register.
    #[inline]
    pub fn set_gpr(&mut self, n: usize, bits: u64) {
        assert!(n < super::INT_ARGS, "integer argument {n} does not travel in a register");
        self.gpr[n] = bits;
    }

    /// Sets the `n`-th float argument.
    ///
    /// # Panics
    /// When there is no such register, or these registers were made without floats.
    #[inline]
    pub fn set_fpr(&mut self, n: usize, bits: u128) {
        assert!(self.floats, "registers without floats");
        self.fpr[n] = MaybeUninit::new(bits);
    }

    /// The `n`-th integer result.
    ///
    /// # Panics
    /// When there is no such register.
    #[inline]
    pub fn gpr(&self, n: usize) -> u64 {
        self.gpr[n]
    }

    /// The `n`-th float result.
    ///
    /// # Panics
    /// When there is no such register, or these registers were made without floats.
    #[inline]
    pub fn fpr(&self, n: usize) -> u128 {
        assert!(self.floats, "registers without floats");
        // SAFETY: with `floats`, `new` initializes every float register; the assembly only overwrites them.
        unsafe { self.fpr[n].assume_init() }
    }
}

/// Bytes from the stack pointer that [`enter`] records to the frame pointer of its own frame.
pub(crate) const LANDING_TO_FP: usize = 48;

/// Calls `code` with `registers` and `stack_words` words of stack arguments and returns 0 with `registers` holding
/// the results; or returns 1, when a jump to `land` (in `raise`) with the stack pointer recorded in `landing_sp` ended
/// the call.
///
/// ```text
///            return address
///   rbp ──►  caller's rbp
///            rbx r12 r13 r14 r15
///   landing  registers            ◄── landing_sp, a multiple of 16
///            stack arguments, first one lowest; the callee pops them
/// ```
///
/// # Safety
/// `code` is code of Wasm's calling convention and these arguments are what its signature says. `registers` is
/// valid for writes, `stack_args` for reads of `stack_words` words, an even number. All stays so until the return.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn enter(
    landing_sp: *mut usize,
    registers: *mut Registers,
    code: usize,
    stack_args: *const u64,
    stack_words: usize,
) -> usize {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rsi",
        "mov [rdi], rsp",
        "mov r10, rsi",
        "mov r11, rdx",
        "test r8, r8",
        "jnz 2f",
        "3:",
        "cmp byte ptr [r10 + {floats}], 0",
        "jne 4f",
        "5:",
        arguments!(loads, "r10"),
        checked!("test rsp, 15", "jnz 8f"),
        "call r11",
        // The callee has popped its stack arguments and kept rbp.
        checked!("lea r11, [rbp - 48]", "cmp r11, rsp", "jne 8f"),
        "pop r11",
        results!(stores, "r11"),
        "cmp byte ptr [r11 + {floats}], 0",
        "jne 6f",
        "7:",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "xor eax, eax",
        "ret",
        // Stack arguments, last one first.
        "2:",
        "push qword ptr [rcx + 8*r8 - 8]",
        "dec r8",
        "jnz 2b",
        "jmp 3b",
        // Float arguments.
        "4:",
        floats!(loads, "movups", "r10 + {fpr}"),
        "jmp 5b",
        // Float results.
        "6:",
        floats!(stores, "movups", "r11 + {fpr}"),
        "jmp 7b",
        "8:",
        "ud2",
        floats = const offset_of!(Registers, floats),
        fpr = const offset_of!(Registers, fpr),
    )
}

// The assembly names these as numbers.
const _: () = assert!(offset_of!(Registers, gpr) == 0 && LANDING_TO_FP == 48);
