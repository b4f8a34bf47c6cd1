//! Tags and exceptions: what a throw carries, and who owns it until when. Does not know how a throw finds its handler.
//!
//! A store owns its exceptions and gives back those that nothing can reach: whenever as many were made as it had left
//! the last time, it looks for what is reachable. Roots are globals, tables, handles of the host, and the stack from
//! here to the outermost call into Wasm. The stack is searched word by word for addresses of exceptions, so that no
//! tier has to say where in its frames references lie: a word that happens to look like one keeps an exception a
//! while longer, no more.

use crate::arch;
use crate::entry;
use crate::instance::InstanceCell;
use crate::store::{StoreCore, StoreId, StoreInner};
use crate::types::{FuncType, HeapType, TypeId, ValType};
use crate::value::Val;
use crate::vmctx::{VmException, VmGlobal};
use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

/// Exceptions that are made before the first search for reachable ones.
const FIRST_SEARCH: usize = 1 << 13;

/// A tag in its store. Its address is its identity.
#[derive(Debug)]
pub(crate) struct TagCell {
    id: TypeId,
    ty: Arc<FuncType>,
    /// What it is called in messages.
    name: Option<Box<str>>,
}

/// A tag of a store: what an exception is caught by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    store: StoreId,
    cell: NonNull<TagCell>,
}

// SAFETY: the pointer is followed only together with the store that owns the cell, borrowed as the access needs.
unsafe impl Send for Tag {}
// SAFETY: as above.
unsafe impl Sync for Tag {}

impl Tag {
    /// A new tag of the function type with this identity. Exceptions of it carry what that has as parameters.
    pub fn new(store: &mut StoreInner, id: TypeId, name: Option<&str>) -> Tag {
        let cell = TagCell { id, ty: store.types().get(id), name: name.map(Box::from) };
        let cell = Arc::new(cell);
        let pointer = NonNull::from(&*cell);
        store.core.tags.push(cell);
        Tag { store: store.id(), cell: pointer }
    }

    /// The handle of a tag.
    ///
    /// # Safety
    /// The cell is a tag of the store.
    pub(crate) unsafe fn from_cell(store: StoreId, cell: NonNull<TagCell>) -> Tag {
        Tag { store, cell }
    }

    pub(crate) fn cell(&self) -> NonNull<TagCell> {
        self.cell
    }

    fn get<'a>(&self, store: &'a StoreInner) -> &'a TagCell {
        store.check(self.store, "a tag");
        // SAFETY: the cell lives as long as its store and never changes.
        unsafe { self.cell.as_ref() }
    }

    /// Its type: the parameters are what its exceptions carry.
    pub fn ty<'a>(&self, store: &'a StoreInner) -> &'a Arc<FuncType> {
        &self.get(store).ty
    }

    /// The engine-wide identity of its type.
    pub fn type_id(&self, store: &StoreInner) -> TypeId {
        self.get(store).id
    }
}

/// An exception in its store.
#[repr(C)]
pub(crate) struct ExceptionCell {
    vm: VmException,
    len: usize,
    tag: Arc<TagCell>,
    /// Whether a host holds it by a handle: then it lives as long as the store.
    pinned: Cell<bool>,
    /// Whether the current search has reached it.
    reached: Cell<bool>,
}

// SAFETY: the cell owns what its pointers lead to. It is written to only by the guest that makes it, and its flags
// only by who holds the store; what others do with it (`Exception`) is to read its tag and its values.
unsafe impl Send for ExceptionCell {}
// SAFETY: as above.
unsafe impl Sync for ExceptionCell {}

impl ExceptionCell {
    fn new(tag: Arc<TagCell>) -> Arc<ExceptionCell> {
        let values: Box<[VmGlobal]> = tag.ty.params.iter().map(|_| VmGlobal::default()).collect();
        let len = values.len();
        let vm = VmException { tag: Arc::as_ptr(&tag).cast(), values: Box::into_raw(values).cast() };
        Arc::new(ExceptionCell { vm, len, tag, pinned: Cell::new(false), reached: Cell::new(false) })
    }

    pub(crate) fn tag(&self) -> *const TagCell {
        Arc::as_ptr(&self.tag)
    }

    fn values(&self) -> &[VmGlobal] {
        // SAFETY: `new` made it of a box of this length.
        unsafe { std::slice::from_raw_parts(self.vm.values, self.len) }
    }

    /// The exceptions that it carries.
    fn inner(&self) -> impl Iterator<Item = usize> {
        let values = self.tag.ty.params.iter().zip(self.values());
        values.filter(|(ty, _)| holds_exceptions(**ty)).map(|(_, value)| value.0[0] as usize)
    }
}

impl Drop for ExceptionCell {
    fn drop(&mut self) {
        let values = std::ptr::slice_from_raw_parts_mut(self.vm.values, self.len);
        // SAFETY: `new` made it of a box of this length, and no one else frees it.
        drop(unsafe { Box::from_raw(values) });
    }
}

