//! Tables of references as the embedder holds them.

use super::raw;
use super::{AsContext, AsContextMut, Ref, Result, TableType};
use anyhow::Context;

/// A handle to a table in a store. All methods panic when given another store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(pub(crate) raw::Table);

impl Table {
    /// A new table of type `ty`, every element `init`.
    ///
    /// # Errors
    /// When `init` is not of the element type, or the store's limits leave no room.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Ref) -> Result<Table> {
        Ok(Table(raw::Table::new(store.as_context_mut().0, ty.0, init.to_raw())?))
    }

    /// Its type, as it was declared.
    pub fn ty(&self, store: impl AsContext) -> TableType {
        TableType(self.0.ty(store.as_context().0))
    }

    /// Elements it has.
    pub fn size(&self, store: impl AsContext) -> u64 {
        self.0.size(store.as_context().0)
    }

    /// The element at `index`; `None` outside the table.
    pub fn get(&self, mut store: impl AsContextMut, index: u64) -> Option<Ref> {
        self.0.get(store.as_context_mut().0, index).and_then(Ref::from_raw)
    }

    /// Sets the element at `index`.
    ///
    /// # Errors
    /// When `index` lies outside the table or `value` is not of the element type.
    pub fn set(&self, mut store: impl AsContextMut, index: u64, value: Ref) -> Result<()> {
        Ok(self.0.set(store.as_context_mut().0, index, value.to_raw())?)
    }

    /// Adds `delta` elements, each `init`, and returns how many it had.
    ///
    /// # Errors
    /// When its type or the store's limits forbid it, or `init` is not of the element type.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, init: Ref) -> Result<u64> {
        let grown = self.0.grow(store.as_context_mut().0, delta, init.to_raw());
        grown.with_context(|| format!("failed to grow table by `{delta}`"))
    }
}
