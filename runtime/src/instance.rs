//! Modules and instances: the vmctx of an instance, its function records, and handles to what it exports. How an
//! instance comes to be is `instantiate`'s business.

use crate::abi::{Controller, FuncIndex};
use crate::attention::{Attention, Watch};
use crate::block::Block;
use crate::code_memory::ModuleCode;
use crate::exception::{Tag, TagCell};
use crate::func::Func;
use crate::global::Global;
use crate::host::HostFunc;
use crate::limits::{GrowError, ResourceError};
use crate::memory::{Memory, MemoryCell, Reservation};
use crate::module::{GuestBytes, Item, ModuleDesc};
use crate::reentry::InstanceHead;
use crate::shared_memory::SharedMemory;
use crate::store::{Stable, StoreId, StoreInner};
use crate::table::{Table, TableCell};
use crate::types::TypeRegistry;
use crate::vmctx::{HEADER_MEMORY0, VmFuncImport, VmFuncRef, VmGlobal, VmHeader, VmLayout};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

/// Bytes that were read, or why they were not.
type Bytes = Result<Box<[u8]>, String>;

/// A module that can be instantiated: its description, its code, and where both come from.
pub struct Module {
    desc: Arc<ModuleDesc>,
    code: Arc<ModuleCode>,
    controller: Arc<dyn Controller>,
    bytes: Arc<dyn GuestBytes>,
    types: Arc<TypeRegistry>,
    layout: VmLayout,
    exports: HashMap<Box<str>, Item>,
    /// Bytes of the passive data segments, by segment index; read when the module is first instantiated, so that
    /// `memory.init` cannot fail because the guest file has changed.
    passive_data: Box<[OnceLock<Bytes>]>,
    /// What wants the attention of its instances, if anything ever does.
    attention: Option<Arc<Attention>>,
}

impl Module {
    /// A module of this description. `code` has the module's defined functions, `controller` serves them, `bytes`
    /// is the guest file, `types` the engine's registry, which gave the description its type ids, `attention` what may
    /// want the attention of its instances.
    pub fn new(
        desc: Arc<ModuleDesc>,
        code: Arc<ModuleCode>,
        controller: Arc<dyn Controller>,
        bytes: Arc<dyn GuestBytes>,
        types: Arc<TypeRegistry>,
        attention: Option<Arc<Attention>>,
    ) -> Arc<Module> {
        let exports = desc.exports.iter().map(|e| (e.name.as_str().into(), e.item)).collect();
        let passive_data = desc.data.iter().map(|_| OnceLock::new()).collect();
        Arc::new(Module {
            layout: desc.layout(),
            desc,
            code,
            controller,
            bytes,
            types,
            exports,
            passive_data,
            attention,
        })
    }

    /// What it consists of.
    pub fn desc(&self) -> &Arc<ModuleDesc> {
        &self.desc
    }

    /// Its executable memory.
    pub fn code(&self) -> &Arc<ModuleCode> {
        &self.code
    }

    /// Who gives its functions code.
    pub fn controller(&self) -> &Arc<dyn Controller> {
        &self.controller
    }

    /// The guest file.
    pub fn bytes(&self) -> &Arc<dyn GuestBytes> {
        &self.bytes
    }

    /// The registry of its types.
    pub fn types(&self) -> &Arc<TypeRegistry> {
        &self.types
    }

    /// The layout of its instances' vmctx.
    pub fn layout(&self) -> &VmLayout {
        &self.layout
    }

    /// What it exports under `name`.
    pub fn export(&self, name: &str) -> Option<Item> {
        self.exports.get(name).copied()
    }

    /// The bytes of a passive data segment.
    ///
    /// # Errors
    /// When they could not be read; then never again, so that all instances see the same.
    pub(crate) fn passive_data(&self, segment: usize) -> Result<&[u8], &str> {
        let (Some(cell), Some(desc)) = (self.passive_data.get(segment), self.desc.data.get(segment)) else {
            return Err("no such data segment");
        };
        let read = || {
            let len = desc.range.end.saturating_sub(desc.range.start) as usize;
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(len).map_err(|e| e.to_string())?;
            bytes.resize(len, 0);
            self.bytes.read(desc.range.start, &mut bytes)?;
            Ok(bytes.into_boxed_slice())
        };
        cell.get_or_init(read).as_deref().map_err(String::as_str)
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.desc.name).finish_non_exhaustive()
    }
}

