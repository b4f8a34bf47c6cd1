//! Zeroed heap memory of a size known at run time, whose address others hold. Knows nothing of what lies in it.

use crate::limits::ResourceError;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// A block of zeroed memory; it never moves.
pub(crate) struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

impl Block {
    /// Room for `count` values of type `T`, all bytes zero.
    pub(crate) fn zeroed<T>(count: usize) -> Result<Block, ResourceError> {
        let refuse = || ResourceError(format!("out of memory for {count} × {} bytes", size_of::<T>()));
        let layout = Layout::array::<T>(count).map_err(|_| refuse())?;
        if layout.size() == 0 {
            return Ok(Block { start: NonNull::<T>::dangling().cast(), layout });
        }
        // SAFETY: the size is not 0.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(refuse)?;
        Ok(Block { start, layout })
    }

    /// Where it starts.
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.layout.size() > 0 {
            // SAFETY: allocated with this layout in `zeroed`; the owner is being dropped.
            unsafe { dealloc(self.start.as_ptr(), self.layout) }
        }
    }
}
