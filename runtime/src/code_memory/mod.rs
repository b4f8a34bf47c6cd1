//! Executable memory: the one door to it. Everything that runs and was not in the program file lies here. It knows
//! no code: it is told where bytes go and which function they are.
//!
//! ```text
//!  one reservation a process, seen twice:     working view (read+write)     running view (read+execute)
//!
//!  units of 64 KiB:  │ module A │ module B         │ free │ module A │ free …
//!                    │          └ a chunk: one or more units of one module
//!                    └ a module's first chunk: head, stubs │ slots │ code …   (│ is the start of a page)
//! ```
//!
//! An allocation is in flight while its bytes are written through the working view, then finalized: it can be found
//! by its addresses, and its [`CodeAddr`] can be put into a slot. Code lives until its module is dropped; then the
//! chunks' memory goes back to the system and their units to the free list.
//!
//! A forked child runs the code it has, as long as its parent keeps it, but can neither add to it nor redirect it: it
//! has no working view, since both processes would hand out the same addresses.

mod alloc;
mod module;
mod space;
mod units;

#[cfg(test)]
mod tests;

pub use alloc::{FinalizedAlloc, InFlightAlloc};
pub use module::ModuleCode;
pub use space::Cells;
pub(crate) use space::{BatchSpace, ModuleSpace};

use crate::registry::Registry;
use crate::sys::mmap::Views;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};
use units::FreeUnits;

/// Bytes of code memory that a process can have in use at once. A 32-bit displacement reaches from any place in it to
/// any other. It is address space: memory is taken as code is written.
pub const RESERVED_BYTES: usize = 1 << 30;

/// Bytes of a unit, in which modules take and give back code memory.
pub(crate) const UNIT_BYTES: usize = 64 << 10;

/// A running address of finalized code: the only thing a slot accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeAddr(pub(crate) usize);

impl CodeAddr {
    /// The address.
    pub fn get(self) -> usize {
        self.0
    }
}

/// Why there is no code memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeMemoryError {
    /// Other modules hold what was asked for; it comes back when they are dropped.
    Exhausted {
        /// Bytes that were asked for.
        requested: usize,
    },
    /// This process was forked from the one whose code memory it is.
    Forked,
    /// The system refused.
    System {
        /// What it was asked to do.
        action: &'static str,
        /// What it answered.
        error: String,
    },
}

impl CodeMemoryError {
    /// Whether the same request can succeed later in this process.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, CodeMemoryError::Forked)
    }
}

impl fmt::Display for CodeMemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeMemoryError::Exhausted { requested } => {
                write!(f, "code memory is exhausted: {requested} bytes more do not fit in {RESERVED_BYTES}")
            }
            CodeMemoryError::Forked => {
                f.write_str("a forked process cannot add code to its parent's code memory")
            }
            CodeMemoryError::System { action, error } => write!(f, "cannot {action}: {error}"),
        }
    }
}

impl std::error::Error for CodeMemoryError {}

/// The code memory of a process.
pub struct CodeMemory {
    views: Views,
    free: Mutex<FreeUnits>,
    registry: Registry,
}

static PROCESS: OnceLock<CodeMemory> = OnceLock::new();

impl CodeMemory {
    /// The code memory of this process, reserved on first use: two views of one file, or one view whose pages are
    /// flipped where the system refuses the former.
    ///
    /// # Errors
    /// When the system refuses both.
    pub fn get() -> Result<&'static CodeMemory, CodeMemoryError> {
        static MAKING: Mutex<()> = Mutex::new(());
        if let Some(memory) = PROCESS.get() {
            return Ok(memory);
        }
        let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = PROCESS.get() {
            return Ok(memory);
        }
        let views = Views::apart(RESERVED_BYTES).or_else(|_| Views::in_place(RESERVED_BYTES));
        let views = views.map_err(|e| CodeMemoryError::system("reserve code memory", &e))?;
        Ok(PROCESS.get_or_init(|| CodeMemory::new(views)))
    }

    /// The code memory of this process if there is any yet. Takes no lock: signal handlers call it.
    pub(crate) fn existing() -> Option<&'static CodeMemory> {
        PROCESS.get()
    }

    pub(crate) fn new(views: Views) -> CodeMemory {
        let units = views.len() / UNIT_BYTES;
        let registry = Registry::new(views.running() as usize, units);
        CodeMemory { views, free: Mutex::new(FreeUnits::new(units)), registry }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    fn running_base(&self) -> usize {
        self.views.running() as usize
    }

    fn check_writable(&self) -> Result<(), CodeMemoryError> {
        if self.views.writable() { Ok(()) } else { Err(CodeMemoryError::Forked) }
    }

    /// Takes whole units: `wanted` bytes of them, or fewer but at least `needed`. Their bytes are zeros.
    fn take(&self, needed: usize, wanted: usize) -> Result<Range<usize>, CodeMemoryError> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let run = free.take(needed.div_ceil(UNIT_BYTES), wanted.max(needed).div_ceil(UNIT_BYTES));
        let run = run.ok_or(CodeMemoryError::Exhausted { requested: needed })?;
        Ok(run.start * UNIT_BYTES..run.end * UNIT_BYTES)
    }

    /// Gives back what [`CodeMemory::take`] gave. No code in it is in use any more.
    fn give_back(&self, range: Range<usize>) {
        // A forked child must not free its parent's code; and it takes no units that it could run out of.
        if !self.views.writable() {
            return;
        }
        // Units that the system does not make writable again stay taken.
        if self.views.give_back(range.clone()).is_ok() {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.give(range.start / UNIT_BYTES..range.end / UNIT_BYTES);
        }
    }
}

impl fmt::Debug for CodeMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeMemory").field("views", &self.views).finish_non_exhaustive()
    }
}

impl CodeMemoryError {
    fn system(action: &'static str, error: &std::io::Error) -> CodeMemoryError {
        CodeMemoryError::System { action, error: error.to_string() }
    }
}
