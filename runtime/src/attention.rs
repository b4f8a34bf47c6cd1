//! How another thread gets the attention of running guests: it raises the words that their safepoints test. Who wants
//! it, and what for, it does not know.
//!
//! ```text
//!   VmStore    entry_limit   above every stack: prologues with a safepoint take it for an overflow
//!   VmHeader   attention     1: loop headers of this instance's code go to the safepoint
//! ```
//! A safepoint that is taken puts both back. A wish is lost when the store is entered or left at the same moment, and
//! an instance that was not running finds its word still raised later: who wishes again and again, as a sampler does,
//! loses nothing by either.

use crate::vmctx::VmHeader;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// The contexts whose attention can be had.
#[derive(Default)]
pub struct Attention {
    contexts: Mutex<Vec<Context>>,
    /// Whether every safepoint is taken, always.
    always: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Context(NonNull<VmHeader>);

// SAFETY: through the pointer only atomic fields are written, and only while its `Watch` lives.
unsafe impl Send for Context {}

impl Attention {
    /// Nobody's attention yet.
    pub fn new() -> Arc<Attention> {
        Arc::default()
    }

    /// As [`Attention::new`], of guests that take every safepoint they come to.
    pub fn always() -> Arc<Attention> {
        Arc::new(Attention { always: true, ..Attention::default() })
    }

    fn contexts(&self) -> std::sync::MutexGuard<'_, Vec<Context>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wishes for the attention of every guest that is running. Whether there was one.
    pub fn raise(&self) -> bool {
        let mut running = false;
        for Context(header) in self.contexts().iter() {
            // SAFETY: its `Watch` lives, as it takes the context out under this lock, and with it header and store.
            let (store, word) = unsafe { (&*header.as_ref().store, &header.as_ref().attention) };
            if store.stack_limit.load(Ordering::Relaxed) != 0 {
                store.entry_limit.store(usize::MAX, Ordering::Relaxed);
                word.store(1, Ordering::Relaxed);
                running = true;
            }
        }
        running
    }

    /// Makes the attention of a context something to be had, until the result is dropped.
    ///
    /// # Safety
    /// `vmctx` and its store outlive the result.
    pub(crate) unsafe fn watch(self: &Arc<Attention>, vmctx: *mut VmHeader) -> Watch {
        let context = Context(NonNull::new(vmctx).expect("a vmctx has an address"));
        if self.always {
            // SAFETY: the vmctx and its store are valid.
            let (store, word) = unsafe { (&*(*vmctx).store, &(*vmctx).attention) };
            store.entry_floor.store(usize::MAX, Ordering::Relaxed);
            word.store(1, Ordering::Relaxed);
        }
        self.contexts().push(context);
        Watch { attention: self.clone(), context }
    }
}

impl fmt::Debug for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attention").field("always", &self.always).finish_non_exhaustive()
    }
}

/// A context whose attention can be had.
pub(crate) struct Watch {
    attention: Arc<Attention>,
    context: Context,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut contexts = self.attention.contexts();
        let at = contexts.iter().position(|context| *context == self.context);
        contexts.swap_remove(at.expect("it is watched once"));
    }
}
