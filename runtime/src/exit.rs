//! Wasm's calls to the host: the context of a host function, its arguments and results, and the boundary that no
//! panic crosses. Does not know what the function does.

use crate::abi::{CallLayout, Loc};
use crate::arch;
use crate::trap::{self, Runtime, UnwindReason};
use crate::types::FuncType;
use crate::vmctx::{VmHeader, VmStore};
use std::mem::MaybeUninit;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

pub use crate::arch::{HostFrame, HostHead};

/// The context of a host function: the first argument of calls to it. The function's own data lies behind it, in a
/// `repr(C)` structure that starts with one.
#[derive(Debug)]
#[repr(C)]
pub struct HostContext {
    head: HostHead,
    layout: CallLayout,
    ty: Arc<FuncType>,
}

/// The body of a host function as the assembly calls it: usually one call of [`run_host`].
pub type HostCode = unsafe extern "C" fn(*mut HostHead, *mut HostFrame) -> bool;

/// The address that the slots of host functions hold.
pub fn host_exit_address() -> usize {
    arch::host_exit_address::<Runtime>()
}

impl HostContext {
    /// The context of a host function of type `ty` in `store`, whose body is `call`.
    pub fn new(store: *mut VmStore, ty: Arc<FuncType>, call: HostCode) -> HostContext {
        let layout = CallLayout::new(&ty);
        let floats = layout.params.iter().chain(&layout.results).any(|loc| matches!(loc, Loc::Fpr(_)));
        let header = VmHeader::of_host(store);
        HostContext { head: HostHead { header, call, stack_bytes: layout.stack_bytes, floats }, layout, ty }
    }

    /// The function's type.
    pub fn ty(&self) -> &Arc<FuncType> {
        &self.ty
    }
}

/// Runs the body of a host function: gives it its arguments, catches its panic. False when it failed: then the
/// reason is recorded in the innermost activation.
///
/// # Safety
/// `context` and `frame` are what a [`HostCode`] was called with, and `context` starts with a [`HostContext`].
#[inline]
pub unsafe fn run_host(
    context: *mut HostHead,
    frame: *mut HostFrame,
    body: impl FnOnce(&mut HostValues<'_>) -> Result<(), UnwindReason>,
) -> bool {
    // SAFETY: the assembly passes the context of the function that was called, which lives while it runs, and the
    // frame that is its own.
    let (context, frame) = unsafe { (&*context.cast::<HostContext>(), &mut *frame) };
    let mut values = HostValues { layout: &context.layout, frame };
    values.clear_result_area();
    match panic::catch_unwind(AssertUnwindSafe(|| body(&mut values))) {
        Ok(Ok(())) => true,
        Ok(Err(reason)) => fail(reason),
        Err(payload) => fail(UnwindReason::Panic(payload)),
    }
}

#[cold]
fn fail(reason: UnwindReason) -> bool {
    match reason {
        UnwindReason::Exception(exception) => trap::record_exception(exception),
        reason => trap::record(reason),
    }
    false
}

/// The arguments and results of a host function that runs now. Results are zero (or null) until they are set.
#[derive(Debug)]
pub struct HostValues<'a> {
    layout: &'a CallLayout,
    frame: &'a mut HostFrame,
}

impl HostValues<'_> {
    /// The bits of parameter `i`; the low 64 of a vector.
    ///
    /// # Panics
    /// When there is no such parameter.
    #[inline]
    pub fn arg(&self, i: usize) -> u64 {
        match self.layout.params[i] {
            Loc::Gpr(n) => self.frame.gpr[usize::from(n)],
            // SAFETY: a layout with a float register makes the assembly save them all.
            Loc::Fpr(n) => unsafe { self.frame.fpr[usize::from(n)].assume_init() as u64 },
            // SAFETY: the caller passed the stack arguments that the layout says, in slots of 8 bytes.
            Loc::Mem(at) => unsafe { self.frame.stack_args.add(at as usize).cast::<u64>().read() },
        }
    }

    /// The bits of parameter `i`, a vector; of others the high half means nothing.
    ///
    /// # Panics
    /// When there is no such parameter.
    #[inline]
    pub fn arg_v128(&self, i: usize) -> u128 {
        match self.layout.params[i] {
            // SAFETY: a layout with a float register makes the assembly save them all.
            Loc::Fpr(n) => unsafe { self.frame.fpr[usize::from(n)].assume_init() },
            // SAFETY: stack arguments come in multiples of 16 bytes, and a vector's place is a multiple of 16: both
            // halves are there. For another parameter the reading stays inside, as its place is rounded down.
            Loc::Mem(at) => unsafe {
                self.frame.stack_args.add(at as usize & !15).cast::<u128>().read_unaligned()
            },
            Loc::Gpr(n) => self.frame.gpr[usize::from(n)].into(),
        }
    }

    /// Sets result `i` to these bits, of which it takes as many as it has.
    ///
    /// # Panics
    /// When there is no such result.
    #[inline]
    pub fn set_result(&mut self, i: usize, bits: u128) {
        match self.layout.results[i] {
            Loc::Gpr(n) => self.frame.ret_gpr[usize::from(n)] = bits as u64,
            Loc::Fpr(n) => self.frame.ret_fpr[usize::from(n)] = MaybeUninit::new(bits),
            // SAFETY: the caller passed the address of an area of as many bytes as the layout says, 16 a result.
            Loc::Mem(at) => unsafe {
                self.result_area().add(at as usize).cast::<u128>().write_unaligned(bits)
            },
        }
    }

    /// Whether result `i`, which is no float, is other than zero.
    ///
    /// # Panics
    /// When there is no such result.
    pub(crate) fn is_set(&self, i: usize) -> bool {
        match self.layout.results[i] {
            Loc::Gpr(n) => self.frame.ret_gpr[usize::from(n)] != 0,
            Loc::Fpr(_) => unreachable!("a reference is no float"),
            // SAFETY: as in `set_result`.
            Loc::Mem(at) => unsafe {
                self.result_area().add(at as usize).cast::<u64>().read_unaligned() != 0
            },
        }
    }

    /// The area that results in memory go to: the hidden argument behind the vmctx.
    fn result_area(&self) -> *mut u8 {
        self.frame.gpr[1] as *mut u8
    }

    fn clear_result_area(&mut self) {
        if self.layout.result_area_bytes != 0 {
            // SAFETY: the caller passed the address of an area of this size.
            unsafe { self.result_area().write_bytes(0, self.layout.result_area_bytes as usize) };
        }
    }
}
