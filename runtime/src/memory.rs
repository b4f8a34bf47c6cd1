//! Linear memories: reserved address space, committed from the start as far as the memory has grown. Knows
//! nothing of instances.
//!
//! A guarded memory (`MemoryType::is_guarded`) reserves all that 32 bits plus a static offset can reach, so that its
//! base never moves and whatever lies outside faults. The others are checked by the code that accesses them: they
//! reserve what they are likely to need and move when they outgrow it.

use crate::limits::{ResourceError, ResourceLimits};
use crate::store::{Stable, Store, StoreId, StoreInner};
use crate::types::MemoryType;
use crate::vmctx::VmMemory;
use region::{Allocation, Protection};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of address space that a memory without guard reserves at first, unless its type bounds it to less or it
/// starts with more.
const MOVABLE_RESERVATION: usize = 256 << 20;

/// A memory in its store. Its address is its identity, its first field what compiled code sees.
#[repr(C)]
pub(crate) struct MemoryCell {
    vm: VmMemory,
    ty: MemoryType,
    space: Space,
}

/// Reserved address space whose first `committed` bytes may be used; all of them were zero when committed.
struct Space {
    reservation: Allocation,
    committed: usize,
}

impl Space {
    fn reserve(bytes: usize) -> Result<Space, ResourceError> {
        let reservation = region::alloc(bytes.max(1), Protection::NONE).map_err(|e| {
            ResourceError(format!("cannot reserve {bytes} bytes of address space for a memory: {e}"))
        })?;
        Ok(Space { reservation, committed: 0 })
    }

    fn base(&mut self) -> *mut u8 {
        self.reservation.as_mut_ptr()
    }

    /// Makes at least the first `bytes` usable. They lie within the reservation.
    fn commit(&mut self, bytes: usize) -> Result<(), ResourceError> {
        debug_assert!(bytes <= self.reservation.len());
        let end = bytes.next_multiple_of(region::page::size());
        let grown = end.saturating_sub(self.committed);
        if grown == 0 {
            return Ok(());
        }
        // SAFETY: the range lies in our reservation (whose length is a multiple of the page size), and no one has
        // used it so far: it was inaccessible.
        unsafe { region::protect(self.base().add(self.committed), grown, Protection::READ_WRITE) }
            .map_err(|e| ResourceError(format!("cannot commit {grown} bytes of memory: {e}")))?;
        self.committed = end;
        Ok(())
    }
}

/// Pages that a memory of this type can ever have.
fn max_pages(ty: &MemoryType) -> u64 {
    let addressable = match (ty.memory64, ty.page_size_log2) {
        (false, 0) => u64::from(u32::MAX),
        (false, log2) => 1 << 32u8.saturating_sub(log2),
        (true, 0) => u64::MAX,
        (true, log2) => 1 << 64u8.saturating_sub(log2).min(63),
    };
    ty.max.map_or(addressable, |max| max.min(addressable))
}

/// The bytes of `pages` pages, if a memory of this type may have so many.
fn byte_size(ty: &MemoryType, pages: u64, limits: &ResourceLimits) -> Result<usize, ResourceError> {
    let refuse = |why: &str| Err(ResourceError(format!("memory of {pages} pages: {why}")));
    if pages > max_pages(ty) {
        return refuse("more than its type allows");
    }
    let bytes = u128::from(pages) << ty.page_size_log2.min(63);
    match isize::try_from(bytes) {
        Ok(n) if limits.max_memory_bytes.is_none_or(|max| n as u64 <= max) => Ok(n as usize),
        Ok(_) => refuse("more than the store's limit"),
        Err(_) => refuse("more than the address space"),
    }
}

impl MemoryCell {
    pub(crate) fn new(ty: MemoryType, limits: &ResourceLimits) -> Result<Stable<MemoryCell>, ResourceError> {
        let len = byte_size(&ty, ty.min, limits)?;
        let mut space = if ty.is_guarded() {
            Space::reserve((MemoryType::RESERVATION + MemoryType::GUARD) as usize)?
        } else {
            let most = byte_size(&ty, max_pages(&ty), limits).unwrap_or(usize::MAX);
            Space::reserve(len.max(most.min(MOVABLE_RESERVATION)))?
        };
        space.commit(len)?;
        let vm = VmMemory { base: space.base(), len: AtomicUsize::new(len) };
        Ok(Stable::new(MemoryCell { vm, ty, space }))
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.vm.base
    }

    pub(crate) fn len(&self) -> usize {
        self.vm.len.load(Ordering::Acquire)
    }

    pub(crate) fn pages(&self) -> u64 {
        (self.len() >> self.ty.page_size_log2) as u64
    }

    /// Adds zeroed pages; gives how many there were before. After an error nothing has changed.
    pub(crate) fn grow(&mut self, pages: u64, limits: &ResourceLimits) -> Result<u64, ResourceError> {
        let before = self.pages();
        let after = before.saturating_add(pages);
        let len = byte_size(&self.ty, after, limits)?;
        if len > self.space.reservation.len() {
            self.relocate(len)?;
        }
        self.space.commit(len)?;
        self.vm.len.store(len, Ordering::Release);
        Ok(before)
    }

