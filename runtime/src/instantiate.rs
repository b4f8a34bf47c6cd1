//! How an instance comes to be: imports are compared with what the module asks for, memories and tables allocated,
//! globals evaluated, active segments copied, in the specification's order. The start function is its caller's
//! business.

use crate::abi::TrapCode;
use crate::builtins::copy_elements;
use crate::const_expr::{Malformed, Scope};
use crate::exception::{Tag, TagCell};
use crate::host;
use crate::instance::{Extern, Instance, InstanceCell, Module};
use crate::limits::{GrowError, ResourceError};
use crate::memory::MemoryCell;
use crate::module::{ElementItems, ElementMode, Import, Item, ItemType, ModuleDesc};
use crate::segments::Segments;
use crate::shared_memory::SharedMemory;
use crate::store::{Stable, StoreInner};
use crate::table::TableCell;
use crate::types::{GlobalType, MemoryType, TableType, ValType};
use crate::vmctx::{VmFuncImport, VmGlobal};
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

/// Why a module was not instantiated.
#[derive(Debug)]
pub enum InstantiateError {
    /// An import is missing or not what the module asks for.
    Link(String),
    /// Memory or a limit does not allow it.
    Room(GrowError),
    /// An active segment is out of bounds. What segments before it wrote stays, and so does the instance, as far as
    /// tables of others refer to its functions.
    Trap(TrapCode),
    /// The guest file no longer holds what it did.
    Bytes(String),
    /// The description contradicts itself; one that was made from a valid module does not.
    Malformed,
}

impl fmt::Display for InstantiateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstantiateError::Link(text) | InstantiateError::Bytes(text) => f.write_str(text),
            InstantiateError::Room(e) => e.fmt(f),
            InstantiateError::Trap(code) => code.fmt(f),
            InstantiateError::Malformed => f.write_str("malformed module description"),
        }
    }
}

impl std::error::Error for InstantiateError {}

impl From<ResourceError> for InstantiateError {
    fn from(e: ResourceError) -> InstantiateError {
        InstantiateError::Room(e.into())
    }
}

impl From<GrowError> for InstantiateError {
    fn from(e: GrowError) -> InstantiateError {
        InstantiateError::Room(e)
    }
}

impl From<Malformed> for InstantiateError {
    fn from(Malformed: Malformed) -> InstantiateError {
        InstantiateError::Malformed
    }
}

impl StoreInner {
    /// Instantiates `module` with `imports`, one for each of the module's, in their order. The start function does
    /// not run: see [`Instance::start_func`].
    ///
    /// # Errors
    /// When an import is missing or of another type, a limit is reached, or an active segment is out of bounds.
    ///
    /// # Panics
    /// When an import is of another store, or the module of another engine.
    pub fn instantiate(
        &mut self,
        module: &Arc<Module>,
        imports: &[Extern],
    ) -> Result<Instance, InstantiateError> {
        assert!(Arc::ptr_eq(self.types(), module.types()), "a module of one engine, a store of another");
        check_order(module.desc())?;
        check_imports(self, module.desc(), imports)?;
        self.room_for_an_instance()?;
        self.room_for_memories(module.desc().memories.len() - module.desc().memory_imports as usize)?;
        self.room_for_tables(module.desc().tables.len() - module.desc().table_imports as usize)?;
        for import in imports {
            if let Extern::SharedMemory(memory) = import {
                self.keep_shared_memory(memory);
            }
        }
        let (cell, memory0) = InstanceCell::new(self, module)?;
        let pointer = cell.as_non_null();
        // SAFETY: the cell is ours, and the imports are of this store and of the types the module asks for.
        unsafe { fill_imports(self, pointer, imports) };
        // SAFETY: the cell lives to the end of this function and beyond; what is filled in from here on lies behind
        // raw pointers.
        let instance = unsafe { pointer.as_ref() };
        define_tags(self, instance);
        let memories = define_memories(self, instance, memory0)?;
        init_globals(self, instance)?;
        let tables = define_tables(self, instance)?;
        for (i, _) in module.desc().data.iter().enumerate().filter(|(_, data)| data.active.is_none()) {
            let text = |e: &str| InstantiateError::Bytes(format!("data segment {i}: {e}"));
            module.passive_data(i).map_err(text)?;
        }
        // From here on the store owns all of it, whatever fails.
        self.core.memories.extend(memories);
        self.core.tables.extend(tables);
        self.core.instances.push(cell);
        init_tables(self, instance)?;
        init_memories(self, instance)?;
        Ok(Instance::new(self.id(), pointer))
    }
}

