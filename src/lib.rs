//! latier: a WebAssembly runtime in which every function is a lazy reexport.

mod api;
pub mod compile;
pub mod link;
pub mod object;
pub mod session;
pub mod tier;
pub mod wasi;
pub mod wasm;

pub use api::*;
