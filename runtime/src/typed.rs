//! Values and calls whose types the host's compiler knows. Where each travels is computed from the same rules as
//! [`CallLayout`], at compile time.

use crate::abi::{CallLayout, Loc, ParamPlaces};
use crate::entry::{Registers, call_wasm};
use crate::func::{Func, words};
use crate::store::{StoreId, StoreInner};
use crate::trap::Unwind;
use crate::types::{FuncType, HeapType, RefType, ValType};
use crate::value::{ExternRef, TypeMismatch};
use crate::vmctx::{VmGlobal, VmHeader};
use std::fmt;
use std::marker::PhantomData;

/// A type of the host's that is a WebAssembly type.
///
/// # Safety
/// `TYPE` is the type of exactly the values that `to_raw` gives and `from_raw` takes.
pub unsafe trait WasmTy: Copy + Send + Sync + 'static {
    /// Its WebAssembly type.
    const TYPE: ValType;

    /// The raw form of the value, in the low bits.
    ///
    /// # Panics
    /// When it is a reference of another store.
    fn to_raw(self, store: &StoreInner) -> u128;

    /// The value with this raw form.
    ///
    /// # Safety
    /// `raw` is a value of the type `TYPE` and of the store.
    unsafe fn from_raw(store: StoreId, raw: u128) -> Self;
}

macro_rules! number {
    ($($rust:ty, $wasm:ident, |$value:ident| $to:expr, |$raw:ident| $from:expr;)*) => {$(
        // SAFETY: every bit pattern is a value of a number type.
        unsafe impl WasmTy for $rust {
            const TYPE: ValType = ValType::$wasm;

            #[inline]
            fn to_raw(self, _: &StoreInner) -> u128 {
                let $value = self;
                $to
            }

            #[inline]
            unsafe fn from_raw(_: StoreId, $raw: u128) -> $rust {
                $from
            }
        }
    )*};
}

number! {
    i32, I32, |v| u128::from(v as u32), |raw| raw as i32;
    u32, I32, |v| u128::from(v), |raw| raw as u32;
    i64, I64, |v| u128::from(v as u64), |raw| raw as i64;
    u64, I64, |v| u128::from(v), |raw| raw as u64;
    f32, F32, |v| u128::from(v.to_bits()), |raw| f32::from_bits(raw as u32);
    f64, F64, |v| u128::from(v.to_bits()), |raw| f64::from_bits(raw as u64);
    u128, V128, |v| v, |raw| raw;
}

// SAFETY: a function reference is null or the address of a record of the store.
unsafe impl WasmTy for Option<Func> {
    const TYPE: ValType = ValType::FUNCREF;

    fn to_raw(self, store: &StoreInner) -> u128 {
        if let Some(f) = self {
            store.check(f.store_id(), "a function");
        }
        Func::to_raw(self).into()
    }

    unsafe fn from_raw(store: StoreId, raw: u128) -> Option<Func> {
        // SAFETY: the caller's promise.
        unsafe { Func::from_raw(store, raw as u64) }
    }
}

// SAFETY: as above, without null.
unsafe impl WasmTy for Func {
    const TYPE: ValType = ValType::Ref(RefType { nullable: false, heap: HeapType::Func });

    fn to_raw(self, store: &StoreInner) -> u128 {
        Some(self).to_raw(store)
    }

    unsafe fn from_raw(store: StoreId, raw: u128) -> Func {
        // SAFETY: the caller's promise.
        unsafe { Func::from_raw(store, raw as u64) }.expect("a value of this type is not null")
    }
}

// SAFETY: an external reference is null or one of the store's numbers.
unsafe impl WasmTy for Option<ExternRef> {
    const TYPE: ValType = ValType::EXTERNREF;

    fn to_raw(self, store: &StoreInner) -> u128 {
        if let Some(r) = self {
            store.check(r.store_id(), "an external reference");
        }
        ExternRef::to_raw(self).into()
    }

    unsafe fn from_raw(store: StoreId, raw: u128) -> Option<ExternRef> {
        ExternRef::from_raw(store, raw as u64)
    }
}

/// Whether values of type `t` travel in float registers; `ValType::is_float_class` at compile time.
const fn is_float(t: ValType) -> bool {
    matches!(t, ValType::F32 | ValType::F64 | ValType::V128)
}

const fn count_floats(types: &[ValType]) -> usize {
    let (mut i, mut n) = (0, 0);
    while i < types.len() {
        n += is_float(types[i]) as usize;
        i += 1;
    }
    n
}

