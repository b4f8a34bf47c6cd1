//! The executor half of latier: instances, memories, tables, executable memory, stubs, traps. It knows no compiler:
//! what it lacks it asks of a [`abi::Controller`], in plain data.

pub mod abi;
mod arch;
pub mod backtrace;
pub mod builtin;
pub mod code_memory;
#[cfg(test)]
mod crossings;
pub mod entry;
pub mod exit;
pub mod module;
pub mod reentry;
pub mod reexports;
pub mod registry;
pub mod sites;
mod sys;
pub mod trap;
pub mod types;
pub mod vmctx;
