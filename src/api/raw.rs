//! The executor's words, under one prefix: most are also the embedder's, who is given a wrapper that takes any
//! context for a store.

pub(crate) use latier_runtime::backtrace::{RawFrame, capture_backtrace};
pub(crate) use latier_runtime::exception::{Exception, ExnRef, Tag};
pub(crate) use latier_runtime::func::{CallError, Func};
pub(crate) use latier_runtime::global::Global;
pub(crate) use latier_runtime::host::{HostCall, HostFn};
pub(crate) use latier_runtime::instance::{Extern, Instance};
pub(crate) use latier_runtime::instantiate::InstantiateError;
pub(crate) use latier_runtime::limits::{GrowError, Growing, Question, ResourceError, ResourceLimits};
pub(crate) use latier_runtime::memory::Memory;
pub(crate) use latier_runtime::shared_memory::SharedMemory;
pub(crate) use latier_runtime::store::Store;
pub(crate) use latier_runtime::table::{Table, TableError};
pub(crate) use latier_runtime::trap::{HostFailure, Unwind, UnwindReason};
pub(crate) use latier_runtime::typed::{TypedCall, WasmParams, WasmResults, WasmTy};
pub(crate) use latier_runtime::value::{ExternRef, Val};
