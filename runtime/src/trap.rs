//! Why a call into Wasm ended early, and the one way to end it: record the reason in the innermost activation, then
//! land there. Knows nothing of signals but their hooks and nothing of stacks but where to land.

use crate::abi::TrapCode;
use crate::arch::{self, Grown, Resume};
use crate::backtrace::{self, RawFrame};
use crate::builtins;
use crate::entry;
use crate::exception::Exception;
use crate::reentry;
use crate::registry;
use crate::safepoint;
use crate::sites::{SiteKind, Sites};
use crate::sys::signals;
use crate::throw;
use crate::vmctx::{VmException, VmHeader, VmMemory, VmTable};
use std::any::Any;
use std::fmt;
use std::io;
use std::sync::OnceLock;

/// A call into Wasm that ended early.
#[derive(Debug)]
pub struct Unwind {
    /// Why.
    pub reason: UnwindReason,
    /// The Wasm frames at that moment, innermost first; see [`backtrace`] for what it leaves out.
    pub backtrace: Vec<RawFrame>,
}

/// Why a call into Wasm ended early.
pub enum UnwindReason {
    /// The guest trapped.
    Trap {
        /// Its kind.
        code: TrapCode,
        /// What the kind does not say.
        message: Option<String>,
    },
    /// An exception that nothing in this call catches.
    Exception(Exception),
    /// A host function failed.
    Host(HostFailure),
    /// A host function panicked; what it panicked with, to be continued with `std::panic::resume_unwind`.
    Panic(Box<dyn Any + Send>),
}

/// The error of a host function: whatever the embedder puts in it. An [`Exception`] is thrown to the guest.
pub type HostFailure = Box<dyn Any + Send>;

impl fmt::Debug for UnwindReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnwindReason::Trap { code, message } => {
                f.debug_struct("Trap").field("code", code).field("message", message).finish()
            }
            UnwindReason::Exception(exception) => f.debug_tuple("Exception").field(exception).finish(),
            UnwindReason::Host(_) => f.write_str("Host(..)"),
            UnwindReason::Panic(payload) => f.debug_tuple("Panic").field(&panic_text(payload)).finish(),
        }
    }
}

/// The words of a panic, if it has any.
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

/// Records why the innermost activation ends, with the backtrace from where it was left for the host.
pub(crate) fn record(reason: UnwindReason) {
    let backtrace = backtrace::capture_backtrace();
    entry::with_innermost(|activation| {
        let activation = activation.expect("only Wasm calls what ends an activation");
        activation.set_unwind(Box::new(Unwind { reason, backtrace }));
    });
}

/// Records that an exception is thrown to the Wasm frames of the innermost activation. Where it was thrown is found
/// out only if nothing catches it.
pub(crate) fn record_exception(exception: Exception) {
    entry::with_innermost(|activation| {
        let activation = activation.expect("only Wasm calls what ends an activation");
        let reason = UnwindReason::Exception(exception);
        activation.set_unwind(Box::new(Unwind { reason, backtrace: Vec::new() }));
    });
}

/// The part of this floor that the assembly calls.
pub(crate) struct Runtime;

impl arch::Upcalls for Runtime {
    extern "C" fn resolve(vmctx: *mut VmHeader, function: u32) -> usize {
        // SAFETY: the trampoline passes what Wasm called a function of the module with: its instance's vmctx.
        unsafe { reentry::resolve(vmctx, function) }
    }

    extern "C" fn record_trap(pc: usize, fp: usize, code: u32) -> usize {
        let code =
            u8::try_from(code).ok().and_then(TrapCode::from_u8).expect("the handler passes trap codes");
        entry::with_innermost(|activation| {
            let activation = activation.expect("the handler has seen it");
            let backtrace = backtrace::capture_trap(activation, pc, fp);
            let reason = UnwindReason::Trap { code, message: None };
            activation.set_unwind(Box::new(Unwind { reason, backtrace }));
            activation.landing_sp()
        })
    }

    extern "C" fn landing(resume: *mut Resume) -> usize {
        entry::with_innermost(|activation| {
            let activation = activation.expect("only Wasm leads to a landing");
            let mut unwind = activation.take_unwind();
            if let UnwindReason::Exception(exception) = &unwind.reason {
                if let Some(handler) = throw::handler(activation, exception) {
                    // SAFETY: the assembly passes a place on its stack.
                    unsafe { resume.write(handler) };
                    return 0;
                }
                if unwind.backtrace.is_empty() {
                    unwind.backtrace = backtrace::capture_backtrace();
                }
            }
            activation.set_unwind(unwind);
            activation.landing_sp()
        })
    }

    extern "C" fn safepoint(vmctx: *mut VmHeader, fp: usize, pc: usize, given: usize, sp: usize) -> usize {
        // SAFETY: the assembly passes what code with safepoints called it with: its own vmctx and frame.
        unsafe { safepoint::answer(vmctx, &safepoint::Frame { fp, sp, pc, given }) }
    }

    extern "C" fn memory_grow(vmctx: *mut VmHeader, memory: *mut VmMemory, pages: u64) -> Grown {
        // SAFETY: compiled code passes what builtins are promised.
        unsafe { builtins::memory_grow(vmctx, memory, pages) }
    }

    extern "C" fn table_grow(vmctx: *mut VmHeader, table: *mut VmTable, element: u64, count: u64) -> Grown {
        // SAFETY: as above.
        unsafe { builtins::table_grow(vmctx, table, element, count) }
    }

    extern "C" fn throw(_vmctx: *mut VmHeader, exception: *mut VmException) {
        // SAFETY: compiled code throws exceptions of its own store.
        record_exception(unsafe { Exception::of(exception) });
    }
}

/// Installs the signal handlers that make traps of faults, once per process.
///
/// # Errors
/// When the system refuses.
pub(crate) fn install_handlers() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), io::ErrorKind>> = OnceLock::new();
    let hooks = signals::Hooks { trap_at, raise: arch::raise_trap_address::<Runtime>() };
    INSTALLED.get_or_init(|| signals::install(hooks).map_err(|e| e.kind())).map_err(io::Error::from)
}

/// The trap that a fault of this thread's instruction at `pc` is. Runs in signal handlers: takes no lock, allocates
/// nothing.
fn trap_at(pc: usize) -> Option<TrapCode> {
    if !entry::with_innermost(|activation| activation.is_some()) {
        return None;
    }
    // SAFETY: if `pc` lies in a module's code then this thread runs it, in a store that keeps the module.
    let found = unsafe { registry::lookup(pc) }?;
    let at_pc = Sites::new(&found.record.sites).skip_while(|site| site.code_offset < found.offset);
    at_pc.take_while(|site| site.code_offset == found.offset).find_map(|site| match site.kind {
        SiteKind::Trap(code) => Some(code),
        SiteKind::Call => None,
    })
}