const fn stack_bytes(types: &[ValType], in_memory: bool) -> usize {
    let mut places = ParamPlaces::new(in_memory);
    let mut i = 0;
    while i < types.len() {
        places.next(is_float(types[i]), matches!(types[i], ValType::V128));
        i += 1;
    }
    places.stack_bytes() as usize
}

/// Where arguments are put: registers, and stack arguments from the first on.
#[derive(Debug)]
pub struct Arguments<'a> {
    registers: &'a mut Registers,
    stack: &'a mut [u64],
    places: ParamPlaces,
}

impl Arguments<'_> {
    #[inline(always)]
    fn put<A: WasmTy>(&mut self, store: &StoreInner, value: A) {
        let vector = matches!(A::TYPE, ValType::V128);
        let raw = value.to_raw(store);
        match self.places.next(is_float(A::TYPE), vector) {
            Loc::Gpr(n) => self.registers.set_gpr(n.into(), raw as u64),
            Loc::Fpr(n) => self.registers.set_fpr(n.into(), raw),
            Loc::Mem(at) => {
                self.stack[at as usize / 8] = raw as u64;
                if vector {
                    self.stack[at as usize / 8 + 1] = (raw >> 64) as u64;
                }
            }
        }
    }
}

/// Where results are found.
#[derive(Debug)]
pub struct Results<'a> {
    registers: &'a Registers,
    /// The result area, if results go through memory.
    area: Option<&'a [VmGlobal]>,
    gpr: usize,
    fpr: usize,
    store: StoreId,
}

impl Results<'_> {
    /// The next result.
    ///
    /// # Safety
    /// It is of type `R`.
    #[inline(always)]
    unsafe fn take<R: WasmTy>(&mut self) -> R {
        let (float, n) = (is_float(R::TYPE), self.gpr + self.fpr);
        let raw = match self.area {
            Some(area) => u128::from(area[n].0[0]) | u128::from(area[n].0[1]) << 64,
            None if float => self.registers.fpr(self.fpr),
            None => self.registers.gpr(self.gpr).into(),
        };
        if float {
            self.fpr += 1
        } else {
            self.gpr += 1
        }
        // SAFETY: the caller's promise.
        unsafe { R::from_raw(self.store, raw) }
    }
}

/// Parameters of a function: `()`, a [`WasmTy`], or a tuple of up to 16.
///
/// # Safety
/// `put` puts values of exactly the types `TYPES`, in their order.
pub unsafe trait WasmParams: Send {
    /// Their types.
    const TYPES: &'static [ValType];

    /// Puts them where the callee finds them.
    fn put(self, store: &StoreInner, arguments: &mut Arguments<'_>);
}

/// Results of a function: `()`, a [`WasmTy`], or a tuple of up to 16.
///
/// # Safety
/// `take` takes values of exactly the types `TYPES`, in their order.
pub unsafe trait WasmResults: Send + Sized {
    /// Their types.
    const TYPES: &'static [ValType];

    /// Takes them from where the callee left them.
    ///
    /// # Safety
    /// The callee has returned results of the types `TYPES`.
    unsafe fn take(results: &mut Results<'_>) -> Self;
}

// SAFETY: one value of one type.
unsafe impl<A: WasmTy> WasmParams for A {
    const TYPES: &'static [ValType] = &[A::TYPE];

    #[inline(always)]
    fn put(self, store: &StoreInner, arguments: &mut Arguments<'_>) {
        arguments.put(store, self);
    }
}

// SAFETY: one value of one type.
unsafe impl<R: WasmTy> WasmResults for R {
    const TYPES: &'static [ValType] = &[R::TYPE];

    #[inline(always)]
    unsafe fn take(results: &mut Results<'_>) -> R {
        // SAFETY: the caller's promise.
        unsafe { results.take() }
    }
}

macro_rules! tuples {
    () => { tuples!(@one); };
    ($first:ident $($rest:ident)*) => { tuples!(@one $first $($rest)*); tuples!($($rest)*); };
    (@one $($T:ident)*) => {
        // SAFETY: each value of the tuple, of its type, in order.
        unsafe impl<$($T: WasmTy),*> WasmParams for ($($T,)*) {
            const TYPES: &'static [ValType] = &[$($T::TYPE),*];

            #[inline(always)]
            #[allow(non_snake_case, unused_variables, clippy::unused_unit)]
            fn put(self, store: &StoreInner, arguments: &mut Arguments<'_>) {
                let ($($T,)*) = self;
                $(arguments.put(store, $T);)*
            }
        }

        // SAFETY: each value of the tuple, of its type, in order.
        unsafe impl<$($T: WasmTy),*> WasmResults for ($($T,)*) {
            const TYPES: &'static [ValType] = &[$($T::TYPE),*];

            #[inline(always)]
            #[allow(unused_variables, clippy::unused_unit)]
            unsafe fn take(results: &mut Results<'_>) -> Self {
                // SAFETY: the caller's promise.
                ($(unsafe { results.take::<$T>() },)*)
            }
        }
    };
}

tuples!(A B C D E F G H I J K L M N O P);

/// A function whose type was compared with `P` and `R` once, so that a call compares nothing.
pub struct TypedCall<P, R> {
    func: Func,
    code: usize,
    vmctx: *mut VmHeader,
    types: PhantomData<fn(P) -> R>,
}

// SAFETY: as `Func`: the pointers are followed only together with the store.
unsafe impl<P, R> Send for TypedCall<P, R> {}
// SAFETY: as above.
unsafe impl<P, R> Sync for TypedCall<P, R> {}

impl<P, R> Clone for TypedCall<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for TypedCall<P, R> {}

impl<P, R> fmt::Debug for TypedCall<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedCall").field(&self.func).finish()
    }
}