/// An instance in its store. The address is what `VmHeader::instance` holds.
#[repr(C)]
pub(crate) struct InstanceCell {
    /// What the re-entry path reads; its controller is the module's.
    head: InstanceHead,
    /// While it lives, the instance's attention can be had. Dropped before the vmctx, which others write to by it.
    watch: Option<Watch>,
    pub(crate) module: Arc<Module>,
    pub(crate) store: StoreId,
    vmctx: Vmctx,
    /// A `VmFuncRef` for each defined function, by its place among them; all zero until the function escapes.
    records: Block,
    /// Contexts of imported host functions that know this instance.
    pub(crate) host_imports: Vec<Stable<HostFunc>>,
    pub(crate) dropped_data: Box<[Cell<bool>]>,
    pub(crate) dropped_elements: Box<[Cell<bool>]>,
}

/// Where the vmctx of an instance is. What lies below it is laid out by the module's `VmLayout`.
struct Vmctx {
    header: NonNull<VmHeader>,
    /// It lies in a block of its own,
    _block: Option<Block>,
    /// or in the pages ahead of memory 0, which follows it.
    _reservation: Option<Arc<Reservation>>,
}

impl Vmctx {
    /// A vmctx that is all zero, ahead of `memory0` if that has room for it.
    fn new(layout: &VmLayout, memory0: Option<&MemoryCell>) -> Result<Vmctx, ResourceError> {
        if let Some(memory0) = memory0 {
            let header = memory0.base().wrapping_sub(HEADER_MEMORY0 as usize);
            return Ok(Vmctx::at(header, None, Some(memory0.reservation())));
        }
        let below = layout.bytes_below() as usize;
        let bytes = below + size_of::<VmHeader>();
        let block = Block::zeroed::<VmGlobal>(bytes.div_ceil(size_of::<VmGlobal>()))?;
        Ok(Vmctx::at(block.as_ptr().wrapping_add(below), Some(block), None))
    }

    fn at(header: *mut u8, block: Option<Block>, reservation: Option<Arc<Reservation>>) -> Vmctx {
        let header = NonNull::new(header.cast()).expect("it lies in an allocation");
        Vmctx { header, _block: block, _reservation: reservation }
    }
}

impl InstanceCell {
    /// An instance whose vmctx has a header and else is zero, and memory 0 if that follows the vmctx.
    pub(crate) fn new(
        store: &mut StoreInner,
        module: &Arc<Module>,
    ) -> Result<(Stable<InstanceCell>, Option<MemoryCell>), GrowError> {
        let ahead = module.layout.bytes_below() as usize + HEADER_MEMORY0 as usize;
        let memory0 = module.desc.memories.first().filter(|_| module.desc.memory0_follows());
        // SAFETY: the store is borrowed exclusively, and not used meanwhile.
        let memory0 = memory0.map(|ty| unsafe { MemoryCell::new_in(store.vm(), *ty, ahead) }).transpose()?;
        let desc = module.desc();
        let defined = desc.functions.len().saturating_sub(desc.func_imports as usize);
        let flags = |n: usize| (0..n).map(|_| Cell::new(false)).collect();
        let cell = Stable::new(InstanceCell {
            head: InstanceHead { controller: Arc::as_ptr(&module.controller) },
            watch: None,
            module: module.clone(),
            store: store.id(),
            vmctx: Vmctx::new(&module.layout, memory0.as_ref())?,
            records: Block::zeroed::<VmFuncRef>(defined)?,
            host_imports: Vec::new(),
            dropped_data: flags(desc.data.len()),
            dropped_elements: flags(desc.elements.len()),
        });
        let mut pointer = cell.as_non_null();
        // SAFETY: the vmctx has a header and is ours alone so far.
        unsafe {
            pointer.as_ref().vmctx().write(VmHeader {
                builtins: crate::builtins::table(),
                instance: pointer.as_ptr().cast(),
                ..VmHeader::of_host(store.vm())
            });
        }
        if let Some(attention) = &module.attention {
            // SAFETY: the cell owns the vmctx and the watch; the store outlives its cells.
            let watch = unsafe { attention.watch(pointer.as_ref().vmctx()) };
            // SAFETY: no one else has the cell yet.
            unsafe { pointer.as_mut() }.watch = Some(watch);
        }
        Ok((cell, memory0))
    }

