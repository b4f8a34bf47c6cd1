//! Tables: arrays of references. Knows nothing of instances.

use crate::limits::{self, GrowError, Growing, ResourceError};
use crate::store::{Stable, StoreId, StoreInner};
use crate::types::{TableType, ValType};
use crate::value::{TypeMismatch, Val};
use crate::vmctx::{VmGlobal, VmStore, VmTable};
use std::ptr::NonNull;

/// A table in its store. Its address is its identity, its first field what compiled code sees.
#[repr(C)]
pub(crate) struct TableCell {
    vm: VmTable,
    ty: TableType,
    /// What `vm` describes. Touched only to grow: between that, all access goes by `vm`.
    storage: Vec<u64>,
}

impl TableCell {
    /// A table of `store` of its initial size, all elements `init`, if the store's limiter agrees.
    ///
    /// # Safety
    /// As [`limits::may_grow`].
    pub(crate) unsafe fn new_in(
        store: *mut VmStore,
        ty: TableType,
        init: u64,
    ) -> Result<Stable<TableCell>, GrowError> {
        let vm = VmTable { base: NonNull::dangling().as_ptr(), len: 0 };
        let cell = Stable::new(TableCell { vm, ty, storage: Vec::new() });
        // SAFETY: the caller's promise; no one else has the cell.
        unsafe { TableCell::grow_asking(store, cell.as_non_null(), ty.min, init) }?;
        Ok(cell)
    }

    /// Adds elements, if the limiter of `store` agrees; gives how many there were before. After an error nothing has
    /// changed.
    ///
    /// # Safety
    /// As [`limits::may_grow`]. The table is the store's, and no one else uses it meanwhile.
    pub(crate) unsafe fn grow(
        store: *mut VmStore,
        cell: NonNull<TableCell>,
        count: u64,
        init: u64,
    ) -> Result<u64, GrowError> {
        // SAFETY: the caller's promise.
        unsafe { limits::grown(store, Growing::Table, TableCell::grow_asking(store, cell, count, init)) }
    }

    /// # Safety
    /// As [`TableCell::grow`].
    unsafe fn grow_asking(
        store: *mut VmStore,
        cell: NonNull<TableCell>,
        count: u64,
        init: u64,
    ) -> Result<u64, GrowError> {
        // SAFETY: the caller's promise; the reference ends with this line.
        let (before, ty) = unsafe { (cell.as_ref().len(), cell.as_ref().ty) };
        let after = before.saturating_add(count);
        if after > ty.max.unwrap_or(u64::MAX) || (!ty.table64 && after > u64::from(u32::MAX)) {
            return Err(ResourceError(format!("table of {after} elements: more than its type allows")).into());
        }
        let (size, name) = ((before, after, ty.max), format_args!("table of {after} elements"));
        // SAFETY: the caller's promise.
        unsafe { limits::may_grow(store, Growing::Table, size, name) }?;
        // SAFETY: the caller's promise.
        Ok(unsafe { &mut *cell.as_ptr() }.resize(after, init)?)
    }

    pub(crate) fn len(&self) -> u64 {
        self.vm.len
    }

    pub(crate) fn ty(&self) -> TableType {
        self.ty
    }

    pub(crate) fn elements(&self) -> &[u64] {
        // SAFETY: `vm` describes the storage, whose elements are initialized.
        unsafe { std::slice::from_raw_parts(self.vm.base, self.vm.len as usize) }
    }

    pub(crate) fn elements_mut(&mut self) -> &mut [u64] {
        // SAFETY: as in `elements`; `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.vm.base, self.vm.len as usize) }
    }

    /// Gives it `len` elements, those that are added `init`, and gives how many there were.
    fn resize(&mut self, len: u64, init: u64) -> Result<u64, ResourceError> {
        let before = self.vm.len;
        if self.storage.try_reserve((len - before) as usize).is_err() {
            return Err(ResourceError(format!("table of {len} elements: out of memory")));
        }
        self.storage.resize(len as usize, init);
        self.vm = VmTable { base: self.storage.as_mut_ptr(), len };
        Ok(before)
    }
}

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    store: StoreId,
    cell: NonNull<TableCell>,
}

