//! Unix.

pub(crate) mod mmap;
