//! The primitives of synchronization that [`super::lifecycle`] uses, so that a model checker can stand in for them.

pub(super) use std::sync::atomic::{AtomicU8, Ordering};
pub(super) use std::sync::{Condvar, Mutex};