/// Imports come in the order of their indices, as many of each kind as the description says.
fn check_order(desc: &ModuleDesc) -> Result<(), Malformed> {
    let (mut funcs, mut tables, mut memories, mut globals, mut tags) = (0, 0, 0, 0, 0);
    for import in &desc.imports {
        let (next, index) = match import.item {
            Item::Func(i) => (&mut funcs, i),
            Item::Table(i) => (&mut tables, i),
            Item::Memory(i) => (&mut memories, i),
            Item::Global(i) => (&mut globals, i),
            Item::Tag(i) => (&mut tags, i),
        };
        if *next != index {
            return Err(Malformed);
        }
        *next += 1;
    }
    let declared = (desc.func_imports, desc.table_imports, desc.memory_imports, desc.global_imports);
    if (funcs, tables, memories, globals) == declared && tags == desc.tag_imports {
        Ok(())
    } else {
        Err(Malformed)
    }
}

fn check_imports(store: &StoreInner, desc: &ModuleDesc, imports: &[Extern]) -> Result<(), InstantiateError> {
    for (i, import) in desc.imports.iter().enumerate() {
        let Some(found) = imports.get(i) else {
            let Import { module, name, .. } = import;
            return Err(InstantiateError::Link(format!("unknown import: {module:?} {name:?}")));
        };
        let expected = desc.item_type(import.item);
        if !found.satisfies(store, &expected) {
            let Import { module, name, .. } = import;
            let (expected, found) = (TypeText(&expected), found.ty(store));
            return Err(InstantiateError::Link(format!(
                "incompatible import type for {module:?} {name:?}: expected {expected}, found {}",
                TypeText(&found)
            )));
        }
    }
    if imports.len() > desc.imports.len() {
        let (have, want) = (imports.len(), desc.imports.len());
        return Err(InstantiateError::Link(format!("{have} imports given to a module that has {want}")));
    }
    Ok(())
}

/// A type in a message.
struct TypeText<'a>(&'a ItemType);

impl fmt::Display for TypeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ItemType::Func(_, ty) => ty.fmt(f),
            ItemType::Table(ty) => ty.fmt(f),
            ItemType::Memory(ty) => ty.fmt(f),
            ItemType::Global(ty) => ty.fmt(f),
            ItemType::Tag(_, ty) => write!(f, "(tag {ty})"),
        }
    }
}

impl Extern {
    /// Its type. The minimum of a memory or table is the size it has now.
    ///
    /// # Panics
    /// When it is of another store.
    pub fn ty(&self, store: &StoreInner) -> ItemType {
        match self {
            Extern::Func(f) => ItemType::Func(f.type_id(store), f.ty(store)),
            Extern::Memory(m) => ItemType::Memory(MemoryType { min: m.size(store), ..m.ty(store) }),
            Extern::SharedMemory(m) => ItemType::Memory(MemoryType { min: m.size(), ..m.ty() }),
            Extern::Table(t) => ItemType::Table(TableType { min: t.size(store), ..t.ty(store) }),
            Extern::Tag(t) => ItemType::Tag(t.type_id(store), t.ty(store).clone()),
            Extern::Global(g) => {
                store.check(g.store_id(), "a global");
                ItemType::Global(g.ty())
            }
        }
    }

    /// Whether it can be imported where a module asks for `expected` (specification, "Matching", external types).
    ///
    /// # Panics
    /// When it is of another store.
    pub fn satisfies(&self, store: &StoreInner, expected: &ItemType) -> bool {
        match (self.ty(store), expected) {
            (ItemType::Func(id, _), ItemType::Func(expected, _)) => id == *expected,
            (ItemType::Tag(id, _), ItemType::Tag(expected, _)) => id == *expected,
            (ItemType::Memory(found), ItemType::Memory(expected)) => memory_matches(&found, expected),
            (ItemType::Table(found), ItemType::Table(expected)) => table_matches(&found, expected),
            (ItemType::Global(found), ItemType::Global(expected)) => global_matches(&found, expected),
            _ => false,
        }
    }
}

fn limits_match(found: (u64, Option<u64>), expected: (u64, Option<u64>)) -> bool {
    let max_matches = match (found.1, expected.1) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(found), Some(expected)) => found <= expected,
    };
    found.0 >= expected.0 && max_matches
}

fn memory_matches(found: &MemoryType, expected: &MemoryType) -> bool {
    let shape = |ty: &MemoryType| (ty.memory64, ty.shared, ty.page_size_log2);
    shape(found) == shape(expected) && limits_match((found.min, found.max), (expected.min, expected.max))
}

fn table_matches(found: &TableType, expected: &TableType) -> bool {
    let shape = |ty: &TableType| (ty.table64, ty.element);
    shape(found) == shape(expected) && limits_match((found.min, found.max), (expected.min, expected.max))
}

