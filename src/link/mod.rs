//! The object linking layer: object bytes in, finalized code out. It takes `&[u8]` and a table of what symbols mean,
//! and knows neither who compiled the object nor what module it is for.

mod placement;
mod x86_64;

use crate::object::read::{self, Object, Relocation};
use crate::object::symbol::{Symbol, SymbolName};
use crate::object::write::RelocKind;
use latier_runtime::abi::FuncIndex;
use latier_runtime::code_memory::{CodeMemoryError, FinalizedAlloc, InFlightAlloc, ModuleCode};
use latier_runtime::handlers::{self, CATCH_ALL, Handler};
use latier_runtime::registry::CodeRecord;
use std::fmt;

/// What a symbol stands for at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolValue {
    /// A function.
    Function {
        /// The slot that leads to it: the symbol's GOT entry.
        slot: usize,
        /// Where a call goes that does not look at the slot, if there may be such calls.
        callee: Option<Callee>,
    },
    /// A number: an offset, an index, an identity.
    Absolute(i64),
}

/// Where a call goes that is bound for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// To this address.
    At(usize),
    /// To the start of the object that is linked.
    Itself,
}

/// Why an object could not be linked.
#[derive(Debug)]
pub enum LinkError {
    /// The object is malformed or asks for what a linker of ours does not do.
    Object(String),
    /// There is no memory for the code.
    Memory(CodeMemoryError),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Object(e) => write!(f, "cannot link: {e}"),
            LinkError::Memory(e) => write!(f, "cannot link: {e}"),
        }
    }
}

impl std::error::Error for LinkError {}

/// What a linked body is, for backtraces and the trap handler.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The function.
    pub function: FuncIndex,
    /// Name of the tier that compiled it.
    pub tier: &'static str,
    /// Where its Wasm body starts in the guest file, in bytes.
    pub body_offset: u64,
}

/// Where in the executable memory code goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Where room is next.
    Next,
    /// A few bytes further, if its loops run faster there.
    ForLoops,
}

/// Links `object` into the executable memory of a module.
///
/// # Errors
/// When the object is malformed, names a symbol that `resolve` does not know, or there is no memory.
pub fn link(
    object: &[u8],
    code: &ModuleCode,
    identity: Identity,
    placement: Placement,
    resolve: &dyn Fn(&str) -> Option<SymbolValue>,
) -> Result<FinalizedAlloc, LinkError> {
    let object = read::parse(object).map_err(LinkError::Object)?;
    if object.align > 16 {
        return Err(LinkError::Object(format!("alignment to {} bytes", object.align)));
    }
    let mut symbols = Symbols { object: &object, resolve, values: vec![None; object.symbols()] };
    let got = got_cells(&mut symbols)?;
    let cells_at = object.text.len().next_multiple_of(8);
    let len = cells_at + 8 * got.len();
    let mut alloc = allocate(&object, len, code, placement).map_err(LinkError::Memory)?;
    let running = alloc.running_address() as u64;
    let image = alloc.working();
    image[..object.text.len()].copy_from_slice(object.text);
    for (cell, value) in got.iter().enumerate() {
        let at = cells_at + 8 * cell;
        image[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    let text = &mut image[..object.text.len()];
    for relocation in &object.relocations {
        let value = symbols.value(relocation)?;
        let place = x86_64::Place { text, running, relocation };
        match (relocation.kind, value) {
            (RelocKind::GotPcRel, SymbolValue::Function { slot, .. }) => place.distance(slot as u64),
            (RelocKind::CallPcRel, SymbolValue::Function { callee: Some(callee), .. }) => {
                place.distance(match callee {
                    Callee::At(address) => address as u64,
                    Callee::Itself => running,
                })
            }
            (RelocKind::GotPcRel, SymbolValue::Absolute(n)) if x86_64::fits_immediate(n) => place.relax(n),
            (RelocKind::GotPcRel, SymbolValue::Absolute(n)) => {
                let cell = got.iter().position(|value| *value == n).expect("it was collected above");
                place.distance(running + (cells_at + 8 * cell) as u64)
            }
            (RelocKind::Abs8, SymbolValue::Absolute(n)) => place.absolute(n as u64),
            (RelocKind::CallPcRel, SymbolValue::Absolute(n)) => place.distance(n as u64),
            (kind, SymbolValue::Function { .. }) => {
                Err(format!("it is reached through a slot, which {kind:?} cannot do"))
            }
        }
        .map_err(|e| match object.name(relocation.symbol) {
            Ok(name) => LinkError::Object(format!("'{name}': {e}")),
            Err(_) => LinkError::Object(e),
        })?;
    }
    let Identity { function, tier, body_offset } = identity;
    let handlers = handlers(object.handlers, resolve)?;
    let record = CodeRecord { function, tier, sites: object.sites.into(), handlers, body_offset };
    alloc.finalize(record).map_err(LinkError::Memory)
}

/// Room for `len` bytes, the object's code first.
fn allocate<'a>(
    object: &Object<'_>,
    len: usize,
    code: &'a ModuleCode,
    placement: Placement,
) -> Result<InFlightAlloc<'a>, CodeMemoryError> {
    if placement == Placement::Next {
        return code.allocate(len);
    }
    let mut alloc = code.allocate(len + placement::WINDOW)?;
    let distance = placement::distance(object.text, alloc.running_address(), object.align as usize);
    alloc.keep(distance..distance + len);
    Ok(alloc)
}

