//! Where a thread's stack lies. Knows nothing of what is on it.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// The lowest address of this thread's stack.
///
/// # Errors
/// When the system does not say.
pub(crate) fn lowest_address() -> io::Result<usize> {
    let checked =
        |code: libc::c_int| if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) };
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: `attributes` is where the result goes; the thread is this one.
    checked(unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) })?;
    let (mut lowest, mut bytes) = (ptr::null_mut(), 0);
    // SAFETY: the call above has initialized `attributes`, which is destroyed once, after its last use.
    let result = unsafe {
        let result = libc::pthread_attr_getstack(attributes.as_ptr(), &mut lowest, &mut bytes);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        result
    };
    checked(result).map(|()| lowest as usize)
}
