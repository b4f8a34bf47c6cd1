//! The types of values and functions, as both halves speak of them, and the engine-wide registry that gives each
//! function type one identity, by recursion groups. Knows nothing of modules.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, RwLock};

/// The type of a WebAssembly value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

impl ValType {
    /// `funcref`: a nullable reference to any function.
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNCREF);
    /// `externref`: a nullable reference to anything the host has.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERNREF);

    /// Whether every value of `self` is one of `other` too.
    pub fn matches(self, other: ValType) -> bool {
        match (self, other) {
            (ValType::Ref(a), ValType::Ref(b)) => a.matches(b),
            _ => self == other,
        }
    }

    /// Whether values of this type travel in float registers.
    pub fn is_float_class(self) -> bool {
        matches!(self, ValType::F32 | ValType::F64 | ValType::V128)
    }
}

/// The type of a reference: what it may point to and whether it may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefType {
    /// Whether null is a value of the type.
    pub nullable: bool,
    /// What it points to.
    pub heap: HeapType,
}

impl RefType {
    /// `funcref`.
    pub const FUNCREF: RefType = RefType { nullable: true, heap: HeapType::Func };
    /// `externref`.
    pub const EXTERNREF: RefType = RefType { nullable: true, heap: HeapType::Extern };
    /// `exnref`.
    pub const EXNREF: RefType = RefType { nullable: true, heap: HeapType::Exn };

    /// Whether every value of `self` is one of `other` too (specification, "Matching", reference types).
    pub fn matches(self, other: RefType) -> bool {
        (other.nullable || !self.nullable) && self.heap.matches(other.heap)
    }
}

/// What a reference points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeapType {
    /// Any function.
    Func,
    /// Anything the host has.
    Extern,
    /// An exception.
    Exn,
    /// No function: the bottom of the functions.
    NoFunc,
    /// Nothing of the host.
    NoExtern,
    /// No exception.
    NoExn,
    /// A function of exactly this type.
    Concrete(TypeId),
}

impl HeapType {
    fn matches(self, other: HeapType) -> bool {
        self == other
            || matches!(
                (self, other),
                (HeapType::Concrete(_) | HeapType::NoFunc, HeapType::Func)
                    | (HeapType::NoFunc, HeapType::Concrete(_))
                    | (HeapType::NoExtern, HeapType::Extern)
                    | (HeapType::NoExn, HeapType::Exn)
            )
    }

    /// Whether this is a kind of exception.
    pub fn is_exn(self) -> bool {
        matches!(self, HeapType::Exn | HeapType::NoExn)
    }

    /// Whether this is a kind of function.
    pub fn is_func(self) -> bool {
        matches!(self, HeapType::Func | HeapType::NoFunc | HeapType::Concrete(_))
    }
}

/// The type of a function: parameters and results.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FuncType {
    /// Types of the parameters, in order.
    pub params: Box<[ValType]>,
    /// Types of the results, in order.
    pub results: Box<[ValType]>,
}

impl FuncType {
    /// A function type with these parameters and results.
    pub fn new(
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        FuncType { params: params.into_iter().collect(), results: results.into_iter().collect() }
    }

    /// The type with identities for names within a group, given the identity of the group's first type.
    fn resolved(&self, first: u32) -> FuncType {
        let resolve = |ty: &ValType| match *ty {
            ValType::Ref(RefType { nullable, heap: HeapType::Concrete(id) }) => {
                ValType::Ref(RefType { nullable, heap: HeapType::Concrete(id.resolved(first)) })
            }
            other => other,
        };
        FuncType::new(self.params.iter().map(resolve), self.results.iter().map(resolve))
    }
}

/// The type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    /// Type of its value.
    pub content: ValType,
    /// Whether it may be set.
    pub mutable: bool,
}

/// The type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    /// Type of its elements.
    pub element: RefType,
    /// Elements it starts with.
    pub min: u64,
    /// Elements it may grow to.
    pub max: Option<u64>,
    /// Whether it is indexed by 64-bit integers.
    pub table64: bool,
}

/// The type of a memory. Sizes are in pages of `1 << page_size_log2` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    /// Pages it starts with.
    pub min: u64,
    /// Pages it may grow to.
    pub max: Option<u64>,
    /// Whether it is addressed by 64-bit integers.
    pub memory64: bool,
    /// Whether several threads may use it.
    pub shared: bool,
    /// Binary logarithm of the page size in bytes: 16, or 0 with custom page sizes.
    pub page_size_log2: u8,
}

impl MemoryType {
    /// Bytes of reserved address space of a memory that needs no bounds checks: all that 32 bits can address.
    pub const RESERVATION: u64 = 1 << 32;
    /// Bytes of guard behind the reservation. An access whose static offset and size fit in it needs no check.
    pub const GUARD: u64 = 32 << 20;

