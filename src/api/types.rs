//! The types of items as the embedder sees them. Knows nothing of values, stores or modules.

use super::{Engine, Result, TagType};
use anyhow::ensure;
use latier_runtime::module::ItemType;
use latier_runtime::types;
use std::fmt;
use std::sync::Arc;

pub use latier_runtime::types::{HeapType, RefType, ValType};

/// The type of a function: its parameters and results. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FuncType(Arc<types::FuncType>);

impl FuncType {
    /// A function type with these parameters and results. Types that name other types belong to `engine`.
    pub fn new(
        _engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        FuncType(Arc::new(types::FuncType::new(params, results)))
    }

    pub(crate) fn from_raw(ty: Arc<types::FuncType>) -> FuncType {
        FuncType(ty)
    }

    pub(crate) fn raw(&self) -> &types::FuncType {
        &self.0
    }

    /// Types of the parameters, in order.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.0.params.iter().copied()
    }

    /// Type of the parameter at `index`, counted from 0.
    pub fn param(&self, index: usize) -> Option<ValType> {
        self.0.params.get(index).copied()
    }

    /// Types of the results, in order.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.0.results.iter().copied()
    }

    /// Type of the result at `index`, counted from 0.
    pub fn result(&self, index: usize) -> Option<ValType> {
        self.0.results.get(index).copied()
    }

    /// Whether a function of this type may stand where one of type `other` is wanted.
    pub fn matches(&self, other: &FuncType) -> bool {
        self == other
    }
}

impl fmt::Display for FuncType {
    /// The text format: `(func (param i32 i64) (result f32))`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a global may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutability {
    /// It keeps its first value.
    Const,
    /// It may be set.
    Var,
}

/// The type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType(pub(crate) types::GlobalType);

impl GlobalType {
    /// A global of values of type `content`.
    pub fn new(content: ValType, mutability: Mutability) -> GlobalType {
        GlobalType(types::GlobalType { content, mutable: mutability == Mutability::Var })
    }

    /// Type of its value.
    pub fn content(&self) -> &ValType {
        &self.0.content
    }

    /// Whether it may be set.
    pub fn mutability(&self) -> Mutability {
        if self.0.mutable { Mutability::Var } else { Mutability::Const }
    }
}

/// The type of a table. Sizes are in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableType(pub(crate) types::TableType);

impl TableType {
    /// A table of at least `min` and at most `max` elements, indexed by 32-bit integers.
    pub fn new(element: RefType, min: u32, max: Option<u32>) -> TableType {
        let max = max.map(u64::from);
        TableType(types::TableType { element, min: min.into(), max, table64: false })
    }

    /// A table of at least `min` and at most `max` elements, indexed by 64-bit integers.
    pub fn new64(element: RefType, min: u64, max: Option<u64>) -> TableType {
        TableType(types::TableType { element, min, max, table64: true })
    }

    /// Type of the elements.
    pub fn element(&self) -> &RefType {
        &self.0.element
    }

    /// Elements it starts with.
    pub fn minimum(&self) -> u64 {
        self.0.min
    }

    /// Elements it may grow to; `None` when nothing but its index type limits it.
    pub fn maximum(&self) -> Option<u64> {
        self.0.max
    }

    /// Whether it is indexed by 64-bit integers.
    pub fn is_64(&self) -> bool {
        self.0.table64
    }
}

/// The type of a memory. Sizes are in pages of [`MemoryType::page_size`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType(pub(crate) types::MemoryType);

impl MemoryType {
    /// A memory of at least `min` and at most `max` pages of 64 KiB, addressed by 32-bit integers.
    pub fn new(min: u32, max: Option<u32>) -> MemoryType {
        let max = max.map(u64::from);
        let (memory64, shared, page_size_log2) = (false, false, 16);
        MemoryType(types::MemoryType { min: min.into(), max, memory64, shared, page_size_log2 })
    }

    /// A memory of at least `min` and at most `max` pages of 64 KiB, addressed by 64-bit integers.
    pub fn new64(min: u64, max: Option<u64>) -> MemoryType {
        MemoryType(types::MemoryType { min, max, memory64: true, shared: false, page_size_log2: 16 })
    }

    /// A shared memory of at least `min` and at most `max` pages of 64 KiB, addressed by 32-bit integers.
    pub fn shared(min: u32, max: u32) -> MemoryType {
        MemoryType(types::MemoryType { shared: true, ..MemoryType::new(min, Some(max)).0 })
    }

    /// Whether it is addressed by 64-bit integers.
    pub fn is_64(&self) -> bool {
        self.0.memory64
    }

    /// Whether several threads may use it.
    pub fn is_shared(&self) -> bool {
        self.0.shared
    }

    /// Pages it starts with.
    pub fn minimum(&self) -> u64 {
        self.0.min
    }

    /// Pages it may grow to; `None` when nothing but its address type limits it.
    pub fn maximum(&self) -> Option<u64> {
        self.0.max
    }

    /// Bytes of a page: 65536, or 1 with custom page sizes.
    pub fn page_size(&self) -> u64 {
        1 << self.0.page_size_log2
    }

    /// Log2 of [`MemoryType::page_size`].
    pub fn page_size_log2(&self) -> u8 {
        self.0.page_size_log2
    }
}

