//! Backends: each maps a function body and its module's facts to a compiled object. Knows neither how objects are
//! linked nor when a function is compiled.

mod control;
pub mod cranelift;
mod emit;
mod environ;
mod fuel;
mod homes;
mod locals;
mod lower;
mod signature;
pub mod stencil;
pub mod target;
#[cfg(test)]
mod tests;
mod translate;

use crate::object::symbol::SymbolList;
use crate::wasm::{self, BranchHint, FirstElements};
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::ModuleDesc;
use std::fmt;

/// Where a body is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// At its start, by a call.
    Start,
    /// At the header of the loop whose operator is at this offset in the body's bytes: jumped to by baseline code
    /// that has reached the header, when its frame was copied aside and is gone.
    Loop(u32),
}

/// What a backend compiles: one function's body, already validated.
#[derive(Clone, Copy, Debug)]
pub struct FunctionBody<'a> {
    /// The function, in its module's function index space.
    pub index: FuncIndex,
    /// A private copy of the body as it was validated: the locals' declaration and the code.
    pub bytes: &'a [u8],
    /// What its author expects of its branches, by offset.
    pub hints: &'a [BranchHint],
    /// The functions whose code will stay, in order: calls of them need not look at their slots.
    pub bound: &'a [FuncIndex],
    /// What tables hold at first, if calls by them are promoted to direct calls of what they hold.
    pub elements: Option<&'a FirstElements>,
    /// Where the code is entered. Its signature is the function's in any case.
    pub entry: Entry,
}

impl<'a> FunctionBody<'a> {
    /// A body with what its module says of it, entered at its start.
    pub fn new(module: &'a wasm::Module, body: &'a wasm::Body) -> FunctionBody<'a> {
        let hints = module.branch_hints(body.index);
        FunctionBody {
            index: body.index,
            bytes: &body.bytes,
            hints,
            bound: &[],
            elements: None,
            entry: Entry::Start,
        }
    }

    /// The same body, whose calls by tables are promoted to direct calls of what the tables of its module hold at first.
    pub fn promoting_calls(self, module: &'a wasm::Module) -> FunctionBody<'a> {
        FunctionBody { elements: Some(module.first_elements()), ..self }
    }

    /// The same body, entered at the loop whose operator is at `offset` in its bytes.
    pub fn at_loop(self, offset: u32) -> FunctionBody<'a> {
        FunctionBody { entry: Entry::Loop(offset), ..self }
    }
}

/// What a backend makes of a body.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The relocatable ELF object.
    pub object: Vec<u8>,
    /// What the ordinals in the names of the object's symbols stand for.
    pub symbols: SymbolList,
}

/// Why a body could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// The reason, in words.
    pub message: String,
    /// Where in the body, in bytes from its start, if it is known.
    pub offset: Option<u32>,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CompileError {}

impl From<wasmparser::Error> for CompileError {
    fn from(error: wasmparser::Error) -> CompileError {
        CompileError { message: error.message().to_string(), offset: u32::try_from(error.offset()).ok() }
    }
}

/// What a clause of a `try_table` takes and where it branches to.
struct CatchClause {
    /// The tag it takes; `None` if it takes all.
    tag: Option<u32>,
    label: u32,
    /// Whether the branch is given the exception itself too.
    with_ref: bool,
}

impl From<&wasmparser::Catch> for CatchClause {
    fn from(catch: &wasmparser::Catch) -> CatchClause {
        let (tag, label, with_ref) = match *catch {
            wasmparser::Catch::One { tag, label } => (Some(tag), label, false),
            wasmparser::Catch::OneRef { tag, label } => (Some(tag), label, true),
            wasmparser::Catch::All { label } => (None, label, false),
            wasmparser::Catch::AllRef { label } => (None, label, true),
        };
        CatchClause { tag, label, with_ref }
    }
}

/// Maps (body, module facts) to an object. The result depends on nothing else, and on the module only through the
/// symbols and by where memory 0 lies: equal bodies, entered, bound and promoted alike, whose symbols have equal types give equal
/// objects.
pub trait Backend: Send + Sync {
    /// Compiles one function. Any thread, any number at a time.
    ///
    /// # Errors
    /// When the body uses what the backend does not support, or exceeds its limits; when it is to be entered at a
    /// loop and the backend cannot do that, or the loop is none or cannot be reached.
    fn compile(&self, module: &ModuleDesc, body: FunctionBody<'_>) -> Result<Compiled, CompileError>;

    /// Keeps for other processes what may save them work, if the backend has such.
    fn keep(&self) {}
}
