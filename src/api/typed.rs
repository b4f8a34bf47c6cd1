//! Rust types as WebAssembly types: calls and host functions without values of any type in between. The only file
//! that counts parameters.

use super::host::HostFunc;
use super::raw;
use super::store::StoreData;
use super::trap::stopped;
use super::{
    AsContextMut, Caller, Engine, Error, ExternRef, Func, FuncType, Instance, Result, V128, ValType,
};

/// Calls a macro once for every number of parameters there may be, with that many names.
macro_rules! for_each_arity {
    ($mac:ident) => {
        $mac!();
        $mac!(A1);
        $mac!(A1 A2);
        $mac!(A1 A2 A3);
        $mac!(A1 A2 A3 A4);
        $mac!(A1 A2 A3 A4 A5);
        $mac!(A1 A2 A3 A4 A5 A6);
        $mac!(A1 A2 A3 A4 A5 A6 A7);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15);
        $mac!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16);
    };
}

mod sealed {
    /// Implemented here only: what a type does to pass as a WebAssembly value is the executor's business.
    pub trait Sealed {}
}
use sealed::Sealed;

/// A Rust type that passes as one WebAssembly value: `i32` and `u32` as `i32`, `i64` and `u64` as `i64`, `f32`,
/// `f64`, [`V128`], `Option<Func>` as `funcref`, [`Func`] as one that is not null, `Option<ExternRef>` as `externref`.
pub trait WasmTy: Sealed + Send + Sized + 'static {
    /// What the executor passes for it.
    #[doc(hidden)]
    type Abi: raw::WasmTy;
    #[doc(hidden)]
    fn into_abi(self) -> Self::Abi;
    #[doc(hidden)]
    fn from_abi(abi: Self::Abi) -> Self;
}

macro_rules! wasm_ty {
    ($($ty:ty, $abi:ty, $v:ident => $into:expr, $from:expr;)*) => { $(
        impl Sealed for $ty {}
        impl WasmTy for $ty {
            type Abi = $abi;
            fn into_abi(self) -> $abi {
                let $v = self;
                $into
            }
            fn from_abi($v: $abi) -> $ty {
                $from
            }
        }
    )* };
}

wasm_ty! {
    i32, i32, v => v, v;
    u32, u32, v => v, v;
    i64, i64, v => v, v;
    u64, u64, v => v, v;
    f32, f32, v => v, v;
    f64, f64, v => v, v;
    V128, u128, v => v.as_u128(), V128::from(v);
    Func, raw::Func, v => v.0, Func(v);
    Option<Func>, Option<raw::Func>, v => v.map(|f| f.0), v.map(Func);
    Option<ExternRef>, Option<raw::ExternRef>, v => v.map(|e| e.0), v.map(ExternRef);
}

/// Parameters of a [`TypedFunc`]: one [`WasmTy`] or a tuple of up to 16.
pub trait WasmParams: Send {
    #[doc(hidden)]
    type Abi: raw::WasmParams;
    #[doc(hidden)]
    fn into_abi(self) -> Self::Abi;
}

/// Results of a [`TypedFunc`]: one [`WasmTy`] or a tuple of up to 16.
pub trait WasmResults: Send {
    #[doc(hidden)]
    type Abi: raw::WasmResults;
    #[doc(hidden)]
    fn from_abi(abi: Self::Abi) -> Self;
}

/// What a host closure returns: nothing, one [`WasmTy`], a tuple of up to 16, or a [`Result`] of one of these, whose
/// error stops the guest.
pub trait WasmRet {
    #[doc(hidden)]
    fn types() -> &'static [ValType];
    #[doc(hidden)]
    fn leave_in<D: 'static>(self, call: &mut raw::HostCall<'_, D>) -> Result<(), Error>;
}

impl<A: WasmTy> WasmParams for A {
    type Abi = A::Abi;
    fn into_abi(self) -> A::Abi {
        self.into_abi()
    }
}

impl<A: WasmTy> WasmResults for A {
    type Abi = A::Abi;
    fn from_abi(abi: A::Abi) -> A {
        A::from_abi(abi)
    }
}

impl<A: WasmTy> WasmRet for A {
    fn types() -> &'static [ValType] {
        <A::Abi as raw::WasmResults>::TYPES
    }
    fn leave_in<D: 'static>(self, call: &mut raw::HostCall<'_, D>) -> Result<(), Error> {
        call.set_result(0, self.into_abi());
        Ok(())
    }
}

impl<R: WasmRet> WasmRet for Result<R, Error> {
    fn types() -> &'static [ValType] {
        R::types()
    }
    fn leave_in<D: 'static>(self, call: &mut raw::HostCall<'_, D>) -> Result<(), Error> {
        self?.leave_in(call)
    }
}

