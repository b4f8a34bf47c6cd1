//! Stores and the two ways to lend them: what owns instances, and the embedder's data. Refuses to know what an
//! instance is made of: the executor's store is inside.

use super::host::HostFuncs;
use super::limits::{self, ResourceLimiter};
use super::raw;
use super::{Engine, Error, Module, Result};
use latier_runtime::registry::ModuleToken;
use std::collections::HashMap;

/// What the executor's store carries for the API.
pub(crate) struct StoreData<T: 'static> {
    pub engine: Engine,
    pub host_funcs: HostFuncs,
    /// The modules with instances here: they stay as long as those, so that backtraces can name their functions.
    pub modules: HashMap<ModuleToken, Module>,
    pub user: T,
}

pub(crate) type RawStore<T> = raw::Store<StoreData<T>>;

/// Owner of instances and all that belongs to them, and of the embedder's `T`. Everything in a store lives until
/// the store is dropped. It can move to another thread if `T` can:
///
/// ```compile_fail,E0277
/// let store = latier::Store::new(&latier::Engine::default(), std::rc::Rc::new(1));
/// std::thread::spawn(move || drop(store));
/// ```
///
/// ```
/// let engine = latier::Engine::default();
/// let mut store = latier::Store::new(&engine, 41);
/// *store.data_mut() += 1;
/// assert_eq!(store.into_data(), 42);
/// ```
pub struct Store<T: 'static> {
    pub(crate) inner: Box<RawStore<T>>,
}

impl<T: 'static> Store<T> {
    /// An empty store for modules of `engine`, with `data`, which host functions reach through their
    /// [`Caller`](super::Caller).
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        let types = engine.session().types().clone();
        let data = StoreData {
            engine: engine.clone(),
            host_funcs: HostFuncs::default(),
            modules: HashMap::new(),
            user: data,
        };
        let mut inner = raw::Store::new(types, data);
        inner.limits_mut().max_wasm_stack_bytes = engine.max_wasm_stack();
        Store { inner }
    }

    /// How many exceptions the store holds now: those that something can reach, and others that were not given back
    /// yet.
    pub fn exception_count(&self) -> usize {
        self.as_context().0.exception_count()
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        &self.inner.data().user
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.inner.data_mut().user
    }

    /// Drops the store and gives the embedder's data back.
    pub fn into_data(self) -> T {
        self.inner.into_data().user
    }

    /// The engine it was made for.
    pub fn engine(&self) -> &Engine {
        &self.inner.data().engine
    }

    /// Fuel that is left, in units of [`Config::consume_fuel`](super::Config::consume_fuel).
    ///
    /// # Errors
    /// When guests of the store's engine consume none.
    pub fn get_fuel(&self) -> Result<u64> {
        self.as_context().get_fuel()
    }

    /// Sets what is left. A new store has none.
    ///
    /// # Errors
    /// When guests of the store's engine consume none.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// Sets who decides how much the store may use: `limiter` finds it in the store's data, each time it is asked. What
    /// exists already is not affected until it grows.
    ///
    /// ```
    /// use latier::{Engine, Instance, Module, Store, StoreLimits, StoreLimitsBuilder};
    ///
    /// struct Data {
    ///     limits: StoreLimits,
    /// }
    ///
    /// let engine = Engine::default();
    /// let module = Module::new(
    ///     &engine,
    ///     r#"(module (memory 1) (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
    /// )?;
    /// let limits = StoreLimitsBuilder::new().memory_size(2 << 16).build();
    /// let mut store = Store::new(&engine, Data { limits });
    /// store.limiter(|data| &mut data.limits);
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let grow = instance.get_typed_func::<(), i32>(&mut store, "grow")?;
    /// assert_eq!(grow.call(&mut store, ())?, 1);
    /// assert_eq!(grow.call(&mut store, ())?, -1);
    /// # Ok::<(), latier::Error>(())
    /// ```
    pub fn limiter(
        &mut self,
        mut limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static,
    ) {
        let asked = limiter(self.data_mut());
        let (instances, tables, memories) = (asked.instances(), asked.tables(), asked.memories());
        let limits = self.inner.limits_mut();
        (limits.max_instances, limits.max_tables, limits.max_memories) = (instances, tables, memories);
        self.inner.set_limiter(move |data, question| {
            limits::answer(limiter(&mut data.user), question).map_err(|error| Box::new(error) as _)
        });
    }
}