    /// Moves the memory to a larger reservation, at least twice as large so that moves stay rare.
    fn relocate(&mut self, len: usize) -> Result<(), ResourceError> {
        debug_assert!(!self.ty.is_guarded(), "a guarded memory has all the space it can use");
        let wanted = self.space.reservation.len().saturating_mul(2).max(len);
        let mut space = Space::reserve(wanted).or_else(|_| Space::reserve(len))?;
        space.commit(len)?;
        // SAFETY: both ranges hold at least `self.len()` committed bytes and are different mappings.
        unsafe { std::ptr::copy_nonoverlapping(self.vm.base, space.base(), self.len()) };
        self.vm.base = space.base();
        self.space = space;
        Ok(())
    }
}

/// An access outside a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryAccessError;

impl fmt::Display for MemoryAccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of bounds memory access")
    }
}

impl std::error::Error for MemoryAccessError {}

/// A memory of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    store: StoreId,
    cell: NonNull<MemoryCell>,
}

// SAFETY: the pointer is followed only together with the store that owns the cell, borrowed as the access needs.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// A new memory of the host's.
    ///
    /// # Errors
    /// When its initial size cannot be had or the store's limits forbid it.
    pub fn new(store: &mut StoreInner, ty: MemoryType) -> Result<Memory, ResourceError> {
        let cell = MemoryCell::new(ty, &store.core.limits)?;
        let pointer = cell.as_non_null();
        store.core.memories.push(cell);
        Ok(Memory { store: store.id(), cell: pointer })
    }

    /// The handle of a cell.
    ///
    /// # Safety
    /// `cell` is a memory of the store.
    pub(crate) unsafe fn from_cell(store: StoreId, cell: NonNull<MemoryCell>) -> Memory {
        Memory { store, cell }
    }

    fn cell<'a>(&self, store: &'a StoreInner) -> &'a MemoryCell {
        store.check(self.store, "a memory");
        // SAFETY: the cell lives as long as its store, and who changes it borrows the store exclusively.
        unsafe { self.cell.as_ref() }
    }

    fn cell_mut<'a>(&self, store: &'a mut StoreInner) -> &'a mut MemoryCell {
        store.check(self.store, "a memory");
        // SAFETY: as in `cell`; the store is borrowed exclusively as long as the result is.
        unsafe { &mut *self.cell.as_ptr() }
    }

    /// Its type as it was declared.
    pub fn ty(&self, store: &StoreInner) -> MemoryType {
        self.cell(store).ty
    }

    /// Pages it has.
    pub fn size(&self, store: &StoreInner) -> u64 {
        self.cell(store).pages()
    }

    /// Bytes it has.
    pub fn data_size(&self, store: &StoreInner) -> usize {
        self.cell(store).len()
    }

    /// Its bytes.
    pub fn data<'a>(&self, store: &'a StoreInner) -> &'a [u8] {
        let cell = self.cell(store);
        // SAFETY: `len` bytes from the base are committed, and change only by who borrows the store exclusively.
        unsafe { std::slice::from_raw_parts(cell.base(), cell.len()) }
    }

    /// Its bytes.
    pub fn data_mut<'a>(&self, store: &'a mut StoreInner) -> &'a mut [u8] {
        let cell = self.cell(store);
        // SAFETY: as in `data`; the store is borrowed exclusively as long as the result is.
        unsafe { std::slice::from_raw_parts_mut(cell.base(), cell.len()) }
    }

    /// Its bytes and the store's data, at once.
    pub fn data_and_store_mut<'a, T>(&self, store: &'a mut Store<T>) -> (&'a mut [u8], &'a mut T) {
        let cell = self.cell(store);
        // SAFETY: as in `data_mut`. The bytes are a mapping of their own, so that the data is not among them.
        let bytes = unsafe { std::slice::from_raw_parts_mut(cell.base(), cell.len()) };
        (bytes, store.data_mut())
    }

    /// Copies the bytes at `offset` to `out`.
    ///
    /// # Errors
    /// When they are not all in the memory.
    pub fn read(&self, store: &StoreInner, offset: usize, out: &mut [u8]) -> Result<(), MemoryAccessError> {
        let end = offset.checked_add(out.len()).ok_or(MemoryAccessError)?;
        out.copy_from_slice(self.data(store).get(offset..end).ok_or(MemoryAccessError)?);
        Ok(())
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Errors
    /// When they do not all fit in the memory; then none is written.
    pub fn write(
        &self,
        store: &mut StoreInner,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), MemoryAccessError> {
        let end = offset.checked_add(bytes.len()).ok_or(MemoryAccessError)?;
        self.data_mut(store).get_mut(offset..end).ok_or(MemoryAccessError)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Adds zeroed pages; gives how many there were before.
    ///
    /// # Errors
    /// When the memory's type, the store's limits or the system do not allow it; nothing has changed then.
    pub fn grow(&self, store: &mut StoreInner, pages: u64) -> Result<u64, ResourceError> {
        let limits = store.core.limits.clone();
        self.cell_mut(store).grow(pages, &limits)
    }

    /// Its identity, which is also where compiled code finds it.
    pub(crate) fn as_non_null(&self) -> NonNull<MemoryCell> {
        self.cell
    }
}
