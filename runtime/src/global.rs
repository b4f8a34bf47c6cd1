//! Globals: handles to cells that lie in an instance's vmctx or, for those the host made, in the store.

use crate::store::{Stable, StoreId, StoreInner};
use crate::types::GlobalType;
use crate::value::{TypeMismatch, Val};
use crate::vmctx::VmGlobal;
use std::ptr::NonNull;

/// A global that the host made.
#[repr(C)]
pub(crate) struct GlobalCell {
    vm: VmGlobal,
}

/// A global of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Global {
    store: StoreId,
    cell: NonNull<VmGlobal>,
    ty: GlobalType,
}

// SAFETY: the pointer is followed only together with the store that owns the cell, borrowed as the access needs.
unsafe impl Send for Global {}
// SAFETY: as above.
unsafe impl Sync for Global {}

impl Global {
    /// A new global of the host's.
    ///
    /// # Errors
    /// When `value` is not of the global's type.
    pub fn new(store: &mut StoreInner, ty: GlobalType, value: Val) -> Result<Global, TypeMismatch> {
        if !value.matches(store, ty.content) {
            return Err(TypeMismatch::value(ty.content));
        }
        let cell = Stable::new(GlobalCell { vm: value.to_raw() });
        let pointer = cell.as_non_null().cast();
        store.core.globals.push(cell);
        // SAFETY: the cell is now the store's, and its value is of the type.
        Ok(unsafe { Global::from_cell(store.id(), pointer, ty) })
    }

    /// The handle of a cell.
    ///
    /// # Safety
    /// `cell` is a cell of the store, lives as long as it, and always holds a value of type `ty`.
    pub(crate) unsafe fn from_cell(store: StoreId, cell: NonNull<VmGlobal>, ty: GlobalType) -> Global {
        Global { store, cell, ty }
    }

    /// Its type.
    pub fn ty(&self) -> GlobalType {
        self.ty
    }

    /// Its value.
    pub fn get(&self, store: &StoreInner) -> Val {
        store.check(self.store, "a global");
        // SAFETY: the cell lives as long as its store, which is borrowed; it holds a value of its type
        // (`from_cell`).
        unsafe { Val::from_raw(self.store, self.ty.content, self.cell.read()) }
    }

    /// Sets its value.
    ///
    /// # Errors
    /// When it is a constant or `value` is of another type.
    pub fn set(&self, store: &mut StoreInner, value: Val) -> Result<(), TypeMismatch> {
        store.check(self.store, "a global");
        if !self.ty.mutable {
            return Err(TypeMismatch("immutable global cannot be set".into()));
        }
        if !value.matches(store, self.ty.content) {
            return Err(TypeMismatch::value(self.ty.content));
        }
        // SAFETY: the cell lives as long as its store, which is borrowed exclusively.
        unsafe { self.cell.write(value.to_raw()) };
        Ok(())
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }

    pub(crate) fn cell(&self) -> NonNull<VmGlobal> {
        self.cell
    }
}
