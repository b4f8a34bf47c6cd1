//! The limits of a store, as plain numbers. Who keeps to them is the executor's business.

use super::raw;

/// What a store's instances may use in all. Without limits, only the machine's.
///
/// ```
/// use latier::{Engine, Store, StoreLimits, StoreLimitsBuilder};
///
/// let limits = StoreLimitsBuilder::new().memory_size(1 << 20).instances(2).build();
/// let mut store = Store::new(&Engine::default(), limits);
/// store.limiter(|limits| limits);
/// ```
#[derive(Clone, Debug, Default)]
pub struct StoreLimits {
    memory_size: Option<usize>,
    table_elements: Option<usize>,
    instances: Option<usize>,
}

impl StoreLimits {
    /// What is not limited here gets the executor's own bound.
    pub(crate) fn apply(&self, limits: &mut raw::ResourceLimits) {
        let own = raw::ResourceLimits::default();
        limits.max_memory_bytes = self.memory_size.map(|n| n as u64);
        limits.max_table_elements = self.table_elements.map_or(own.max_table_elements, |n| n as u64);
        limits.max_instances = self.instances.unwrap_or(own.max_instances);
    }
}

/// Builds [`StoreLimits`].
#[derive(Clone, Debug, Default)]
pub struct StoreLimitsBuilder(StoreLimits);

impl StoreLimitsBuilder {
    /// No limits.
    pub fn new() -> StoreLimitsBuilder {
        StoreLimitsBuilder::default()
    }

    /// Bytes a memory may have. A memory that starts larger fails to instantiate; `memory.grow` beyond it
    /// returns -1.
    pub fn memory_size(mut self, bytes: usize) -> StoreLimitsBuilder {
        self.0.memory_size = Some(bytes);
        self
    }

    /// Elements a table may have. A table that starts larger fails to instantiate; `table.grow` beyond it
    /// returns -1.
    pub fn table_elements(mut self, elements: usize) -> StoreLimitsBuilder {
        self.0.table_elements = Some(elements);
        self
    }

    /// Instances the store may have. One more fails to instantiate.
    pub fn instances(mut self, instances: usize) -> StoreLimitsBuilder {
        self.0.instances = Some(instances);
        self
    }

    /// The limits.
    pub fn build(self) -> StoreLimits {
        self.0
    }
}
