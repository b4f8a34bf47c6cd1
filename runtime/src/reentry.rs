//! First calls: from a re-entry trampoline to the controller and on to the code. Knows no compiler and no state of
//! functions.

use crate::abi::{Controller, FuncIndex, ResolveFailure, TrapCode};
use crate::arch;
use crate::trap::{self, Runtime, UnwindReason};
use crate::vmctx::VmHeader;
use std::panic::{self, AssertUnwindSafe};

/// What starts the instance that [`VmHeader::instance`] points to.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct InstanceHead {
    /// Who makes the code of the instance's module. Valid as long as the instance.
    pub controller: *const dyn Controller,
}

/// The address that trampolines jump to, with the function's index in `eax` and the callee's vmctx in `rdi`.
pub fn reentry_address() -> usize {
    arch::reentry_address::<Runtime>()
}

/// The code of a defined function; 0 when it has none and the reason is recorded in the innermost activation.
///
/// # Safety
/// `vmctx` is that of a living instance, whose module has the function; or of a host function.
pub(crate) unsafe fn resolve(vmctx: *mut VmHeader, function: u32) -> usize {
    // SAFETY: the vmctx lives, and its instance, if it has one, starts with an `InstanceHead`, whose controller
    // lives as long.
    let controller =
        unsafe { (*vmctx).instance.cast::<InstanceHead>().as_ref().map(|head| &*head.controller) };
    let resolved = panic::catch_unwind(AssertUnwindSafe(|| match controller {
        Some(controller) => controller.resolve(FuncIndex(function)),
        None => Err(ResolveFailure("the function belongs to no instance".into())),
    }));
    let message = match resolved {
        Ok(Ok(code)) => return code.0,
        Ok(Err(ResolveFailure(message))) => message,
        Err(payload) => format!("the compiler panicked: {}", trap::panic_text(&*payload)),
    };
    trap::record(UnwindReason::Trap { code: TrapCode::CompileFailed, message: Some(message) });
    0
}