    /// Whether the memory reserves all it can ever address, so that its base never moves and guard pages catch
    /// what lies outside. The one rule by which the compiler omits checks and the executor reserves.
    pub fn is_guarded(&self) -> bool {
        !self.memory64 && self.page_size_log2 == 16
    }
}

/// The identity of a function type within an engine: equal types have equal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

impl TypeId {
    /// Set in names within a group, never in identities.
    const IN_GROUP: u32 = 1 << 31;

    /// The name of type `n` of a recursion group within that group, as [`TypeRegistry::intern_group`] takes it. It is
    /// no identity of the engine's.
    pub fn in_group(n: u32) -> TypeId {
        TypeId(n | TypeId::IN_GROUP)
    }

    /// The identity, given that of the first type of the group it may name.
    fn resolved(self, first: u32) -> TypeId {
        if self.0 & TypeId::IN_GROUP == 0 { self } else { TypeId(first + (self.0 & !TypeId::IN_GROUP)) }
    }
}

/// The function types of an engine, each with its identity. Two types are the same if they are in the same place of
/// recursion groups that are the same, where a type that stands alone is a group of one (specification, "Defined
/// types"). Types are never removed: an id stays valid as long as the registry.
#[derive(Debug, Default)]
pub struct TypeRegistry {
    inner: RwLock<RegistryInner>,
}

#[derive(Debug, Default)]
struct RegistryInner {
    /// The identity of the first type of each group; those of the others follow. A group's references to its own
    /// types are by [`TypeId::in_group`], so that groups can be compared as they stand.
    groups: HashMap<Box<[FuncType]>, u32>,
    /// The types, by identity; all their references are identities.
    types: Vec<Arc<FuncType>>,
}

impl TypeRegistry {
    /// An empty registry.
    pub fn new() -> TypeRegistry {
        TypeRegistry::default()
    }

    /// The identity of `ty`, which stands alone and is registered if it is new.
    ///
    /// # Panics
    /// As [`TypeRegistry::intern_group`].
    pub fn intern(&self, ty: &FuncType) -> TypeId {
        TypeId(self.intern_group(std::slice::from_ref(ty)).start)
    }

    /// The identities of the types of a recursion group, in its order; the group is registered if it is new. Its types
    /// name one another by [`TypeId::in_group`].
    ///
    /// # Panics
    /// When 2^31 types are registered: type ids are immediates of 31 bits in machine code.
    pub fn intern_group(&self, group: &[FuncType]) -> Range<u32> {
        let count = u32::try_from(group.len()).expect("too many types");
        if let Some(first) = self.inner.read().expect("no one panics under this lock").groups.get(group) {
            return *first..first + count;
        }
        let mut inner = self.inner.write().expect("no one panics under this lock");
        let next = inner.types.len() as u32;
        let end = next.checked_add(count).filter(|end| *end <= TypeId::IN_GROUP).expect("too many types");
        if let Some(first) = inner.groups.get(group) {
            return *first..first + count;
        }
        inner.groups.insert(group.into(), next);
        inner.types.extend(group.iter().map(|ty| Arc::new(ty.resolved(next))));
        next..end
    }

    /// The type behind an id.
    ///
    /// # Panics
    /// When `id` is of another registry.
    pub fn get(&self, id: TypeId) -> Arc<FuncType> {
        self.inner.read().expect("no one panics under this lock").types[id.0 as usize].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taking(heap: HeapType) -> FuncType {
        FuncType::new([ValType::Ref(RefType { nullable: true, heap })], [])
    }

    fn own(n: u32) -> HeapType {
        HeapType::Concrete(TypeId::in_group(n))
    }

    #[test]
    fn equal_groups_are_one_and_their_types_name_identities() {
        let registry = TypeRegistry::new();
        let plain = registry.intern(&taking(HeapType::Func));
        let group = registry.intern_group(&[taking(own(1)), taking(own(0))]);
        assert_eq!(group, 1..3);
        assert_eq!(registry.intern_group(&[taking(own(1)), taking(own(0))]), group);
        assert_eq!(*registry.get(TypeId(1)), taking(HeapType::Concrete(TypeId(2))));
        assert_eq!(*registry.get(TypeId(2)), taking(HeapType::Concrete(TypeId(1))));
        assert_eq!(registry.intern_group(&[taking(HeapType::Func)]).start, plain.0);
    }

    #[test]
    fn a_type_is_another_one_in_another_group() {
        let registry = TypeRegistry::new();
        let alone = registry.intern(&taking(own(0)));
        let both = registry.intern_group(&[taking(own(0)), taking(own(0))]);
        assert!(!both.contains(&alone.0) && both.len() == 2);
        assert_eq!(registry.intern(&taking(own(0))), alone);
        let named = registry.intern(&taking(HeapType::Concrete(alone)));
        assert_ne!(named, alone, "what takes the recursive type is not the recursive type");
    }
}
