//! Host functions: a closure of the embedder's that guests can call, and what it sees of the call. Knows nothing of
//! registers.

use crate::exception::Exception;
use crate::exit::{HostCode, HostContext, HostFrame, HostHead, HostValues, host_exit_address, run_host};
use crate::func::Func;
use crate::instance::{Instance, InstanceCell};
use crate::limits::ResourceError;
use crate::reexports::host_entry;
use crate::registry;
use crate::store::{Stable, Store, StoreId, StoreInner};
use crate::trap::{HostFailure, UnwindReason};
use crate::typed::WasmTy;
use crate::types::{FuncType, ValType};
use crate::value::Val;
use crate::vmctx::{VmFuncImport, VmFuncRef, VmGlobal, VmHeader, VmStore};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// What a host function does: reads its arguments, sets its results (zero or null until set), or fails.
pub struct HostFn<T> {
    /// Runs `body`, whose type it alone knows.
    code: HostCode,
    body: Arc<dyn Any + Send + Sync>,
    /// Calls come from stores with such data.
    data: PhantomData<fn(T)>,
}

impl<T: 'static> HostFn<T> {
    /// What `body` does.
    pub fn new<F>(body: F) -> HostFn<T>
    where
        F: Fn(&mut HostCall<'_, T>) -> Result<(), HostFailure> + Send + Sync + 'static,
    {
        HostFn { code: call_body::<T, F>, body: Arc::new(body), data: PhantomData }
    }
}

impl<T> Clone for HostFn<T> {
    fn clone(&self) -> HostFn<T> {
        HostFn { code: self.code, body: self.body.clone(), data: PhantomData }
    }
}

impl<T> fmt::Debug for HostFn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFn").finish_non_exhaustive()
    }
}

/// A host function in its store: the context that is the first argument of calls to it. There is one for the
/// function itself, and one for each import of it, which knows the importing instance.
#[repr(C)]
pub(crate) struct HostFunc {
    context: HostContext,
    code: HostCode,
    /// The closure, whose type `code` knows.
    closure: *const (),
    /// Keeps it alive.
    body: Arc<dyn Any + Send + Sync>,
    /// The results whose types have no null, so that they must be set.
    required: Arc<[usize]>,
    /// The importing instance; null in the function's own.
    caller: *mut InstanceCell,
    /// The function's identity; unused in imports.
    record: VmFuncRef,
}

impl HostFunc {
    /// The host function whose context is `vmctx`.
    ///
    /// # Safety
    /// `vmctx` is a host function's and lives for `'a`.
    unsafe fn of<'a>(vmctx: *mut VmHeader) -> &'a HostFunc {
        // SAFETY: a `HostFunc` starts with its context, and that with the header.
        unsafe { &*vmctx.cast::<HostFunc>() }
    }
}

impl Func {
    /// A new host function of type `ty`.
    ///
    /// # Errors
    /// When there is no code memory for the way out of Wasm.
    pub fn new_host<T: 'static>(
        store: &mut Store<T>,
        ty: FuncType,
        f: HostFn<T>,
    ) -> Result<Func, ResourceError> {
        let entry = host_entry(host_exit_address()).map_err(|e| ResourceError(e.to_string()))?;
        let type_id = store.types().intern(&ty);
        let ty = store.types().get(type_id);
        let never_null = |ty: &ValType| matches!(ty, ValType::Ref(r) if !r.nullable);
        let required = (0..ty.results.len()).filter(|i| never_null(&ty.results[*i])).collect();
        let cell = Stable::new(HostFunc {
            context: HostContext::new(store.vm(), ty, f.code),
            code: f.code,
            closure: Arc::as_ptr(&f.body).cast(),
            body: f.body,
            required,
            caller: ptr::null_mut(),
            record: VmFuncRef {
                slot: entry.slot_address as *const usize,
                vmctx: ptr::null_mut(),
                entry: entry.entry_point,
                type_id: type_id.0,
            },
        });
        let pointer = cell.as_non_null();
        // SAFETY: no one else has the cell yet.
        let record = unsafe {
            (*pointer.as_ptr()).record.vmctx = pointer.as_ptr().cast();
            NonNull::new_unchecked(&raw mut (*pointer.as_ptr()).record)
        };
        let id = store.id();
        store.core.host_funcs.push(cell);
        Ok(Func::new(id, record))
    }
}

