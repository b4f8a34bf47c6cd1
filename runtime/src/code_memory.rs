//! Code memory.

/// A running address of finalized code: the only thing a slot accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeAddr(pub(crate) usize);
