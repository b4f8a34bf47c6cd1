//! The primitives of synchronization that [`super::lifecycle`] and [`super::dispatch`] use, so that a model checker
//! can stand in for them.

use latier_runtime::background;
use std::io;
use std::thread::Builder;

pub(super) use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
pub(super) use std::thread::{JoinHandle, current};

/// Starts a thread that compiles, behind the guests'.
pub(super) fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name("latier-compile".into()).spawn(|| {
        background::step_back();
        work();
    })
}