/// Builds a [`MemoryType`] of any shape: no page to start with, no maximum, pages of 64 KiB, addressed by 32-bit integers
/// and not shared, unless it is said.
///
/// ```
/// use latier::MemoryTypeBuilder;
///
/// let ty = MemoryTypeBuilder::new().min(10).max(Some(100)).page_size_log2(0).build()?;
/// assert_eq!((ty.minimum(), ty.maximum(), ty.page_size()), (10, Some(100), 1));
/// # Ok::<(), latier::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MemoryTypeBuilder(types::MemoryType);

impl Default for MemoryTypeBuilder {
    fn default() -> MemoryTypeBuilder {
        MemoryTypeBuilder(MemoryType::new(0, None).0)
    }
}

impl MemoryTypeBuilder {
    /// What says nothing yet.
    pub fn new() -> MemoryTypeBuilder {
        MemoryTypeBuilder::default()
    }

    /// Pages it starts with.
    pub fn min(&mut self, pages: u64) -> &mut Self {
        self.0.min = pages;
        self
    }

    /// Pages it may grow to.
    pub fn max(&mut self, pages: Option<u64>) -> &mut Self {
        self.0.max = pages;
        self
    }

    /// Whether it is addressed by 64-bit integers.
    pub fn memory64(&mut self, memory64: bool) -> &mut Self {
        self.0.memory64 = memory64;
        self
    }

    /// Whether several threads may use it.
    pub fn shared(&mut self, shared: bool) -> &mut Self {
        self.0.shared = shared;
        self
    }

    /// Log2 of the bytes of a page: 16, or 0 with custom page sizes.
    pub fn page_size_log2(&mut self, log2: u8) -> &mut Self {
        self.0.page_size_log2 = log2;
        self
    }

    /// The type.
    ///
    /// # Errors
    /// When no memory can be of it: of other page sizes, with a minimum above the maximum, with more than can be addressed,
    /// or shared without a maximum.
    pub fn build(&self) -> Result<MemoryType> {
        let ty = self.0;
        ensure!(
            matches!(ty.page_size_log2, 0 | 16),
            "pages of 2^{} bytes: only 1 and 65536",
            ty.page_size_log2
        );
        ensure!(ty.max.is_none_or(|max| ty.min <= max), "minimum page size cannot be bigger than maximum");
        ensure!(!ty.shared || ty.max.is_some(), "shared memories must have a maximum size");
        let addressable = (if ty.memory64 { 1_u128 << 64 } else { 1 << 32 }) >> ty.page_size_log2;
        let most = u128::from(ty.max.unwrap_or(ty.min));
        ensure!(most <= addressable, "{most} pages are more than can be addressed");
        Ok(MemoryType(ty))
    }
}

/// The type of something that can be imported or exported.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A global.
    Global(GlobalType),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A tag.
    Tag(TagType),
}

impl ExternType {
    pub(crate) fn from_raw(ty: ItemType) -> ExternType {
        match ty {
            ItemType::Func(_, ty) => ExternType::Func(FuncType(ty)),
            ItemType::Global(ty) => ExternType::Global(GlobalType(ty)),
            ItemType::Table(ty) => ExternType::Table(TableType(ty)),
            ItemType::Memory(ty) => ExternType::Memory(MemoryType(ty)),
            ItemType::Tag(_, ty) => ExternType::Tag(TagType(FuncType(ty))),
        }
    }

    /// The function type, if it is one.
    pub fn func(&self) -> Option<&FuncType> {
        if let ExternType::Func(ty) = self { Some(ty) } else { None }
    }

    /// The global type, if it is one.
    pub fn global(&self) -> Option<&GlobalType> {
        if let ExternType::Global(ty) = self { Some(ty) } else { None }
    }

    /// The table type, if it is one.
    pub fn table(&self) -> Option<&TableType> {
        if let ExternType::Table(ty) = self { Some(ty) } else { None }
    }

    /// The memory type, if it is one.
    pub fn memory(&self) -> Option<&MemoryType> {
        if let ExternType::Memory(ty) = self { Some(ty) } else { None }
    }

    /// The tag type, if it is one.
    pub fn tag(&self) -> Option<&TagType> {
        if let ExternType::Tag(ty) = self { Some(ty) } else { None }
    }
}

impl From<FuncType> for ExternType {
    fn from(ty: FuncType) -> ExternType {
        ExternType::Func(ty)
    }
}

impl From<GlobalType> for ExternType {
    fn from(ty: GlobalType) -> ExternType {
        ExternType::Global(ty)
    }
}

impl From<TableType> for ExternType {
    fn from(ty: TableType) -> ExternType {
        ExternType::Table(ty)
    }
}

impl From<MemoryType> for ExternType {
    fn from(ty: MemoryType) -> ExternType {
        ExternType::Memory(ty)
    }
}

impl From<TagType> for ExternType {
    fn from(ty: TagType) -> ExternType {
        ExternType::Tag(ty)
    }
}

/// An import of a module.
#[derive(Clone, Debug)]
pub struct ImportType<'a> {
    pub(crate) module: &'a str,
    pub(crate) name: &'a str,
    pub(crate) ty: ExternType,
}

impl<'a> ImportType<'a> {
    /// Name of the module it is imported from.
    pub fn module(&self) -> &'a str {
        self.module
    }

    /// Its name in that module.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// What is imported.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}

/// An export of a module.
#[derive(Clone, Debug)]
pub struct ExportType<'a> {
    pub(crate) name: &'a str,
    pub(crate) ty: ExternType,
}

impl<'a> ExportType<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// What is exported.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}
