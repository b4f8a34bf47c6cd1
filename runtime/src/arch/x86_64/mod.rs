//! x86-64.

mod entry;
mod exit;
mod grow;
mod lines;
mod raise;
mod reentry;
mod safepoint;
mod stubs;

pub use entry::Registers;
pub(crate) use entry::{LANDING_TO_FP, enter};
pub use exit::HostFrame;
pub(crate) use exit::host_exit_address;
pub(crate) use grow::{memory_grow, table_grow};
pub(crate) use raise::{callee_saved, raise_trap_address, throw};
pub(crate) use reentry::reentry_address;
pub(crate) use safepoint::safepoint;
pub(crate) use stubs::*;

/// Integer argument registers of compiled code, the vmctx's included: rdi, rsi, rdx, rcx, r8, r9.
pub(crate) const INT_ARGS: usize = 6;
/// Float argument registers: xmm0–7.
pub(crate) const FLOAT_ARGS: usize = 8;
/// Integer result registers: rax, rcx, rdx, rsi, rdi, r8, r9, r10.
pub(crate) const INT_RESULTS: usize = 8;
/// Float result registers: xmm0–7.
pub(crate) const FLOAT_RESULTS: usize = 8;
