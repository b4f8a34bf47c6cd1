//! A module as the executor sees it: what to allocate, import, export and initialize. Plain data; function bodies
//! are the controller's business.

use crate::abi::{CallLayout, FuncIndex};
use crate::types::{FuncType, GlobalType, MemoryType, RefType, TableType, TypeId};
use crate::vmctx::VmLayout;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Everything about a module but its code.
#[derive(Clone, Debug, Default)]
pub struct ModuleDesc {
    /// The module's own name, from the name section.
    pub name: Option<String>,
    /// The type section: engine-wide identity of each type, by type index.
    pub types: Vec<TypeId>,
    /// The types behind `types`.
    pub func_types: Vec<Arc<FuncType>>,
    /// How functions of each of these are called, as far as someone has asked.
    pub layouts: Vec<OnceLock<CallLayout>>,
    /// Imports, in order.
    pub imports: Vec<Import>,
    /// Exports, in order.
    pub exports: Vec<Export>,
    /// Type index of each function, imports first.
    pub functions: Vec<u32>,
    /// How many functions are imported.
    pub func_imports: u32,
    /// Memories, imports first.
    pub memories: Vec<MemoryType>,
    /// How many memories are imported.
    pub memory_imports: u32,
    /// Tables, imports first.
    pub tables: Vec<TableType>,
    /// How many tables are imported.
    pub table_imports: u32,
    /// Initial element of each *defined* table; null when absent.
    pub table_inits: Vec<Option<ConstExpr>>,
    /// Globals, imports first.
    pub globals: Vec<GlobalType>,
    /// How many globals are imported.
    pub global_imports: u32,
    /// Type index of each tag, imports first.
    pub tags: Vec<u32>,
    /// How many tags are imported.
    pub tag_imports: u32,
    /// Initial value of each *defined* global.
    pub global_inits: Vec<ConstExpr>,
    /// Element segments.
    pub elements: Vec<ElementSegment>,
    /// Data segments.
    pub data: Vec<DataSegment>,
    /// The start function.
    pub start: Option<FuncIndex>,
}

impl ModuleDesc {
    /// What the layout of an instance's vmctx depends on.
    pub fn layout(&self) -> VmLayout {
        VmLayout {
            func_imports: self.func_imports,
            memories: self.memories.len() as u32,
            tables: self.tables.len() as u32,
            tags: self.tags.len() as u32,
            global_imports: self.global_imports,
            globals: self.globals.len() as u32,
        }
    }

    /// Whether memory 0 follows the vmctx: its base is then a fixed distance from it
    /// ([`HEADER_MEMORY0`](crate::vmctx::HEADER_MEMORY0)). So it is if the module defines it, no other store may
    /// use it, and it never moves.
    pub fn memory0_follows(&self) -> bool {
        self.memory_imports == 0 && self.memories.first().is_some_and(|m| m.is_guarded() && !m.shared)
    }

    /// The type of function `index`.
    ///
    /// # Panics
    /// When the module has no such function.
    pub fn func_type(&self, index: FuncIndex) -> &Arc<FuncType> {
        &self.func_types[self.functions[index.0 as usize] as usize]
    }

    /// The engine-wide type identity of function `index`.
    ///
    /// # Panics
    /// When the module has no such function.
    pub fn func_type_id(&self, index: FuncIndex) -> TypeId {
        self.types[self.functions[index.0 as usize] as usize]
    }

    /// How functions of the type with this type index are called.
    ///
    /// # Panics
    /// When the module has no such type.
    #[inline]
    pub fn call_layout(&self, ty: u32) -> &CallLayout {
        self.layouts[ty as usize].get_or_init(|| CallLayout::new(&self.func_types[ty as usize]))
    }

    /// The type of tag `index`: its parameters are what an exception carries.
    ///
    /// # Panics
    /// When the module has no such tag.
    pub fn tag_type(&self, index: u32) -> &Arc<FuncType> {
        &self.func_types[self.tags[index as usize] as usize]
    }