impl<T: Default + 'static> Default for Store<T> {
    fn default() -> Store<T> {
        Store::new(&Engine::default(), T::default())
    }
}

impl<T: std::fmt::Debug + 'static> std::fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("data", self.data()).finish_non_exhaustive()
    }
}

/// A store, lent to read.
pub struct StoreContext<'a, T: 'static>(pub(crate) &'a RawStore<T>);

impl<'a, T: 'static> StoreContext<'a, T> {
    /// The embedder's data.
    pub fn data(&self) -> &'a T {
        &self.0.data().user
    }

    /// The engine the store was made for.
    pub fn engine(&self) -> &'a Engine {
        &self.0.data().engine
    }

    /// Fuel that is left, as [`Store::get_fuel`] says.
    ///
    /// # Errors
    /// As there.
    pub fn get_fuel(&self) -> Result<u64> {
        consumes_fuel(self.engine())?;
        Ok(self.0.fuel())
    }
}

/// A store, lent to change.
pub struct StoreContextMut<'a, T: 'static>(pub(crate) &'a mut RawStore<T>);

impl<T: 'static> StoreContextMut<'_, T> {
    /// The embedder's data.
    pub fn data(&self) -> &T {
        &self.0.data().user
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.0.data_mut().user
    }

    /// The engine the store was made for.
    pub fn engine(&self) -> &Engine {
        &self.0.data().engine
    }

    /// Fuel that is left, as [`Store::get_fuel`] says.
    ///
    /// # Errors
    /// As there.
    pub fn get_fuel(&self) -> Result<u64> {
        self.as_context().get_fuel()
    }

    /// Sets what is left, as [`Store::set_fuel`] says.
    ///
    /// # Errors
    /// As there.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        consumes_fuel(self.engine())?;
        self.0.set_fuel(fuel);
        Ok(())
    }
}

fn consumes_fuel(engine: &Engine) -> Result<()> {
    match engine.session().config().consume_fuel {
        true => Ok(()),
        false => Err(Error::msg("the engine's guests consume no fuel (see Config::consume_fuel)")),
    }
}

/// What a store can be read through: [`Store`], [`Caller`](super::Caller), [`StoreContext`], [`StoreContextMut`]
/// and references to them.
pub trait AsContext {
    /// The embedder's data.
    type Data: 'static;

    /// The store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// What a store can be changed through: [`Store`], [`Caller`](super::Caller), [`StoreContextMut`] and references
/// to them.
pub trait AsContextMut: AsContext {
    /// The store.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T: 'static> AsContext for Store<T> {
    type Data = T;
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(&self.inner)
    }
}

impl<T: 'static> AsContextMut for Store<T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(&mut self.inner)
    }
}

impl<T: 'static> AsContext for StoreContext<'_, T> {
    type Data = T;
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T: 'static> AsContext for StoreContextMut<'_, T> {
    type Data = T;
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0)
    }
}

impl<T: 'static> AsContextMut for StoreContextMut<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0)
    }
}

impl<C: AsContext> AsContext for &C {
    type Data = C::Data;
    fn as_context(&self) -> StoreContext<'_, C::Data> {
        C::as_context(self)
    }
}

impl<C: AsContext> AsContext for &mut C {
    type Data = C::Data;
    fn as_context(&self) -> StoreContext<'_, C::Data> {
        C::as_context(self)
    }
}

impl<C: AsContextMut> AsContextMut for &mut C {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        C::as_context_mut(self)
    }
}

impl<'a, C: AsContext> From<&'a C> for StoreContext<'a, C::Data> {
    fn from(context: &'a C) -> StoreContext<'a, C::Data> {
        context.as_context()
    }
}

impl<'a, C: AsContext> From<&'a mut C> for StoreContext<'a, C::Data> {
    fn from(context: &'a mut C) -> StoreContext<'a, C::Data> {
        C::as_context(context)
    }
}

impl<'a, C: AsContextMut> From<&'a mut C> for StoreContextMut<'a, C::Data> {
    fn from(context: &'a mut C) -> StoreContextMut<'a, C::Data> {
        context.as_context_mut()
    }
}
