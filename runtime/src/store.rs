//! Stores: who owns everything that instances are made of, and until when. Knows nothing of what instances do.
//!
//! Nothing that a store owns but exceptions is given back before the store is dropped: instances, memories, tables,
//! globals, host functions, external references. So handles are plain copies, checked only against the store's id.
//!
//! # Who may touch a store
//!
//! Compiled code, trampolines and builtins reach the store's data by raw pointers (`VmHeader::store`), while
//! the host's frames below them hold `&mut Store<T>`. Sound, because:
//! 1. All of a store's content lies in one heap allocation that never moves, and all raw pointers come from the one
//!    that allocated it.
//! 2. A call into Wasm takes `&mut StoreInner` and turns it into a raw pointer for the whole call: the host's code
//!    can reach the store only through a host function that Wasm calls, which gets the `&mut Store<T>` made anew
//!    from the raw pointer. At each moment one of these references is in use: the innermost.
//! 3. The content is `!Unpin`, so that the compiler does not assume that such references are without alias.
//! 4. `Store<T>` and `StoreInner` are unsized: no safe code can move the content out of its place, as
//!    `mem::swap` of two stores would.

use crate::exception::{Exceptions, TagCell};
use crate::func::Signature;
use crate::global::GlobalCell;
use crate::host::HostFunc;
use crate::instance::{Instance, InstanceCell, Module};
use crate::limits::{Limiter, ResourceError, ResourceLimits};
use crate::memory::MemoryCell;
use crate::registry::ModuleToken;
use crate::shared_memory::SharedMemory;
use crate::table::TableCell;
use crate::types::{TypeId, TypeRegistry};
use crate::value::ExternRef;
use crate::vmctx::VmStore;
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomPinned;
use std::num::NonZeroU64;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which store: never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId(NonZeroU64);

impl StoreId {
    fn next() -> StoreId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        StoreId(NonZeroU64::new(id).expect("2^64 stores take longer than anyone waits"))
    }
}

/// A heap value whose address others hold as a raw pointer: unlike a `Box` it claims no exclusive access.
pub(crate) struct Stable<T>(NonNull<T>);

impl<T> Stable<T> {
    pub(crate) fn new(value: T) -> Stable<T> {
        // SAFETY: `Box::into_raw` never gives null.
        Stable(unsafe { NonNull::new_unchecked(Box::into_raw(Box::new(value))) })
    }

    pub(crate) fn as_non_null(&self) -> NonNull<T> {
        self.0
    }
}