    /// The instance that owns `vmctx`.
    ///
    /// # Safety
    /// `vmctx` is an instance's, not a host function's, and the instance is alive for `'a`.
    pub(crate) unsafe fn of<'a>(vmctx: *mut VmHeader) -> &'a InstanceCell {
        // SAFETY: an instance's header leads to its cell (`new`).
        unsafe { &*(*vmctx).instance.cast::<InstanceCell>() }
    }

    pub(crate) fn vmctx(&self) -> *mut VmHeader {
        self.vmctx.header.as_ptr()
    }

    /// A place in the vmctx, by an offset that the module's layout gave for a `T`.
    pub(crate) fn field<T>(&self, offset: i32) -> *mut T {
        debug_assert!(offset.unsigned_abs() <= self.module.layout.bytes_below());
        debug_assert!(offset + size_of::<T>() as i32 <= 0, "what lies below the header ends there");
        // SAFETY: offsets of the layout lie in what is below the header, which is as large as the layout says.
        unsafe { self.vmctx().cast::<u8>().offset(offset as isize).cast() }
    }

    /// The record of a function, which is made if it has none. `None` if there is no such function.
    pub(crate) fn record(&self, function: FuncIndex) -> Option<NonNull<VmFuncRef>> {
        let desc = self.module.desc();
        let type_index = *desc.functions.get(function.0 as usize)?;
        let Some(defined) = function.0.checked_sub(desc.func_imports) else {
            let import = self.field::<VmFuncImport>(self.module.layout.func_import(function.0));
            // SAFETY: the import's place in the vmctx, zero or filled by `instantiate`.
            return NonNull::new(unsafe { (*import).funcref });
        };
        // SAFETY: there is a record for each defined function, and `functions` has this one.
        let record = unsafe { self.records.as_ptr().cast::<VmFuncRef>().add(defined as usize) };
        // SAFETY: all zero is a valid record, so it can be read; made once, it stays as it is. Only who uses the
        // store exclusively, or is the guest that does, comes here.
        unsafe {
            if (*record).slot.is_null() {
                let code = self.module.code();
                record.write(VmFuncRef {
                    slot: code.slot_address(function) as *const usize,
                    vmctx: self.vmctx(),
                    entry: code.entry_point(function),
                    type_id: desc.types.get(type_index as usize)?.0,
                });
            }
        }
        NonNull::new(record)
    }

    /// The cell of memory `index`, which exists.
    pub(crate) fn memory(&self, index: u32) -> NonNull<MemoryCell> {
        let pointer = self.field::<*mut MemoryCell>(self.module.layout.memory(index));
        // SAFETY: `instantiate` filled it before anyone could have the instance.
        unsafe { NonNull::new_unchecked(*pointer) }
    }

    /// The cell of table `index`, which exists.
    pub(crate) fn table(&self, index: u32) -> NonNull<TableCell> {
        let pointer = self.field::<*mut TableCell>(self.module.layout.table(index));
        // SAFETY: as in `memory`.
        unsafe { NonNull::new_unchecked(*pointer) }
    }

    /// The cell of tag `index`, which exists.
    pub(crate) fn tag(&self, index: u32) -> NonNull<TagCell> {
        let pointer = self.field::<*mut TagCell>(self.module.layout.tag(index));
        // SAFETY: as in `memory`.
        unsafe { NonNull::new_unchecked(*pointer) }
    }

