//! The executor half of latier: instances, memories, tables, executable memory, stubs, traps. It knows no compiler:
//! what it lacks it asks of a [`abi::Controller`], in plain data.

pub mod abi;
mod arch;
pub mod attention;
pub mod background;
pub mod backtrace;
mod block;
pub mod builtin;
mod builtins;
pub mod code_memory;
mod const_expr;
#[cfg(test)]
mod crossings;
mod entry;
pub mod exception;
mod exit;
pub mod func;
pub mod global;
pub mod handlers;
pub mod host;
pub mod instance;
pub mod instantiate;
pub mod limits;
pub mod memory;
pub mod module;
pub mod parking;
mod reentry;
pub mod reexports;
pub mod registry;
mod safepoint;
mod segments;
pub mod shared_memory;
pub mod sites;
pub mod store;
mod sys;
pub mod table;
#[cfg(test)]
mod tests;
mod throw;
pub mod trap;
mod type_text;
pub mod typed;
pub mod types;
pub mod value;
pub mod vmctx;
