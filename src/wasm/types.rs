//! Types as the parser's crate reads them, turned into the types that both halves speak of. What the runtime has no
//! words for yet (structs, arrays, subtypes) is refused here.

use super::error::Error;
use latier_runtime::types::{
    FuncType, GlobalType, HeapType, MemoryType, RefType, TableType, TypeId, TypeRegistry, ValType,
};
use std::sync::Arc;
use wasmparser::{AbstractHeapType, CompositeInnerType};

/// The types of a module as far as they are read: a type may refer to those before it.
pub(super) struct Types<'r> {
    registry: &'r TypeRegistry,
    /// Engine-wide identities, by type index.
    pub(super) ids: Vec<TypeId>,
    /// The types behind them.
    pub(super) funcs: Vec<Arc<FuncType>>,
    /// How many types the recursion group has that is being read, whose types may refer to each other.
    group: usize,
}

impl<'r> Types<'r> {
    pub(super) fn new(registry: &'r TypeRegistry) -> Types<'r> {
        Types { registry, ids: Vec::new(), funcs: Vec::new(), group: 0 }
    }

    /// Adds the types of one recursion group.
    pub(super) fn add(&mut self, group: wasmparser::RecGroup, offset: u64) -> Result<(), Error> {
        let types = group.into_types();
        self.group = types.len();
        let types = types.map(|sub| self.function(&sub, offset)).collect::<Result<Vec<_>, _>>()?;
        self.group = 0;
        for id in self.registry.intern_group(&types).map(TypeId) {
            self.ids.push(id);
            self.funcs.push(self.registry.get(id));
        }
        Ok(())
    }

    fn function(&self, sub: &wasmparser::SubType, offset: u64) -> Result<FuncType, Error> {
        if !sub.is_final || !sub.supertype_idxs.is_empty() || sub.composite_type.shared {
            return Err(Error::new(offset, "GC types are not supported yet: a type with supertypes"));
        }
        let CompositeInnerType::Func(ty) = &sub.composite_type.inner else {
            return Err(Error::new(
                offset,
                "GC types are not supported yet: a type that is not of functions",
            ));
        };
        Ok(FuncType { params: self.vals(ty.params(), offset)?, results: self.vals(ty.results(), offset)? })
    }

    fn vals(&self, types: &[wasmparser::ValType], offset: u64) -> Result<Box<[ValType]>, Error> {
        types.iter().map(|ty| self.val(*ty, offset)).collect()
    }

    pub(super) fn val(&self, ty: wasmparser::ValType, offset: u64) -> Result<ValType, Error> {
        Ok(match ty {
            wasmparser::ValType::I32 => ValType::I32,
            wasmparser::ValType::I64 => ValType::I64,
            wasmparser::ValType::F32 => ValType::F32,
            wasmparser::ValType::F64 => ValType::F64,
            wasmparser::ValType::V128 => ValType::V128,
            wasmparser::ValType::Ref(ty) => ValType::Ref(self.reference(ty, offset)?),
        })
    }

    pub(super) fn reference(&self, ty: wasmparser::RefType, offset: u64) -> Result<RefType, Error> {
        Ok(RefType { nullable: ty.is_nullable(), heap: self.heap(ty.heap_type(), offset)? })
    }

    fn heap(&self, ty: wasmparser::HeapType, offset: u64) -> Result<HeapType, Error> {
        use AbstractHeapType as Abstract;
        match ty {
            wasmparser::HeapType::Abstract { shared: false, ty } => Ok(match ty {
                Abstract::Func => HeapType::Func,
                Abstract::Extern => HeapType::Extern,
                Abstract::Exn => HeapType::Exn,
                Abstract::NoFunc => HeapType::NoFunc,
                Abstract::NoExtern => HeapType::NoExtern,
                Abstract::NoExn => HeapType::NoExn,
                other => {
                    return Err(Error::new(offset, format!("GC types are not supported yet: {other:?}")));
                }
            }),
            wasmparser::HeapType::Concrete(index) => {
                // Validation has refused indices that name no type.
                let index = index.as_module_index().map(|index| index as usize);
                let known = self.ids.len();
                match index {
                    Some(index) if index < known => Ok(HeapType::Concrete(self.ids[index])),
                    Some(index) if index < known + self.group => {
                        Ok(HeapType::Concrete(TypeId::in_group((index - known) as u32)))
                    }
                    _ => Err(Error::new(offset, "unknown type")),
                }
            }
            _ => Err(Error::new(offset, "GC types are not supported yet: a shared or exact type")),
        }
    }

    pub(super) fn global(&self, ty: wasmparser::GlobalType, offset: u64) -> Result<GlobalType, Error> {
        not_shared(ty.shared, "global", offset)?;
        Ok(GlobalType { content: self.val(ty.content_type, offset)?, mutable: ty.mutable })
    }

    pub(super) fn table(&self, ty: wasmparser::TableType, offset: u64) -> Result<TableType, Error> {
        not_shared(ty.shared, "table", offset)?;
        let element = self.reference(ty.element_type, offset)?;
        Ok(TableType { element, min: ty.initial, max: ty.maximum, table64: ty.table64 })
    }
}

fn not_shared(shared: bool, what: &str, offset: u64) -> Result<(), Error> {
    let refused =
        || Error::new(offset, format!("shared-everything-threads is not supported yet: a shared {what}"));
    if shared { Err(refused()) } else { Ok(()) }
}

pub(super) fn memory(ty: wasmparser::MemoryType, offset: u64) -> Result<MemoryType, Error> {
    let page_size_log2 =
        u8::try_from(ty.page_size_log2()).map_err(|_| Error::new(offset, "invalid page size"))?;
    Ok(MemoryType {
        min: ty.initial,
        max: ty.maximum,
        memory64: ty.memory64,
        shared: ty.shared,
        page_size_log2,
    })
}
