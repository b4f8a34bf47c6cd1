//! Memories that threads and stores share, as the embedder holds them.

use super::raw;
use super::{Engine, MemoryType, Result, Trap};
use anyhow::Context;
use latier_runtime::abi::TrapCode;
use std::cell::UnsafeCell;
use std::time::Duration;

pub use latier_runtime::parking::WaitResult;

/// A memory that no store owns: instances on any number of threads use it at once. Clones are the same memory. It is
/// imported as an [`Extern`](super::Extern), and got from instances that export one.
///
/// ```
/// use latier::{Engine, Instance, MemoryType, Module, SharedMemory, Store};
///
/// let engine = Engine::default();
/// let memory = SharedMemory::new(&engine, MemoryType::shared(1, 2))?;
/// let module = Module::new(
///     &engine,
///     r#"(module (import "" "memory" (memory 1 2 shared))
///         (func (export "count") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))"#,
/// )?;
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| -> latier::Result<i32> {
///             let mut store = Store::new(&engine, ());
///             let instance = Instance::new(&mut store, &module, &[memory.clone().into()])?;
///             instance.get_typed_func::<(), i32>(&mut store, "count")?.call(&mut store, ())
///         });
///     }
/// });
/// assert_eq!(memory.atomic_wait32(0, 1, None)?, latier::WaitResult::Mismatch);
/// assert_eq!(memory.size(), 1);
/// # Ok::<(), latier::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedMemory(pub(crate) raw::SharedMemory);

impl SharedMemory {
    /// A new memory of type `ty`, all zero.
    ///
    /// # Errors
    /// When `ty` is not a shared type, or the machine leaves no room for it.
    pub fn new(_engine: &Engine, ty: MemoryType) -> Result<SharedMemory> {
        Ok(SharedMemory(raw::SharedMemory::new(ty.0)?))
    }

    /// Its type, as it was declared.
    pub fn ty(&self) -> MemoryType {
        MemoryType(self.0.ty())
    }

    /// Pages it has now.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// Bytes of a page.
    pub fn page_size(&self) -> u64 {
        self.ty().page_size()
    }

    /// Bytes it has now.
    pub fn data_size(&self) -> usize {
        self.data().len()
    }

    /// Its bytes. Other threads may write them at any time, so they are no plain bytes: atomic accesses to them are
    /// always right, others only while nobody else writes.
    pub fn data(&self) -> &[UnsafeCell<u8>] {
        self.0.data()
    }

    /// Adds `delta` pages of zeros, which all who share the memory see, and returns how many pages it had.
    ///
    /// # Errors
    /// When its type or the machine forbids it; it is unchanged then.
    pub fn grow(&self, delta: u64) -> Result<u64> {
        let grown = self.0.grow(delta);
        grown.with_context(|| format!("failed to grow memory by `{delta}`"))
    }

    /// Wakes at most `count` of those who wait at the address `at`, as `memory.atomic.notify` does, and returns how
    /// many.
    ///
    /// # Errors
    /// When `at` is not a multiple of 4, or lies outside.
    pub fn atomic_notify(&self, at: u64, count: u32) -> Result<u32, Trap> {
        self.0.atomic_notify(at, count).map_err(trap)
    }

    /// Waits at the address `at` to be notified if the value there is `expected`, as `memory.atomic.wait32` does.
    ///
    /// # Errors
    /// When `at` is not a multiple of 4, or lies outside.
    pub fn atomic_wait32(
        &self,
        at: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        self.0.atomic_wait32(at, expected, timeout).map_err(trap)
    }

    /// Waits at the address `at` to be notified if the value there is `expected`, as `memory.atomic.wait64` does.
    ///
    /// # Errors
    /// When `at` is not a multiple of 8, or lies outside.
    pub fn atomic_wait64(
        &self,
        at: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        self.0.atomic_wait64(at, expected, timeout).map_err(trap)
    }
}

fn trap(code: TrapCode) -> Trap {
    Trap::from_code(code).expect("every code is a trap")
}