    /// The type of an item that the module defines or imports.
    ///
    /// # Panics
    /// When the module has no such item.
    pub fn item_type(&self, item: Item) -> ItemType {
        match item {
            Item::Func(i) => {
                ItemType::Func(self.func_type_id(FuncIndex(i)), self.func_type(FuncIndex(i)).clone())
            }
            Item::Table(i) => ItemType::Table(self.tables[i as usize]),
            Item::Memory(i) => ItemType::Memory(self.memories[i as usize]),
            Item::Global(i) => ItemType::Global(self.globals[i as usize]),
            Item::Tag(i) => {
                ItemType::Tag(self.types[self.tags[i as usize] as usize], self.tag_type(i).clone())
            }
        }
    }
}

/// One import.
#[derive(Clone, Debug)]
pub struct Import {
    /// Module name.
    pub module: String,
    /// Item name.
    pub name: String,
    /// What is imported: its index is the next of its kind.
    pub item: Item,
}

/// One export.
#[derive(Clone, Debug)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What is exported.
    pub item: Item,
}

/// Something in one of a module's index spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A function.
    Func(u32),
    /// A table.
    Table(u32),
    /// A memory.
    Memory(u32),
    /// A global.
    Global(u32),
    /// A tag.
    Tag(u32),
}

/// The type of an [`Item`].
#[derive(Clone, Debug)]
pub enum ItemType {
    /// A function, with its identity and type.
    Func(TypeId, Arc<FuncType>),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag, with the identity and the type of the function type that says what its exceptions carry.
    Tag(TypeId, Arc<FuncType>),
}

/// A constant expression: a small stack program (specification, "Constant Expressions").
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConstExpr(pub Vec<ConstOp>);

/// One step of a constant expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConstOp {
    /// Push an i32.
    I32(i32),
    /// Push an i64.
    I64(i64),
    /// Push an f32, given by its bits.
    F32(u32),
    /// Push an f64, given by its bits.
    F64(u64),
    /// Push a vector, given by its bits.
    V128(u128),
    /// Push a global's value.
    GlobalGet(u32),
    /// Push a null reference.
    RefNull,
    /// Push a reference to a function.
    RefFunc(u32),
    /// `i32.add`.
    I32Add,
    /// `i32.sub`.
    I32Sub,
    /// `i32.mul`.
    I32Mul,
    /// `i64.add`.
    I64Add,
    /// `i64.sub`.
    I64Sub,
    /// `i64.mul`.
    I64Mul,
}

/// An element segment.
#[derive(Clone, Debug)]
pub struct ElementSegment {
    /// When it is used.
    pub mode: ElementMode,
    /// Type of its elements.
    pub ty: RefType,
    /// The elements.
    pub items: ElementItems,
}

/// The elements of a segment.
#[derive(Clone, Debug)]
pub enum ElementItems {
    /// Function indices.
    Functions(Vec<u32>),
    /// Constant expressions.
    Expressions(Vec<ConstExpr>),
}

impl ElementItems {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            ElementItems::Functions(items) => items.len(),
            ElementItems::Expressions(items) => items.len(),
        }
    }
}

/// When an element segment is used.
#[derive(Clone, Debug)]
pub enum ElementMode {
    /// Copied into a table at instantiation, then dropped.
    Active {
        /// The table.
        table: u32,
        /// Where in the table.
        offset: ConstExpr,
    },
    /// For `table.init`.
    Passive,
    /// Only declares functions as referenced.
    Declared,
}

/// A data segment. Its bytes stay in the guest file until they are needed.
#[derive(Clone, Debug)]
pub struct DataSegment {
    /// When it is used: `Some` for active segments (memory index and offset).
    pub active: Option<(u32, ConstExpr)>,
    /// Where its bytes lie in the guest file.
    pub range: Range<u64>,
}

/// Where the bytes of a module come from. They may be gone when they are asked for: files change.
pub trait GuestBytes: Send + Sync {
    /// Copies the bytes at `offset` to `out`.
    ///
    /// # Errors
    /// When the file no longer holds them; the text says what happened.
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), String>;
}
