//! The host's call into Wasm: activations, the stack limit, and one way in for every signature. Does not know types
//! of functions: it moves registers and words.

use crate::abi::TrapCode;
use crate::arch;
use crate::backtrace;
use crate::sys;
use crate::trap::{self, Unwind, UnwindReason};
use crate::vmctx::VmStore;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::Ordering;

pub use crate::arch::Registers;

/// Bytes of a thread's stack that Wasm never uses: host functions, the compiler and the trap's own code run there.
pub const HOST_STACK_BYTES: usize = (1 << 20) + (64 << 10);

/// One call into Wasm that has not returned: where it lands, and what was outside it.
pub(crate) struct Activation {
    /// The stack pointer to land with; written by the assembly.
    landing_sp: Cell<usize>,
    /// Lowest stack address of its Wasm frames, the same for all activations of one nest.
    stack_limit: usize,
    /// The activation of this thread around this one.
    outer: *const Activation,
    /// How `outer` was left, if there is one.
    outer_exit: Exit,
    /// The store that was entered.
    store: *mut VmStore,
    /// Why it ends early. Set before the landing, taken after it.
    unwind: Cell<Option<Box<Unwind>>>,
}

/// Where Wasm was left for the host: a frame, and a return address into it. Zero if it was not left.
#[derive(Clone, Copy, Default)]
pub(crate) struct Exit {
    pub(crate) fp: usize,
    pub(crate) pc: usize,
}

struct Thread {
    innermost: Cell<*const Activation>,
    /// Lowest stack address that Wasm frames of this thread may ever use; 0 until the thread's first entry.
    stack_floor: Cell<usize>,
}

thread_local! {
    // Constant and without a destructor, so that signal handlers may read it.
    static THREAD: Thread = const { Thread { innermost: Cell::new(ptr::null()), stack_floor: Cell::new(0) } };
}

impl Activation {
    /// The frame pointer of the assembly's frame below the first Wasm frame.
    pub(crate) fn entry_fp(&self) -> usize {
        self.landing_sp.get() + arch::LANDING_TO_FP
    }

    /// Where to land.
    pub(crate) fn landing_sp(&self) -> usize {
        self.landing_sp.get()
    }

    /// Records why it ends.
    pub(crate) fn set_unwind(&self, unwind: Box<Unwind>) {
        self.unwind.set(Some(unwind));
    }

    /// Takes why it ends, which was recorded.
    pub(crate) fn take_unwind(&self) -> Box<Unwind> {
        self.unwind.take().expect("who lands has said why")
    }

    /// Where its store was last left. What it says is of this activation as long as it is the innermost one.
    pub(crate) fn exit(&self) -> Exit {
        // SAFETY: the store outlives its activations, and only this thread is inside it.
        unsafe { Exit::of(self.store) }
    }

    /// The activation around it, and how that one was left.
    pub(crate) fn outer(&self) -> Option<(&Activation, Exit)> {
        // SAFETY: an outer activation outlives the ones inside it.
        Some((unsafe { self.outer.as_ref() }?, self.outer_exit))
    }
}

impl Exit {
    /// The exit that `store` has recorded.
    ///
    /// # Safety
    /// `store` is valid for reads.
    unsafe fn of(store: *mut VmStore) -> Exit {
        // SAFETY: the same condition.
        unsafe { Exit { fp: (*store).exit_fp, pc: (*store).exit_pc } }
    }

    /// Records this exit in `store`.
    ///
    /// # Safety
    /// `store` is valid for writes.
    unsafe fn put(self, store: *mut VmStore) {
        // SAFETY: the same condition.
        unsafe { ((*store).exit_fp, (*store).exit_pc) = (self.fp, self.pc) }
    }
}

/// What `f` makes of this thread's innermost activation. Safe in signal handlers if `f` is.
pub(crate) fn with_innermost<R>(f: impl FnOnce(Option<&Activation>) -> R) -> R {
    let innermost = THREAD.with(|thread| thread.innermost.get());
    // SAFETY: an activation is the innermost one only while its `call_wasm` runs, below all that runs now.
    f(unsafe { innermost.as_ref() })
}

/// The frame pointer of the assembly's frame below the first Wasm frame of this thread; 0 if there is none.
pub(crate) fn outermost_fp() -> usize {
    with_innermost(|innermost| {
        let activations = std::iter::successors(innermost, |activation| Some(activation.outer()?.0));
        activations.last().map_or(0, Activation::entry_fp)
    })
}