    /// The cell of global `index`, which exists.
    pub(crate) fn global(&self, index: u32) -> NonNull<VmGlobal> {
        let offset = self.module.layout.global(index);
        // SAFETY: as in `memory`; a defined global lies in the vmctx, at an address that is not null.
        unsafe {
            NonNull::new_unchecked(match index < self.module.layout.global_imports {
                true => *self.field::<*mut VmGlobal>(offset),
                false => self.field::<VmGlobal>(offset),
            })
        }
    }
}

/// Something that can be imported and exported.
#[derive(Clone, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A memory.
    Memory(Memory),
    /// A memory that no store owns.
    SharedMemory(SharedMemory),
    /// A table.
    Table(Table),
    /// A global.
    Global(Global),
    /// A tag.
    Tag(Tag),
}

/// An instance of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    store: StoreId,
    cell: NonNull<InstanceCell>,
}

// SAFETY: the pointer is followed only together with the store that owns the cell, borrowed as the access needs.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Instance {
    /// The handle of an instance of the store.
    pub(crate) fn new(store: StoreId, cell: NonNull<InstanceCell>) -> Instance {
        Instance { store, cell }
    }

    pub(crate) fn cell<'a>(&self, store: &'a StoreInner) -> &'a InstanceCell {
        store.check(self.store, "an instance");
        // SAFETY: the cell lives as long as its store; what changes in it is in cells of its own.
        unsafe { self.cell.as_ref() }
    }

    /// The module it is an instance of.
    pub fn module<'a>(&self, store: &'a StoreInner) -> &'a Arc<Module> {
        &self.cell(store).module
    }

    /// What it exports under `name`.
    pub fn get_export(&self, store: &mut StoreInner, name: &str) -> Option<Extern> {
        self.item(store, self.module(store).export(name)?)
    }

    /// All it exports, in the module's order.
    pub fn exports(&self, store: &mut StoreInner) -> Vec<(String, Extern)> {
        let desc = self.module(store).desc().clone();
        let exports = desc.exports.iter();
        exports.filter_map(|e| Some((e.name.clone(), self.item(store, e.item)?))).collect()
    }

    /// An item of its index spaces, if there is one.
    pub fn item(&self, store: &mut StoreInner, item: Item) -> Option<Extern> {
        let cell = self.cell(store);
        let desc = cell.module.desc();
        Some(match item {
            Item::Func(i) => Extern::Func(Func::new(self.store, cell.record(FuncIndex(i))?)),
            Item::Memory(i) => {
                let memory = cell.memory(i);
                match desc.memories.get(i as usize)?.shared {
                    true => Extern::SharedMemory(store.shared_memory(memory)?.clone()),
                    // SAFETY: it is a memory of this instance, so of this store.
                    false => Extern::Memory(unsafe { Memory::from_cell(self.store, memory) }),
                }
            }
            Item::Table(i) => {
                desc.tables.get(i as usize)?;
                // SAFETY: as above.
                Extern::Table(unsafe { Table::from_cell(self.store, cell.table(i)) })
            }
            Item::Tag(i) => {
                desc.tags.get(i as usize)?;
                // SAFETY: as above.
                Extern::Tag(unsafe { Tag::from_cell(self.store, cell.tag(i)) })
            }
            Item::Global(i) => {
                let ty = *desc.globals.get(i as usize)?;
                // SAFETY: as above; instantiation and validation see to the type.
                Extern::Global(unsafe { Global::from_cell(self.store, cell.global(i), ty) })
            }
        })
    }

    /// Function `index`, if there is one.
    pub fn func(&self, store: &mut StoreInner, index: FuncIndex) -> Option<Func> {
        Some(Func::new(self.store, self.cell(store).record(index)?))
    }

    /// The start function, which instantiation leaves to its caller to run.
    pub fn start_func(&self, store: &mut StoreInner) -> Option<Func> {
        self.func(store, self.module(store).desc().start?)
    }
}
