//! Tests of the crossings between host and Wasm, with machine code written by hand in place of a compiler.

mod calls;
mod guest;
mod limits;
mod traps;
