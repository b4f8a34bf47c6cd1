//! How much a store may use, and what it says when it may not. Knows nothing of what is being counted.

use std::fmt;

/// Bounds on what one store allocates. A limit that is reached is an error (or -1 of `memory.grow`), never a panic.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResourceLimits {
    /// Bytes that each memory may have; `None` leaves the bound to the memory's type.
    pub max_memory_bytes: Option<u64>,
    /// Elements that each table may have.
    pub max_table_elements: u64,
    /// Instances that the store may hold; they live as long as the store.
    pub max_instances: usize,
    /// Bytes of stack that one call into Wasm may use, hosts' frames in between included.
    pub max_wasm_stack_bytes: usize,
}

impl Default for ResourceLimits {
    fn default() -> ResourceLimits {
        ResourceLimits {
            max_memory_bytes: None,
            max_table_elements: 10_000_000,
            max_instances: 1_000_000,
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
