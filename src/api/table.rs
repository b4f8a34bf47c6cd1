//! Tables of references as the embedder holds them.

use super::raw;
use super::trap::not_grown;
use super::{AsContext, AsContextMut, Error, Ref, Result, TableType, Trap};
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
        raw::Table::new(store.as_context_mut().0, ty.0, init.to_raw()).map(Table).map_err(refused)
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
        self.0.set(store.as_context_mut().0, index, value.to_raw()).map_err(refused)
    }

    /// Adds `delta` elements, each `init`, and returns how many it had.
    ///
    /// # Errors
    /// When its type or the store's limits forbid it, or `init` is not of the element type.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, init: Ref) -> Result<u64> {
        let grown = self.0.grow(store.as_context_mut().0, delta, init.to_raw());
        grown.map_err(refused).with_context(|| format!("failed to grow table by `{delta}`"))
    }

    /// Sets `len` elements from `index` on to `value`.
    ///
    /// # Errors
    /// When they do not all lie in the table ([`Trap::TableOutOfBounds`]; it is unchanged then), or `value` is not of the
    /// element type.
    pub fn fill(&self, mut store: impl AsContextMut, index: u64, value: Ref, len: u64) -> Result<()> {
        let end = within(index, len, self.size(&store))?;
        (index..end).try_for_each(|at| self.set(&mut store, at, value))
    }

    /// Copies `len` elements of the table `from`, from `from_index` on, to those of the table `to` from `to_index` on. They
    /// may be the same table and overlap.
    ///
    /// # Errors
    /// When not all elements lie in their tables ([`Trap::TableOutOfBounds`]; nothing has changed then), or those of `from`
    /// are not of the element type of `to`.
    pub fn copy(
        mut store: impl AsContextMut,
        to: &Table,
        to_index: u64,
        from: &Table,
        from_index: u64,
        len: u64,
    ) -> Result<()> {
        within(to_index, len, to.size(&store))?;
        let end = within(from_index, len, from.size(&store))?;
        let elements = (from_index..end).map(|at| from.get(&mut store, at).ok_or(Trap::TableOutOfBounds));
        let elements = elements.collect::<Result<Vec<Ref>, Trap>>()?;
        (to_index..).zip(elements).try_for_each(|(at, element)| to.set(&mut store, at, element))
    }
}

/// The end of `len` elements from `index` on, which lie among `have`.
fn within(index: u64, len: u64, have: u64) -> Result<u64, Trap> {
    index.checked_add(len).filter(|end| *end <= have).ok_or(Trap::TableOutOfBounds)
}

fn refused(error: raw::TableError) -> Error {
    match error {
        raw::TableError::Room(error) => not_grown(error),
        raw::TableError::Type(mismatch) => mismatch.into(),
        raw::TableError::Bounds => Error::msg(error.to_string()),
    }
}
