//! What stands behind a guest's first three descriptors: the process's own streams, bytes in memory, or nothing;
//! knows no guest memory.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, PoisonError};

use super::errno::Errno;
use super::host;

/// A source of bytes for a guest's standard input.
#[derive(Debug, Clone, Default)]
pub enum Input {
    /// At its end from the start.
    #[default]
    Closed,
    /// The standard input of this process.
    Inherit,
    /// Bytes in memory.
    Memory(MemoryInput),
}

/// Bytes in memory that a guest reads once.
#[derive(Debug, Clone)]
pub struct MemoryInput {
    bytes: Arc<[u8]>,
    position: usize,
}

impl MemoryInput {
    /// A stream of these bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> MemoryInput {
        MemoryInput { bytes: bytes.into(), position: 0 }
    }

    fn read(&mut self, buffers: &mut [IoSliceMut<'_>]) -> usize {
        let before = self.position;
        for buffer in buffers {
            let rest = &self.bytes[self.position..];
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            self.position += len;
        }
        self.position - before
    }
}

impl From<MemoryInput> for Input {
    fn from(input: MemoryInput) -> Input {
        Input::Memory(input)
    }
}

impl Input {
    pub(super) fn read(&mut self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
        match self {
            Input::Closed => Ok(0),
            Input::Inherit => host::retry(|| rustix::io::readv(rustix::stdio::stdin(), buffers)),
            Input::Memory(input) => Ok(input.read(buffers)),
        }
    }

    /// How many bytes are there without waiting, where that is known without asking the host.
    pub(super) fn available(&self) -> Option<u64> {
        match self {
            Input::Closed => Some(0),
            Input::Inherit => None,
            Input::Memory(input) => Some((input.bytes.len() - input.position) as u64),
        }
    }

    /// The host's descriptor, if there is one.
    pub(super) fn host_fd(&self) -> Option<BorrowedFd<'static>> {
        matches!(self, Input::Inherit).then(rustix::stdio::stdin)
    }
}

/// A sink for the bytes of a guest's standard output or standard error.
#[derive(Debug, Clone, Default)]
pub enum Output {
    /// Takes everything, keeps nothing.
    #[default]
    Discard,
    /// The standard output of this process; every call of the guest is one unbuffered write.
    InheritStdout,
    /// The standard error of this process; every call of the guest is one unbuffered write.
    InheritStderr,
    /// Bytes in memory.
    Memory(MemoryOutput),
}

/// Bytes in memory that a guest writes; clones see the same bytes.
#[derive(Debug, Clone)]
pub struct MemoryOutput {
    bytes: Arc<Mutex<Vec<u8>>>,
    capacity: usize,
}

impl MemoryOutput {
    /// An empty stream that takes at most this many bytes; a guest that writes more gets `Nospc`.
    pub fn new(capacity: usize) -> MemoryOutput {
        MemoryOutput { bytes: Arc::default(), capacity }
    }

    /// What was written so far.
    pub fn contents(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, buffers: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = bytes.len();
        for buffer in buffers {
            let len = buffer.len().min(self.capacity - bytes.len());
            bytes.extend_from_slice(&buffer[..len]);
        }
        let written = bytes.len() - before;
        if written == 0 && buffers.iter().any(|buffer| !buffer.is_empty()) {
            return Err(Errno::Nospc);
        }
        Ok(written)
    }
}

impl From<MemoryOutput> for Output {
    fn from(output: MemoryOutput) -> Output {
        Output::Memory(output)
    }
}

impl Output {
    pub(super) fn write(&mut self, buffers: &[IoSlice<'_>]) -> Result<usize, Errno> {
        match self {
            // Buffers may name the same bytes again and again: more than fits a result is a short write.
            Output::Discard => {
                let total = buffers.iter().fold(0, |sum: usize, buffer| sum.saturating_add(buffer.len()));
                Ok(total.min(u32::MAX as usize))
            }
            Output::Memory(output) => output.write(buffers),
            Output::InheritStdout => host::retry(|| rustix::io::writev(rustix::stdio::stdout(), buffers)),
            Output::InheritStderr => host::retry(|| rustix::io::writev(rustix::stdio::stderr(), buffers)),
        }
    }

    /// The host's descriptor, if there is one.
    pub(super) fn host_fd(&self) -> Option<BorrowedFd<'static>> {
        match self {
            Output::InheritStdout => Some(rustix::stdio::stdout()),
            Output::InheritStderr => Some(rustix::stdio::stderr()),
            Output::Discard | Output::Memory(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_input_is_read_once_over_all_buffers() {
        let mut input = Input::from(MemoryInput::new(*b"hello"));
        let (mut a, mut b) = ([0; 2], [0; 2]);
        let read = input.read(&mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)]);
        assert_eq!((read, &a, &b), (Ok(4), b"he", b"ll"));
        assert_eq!(input.available(), Some(1));
        assert_eq!(input.read(&mut [IoSliceMut::new(&mut a)]), Ok(1));
        assert_eq!(input.read(&mut [IoSliceMut::new(&mut a)]), Ok(0));
    }

    #[test]
    fn memory_output_is_bounded() {
        let pipe = MemoryOutput::new(3);
        let mut output = Output::from(pipe.clone());
        assert_eq!(output.write(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")]), Ok(3));
        assert_eq!(pipe.contents(), b"abc");
        assert_eq!(output.write(&[IoSlice::new(b"d")]), Err(Errno::Nospc));
        assert_eq!(output.write(&[IoSlice::new(b"")]), Ok(0));
    }
}
