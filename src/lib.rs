//! latier: a WebAssembly runtime in which every function is a lazy reexport: it has an entry point from the start
//! and code from its first call on. What a program never calls costs nothing.
//!
//! The API is shaped as Wasmtime's: an embedder changes the crate's name. An [`Engine`] holds what modules share, a
//! [`Module`] is parsed WebAssembly, a [`Store`] owns instances and the embedder's data.
//!
//! ```
//! use latier::{Engine, Instance, Module, Store};
//!
//! let engine = Engine::default();
//! let module = Module::new(
//!     &engine,
//!     r#"(module (func (export "answer") (result i32) (i32.const 42)))"#,
//! )?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let answer = instance.get_typed_func::<(), i32>(&mut store, "answer")?;
//! assert_eq!(answer.call(&mut store, ())?, 42);
//! # Ok::<(), latier::Error>(())
//! ```
//!
//! Guests call host functions, which a [`Linker`] defines. They reach the store's data, and what the calling
//! instance exports, by their [`Caller`]:
//!
//! ```
//! use latier::{Caller, Engine, Extern, Linker, Module, Result, Store};
//!
//! let engine = Engine::default();
//! let mut linker = Linker::new(&engine);
//! linker.func_wrap("host", "print", |mut caller: Caller<'_, String>, at: u32, len: u32| -> Result<()> {
//!     let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
//!         anyhow::bail!("the guest exports no memory");
//!     };
//!     let (bytes, output) = memory.data_and_store_mut(&mut caller);
//!     let text = bytes.get(at as usize..).and_then(|rest| rest.get(..len as usize));
//!     output.push_str(std::str::from_utf8(text.unwrap_or_default())?);
//!     Ok(())
//! })?;
//!
//! let module = Module::new(
//!     &engine,
//!     r#"(module
//!         (import "host" "print" (func $print (param i32 i32)))
//!         (memory (export "memory") 1)
//!         (data (i32.const 0) "hello")
//!         (func (export "run") (call $print (i32.const 0) (i32.const 5))))"#,
//! )?;
//! let mut store = Store::new(&engine, String::new());
//! let instance = linker.instantiate(&mut store, &module)?;
//! instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
//! assert_eq!(store.data(), "hello");
//! # Ok::<(), latier::Error>(())
//! ```
//!
//! A call that fails gives an [`Error`] in whose chain `downcast_ref` finds the [`Trap`] or the host function's own
//! error, and a [`WasmBacktrace`]. A host function that panics goes on panicking in the host that called the guest.
//! Handles ([`Func`], [`Memory`], [`Instance`], …) are small copies; used with a store that does not own them they
//! panic.
//!
//! What is not shaped as in Wasmtime: [`Mode`] and [`Validation`] say when functions are compiled and validated, a
//! [`Listener`] hears of it, [`Engine::session`] leads to what the session knows.

mod api;
pub mod cli;
pub mod compile;
pub mod link;
pub mod object;
pub mod session;
pub mod tier;
pub mod wasi;
pub mod wasm;

pub use api::*;
