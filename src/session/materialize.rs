//! Materializes an implementation: body → validation → object → linked code. Publishes nothing.

use super::lazy_reexports::LazyReexports;
use super::listener::{Event, Thread};
use super::{Cost, LoadError};
use crate::compile::{CompileError, Compiled, Entry, FunctionBody};
use crate::link::{self, Callee, Identity, LinkError, Placement, SymbolValue};
use crate::object::symbol::{Symbol, SymbolList};
use crate::tier::Tier;
use crate::wasm::Body;
use latier_runtime::abi::FuncIndex;
use latier_runtime::code_memory::CodeAddr;
use latier_runtime::module::ModuleDesc;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// Code that is ready to run.
pub(super) struct Materialized {
    pub(super) code: CodeAddr,
    /// The tier that compiled it.
    pub(super) tier: Tier,
    pub(super) cost: Cost,
}

/// Why there is none.
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether a resource was short, so that another try may succeed.
    pub(super) retry: bool,
}

impl From<String> for Failure {
    fn from(reason: String) -> Failure {
        Failure { reason, retry: false }
    }
}

/// Compiles and links one function, to be entered there. A panic in a backend is a failure like any other.
pub(super) fn materialize(
    module: &LazyReexports,
    function: FuncIndex,
    tier: Tier,
    entry: Entry,
) -> Result<Materialized, Failure> {
    catch_unwind(AssertUnwindSafe(|| compile_and_link(module, function, tier, entry))).unwrap_or_else(
        |panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text =
                text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
            Err(Failure::from(format!("the compiler failed: {text}")))
        },
    )
}

fn compile_and_link(
    module: &LazyReexports,
    function: FuncIndex,
    tier: Tier,
    entry: Entry,
) -> Result<Materialized, Failure> {
    let session = module.session();
    let wasm = module.wasm();
    let start = Instant::now();
    let body = wasm.body(function).map_err(|e| e.to_string())?;
    // Bytes that can still change are validated in the copy that is compiled, whatever was validated at loading.
    if !wasm.is_validated() {
        wasm.validate(&body).map_err(|e| format!("invalid function body: {e}"))?;
    }
    let validated = Instant::now();
    let bound = bound(module, &body, tier, entry);
    let whole = FunctionBody { entry, bound: &bound, ..FunctionBody::new(wasm, &body) };
    let whole = if tier == Tier::Optimized { whole.promoting_calls(wasm) } else { whole };
    let (tier, compiled) = compile(module, whole, tier).map_err(|e| match e.offset {
        Some(at) => format!("{e} (at offset {:#x})", body.offset + u64::from(at)),
        None => e.to_string(),
    })?;
    let done = Instant::now();
    if let Some(directory) = &session.config.dump_objects {
        let name = match entry {
            Entry::Start => format!("f{}.{tier}.o", function.0),
            Entry::Loop(offset) => format!("f{}.{tier}.{offset:#x}.o", function.0),
        };
        dump(directory, module.number(), &name, &compiled.object)?;
    }
    let identity = Identity { function, tier: tier.name(), body_offset: body.offset };
    let itself = (entry == Entry::Start).then_some(function);
    let placement = if tier == Tier::Optimized { Placement::ForLoops } else { Placement::Next };
    let resolve = |name: &str| symbol_value(module, &compiled.symbols, itself, &bound, name);
    let linked = link::link(&compiled.object, module.code(), identity, placement, &resolve).map_err(|e| {
        let retry = matches!(&e, LinkError::Memory(e) if e.is_retryable());
        Failure { reason: e.to_string(), retry }
    })?;
    let cost = Cost {
        validate: validated - start,
        compile: done - validated,
        link: done.elapsed(),
        wasm_bytes: body.bytes.len(),
        native_bytes: linked.len(),
    };
    Ok(Materialized { code: linked.address(), tier, cost })
}

/// The functions that a body may be bound to, in order: those that it calls and whose code stays, itself perhaps.
fn bound(module: &LazyReexports, body: &Body, tier: Tier, entry: Entry) -> Vec<FuncIndex> {
    if tier != Tier::Optimized {
        return Vec::new();
    }
    let mut callees = module.wasm().callees(body);
    let itself = (entry == Entry::Start).then_some(body.index);
    callees.retain(|callee| itself == Some(*callee) || module.final_code(*callee).is_some());
    callees
}

