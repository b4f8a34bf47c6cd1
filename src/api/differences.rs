//! What differs from Wasmtime's API, for who comes from there. What is not named here has the same name, the same shape and
//! the same meaning in both.
//!
//! # Not here
//!
//! - Asynchronous calls and host functions (`call_async`, `func_wrap_async`, `Config::async_support`).
//! - Epochs. What stops a guest that runs too long is fuel.
//! - The component model and WASI preview 2; [`wasi`](crate::wasi) is preview 1.
//! - Structs, arrays, `i31` and `any` references. The other reference types are here.
//! - Code kept in files: `Module::serialize`, `deserialize`, `Engine::precompile_module`. Compiling is cheap and lazy; what
//!   [`Config::cache`](crate::Config::cache) keeps from one process to the next are the parts of the first tier.
//! - Whatever needs `unsafe` of an embedder: `Func::new_unchecked`, raw values, `Store` across foreign stacks, memory and
//!   instance allocators of one's own.
//! - Profilers and debuggers by `Config`.
//!
//! # Different
//!
//! - **Errors** are [`anyhow::Error`](crate::Error). A [`Trap`](crate::Trap) says what the specification's test suite
//!   says, `integer divide by zero`, without `wasm trap:` before it.
//! - **Backtraces** are always made. One that is not looked at costs little: names are found when they are asked for.
//! - **Exceptions** that nothing catches are an [`Exception`](crate::Exception) in the error's chain; a host throws one
//!   by returning it as its error. The store holds none back.
//! - **References** ([`ExternRef`](crate::ExternRef), [`ExnRef`](crate::ExnRef)) live as long as their store.
//!   [`Rooted<T>`](crate::Rooted) is therefore another name of `T`, and there are no scopes and no `gc`.
//! - **Limits**: a [`ResourceLimiter`](crate::ResourceLimiter) is asked about shared memories too, when a guest makes or
//!   grows one. Without a limiter, a table has at most 10 million elements.
//! - **`Memory::grow`** and `Table::grow` fail with the limiter's own error in their chain, if it was the limiter.
//! - **Validation**: [`Config::validation`](crate::Config::validation) can leave it for first calls; unless it does,
//!   [`Module::new`](crate::Module::new) validates everything, as in Wasmtime.
//! - **Files**: [`Module::from_file`](crate::Module::from_file) keeps a binary file open and reads bodies from it when they
//!   are compiled. A file that is changed meanwhile gives an error at the call that needs it.
//! - **Fuel** is consumed as there, and costs are not to be chosen. The first tier's code consumes none, so that none is
//!   made: see [`Config::consume_fuel`](crate::Config::consume_fuel).
//! - **Features** are the setters `wasm_*` of [`Config`](crate::Config); [`Config::wasm_features`](crate::Config::wasm_features)
//!   takes a set of them by name.
//! - **A caller** is `None` in [`Caller::get_export`](crate::Caller::get_export) if a host function was called through a
//!   table by a module with several instances in the store: which of them called is not known then.
//! - **WASI**: [`wasi::add_to_linker`](crate::wasi::add_to_linker) defines `wasi_snapshot_preview1` and `wasi_unstable`.
//!   Directories are given by [`preopened_dir`](crate::wasi::WasiCtxBuilder::preopened_dir) with one permission for them
//!   and their files; streams are those of the process or in memory; clocks and random numbers are replaced by traits of
//!   two and one functions. [`I32Exit`](crate::wasi::I32Exit) is the error of `proc_exit`, as there.
//!
//! # Only here
//!
//! - [`Mode`](crate::Mode) and [`TierUp`](crate::TierUp): how functions are compiled, when, and when again.
//! - [`Module::precompile`](crate::Module::precompile): some functions before their first call.
//! - [`Listener`](crate::Listener), [`Event`](crate::Event): what happens to functions, as it happens.
//! - [`Engine::statistics`](crate::Engine::statistics): what was compiled, and what it cost.
//! - [`Config::dump_objects`](crate::Config::dump_objects), [`Config::tier_filter`](crate::Config::tier_filter),
//!   [`Config::wrap_backend`](crate::Config::wrap_backend): for who looks for faults.
