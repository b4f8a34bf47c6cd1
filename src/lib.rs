//! latier: a WebAssembly runtime in which every function is a lazy reexport: it has an entry point from the start
//! and code from its first call on. What a program never calls costs nothing.
//!
//! The API is shaped as Wasmtime's: an embedder changes the crate's name, and [`differences`] says what is not as there.
//! What follows leads from a first call to a host function with state.
//!
//! # Hello
//!
//! An [`Engine`] holds what modules share: configuration and compiled code. A [`Module`] is parsed WebAssembly. A
//! [`Store`] owns what runs, instances of modules above all, and a value of the embedder's. All calls go to a store.
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
//! [`Module::new`] takes the text format as here, or the binary that compilers make; [`Module::from_file`] reads either
//! from a file. A [`TypedFunc`] has Rust's types for parameters and results, checked once when it is got; [`Func::call`]
//! takes and gives [`Val`]s where the types are known only when the program runs.
//!
//! # Memory
//!
//! A guest and its host share bytes by the guest's [`Memory`]. Its slices borrow the store, so that while one is held
//! nothing can run that would move or resize the memory: the compiler sees to it.
//!
//! ```
//! use latier::{Engine, Instance, Module, Store};
//!
//! let engine = Engine::default();
//! let module = Module::new(
//!     &engine,
//!     r#"(module
//!         (memory (export "memory") 1)
//!         (func (export "sum") (param $at i32) (param $len i32) (result i32) (local $sum i32)
//!             (loop $next
//!                 (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
//!                 (local.set $at (i32.add (local.get $at) (i32.const 1)))
//!                 (br_if $next (local.tee $len (i32.sub (local.get $len) (i32.const 1)))))
//!             (local.get $sum)))"#,
//! )?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let memory = instance.get_memory(&mut store, "memory").expect("the module exports one");
//! memory.write(&mut store, 100, &[20, 21, 1])?;
//! let sum = instance.get_typed_func::<(i32, i32), i32>(&mut store, "sum")?;
//! assert_eq!(sum.call(&mut store, (100, 3))?, 42);
//! assert_eq!(memory.data(&store)[101], 21);
//! # Ok::<(), latier::Error>(())
//! ```
//!
//! # Host functions
//!
//! What a module imports a [`Linker`] finds by name. A closure becomes a host function, its type that of the closure.
//! It takes a [`Caller`] first if it needs the store: by it the function reaches the store's value, which is where its
//! state belongs, and what the calling instance exports.
//!
//! ```
//! use latier::{Caller, Engine, Extern, Linker, Module, Result, Store, bail};
//!
//! /// What this host keeps for each guest.
//! #[derive(Default)]
//! struct Host {
//!     printed: String,
//!     calls: u32,
//! }
//!
//! let engine = Engine::default();
//! let mut linker = Linker::new(&engine);
//! linker.func_wrap("host", "print", |mut caller: Caller<'_, Host>, at: u32, len: u32| -> Result<()> {
//!     let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
//!         bail!("the guest exports no memory");
//!     };
//!     let (bytes, host) = memory.data_and_store_mut(&mut caller);
//!     let Some(text) = bytes.get(at as usize..).and_then(|rest| rest.get(..len as usize)) else {
//!         bail!("{len} bytes at {at} are not all in memory");
//!     };
//!     host.printed.push_str(std::str::from_utf8(text)?);
//!     host.calls += 1;
//!     Ok(())
//! })?;
//!
//! let module = Module::new(
//!     &engine,
//!     r#"(module
//!         (import "host" "print" (func $print (param i32 i32)))
//!         (memory (export "memory") 1)
//!         (data (i32.const 0) "hello")
//!         (func (export "print") (param i32) (call $print (local.get 0) (i32.const 5))))"#,
//! )?;
//! let mut store = Store::new(&engine, Host::default());
//! let instance = linker.instantiate(&mut store, &module)?;
//! let print = instance.get_typed_func::<i32, ()>(&mut store, "print")?;
//! print.call(&mut store, 0)?;
//! print.call(&mut store, 0)?;
//! assert_eq!((store.data().calls, &store.data().printed[..]), (2, "hellohello"));
//!
//! let error = print.call(&mut store, -1).unwrap_err();
//! assert_eq!(error.root_cause().to_string(), "5 bytes at 4294967295 are not all in memory");
//! # Ok::<(), latier::Error>(())
//! ```
//!
//! One linker serves many stores. A host function may call guests in turn, by the [`Func`]s it is given or finds.
//!
//! # What can go wrong
//!
//! A call that fails gives an [`Error`]. Its chain holds the [`Trap`], or the error that a host function returned, and
//! a [`WasmBacktrace`]; `downcast_ref` finds them. The store can be used on. A host function that panics goes on
//! panicking in the host that called the guest.
//!
//! ```
//! use latier::{Engine, Instance, Module, Store, Trap, WasmBacktrace};
//!
//! let engine = Engine::default();
//! let module = Module::new(
//!     &engine,
//!     r#"(module
//!         (func $divide (param i32) (result i32) (i32.div_s (i32.const 84) (local.get 0)))
//!         (func (export "run") (param i32) (result i32) (call $divide (local.get 0))))"#,
//! )?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let run = instance.get_typed_func::<i32, i32>(&mut store, "run")?;
//! let error = run.call(&mut store, 0).unwrap_err();
//! assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
//! let backtrace = error.downcast_ref::<WasmBacktrace>().expect("it was in Wasm");
//! assert_eq!(backtrace.frames()[0].func_name(), Some("divide"));
//! assert_eq!(run.call(&mut store, 2)?, 42);
//! # Ok::<(), latier::Error>(())
//! ```
//!
//! What a guest may use of the machine is limited by [`Store::limiter`] (memories, tables, instances) and
//! [`Config::max_wasm_stack`].
//!
//! # Programs
//!
//! Compilers make modules that import WASI preview 1. The module [`wasi`] gives it to them: arguments, variables,
//! directories, and streams of the process's or in memory.
//!
//! ```
//! use latier::wasi::{self, MemoryOutput, WasiCtx};
//! use latier::{Engine, Linker, Module, Store};
//!
//! let engine = Engine::default();
//! let mut linker = Linker::new(&engine);
//! wasi::add_to_linker(&mut linker, |ctx: &mut WasiCtx| ctx)?;
//! let module = Module::new(
//!     &engine,
//!     r#"(module
//!         (import "wasi_snapshot_preview1" "fd_write"
//!             (func $write (param i32 i32 i32 i32) (result i32)))
//!         (memory (export "memory") 1)
//!         (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
//!         (func (export "_start")
//!             (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))"#,
//! )?;
//! let output = MemoryOutput::new(1000);
//! let ctx = WasiCtx::builder().arg("hello").stdout(output.clone()).build();
//! let mut store = Store::new(&engine, ctx);
//! let instance = linker.instantiate(&mut store, &module)?;
//! instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ())?;
//! assert_eq!(output.contents(), b"hello\n");
//! # Ok::<(), latier::Error>(())
//! ```
//!
//! # Threads
//!
//! Engines and modules are shared by threads; each function of a module is compiled once, by whichever thread calls it
//! first. A store is used by one thread at a time, and may move to another. Guests that share memory do it by a
//! [`SharedMemory`], each in a store of its own.
//!
//! # What laziness adds
//!
//! Nothing has to be known of it. A [`Mode`] says how functions are compiled and when, [`Module::precompile`] compiles
//! some before they are called, [`Engine::statistics`] counts, and a [`Listener`] hears of every first call and compile:
//!
//! ```
//! use latier::{Config, Engine, Event, Instance, Listener, Module, Origin, Store};
//! use std::sync::{Arc, Mutex};
//!
//! #[derive(Default)]
//! struct FirstCalls(Mutex<Vec<u32>>);
//!
//! impl Listener for FirstCalls {
//!     fn event(&self, _: &Origin<'_>, event: &Event<'_>) {
//!         if let Event::FirstCall { function } = event {
//!             self.0.lock().unwrap().push(function.0);
//!         }
//!     }
//! }
//!
//! let first_calls = Arc::new(FirstCalls::default());
//! let engine = Engine::new(Config::new().listener(first_calls.clone()))?;
//! let module = Module::new(
//!     &engine,
//!     r#"(module (func $a) (func $b) (func (export "run") (call $a)))"#,
//! )?;
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//! instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
//! assert_eq!(*first_calls.0.lock().unwrap(), [2, 0]);
//! # Ok::<(), latier::Error>(())
//! ```

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