fn global_matches(found: &GlobalType, expected: &GlobalType) -> bool {
    match (found.mutable, expected.mutable) {
        (true, true) => found.content == expected.content,
        (false, false) => found.content.matches(expected.content),
        _ => false,
    }
}

/// Puts the imports in the vmctx.
///
/// # Safety
/// The cell is no one else's so far. The imports are of the store and satisfy the module's.
unsafe fn fill_imports(store: &StoreInner, cell: NonNull<InstanceCell>, imports: &[Extern]) {
    // SAFETY: the cell is alive.
    let module = unsafe { cell.as_ref() }.module.clone();
    let layout = module.layout();
    for (import, desc) in imports.iter().zip(&module.desc().imports) {
        // SAFETY: the cell is alive; the reference ends before `host::import` changes the cell.
        let instance = unsafe { cell.as_ref() };
        match (import, desc.item) {
            (Extern::Func(f), Item::Func(i)) => {
                let place = instance.field::<VmFuncImport>(layout.func_import(i));
                // SAFETY: the place is the import's; record and instance are of this store.
                unsafe { place.write(host::import(store, cell, f.as_non_null())) };
            }
            // SAFETY: in each case the place is the import's.
            (Extern::Memory(m), Item::Memory(i)) => unsafe { set_memory(instance, i, m.as_non_null()) },
            // SAFETY: as above; the store keeps the memory.
            (Extern::SharedMemory(m), Item::Memory(i)) => unsafe { set_memory(instance, i, m.as_non_null()) },
            // SAFETY: as above.
            (Extern::Table(t), Item::Table(i)) => unsafe {
                instance.field::<NonNull<TableCell>>(layout.table(i)).write(t.as_non_null());
            },
            // SAFETY: as above.
            (Extern::Global(g), Item::Global(i)) => unsafe {
                instance.field::<NonNull<VmGlobal>>(layout.global(i)).write(g.cell());
            },
            // SAFETY: as above.
            (Extern::Tag(t), Item::Tag(i)) => unsafe {
                instance.field::<NonNull<TagCell>>(layout.tag(i)).write(t.cell());
            },
            _ => unreachable!("the imports satisfy the module's"),
        }
    }
}

/// Makes a memory the instance's memory `index`.
///
/// # Safety
/// The module has such a memory, of the cell's type.
unsafe fn set_memory(instance: &InstanceCell, index: u32, cell: NonNull<MemoryCell>) {
    // SAFETY: the caller's promise.
    unsafe { instance.field::<NonNull<MemoryCell>>(instance.module.layout().memory(index)).write(cell) };
    if index == 0 {
        // SAFETY: the header is the instance's. The base of a guarded memory never moves; that of another is not
        // taken from here.
        unsafe { (*instance.vmctx()).memory0_base = cell.as_ref().base() };
    }
}

fn define_tags(store: &mut StoreInner, instance: &InstanceCell) {
    let desc = instance.module.desc();
    for index in desc.tag_imports..desc.tags.len() as u32 {
        let name =
            desc.exports.iter().find(|export| export.item == Item::Tag(index)).map(|e| e.name.as_str());
        let tag = Tag::new(store, desc.types[desc.tags[index as usize] as usize], name);
        // SAFETY: the tag's place in the vmctx; no one else has the instance so far.
        unsafe { instance.field::<NonNull<TagCell>>(instance.module.layout().tag(index)).write(tag.cell()) };
    }
}

fn define_memories(
    store: &mut StoreInner,
    instance: &InstanceCell,
    mut memory0: Option<MemoryCell>,
) -> Result<Vec<Stable<MemoryCell>>, InstantiateError> {
    let desc = instance.module.desc();
    let mut made = Vec::new();
    for (index, ty) in (0u32..).zip(&desc.memories).skip(desc.memory_imports as usize) {
        let cell = if ty.shared {
            // SAFETY: the store is borrowed exclusively, and not used meanwhile.
            let memory = unsafe { SharedMemory::new_in(store.vm(), *ty) }?;
            store.keep_shared_memory(&memory);
            memory.as_non_null()
        } else {
            let cell = match memory0.take() {
                Some(memory0) => memory0,
                // SAFETY: as above.
                None => unsafe { MemoryCell::new_in(store.vm(), *ty, 0) }?,
            };
            made.push(Stable::new(cell));
            made[made.len() - 1].as_non_null()
        };
        // SAFETY: the module defines this memory, with this type.
        unsafe { set_memory(instance, index, cell) };
    }
    Ok(made)
}

