//! Shared memories: linear memories that no store owns and that any number of threads use at once. Knows nothing of
//! instances.
//!
//! A shared memory never moves: all that its type allows is reserved from the start. What changes is its length,
//! which only grows. Its bytes are the guests': whoever else reads or writes them does so by raw pointers, and what
//! is read while another thread writes is any mixture of both.

use crate::abi::TrapCode;
use crate::limits::{GrowError, ResourceError};
use crate::memory::MemoryCell;
use crate::parking::{self, Expected, WaitResult};
use crate::types::MemoryType;
use crate::vmctx::VmStore;
use std::cell::UnsafeCell;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

/// A memory that threads and stores share. Clones are the same memory.
#[derive(Clone)]
pub struct SharedMemory(Arc<MemoryCell>);

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory").field("ty", &self.ty()).finish_non_exhaustive()
    }
}

fn check(ty: &MemoryType) -> Result<(), ResourceError> {
    match ty.shared && ty.max.is_some() {
        true => Ok(()),
        false => Err(ResourceError("a shared memory must have a shared type and a maximum".into())),
    }
}

impl SharedMemory {
    /// A new shared memory, all zero.
    ///
    /// # Errors
    /// When the type is not a shared one or has no maximum, or when the address space for it cannot be had.
    pub fn new(ty: MemoryType) -> Result<SharedMemory, ResourceError> {
        check(&ty)?;
        Ok(SharedMemory(Arc::new(MemoryCell::new(ty, 0)?)))
    }

    /// A new shared memory that an instance of `store` defines, if the store's limiter agrees.
    ///
    /// # Safety
    /// As [`MemoryCell::new_in`].
    pub(crate) unsafe fn new_in(store: *mut VmStore, ty: MemoryType) -> Result<SharedMemory, GrowError> {
        check(&ty)?;
        // SAFETY: the caller's promise.
        Ok(SharedMemory(Arc::new(unsafe { MemoryCell::new_in(store, ty, 0) }?)))
    }

    /// Its type as it was declared.
    pub fn ty(&self) -> MemoryType {
        self.0.ty()
    }

    /// Pages it has.
    pub fn size(&self) -> u64 {
        self.0.pages()
    }

    /// Its bytes. Other threads may write them at any time: they are to be read and written by atomic or raw accesses.
    pub fn data(&self) -> &[UnsafeCell<u8>] {
        // SAFETY: so many bytes from the base are committed, and stay so as long as the memory exists.
        unsafe { std::slice::from_raw_parts(self.0.base().cast::<UnsafeCell<u8>>(), self.0.len()) }
    }

    /// Adds zeroed pages; gives how many there were before.
    ///
    /// # Errors
    /// When the memory's type or the system do not allow it; nothing has changed then.
    pub fn grow(&self, pages: u64) -> Result<u64, ResourceError> {
        self.0.grow_in_place(pages)
    }

    /// `memory.atomic.notify`.
    ///
    /// # Errors
    /// When the address is not aligned to 4 bytes, or outside.
    pub fn atomic_notify(&self, at: u64, count: u32) -> Result<u32, TrapCode> {
        let at = self.address(at, 4)?;
        Ok(parking::notify(at as usize, count))
    }

    /// `memory.atomic.wait32`.
    ///
    /// # Errors
    /// When the address is not aligned to 4 bytes, or outside.
    pub fn atomic_wait32(
        &self,
        at: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, TrapCode> {
        let at = self.address(at, 4)?;
        // SAFETY: the address is aligned and in the memory, which this reference keeps.
        Ok(unsafe { parking::wait(at, Expected::U32(expected), timeout) })
    }

    /// `memory.atomic.wait64`.
    ///
    /// # Errors
    /// When the address is not aligned to 8 bytes, or outside.
    pub fn atomic_wait64(
        &self,
        at: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, TrapCode> {
        let at = self.address(at, 8)?;
        // SAFETY: as in `atomic_wait32`.
        Ok(unsafe { parking::wait(at, Expected::U64(expected), timeout) })
    }

    fn address(&self, at: u64, bytes: u64) -> Result<*mut u8, TrapCode> {
        if !at.is_multiple_of(bytes) {
            return Err(TrapCode::UnalignedAtomic);
        }
        self.0.place(at, bytes).ok_or(TrapCode::MemoryOutOfBounds)
    }

    /// Its cell, which lives as long as any clone, and of which no one has a mutable reference.
    pub(crate) fn as_non_null(&self) -> NonNull<MemoryCell> {
        NonNull::from(&*self.0)
    }
}
