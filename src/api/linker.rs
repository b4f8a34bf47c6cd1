//! Finds imports by name. Refuses to know how anything is called or stored.

use super::host::{HostFunc, NO_CODE_MEMORY};
use super::instance::instantiate;
use super::store::RawStore;
use super::{
    AsContext, AsContextMut, Caller, Engine, Extern, ExternType, Func, FuncType, Global, ImportType,
    Instance, IntoFunc, Memory, Module, Result, SharedMemory, StoreContextMut, Table, TableType, Tag, Val,
    ValType,
};
use anyhow::{Context, bail};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Definitions by module and name, to instantiate modules with. Host functions belong to no store: one linker
/// serves many. Everything else that is defined belongs to the store it was made in.
///
/// ```
/// use latier::{Caller, Engine, Linker, Module, Store};
///
/// let engine = Engine::default();
/// let mut linker = Linker::new(&engine);
/// linker.func_wrap("host", "add", |mut caller: Caller<'_, i64>, n: i64| *caller.data_mut() += n)?;
/// let module = Module::new(
///     &engine,
///     r#"(module (import "host" "add" (func $add (param i64)))
///         (func (export "run") (call $add (i64.const 42))))"#,
/// )?;
/// let mut store = Store::new(&engine, 0);
/// let instance = linker.instantiate(&mut store, &module)?;
/// instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
/// assert_eq!(*store.data(), 42);
/// # Ok::<(), latier::Error>(())
/// ```
pub struct Linker<T: 'static> {
    engine: Engine,
    definitions: HashMap<Arc<str>, HashMap<Arc<str>, Definition<T>>>,
    allow_shadowing: bool,
    pub(super) allow_unknown_exports: bool,
}

enum Definition<T: 'static> {
    Host(Arc<HostFunc<T>>),
    Extern(Extern),
}

impl<T: 'static> Clone for Definition<T> {
    fn clone(&self) -> Definition<T> {
        match self {
            Definition::Host(func) => Definition::Host(func.clone()),
            Definition::Extern(item) => Definition::Extern(item.clone()),
        }
    }
}

impl<T: 'static> Definition<T> {
    fn in_store(&self, store: &mut RawStore<T>) -> Result<Extern> {
        match self {
            Definition::Host(func) => func.in_store(store).map(Extern::Func),
            Definition::Extern(item) => Ok(item.clone()),
        }
    }
}

