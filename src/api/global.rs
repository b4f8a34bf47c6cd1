//! Globals as the embedder holds them.

use super::raw;
use super::{AsContext, AsContextMut, GlobalType, Result, Val};

/// A handle to a global in a store. Methods that read or change it panic when given another store.
#[derive(Clone, Copy, Debug)]
pub struct Global(pub(crate) raw::Global);

impl Global {
    /// A new global of type `ty` with this value.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, value: Val) -> Result<Global> {
        Ok(Global(raw::Global::new(store.as_context_mut().0, ty.0, value.to_raw())?))
    }

    /// Its type.
    pub fn ty(&self, _store: impl AsContext) -> GlobalType {
        GlobalType(self.0.ty())
    }

    /// Its value.
    pub fn get(&self, mut store: impl AsContextMut) -> Val {
        Val::from_raw(self.0.get(store.as_context_mut().0))
    }

    /// Sets its value.
    ///
    /// # Errors
    /// When it is not mutable or the value is of another type.
    pub fn set(&self, mut store: impl AsContextMut, value: Val) -> Result<()> {
        Ok(self.0.set(store.as_context_mut().0, value.to_raw())?)
    }
}
