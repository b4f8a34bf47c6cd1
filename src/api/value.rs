//! Values of any type, and references to host data. Knows nothing of how values travel.

use super::raw;
use super::{AsContext, AsContextMut, ExnRef, Func, HeapType, RefType, Result, ValType};
use std::any::Any;

/// A 128-bit vector: lane 0 lies in the low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct V128(u128);

impl V128 {
    /// Its bits.
    pub fn as_u128(&self) -> u128 {
        self.0
    }
}

impl From<u128> for V128 {
    fn from(bits: u128) -> V128 {
        V128(bits)
    }
}

impl From<V128> for u128 {
    fn from(vector: V128) -> u128 {
        vector.0
    }
}

/// A WebAssembly value of any type.
#[derive(Clone, Copy, Debug)]
pub enum Val {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// A 32-bit float, by its bits.
    F32(u32),
    /// A 64-bit float, by its bits.
    F64(u64),
    /// A vector.
    V128(V128),
    /// A reference to a function, or null.
    FuncRef(Option<Func>),
    /// A reference to host data, or null.
    ExternRef(Option<Rooted<ExternRef>>),
    /// A reference to an exception, or null.
    ExnRef(Option<Rooted<ExnRef>>),
}

macro_rules! accessors {
    ($($variant:ident $get:ident $unwrap:ident $ty:ty, $v:ident => $value:expr, $what:literal;)*) => { $(
        #[doc = concat!("The value, if it is ", $what, ".")]
        pub fn $get(&self) -> Option<$ty> {
            if let Val::$variant($v) = *self { Some($value) } else { None }
        }

        #[doc = concat!("The value, which must be ", $what, ".")]
        ///
        /// # Panics
        /// When it is of another type.
        #[track_caller]
        pub fn $unwrap(&self) -> $ty {
            self.$get().expect(concat!("expected ", $what))
        }
    )* };
}

impl Val {
    accessors! {
        I32 i32 unwrap_i32 i32, v => v, "an i32";
        I64 i64 unwrap_i64 i64, v => v, "an i64";
        F32 f32 unwrap_f32 f32, v => f32::from_bits(v), "an f32";
        F64 f64 unwrap_f64 f64, v => f64::from_bits(v), "an f64";
        V128 v128 unwrap_v128 V128, v => v, "a v128";
        FuncRef func_ref unwrap_func_ref Option<Func>, v => v, "a funcref";
        ExternRef extern_ref unwrap_extern_ref Option<Rooted<ExternRef>>, v => v, "an externref";
        ExnRef exn_ref unwrap_exn_ref Option<Rooted<ExnRef>>, v => v, "an exnref";
    }

    /// The value as a reference, if it is one.
    pub fn ref_(self) -> Option<Ref> {
        match self {
            Val::FuncRef(f) => Some(Ref::Func(f)),
            Val::ExternRef(e) => Some(Ref::Extern(e)),
            Val::ExnRef(e) => Some(Ref::Exn(e)),
            _ => None,
        }
    }

    /// The null `funcref`.
    pub fn null_func_ref() -> Val {
        Val::FuncRef(None)
    }

    /// The null `externref`.
    pub fn null_extern_ref() -> Val {
        Val::ExternRef(None)
    }

    /// The zero or null of a type; `None` for references that cannot be null.
    pub fn default_for_ty(ty: &ValType) -> Option<Val> {
        Some(match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(V128(0)),
            ValType::Ref(r) => Ref::null_of(r)?.into(),
        })
    }

    /// Its type; of a reference, the narrowest that is known.
    ///
    /// # Errors
    /// None yet.
    ///
    /// # Panics
    /// When it is a reference that `store` does not own.
    pub fn ty(&self, store: impl AsContext) -> Result<ValType> {
        Ok(self.to_raw().ty(store.as_context().0))
    }

    /// Whether it may stand where a value of type `ty` is wanted.
    ///
    /// # Errors
    /// None yet.
    ///
    /// # Panics
    /// When it is a reference that `store` does not own.
    pub fn matches_ty(&self, store: impl AsContext, ty: &ValType) -> Result<bool> {
        Ok(self.to_raw().matches(store.as_context().0, *ty))
    }

    pub(crate) fn to_raw(self) -> raw::Val {
        match self {
            Val::I32(v) => raw::Val::I32(v),
            Val::I64(v) => raw::Val::I64(v),
            Val::F32(v) => raw::Val::F32(v),
            Val::F64(v) => raw::Val::F64(v),
            Val::V128(v) => raw::Val::V128(v.0),
            Val::FuncRef(v) => raw::Val::FuncRef(v.map(|f| f.0)),
            Val::ExternRef(v) => raw::Val::ExternRef(v.map(|e| e.0)),
            Val::ExnRef(v) => raw::Val::ExnRef(v.map(|e| e.0)),
        }
    }

    pub(crate) fn from_raw(raw: raw::Val) -> Val {
        match raw {
            raw::Val::I32(v) => Val::I32(v),
            raw::Val::I64(v) => Val::I64(v),
            raw::Val::F32(v) => Val::F32(v),
            raw::Val::F64(v) => Val::F64(v),
            raw::Val::V128(v) => Val::V128(V128(v)),
            raw::Val::FuncRef(v) => Val::FuncRef(v.map(Func)),
            raw::Val::ExternRef(v) => Val::ExternRef(v.map(ExternRef)),
            raw::Val::ExnRef(v) => Val::ExnRef(v.map(ExnRef)),
        }
    }
}