/// Calls the Wasm code at `code`, in the arguments that `regs` and `stack_args` (first one first) hold, and leaves
/// the results in `regs`. On the outermost call of a thread its Wasm frames may take `max_stack` bytes, or what the
/// thread's stack leaves over [`HOST_STACK_BYTES`], if that is less; calls inside it share that.
///
/// # Errors
/// When the guest trapped, or a host function failed or panicked; then `regs` is as before.
///
/// # Safety
/// `code` is an entry point, and the arguments are what its type's `CallLayout` says, an even number of stack words
/// and the callee's vmctx included. `store` is the callee's, all that it owns is valid, no other thread is inside it,
/// and no reference to what compiled code may write is in use.
#[inline]
pub unsafe fn call_wasm(
    store: *mut VmStore,
    code: usize,
    regs: &mut Registers,
    stack_args: &[u64],
    max_stack: usize,
) -> Result<(), Box<Unwind>> {
    debug_assert!(stack_args.len().is_multiple_of(2), "stack arguments are padded to 16 bytes");
    let here = 0u8;
    let sp = &raw const here as usize;
    let (outer, floor) = THREAD.with(|thread| (thread.innermost.get(), thread.stack_floor.get()));
    // SAFETY: an outer activation outlives the ones inside it, as does its store.
    let (stack_limit, outer_exit) = match unsafe { outer.as_ref() } {
        Some(outer) => (outer.stack_limit, outer.exit()),
        None => {
            let floor = if floor == 0 { prepare_thread()? } else { floor };
            (floor.max(sp.saturating_sub(max_stack)), Exit::default())
        }
    };
    if sp <= stack_limit {
        return Err(overflow(None));
    }
    let unwind = Cell::new(None);
    let activation = Activation { landing_sp: Cell::new(0), stack_limit, outer, outer_exit, store, unwind };
    // SAFETY: the caller says that `store` is valid and that no one else is inside it.
    let exit_before = unsafe { Exit::of(store) };
    // SAFETY: the same.
    unsafe { Exit::default().put(store) };
    // SAFETY: the same.
    let limit_before = unsafe { set_stack_limit(store, stack_limit) };
    THREAD.with(|thread| thread.innermost.set(&activation));
    // SAFETY: the caller vouches for code and arguments. Whatever ends the call early lands in the innermost
    // activation, which is this one: those inside have ended when control is back in Wasm.
    let unwound = unsafe {
        arch::enter(activation.landing_sp.as_ptr(), regs, code, stack_args.as_ptr(), stack_args.len())
    };
    THREAD.with(|thread| thread.innermost.set(outer));
    // SAFETY: as above.
    unsafe { set_stack_limit(store, limit_before) };
    // SAFETY: as above.
    unsafe { exit_before.put(store) };
    if unwound == 0 { Ok(()) } else { Err(activation.take_unwind()) }
}

/// Sets the lowest stack address that the store's frames may use, and gives the one before. A wish for the guest's
/// attention that comes at this moment may be lost.
///
/// # Safety
/// `store` is valid.
#[inline]
unsafe fn set_stack_limit(store: *mut VmStore, limit: usize) -> usize {
    // SAFETY: the same condition; other threads write only atomic fields.
    let (stack, entry, floor) =
        unsafe { (&(*store).stack_limit, &(*store).entry_limit, &(*store).entry_floor) };
    let before = stack.load(Ordering::Relaxed);
    stack.store(limit, Ordering::Relaxed);
    entry.store(limit.max(floor.load(Ordering::Relaxed)), Ordering::Relaxed);
    before
}

#[cold]
fn overflow(message: Option<String>) -> Box<Unwind> {
    let reason = UnwindReason::Trap { code: TrapCode::StackOverflow, message };
    Box::new(Unwind { reason, backtrace: backtrace::capture_backtrace() })
}

/// Makes this thread ready for Wasm: trap handlers, its alternate stack, the bounds of its stack. Returns the lowest
/// stack address that Wasm frames may use.
#[cold]
fn prepare_thread() -> Result<usize, Box<Unwind>> {
    trap::install_handlers()
        .and_then(|()| sys::signals::prepare_thread())
        .and_then(|()| sys::stack::lowest_address())
        .map(|lowest| {
            let floor = lowest.saturating_add(HOST_STACK_BYTES);
            THREAD.with(|thread| thread.stack_floor.set(floor));
            floor
        })
        .map_err(|e| overflow(Some(format!("the thread cannot be prepared for traps: {e}"))))
}
