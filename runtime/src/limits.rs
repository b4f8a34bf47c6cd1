//! How much a store may use, who is asked before it uses more, and what it says when it may not. Knows nothing of what
//! is being counted.

use crate::store::{Store, StoreInner};
use crate::trap::{HostFailure, UnwindReason};
use crate::vmctx::VmStore;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

/// Bounds on what one store allocates. A bound that is reached is an error (or -1 of `memory.grow`), never a panic.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResourceLimits {
    /// Elements that each table may have in a store without a limiter.
    pub max_table_elements: u64,
    /// Instances that the store may hold; they live as long as the store.
    pub max_instances: usize,
    /// Memories that the store may hold, those of the host and shared ones included.
    pub max_memories: usize,
    /// Tables that the store may hold, those of the host included.
    pub max_tables: usize,
    /// Bytes of stack that one call into Wasm may use, hosts' frames in between included.
    pub max_wasm_stack_bytes: usize,
}

impl Default for ResourceLimits {
    fn default() -> ResourceLimits {
        ResourceLimits {
            max_table_elements: 10_000_000,
            max_instances: 1_000_000,
            max_memories: 1_000_000,
            max_tables: 1_000_000,
            max_wasm_stack_bytes: 512 << 10,
        }
    }
}

/// Something could not be had: address space, memory, or a limit was reached. The text says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceError(pub String);

impl fmt::Display for ResourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ResourceError {}

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growing {
    /// A memory; its size is in bytes.
    Memory,
    /// A table; its size is in elements.
    Table,
}

/// What a limiter is asked.
#[derive(Clone, Copy, Debug)]
pub enum Question<'a> {
    /// Whether something may grow. The answer is yes or no.
    MayGrow {
        /// What.
        what: Growing,
        /// Its size now: 0 of something new.
        current: u64,
        /// Its size after.
        desired: u64,
        /// The most that its type allows, if the type says.
        maximum: Option<u64>,
    },
    /// What to do when something did not grow: go on, whatever the answer, or fail.
    NotGrown(Growing, &'a ResourceError),
}

/// A limiter's answer. Its failure ends the guest's call as that of a host function would.
pub type Verdict = Result<bool, HostFailure>;

/// A limiter whose store is of a type that only it knows.
pub(crate) type Limiter = Box<dyn FnMut(*mut VmStore, Question<'_>) -> Verdict + Send + Sync>;

/// Why something was not made, or did not grow.
#[derive(Debug)]
pub enum GrowError {
    /// It cannot, or must not.
    Resource(ResourceError),
    /// The limiter failed or panicked.
    Limiter(UnwindReason),
}

impl From<ResourceError> for GrowError {
    fn from(error: ResourceError) -> GrowError {
        GrowError::Resource(error)
    }
}

impl fmt::Display for GrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GrowError::Resource(error) => error.fmt(f),
            GrowError::Limiter(_) => f.write_str("the store's limiter failed"),
        }
    }
}

impl<T: 'static> Store<T> {
    /// Sets who is asked before a memory or table of the store is made or grows. It is lent the store's data.
    pub fn set_limiter(
        &mut self,
        mut limiter: impl FnMut(&mut T, Question<'_>) -> Verdict + Send + Sync + 'static,
    ) {
        self.core.limiter = Some(Box::new(move |store, question| {
            // SAFETY: the limiter is called only for the store that it was set in, whose data is a `T`, by who holds
            // that store and does not touch it meanwhile.
            limiter(unsafe { Store::<T>::from_vm(store) }.data_mut(), question)
        }));
    }
}

/// Asks the limiter of a store. Without one, everything is allowed but tables beyond the executor's own bound.
///
/// # Safety
/// `store` is live, and held by the caller, who has no other reference to it in use.
unsafe fn ask(store: *mut VmStore, question: Question<'_>) -> Result<bool, GrowError> {
    // SAFETY: the caller's promise; the reference ends with this line.
    let limiter = unsafe { StoreInner::from_vm_mut(store) }.core.limiter.take();
    let Some(mut limiter) = limiter else {
        // SAFETY: as above.
        let most = unsafe { StoreInner::from_vm(store) }.limits().max_table_elements;
        let table = Growing::Table;
        return Ok(
            !matches!(question, Question::MayGrow { what, desired, .. } if what == table && desired > most),
        );
    };
    let answer = panic::catch_unwind(AssertUnwindSafe(|| limiter(store, question)));
    // SAFETY: as above. It could not set another, as it is lent the data alone.
    unsafe { StoreInner::from_vm_mut(store) }.core.limiter = Some(limiter);
    match answer {
        Ok(answer) => answer.map_err(|failure| GrowError::Limiter(UnwindReason::Host(failure))),
        Err(payload) => Err(GrowError::Limiter(UnwindReason::Panic(payload))),
    }
}

/// Whether something of `size` (current and desired, at most maximum) may be; `what` it is, and its `name` in a refusal.
///
/// # Safety
/// As [`ask`].
pub(crate) unsafe fn may_grow(
    store: *mut VmStore,
    what: Growing,
    (current, desired, maximum): (u64, u64, Option<u64>),
    name: impl fmt::Display,
) -> Result<(), GrowError> {
    // SAFETY: the caller's promise.
    match unsafe { ask(store, Question::MayGrow { what, current, desired, maximum }) }? {
        true => Ok(()),
        false => Err(ResourceError(format!("{name}: more than the store's limit")).into()),
    }
}

/// The outcome of growing: if it failed, the limiter is told, and may make a failure of its own of it.
///
/// # Safety
/// As [`ask`].
pub(crate) unsafe fn grown<R>(
    store: *mut VmStore,
    what: Growing,
    outcome: Result<R, GrowError>,
) -> Result<R, GrowError> {
    if let Err(GrowError::Resource(error)) = &outcome {
        // SAFETY: the caller's promise.
        unsafe { ask(store, Question::NotGrown(what, error)) }?;
    }
    outcome
}
