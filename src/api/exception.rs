//! Tags and exceptions: what guests and hosts throw to each other.

use super::raw;
use super::{AsContext, AsContextMut, FuncType, Result, Val};
use anyhow::anyhow;
use std::fmt;

/// The type of a [`Tag`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagType(pub(crate) FuncType);

impl TagType {
    /// The type of tags whose exceptions carry what functions of type `ty` take.
    pub fn new(ty: FuncType) -> TagType {
        TagType(ty)
    }

    /// The function type: its parameters are what exceptions carry.
    pub fn ty(&self) -> &FuncType {
        &self.0
    }
}

/// A tag of a store: what exceptions are caught by. All methods panic when given another store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(pub(crate) raw::Tag);

impl Tag {
    /// A new tag, different from all others.
    ///
    /// # Errors
    /// None yet.
    pub fn new(mut store: impl AsContextMut, ty: &TagType) -> Result<Tag> {
        let store = store.as_context_mut().0;
        let id = store.types().intern(ty.0.raw());
        Ok(Tag(raw::Tag::new(store, id, None)))
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> TagType {
        TagType(FuncType::from_raw(self.0.ty(store.as_context().0).clone()))
    }
}

/// An exception. Found in the error of a call that ended because nothing caught it, by
/// `error.downcast_ref::<Exception>()`; a host function that returns one as its error throws it to the guest that
/// called it.
///
/// ```
/// use latier::{Engine, Exception, Instance, Module, Store, Val};
///
/// let engine = Engine::default();
/// let module = Module::new(
///     &engine,
///     r#"(module (tag $t (export "t") (param i32))
///         (func (export "f") (throw $t (i32.const 42))))"#,
/// )?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let f = instance.get_typed_func::<(), ()>(&mut store, "f")?;
/// let error = f.call(&mut store, ()).unwrap_err();
/// let exception = error.downcast_ref::<Exception>().expect("it was thrown");
/// assert!(matches!(exception.values(&store)[..], [Val::I32(42)]));
/// # Ok::<(), latier::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Exception(pub(crate) raw::Exception);

impl Exception {
    /// A new exception of `tag` that carries `values`.
    ///
    /// # Errors
    /// When the values do not suit the tag's type.
    ///
    /// # Panics
    /// When `store` does not own the tag or a reference in `values`.
    pub fn new(mut store: impl AsContextMut, tag: &Tag, values: &[Val]) -> Result<Exception> {
        let values: Vec<raw::Val> = values.iter().map(|value| value.to_raw()).collect();
        let exception = raw::Exception::new(store.as_context_mut().0, tag.0, &values);
        exception.map(Exception).map_err(|text| anyhow!(text))
    }

    /// Whether it is one of `tag`.
    pub fn is_of(&self, tag: &Tag) -> bool {
        self.0.is_of(&tag.0)
    }

    /// What it carries.
    ///
    /// # Panics
    /// When `store` does not own it.
    pub fn values(&self, store: impl AsContext) -> Vec<Val> {
        self.0.values(store.as_context().0).into_iter().map(Val::from_raw).collect()
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Exception {}

/// A reference to an exception that a guest gave out; a copy of it is the same reference. The exception lives until
/// its store is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExnRef(pub(crate) raw::ExnRef);

impl ExnRef {
    /// The exception.
    ///
    /// # Panics
    /// When `store` does not own it.
    pub fn exception(&self, store: impl AsContext) -> Exception {
        Exception(self.0.exception(store.as_context().0))
    }
}