impl Func {
    /// This function with parameters `P` and results `R`.
    ///
    /// # Errors
    /// When it does not take values of these types, or gives others.
    pub fn typed<P: WasmParams, R: WasmResults>(
        &self,
        store: &StoreInner,
    ) -> Result<TypedCall<P, R>, TypeMismatch> {
        let ty = self.ty(store);
        if !all_match(P::TYPES, &ty.params) || !all_match(&ty.results, R::TYPES) {
            let wanted = FuncType::new(P::TYPES.iter().copied(), R::TYPES.iter().copied());
            return Err(TypeMismatch(format!("type mismatch: expected {wanted}, found {ty}")));
        }
        let record = self.record(store);
        Ok(TypedCall { func: *self, code: record.entry, vmctx: record.vmctx, types: PhantomData })
    }
}

fn all_match(given: &[ValType], expected: &[ValType]) -> bool {
    given.len() == expected.len() && given.iter().zip(expected).all(|(g, e)| g.matches(*e))
}

impl<P: WasmParams, R: WasmResults> TypedCall<P, R> {
    const AREA_CELLS: usize = {
        let floats = count_floats(R::TYPES);
        if CallLayout::counts_in_memory(floats, R::TYPES.len() - floats) { R::TYPES.len() } else { 0 }
    };
    const STACK_CELLS: usize = stack_bytes(P::TYPES, Self::AREA_CELLS > 0) / size_of::<VmGlobal>();
    const FLOATS: bool = count_floats(P::TYPES) + count_floats(R::TYPES) > 0;

    /// The function.
    pub fn func(&self) -> &Func {
        &self.func
    }

    /// Calls it.
    ///
    /// # Errors
    /// When it traps, or a host function that it calls fails or panics.
    ///
    /// # Panics
    /// When it, or a reference among `params`, is of another store.
    #[inline]
    pub fn call(&self, store: &mut StoreInner, params: P) -> Result<R, Box<Unwind>> {
        store.check(self.func.store_id(), "a function");
        if Self::STACK_CELLS == 0 && Self::AREA_CELLS == 0 {
            return self.call_with(store, params, &mut [], &mut []);
        }
        let mut stack = [VmGlobal::default(); 16];
        let mut area = [VmGlobal::default(); 16];
        let (stack, area) = (&mut stack[..Self::STACK_CELLS], &mut area[..Self::AREA_CELLS]);
        self.call_with(store, params, words(stack), area)
    }

    #[inline(always)]
    fn call_with(
        &self,
        store: &mut StoreInner,
        params: P,
        stack: &mut [u64],
        area: &mut [VmGlobal],
    ) -> Result<R, Box<Unwind>> {
        let mut registers = Registers::new(Self::FLOATS);
        registers.set_gpr(0, self.vmctx as u64);
        if Self::AREA_CELLS > 0 {
            registers.set_gpr(1, area.as_mut_ptr() as u64);
        }
        let places = ParamPlaces::new(Self::AREA_CELLS > 0);
        params.put(store, &mut Arguments { registers: &mut registers, stack, places });
        let max_stack = store.limits().max_wasm_stack_bytes;
        // SAFETY: `typed` has compared the types, by which the arguments are laid out. The store is borrowed
        // exclusively; from here to the return it is reached by raw pointers only.
        unsafe { call_wasm(store.vm(), self.code, &mut registers, stack, max_stack)? };
        let area = (Self::AREA_CELLS > 0).then_some(&*area);
        let mut results =
            Results { registers: &registers, area, gpr: 0, fpr: 0, store: self.func.store_id() };
        // SAFETY: the results are of the function's type, which `typed` has compared.
        Ok(unsafe { R::take(&mut results) })
    }
}
