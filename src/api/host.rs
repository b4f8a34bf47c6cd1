//! Host functions: closures of the embedder with the type they are called by, and which of them a store has
//! already. Refuses to know how a call reaches them.

use super::planned::rt;
use super::store::{RawStore, StoreData};
use super::types::TypeName;
use super::{Caller, Error, Func, FuncType, Instance, Result, Val};
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// A closure that no store has yet, or several have.
pub struct HostFunc<T: 'static> {
    ty: FuncType,
    call: rt::HostFn<StoreData<T>>,
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
                if !value.matches(&ty) {
                    let found = TypeName(value.general_type());
                    anyhow::bail!("host function returned {found} as result {i}, expected {}", TypeName(ty));
                }
                call.set_val(i, value.to_raw());
            }
            Ok(())
        })
    }

    /// A host function of type `ty` that takes its arguments from the call and leaves its results there.
    pub(crate) fn raw<F>(ty: FuncType, func: F) -> HostFunc<T>
    where
        F: Fn(&mut rt::HostCall<'_, StoreData<T>>) -> Result<(), Error> + Send + Sync + 'static,
    {
        let call = move |call: &mut rt::HostCall<'_, StoreData<T>>| {
            func(call).map_err(|error| Box::new(error) as rt::HostFailure)
        };
        HostFunc { ty, call: Arc::new(call) }
    }

    /// A new function in `store`.
    pub(crate) fn into_func(self, store: &mut RawStore<T>) -> Func {
        Func(rt::Func::new_host(store, self.ty.raw().clone(), self.call))
    }

    /// The function in `store` for this closure: made by the first call, so that a linker that instantiates many
    /// modules in one store gives each closure one function.
    pub(crate) fn in_store(self: &Arc<Self>, store: &mut RawStore<T>) -> Func {
        let key = Arc::as_ptr(self) as usize;
        if let Some((_, func)) = store.data().host_funcs.by_address.get(&key) {
            return *func;
        }
        let func = Func(rt::Func::new_host(store, self.ty.raw().clone(), self.call.clone()));
        store.data_mut().host_funcs.by_address.insert(key, (self.clone(), func));
        func
    }
}

/// The functions of a store that linkers made, by the closure's address: the entry keeps the closure alive, so no
/// other can have its address.
#[derive(Default)]
pub(crate) struct HostFuncs {
    by_address: HashMap<usize, (Arc<dyn Any + Send + Sync>, Func)>,
}
