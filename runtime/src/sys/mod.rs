//! The operating system's part: one folder a family of systems, each with the same surface.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;