/// What `instance` calls when it calls the function of `record`, which it imports: for a host function a context of
/// its own, which `instance` owns from now on.
///
/// # Safety
/// Record and instance are live ones of `store`.
pub(crate) unsafe fn import(
    store: &StoreInner,
    instance: NonNull<InstanceCell>,
    record: NonNull<VmFuncRef>,
) -> VmFuncImport {
    // SAFETY: the caller's promise.
    let VmFuncRef { slot, vmctx, .. } = *unsafe { record.as_ref() };
    let mut import = VmFuncImport { slot, vmctx, funcref: record.as_ptr() };
    // SAFETY: records lead to contexts that live as long as their store.
    if unsafe { (*vmctx).instance.is_null() } {
        // SAFETY: only host functions belong to no instance.
        let host = unsafe { HostFunc::of(vmctx) };
        let cell = Stable::new(HostFunc {
            context: HostContext::new(store.vm(), host.context.ty().clone(), host.code),
            code: host.code,
            closure: host.closure,
            body: host.body.clone(),
            required: host.required.clone(),
            caller: instance.as_ptr(),
            record: VmFuncRef { slot, vmctx, entry: host.record.entry, type_id: host.record.type_id },
        });
        import.vmctx = cell.as_non_null().as_ptr().cast();
        // SAFETY: the caller's promise; no reference to the list is in use.
        unsafe { (*instance.as_ptr()).host_imports.push(cell) };
    }
    import
}

/// The code of every host function that is an `F` in a store whose data is a `T`.
///
/// # Safety
/// Called by the host exit only: `context` is a [`HostFunc`]'s, of such a function and store.
unsafe extern "C" fn call_body<T, F>(context: *mut HostHead, frame: *mut HostFrame) -> bool
where
    T: 'static,
    F: Fn(&mut HostCall<'_, T>) -> Result<(), HostFailure> + Send + Sync + 'static,
{
    // SAFETY: `new_host` and `import` make contexts with this code only for such stores; both live during the call.
    let (host, store) = unsafe { (HostFunc::of(context.cast()), (*context).header.store) };
    // SAFETY: the store lives, and who holds it waits for us.
    let exit_pc = unsafe { (*store).exit_pc };
    let body = |values: &mut HostValues<'_>| {
        debug_assert!(host.body.is::<F>(), "this code belongs to bodies of this type");
        let values = NonNull::from(values).cast();
        let mut call = HostCall { values, host, store, exit_pc, data: PhantomData };
        // SAFETY: `HostFn::new` pairs this code with a closure of this type, and `import` copies both.
        unsafe { (*host.closure.cast::<F>())(&mut call) }.map_err(|failure| {
            match failure.downcast::<Exception>() {
                Ok(exception) => UnwindReason::Exception(*exception),
                Err(failure) => UnwindReason::Host(failure),
            }
        })?;
        for result in &*host.required {
            // References that are not null are not zero, and results are zero until set.
            assert!(
                call.values().is_set(*result),
                "a host function left result {result} unset, which has no null"
            );
        }
        Ok(())
    };
    // SAFETY: context and frame are what we were called with.
    unsafe { run_host(context, frame, body) }
}

/// A call of a host function, as the function sees it.
pub struct HostCall<'a, T> {
    /// The arguments and results; its own lifetime is erased, ours is shorter.
    values: NonNull<HostValues<'static>>,
    host: &'a HostFunc,
    store: *mut VmStore,
    /// Where Wasm was left: a call back into Wasm overwrites it in the store.
    exit_pc: usize,
    data: PhantomData<&'a mut Store<T>>,
}

