//! What a body is stitched together from, for people who look: which stencil stands where and for which operator.

use super::form::{Class, Exit, Form};
use super::operator;
use super::pass::{Buffers, Pass, unsupported};
use super::table::Table;
use crate::compile::{CompileError, FunctionBody};
use crate::object::symbol::Symbol;
use crate::object::write::Target;
use latier_runtime::module::ModuleDesc;
use std::ops::Range;
use wasmparser::Operator;

/// The machine code of a body, and what it is made of.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The machine code, as it is before it is linked.
    pub code: Vec<u8>,
    /// What it is made of, in the order of the code and without gaps.
    pub parts: Vec<Part>,
    /// Offsets in the code of the distances that the linker writes, ascending, and what they lead to.
    pub symbols: Vec<(u32, Symbol)>,
}

/// A part of the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The operator that it is for, by its offset in the body. An operator may have several parts, empty ones too;
    /// one that has none is done by the operator before it.
    pub operator: Option<u32>,
    /// What it is.
    pub kind: PartKind,
    /// Where it is.
    pub code: Range<u32>,
}

/// What a part of the code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// The body's beginning.
    Prologue,
    /// One of the operator's stencils, by where its operands are (R is a register, M the frame, C the code) and how
    /// it goes on: `R,M branch-if`; or `frame`: operands and results are all in the frame.
    Stencil(String),
    /// What stands between stencils: moves, jumps, calls.
    Between,
    /// Where a `br_table` leads: distances, no code.
    Targets,
    /// Where safepoints lead, behind the body.
    Safepoints,
    /// What traps, behind those.
    Traps,
    /// Constants that stencils refer to.
    Constants,
}

/// Where the first `operands` operands are and how it goes on.
pub(super) fn describe(form: Form, operands: usize) -> String {
    if form.frame {
        return "frame".into();
    }
    let classes = form.classes.iter().take(operands).map(|class| match class {
        Class::Register => "R",
        Class::Memory => "M",
        Class::Constant => "C",
    });
    let classes = classes.collect::<Vec<_>>().join(",");
    match form.exit {
        Exit::Next => classes,
        Exit::BranchIf => classes + " branch-if",
        Exit::BranchUnless => classes + " branch-unless",
    }
}

/// What the pass tells of its way, if it is asked to.
#[derive(Default)]
pub(super) struct Trace {
    parts: Vec<Part>,
    /// Where code begins of which the part is not known yet, and the operator that it is for.
    at: u32,
    operator: Option<u32>,
    /// The stencil that is copied next.
    form: String,
    /// Bytes of targets that its code ends with.
    targets: u32,
}

impl Trace {
    /// All from here on is for this operator.
    pub(super) fn operator(&mut self, op: &Operator<'_>, offset: u32, at: u32) {
        self.between(at);
        self.operator = Some(offset);
        self.targets = if let Operator::BrTable { targets } = op { 4 * targets.len() } else { 0 };
        self.part(PartKind::Between, at..at);
    }

    /// The stencil that is copied next is of this form, and so many operands.
    pub(super) fn choose(&mut self, form: Form, operands: usize) {
        self.form = describe(form, operands);
    }

    /// A stencil was copied.
    pub(super) fn stencil(&mut self, code: Range<u32>) {
        self.between(code.start);
        let form = std::mem::take(&mut self.form);
        self.part(PartKind::Stencil(form), code);
    }

    /// The operators end here.
    pub(super) fn end(&mut self, at: u32) {
        self.between(at);
        self.operator = None;
    }

    /// Behind the operators, all up to here is of this kind.
    pub(super) fn behind(&mut self, kind: PartKind, at: u32) {
        self.part(kind, self.at..at);
    }

    fn between(&mut self, at: u32) {
        if self.at == at {
            return;
        }
        let kind = if self.operator.is_none() { PartKind::Prologue } else { PartKind::Between };
        self.part(kind, self.at..at - self.targets);
        if self.targets > 0 {
            self.part(PartKind::Targets, at - self.targets..at);
        }
    }

    fn part(&mut self, kind: PartKind, code: Range<u32>) {
        self.at = code.end;
        self.parts.push(Part { operator: self.operator, kind, code });
    }
}

