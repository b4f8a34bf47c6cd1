//! What is wrong with a guest module, and where. Knows no file name: whoever was given the file says which it was.

use std::fmt;

/// A module is malformed, invalid, unsupported or no longer readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where in the file, in bytes.
    pub offset: u64,
    /// What is wrong, in one line.
    pub message: String,
}

impl Error {
    /// An error at `offset`.
    pub fn new(offset: u64, message: impl Into<String>) -> Error {
        Error { offset, message: message.into() }
    }
}

impl From<wasmparser::BinaryReaderError> for Error {
    fn from(e: wasmparser::BinaryReaderError) -> Error {
        Error::new(e.offset(), e.message())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at offset {:#x})", self.message, self.offset)
    }
}

impl std::error::Error for Error {}