impl<T: 'static> HostCall<'_, T> {
    fn values(&self) -> &HostValues<'static> {
        // SAFETY: the values outlive the call and are reached through it alone.
        unsafe { self.values.as_ref() }
    }

    fn values_mut(&mut self) -> &mut HostValues<'static> {
        // SAFETY: as above.
        unsafe { self.values.as_mut() }
    }

    fn store_id(&self) -> StoreId {
        self.store_ref().id()
    }

    fn store_ref(&self) -> &Store<T> {
        // SAFETY: as in `store`; `self` is borrowed as long as the result is.
        unsafe { Store::from_vm(self.store) }
    }

    /// The function's type.
    pub fn ty(&self) -> &Arc<FuncType> {
        self.host.context.ty()
    }

    /// The store.
    pub fn store(&mut self) -> &mut Store<T> {
        // SAFETY: the host function belongs to a store whose data is a `T`. The caller's `&mut` of it is unused until
        // this call returns, and `self` is borrowed as long as the result is.
        unsafe { Store::from_vm(self.store) }
    }

    /// Argument `i`.
    ///
    /// # Panics
    /// When there is none, or it is not an `A`.
    #[inline]
    pub fn arg<A: WasmTy>(&self, i: usize) -> A {
        let ty = self.ty().params[i];
        assert!(ty == A::TYPE || ty.matches(A::TYPE), "argument {i} is of type {ty}, not {}", A::TYPE);
        let raw = match ty {
            ValType::V128 => self.values().arg_v128(i),
            _ => self.values().arg(i).into(),
        };
        // SAFETY: the guest is validated: the argument is of its type, and of the guest's store.
        unsafe { A::from_raw(self.store_id(), raw) }
    }

    /// Sets result `i`.
    ///
    /// # Panics
    /// When there is none, or it is not an `R`.
    #[inline]
    pub fn set_result<R: WasmTy>(&mut self, i: usize, value: R) {
        let ty = self.ty().results[i];
        assert!(ty == R::TYPE || R::TYPE.matches(ty), "result {i} is of type {ty}, not {}", R::TYPE);
        let raw = value.to_raw(self.store_ref());
        self.values_mut().set_result(i, raw);
    }

    /// Argument `i`.
    ///
    /// # Panics
    /// When there is none.
    pub fn val(&self, i: usize) -> Val {
        let ty = self.ty().params[i];
        let raw = match ty {
            ValType::V128 => self.values().arg_v128(i),
            _ => self.values().arg(i).into(),
        };
        // SAFETY: as in `arg`.
        unsafe { Val::from_raw(self.store_id(), ty, VmGlobal([raw as u64, (raw >> 64) as u64])) }
    }

    /// Sets result `i`.
    ///
    /// # Panics
    /// When there is none, or `value` is not of its type.
    pub fn set_val(&mut self, i: usize, value: Val) {
        let ty = self.ty().results[i];
        assert!(value.matches(self.store_ref(), ty), "result {i} is of type {ty}");
        let [low, high] = value.to_raw().0;
        self.values_mut().set_result(i, u128::from(low) | u128::from(high) << 64);
    }

    /// The instance that called the function, as far as it can be told: the one that imports it; for a call through a
    /// table the only instance of the module that called. `None` for hosts and when there are several.
    pub fn caller_instance(&self) -> Option<Instance> {
        if let Some(caller) = NonNull::new(self.host.caller) {
            return Some(Instance::new(self.store_id(), caller));
        }
        // SAFETY: the pc is that of a frame of this store, which keeps its modules.
        let token = unsafe { registry::lookup(self.exit_pc) }?.module;
        let store = self.store_ref();
        let mut callers = store.instances().filter(|i| i.module(store).code().token() == token);
        let caller = callers.next()?;
        callers.next().is_none().then_some(caller)
    }
}

impl<T> fmt::Debug for HostCall<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostCall").field("ty", self.host.context.ty()).finish_non_exhaustive()
    }
}
