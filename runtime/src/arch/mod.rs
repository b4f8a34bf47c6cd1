//! The processor's part: one file an architecture, each with the same surface.

use crate::vmctx::{VmException, VmHeader, VmMemory, VmTable};

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

/// What the assembly calls. It is above this floor, so the assembly takes it as a parameter.
pub(crate) trait Upcalls {
    /// The code of a defined function of the instance behind `vmctx`; 0 when it has none and the reason is recorded.
    extern "C" fn resolve(vmctx: *mut VmHeader, function: u32) -> usize;

    /// Records a trap, by its number, of the instruction at `pc` in the frame `fp`; what [`Upcalls::landing`] returns.
    extern "C" fn record_trap(pc: usize, fp: usize, code: u32) -> usize;

    /// The stack pointer that the innermost [`enter`] recorded; or 0 when an exception was raised that Wasm handles,
    /// and `resume` says where.
    extern "C" fn landing(resume: *mut Resume) -> usize;

    /// What a safepoint does that finds the guest's attention wanted: goes on (0), raises what is recorded
    /// ([`SAFEPOINT_RAISE`]), or goes on at this address in place of the caller. `fp` is the caller's frame, whose lowest
    /// byte is at `sp`, `pc` the return address into it, `given` what the caller had in its number register.
    extern "C" fn safepoint(vmctx: *mut VmHeader, fp: usize, pc: usize, given: usize, sp: usize) -> usize;

    /// `memory.grow`.
    extern "C" fn memory_grow(vmctx: *mut VmHeader, memory: *mut VmMemory, pages: u64) -> Grown;

    /// `table.grow`.
    extern "C" fn table_grow(vmctx: *mut VmHeader, table: *mut VmTable, element: u64, count: u64) -> Grown;

    /// Records that `exception` was thrown.
    extern "C" fn throw(vmctx: *mut VmHeader, exception: *mut VmException);
}

/// The answer of [`Upcalls::safepoint`] that raises; no address of code.
pub(crate) const SAFEPOINT_RAISE: usize = 1;

/// Where a handler goes on: its address, stack and frame pointers, and what it is given.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Resume {
    /// The handler.
    pub(crate) pc: usize,
    /// Its stack pointer.
    pub(crate) sp: usize,
    /// Its frame pointer.
    pub(crate) fp: usize,
    /// The exception.
    pub(crate) payload: usize,
}

/// What growing something gives: the size before or -1, and whether the call into Wasm ends instead, the reason of
/// which is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Grown {
    pub(crate) before: u64,
    pub(crate) raise: bool,
}

impl From<u64> for Grown {
    fn from(before: u64) -> Grown {
        Grown { before, raise: false }
    }
}

/// What starts the context of a host function: all that the assembly knows of it.
#[derive(Debug)]
#[repr(C)]
pub struct HostHead {
    /// So that it can be the first argument of a call.
    pub header: VmHeader,
    /// The function: from the context and the frame; on false the call into Wasm ends and the reason is recorded.
    pub call: unsafe extern "C" fn(*mut HostHead, *mut HostFrame) -> bool,
    /// Bytes of stack arguments.
    pub stack_bytes: u32,
    /// Whether any parameter or result travels in a float register.
    pub floats: bool,
}
