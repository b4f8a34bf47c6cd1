//! The embedder's words, shaped as Wasmtime's so that one crate name is all there is to change. Everything here is
//! a view of the session (modules, compiled code) or of the executor (stores and what they own).

mod caller;
mod config;
pub mod differences;
mod engine;
mod exception;
mod external;
mod func;
mod global;
mod host;
mod instance;
mod limits;
mod linker;
mod memory;
mod module;
mod program;
mod raw;
mod shared_memory;
mod store;
mod table;
mod trap;
mod typed;
mod types;
mod value;

pub use caller::Caller;
pub use config::Config;
pub use engine::Engine;
pub use exception::{Exception, ExnRef, Tag, TagType};
pub use external::Extern;
pub use func::Func;
pub use global::Global;
pub use instance::{Export, Instance};
pub use limits::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};
pub use linker::{InstancePre, Linker, UnknownImportError};
pub use memory::{Memory, MemoryAccessError};
pub use module::{Module, ModuleExport};
pub use shared_memory::{SharedMemory, WaitResult};
pub use store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};
pub use table::Table;
pub use trap::{FrameInfo, FrameSymbol, Trap, WasmBacktrace};
pub use typed::{IntoFunc, TypedFunc, WasmParams, WasmResults, WasmRet, WasmTy};
pub use types::{
    ExportType, ExternType, FuncType, GlobalType, HeapType, ImportType, MemoryType, MemoryTypeBuilder,
    Mutability, RefType, TableType, ValType,
};
pub use value::{ExternRef, Ref, Rooted, V128, Val};

pub use crate::compile::Entry;
pub use crate::session::{Cost, Event, Listener, Origin, Statistics, Thread};
pub use crate::tier::knobs::{KnobRow, Knobs};
pub use crate::tier::refusal::{Reason, ReasonRow};
pub use crate::tier::{Mode, Tier, TierFilter, TierUp, Validation};
pub use crate::wasm::Producer;
pub use crate::wasm::features::Features;
pub use anyhow::{Context, Error, anyhow as format_err, bail, ensure};

/// The result of whatever can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
