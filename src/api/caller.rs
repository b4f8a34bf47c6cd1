//! What a host function is given of the guest that called it.

use super::store::RawStore;
use super::{
    AsContext, AsContextMut, Engine, Extern, Instance, ModuleExport, Result, StoreContext, StoreContextMut,
};

/// The store of the guest that called a host function, and the instance that did.
pub struct Caller<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    instance: Option<Instance>,
}

impl<'a, T: 'static> Caller<'a, T> {
    pub(crate) fn new(store: &'a mut RawStore<T>, instance: Option<Instance>) -> Caller<'a, T> {
        Caller { store: StoreContextMut(store), instance }
    }

    /// The embedder's data in the store.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The embedder's data in the store.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The export `name` of the calling instance; `None` when it has no such export, or when the host function was
    /// called by the host.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        self.instance?.get_export(&mut self.store, name)
    }

    /// The export of the calling instance that `export` stands for; `None` as for [`Caller::get_export`], and when the
    /// instance is of another module.
    pub fn get_module_export(&mut self, export: &ModuleExport) -> Option<Extern> {
        self.instance?.get_module_export(&mut self.store, export)
    }

    /// The engine of the store.
    pub fn engine(&self) -> &Engine {
        self.store.engine()
    }

    /// Fuel that is left, as [`Store::get_fuel`](super::Store::get_fuel) says.
    ///
    /// # Errors
    /// As there.
    pub fn get_fuel(&self) -> Result<u64> {
        self.store.get_fuel()
    }

    /// Sets what is left, as [`Store::set_fuel`](super::Store::set_fuel) says.
    ///
    /// # Errors
    /// As there.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.store.set_fuel(fuel)
    }
}

impl<T: 'static> AsContext for Caller<'_, T> {
    type Data = T;
    fn as_context(&self) -> StoreContext<'_, T> {
        self.store.as_context()
    }
}

impl<T: 'static> AsContextMut for Caller<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.store.as_context_mut()
    }
}