/// Writes an object of the session's module `number` for people to look at.
fn dump(directory: &Path, number: u32, name: &str, object: &[u8]) -> Result<(), String> {
    let directory = match number {
        0 => directory.to_path_buf(),
        n => directory.join(format!("module{n}")),
    };
    let path = directory.join(name);
    let written = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, object));
    written.map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// Compiles a body in a tier, or in the one that takes what the first tier refuses.
fn compile(
    module: &LazyReexports,
    body: FunctionBody<'_>,
    tier: Tier,
) -> Result<(Tier, Compiled), CompileError> {
    let session = module.session();
    let attempt = |tier: Tier| -> Result<(Tier, Compiled), CompileError> {
        let compiled = session.backends[tier as usize].compile(&module.wasm().desc, body)?;
        Ok((tier, compiled))
    };
    match (attempt(tier), tier.row().fallback) {
        (Err(refused), Some(fallback)) => {
            let reason = &refused.to_string();
            module.tell(Event::Refused { function: body.index, tier, reason });
            attempt(fallback)
        }
        (result, _) => result,
    }
}

/// What a symbol of a body that is bound to these functions stands for in this module. The body is that of `itself`, if it
/// is entered at its start: calls of a function do not go to where one of its loops is entered.
fn symbol_value(
    module: &LazyReexports,
    symbols: &SymbolList,
    itself: Option<FuncIndex>,
    bound: &[FuncIndex],
    name: &str,
) -> Option<SymbolValue> {
    let (kind, ordinal) = name.split_once('.')?;
    let symbol = symbols.get(ordinal.parse().ok()?)?;
    if symbol.kind() != kind {
        return None;
    }
    let desc: &ModuleDesc = &module.wasm().desc;
    let layout = desc.layout();
    let offset = match symbol {
        Symbol::Func(f) => {
            let function = FuncIndex(f);
            let slot = module.code().slot_address(function);
            let callee = bound.binary_search(&function).is_ok().then(|| callee(module, function, itself));
            return Some(SymbolValue::Function { slot, callee });
        }
        Symbol::Slot(f) => {
            let slot = module.code().slot_address(FuncIndex(f));
            return Some(SymbolValue::Absolute(slot.cast_signed() as i64));
        }
        Symbol::FuncImport(f) => layout.func_import(f),
        Symbol::FuncIndex(f) => return Some(SymbolValue::Absolute(f.into())),
        Symbol::Global(g) => layout.global(g),
        Symbol::Memory(m) => layout.memory(m),
        Symbol::Table(t) => layout.table(t),
        Symbol::Type(t) => return Some(SymbolValue::Absolute(desc.types[t as usize].0.into())),
        Symbol::Data(d) | Symbol::Elem(d) => return Some(SymbolValue::Absolute(d.into())),
        Symbol::Tag(t) => layout.tag(t),
    };
    Some(SymbolValue::Absolute(i64::from(offset)))
}

/// Where the calls go that bind the code of `itself` to a function.
fn callee(module: &LazyReexports, function: FuncIndex, itself: Option<FuncIndex>) -> Callee {
    match module.final_code(function) {
        _ if itself == Some(function) => Callee::Itself,
        Some(code) => Callee::At(code.get()),
        // Its slot was reset since: its stub leads wherever it leads.
        None => Callee::At(module.code().entry_point(function)),
    }
}

/// Compiles every function of a module, on all cores. The failure of the lowest function is the error.
pub(super) fn all(module: &LazyReexports) -> Result<(), LoadError> {
    let desc = &module.wasm().desc;
    let next = AtomicU32::new(desc.func_imports);
    let end = desc.functions.len() as u32;
    let work = &|| {
        let mut first_failure = None;
        loop {
            let function = FuncIndex(next.fetch_add(1, Ordering::Relaxed));
            if function.0 >= end {
                return first_failure;
            }
            if let Err(reason) = module.lookup(function) {
                first_failure.get_or_insert((function, reason));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let failures: Vec<_> = std::thread::scope(|scope| {
        let worker = || {
            Thread::works();
            work()
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let mine = work();
        others
            .into_iter()
            .filter_map(|thread| thread.join().expect("lookups do not panic"))
            .chain(mine)
            .collect()
    });
    match failures.into_iter().min_by_key(|(function, _)| *function) {
        Some((function, reason)) => Err(LoadError::Compile { function, reason }),
        None => Ok(()),
    }
}
