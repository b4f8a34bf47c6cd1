//! Signals of faults: handlers on an alternate stack that lead a thread which trapped to its landing, and pass all
//! other signals on to whoever was there before. Does not know what a trap is.

use crate::abi::TrapCode;
use libc::{c_int, c_void, sigaction, siginfo_t, stack_t, ucontext_t};
use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

/// What makes traps of faults.
pub(crate) struct Hooks {
    /// The trap that a fault of this thread's instruction at an address is. Runs inside signal handlers.
    pub(crate) trap_at: fn(usize) -> Option<TrapCode>,
    /// Where to lead a thread that trapped.
    pub(crate) raise: usize,
}

const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

static HOOKS: OnceLock<Hooks> = OnceLock::new();
/// What was installed before, by place in [`SIGNALS`].
static BEFORE: [OnceLock<sigaction>; 4] = [const { OnceLock::new() }; 4];

/// Installs the handlers. Called once in a process.
///
/// # Errors
/// When the system refuses.
pub(crate) fn install(hooks: Hooks) -> io::Result<()> {
    let hooks_are_new = HOOKS.set(hooks).is_ok();
    debug_assert!(hooks_are_new, "handlers are installed once");
    for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
        let mut old = MaybeUninit::<sigaction>::uninit();
        // SAFETY: `old` is where the result goes.
        check(unsafe { libc::sigaction(signal, ptr::null(), old.as_mut_ptr()) })?;
        // SAFETY: the call above has initialized it.
        let old = *before.get_or_init(|| unsafe { old.assume_init() });
        let mut new = old;
        new.sa_sigaction = on_signal as *const () as usize;
        // The mask, and whether the signal itself is masked, stay what the handler before us expects.
        new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | (old.sa_flags & libc::SA_NODEFER);
        // SAFETY: the handler does only what a signal handler may do.
        check(unsafe { libc::sigaction(signal, &new, ptr::null_mut()) })?;
    }
    Ok(())
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

unsafe extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes what belongs to the interrupted thread.
    let (faulted, registers) = unsafe { ((*info).si_code > 0, registers::of(context.cast::<ucontext_t>())) };
    if faulted
        && let Some(hooks) = HOOKS.get()
        && let Some(code) = (hooks.trap_at)(registers.pc())
    {
        registers.lead_to(hooks.raise, code as u8);
    } else {
        // SAFETY: the arguments are the system's own.
        unsafe { pass_on(signal, info, context) };
    }
}

/// Does what would have been done without our handler.
///
/// # Safety
/// The arguments are those of a signal handler that runs now.
unsafe fn pass_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let before = SIGNALS.iter().position(|s| *s == signal).and_then(|i| BEFORE[i].get());
    let Some(before) = before else { return };
    // SAFETY: the structure is the system's.
    let faulted = unsafe { (*info).si_code > 0 };
    match before.sa_sigaction {
        libc::SIG_IGN if !faulted => {}
        // The instruction that faulted runs again, without us; a signal that was sent is sent again.
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: what is installed comes from the system; both calls may be made in signal handlers.
            unsafe {
                libc::sigaction(signal, before, ptr::null_mut());
                if !faulted {
                    libc::raise(signal);
                }
            }
        }
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: it was installed as a handler that takes three arguments.
            let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: it was installed as a handler that takes one argument.
            let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}

/// The registers of the interrupted thread.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod registers {
    use libc::{REG_RBP, REG_RDI, REG_RDX, REG_RIP, REG_RSI, REG_RSP, ucontext_t};

    /// They are what the thread goes on with when the handler returns.
    pub(super) struct Registers<'a>(&'a mut [libc::greg_t; 23]);

    /// The registers in `context`.
    ///
    /// # Safety
    /// `context` is a signal handler's, and nothing else uses its registers meanwhile.
    pub(super) unsafe fn of<'a>(context: *mut ucontext_t) -> Registers<'a> {
        // SAFETY: the same condition.
        Registers(unsafe { &mut (*context).uc_mcontext.gregs })
    }

    impl Registers<'_> {
        pub(super) fn pc(&self) -> usize {
            self.0[REG_RIP as usize] as usize
        }

        /// As if the interrupted instruction had called `code` with its own address, the frame pointer and `n`.
        pub(super) fn lead_to(self, code: usize, n: u8) {
            let gregs = self.0;
            gregs[REG_RDI as usize] = gregs[REG_RIP as usize];
            gregs[REG_RSI as usize] = gregs[REG_RBP as usize];
            gregs[REG_RDX as usize] = n.into();
            gregs[REG_RSP as usize] = (gregs[REG_RSP as usize] & !15) - 8;
            gregs[REG_RIP as usize] = code as libc::greg_t;
        }
    }
}

/// Bytes of an alternate stack that are enough for the handlers and those they pass signals on to.
const ALTERNATE_BYTES: usize = 64 << 10;

thread_local! {
    static ALTERNATE: RefCell<Option<AlternateStack>> = const { RefCell::new(None) };
}

/// Gives this thread an alternate stack for signal handlers, until it ends, if it has none that is large enough.
///
/// # Errors
/// When there is no memory for it.
pub(crate) fn prepare_thread() -> io::Result<()> {
    let current = current_alternate()?;
    if current.ss_flags & libc::SS_DISABLE == 0 && current.ss_size >= ALTERNATE_BYTES {
        return Ok(());
    }
    let stack = AlternateStack::install()?;
    // A thread that has torn down its locals does without: this drops the stack again.
    let _ = ALTERNATE.try_with(|place| place.replace(Some(stack)));
    Ok(())
}

fn current_alternate() -> io::Result<stack_t> {
    let mut stack = MaybeUninit::uninit();
    // SAFETY: `stack` is where the result goes.
    check(unsafe { libc::sigaltstack(ptr::null(), stack.as_mut_ptr()) })?;
    // SAFETY: the call above has initialized it.
    Ok(unsafe { stack.assume_init() })
}

/// An alternate stack of this thread, with an inaccessible page below it.
struct AlternateStack {
    mapping: *mut c_void,
    guard: usize,
}

impl AlternateStack {
    fn install() -> io::Result<AlternateStack> {
        let guard = region::page::size();
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping anywhere.
        let mapping =
            unsafe { libc::mmap(ptr::null_mut(), guard + ALTERNATE_BYTES, protection, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = AlternateStack { mapping, guard };
        // SAFETY: the page is in our own new mapping; the stack lies in it above the page.
        check(unsafe { libc::mprotect(mapping, guard, libc::PROT_NONE) })?;
        let new = stack_t { ss_sp: stack.lowest(), ss_flags: 0, ss_size: ALTERNATE_BYTES };
        // SAFETY: the memory is mapped until the stack is dropped, which takes it out of use first.
        check(unsafe { libc::sigaltstack(&new, ptr::null_mut()) })?;
        Ok(stack)
    }

    fn lowest(&self) -> *mut c_void {
        self.mapping.wrapping_byte_add(self.guard)
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        // What was installed before may be gone: the thread ends, and nothing takes its place.
        let none = stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        let unused = current_alternate().is_ok_and(|current| {
            // SAFETY: no handler runs on the stack while this code does.
            current.ss_sp != self.lowest() || unsafe { libc::sigaltstack(&none, ptr::null_mut()) } == 0
        });
        if unused {
            // SAFETY: the mapping is ours and nothing lies in it any more.
            unsafe { libc::munmap(self.mapping, self.guard + ALTERNATE_BYTES) };
        }
    }
}