impl<T: 'static> Linker<T> {
    /// A linker without definitions, for modules of `engine`.
    pub fn new(engine: &Engine) -> Linker<T> {
        Linker {
            engine: engine.clone(),
            definitions: HashMap::new(),
            allow_shadowing: false,
            allow_unknown_exports: false,
        }
    }

    /// The engine it was made for.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether a definition may replace another of the same name. Else that is an error.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Self {
        self.allow_shadowing = allow;
        self
    }

    /// Whether [`Linker::module`] passes over exports of a command that are not functions. Else they are errors,
    /// but for the memory and tables that toolchains export by habit.
    pub fn allow_unknown_exports(&mut self, allow: bool) -> &mut Self {
        self.allow_unknown_exports = allow;
        self
    }

    /// Defines a host function whose type is the closure's: [`IntoFunc`] says which closures. If it takes a
    /// [`Caller`] first, it reaches the store's data and the calling instance's exports by it.
    ///
    /// Stores on many threads may call it at once, so it may hold nothing that only one thread may use:
    ///
    /// ```compile_fail,E0277
    /// let count = std::cell::Cell::new(0);
    /// let mut linker = latier::Linker::<()>::new(&latier::Engine::default());
    /// linker.func_wrap("host", "count", move || count.set(count.get() + 1))?;
    /// # Ok::<(), latier::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the name is taken.
    pub fn func_wrap<Params, Results>(
        &mut self,
        module: &str,
        name: &str,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Result<&mut Self> {
        let func = func.into_host_func(&self.engine);
        self.insert(module, name, Definition::Host(Arc::new(func)))
    }

    /// Defines a host function of type `ty`, as [`Func::new`].
    ///
    /// # Errors
    /// When the name is taken.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self> {
        self.insert(module, name, Definition::Host(Arc::new(HostFunc::new(ty, func))))
    }

    /// Defines `item`, which `store` owns.
    ///
    /// # Errors
    /// When the name is taken.
    ///
    /// # Panics
    /// When `store` does not own `item`.
    pub fn define(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        name: &str,
        item: impl Into<Extern>,
    ) -> Result<&mut Self> {
        let item = item.into();
        item.assert_owned(store);
        self.insert(module, name, Definition::Extern(item))
    }

    /// Defines all exports of `instance` by their names, under `module`.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn instance(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        instance: Instance,
    ) -> Result<&mut Self> {
        for export in instance.exports::<T>(store.as_context_mut()) {
            let name = export.name().to_owned();
            self.insert(module, &name, Definition::Extern(export.into_extern()))?;
        }
        Ok(self)
    }

    /// Defines what stands under (`module`, `name`) under another name too.
    ///
    /// # Errors
    /// When there is no such definition, or the new name is taken.
    pub fn alias(&mut self, module: &str, name: &str, as_module: &str, as_name: &str) -> Result<&mut Self> {
        let definition = self.definition(module, name).cloned();
        let definition = definition.with_context(|| format!("no item named `{module}::{name}`"))?;
        self.insert(as_module, as_name, definition)
    }

    /// Defines all that stands under `module` under another module name too.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn alias_module(&mut self, module: &str, as_module: &str) -> Result<()> {
        let Some(names) = self.definitions.get(module) else { return Ok(()) };
        for (name, definition) in names.clone() {
            self.insert(as_module, &name, definition)?;
        }
        Ok(())
    }

    /// What stands under (`module`, `name`); a host function becomes one of `store`.
    ///
    /// # Panics
    /// When there is no code memory for a host function.
    pub fn get(&self, mut store: impl AsContextMut<Data = T>, module: &str, name: &str) -> Option<Extern> {
        let definition = self.definition(module, name)?;
        Some(definition.in_store(store.as_context_mut().0).expect(NO_CODE_MEMORY))
    }

    /// What stands under the names of `import`; a host function becomes one of `store`.
    ///
    /// # Panics
    /// As [`Linker::get`].
    pub fn get_by_import(
        &self,
        store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Option<Extern> {
        self.get(store, import.module(), import.name())
    }

    /// All that is defined, as module, name and item, in no particular order; host functions become those of `store`.
    ///
    /// # Panics
    /// As [`Linker::get`].
    pub fn iter<'a>(
        &'a self,
        mut store: impl AsContextMut<Data = T> + 'a,
    ) -> impl Iterator<Item = (&'a str, &'a str, Extern)> + 'a {
        let names = |(module, names): (&'a Arc<str>, &'a HashMap<Arc<str>, Definition<T>>)| {
            names.iter().map(move |(name, definition)| (&**module, &**name, definition))
        };
        self.definitions.iter().flat_map(names).map(move |(module, name, definition)| {
            (module, name, definition.in_store(store.as_context_mut().0).expect(NO_CODE_MEMORY))
        })
    }

    /// The function to run a program by: what stands under (`module`, `""`), else under (`module`, `"_start"`),
    /// else one that does nothing.
    ///
    /// # Errors
    /// When what stands there is not a function.
    pub fn get_default(&self, mut store: impl AsContextMut<Data = T>, module: &str) -> Result<Func> {
        for name in ["", "_start"] {
            match self.get(&mut store, module, name) {
                Some(Extern::Func(func)) => return Ok(func),
                Some(_) => bail!("default export in `{module}` is not a function"),
                None => {}
            }
        }
        Ok(Func::wrap(store, || {}))
    }

    /// Finds the imports of `module`, instantiates it and runs its start function.
    ///
    /// # Errors
    /// When an import is not defined ([`UnknownImportError`] is in the chain), and as [`Instance::new`].
    ///
    /// # Panics
    /// As [`Instance::new`].
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>, module: &Module) -> Result<Instance> {
        let store = store.as_context_mut().0;
        let find = |import: ImportType<'_>| self.find(&import)?.in_store(store);
        let imports = module.imports().map(find).collect::<Result<Vec<_>>>()?;
        instantiate(store, module, &imports)
    }

    /// Finds the imports of `module` once, to instantiate it often.
    ///
    /// # Errors
    /// When an import is not defined ([`UnknownImportError`] is in the chain).
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>> {
        let imports = module.imports().map(|import| Ok(self.find(&import)?.clone()));
        let imports = imports.collect::<Result<Arc<[_]>>>()?;
        Ok(InstancePre { module: module.clone(), imports })
    }

    /// Defines every imported function of `module` that is not defined, as one that fails when it is called.
    ///
    /// # Errors
    /// None yet.
    pub fn define_unknown_imports_as_traps(&mut self, module: &Module) -> Result<()> {
        for import in module.imports() {
            if let (Err(error), ExternType::Func(ty)) = (self.find(&import), import.ty()) {
                self.func_new(import.module(), import.name(), ty, move |_, _, _| bail!(error.clone()))?;
            }
        }
        Ok(())
    }

    /// Defines every import of `module` that is not defined: functions return zeros and nulls, globals, memories and
    /// tables are new ones of `store`, of the smallest size and zero or null.
    ///
    /// # Errors
    /// When there is no value for a type (a reference that cannot be null), or no room for a memory or table.
    pub fn define_unknown_imports_as_default_values(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<()> {
        for import in module.imports() {
            if self.find(&import).is_ok() {
                continue;
            }
            let definition = match import.ty() {
                ExternType::Func(ty) => Definition::Host(Arc::new(zeros(ty)?)),
                ty => Definition::Extern(default_of(&mut store, &self.engine, ty)?),
            };
            self.insert(import.module(), import.name(), definition)?;
        }
        Ok(())
    }

    fn find(&self, import: &ImportType<'_>) -> Result<&Definition<T>, UnknownImportError> {
        self.definition(import.module(), import.name()).ok_or_else(|| UnknownImportError {
            module: import.module().to_owned(),
            name: import.name().to_owned(),
        })
    }

    fn definition(&self, module: &str, name: &str) -> Option<&Definition<T>> {
        self.definitions.get(module)?.get(name)
    }

    fn insert(&mut self, module: &str, name: &str, definition: Definition<T>) -> Result<&mut Self> {
        if !self.definitions.contains_key(module) {
            self.definitions.insert(module.into(), HashMap::new());
        }
        let names = self.definitions.get_mut(module).expect("inserted above");
        if !self.allow_shadowing && names.contains_key(name) {
            bail!("import of `{module}::{name}` defined twice");
        }
        names.insert(name.into(), definition);
        Ok(self)
    }
}

