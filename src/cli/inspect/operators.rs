//! Operators as text: names and immediates as the text format has them. Knows nothing of where they stand.

use std::fmt::Write;
use wasmparser::{
    BlockType, BrTable, Catch, HeapType, Ieee32, Ieee64, MemArg, MemArgTarget, Operator, Ordering, RefType,
    ResumeTable, TryTable, V128, ValType,
};

/// An operator on one line.
pub(super) fn text(op: &Operator<'_>) -> String {
    match op {
        Operator::CallIndirect { type_index, table_index }
        | Operator::ReturnCallIndirect { type_index, table_index } => {
            let table = if *table_index == 0 { String::new() } else { format!(" {table_index}") };
            format!("{}{table} (type {type_index})", name(op))
        }
        _ => {
            let mut text = name(op);
            immediates(op, &mut text);
            text
        }
    }
}

/// What stands in the parser's name of an operator before the dot.
const GROUPS: [&str; 24] = [
    "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2", "local",
    "global", "memory", "table", "ref", "elem", "data", "struct", "array", "i31", "any", "extern", "atomic",
];

/// A name by the parser's: `visit_i32_atomic_rmw8_add_u` is `i32.atomic.rmw8.add_u`.
fn dotted(visit: &str) -> String {
    let name = visit.strip_prefix("visit_").unwrap_or(visit);
    if name.starts_with("typed_select") {
        return "select".into();
    }
    match name.split_once('_') {
        Some((group, rest)) if GROUPS.contains(&group) => match rest.strip_prefix("atomic_") {
            Some(rest) if rest.starts_with("rmw") => format!("{group}.atomic.{}", rest.replacen('_', ".", 1)),
            Some(rest) => format!("{group}.atomic.{rest}"),
            None => format!("{group}.{rest}"),
        },
        _ => name.into(),
    }
}

macro_rules! texts {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($arity:tt)*) )*) => {
        /// An operator's name.
        pub(super) fn name(op: &Operator<'_>) -> String {
            match op {
                $( Operator::$op { .. } => dotted(stringify!($visit)), )*
                other => format!("{other:?}"),
            }
        }

        /// Adds an operator's immediates.
        fn immediates(op: &Operator<'_>, out: &mut String) {
            match op {
                $( Operator::$op $({ $($arg),* })? => { $( $( $arg.add_to(out); )* )? } )*
                _ => {}
            }
        }
    };
}
wasmparser::for_each_operator!(texts);

/// Something that follows an operator's name.
trait Immediate {
    /// Adds a space and the immediate, or nothing if that says it.
    fn add_to(&self, out: &mut String);
}

/// Adds a space and a text. (Writing to a string does not fail.)
fn add(out: &mut String, text: impl std::fmt::Display) {
    let _ = write!(out, " {text}");
}

macro_rules! shown {
    ($($ty:ty)*) => {
        $( impl Immediate for $ty {
            fn add_to(&self, out: &mut String) {
                add(out, self);
            }
        } )*
    };
}
shown!(u8 u32 i32 i64 ValType RefType);

impl Immediate for Ieee32 {
    fn add_to(&self, out: &mut String) {
        match f32::from_bits(self.bits()) {
            nan if nan.is_nan() => add(out, format_args!("nan with bits {:#x}", self.bits())),
            number => add(out, number),
        }
    }
}

impl Immediate for Ieee64 {
    fn add_to(&self, out: &mut String) {
        match f64::from_bits(self.bits()) {
            nan if nan.is_nan() => add(out, format_args!("nan with bits {:#x}", self.bits())),
            number => add(out, number),
        }
    }
}

impl Immediate for V128 {
    fn add_to(&self, out: &mut String) {
        add(out, "i32x4");
        for lane in self.bytes().chunks_exact(4) {
            let lane = lane.iter().rev().fold(0_u32, |lane, byte| lane << 8 | u32::from(*byte));
            add(out, format_args!("{lane:#010x}"));
        }
    }
}

impl Immediate for [u8; 16] {
    fn add_to(&self, out: &mut String) {
        self.iter().for_each(|lane| add(out, lane));
    }
}

