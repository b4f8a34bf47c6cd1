//! How types are written in messages: as in the text format. Knows nothing but types.

use crate::types::{FuncType, GlobalType, HeapType, MemoryType, RefType, TableType, ValType};
use std::fmt::{Display, Formatter, Result};

impl Display for ValType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(r) => r.fmt(f),
        }
    }
}

impl Display for RefType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match (self.nullable, self.heap) {
            (true, HeapType::Concrete(_)) => write!(f, "(ref null {})", self.heap),
            (true, heap) => write!(f, "{heap}ref"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}

impl Display for HeapType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            HeapType::Func => f.write_str("func"),
            HeapType::Extern => f.write_str("extern"),
            HeapType::Exn => f.write_str("exn"),
            HeapType::NoFunc => f.write_str("nofunc"),
            HeapType::NoExtern => f.write_str("noextern"),
            HeapType::NoExn => f.write_str("noexn"),
            HeapType::Concrete(id) => write!(f, "$type{}", id.0),
        }
    }
}

impl Display for FuncType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("(func")?;
        for (word, types) in [("param", &self.params), ("result", &self.results)] {
            if !types.is_empty() {
                write!(f, " ({word}")?;
                types.iter().try_for_each(|t| write!(f, " {t}"))?;
                f.write_str(")")?;
            }
        }
        f.write_str(")")
    }
}

impl Display for GlobalType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.mutable {
            true => write!(f, "(global (mut {}))", self.content),
            false => write!(f, "(global {})", self.content),
        }
    }
}

fn limits(f: &mut Formatter<'_>, wide: bool, min: u64, max: Option<u64>) -> Result {
    write!(f, "{}{min}", if wide { "i64 " } else { "" })?;
    max.map_or(Ok(()), |max| write!(f, " {max}"))
}

impl Display for TableType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("(table ")?;
        limits(f, self.table64, self.min, self.max)?;
        write!(f, " {})", self.element)
    }
}

impl Display for MemoryType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("(memory ")?;
        limits(f, self.memory64, self.min, self.max)?;
        if self.shared {
            f.write_str(" shared")?;
        }
        match self.page_size_log2 {
            16 => {}
            log2 => write!(f, " (pagesize {})", 1u64.checked_shl(u32::from(log2)).unwrap_or(0))?,
        }
        f.write_str(")")
    }
}