/// A host function that returns zeros and nulls.
fn zeros<T: 'static>(ty: FuncType) -> Result<HostFunc<T>> {
    let results = ty.results().map(|ty| zero(&ty)).collect::<Result<Vec<Val>>>()?;
    Ok(HostFunc::new(ty, move |_, _, out| {
        out.copy_from_slice(&results);
        Ok(())
    }))
}

/// A new item of this type that is no function.
fn default_of(store: impl AsContextMut, engine: &Engine, ty: ExternType) -> Result<Extern> {
    let null = |ty: &TableType| {
        let zero = zero(&ValType::Ref(*ty.element()))?;
        zero.ref_().context("elements of tables are references")
    };
    Ok(match ty {
        ExternType::Func(ty) => bail!("a function of type {ty} is no new item"),
        ExternType::Global(ty) => Global::new(store, ty, zero(ty.content())?)?.into(),
        ExternType::Table(ty) => Table::new(store, ty, null(&ty)?)?.into(),
        ExternType::Memory(ty) if ty.is_shared() => SharedMemory::new(engine, ty)?.into(),
        ExternType::Memory(ty) => Memory::new(store, ty)?.into(),
        ExternType::Tag(ty) => Tag::new(store, &ty)?.into(),
    })
}

fn zero(ty: &ValType) -> Result<Val> {
    Val::default_for_ty(ty).with_context(|| format!("there is no default value of type {ty}"))
}

impl<T: 'static> Clone for Linker<T> {
    fn clone(&self) -> Linker<T> {
        Linker {
            engine: self.engine.clone(),
            definitions: self.definitions.clone(),
            allow_shadowing: self.allow_shadowing,
            allow_unknown_exports: self.allow_unknown_exports,
        }
    }
}

impl<T: 'static> fmt::Debug for Linker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.definitions.iter().map(|(module, names)| (module, names.keys()));
        f.debug_map().entries(names).finish()
    }
}

/// A module whose imports were found, to instantiate it in any store. Cheap to clone.
pub struct InstancePre<T: 'static> {
    module: Module,
    imports: Arc<[Definition<T>]>,
}

impl<T: 'static> InstancePre<T> {
    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Instantiates the module and runs its start function.
    ///
    /// # Errors
    /// As [`Instance::new`].
    ///
    /// # Panics
    /// As [`Instance::new`].
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> Result<Instance> {
        let StoreContextMut(store) = store.as_context_mut();
        let imports = self.imports.iter().map(|import| import.in_store(store));
        let imports = imports.collect::<Result<Vec<_>>>()?;
        instantiate(store, &self.module, &imports)
    }
}

impl<T: 'static> Clone for InstancePre<T> {
    fn clone(&self) -> InstancePre<T> {
        InstancePre { module: self.module.clone(), imports: self.imports.clone() }
    }
}

impl<T: 'static> fmt::Debug for InstancePre<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstancePre").field("module", &self.module).finish_non_exhaustive()
    }
}

/// An import that a linker has no definition for.
#[derive(Clone, Debug)]
pub struct UnknownImportError {
    module: String,
    name: String,
}

impl UnknownImportError {
    /// Name of the module it is imported from.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// Its name in that module.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UnknownImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown import: `{}::{}` has not been defined", self.module, self.name)
    }
}

impl std::error::Error for UnknownImportError {}
