//! What a thread is to the scheduler.

/// How much nicer a thread in the background is: beside a guest's thread on one processor it gets a quarter of it.
const NICER: libc::c_int = 5;

/// Puts the calling thread behind others. That it could not be done changes nothing but times.
pub(crate) fn step_back() {
    // Linux keeps this number for each thread; POSIX would have it one for the whole process.
    if cfg!(target_os = "linux") {
        // SAFETY: only the scheduler looks at this number.
        unsafe { libc::nice(NICER) };
    }
}
