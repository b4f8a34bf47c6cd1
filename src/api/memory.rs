//! Linear memories as the embedder holds them.

use super::raw;
use super::trap::not_grown;
use super::{AsContext, AsContextMut, MemoryType, Result, StoreContext, StoreContextMut};
use anyhow::Context;
use std::fmt;

/// A handle to a linear memory in a store. All methods panic when given another store.
///
/// ```
/// use latier::{Engine, Memory, MemoryType, Store};
///
/// let mut store = Store::new(&Engine::default(), ());
/// let memory = Memory::new(&mut store, MemoryType::new(1, None))?;
/// memory.write(&mut store, 100, b"hello")?;
/// assert_eq!(&memory.data(&store)[100..105], b"hello");
/// # Ok::<(), latier::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub(crate) raw::Memory);

impl Memory {
    /// A new memory of type `ty`, all zero.
    ///
    /// # Errors
    /// When the store's limits or the machine leave no room for it.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Memory> {
        raw::Memory::new(store.as_context_mut().0, ty.0).map(Memory).map_err(not_grown)
    }

    /// Its type, as it was declared.
    pub fn ty(&self, store: impl AsContext) -> MemoryType {
        MemoryType(self.0.ty(store.as_context().0))
    }

    /// Copies the bytes at `offset` to `buffer`.
    ///
    /// # Errors
    /// When they do not all lie in the memory; `buffer` is unchanged then.
    pub fn read(
        &self,
        store: impl AsContext,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), MemoryAccessError> {
        let context = store.as_context();
        let data = self.0.data(context.0);
        let from = data.get(offset..).and_then(|d| d.get(..buffer.len())).ok_or(MemoryAccessError(()))?;
        buffer.copy_from_slice(from);
        Ok(())
    }

    /// Copies `buffer` to the memory at `offset`.
    ///
    /// # Errors
    /// When it would not all lie in the memory, which is unchanged then.
    pub fn write(
        &self,
        mut store: impl AsContextMut,
        offset: usize,
        buffer: &[u8],
    ) -> Result<(), MemoryAccessError> {
        let context = store.as_context_mut();
        let data = self.0.data_mut(context.0);
        let to =
            data.get_mut(offset..).and_then(|d| d.get_mut(..buffer.len())).ok_or(MemoryAccessError(()))?;
        to.copy_from_slice(buffer);
        Ok(())
    }

    /// Its bytes. While they are borrowed so is the store: nothing can run that would change, move or resize the memory.
    ///
    /// ```compile_fail,E0502
    /// # use latier::{Engine, Memory, MemoryType, Store};
    /// # let mut store = Store::new(&Engine::default(), ());
    /// # let memory = Memory::new(&mut store, MemoryType::new(1, None))?;
    /// let bytes = memory.data(&store);
    /// memory.grow(&mut store, 1)?; // would move what is borrowed
    /// println!("{}", bytes[0]);
    /// # Ok::<(), latier::Error>(())
    /// ```
    ///
    /// ```compile_fail,E0502
    /// # use latier::{Memory, Store, TypedFunc};
    /// # fn f(mut store: Store<()>, memory: Memory, guest: TypedFunc<(), ()>) -> latier::Result<()> {
    /// let bytes = memory.data(&store);
    /// guest.call(&mut store, ())?; // may write them
    /// println!("{}", bytes[0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn data<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a [u8] {
        self.0.data(store.into().0)
    }

    /// Its bytes, to change them. While they are borrowed the store is nobody else's.
    ///
    /// ```compile_fail,E0499
    /// # use latier::{Memory, Store, TypedFunc};
    /// # fn f(mut store: Store<()>, memory: Memory, guest: TypedFunc<(), ()>) -> latier::Result<()> {
    /// let bytes = memory.data_mut(&mut store);
    /// guest.call(&mut store, ())?; // would have them too
    /// bytes[0] = 1;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// In a host function it is the [`Caller`](super::Caller) that is borrowed:
    ///
    /// ```compile_fail,E0499
    /// # use latier::{Caller, Memory, TypedFunc};
    /// # fn f(mut caller: Caller<'_, ()>, memory: Memory, guest: TypedFunc<(), ()>) -> latier::Result<()> {
    /// let bytes = memory.data_mut(&mut caller);
    /// guest.call(&mut caller, ())?;
    /// bytes[0] = 1;
    /// # Ok(())
    /// # }
    /// ```
    pub fn data_mut<'a, T: 'static>(&self, store: impl Into<StoreContextMut<'a, T>>) -> &'a mut [u8] {
        self.0.data_mut(store.into().0)
    }

    /// Its bytes and the embedder's data, to work on both at once.
    pub fn data_and_store_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> (&'a mut [u8], &'a mut T) {
        let (bytes, data) = self.0.data_and_store_mut(store.into().0);
        (bytes, &mut data.user)
    }

    /// Bytes it has.
    pub fn data_size(&self, store: impl AsContext) -> usize {
        self.0.data_size(store.as_context().0)
    }

    /// Pages it has.
    pub fn size(&self, store: impl AsContext) -> u64 {
        self.0.size(store.as_context().0)
    }

    /// Bytes of a page: 65536, or 1 with custom page sizes.
    pub fn page_size(&self, store: impl AsContext) -> u64 {
        self.ty(store).page_size()
    }

    /// Adds `delta` pages of zeros and returns how many pages it had.
    ///
    /// # Errors
    /// When its type, the store's limits or the machine forbid it; it is unchanged then.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64> {
        let grown = self.0.grow(store.as_context_mut().0, delta);
        grown.map_err(not_grown).with_context(|| format!("failed to grow memory by `{delta}`"))
    }
}

/// An access to bytes that do not all lie in a memory.
#[derive(Debug)]
pub struct MemoryAccessError(());

impl fmt::Display for MemoryAccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of bounds memory access")
    }
}

impl std::error::Error for MemoryAccessError {}