/// Compiles a body and tells what its code is made of.
///
/// # Errors
/// When it has an operator without a stencil, or there are no stencils for this machine.
pub fn listing(
    module: &ModuleDesc,
    body: FunctionBody<'_>,
    relaxed_simd_deterministic: bool,
) -> Result<Listing, CompileError> {
    let table = Table::get(relaxed_simd_deterministic).map_err(|e| *unsupported(e))?;
    let mut buffers = Buffers::default();
    buffers.begin(operator::memory0_facts(module));
    let mut pass = Pass::new(module, table, buffers, body);
    pass.trace = Some(Box::default());
    pass.body().map_err(|e| *e)?;
    let mut trace = pass.trace.take().expect("it was put there");
    let code = pass.b.code.bytes().to_vec();
    trace.part(PartKind::Constants, trace.at..code.len() as u32);
    let empty = |part: &Part| part.operator.is_none() && part.code.is_empty();
    trace.parts.retain(|part| !empty(part));
    let mut symbols: Vec<(u32, Symbol)> = pass
        .b
        .relocations
        .iter()
        .filter_map(|relocation| {
            let Target::Symbol(name) = relocation.target else { return None };
            Some((relocation.offset, pass.b.symbols[name.ordinal as usize]))
        })
        .collect();
    symbols.sort_by_key(|(place, _)| *place);
    Ok(Listing { code, parts: trace.parts, symbols })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::{self, Features, ModuleBytes};
    use latier_runtime::abi::FuncIndex;
    use latier_runtime::types::TypeRegistry;

    fn listing_of(text: &str) -> Listing {
        let bytes = ModuleBytes::from(wat::parse_str(text).unwrap());
        let module = wasm::Module::parse(bytes, Features::default(), &TypeRegistry::new()).unwrap();
        let body = module.body(FuncIndex(module.desc.func_imports)).unwrap();
        module.validate(&body).unwrap();
        listing(&module.desc, FunctionBody::new(&module, &body), true).unwrap()
    }

    fn stencils(listing: &Listing) -> Vec<&str> {
        let name = |part: &'_ Part| matches!(part.kind, PartKind::Stencil(_)) && !part.code.is_empty();
        let parts = listing.parts.iter().filter(|part| name(part));
        parts.map(|part| if let PartKind::Stencil(form) = &part.kind { form.as_str() } else { "" }).collect()
    }

    #[test]
    fn parts_cover_the_code_without_gaps() {
        let text = r#"(module (memory 1) (func (param i32 f64) (result i32)
            (f64.store (local.get 0) (f64.floor (f64.neg (local.get 1))))
            (block (block (br_table 0 1 0 (local.get 0))) (drop (i32.div_s (local.get 0) (local.get 0))))
            (i32.load (local.get 0))))"#;
        let listing = listing_of(text);
        let mut at = 0;
        for part in &listing.parts {
            assert_eq!(part.code.start, at, "{part:?}");
            at = part.code.end;
        }
        assert_eq!(at as usize, listing.code.len());
        let part = |kind: PartKind| listing.parts.iter().find(|part| part.kind == kind);
        assert_eq!(listing.parts[0].kind, PartKind::Prologue);
        assert_eq!(part(PartKind::Targets).unwrap().code.len(), 8);
        assert!(!part(PartKind::Safepoints).unwrap().code.is_empty());
        let traps = &part(PartKind::Traps).unwrap().code;
        let traps = &listing.code[traps.start as usize..traps.end as usize];
        assert!(!traps.is_empty() && traps.chunks(2).all(|trap| trap == [0x0f, 0x0b]), "{traps:x?}");
    }

    #[test]
    fn a_stencil_says_where_its_operands_are_and_how_it_goes_on() {
        let text =
            "(module (func (param i32 i32) (result i32) (if (i32.lt_s (local.get 0) (i32.const 9)) (then))
            (i32.add (i32.mul (local.get 0) (local.get 1)) (local.get 1))))";
        assert_eq!(stencils(&listing_of(text)), ["R,C branch-unless", "M,M", "R,M"]);
    }

    #[test]
    fn places_that_the_linker_writes_have_their_symbols() {
        let listing = listing_of(
            "(module (global $g (mut i32) (i32.const 0)) (func $f (global.set $g (i32.const 1)) (call $f)))",
        );
        let symbols: Vec<Symbol> = listing.symbols.iter().map(|(_, symbol)| *symbol).collect();
        assert_eq!(symbols, [Symbol::Global(0), Symbol::Func(0)]);
    }
}
