//! Values as hosts hold them, and their raw form in cells, registers and result areas. Knows stores only by their
//! ids.

use crate::exception::ExnRef;
use crate::func::Func;
use crate::store::{StoreId, StoreInner};
use crate::types::{HeapType, RefType, ValType};
use crate::vmctx::{VmFuncRef, VmGlobal};
use std::any::Any;
use std::fmt;
use std::num::NonZeroU32;
use std::ptr::NonNull;

/// A WebAssembly value. Floats are given by their bits.
#[derive(Clone, Copy, Debug)]
pub enum Val {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// 32-bit float.
    F32(u32),
    /// 64-bit float.
    F64(u64),
    /// 128-bit vector, little-endian.
    V128(u128),
    /// A function or null.
    FuncRef(Option<Func>),
    /// A reference to something of the host, or null.
    ExternRef(Option<ExternRef>),
    /// An exception or null.
    ExnRef(Option<ExnRef>),
}

impl Val {
    /// The null of a reference type, the zero of a number type.
    pub fn default_of(ty: ValType) -> Val {
        match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(0),
            ValType::Ref(r) if r.heap.is_func() => Val::FuncRef(None),
            ValType::Ref(r) if r.heap.is_exn() => Val::ExnRef(None),
            ValType::Ref(_) => Val::ExternRef(None),
        }
    }

    /// The type of the value: for references the narrowest that is known.
    pub fn ty(&self, store: &StoreInner) -> ValType {
        let reference = |nullable, heap| ValType::Ref(RefType { nullable, heap });
        match self {
            Val::I32(_) => ValType::I32,
            Val::I64(_) => ValType::I64,
            Val::F32(_) => ValType::F32,
            Val::F64(_) => ValType::F64,
            Val::V128(_) => ValType::V128,
            Val::FuncRef(None) => reference(true, HeapType::NoFunc),
            Val::FuncRef(Some(f)) => reference(false, HeapType::Concrete(f.type_id(store))),
            Val::ExternRef(None) => reference(true, HeapType::NoExtern),
            Val::ExternRef(Some(_)) => reference(false, HeapType::Extern),
            Val::ExnRef(None) => reference(true, HeapType::NoExn),
            Val::ExnRef(Some(_)) => reference(false, HeapType::Exn),
        }
    }

    /// Whether the value is one of type `ty`.
    ///
    /// # Panics
    /// When it is a reference of another store.
    pub fn matches(&self, store: &StoreInner, ty: ValType) -> bool {
        match (self, ty) {
            (Val::I32(_), ValType::I32) | (Val::I64(_), ValType::I64) => true,
            (Val::F32(_), ValType::F32) | (Val::F64(_), ValType::F64) | (Val::V128(_), ValType::V128) => true,
            (Val::FuncRef(_) | Val::ExternRef(_) | Val::ExnRef(_), ValType::Ref(expected)) => {
                self.check_store(store);
                matches!(self.ty(store), ValType::Ref(actual) if actual.matches(expected))
            }
            _ => false,
        }
    }

    fn check_store(&self, store: &StoreInner) {
        match self {
            Val::FuncRef(Some(f)) => store.check(f.store_id(), "a function"),
            Val::ExternRef(Some(r)) => store.check(r.store, "an external reference"),
            Val::ExnRef(Some(r)) => store.check(r.store_id(), "an exception"),
            _ => {}
        }
    }

    /// The value's raw form. The caller has checked with [`Val::matches`] that it belongs to the store.
    pub(crate) fn to_raw(self) -> VmGlobal {
        VmGlobal(match self {
            Val::I32(v) => [u64::from(v as u32), 0],
            Val::I64(v) => [v as u64, 0],
            Val::F32(v) => [u64::from(v), 0],
            Val::F64(v) => [v, 0],
            Val::V128(v) => [v as u64, (v >> 64) as u64],
            Val::FuncRef(f) => [Func::to_raw(f), 0],
            Val::ExternRef(r) => [ExternRef::to_raw(r), 0],
            Val::ExnRef(r) => [ExnRef::to_raw(r), 0],
        })
    }

    /// The value whose raw form is `raw`.
    ///
    /// # Safety
    /// `raw` is a value of type `ty` of the store `store`: for a function reference, null or a live record of
    /// it; for one to an exception, null or a live one.
    pub(crate) unsafe fn from_raw(store: StoreId, ty: ValType, raw: VmGlobal) -> Val {
        let [low, high] = raw.0;
        match ty {
            ValType::I32 => Val::I32(low as i32),
            ValType::I64 => Val::I64(low as i64),
            ValType::F32 => Val::F32(low as u32),
            ValType::F64 => Val::F64(low),
            ValType::V128 => Val::V128(u128::from(low) | u128::from(high) << 64),
            // SAFETY: the caller's promise.
            ValType::Ref(r) if r.heap.is_func() => Val::FuncRef(unsafe { Func::from_raw(store, low) }),
            // SAFETY: as above.
            ValType::Ref(r) if r.heap.is_exn() => Val::ExnRef(unsafe { ExnRef::from_raw(store, low) }),
            ValType::Ref(_) => Val::ExternRef(ExternRef::from_raw(store, low)),
        }
    }
}

impl Func {
    /// The raw form of a function reference: the address of its record, 0 for null.
    pub(crate) fn to_raw(func: Option<Func>) -> u64 {
        func.map_or(0, |f| f.as_non_null().as_ptr() as u64)
    }

    /// The function whose record is at `raw`, if that is not 0.
    ///
    /// # Safety
    /// `raw` is 0 or the address of a live record of the store.
    pub(crate) unsafe fn from_raw(store: StoreId, raw: u64) -> Option<Func> {
        NonNull::new(raw as usize as *mut VmFuncRef).map(|record| Func::new(store, record))
    }
}

/// A reference to something that the host gave to a store; a copy of it is the same reference. What it refers to
/// lives until the store is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExternRef {
    store: StoreId,
    number: NonZeroU32,
}

impl ExternRef {
    /// Reference `number`, counted from 1.
    pub(crate) fn new(store: StoreId, number: u32) -> ExternRef {
        ExternRef { store, number: NonZeroU32::new(number).expect("references are counted from 1") }
    }

    /// What it refers to.
    ///
    /// # Panics
    /// When `store` is not the one it is of.
    pub fn data<'a>(&self, store: &'a StoreInner) -> &'a (dyn Any + Send + Sync) {
        store.check(self.store, "an external reference");
        &*store.core.externs[self.number.get() as usize - 1]
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }

    pub(crate) fn to_raw(reference: Option<ExternRef>) -> u64 {
        reference.map_or(0, |r| u64::from(r.number.get()))
    }

    pub(crate) fn from_raw(store: StoreId, raw: u64) -> Option<ExternRef> {
        NonZeroU32::new(raw as u32).map(|number| ExternRef { store, number })
    }
}

/// A value was not of the type it had to be, or a constant was to be set. The text says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeMismatch(pub String);

impl fmt::Display for TypeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TypeMismatch {}

impl TypeMismatch {
    pub(crate) fn value(expected: impl fmt::Display) -> TypeMismatch {
        TypeMismatch(format!("type mismatch: expected a value of type {expected}"))
    }
}
