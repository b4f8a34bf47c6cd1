//! Host functions: closures of the embedder with the type they are called by, and which of them a store has
//! already. Refuses to know how a call reaches them.

use super::raw;
use super::store::{RawStore, StoreData};
use super::{Caller, Error, Exception, Func, FuncType, Instance, Result, Val};
use anyhow::bail;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// What a host function that is not made by instantiation panics with: these calls return no error in Wasmtime.
pub(crate) const NO_CODE_MEMORY: &str = "there is code memory for a host function's entry";

/// A closure that no store has yet, or several have.
pub struct HostFunc<T: 'static> {
    ty: FuncType,
    call: raw::HostFn<StoreData<T>>,
}

impl<T: 'static> HostFunc<T> {
    /// A host function of type `ty` that takes and returns values of any type.
    pub(crate) fn new<F>(ty: FuncType, func: F) -> HostFunc<T>
    where
        F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    {
        let of = ty.clone();
        HostFunc::raw(ty, move |call| {
            let params: Vec<Val> = (0..of.params().len()).map(|i| Val::from_raw(call.val(i))).collect();
            let mut results: Vec<Val> =
                of.results().map(|t| Val::default_for_ty(&t).unwrap_or(Val::FuncRef(None))).collect();
            let instance = call.caller_instance().map(Instance);
            func(Caller::new(call.store(), instance), &params, &mut results)?;
            for (i, (value, ty)) in results.into_iter().zip(of.results()).enumerate() {
                let value = value.to_raw();
                if !value.matches(call.store(), ty) {
                    bail!("host function gave a {} as result {i}, not a {ty}", value.ty(call.store()));
                }
                call.set_val(i, value);
            }
            Ok(())
        })
    }

    /// A host function of type `ty` that takes its arguments from the call and leaves its results there.
    pub(crate) fn raw<F>(ty: FuncType, func: F) -> HostFunc<T>
    where
        F: Fn(&mut raw::HostCall<'_, StoreData<T>>) -> Result<(), Error> + Send + Sync + 'static,
    {
        let call = move |call: &mut raw::HostCall<'_, StoreData<T>>| {
            func(call).map_err(|error| match error.downcast_ref::<Exception>() {
                Some(exception) => Box::new(exception.0.clone()) as raw::HostFailure,
                None => Box::new(error),
            })
        };
        HostFunc { ty, call: raw::HostFn::new(call) }
    }

    /// A new function in `store`.
    ///
    /// # Panics
    /// When there is no code memory for the way to it.
    pub(crate) fn into_func(self, store: &mut RawStore<T>) -> Func {
        Func(raw::Func::new_host(store, self.ty.raw().clone(), self.call).expect(NO_CODE_MEMORY))
    }

    /// The function in `store` for this closure: made by the first call, so that a linker that instantiates many
    /// modules in one store gives each closure one function.
    pub(crate) fn in_store(self: &Arc<Self>, store: &mut RawStore<T>) -> Result<Func> {
        let key = Arc::as_ptr(self) as usize;
        if let Some((_, func)) = store.data().host_funcs.by_address.get(&key) {
            return Ok(*func);
        }
        let func = Func(raw::Func::new_host(store, self.ty.raw().clone(), self.call.clone())?);
        store.data_mut().host_funcs.by_address.insert(key, (self.clone(), func));
        Ok(func)
    }
}

/// The functions of a store that linkers made, by the closure's address: the entry keeps the closure alive, so no
/// other can have its address.
#[derive(Default)]
pub(crate) struct HostFuncs {
    by_address: HashMap<usize, (Arc<dyn Any + Send + Sync>, Func)>,
}
