//! Instances as the embedder holds them, and what is left to do when all imports are found.

use super::raw;
use super::store::RawStore;
use super::trap::{not_grown, trap_error};
use super::{
    AsContext, AsContextMut, Engine, Error, Extern, ExternType, Func, Global, Memory, Module, ModuleExport,
    Result, SharedMemory, StoreContext, StoreContextMut, Table, Tag, TypedFunc, WasmParams, WasmResults,
};
use anyhow::{Context, anyhow, bail};

/// A handle to an instance of a module in a store. All methods panic when given another store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance(pub(crate) raw::Instance);

impl Instance {
    /// Instantiates `module` with `imports`, one for each of [`Module::imports`] in order, and runs its start
    /// function. A [`Linker`](super::Linker) finds imports by name.
    ///
    /// # Errors
    /// When the imports do not suit the module, the store's limits leave no room, an active segment does not fit
    /// its memory or table, or the start function fails.
    ///
    /// # Panics
    /// When `store` does not own an import, or when a host function panics.
    pub fn new(mut store: impl AsContextMut, module: &Module, imports: &[Extern]) -> Result<Instance> {
        instantiate(store.as_context_mut().0, module, imports)
    }

    /// The module it is an instance of.
    pub fn module<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a Module {
        let store = store.into().0;
        &store.data().modules[&self.0.module(store).code().token()]
    }

    /// The export `name`.
    pub fn get_export(&self, mut store: impl AsContextMut, name: &str) -> Option<Extern> {
        self.0.get_export(store.as_context_mut().0, name).map(Extern::from_raw)
    }

    /// The exported function `name`.
    pub fn get_func(&self, store: impl AsContextMut, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// The exported function `name`, to call with Rust values.
    ///
    /// # Errors
    /// When there is no such function, or its type is not `Params -> Results`.
    pub fn get_typed_func<Params: WasmParams, Results: WasmResults>(
        &self,
        mut store: impl AsContextMut,
        name: &str,
    ) -> Result<TypedFunc<Params, Results>> {
        let func = self
            .get_export(&mut store, name)
            .and_then(Extern::into_func)
            .ok_or_else(|| anyhow!("failed to find function export `{name}`"))?;
        func.typed(&store).with_context(|| format!("failed to convert function `{name}` to given type"))
    }

    /// The exported memory `name`.
    pub fn get_memory(&self, store: impl AsContextMut, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// The exported table `name`.
    pub fn get_table(&self, store: impl AsContextMut, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }

    /// The exported global `name`.
    pub fn get_global(&self, store: impl AsContextMut, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }

    /// The exported shared memory `name`.
    pub fn get_shared_memory(&self, store: impl AsContextMut, name: &str) -> Option<SharedMemory> {
        self.get_export(store, name)?.into_shared_memory()
    }

    /// The exported tag `name`.
    pub fn get_tag(&self, store: impl AsContextMut, name: &str) -> Option<Tag> {
        self.get_export(store, name)?.into_tag()
    }

    /// The export that `export` stands for, which was looked up once in the module; `None` when it is of another module.
    pub fn get_module_export(&self, mut store: impl AsContextMut, export: &ModuleExport) -> Option<Extern> {
        let store = store.as_context_mut().0;
        let same = self.0.module(store).code().token() == export.module;
        self.0.item(store, export.item).filter(|_| same).map(Extern::from_raw)
    }

    /// The exports, in the module's order.
    pub fn exports<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> impl ExactSizeIterator<Item = Export> + 'a {
        let exports = self.0.exports(store.into().0);
        exports.into_iter().map(|(name, raw)| Export { name, definition: Extern::from_raw(raw) })
    }
}

/// An export of an instance.
#[derive(Clone, Debug)]
pub struct Export {
    name: String,
    definition: Extern,
}

impl Export {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type.
    ///
    /// # Panics
    /// When `store` does not own it.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.definition.ty(store)
    }

    /// What is exported.
    pub fn into_extern(self) -> Extern {
        self.definition
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        self.definition.into_func()
    }

    /// The memory, if it is one.
    pub fn into_memory(self) -> Option<Memory> {
        self.definition.into_memory()
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        self.definition.into_table()
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        self.definition.into_global()
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        self.definition.into_shared_memory()
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        self.definition.into_tag()
    }
}

/// Instantiates and runs the start function.
pub(crate) fn instantiate<T: 'static>(
    store: &mut RawStore<T>,
    module: &Module,
    imports: &[Extern],
) -> Result<Instance> {
    if !Engine::same(module.engine(), &store.data().engine) {
        bail!("cross-`Engine` instantiation is not supported");
    }
    let expected = module.imports().len();
    if imports.len() != expected {
        bail!("expected {expected} imports, found {}", imports.len());
    }
    let imports: Vec<raw::Extern> = imports.iter().map(|import| import.to_raw()).collect();
    store.data_mut().modules.entry(module.token()).or_insert_with(|| module.clone());
    let instance = store.instantiate(module.loaded().runtime(), &imports).map_err(|error| match error {
        raw::InstantiateError::Trap(code) => trap_error(code, None),
        raw::InstantiateError::Room(error) => not_grown(error),
        error => Error::msg(error.to_string()),
    })?;
    if let Some(start) = instance.start_func(store) {
        TypedFunc::<(), ()>::new(start.typed(store)?).call(StoreContextMut(store), ())?;
    }
    Ok(Instance(instance))
}