fn init_globals(store: &StoreInner, instance: &InstanceCell) -> Result<(), InstantiateError> {
    let desc = instance.module.desc();
    let defined = (0u32..).zip(&desc.globals).skip(desc.global_imports as usize);
    let mut inits = desc.global_inits.iter();
    for (index, ty) in defined {
        let init = inits.next().ok_or(InstantiateError::Malformed)?;
        let value = Scope { store, instance, globals_ready: index }.evaluate(init, ty.content)?;
        // SAFETY: the global's place in the vmctx; no one else has the instance so far.
        unsafe { instance.field::<VmGlobal>(instance.module.layout().global(index)).write(value) };
    }
    Ok(())
}

fn define_tables(
    store: &mut StoreInner,
    instance: &InstanceCell,
) -> Result<Vec<Stable<TableCell>>, InstantiateError> {
    let desc = instance.module.desc();
    let mut made = Vec::new();
    let mut inits = desc.table_inits.iter();
    for (index, ty) in (0u32..).zip(&desc.tables).skip(desc.table_imports as usize) {
        let init = match inits.next().and_then(Option::as_ref) {
            Some(init) => whole_scope(store, instance).evaluate(init, ValType::Ref(ty.element))?.0[0],
            None if ty.element.nullable => 0,
            None => return Err(InstantiateError::Malformed),
        };
        // SAFETY: the store is borrowed exclusively, and not used meanwhile.
        let cell = unsafe { TableCell::new_in(store.vm(), *ty, init) }?;
        // SAFETY: the table's place in the vmctx; no one else has the instance so far.
        unsafe {
            instance
                .field::<NonNull<TableCell>>(instance.module.layout().table(index))
                .write(cell.as_non_null())
        };
        made.push(cell);
    }
    Ok(made)
}

fn whole_scope<'a>(store: &'a StoreInner, instance: &'a InstanceCell) -> Scope<'a> {
    Scope { store, instance, globals_ready: instance.module.layout().globals }
}

/// Copies the active element segments, in order, and drops them and the declared ones.
fn init_tables(store: &StoreInner, instance: &InstanceCell) -> Result<(), InstantiateError> {
    let desc = instance.module.desc();
    for (i, segment) in desc.elements.iter().enumerate() {
        match &segment.mode {
            ElementMode::Passive => continue,
            ElementMode::Declared => {}
            ElementMode::Active { table, offset } => {
                let ty = desc.tables.get(*table as usize).ok_or(InstantiateError::Malformed)?;
                let functions = matches!(segment.items, ElementItems::Functions(_));
                if !segment.ty.matches(ty.element) || (functions && !segment.ty.heap.is_func()) {
                    return Err(InstantiateError::Malformed);
                }
                let to = whole_scope(store, instance).offset(offset, ty.table64)?;
                let mut table = instance.table(*table);
                // SAFETY: the instance's table; the store is ours, and evaluation reads no tables.
                let table = unsafe { table.as_mut() };
                copy_elements(store, instance, table, i, to, 0, None)
                    .ok_or(InstantiateError::Trap(TrapCode::TableOutOfBounds))?;
            }
        }
        instance.dropped_elements[i].set(true);
    }
    Ok(())
}

/// Copies the active data segments, in order, and drops them.
fn init_memories(store: &StoreInner, instance: &InstanceCell) -> Result<(), InstantiateError> {
    let desc = instance.module.desc();
    let mut segments = Segments::new(&**instance.module.bytes(), &desc.data);
    for (i, segment) in desc.data.iter().enumerate() {
        let Some((memory, offset)) = &segment.active else { continue };
        let ty = desc.memories.get(*memory as usize).ok_or(InstantiateError::Malformed)?;
        let to = whole_scope(store, instance).offset(offset, ty.memory64)?;
        let len = segment.range.end.saturating_sub(segment.range.start);
        // SAFETY: the instance's memory, of which there are no mutable references while the store is ours.
        let place = unsafe { instance.memory(*memory).as_ref() }.place(to, len);
        let place = place.ok_or(InstantiateError::Trap(TrapCode::MemoryOutOfBounds))?;
        let text = |e: String| InstantiateError::Bytes(format!("data segment {i}: {e}"));
        if ty.shared {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(len as usize).map_err(|e| text(e.to_string()))?;
            bytes.resize(len as usize, 0);
            segments.read(i, &mut bytes).map_err(text)?;
            // SAFETY: the place is in the memory, and a vector is elsewhere.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        } else {
            // SAFETY: the place is in the memory; the store is ours, and the bytes' source cannot reach it.
            let bytes = unsafe { std::slice::from_raw_parts_mut(place, len as usize) };
            segments.read(i, bytes).map_err(text)?;
        }
        instance.dropped_data[i].set(true);
    }
    Ok(())
}