impl<T> Drop for Stable<T> {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` in `new` and given back only here; the owner (the store, in the end) is
        // being dropped, after which no handle can reach the value.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// What every store has, whatever its data. First the part that compiled code knows.
#[repr(C)]
pub(crate) struct StoreCore {
    pub(crate) vm: VmStore,
    /// Where the store lies, as the allocation gave it: the pointer that reaches the data too.
    origin: *mut VmStore,
    pub(crate) id: StoreId,
    pub(crate) types: Arc<TypeRegistry>,
    pub(crate) limits: ResourceLimits,
    /// Taken out while it is asked.
    pub(crate) limiter: Option<Limiter>,
    pub(crate) instances: Vec<Stable<InstanceCell>>,
    pub(crate) host_funcs: Vec<Stable<HostFunc>>,
    pub(crate) memories: Vec<Stable<MemoryCell>>,
    /// Those that its instances use; others may too.
    pub(crate) shared_memories: Vec<SharedMemory>,
    pub(crate) tables: Vec<Stable<TableCell>>,
    pub(crate) globals: Vec<Stable<GlobalCell>>,
    pub(crate) tags: Vec<Arc<TagCell>>,
    pub(crate) exceptions: RefCell<Exceptions>,
    pub(crate) externs: Vec<Box<dyn Any + Send + Sync>>,
    /// Copy of the frame that was last left in the middle of a loop.
    pub(crate) osr_copy: RefCell<Vec<u64>>,
    /// Fuel beyond what fits in `vm`: nobody gets that far.
    fuel_reserve: u64,
    /// By type id: of the types that calls without a known type have met.
    signatures: Vec<Option<Arc<Signature>>>,
    _pinned: PhantomPinned,
}

impl StoreCore {
    fn new(types: Arc<TypeRegistry>) -> StoreCore {
        StoreCore {
            vm: VmStore::default(),
            origin: ptr::null_mut(),
            id: StoreId::next(),
            types,
            limits: ResourceLimits::default(),
            limiter: None,
            instances: Vec::new(),
            host_funcs: Vec::new(),
            memories: Vec::new(),
            shared_memories: Vec::new(),
            tables: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            exceptions: RefCell::default(),
            externs: Vec::new(),
            osr_copy: RefCell::default(),
            fuel_reserve: 0,
            signatures: Vec::new(),
            _pinned: PhantomPinned,
        }
    }
}

/// A store without its data's type: what most operations need. It is unsized so that it cannot be moved.
#[repr(C)]
pub struct StoreInner {
    pub(crate) core: StoreCore,
    _unsized: [()],
}

/// A store: owns instances and all they are made of, and the embedder's data.
#[repr(C)]
pub struct Store<T> {
    pub(crate) core: StoreCore,
    data: T,
    _unsized: [()],
}

/// A [`Store`] as it is allocated: the same layout with a size.
#[repr(C)]
struct Content<T> {
    core: StoreCore,
    data: T,
}

// SAFETY: the raw pointers in a store lead to what it owns itself (or to code, which any thread may run), and are
// followed only by who holds the store, so that they may go to another thread together. What it owns is Send: modules
// and host functions by their types, external references by the bound of `extern_ref`.
unsafe impl<T: Send> Send for Store<T> {}
// SAFETY: as above; by a shared reference nothing in a store changes.
unsafe impl<T: Sync> Sync for Store<T> {}
// SAFETY: as for `Store<T>`. The data behind a `StoreInner` cannot be reached through it.
unsafe impl Send for StoreInner {}
// SAFETY: as above.
unsafe impl Sync for StoreInner {}

impl<T> Store<T> {
    /// A new store. All modules that are instantiated in it must use the same registry of types.
    pub fn new(types: Arc<TypeRegistry>, data: T) -> Box<Store<T>> {
        let content = Box::into_raw(Box::new(Content { core: StoreCore::new(types), data }));
        // SAFETY: no one else has the pointer yet.
        unsafe { (*content).core.origin = content.cast() };
        // SAFETY: the pointer is of a box. `Content<T>` and `Store<T>` are repr(C) with the same fields up to a tail
        // of size 0 and alignment 1, so that their layouts, with which boxes are freed, are equal.
        unsafe { Box::from_raw(store_ptr(content)) }
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        &self.data
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.data
    }

    /// Ends the store, and gives back its data.
    pub fn into_data(self: Box<Self>) -> T {
        let content = Box::into_raw(self).cast::<Content<T>>();
        // SAFETY: the pointer is the box's that `new` made of a box of this type.
        let Content { data, .. } = *unsafe { Box::from_raw(content) };
        data
    }

    /// The store around the `VmStore` that compiled code refers to.
    ///
    /// # Safety
    /// `vm` is the first field of a live store whose data is a `T`, and no other reference to it is in use while the
    /// result is.
    pub(crate) unsafe fn from_vm<'a>(vm: *mut VmStore) -> &'a mut Store<T> {
        // SAFETY: `VmStore` is the first field of `StoreCore` and that the first of `Content<T>`, all repr(C).
        unsafe { &mut *store_ptr(vm.cast::<Content<T>>()) }
    }
}

fn store_ptr<T>(content: *mut Content<T>) -> *mut Store<T> {
    ptr::slice_from_raw_parts_mut(content.cast::<()>(), 0) as *mut Store<T>
}

fn inner_ptr(core: *mut StoreCore) -> *mut StoreInner {
    ptr::slice_from_raw_parts_mut(core.cast::<()>(), 0) as *mut StoreInner
}

impl<T> Deref for Store<T> {
    type Target = StoreInner;

    fn deref(&self) -> &StoreInner {
        // SAFETY: `StoreInner` is `StoreCore` and a tail of no size.
        unsafe { &*inner_ptr((&raw const self.core).cast_mut()) }
    }
}

impl<T> DerefMut for Store<T> {
    fn deref_mut(&mut self) -> &mut StoreInner {
        // SAFETY: as in `deref`.
        unsafe { &mut *inner_ptr(&raw mut self.core) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("id", &self.core.id).field("data", &self.data).finish_non_exhaustive()
    }
}

impl fmt::Debug for StoreInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreInner").field("id", &self.core.id).finish_non_exhaustive()
    }
}

impl StoreInner {
    /// Which store this is.
    #[inline]
    pub fn id(&self) -> StoreId {
        self.core.id
    }

    /// The function types of the engine.
    pub fn types(&self) -> &Arc<TypeRegistry> {
        &self.core.types
    }

    /// What the store may use.
    #[inline]
    pub fn limits(&self) -> &ResourceLimits {
        &self.core.limits
    }

    /// What the store may use; a change holds for what is asked for from now on.
    pub fn limits_mut(&mut self) -> &mut ResourceLimits {
        &mut self.core.limits
    }

    /// Whether `more` memories may come to the store's.
    pub(crate) fn room_for_memories(&self, more: usize) -> Result<(), ResourceError> {
        let have = self.core.memories.len() + self.core.shared_memories.len();
        room(have, more, self.core.limits.max_memories, "memories")
    }

    /// Whether `more` tables may come to the store's.
    pub(crate) fn room_for_tables(&self, more: usize) -> Result<(), ResourceError> {
        room(self.core.tables.len(), more, self.core.limits.max_tables, "tables")
    }

    /// Whether one more instance may come to the store's.
    pub(crate) fn room_for_an_instance(&self) -> Result<(), ResourceError> {
        room(self.core.instances.len(), 1, self.core.limits.max_instances, "instances")
    }

    /// Fuel that is left to code that consumes it.
    pub fn fuel(&self) -> u64 {
        self.core.fuel_reserve + u64::try_from(self.core.vm.fuel).unwrap_or(0)
    }

    /// Sets what is left. Other code than that which consumes it takes no notice.
    pub fn set_fuel(&mut self, fuel: u64) {
        self.core.vm.fuel = i64::try_from(fuel).unwrap_or(i64::MAX);
        self.core.fuel_reserve = fuel - self.core.vm.fuel as u64;
    }

    /// Gives `value` to the store and a reference to it that guests can hold. The store owns it until it is itself
    /// dropped: guests may keep such references anywhere, and nothing traces them.
    ///
    /// # Panics
    /// When the store holds 2^32 references.
    pub fn extern_ref(&mut self, value: Box<dyn Any + Send + Sync>) -> ExternRef {
        self.core.externs.push(value);
        let number = u32::try_from(self.core.externs.len()).expect("too many external references");
        ExternRef::new(self.core.id, number)
    }

    /// The instances of the store, those whose instantiation trapped included.
    pub fn instances(&self) -> impl Iterator<Item = Instance> + '_ {
        self.core.instances.iter().map(|cell| Instance::new(self.core.id, cell.as_non_null()))
    }

    /// A module of this store by its code's token, for backtraces.
    pub fn module(&self, token: ModuleToken) -> Option<&Arc<Module>> {
        self.instances().map(|i| i.module(self)).find(|m| m.code().token() == token)
    }

    /// How functions of a type are called.
    pub(crate) fn signature(&mut self, id: TypeId) -> Arc<Signature> {
        let at = id.0 as usize;
        if let Some(Some(known)) = self.core.signatures.get(at) {
            return known.clone();
        }
        let signature = Arc::new(Signature::new(self.core.types.get(id)));
        if self.core.signatures.len() <= at {
            self.core.signatures.resize(at + 1, None);
        }
        self.core.signatures[at] = Some(signature.clone());
        signature
    }

    /// The shared memory with this cell, if an instance of the store uses it.
    pub(crate) fn shared_memory(&self, cell: NonNull<MemoryCell>) -> Option<&SharedMemory> {
        self.core.shared_memories.iter().find(|memory| memory.as_non_null() == cell)
    }

    /// Has the store keep a shared memory as long as it lives itself.
    pub(crate) fn keep_shared_memory(&mut self, memory: &SharedMemory) {
        if self.shared_memory(memory.as_non_null()).is_none() {
            self.core.shared_memories.push(memory.clone());
        }
    }

    /// The part of the store that compiled code knows, by the pointer that leads to all of the store.
    #[inline]
    pub(crate) fn vm(&self) -> *mut VmStore {
        self.core.origin
    }

    /// The store of the `VmStore` that compiled code refers to.
    ///
    /// # Safety
    /// `vm` is the first field of a live store that no one changes while the result is in use.
    pub(crate) unsafe fn from_vm<'a>(vm: *mut VmStore) -> &'a StoreInner {
        // SAFETY: `VmStore` is the first field of `StoreCore`, and a `StoreInner` is that and a tail of no size.
        unsafe { &*inner_ptr(vm.cast()) }
    }

    /// The same, to change it.
    ///
    /// # Safety
    /// As [`StoreInner::from_vm`], and no other reference to it is in use while the result is.
    pub(crate) unsafe fn from_vm_mut<'a>(vm: *mut VmStore) -> &'a mut StoreInner {
        // SAFETY: as in `from_vm`.
        unsafe { &mut *inner_ptr(vm.cast()) }
    }

    /// # Panics
    /// When `id` is another store's.
    #[inline]
    pub(crate) fn check(&self, id: StoreId, what: &str) {
        if self.core.id != id {
            refuse(what);
        }
    }
}

/// # Errors
/// When there would be more than `most`.
fn room(have: usize, more: usize, most: usize, what: &str) -> Result<(), ResourceError> {
    match have + more <= most {
        true => Ok(()),
        false => Err(ResourceError(format!("more than {most} {what}"))),
    }
}

#[cold]
fn refuse(what: &str) -> ! {
    panic!("{what} was used with a store that does not own it")
}
