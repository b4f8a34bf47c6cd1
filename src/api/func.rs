//! Functions as the embedder holds them: of guests and of the host alike.

use super::host::HostFunc;
use super::raw;
use super::trap::stopped;
use super::{
    AsContext, AsContextMut, Caller, FuncType, IntoFunc, Result, TypedFunc, Val, WasmParams, WasmResults,
};

/// A handle to a function in a store. All methods panic when given another store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Func(pub(crate) raw::Func);

impl Func {
    /// A host function of type `ty`, which is given its arguments and leaves its results as values of any type.
    /// Results are zero or null until set. An error that `func` returns stops the guest; results of other types
    /// than `ty` says are such an error.
    ///
    /// # Panics
    /// When there is no code memory for the way to it; an [`Engine`](super::Engine) was made, so there was.
    pub fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        HostFunc::new(ty, func).into_func(store.as_context_mut().0)
    }

    /// A host function whose type is the closure's. See [`Linker::func_wrap`](super::Linker::func_wrap).
    ///
    /// # Panics
    /// As [`Func::new`].
    pub fn wrap<T: 'static, Params, Results>(
        mut store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, Params, Results>,
    ) -> Func {
        let store = store.as_context_mut().0;
        func.into_host_func(&store.data().engine).into_func(store)
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> FuncType {
        FuncType::from_raw(self.0.ty(store.as_context().0))
    }

    /// Whether it may stand where a function of type `ty` is wanted.
    pub fn matches_ty(&self, store: impl AsContext, ty: &FuncType) -> bool {
        self.ty(store).matches(ty)
    }

    /// Calls it. `results` must be as long as its results; what was in it is overwritten.
    ///
    /// # Errors
    /// When `params` or `results` do not suit its type; when it traps or a host function that it calls fails: the
    /// error's chain holds the [`Trap`](super::Trap) or the host's error, and a
    /// [`WasmBacktrace`](super::WasmBacktrace).
    ///
    /// # Panics
    /// When `store` does not own the function or a reference in `params`, or when a host function panics.
    pub fn call(&self, mut store: impl AsContextMut, params: &[Val], results: &mut [Val]) -> Result<()> {
        let store = store.as_context_mut().0;
        let raw_params: Vec<raw::Val> = params.iter().map(|v| v.to_raw()).collect();
        let mut raw_results = vec![raw::Val::I32(0); results.len()];
        match self.0.call(store, &raw_params, &mut raw_results) {
            Ok(()) => {}
            Err(raw::CallError::Type(mismatch)) => return Err(mismatch.into()),
            Err(raw::CallError::Unwind(unwind)) => return Err(stopped(&store.data().engine, *unwind)),
        }
        for (result, raw) in results.iter_mut().zip(raw_results) {
            *result = Val::from_raw(raw);
        }
        Ok(())
    }

    /// The function, to call with Rust values.
    ///
    /// # Errors
    /// When its type is not `Params -> Results`.
    pub fn typed<Params: WasmParams, Results: WasmResults>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<Params, Results>> {
        Ok(TypedFunc::new(self.0.typed(store.as_context().0)?))
    }
}
