//! What an engine says about a module: values, traps, and what is left at the end, in words that all engines share.
//! Knows no engine.

use std::fmt;

/// A value, by its bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An i32.
    I32(i32),
    /// An i64.
    I64(i64),
    /// An f32's bits.
    F32(u32),
    /// An f64's bits.
    F64(u64),
    /// A vector's bits.
    V128(u128),
    /// The null reference of whatever type is expected.
    Null,
    /// Some reference; which one cannot be compared between engines.
    Reference,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::I32(v) => write!(f, "i32 {v}"),
            Value::I64(v) => write!(f, "i64 {v}"),
            Value::F32(bits) => write!(f, "f32 {:?} ({bits:#x})", f32::from_bits(*bits)),
            Value::F64(bits) => write!(f, "f64 {:?} ({bits:#x})", f64::from_bits(*bits)),
            Value::V128(bits) => write!(f, "v128 {bits:#x}"),
            Value::Null => f.write_str("null"),
            Value::Reference => f.write_str("a reference"),
        }
    }
}

/// Why a guest stopped, as far as engines agree on names for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// `unreachable`.
    Unreachable,
    /// Outside of a memory or a data segment.
    Memory,
    /// Outside of a table or an element segment.
    Table,
    /// A call of a null reference, or another use of one.
    Null,
    /// An indirect call of a function of another type.
    Signature,
    /// An integer that does not fit.
    Overflow,
    /// Integer division by zero.
    DivisionByZero,
    /// NaN converted to an integer.
    Conversion,
    /// An atomic access that is not aligned.
    Unaligned,
    /// A wait on a memory that is not shared.
    NotShared,
    /// An exception that nothing caught.
    Exception,
}

/// What became of a call, or of instantiation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Values(Vec<Value>),
    /// It trapped.
    Trap(Trap),
    /// The engine reached a limit of its own, such as its stack: no verdict, and nothing after it has one.
    Limit(String),
    /// The engine failed: it refused a valid module, could not compile, or panicked. Never right.
    Failed(String),
}

/// Values as a list.
pub fn list(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Values(values) => write!(f, "({})", list(values)),
            Outcome::Trap(trap) => write!(f, "trap {trap:?}"),
            Outcome::Limit(what) => write!(f, "a limit: {what}"),
            Outcome::Failed(what) => write!(f, "failed: {what}"),
        }
    }
}

/// What is left in something exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A memory's bytes.
    Memory(Vec<u8>),
    /// A global's value.
    Global(Value),
    /// Which elements of a table are not null.
    Table(Vec<bool>),
    /// There is no such export.
    Missing,
}

impl State {
    /// What is in `self` and not in `other`, in a few words.
    pub fn against(&self, other: &State) -> String {
        match (self, other) {
            (State::Memory(mine), State::Memory(other)) => {
                match mine.iter().zip(other).position(|(a, b)| a != b) {
                    Some(at) => format!("{} bytes, {:#04x} at {at:#x}", mine.len(), mine[at]),
                    None => format!("{} bytes", mine.len()),
                }
            }
            (State::Table(mine), State::Table(other)) => {
                let null = |set: bool| if set { "a reference" } else { "null" };
                match mine.iter().zip(other).position(|(a, b)| a != b) {
                    Some(at) => format!("{} elements, {} at {at}", mine.len(), null(mine[at])),
                    None => format!("{} elements", mine.len()),
                }
            }
            (State::Global(value), _) => value.to_string(),
            (State::Memory(bytes), _) => format!("a memory of {} bytes", bytes.len()),
            (State::Table(elements), _) => format!("a table of {} elements", elements.len()),
            (State::Missing, _) => "no such export".into(),
        }
    }
}

/// Everything an engine said about a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What instantiation, with the start function, came to.
    pub start: Outcome,
    /// What the calls came to, as far as they were made.
    pub calls: Vec<Outcome>,
    /// What was left, when all calls were made and none of them met a limit. `None` is what the engine does not show.
    pub states: Vec<Option<State>>,
}

impl Run {
    /// A run that came to nothing but this.
    pub fn only(start: Outcome) -> Run {
        Run { start, calls: vec![], states: vec![] }
    }
}