/// Whether values of this type can be exceptions.
fn holds_exceptions(ty: ValType) -> bool {
    matches!(ty, ValType::Ref(r) if matches!(r.heap, HeapType::Exn))
}

/// An exception that left Wasm, or one on its way: it lives as long as this, whatever becomes of its store.
#[derive(Clone)]
pub struct Exception(pub(crate) Arc<ExceptionCell>);

impl Exception {
    /// A new exception of a tag.
    ///
    /// # Errors
    /// When there are not as many values as the tag demands, or not of its types.
    ///
    /// # Panics
    /// When the tag or a value is of another store.
    pub fn new(store: &mut StoreInner, tag: Tag, values: &[Val]) -> Result<Exception, String> {
        let ty = tag.ty(store).clone();
        let suits = values.len() == ty.params.len();
        if !suits || !values.iter().zip(&ty.params).all(|(value, ty)| value.matches(store, *ty)) {
            return Err(format!("the values of an exception do not suit its tag's type {ty}"));
        }
        // SAFETY: the tag is the store's, as `ty` has checked.
        let cell = unsafe { store.new_exception(tag.cell.as_ptr()) }.ok_or("no memory for an exception")?;
        for (n, value) in values.iter().enumerate() {
            // SAFETY: the exception is new, and has as many values as its tag's type has parameters.
            unsafe { (*cell.as_ptr()).values.add(n).write(value.to_raw()) };
        }
        // SAFETY: it is an exception of the store, just made.
        Ok(unsafe { Exception::of(cell.as_ptr()) })
    }

    /// The exception at this address.
    ///
    /// # Safety
    /// There is an exception of a live store.
    pub(crate) unsafe fn of(exception: *mut VmException) -> Exception {
        let cell = exception.cast::<ExceptionCell>().cast_const();
        // SAFETY: exceptions are made by `ExceptionCell::new`, and the store's reference keeps this one.
        unsafe {
            Arc::increment_strong_count(cell);
            Exception(Arc::from_raw(cell))
        }
    }

    /// What its tag is called, if it has a name.
    pub fn tag_name(&self) -> Option<&str> {
        self.0.tag.name.as_deref()
    }

    /// The type of its tag.
    pub fn ty(&self) -> &Arc<FuncType> {
        &self.0.tag.ty
    }

    /// Whether it is one of this tag.
    pub fn is_of(&self, tag: &Tag) -> bool {
        std::ptr::eq(self.0.tag(), tag.cell.as_ptr())
    }

    /// What it carries.
    ///
    /// # Panics
    /// When `store` does not own it.
    pub fn values(&self, store: &StoreInner) -> Vec<Val> {
        assert!(
            store.core.tags.iter().any(|tag| Arc::ptr_eq(tag, &self.0.tag)),
            "an exception of another store"
        );
        let values = self.ty().params.iter().zip(self.0.values());
        // SAFETY: they were given to it as values of these types, of the store that owns its tag.
        values.map(|(ty, raw)| unsafe { Val::from_raw(store.id(), *ty, *raw) }).collect()
    }
}

impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exception").field("tag", &self.0.tag).finish_non_exhaustive()
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tag_name() {
            Some(name) => write!(f, "uncaught exception: tag {name:?}")?,
            None => f.write_str("uncaught exception: a tag without a name")?,
        }
        for (n, (ty, value)) in self.ty().params.iter().zip(self.0.values()).enumerate() {
            f.write_str(if n == 0 { " with " } else { ", " })?;
            match ty {
                ValType::I32 => write!(f, "{ty} {}", value.0[0] as i32),
                ValType::I64 => write!(f, "{ty} {}", value.0[0] as i64),
                ValType::F32 => write!(f, "{ty} {}", f32::from_bits(value.0[0] as u32)),
                ValType::F64 => write!(f, "{ty} {}", f64::from_bits(value.0[0])),
                ValType::V128 | ValType::Ref(_) => write!(f, "{ty}"),
            }?;
        }
        Ok(())
    }
}

impl std::error::Error for Exception {}

/// A reference to an exception that a host holds; a copy of it is the same reference. The exception lives until the
/// store is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExnRef {
    store: StoreId,
    cell: NonNull<ExceptionCell>,
}

// SAFETY: the pointer is followed only together with the store that owns the cell, borrowed as the access needs.
unsafe impl Send for ExnRef {}
// SAFETY: as above.
unsafe impl Sync for ExnRef {}

impl ExnRef {
    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }

    /// The exception.
    ///
    /// # Panics
    /// When `store` is not the one it is of.
    pub fn exception(&self, store: &StoreInner) -> Exception {
        store.check(self.store, "an exception");
        // SAFETY: it is pinned, so that it lives as long as its store.
        unsafe { Exception::of(self.cell.as_ptr().cast()) }
    }

    pub(crate) fn to_raw(reference: Option<ExnRef>) -> u64 {
        reference.map_or(0, |r| r.cell.as_ptr() as u64)
    }

    /// The reference whose raw form is `raw`, if that is not 0.
    ///
    /// # Safety
    /// `raw` is 0 or the address of a live exception of the store.
    pub(crate) unsafe fn from_raw(store: StoreId, raw: u64) -> Option<ExnRef> {
        let cell = NonNull::new(raw as usize as *mut ExceptionCell)?;
        // SAFETY: the caller's promise.
        unsafe { cell.as_ref() }.pinned.set(true);
        Some(ExnRef { store, cell })
    }
}

