//! Unix.

pub(crate) mod mmap;
pub(crate) mod signals;
pub(crate) mod stack;
pub(crate) mod thread;