// SAFETY: the pointer is followed only together with the store that owns the cell, borrowed as the access needs.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

/// Why a table was not made, set or grown.
#[derive(Debug)]
pub enum TableError {
    /// An element is not of its type.
    Type(TypeMismatch),
    /// There is no such element.
    Bounds,
    /// There is no room.
    Room(GrowError),
}

impl std::fmt::Display for TableError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TableError::Type(e) => e.fmt(f),
            TableError::Bounds => f.write_str("out of bounds table access"),
            TableError::Room(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for TableError {}

impl Table {
    /// A new table of the host's, all elements `init`.
    ///
    /// # Errors
    /// When `init` is not of its element type, or its initial size cannot be had.
    pub fn new(store: &mut StoreInner, ty: TableType, init: Val) -> Result<Table, TableError> {
        let init = check(store, &ty, init)?;
        store.room_for_tables(1).map_err(|e| TableError::Room(e.into()))?;
        // SAFETY: the store is borrowed exclusively, and not used meanwhile.
        let cell = unsafe { TableCell::new_in(store.vm(), ty, init) }.map_err(TableError::Room)?;
        let pointer = cell.as_non_null();
        store.core.tables.push(cell);
        Ok(Table { store: store.id(), cell: pointer })
    }

    /// The handle of a cell.
    ///
    /// # Safety
    /// `cell` is a table of the store.
    pub(crate) unsafe fn from_cell(store: StoreId, cell: NonNull<TableCell>) -> Table {
        Table { store, cell }
    }

    fn cell<'a>(&self, store: &'a StoreInner) -> &'a TableCell {
        store.check(self.store, "a table");
        // SAFETY: the cell lives as long as its store, and who changes it borrows the store exclusively.
        unsafe { self.cell.as_ref() }
    }

    fn cell_mut<'a>(&self, store: &'a mut StoreInner) -> &'a mut TableCell {
        store.check(self.store, "a table");
        // SAFETY: as in `cell`; the store is borrowed exclusively as long as the result is.
        unsafe { &mut *self.cell.as_ptr() }
    }

    /// Its type as it was declared.
    pub fn ty(&self, store: &StoreInner) -> TableType {
        self.cell(store).ty
    }

    /// Elements it has.
    pub fn size(&self, store: &StoreInner) -> u64 {
        self.cell(store).len()
    }

    /// Element `index`, if there is one.
    pub fn get(&self, store: &StoreInner, index: u64) -> Option<Val> {
        let cell = self.cell(store);
        let raw = *cell.elements().get(usize::try_from(index).ok()?)?;
        // SAFETY: elements are null or references of the table's type and store.
        Some(unsafe { Val::from_raw(self.store, ValType::Ref(cell.ty.element), VmGlobal([raw, 0])) })
    }

    /// Sets element `index`.
    ///
    /// # Errors
    /// When there is none, or `value` is of another type.
    pub fn set(&self, store: &mut StoreInner, index: u64, value: Val) -> Result<(), TableError> {
        let raw = check(store, &self.ty(store), value)?;
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(element) = self.cell_mut(store).elements_mut().get_mut(index) else {
            return Err(TableError::Bounds);
        };
        *element = raw;
        Ok(())
    }

    /// Adds elements `init`; gives how many there were before.
    ///
    /// # Errors
    /// When `init` is of another type or there is no room; nothing has changed then.
    pub fn grow(&self, store: &mut StoreInner, count: u64, init: Val) -> Result<u64, TableError> {
        let init = check(store, &self.ty(store), init)?;
        // SAFETY: the store, whose table it is, is borrowed exclusively and not used meanwhile.
        unsafe { TableCell::grow(store.vm(), self.cell, count, init) }.map_err(TableError::Room)
    }

    /// Its identity, which is also where compiled code finds it.
    pub(crate) fn as_non_null(&self) -> NonNull<TableCell> {
        self.cell
    }
}

/// The raw form of `value` as an element of a table of type `ty`.
fn check(store: &StoreInner, ty: &TableType, value: Val) -> Result<u64, TableError> {
    match value.matches(store, ValType::Ref(ty.element)) {
        true => Ok(value.to_raw().0[0]),
        false => Err(TableError::Type(TypeMismatch::value(ty.element))),
    }
}
