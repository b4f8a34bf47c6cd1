//! Anything that can be imported or exported.

use super::raw;
use super::{AsContext, ExternType, Func, Global, Memory, SharedMemory, Table, Tag};

/// A handle to something that can be imported or exported.
#[derive(Clone, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A memory that no store owns.
    SharedMemory(SharedMemory),
    /// A tag.
    Tag(Tag),
}

impl Extern {
    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        if let Extern::Func(func) = self { Some(func) } else { None }
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        if let Extern::Global(global) = self { Some(global) } else { None }
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        if let Extern::Table(table) = self { Some(table) } else { None }
    }

    /// The memory, if it is one.
    pub fn into_memory(self) -> Option<Memory> {
        if let Extern::Memory(memory) = self { Some(memory) } else { None }
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        if let Extern::SharedMemory(memory) = self { Some(memory) } else { None }
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        if let Extern::Tag(tag) = self { Some(tag) } else { None }
    }

    /// Its type.
    ///
    /// # Panics
    /// When `store` does not own it.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        match self {
            Extern::Func(func) => func.ty(store).into(),
            Extern::Global(global) => global.ty(store).into(),
            Extern::Table(table) => table.ty(store).into(),
            Extern::Memory(memory) => memory.ty(store).into(),
            Extern::SharedMemory(memory) => memory.ty().into(),
            Extern::Tag(tag) => tag.ty(store).into(),
        }
    }

    /// # Panics
    /// When `store` does not own it.
    pub(crate) fn assert_owned(&self, store: impl AsContext) {
        self.to_raw().ty(store.as_context().0);
    }

    pub(crate) fn to_raw(&self) -> raw::Extern {
        match self {
            Extern::Func(func) => raw::Extern::Func(func.0),
            Extern::Global(global) => raw::Extern::Global(global.0),
            Extern::Table(table) => raw::Extern::Table(table.0),
            Extern::Memory(memory) => raw::Extern::Memory(memory.0),
            Extern::SharedMemory(memory) => raw::Extern::SharedMemory(memory.0.clone()),
            Extern::Tag(tag) => raw::Extern::Tag(tag.0),
        }
    }

    pub(crate) fn from_raw(raw: raw::Extern) -> Extern {
        match raw {
            raw::Extern::Func(func) => Extern::Func(Func(func)),
            raw::Extern::Global(global) => Extern::Global(Global(global)),
            raw::Extern::Table(table) => Extern::Table(Table(table)),
            raw::Extern::Memory(memory) => Extern::Memory(Memory(memory)),
            raw::Extern::SharedMemory(memory) => Extern::SharedMemory(SharedMemory(memory)),
            raw::Extern::Tag(tag) => Extern::Tag(Tag(tag)),
        }
    }
}

impl From<Func> for Extern {
    fn from(func: Func) -> Extern {
        Extern::Func(func)
    }
}

impl From<Global> for Extern {
    fn from(global: Global) -> Extern {
        Extern::Global(global)
    }
}

impl From<Table> for Extern {
    fn from(table: Table) -> Extern {
        Extern::Table(table)
    }
}

impl From<Memory> for Extern {
    fn from(memory: Memory) -> Extern {
        Extern::Memory(memory)
    }
}

impl From<SharedMemory> for Extern {
    fn from(memory: SharedMemory) -> Extern {
        Extern::SharedMemory(memory)
    }
}

impl From<Tag> for Extern {
    fn from(tag: Tag) -> Extern {
        Extern::Tag(tag)
    }
}