/// The exceptions of a store.
#[derive(Default)]
pub(crate) struct Exceptions {
    cells: Vec<Arc<ExceptionCell>>,
    /// How many there are when the next search begins.
    search_at: usize,
}

impl StoreInner {
    /// A new exception whose values are zero. `None` when there is no memory for it.
    ///
    /// # Safety
    /// `tag` is a tag of this store.
    pub(crate) unsafe fn new_exception(&self, tag: *const TagCell) -> Option<NonNull<VmException>> {
        // SAFETY: the store owns its tags by such references.
        let tag = unsafe {
            Arc::increment_strong_count(tag);
            Arc::from_raw(tag)
        };
        let mut exceptions = self.core.exceptions.borrow_mut();
        if exceptions.cells.len() >= exceptions.search_at.max(FIRST_SEARCH) {
            exceptions.release_unreachable(&self.core);
        }
        exceptions.cells.try_reserve(1).ok()?;
        let cell = ExceptionCell::new(tag);
        let pointer = Arc::as_ptr(&cell).cast_mut();
        exceptions.cells.push(cell);
        NonNull::new(pointer.cast())
    }

    /// How many exceptions the store has now, reachable or not yet given back.
    pub fn exception_count(&self) -> usize {
        self.core.exceptions.borrow().cells.len()
    }
}

impl Exceptions {
    fn release_unreachable(&mut self, core: &StoreCore) {
        let mut known: Vec<usize> = self.cells.iter().map(|cell| Arc::as_ptr(cell) as usize).collect();
        known.sort_unstable();
        let mut search = Search { known, found: Vec::new() };
        for cell in &self.cells {
            cell.reached.set(false);
            if cell.pinned.get() || Arc::strong_count(cell) > 1 {
                search.word(Arc::as_ptr(cell) as usize);
            }
        }
        search.store(core);
        search.stack();
        while let Some(cell) = search.found.pop() {
            // SAFETY: `word` takes only addresses of exceptions that `self` owns.
            unsafe { &*cell }.inner().for_each(|word| search.word(word));
        }
        self.cells.retain(|cell| cell.reached.get());
        self.search_at = 2 * self.cells.len();
    }
}

/// A search for reachable exceptions.
struct Search {
    /// The addresses of all, in order.
    known: Vec<usize>,
    /// Those that were reached and whose values were not looked at yet.
    found: Vec<*const ExceptionCell>,
}

impl Search {
    /// Something that may be the address of an exception.
    fn word(&mut self, word: usize) {
        let (Some(first), Some(last)) = (self.known.first(), self.known.last()) else { return };
        if word < *first || word > *last || self.known.binary_search(&word).is_err() {
            return;
        }
        let cell = word as *const ExceptionCell;
        // SAFETY: it is the address of an exception, all of which live.
        if !unsafe { &*cell }.reached.replace(true) {
            self.found.push(cell);
        }
    }

    /// Globals and tables.
    fn store(&mut self, core: &StoreCore) {
        for instance in &core.instances {
            // SAFETY: the store's instances live as long as it.
            let instance: &InstanceCell = unsafe { instance.as_non_null().as_ref() };
            let desc = instance.module.desc();
            for (index, ty) in (0u32..).zip(&desc.globals) {
                if holds_exceptions(ty.content) {
                    // SAFETY: a global of the instance; the guest, which alone writes to it, waits for us.
                    self.word(unsafe { instance.global(index).read() }.0[0] as usize);
                }
            }
        }
        for table in &core.tables {
            // SAFETY: the store's tables live as long as it, and the guest waits for us.
            let table = unsafe { table.as_non_null().as_ref() };
            if holds_exceptions(ValType::Ref(table.ty().element)) {
                table.elements().iter().for_each(|element| self.word(*element as usize));
            }
        }
        for global in &core.globals {
            // SAFETY: a global that the host made, in the store; as above.
            self.word(unsafe { global.as_non_null().cast::<VmGlobal>().read() }.0[0] as usize);
        }
    }

    /// The stack from here to the outermost call into Wasm of this thread, and the registers that this function and
    /// its callers have not saved there.
    fn stack(&mut self) {
        let saved = arch::callee_saved();
        let end = entry::outermost_fp();
        let mut at = saved.as_ptr();
        while (at as usize) < end {
            // SAFETY: all between a local variable and the frame of a function that has not returned is this
            // thread's stack, and can be read. Volatile, as these are others' variables.
            unsafe {
                self.word(at.read_volatile());
                at = at.add(1);
            }
        }
    }
}
