//! WASI preview 1 for embedders and the command line: an embedder like any other, on the public interface alone;
//! knows no compiler and no machine code.
//!
//! One file per family of functions, each a method of [`WasiCtx`] over the guest's memory: `args`, `clock`, `dir`,
//! `fd`, `io`, `open`, `path`, `poll`, `proc`, `random`, `sock`. Below them `table` (descriptors), `stdio`, `host` (the
//! operating system), `guest` (the memory), `types` (layouts) and `errno`.

mod args;
mod clock;
mod ctx;
mod dir;
mod errno;
mod fd;
mod guest;
mod host;
mod io;
mod linker;
mod open;
mod path;
mod poll;
mod proc;
mod random;
mod sock;
mod stdio;
#[cfg(test)]
mod swapped;
mod table;
#[cfg(test)]
mod testing;
mod types;

pub use clock::{Clock, Clocks, HostClocks};
pub use ctx::{DirPerms, WasiCtx, WasiCtxBuilder};
pub use errno::Errno;
pub use linker::add_to_linker;
pub use proc::I32Exit;
pub use random::{HostRandom, Random};
pub use stdio::{Input, MemoryInput, MemoryOutput, Output};
pub use types::Version;
