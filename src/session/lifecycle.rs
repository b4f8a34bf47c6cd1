//! The life of each function's first compile: lazy → compiling → compiled or failed. Reading a state takes no lock;
//! who needs a function that another thread compiles waits for that function alone. Knows neither what compiling
//! is nor what a function is: it counts and waits.
//!
//! ```text
//!            claim: one thread wins               finish
//!   LAZY ───────────────────────────► COMPILING ─────────► COMPILED
//!    ▲                                 │  │  └───────────► FAILED
//!    └─────────────────────────────────┘  └ + WAITED while others wait
//!          finish(Retry): a resource was short
//! ```
//! 1. Only the thread whose compare-and-swap moved LAZY to COMPILING may call `finish`, once.
//! 2. `finish` publishes with Release what the winner wrote; every `claim` reads with Acquire.
//! 3. WAITED is set only from COMPILING, under the shard's lock, and the waiter sleeps under that lock; `finish`
//!    takes the lock after its swap saw WAITED. So no wake-up is lost.

use super::sync::{AtomicU8, Condvar, Mutex, Ordering};

const LAZY: u8 = 0;
const COMPILING: u8 = 1;
const COMPILED: u8 = 2;
const FAILED: u8 = 3;
const WAITED: u8 = 0x80;

/// Where waiters sleep. Functions share shards; a waiter looks at its own function's state each time it wakes.
#[derive(Debug, Default)]
struct Shard {
    lock: Mutex<()>,
    changed: Condvar,
}

const SHARDS: usize = 8;

/// The states of a module's functions.
#[derive(Debug)]
pub struct Lifecycle {
    states: Box<[AtomicU8]>,
    shards: [Shard; SHARDS],
}

/// What a claim found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The caller compiles the function, and must call [`Lifecycle::finish`].
    Won,
    /// The function has code.
    Compiled,
    /// The function cannot be compiled.
    Failed,
}

/// How a compile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function has code, and its slot leads there.
    Compiled,
    /// It never will.
    Failed,
    /// A resource was short: the next call tries again.
    Retry,
}

impl Lifecycle {
    /// `functions` functions, all lazy.
    pub fn new(functions: usize) -> Lifecycle {
        let states = (0..functions).map(|_| AtomicU8::new(LAZY)).collect();
        Lifecycle { states, shards: std::array::from_fn(|_| Shard::default()) }
    }

    /// Whether `function` has code.
    pub fn is_compiled(&self, function: usize) -> bool {
        self.states[function].load(Ordering::Acquire) == COMPILED
    }

    /// Claims the right to compile `function`, or waits until whoever has it is done.
    pub fn claim(&self, function: usize) -> Claim {
        let state = &self.states[function];
        loop {
            match state.load(Ordering::Acquire) & !WAITED {
                COMPILED => return Claim::Compiled,
                FAILED => return Claim::Failed,
                LAZY => {
                    if state.compare_exchange(LAZY, COMPILING, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                        return Claim::Won;
                    }
                }
                _ => self.wait(function),
            }
        }
    }

    /// Sleeps until `function` is not being compiled.
    fn wait(&self, function: usize) {
        let state = &self.states[function];
        let shard = &self.shards[function % SHARDS];
        let mut guard = shard.lock.lock().expect("no one panics under this lock");
        let marked =
            state.compare_exchange(COMPILING, COMPILING | WAITED, Ordering::Relaxed, Ordering::Relaxed);
        if let Err(found) = marked
            && found != COMPILING | WAITED
        {
            return;
        }
        while state.load(Ordering::Acquire) == COMPILING | WAITED {
            guard = shard.changed.wait(guard).expect("no one panics under this lock");
        }
    }

    /// Ends the compile that the caller claimed and wakes who waits for it.
    ///
    /// # Panics
    /// In debug builds, when the function was not being compiled.
    pub fn finish(&self, function: usize, outcome: Outcome) {
        let next = match outcome {
            Outcome::Compiled => COMPILED,
            Outcome::Failed => FAILED,
            Outcome::Retry => LAZY,
        };
        let previous = self.states[function].swap(next, Ordering::AcqRel);
        debug_assert_eq!(previous & !WAITED, COMPILING, "finish without a claim");
        if previous & WAITED != 0 {
            let shard = &self.shards[function % SHARDS];
            drop(shard.lock.lock().expect("no one panics under this lock"));
            shard.changed.notify_all();
        }
    }
}
