//! What happens in a session, told to whoever wants to know. Listeners are told after the function's state has
//! changed, outside every lock, on the thread on which it happened.

use crate::compile::Entry;
use crate::tier::Tier;
use crate::tier::refusal::Reason;
use crate::wasm::{self, Producer};
use latier_runtime::abi::FuncIndex;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Where something happened: in which module, and on which thread.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The module's number: how many modules the session had before it.
    pub module: u32,
    /// The thread.
    pub thread: Thread,
    wasm: &'a wasm::Module,
}

impl<'a> Origin<'a> {
    /// What a reader of the program's source calls a function of the module; else the name of its first export.
    pub fn function_name(&self, function: FuncIndex) -> Option<String> {
        self.wasm.common_name(function)
    }
}

/// A thread as events know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Thread {
    /// One of the embedder's, which loads modules or calls functions. They are numbered from 0, in the whole process,
    /// in the order in which something first happened on them.
    Caller(u32),
    /// One of the session's own, which compile. They are numbered from 1.
    Worker(u32),
}

thread_local! {
    static THREAD: Cell<Option<Thread>> = const { Cell::new(None) };
}

/// How many callers there have been.
static CALLERS: AtomicU32 = AtomicU32::new(0);
/// How many workers there have been.
static WORKERS: AtomicU32 = AtomicU32::new(0);

impl Thread {
    /// The thread that asks.
    fn current() -> Thread {
        THREAD.get().unwrap_or_else(|| {
            let thread = Thread::Caller(CALLERS.fetch_add(1, Ordering::Relaxed));
            THREAD.set(Some(thread));
            thread
        })
    }

    /// The thread that calls this is a worker, if nothing has happened on it before.
    pub(super) fn works() {
        if THREAD.get().is_none() {
            THREAD.set(Some(Thread::Worker(1 + WORKERS.fetch_add(1, Ordering::Relaxed))));
        }
    }
}

/// Something that happened to a module or one of its functions.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The lazy reexports of a module were created: every function has an entry point and no code.
    Created {
        /// Functions the module defines.
        functions: u32,
        /// How long stubs and trampolines took.
        took: Duration,
        /// The languages and tools the module comes from, as it says itself.
        producers: &'a [Producer],
    },
    /// A function was called for the first time (or is compiled before any call).
    FirstCall {
        /// The function.
        function: FuncIndex,
    },
    /// A function was compiled and linked.
    Compiled {
        /// The function.
        function: FuncIndex,
        /// The tier that compiled it.
        tier: Tier,
        /// Where it is entered.
        entry: Entry,
        /// What it cost.
        cost: Cost,
    },
    /// A tier does not compile a function; another does it.
    Refused {
        /// The function.
        function: FuncIndex,
        /// The tier.
        tier: Tier,
        /// Why.
        reason: &'a str,
    },
    /// A function's stub leads to new code.
    Redirected {
        /// The function.
        function: FuncIndex,
        /// The tier of the new code.
        tier: Tier,
    },
    /// A function was found hot: it will be compiled again, optimized.
    TierUpQueued {
        /// The function.
        function: FuncIndex,
        /// Where the code will be entered.
        entry: Entry,
        /// What the compile is expected to gain, as a multiple of what it costs.
        worth: f64,
    },
    /// A function is compiled again, optimized, because a hot one calls it.
    CalleeQueued {
        /// The function.
        function: FuncIndex,
        /// The hot one.
        caller: FuncIndex,
    },
    /// A hot function is not compiled again.
    TierUpRefused {
        /// The function.
        function: FuncIndex,
        /// Where the code would have been entered.
        entry: Entry,
        /// Why.
        reason: Reason,
        /// What the compiler said, if it was that.
        message: Option<&'a str>,
    },
    /// A running loop was left for optimized code, which goes on in its middle.
    Entered {
        /// The function.
        function: FuncIndex,
        /// Where the loop stands in the function's body, in bytes from its start.
        offset: u32,
    },
    /// A function could not be compiled.
    Failed {
        /// The function.
        function: FuncIndex,
        /// Why.
        reason: &'a str,
    },
}

/// What a compile cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Validation of the body.
    pub validate: Duration,
    /// Compilation to an object.
    pub compile: Duration,
    /// Linking the object.
    pub link: Duration,
    /// Bytes of Wasm.
    pub wasm_bytes: usize,
    /// Bytes of machine code.
    pub native_bytes: usize,
}

/// Hears what happens in a session.
pub trait Listener: Send + Sync {
    /// Called for each event, on the thread on which it happened: a first call waits for it.
    fn event(&self, origin: &Origin<'_>, event: &Event<'_>);
}

/// The listeners of a session.
#[derive(Clone, Default)]
pub(super) struct Listeners(pub(super) Vec<Arc<dyn Listener>>);

impl Listeners {
    pub(super) fn tell(&self, module: u32, wasm: &wasm::Module, event: Event<'_>) {
        if self.0.is_empty() {
            return;
        }
        let origin = Origin { module, thread: Thread::current(), wasm };
        for listener in &self.0 {
            listener.event(&origin, &event);
        }
    }
}