macro_rules! tuples {
    ($($a:ident)*) => {
        #[allow(non_snake_case, unused_variables, clippy::unused_unit)]
        impl<$($a: WasmTy),*> WasmParams for ($($a,)*) {
            type Abi = ($($a::Abi,)*);
            fn into_abi(self) -> Self::Abi {
                let ($($a,)*) = self;
                ($($a.into_abi(),)*)
            }
        }

        #[allow(non_snake_case, clippy::unused_unit)]
        impl<$($a: WasmTy),*> WasmResults for ($($a,)*) {
            type Abi = ($($a::Abi,)*);
            fn from_abi(abi: Self::Abi) -> Self {
                let ($($a,)*) = abi;
                ($($a::from_abi($a),)*)
            }
        }

        #[allow(non_snake_case, unused_mut, unused_variables, unused_assignments)]
        impl<$($a: WasmTy),*> WasmRet for ($($a,)*) {
            fn types() -> &'static [ValType] {
                <<Self as WasmResults>::Abi as raw::WasmResults>::TYPES
            }
            fn leave_in<D: 'static>(self, call: &mut raw::HostCall<'_, D>) -> Result<(), Error> {
                let ($($a,)*) = self;
                let mut at = 0;
                $( call.set_result(at, $a.into_abi()); at += 1; )*
                Ok(())
            }
        }
    };
}
for_each_arity!(tuples);

/// A closure that can become a host function: `Fn(A1, A2, …) -> R` or `Fn(Caller<'_, T>, A1, A2, …) -> R`, with up to
/// 16 parameters that are [`WasmTy`] and an `R` that is [`WasmRet`].
pub trait IntoFunc<T: 'static, Params, Results>: Send + Sync + 'static {
    #[doc(hidden)]
    fn into_host_func(self, engine: &Engine) -> HostFunc<T>;
}

/// A call as the bodies of closures see it.
type Call<'a, T> = raw::HostCall<'a, StoreData<T>>;

fn func_type<P: WasmParams, R: WasmRet>(engine: &Engine) -> FuncType {
    let params = <P::Abi as raw::WasmParams>::TYPES;
    FuncType::new(engine, params.iter().copied(), R::types().iter().copied())
}

macro_rules! closures {
    ($($a:ident)*) => {
        #[allow(non_snake_case, unused_mut, unused_variables, unused_assignments)]
        impl<T: 'static, F, R, $($a),*> IntoFunc<T, ($($a,)*), R> for F
        where
            F: Fn($($a),*) -> R + Send + Sync + 'static,
            R: WasmRet,
            $($a: WasmTy,)*
        {
            fn into_host_func(self, engine: &Engine) -> HostFunc<T> {
                HostFunc::raw(func_type::<($($a,)*), R>(engine), move |call: &mut Call<'_, T>| {
                    let mut at = 0;
                    $( let $a = $a::from_abi(call.arg::<$a::Abi>(at)); at += 1; )*
                    self($($a),*).leave_in(call)
                })
            }
        }

        #[allow(non_snake_case, unused_mut, unused_variables, unused_assignments)]
        impl<T: 'static, F, R, $($a),*> IntoFunc<T, (Caller<'_, T>, $($a,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($a),*) -> R + Send + Sync + 'static,
            R: WasmRet,
            $($a: WasmTy,)*
        {
            fn into_host_func(self, engine: &Engine) -> HostFunc<T> {
                HostFunc::raw(func_type::<($($a,)*), R>(engine), move |call: &mut Call<'_, T>| {
                    let mut at = 0;
                    $( let $a = $a::from_abi(call.arg::<$a::Abi>(at)); at += 1; )*
                    let instance = call.caller_instance().map(Instance);
                    self(Caller::new(call.store(), instance), $($a),*).leave_in(call)
                })
            }
        }
    };
}
for_each_arity!(closures);

/// A function whose type was checked once, to call with Rust values.
///
/// ```
/// use latier::{Engine, Instance, Module, Store, TypedFunc};
///
/// let engine = Engine::default();
/// let module = Module::new(
///     &engine,
///     r#"(module (func (export "add") (param i32 i32) (result i32)
///         (i32.add (local.get 0) (local.get 1))))"#,
/// )?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let add: TypedFunc<(i32, i32), i32> = instance.get_typed_func(&mut store, "add")?;
/// assert_eq!(add.call(&mut store, (40, 2))?, 42);
/// # Ok::<(), latier::Error>(())
/// ```
pub struct TypedFunc<Params: WasmParams, Results: WasmResults> {
    call: raw::TypedCall<Params::Abi, Results::Abi>,
    func: Func,
}

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    pub(crate) fn new(call: raw::TypedCall<P::Abi, R::Abi>) -> TypedFunc<P, R> {
        TypedFunc { call, func: Func(*call.func()) }
    }

    /// The function.
    pub fn func(&self) -> &Func {
        &self.func
    }

    /// Calls the function.
    ///
    /// # Errors
    /// When it traps or a host function that it calls fails: the error's chain holds the [`Trap`](super::Trap) or
    /// the host's error, and a [`WasmBacktrace`](super::WasmBacktrace).
    ///
    /// # Panics
    /// When `store` does not own the function or a reference in `params`, or when a host function panics.
    #[inline]
    pub fn call(&self, mut store: impl AsContextMut, params: P) -> Result<R> {
        let store = store.as_context_mut().0;
        match self.call.call(store, params.into_abi()) {
            Ok(results) => Ok(R::from_abi(results)),
            Err(unwind) => Err(stopped(&store.data().engine, *unwind)),
        }
    }
}

impl<P: WasmParams, R: WasmResults> Clone for TypedFunc<P, R> {
    fn clone(&self) -> TypedFunc<P, R> {
        *self
    }
}

impl<P: WasmParams, R: WasmResults> Copy for TypedFunc<P, R> {}

impl<P: WasmParams, R: WasmResults> std::fmt::Debug for TypedFunc<P, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TypedFunc").field(&self.func).finish()
    }
}
