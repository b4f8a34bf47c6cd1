//! What the tests of instances share: modules described by hand, and a store to put them in.

mod calls;
mod instantiate;
mod stores;

use crate::abi::{Controller, FuncIndex, ResolveFailure};
use crate::code_memory::{CodeAddr, ModuleCode};
use crate::instance::{Extern, Module};
use crate::module::{
    ConstExpr, ConstOp, DataSegment, ElementItems, ElementMode, ElementSegment, Export, GuestBytes, Import,
    Item, ModuleDesc,
};
use crate::store::Store;
use crate::types::{FuncType, MemoryType, RefType, TableType, TypeRegistry, ValType};
use std::sync::{Arc, OnceLock};

/// A controller that has no code to give.
struct NoCode;

impl Controller for NoCode {
    fn resolve(&self, _: FuncIndex) -> Result<CodeAddr, ResolveFailure> {
        Err(ResolveFailure("there is no compiler here".into()))
    }
}

/// A guest file.
struct File(Vec<u8>);

impl GuestBytes for File {
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), String> {
        let start = offset as usize;
        let bytes = self.0.get(start..start + out.len()).ok_or("the file was truncated")?;
        out.copy_from_slice(bytes);
        Ok(())
    }
}

/// A module that is being described.
pub(crate) struct Describe {
    pub(crate) types: Arc<TypeRegistry>,
    pub(crate) desc: ModuleDesc,
    file: Vec<u8>,
}

impl Describe {
    /// An empty module for `store`.
    pub(crate) fn new<T>(store: &Store<T>) -> Describe {
        Describe { types: store.types().clone(), desc: ModuleDesc::default(), file: Vec::new() }
    }

    pub(crate) fn module(self) -> Arc<Module> {
        let imported = self.desc.func_imports;
        let code =
            ModuleCode::new(self.desc.functions.len() as u32 - imported, imported).expect("code memory");
        Module::new(Arc::new(self.desc), code, Arc::new(NoCode), Arc::new(File(self.file)), self.types, None)
    }

    fn ty(&mut self, ty: FuncType) -> u32 {
        self.desc.types.push(self.types.intern(&ty));
        self.desc.func_types.push(Arc::new(ty));
        self.desc.layouts.push(OnceLock::new());
        self.desc.types.len() as u32 - 1
    }

    /// Adds a function; imports come first.
    pub(crate) fn func(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let ty = self.ty(FuncType::new(params.iter().copied(), results.iter().copied()));
        self.desc.functions.push(ty);
        self.desc.functions.len() as u32 - 1
    }

    pub(crate) fn import(&mut self, name: &str, item: Item) {
        match item {
            Item::Func(i) => self.desc.func_imports = i + 1,
            Item::Table(i) => self.desc.table_imports = i + 1,
            Item::Memory(i) => self.desc.memory_imports = i + 1,
            Item::Global(i) => self.desc.global_imports = i + 1,
            Item::Tag(i) => self.desc.tag_imports = i + 1,
        }
        self.desc.imports.push(Import { module: "m".into(), name: name.into(), item });
    }

    pub(crate) fn export(&mut self, name: &str, item: Item) {
        self.desc.exports.push(Export { name: name.into(), item });
    }

    pub(crate) fn memory(&mut self, ty: MemoryType) -> u32 {
        self.desc.memories.push(ty);
        self.desc.memories.len() as u32 - 1
    }

    pub(crate) fn table(&mut self, ty: TableType) -> u32 {
        self.desc.tables.push(ty);
        self.desc.tables.len() as u32 - 1
    }

    pub(crate) fn data(&mut self, active: Option<(u32, i32)>, bytes: &[u8]) -> u32 {
        let start = self.file.len() as u64;
        self.file.extend(bytes);
        let active = active.map(|(memory, offset)| (memory, constant(offset)));
        self.desc.data.push(DataSegment { active, range: start..start + bytes.len() as u64 });
        self.desc.data.len() as u32 - 1
    }

    pub(crate) fn elements(&mut self, active: Option<(u32, i32)>, functions: &[u32]) -> u32 {
        let mode = match active {
            Some((table, offset)) => ElementMode::Active { table, offset: constant(offset) },
            None => ElementMode::Passive,
        };
        let items = ElementItems::Functions(functions.to_vec());
        self.desc.elements.push(ElementSegment { mode, ty: RefType::FUNCREF, items });
        self.desc.elements.len() as u32 - 1
    }
}

pub(crate) fn constant(value: i32) -> ConstExpr {
    ConstExpr(vec![ConstOp::I32(value)])
}

pub(crate) fn new_store() -> Box<Store<u32>> {
    Store::new(Arc::new(TypeRegistry::new()), 0)
}

pub(crate) fn memory32(min: u64, max: Option<u64>) -> MemoryType {
    MemoryType { min, max, memory64: false, shared: false, page_size_log2: 16 }
}

pub(crate) fn funcref_table(min: u64, max: Option<u64>) -> TableType {
    TableType { element: RefType::FUNCREF, min, max, table64: false }
}

fn memory_of(export: Option<Extern>) -> crate::memory::Memory {
    match export {
        Some(Extern::Memory(memory)) => memory,
        other => panic!("{other:?}"),
    }
}

fn table_of(export: Option<Extern>) -> crate::table::Table {
    match export {
        Some(Extern::Table(table)) => table,
        other => panic!("{other:?}"),
    }
}

fn func_of(export: Option<Extern>) -> crate::func::Func {
    match export {
        Some(Extern::Func(func)) => func,
        other => panic!("{other:?}"),
    }
}

fn global_of(export: Option<Extern>) -> crate::global::Global {
    match export {
        Some(Extern::Global(global)) => global,
        other => panic!("{other:?}"),
    }
}
