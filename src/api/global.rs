//! Globals as the embedder holds them.

use super::planned::rt;
use super::{AsContext, AsContextMut, Error, GlobalType, Result, Val};

/// A handle to a global in a store. All methods panic when given another store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Global(pub(crate) rt::Global);

impl Global {
    /// A new global of type `ty` with this value.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, value: Val) -> Result<Global> {
        rt::Global::new(store.as_context_mut().0, ty.0, value.to_raw()).map(Global).map_err(Error::msg)
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> GlobalType {
        GlobalType(self.0.ty(store.as_context().0))
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
        self.0.set(store.as_context_mut().0, value.to_raw()).map_err(Error::msg)
    }
}