/// What the symbols of an object stand for; each is asked for once.
struct Symbols<'a> {
    object: &'a Object<'a>,
    resolve: &'a dyn Fn(&str) -> Option<SymbolValue>,
    /// By their numbers.
    values: Vec<Option<SymbolValue>>,
}

impl Symbols<'_> {
    fn value(&mut self, relocation: &Relocation) -> Result<SymbolValue, LinkError> {
        let known = &mut self.values[relocation.symbol];
        if let Some(value) = *known {
            return Ok(value);
        }
        let name = self.object.name(relocation.symbol).map_err(LinkError::Object)?;
        Ok(*known.insert(lookup(name, self.resolve)?))
    }
}

fn lookup(symbol: &str, resolve: &dyn Fn(&str) -> Option<SymbolValue>) -> Result<SymbolValue, LinkError> {
    resolve(symbol).ok_or_else(|| LinkError::Object(format!("symbol '{symbol}' is unknown")))
}

/// The handlers of the object, whose tags are now what their symbols stand for.
fn handlers(
    encoded: &[u8],
    resolve: &dyn Fn(&str) -> Option<SymbolValue>,
) -> Result<Box<[Handler]>, LinkError> {
    let malformed = || LinkError::Object("its handlers are malformed".into());
    let mut handlers = handlers::decode(encoded).ok_or_else(malformed)?;
    for handler in handlers.iter_mut().filter(|handler| handler.tag != CATCH_ALL) {
        let name = SymbolName { kind: Symbol::Tag(0).kind(), ordinal: handler.tag };
        handler.tag = match lookup(&name.to_string(), resolve)? {
            SymbolValue::Absolute(offset) => u32::try_from(-offset).map_err(|_| malformed())?,
            SymbolValue::Function { .. } => return Err(malformed()),
        };
    }
    Ok(handlers.into())
}

/// Numbers that are loaded from a GOT entry and do not fit the immediate that the load could be relaxed to: each
/// gets a cell behind the code.
fn got_cells(symbols: &mut Symbols<'_>) -> Result<Vec<i64>, LinkError> {
    let mut cells = Vec::new();
    for relocation in symbols.object.relocations.iter().filter(|r| r.kind == RelocKind::GotPcRel) {
        if let SymbolValue::Absolute(n) = symbols.value(relocation)?
            && !x86_64::fits_immediate(n)
            && !cells.contains(&n)
        {
            cells.push(n);
        }
    }
    Ok(cells)
}
