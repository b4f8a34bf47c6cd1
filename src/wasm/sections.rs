//! What each section says, added to the description of the module. Sections come here after validation, in order;
//! this file knows nothing of where they were read from.

use super::const_expr;
use super::data::Found;
use super::error::Error;
use super::types::{self, Types};
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::{
    ConstExpr, ConstOp, DataSegment, ElementItems, ElementMode, ElementSegment, Export, Import, Item,
    ModuleDesc,
};
use latier_runtime::types::{RefType, TypeRegistry};
use std::sync::OnceLock;
use wasmparser::{DataKind, ElementKind, ExternalKind, FromReader, SectionLimited, TableInit, TypeRef};

/// The description of a module while it is read.
pub(super) struct Contents<'r> {
    desc: ModuleDesc,
    types: Types<'r>,
}

/// A section's items, each with its offset in the file.
fn items<'a, T: FromReader<'a>>(
    section: SectionLimited<'a, T>,
) -> impl Iterator<Item = Result<(u64, T), wasmparser::BinaryReaderError>> {
    section.into_iter_with_offsets()
}

impl<'r> Contents<'r> {
    pub(super) fn new(registry: &'r TypeRegistry) -> Contents<'r> {
        Contents { desc: ModuleDesc::default(), types: Types::new(registry) }
    }

    pub(super) fn types(&mut self, section: wasmparser::TypeSectionReader<'_>) -> Result<(), Error> {
        for item in items(section) {
            let (offset, group) = item?;
            self.types.add(group, offset)?;
        }
        Ok(())
    }

    pub(super) fn imports(&mut self, section: wasmparser::ImportSectionReader<'_>) -> Result<(), Error> {
        for item in section.into_imports_with_offsets() {
            let (offset, import) = item?;
            let item = self.import(import.ty, offset)?;
            self.desc.imports.push(Import { module: import.module.into(), name: import.name.into(), item });
        }
        Ok(())
    }

    fn import(&mut self, ty: TypeRef, offset: u64) -> Result<Item, Error> {
        let desc = &mut self.desc;
        Ok(match ty {
            TypeRef::Func(ty) => {
                desc.functions.push(ty);
                desc.func_imports += 1;
                Item::Func(desc.func_imports - 1)
            }
            TypeRef::Table(ty) => {
                desc.tables.push(self.types.table(ty, offset)?);
                desc.table_imports += 1;
                Item::Table(desc.table_imports - 1)
            }
            TypeRef::Memory(ty) => {
                desc.memories.push(types::memory(ty, offset)?);
                desc.memory_imports += 1;
                Item::Memory(desc.memory_imports - 1)
            }
            TypeRef::Global(ty) => {
                desc.globals.push(self.types.global(ty, offset)?);
                desc.global_imports += 1;
                Item::Global(desc.global_imports - 1)
            }
            TypeRef::Tag(ty) => {
                desc.tags.push(ty.func_type_idx);
                desc.tag_imports += 1;
                Item::Tag(desc.tag_imports - 1)
            }
            TypeRef::FuncExact(_) => {
                return Err(Error::new(offset, "custom-descriptors is not supported yet: an exact import"));
            }
        })
    }

    pub(super) fn functions(&mut self, section: wasmparser::FunctionSectionReader<'_>) -> Result<(), Error> {
        self.desc.functions.reserve_exact(section.count() as usize);
        for ty in section {
            self.desc.functions.push(ty?);
        }
        Ok(())
    }

    pub(super) fn tables(&mut self, section: wasmparser::TableSectionReader<'_>) -> Result<(), Error> {
        for item in items(section) {
            let (offset, table) = item?;
            self.desc.tables.push(self.types.table(table.ty, offset)?);
            self.desc.table_inits.push(match &table.init {
                TableInit::RefNull => None,
                TableInit::Expr(expr) => Some(const_expr::translate(expr)?),
            });
        }
        Ok(())
    }

    pub(super) fn memories(&mut self, section: wasmparser::MemorySectionReader<'_>) -> Result<(), Error> {
        for item in items(section) {
            let (offset, ty) = item?;
            self.desc.memories.push(types::memory(ty, offset)?);
        }
        Ok(())
    }

    pub(super) fn globals(&mut self, section: wasmparser::GlobalSectionReader<'_>) -> Result<(), Error> {
        for item in items(section) {
            let (offset, global) = item?;
            self.desc.globals.push(self.types.global(global.ty, offset)?);
            self.desc.global_inits.push(const_expr::translate(&global.init_expr)?);
        }
        Ok(())
    }

    pub(super) fn tags(&mut self, section: wasmparser::TagSectionReader<'_>) -> Result<(), Error> {
        for ty in section {
            self.desc.tags.push(ty?.func_type_idx);
        }
        Ok(())
    }

    pub(super) fn exports(&mut self, section: wasmparser::ExportSectionReader<'_>) -> Result<(), Error> {
        for item in items(section) {
            let (offset, export) = item?;
            let item = match export.kind {
                ExternalKind::Func => Item::Func(export.index),
                ExternalKind::Table => Item::Table(export.index),
                ExternalKind::Memory => Item::Memory(export.index),
                ExternalKind::Global => Item::Global(export.index),
                ExternalKind::Tag => Item::Tag(export.index),
                ExternalKind::FuncExact => {
                    return Err(Error::new(
                        offset,
                        "custom-descriptors is not supported yet: an exact export",
                    ));
                }
            };
            self.desc.exports.push(Export { name: export.name.into(), item });
        }
        Ok(())
    }

    pub(super) fn start(&mut self, func: u32) {
        self.desc.start = Some(FuncIndex(func));
    }

    pub(super) fn elements(&mut self, section: wasmparser::ElementSectionReader<'_>) -> Result<(), Error> {
        for item in items(section) {
            let (offset, segment) = item?;
            let mode = match &segment.kind {
                ElementKind::Passive => ElementMode::Passive,
                ElementKind::Declared => ElementMode::Declared,
                ElementKind::Active { table_index, offset_expr } => {
                    let table = table_index.unwrap_or(0);
                    ElementMode::Active { table, offset: const_expr::translate(offset_expr)? }
                }
            };
            let (ty, items) = match segment.items {
                wasmparser::ElementItems::Functions(functions) => {
                    let functions = functions.into_iter().collect::<Result<Vec<u32>, _>>()?;
                    (RefType { nullable: false, ..RefType::FUNCREF }, ElementItems::Functions(functions))
                }
                wasmparser::ElementItems::Expressions(ty, expressions) => {
                    let expressions = expressions.into_iter().map(|expr| const_expr::translate(&expr?));
                    let expressions = expressions.collect::<Result<Vec<ConstExpr>, Error>>()?;
                    (self.types.reference(ty, offset)?, ElementItems::Expressions(expressions))
                }
            };
            self.desc.elements.push(ElementSegment { mode, ty, items });
        }
        Ok(())
    }

    /// The data segments, as they were found. The section holds those that say themselves where they go.
    pub(super) fn data(
        &mut self,
        section: wasmparser::DataSectionReader<'_>,
        segments: Vec<Found>,
    ) -> Result<(), Error> {
        self.desc.data.reserve_exact(segments.len());
        let mut shown = section.into_iter();
        for Found { range, offset } in segments {
            let active = match offset {
                Some(n) => Some((0, ConstExpr(vec![ConstOp::I32(n)]))),
                None => match shown.next().transpose()?.map(|segment| segment.kind) {
                    Some(DataKind::Active { memory_index, offset_expr }) => {
                        Some((memory_index, const_expr::translate(&offset_expr)?))
                    }
                    Some(DataKind::Passive) | None => None,
                },
            };
            self.desc.data.push(DataSegment { active, range });
        }
        Ok(())
    }

    pub(super) fn finish(self, name: Option<String>) -> ModuleDesc {
        let layouts = vec![OnceLock::new(); self.types.funcs.len()];
        ModuleDesc { name, types: self.types.ids, func_types: self.types.funcs, layouts, ..self.desc }
    }
}
