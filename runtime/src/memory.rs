//! Linear memories: reserved address space, committed from the start as far as the memory has grown. Knows
//! nothing of instances.
//!
//! A guarded memory (`MemoryType::is_guarded`) reserves all that 32 bits plus a static offset can reach, so that its
//! base never moves and whatever lies outside faults. The others are checked by the code that accesses them: they
//! reserve what they are likely to need and move when they outgrow it, unless they are shared: then they reserve all
//! they may ever have.

use crate::limits::{self, GrowError, Growing, ResourceError};
use crate::store::{Stable, Store, StoreId, StoreInner};
use crate::types::MemoryType;
use crate::vmctx::{VmMemory, VmStore};
use region::{Allocation, Protection};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of address space that a memory without guard reserves at first, unless its type bounds it to less or it
/// starts with more.
const MOVABLE_RESERVATION: usize = 256 << 20;

/// A memory in its store. Its address is its identity, its first field what compiled code sees.
#[repr(C)]
pub(crate) struct MemoryCell {
    vm: VmMemory,
    ty: MemoryType,
    /// Locked only to grow a shared memory: who grows another has it exclusively.
    space: Mutex<Space>,
}

// SAFETY: the reservation is the cell's own. Only who has the cell exclusively moves it; a shared reference changes its
// length, which is atomic, and what is behind the lock.
unsafe impl Send for MemoryCell {}
// SAFETY: as above.
unsafe impl Sync for MemoryCell {}

/// Reserved address space whose first `committed` bytes may be used; all of them were zero when committed. What is
/// `ahead` of byte 0 is no part of the memory.
struct Space {
    reservation: Arc<Reservation>,
    ahead: usize,
    committed: usize,
}

/// Address space that is given back when no one has it any more.
pub(crate) struct Reservation(Allocation);

// SAFETY: address space belongs to no thread, and a shared reference gives its place and length only.
unsafe impl Send for Reservation {}
// SAFETY: as above.
unsafe impl Sync for Reservation {}

impl Space {
    /// Reserves so many bytes, and whole pages for at least `ahead` bytes before them.
    fn reserve(bytes: usize, ahead: usize) -> Result<Space, ResourceError> {
        let ahead = ahead.next_multiple_of(region::page::size());
        let reservation =
            region::alloc(bytes.max(1).saturating_add(ahead), Protection::NONE).map_err(|e| {
                ResourceError(format!("cannot reserve {bytes} bytes of address space for a memory: {e}"))
            })?;
        Ok(Space { reservation: Arc::new(Reservation(reservation)), ahead, committed: 0 })
    }

    fn base(&self) -> *mut u8 {
        self.reservation.0.as_ptr::<u8>().cast_mut().wrapping_add(self.ahead)
    }

    /// Bytes of address space from the base on.
    fn reserved(&self) -> usize {
        self.reservation.0.len() - self.ahead
    }

    /// Makes what lies ahead, and at least the first `bytes`, usable. They lie within the reservation.
    fn commit_first(&mut self, bytes: usize) -> Result<(), ResourceError> {
        let ahead = self.ahead;
        self.commit_from(bytes, ahead)
    }

    /// Makes at least the first `bytes` usable. They lie within the reservation.
    fn commit(&mut self, bytes: usize) -> Result<(), ResourceError> {
        self.commit_from(bytes, 0)
    }

