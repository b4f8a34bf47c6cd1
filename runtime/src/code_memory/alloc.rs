//! The states of an allocation, as types: in flight while it is written, then finalized.

use super::space::ModuleSpace;
use super::{CodeAddr, CodeMemoryError};
use crate::arch;
use crate::registry::CodeRecord;
use std::ops::Range;
use std::slice;

/// Room for code that is being written: it cannot be reached yet. Dropped, it is given up.
#[derive(Debug)]
pub struct InFlightAlloc<'a> {
    space: &'a ModuleSpace,
    /// Bytes from the start of the reservation.
    range: Range<usize>,
    /// Bytes from there to the code.
    start: usize,
    len: usize,
    finalized: bool,
}

impl<'a> InFlightAlloc<'a> {
    /// The room `range`, of which `len` bytes are used. No one else has it.
    pub(super) fn new(space: &'a ModuleSpace, range: Range<usize>, len: usize) -> InFlightAlloc<'a> {
        InFlightAlloc { space, range, start: 0, len, finalized: false }
    }

    /// From now on the code is only these bytes of what it was: what is around them stays unused.
    ///
    /// # Panics
    /// When it was less.
    pub fn keep(&mut self, bytes: Range<usize>) {
        assert!(bytes.start <= bytes.end && bytes.end <= self.len, "{bytes:?} of {} bytes", self.len);
        (self.start, self.len) = (self.start + bytes.start, bytes.end - bytes.start);
    }

    /// Where the code is written. It holds anything.
    pub fn working(&mut self) -> &mut [u8] {
        let start = self.space.memory.views.working();
        // SAFETY: the range lies inside the working view, which is mapped read+write as long as the process lives
        // (there is no allocation in a forked child); it was handed out to this allocation alone.
        unsafe { slice::from_raw_parts_mut(start.add(self.range.start + self.start), self.len) }
    }

    /// Where the code will run.
    pub fn running_address(&self) -> usize {
        self.space.memory.running_base() + self.range.start + self.start
    }

    /// Lets the code run and publishes it for look-ups by address.
    ///
    /// # Errors
    /// When the system refuses to make it executable. Where the two views are apart this cannot happen.
    pub fn finalize(self, record: CodeRecord) -> Result<FinalizedAlloc, CodeMemoryError> {
        let (space, len) = (self.space, self.len);
        let finalized = self.finalize_unrecorded()?;
        if len > 0 {
            // SAFETY: the code lies in a chunk of `space`, which lives, and in an allocation of its own.
            unsafe { space.memory.registry().publish(finalized.address.0, len, record) };
        }
        Ok(finalized)
    }

    /// As [`InFlightAlloc::finalize`], for code that look-ups do not find.
    pub(crate) fn finalize_unrecorded(mut self) -> Result<FinalizedAlloc, CodeMemoryError> {
        let published = self.space.memory.views.publish(self.range.clone());
        published.map_err(|e| CodeMemoryError::system("make code executable", &e))?;
        let address = self.running_address();
        arch::code_written(address, self.len);
        self.finalized = true;
        Ok(FinalizedAlloc { address: CodeAddr(address), len: self.len })
    }
}

impl Drop for InFlightAlloc<'_> {
    fn drop(&mut self) {
        if !self.finalized {
            self.space.release(self.range.clone());
        }
    }
}

/// Code that can run. It lives until its module is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalizedAlloc {
    address: CodeAddr,
    len: usize,
}

impl FinalizedAlloc {
    /// Its running address.
    pub fn address(&self) -> CodeAddr {
        self.address
    }

    /// Its bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
