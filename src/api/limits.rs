//! What a store may use: who is asked before it uses more, and the usual answers as plain numbers. Who asks is the
//! executor's business.

use super::raw;
use super::{Error, Result};
use anyhow::bail;

/// Is asked before a store's memories and tables are made or grow, and how many of them and of instances there may be.
/// [`Store::limiter`](super::Store::limiter) sets it. [`StoreLimits`] suffices for most.
///
/// A limiter that answers with an error stops the guest that wanted to grow something, as the error of a host function
/// does; if it panics, the panic goes on at the host that called the guest.
///
/// ```
/// use latier::{Engine, Memory, MemoryType, ResourceLimiter, Store};
///
/// /// Lets all memories of a store have so many bytes together.
/// struct Purse(usize);
///
/// impl ResourceLimiter for Purse {
///     fn memory_growing(
///         &mut self,
///         current: usize,
///         desired: usize,
///         _maximum: Option<usize>,
///     ) -> latier::Result<bool> {
///         let Some(left) = self.0.checked_sub(desired - current) else { return Ok(false) };
///         self.0 = left;
///         Ok(true)
///     }
///
///     fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> latier::Result<bool> {
///         Ok(true)
///     }
/// }
///
/// let mut store = Store::new(&Engine::default(), Purse(3 << 16));
/// store.limiter(|purse| purse);
/// let memory = Memory::new(&mut store, MemoryType::new(1, None))?;
/// assert_eq!(memory.grow(&mut store, 2)?, 1);
/// assert!(memory.grow(&mut store, 1).is_err());
/// # Ok::<(), latier::Error>(())
/// ```
pub trait ResourceLimiter {
    /// Whether a memory that has `current` bytes (0 if it is made now) may have `desired`. Its type allows `maximum`, if it
    /// says; a request beyond that does not come here. On `Ok(false)`, `memory.grow` gives -1.
    ///
    /// # Errors
    /// What to stop the guest with.
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool>;

    /// A memory did not grow, for a limiter's answer or any other reason. Does nothing unless it is implemented.
    ///
    /// # Errors
    /// What to stop the guest with, which else goes on with -1.
    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// Whether a table that has `current` elements (0 if it is made now) may have `desired`. Its type allows `maximum`, if
    /// it says; a request beyond that does not come here. On `Ok(false)`, `table.grow` gives -1.
    ///
    /// # Errors
    /// What to stop the guest with.
    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool>;

    /// A table did not grow, for a limiter's answer or any other reason. Does nothing unless it is implemented.
    ///
    /// # Errors
    /// What to stop the guest with, which else goes on with -1.
    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// Instances the store may have: asked when the limiter is set. One more fails to instantiate.
    fn instances(&self) -> usize {
        raw::ResourceLimits::default().max_instances
    }

    /// Tables the store may have: asked when the limiter is set.
    fn tables(&self) -> usize {
        raw::ResourceLimits::default().max_tables
    }

    /// Memories the store may have: asked when the limiter is set.
    fn memories(&self) -> usize {
        raw::ResourceLimits::default().max_memories
    }
}

/// The answer of a limiter to what the executor asks.
pub(crate) fn answer(limiter: &mut dyn ResourceLimiter, question: raw::Question<'_>) -> Result<bool> {
    let failed = |error: &raw::ResourceError| Error::new(error.clone());
    match question {
        raw::Question::MayGrow { what, current, desired, maximum } => {
            let [current, desired] = [current, desired].map(size);
            let maximum = maximum.map(size);
            match what {
                raw::Growing::Memory => limiter.memory_growing(current, desired, maximum),
                raw::Growing::Table => limiter.table_growing(current, desired, maximum),
            }
        }
        raw::Question::NotGrown(raw::Growing::Memory, error) => {
            limiter.memory_grow_failed(failed(error)).map(|()| false)
        }
        raw::Question::NotGrown(raw::Growing::Table, error) => {
            limiter.table_grow_failed(failed(error)).map(|()| false)
        }
    }
}

/// A size that the executor had to represent already.
fn size(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// What a store's instances may use, each memory and table for itself. Without limits, only the machine's.
///
/// ```
/// use latier::{Engine, Store, StoreLimits, StoreLimitsBuilder};
///
/// let limits = StoreLimitsBuilder::new().memory_size(1 << 20).instances(2).build();
/// let mut store = Store::new(&Engine::default(), limits);
/// store.limiter(|limits| limits);
/// ```
#[derive(Clone, Debug)]
pub struct StoreLimits {
    memory_size: usize,
    table_elements: usize,
    instances: usize,
    tables: usize,
    memories: usize,
    trap_on_grow_failure: bool,
}

impl Default for StoreLimits {
    /// Those of the executor: 10 million elements in a table, a million instances, tables and memories.
    fn default() -> StoreLimits {
        let own = raw::ResourceLimits::default();
        StoreLimits {
            memory_size: usize::MAX,
            table_elements: size(own.max_table_elements),
            instances: own.max_instances,
            tables: own.max_tables,
            memories: own.max_memories,
            trap_on_grow_failure: false,
        }
    }
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= self.memory_size)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        if self.trap_on_grow_failure {
            bail!(error.context("forcing a memory growth failure to be a trap"));
        }
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= self.table_elements)
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        if self.trap_on_grow_failure {
            bail!(error.context("forcing a table growth failure to be a trap"));
        }
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

/// Builds [`StoreLimits`].
#[derive(Clone, Debug, Default)]
pub struct StoreLimitsBuilder(StoreLimits);

impl StoreLimitsBuilder {
    /// No limits but the executor's.
    pub fn new() -> StoreLimitsBuilder {
        StoreLimitsBuilder::default()
    }

    /// Bytes a memory may have. A memory that starts larger fails to instantiate; `memory.grow` beyond it
    /// returns -1.
    pub fn memory_size(mut self, bytes: usize) -> StoreLimitsBuilder {
        self.0.memory_size = bytes;
        self
    }

    /// Elements a table may have. A table that starts larger fails to instantiate; `table.grow` beyond it
    /// returns -1.
    pub fn table_elements(mut self, elements: usize) -> StoreLimitsBuilder {
        self.0.table_elements = elements;
        self
    }

    /// Instances the store may have. One more fails to instantiate.
    pub fn instances(mut self, instances: usize) -> StoreLimitsBuilder {
        self.0.instances = instances;
        self
    }

    /// Tables the store may have, those of all instances and of the host together.
    pub fn tables(mut self, tables: usize) -> StoreLimitsBuilder {
        self.0.tables = tables;
        self
    }

    /// Memories the store may have, those of all instances and of the host together.
    pub fn memories(mut self, memories: usize) -> StoreLimitsBuilder {
        self.0.memories = memories;
        self
    }

    /// Whether `memory.grow` and `table.grow` stop the guest where they would return -1, whatever the reason.
    pub fn trap_on_grow_failure(mut self, trap: bool) -> StoreLimitsBuilder {
        self.0.trap_on_grow_failure = trap;
        self
    }

    /// The limits.
    pub fn build(self) -> StoreLimits {
        self.0
    }
}