    fn commit_from(&mut self, bytes: usize, ahead: usize) -> Result<(), ResourceError> {
        debug_assert!(bytes <= self.reserved());
        let end = bytes.next_multiple_of(region::page::size());
        let grown = end.saturating_sub(self.committed) + ahead;
        if grown == 0 {
            return Ok(());
        }
        let start = self.base().wrapping_add(self.committed).wrapping_sub(ahead);
        // SAFETY: the range lies in our reservation (whose length is a multiple of the page size), and no one has
        // used it so far: it was inaccessible.
        unsafe { region::protect(start, grown, Protection::READ_WRITE) }
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
fn byte_size(ty: &MemoryType, pages: u64) -> Result<usize, ResourceError> {
    let refuse = |why: &str| Err(ResourceError(format!("memory of {pages} pages: {why}")));
    if pages > max_pages(ty) {
        return refuse("more than its type allows");
    }
    let bytes = u128::from(pages) << ty.page_size_log2.min(63);
    isize::try_from(bytes).map_or_else(|_| refuse("more than the address space"), |n| Ok(n as usize))
}

/// The most bytes that a memory of this type can have, if it says.
fn max_bytes(ty: &MemoryType) -> Option<u64> {
    ty.max.map(|pages| pages.saturating_mul(1 << ty.page_size_log2.min(63)))
}

impl MemoryCell {
    /// A memory of `store`, if its limiter agrees, with room for at least `ahead` zeroed bytes right before byte 0.
    ///
    /// # Safety
    /// As [`limits::may_grow`].
    pub(crate) unsafe fn new_in(
        store: *mut VmStore,
        ty: MemoryType,
        ahead: usize,
    ) -> Result<MemoryCell, GrowError> {
        let size = (0, byte_size(&ty, ty.min)? as u64, max_bytes(&ty));
        let name = format_args!("memory of {} pages", ty.min);
        // SAFETY: the caller's promise.
        unsafe { limits::may_grow(store, Growing::Memory, size, name) }?;
        Ok(MemoryCell::new(ty, ahead)?)
    }

    /// A memory with room for at least `ahead` zeroed bytes right before byte 0.
    pub(crate) fn new(ty: MemoryType, ahead: usize) -> Result<MemoryCell, ResourceError> {
        let len = byte_size(&ty, ty.min)?;
        let bytes = if ty.is_guarded() {
            (MemoryType::RESERVATION + MemoryType::GUARD) as usize
        } else if ty.shared {
            byte_size(&ty, max_pages(&ty))?
        } else {
            let most = byte_size(&ty, max_pages(&ty)).unwrap_or(usize::MAX);
            len.max(most.min(MOVABLE_RESERVATION))
        };
        let mut space = Space::reserve(bytes, ahead)?;
        space.commit_first(len)?;
        let vm = VmMemory { base: space.base(), len: AtomicUsize::new(len) };
        Ok(MemoryCell { vm, ty, space: Mutex::new(space) })
    }

    pub(crate) fn ty(&self) -> MemoryType {
        self.ty
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.vm.base
    }

    /// What keeps the bytes of a memory that never moves where they are, and what lies ahead of them.
    pub(crate) fn reservation(&self) -> Arc<Reservation> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner).reservation.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.vm.len.load(Ordering::Acquire)
    }

    pub(crate) fn pages(&self) -> u64 {
        (self.len() >> self.ty.page_size_log2) as u64
    }

    /// Where `bytes` bytes at `at` lie, if the memory has them.
    pub(crate) fn place(&self, at: u64, bytes: u64) -> Option<*mut u8> {
        at.checked_add(bytes).filter(|end| *end <= self.len() as u64)?;
        Some(self.base().wrapping_add(at as usize))
    }

    /// Adds zeroed pages, if the limiter of `store` agrees; gives how many there were before. After an error nothing
    /// has changed.
    ///
    /// # Safety
    /// As [`limits::may_grow`]. The memory is shared, or the store's, and no one else uses it meanwhile.
    pub(crate) unsafe fn grow(
        store: *mut VmStore,
        cell: NonNull<MemoryCell>,
        pages: u64,
    ) -> Result<u64, GrowError> {
        // SAFETY: the caller's promise.
        unsafe { limits::grown(store, Growing::Memory, MemoryCell::grow_asking(store, cell, pages)) }
    }