impl Immediate for Vec<ValType> {
    fn add_to(&self, out: &mut String) {
        self.iter().for_each(|ty| add(out, ty));
    }
}

impl Immediate for BlockType {
    fn add_to(&self, out: &mut String) {
        match self {
            BlockType::Empty => {}
            BlockType::Type(ty) => add(out, format_args!("(result {ty})")),
            BlockType::FuncType(index) => add(out, format_args!("(type {index})")),
        }
    }
}

impl Immediate for MemArg {
    fn add_to(&self, out: &mut String) {
        match self.target {
            MemArgTarget::Memory(0) => {}
            MemArgTarget::Memory(index) => add(out, index),
            MemArgTarget::Array(index) => add(out, format_args!("(type {index})")),
        }
        if self.offset != 0 {
            add(out, format_args!("offset={}", self.offset));
        }
        if self.align != self.max_align {
            add(out, format_args!("align={}", 1_u64 << (self.align & 63)));
        }
        if let Some(ordering) = self.ordering {
            add(out, format_args!("{ordering:?}"));
        }
    }
}

impl Immediate for BrTable<'_> {
    fn add_to(&self, out: &mut String) {
        self.targets().flatten().chain([self.default()]).for_each(|depth| add(out, depth));
    }
}

impl Immediate for TryTable {
    fn add_to(&self, out: &mut String) {
        self.ty.add_to(out);
        for catch in &self.catches {
            match catch {
                Catch::One { tag, label } => add(out, format_args!("(catch {tag} {label})")),
                Catch::OneRef { tag, label } => add(out, format_args!("(catch_ref {tag} {label})")),
                Catch::All { label } => add(out, format_args!("(catch_all {label})")),
                Catch::AllRef { label } => add(out, format_args!("(catch_all_ref {label})")),
            }
        }
    }
}

impl Immediate for HeapType {
    fn add_to(&self, out: &mut String) {
        match self {
            HeapType::Abstract { ty, .. } => add(out, format!("{ty:?}").to_lowercase()),
            HeapType::Concrete(index) | HeapType::Exact(index) => add(out, index),
        }
    }
}

impl Immediate for Ordering {
    fn add_to(&self, out: &mut String) {
        add(out, format_args!("{self:?}"));
    }
}

impl Immediate for ResumeTable {
    fn add_to(&self, out: &mut String) {
        add(out, format_args!("{self:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_text_format() {
        for (visit, name) in [
            ("visit_i32_add", "i32.add"),
            ("visit_local_get", "local.get"),
            ("visit_br_if", "br_if"),
            ("visit_i32_trunc_sat_f32_s", "i32.trunc_sat_f32_s"),
            ("visit_i64_atomic_rmw8_cmpxchg_u", "i64.atomic.rmw8.cmpxchg_u"),
            ("visit_i32_atomic_load16_u", "i32.atomic.load16_u"),
            ("visit_memory_atomic_notify", "memory.atomic.notify"),
            ("visit_atomic_fence", "atomic.fence"),
            ("visit_i8x16_relaxed_swizzle", "i8x16.relaxed_swizzle"),
            ("visit_typed_select", "select"),
            ("visit_return_call", "return_call"),
        ] {
            assert_eq!(dotted(visit), name);
        }
    }

    #[test]
    fn immediates_follow() {
        let memarg =
            MemArg { align: 0, max_align: 2, offset: 8, target: MemArgTarget::Memory(1), ordering: None };
        assert_eq!(text(&Operator::I32Load { memarg }), "i32.load 1 offset=8 align=1");
        assert_eq!(text(&Operator::I32Const { value: -7 }), "i32.const -7");
        assert_eq!(text(&Operator::F32Const { value: 1.5_f32.into() }), "f32.const 1.5");
        let blockty = BlockType::Type(ValType::I32);
        assert_eq!(text(&Operator::Block { blockty }), "block (result i32)");
        let op = Operator::CallIndirect { type_index: 3, table_index: 0 };
        assert_eq!(text(&op), "call_indirect (type 3)");
    }
}
