//! Threads that work while guests run. Knows nothing of their work.

use crate::sys;

/// Puts the calling thread behind others when processors are short, where the system can do so for one thread. It
/// still gets its share: it may hold a lock that a guest's thread waits for.
pub fn step_back() {
    sys::thread::step_back();
}