    /// # Safety
    /// As [`MemoryCell::grow`].
    unsafe fn grow_asking(
        store: *mut VmStore,
        cell: NonNull<MemoryCell>,
        pages: u64,
    ) -> Result<u64, GrowError> {
        // SAFETY: the caller's promise; the reference ends with the next two lines.
        let memory = unsafe { cell.as_ref() };
        let (ty, before, (pages_before, len)) = (memory.ty, memory.len(), memory.grown(pages)?);
        let name = format_args!("memory of {} pages", pages_before.saturating_add(pages));
        let size = (before as u64, len as u64, max_bytes(&ty));
        // SAFETY: the caller's promise.
        unsafe { limits::may_grow(store, Growing::Memory, size, name) }?;
        Ok(match ty.shared {
            // SAFETY: of a shared memory there are only shared references.
            true => unsafe { cell.as_ref() }.grow_in_place(pages),
            // SAFETY: the caller's promise.
            false => unsafe { &mut *cell.as_ptr() }.grow_alone(pages),
        }?)
    }

    /// Grows a memory that has all the space it can use. Of several threads one at a time does.
    pub(crate) fn grow_in_place(&self, pages: u64) -> Result<u64, ResourceError> {
        let mut space = self.space.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, len) = self.grown(pages)?;
        space.commit(len)?;
        self.vm.len.store(len, Ordering::Release);
        Ok(before)
    }

    fn grow_alone(&mut self, pages: u64) -> Result<u64, ResourceError> {
        let (before, len) = self.grown(pages)?;
        if len > self.space().reserved() {
            self.relocate(len)?;
        }
        self.space().commit(len)?;
        self.vm.len.store(len, Ordering::Release);
        Ok(before)
    }

    /// Pages before, and bytes after, `pages` are added.
    fn grown(&self, pages: u64) -> Result<(u64, usize), ResourceError> {
        let before = self.pages();
        Ok((before, byte_size(&self.ty, before.saturating_add(pages))?))
    }

    fn space(&mut self) -> &mut Space {
        self.space.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the memory to a larger reservation, at least twice as large so that moves stay rare.
    fn relocate(&mut self, len: usize) -> Result<(), ResourceError> {
        debug_assert!(!self.ty.is_guarded() && !self.ty.shared, "these have all the space they can use");
        let wanted = self.space().reserved().saturating_mul(2).max(len);
        let mut space = Space::reserve(wanted, 0).or_else(|_| Space::reserve(len, 0))?;
        space.commit(len)?;
        // SAFETY: both ranges hold at least `self.len()` committed bytes and are different mappings.
        unsafe { std::ptr::copy_nonoverlapping(self.vm.base, space.base(), self.len()) };
        self.vm.base = space.base();
        *self.space() = space;
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
    /// When its initial size cannot be had or the store's limits forbid it, and when the type is a shared one: no
    /// store owns a shared memory.
    pub fn new(store: &mut StoreInner, ty: MemoryType) -> Result<Memory, GrowError> {
        if ty.shared {
            return Err(ResourceError("a shared memory must be made as `SharedMemory`".into()).into());
        }
        store.room_for_memories(1)?;
        // SAFETY: the store is borrowed exclusively, and not used meanwhile.
        let cell = Stable::new(unsafe { MemoryCell::new_in(store.vm(), ty, 0) }?);
        let pointer = cell.as_non_null();
        store.core.memories.push(cell);
        Ok(Memory { store: store.id(), cell: pointer })
    }

    /// The handle of a cell.
    ///
    /// # Safety
    /// `cell` is a memory of the store and not a shared one.
    pub(crate) unsafe fn from_cell(store: StoreId, cell: NonNull<MemoryCell>) -> Memory {
        Memory { store, cell }
    }

    fn cell<'a>(&self, store: &'a StoreInner) -> &'a MemoryCell {
        store.check(self.store, "a memory");
        // SAFETY: the cell lives as long as its store, and who changes it borrows the store exclusively.
        unsafe { self.cell.as_ref() }
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
    pub fn grow(&self, store: &mut StoreInner, pages: u64) -> Result<u64, GrowError> {
        store.check(self.store, "a memory");
        // SAFETY: the store, whose memory it is, is borrowed exclusively and not used meanwhile.
        unsafe { MemoryCell::grow(store.vm(), self.cell, pages) }
    }

    /// Its identity, which is also where compiled code finds it.
    pub(crate) fn as_non_null(&self) -> NonNull<MemoryCell> {
        self.cell
    }
}