macro_rules! from {
    ($($ty:ty, $v:ident => $val:expr;)*) => { $(
        impl From<$ty> for Val {
            fn from($v: $ty) -> Val {
                $val
            }
        }
    )* };
}

from! {
    i32, v => Val::I32(v);
    u32, v => Val::I32(v as i32);
    i64, v => Val::I64(v);
    u64, v => Val::I64(v as i64);
    f32, v => Val::F32(v.to_bits());
    f64, v => Val::F64(v.to_bits());
    u128, v => Val::V128(V128(v));
    V128, v => Val::V128(v);
    Func, v => Val::FuncRef(Some(v));
    Option<Func>, v => Val::FuncRef(v);
    ExternRef, v => Val::ExternRef(Some(v));
    Option<ExternRef>, v => Val::ExternRef(v);
    ExnRef, v => Val::ExnRef(Some(v));
    Option<ExnRef>, v => Val::ExnRef(v);
    Ref, v => match v {
        Ref::Exn(e) => Val::ExnRef(e),
        Ref::Func(f) => Val::FuncRef(f),
        Ref::Extern(e) => Val::ExternRef(e),
    };
}

/// A reference: what tables hold.
#[derive(Clone, Copy, Debug)]
pub enum Ref {
    /// A function, or null.
    Func(Option<Func>),
    /// Host data, or null.
    Extern(Option<Rooted<ExternRef>>),
    /// An exception, or null.
    Exn(Option<Rooted<ExnRef>>),
}

impl Ref {
    /// The null of a kind of references.
    ///
    /// ```
    /// use latier::{HeapType, Ref};
    ///
    /// assert!(Ref::null(&HeapType::Func).as_func().unwrap().is_none());
    /// ```
    pub fn null(heap: &HeapType) -> Ref {
        match heap {
            HeapType::Extern | HeapType::NoExtern => Ref::Extern(None),
            heap if heap.is_exn() => Ref::Exn(None),
            _ => Ref::Func(None),
        }
    }

    fn null_of(ty: &RefType) -> Option<Ref> {
        ty.nullable.then(|| Ref::null(&ty.heap))
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Ref::Func(None) | Ref::Extern(None) | Ref::Exn(None))
    }

    /// The function or null, if it is a reference to functions.
    pub fn as_func(&self) -> Option<Option<&Func>> {
        if let Ref::Func(f) = self { Some(f.as_ref()) } else { None }
    }

    /// The host data or null, if it is a reference to host data.
    pub fn as_extern(&self) -> Option<Option<&Rooted<ExternRef>>> {
        if let Ref::Extern(e) = self { Some(e.as_ref()) } else { None }
    }

    /// The exception or null, if it is a reference to exceptions.
    pub fn as_exn(&self) -> Option<Option<&Rooted<ExnRef>>> {
        if let Ref::Exn(e) = self { Some(e.as_ref()) } else { None }
    }

    /// The function or null.
    ///
    /// # Panics
    /// When it is a reference to something else.
    #[track_caller]
    pub fn unwrap_func(&self) -> Option<&Func> {
        self.as_func().expect("expected a funcref")
    }

    /// The host data or null.
    ///
    /// # Panics
    /// When it is a reference to something else.
    #[track_caller]
    pub fn unwrap_extern(&self) -> Option<&Rooted<ExternRef>> {
        self.as_extern().expect("expected an externref")
    }

    pub(crate) fn to_raw(self) -> raw::Val {
        Val::from(self).to_raw()
    }

    pub(crate) fn from_raw(raw: raw::Val) -> Option<Ref> {
        match raw {
            raw::Val::FuncRef(f) => Some(Ref::Func(f.map(Func))),
            raw::Val::ExternRef(e) => Some(Ref::Extern(e.map(ExternRef))),
            raw::Val::ExnRef(e) => Some(Ref::Exn(e.map(ExnRef))),
            _ => None,
        }
    }
}

impl From<Func> for Ref {
    fn from(func: Func) -> Ref {
        Ref::Func(Some(func))
    }
}

impl From<ExternRef> for Ref {
    fn from(data: ExternRef) -> Ref {
        Ref::Extern(Some(data))
    }
}

/// A reference that stays valid while it is held. A store keeps all its references until it is dropped, so every
/// reference is one.
pub type Rooted<T> = T;

/// A reference to host data, an `externref`. It is a small handle: the data lives in the store, until the store is
/// dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternRef(pub(crate) raw::ExternRef);

impl ExternRef {
    /// Gives `value` to the store and returns a reference to it.
    ///
    /// # Errors
    /// None yet.
    pub fn new<T: Any + Send + Sync>(mut store: impl AsContextMut, value: T) -> Result<Rooted<ExternRef>> {
        Ok(ExternRef(store.as_context_mut().0.extern_ref(Box::new(value))))
    }

    /// The host data.
    ///
    /// # Errors
    /// None yet.
    ///
    /// # Panics
    /// When `store` does not own the reference.
    pub fn data<'a>(&self, store: &'a impl AsContext) -> Result<&'a (dyn Any + Send + Sync)> {
        Ok(self.0.data(store.as_context().0))
    }
}
