//! The executor half of latier: instances, memories, tables, executable memory, stubs, traps. It knows no compiler:
//! what it lacks it asks of a [`abi::Controller`], in plain data.

pub mod abi;
mod arch;
pub mod builtin;
pub mod code_memory;
pub mod module;
pub mod reexports;
pub mod registry;
pub mod sites;
mod sys;
pub mod types;
pub mod vmctx;
