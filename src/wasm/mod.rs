//! The guest module as plain data: where its bytes are, what it declares, and copies of function bodies on demand.
//! Knows nothing of compiling or running.

pub mod bytes;
mod callees;
mod const_expr;
mod data;
mod elements;
mod error;
pub mod features;
mod hints;
mod lines;
mod missing;
mod names;
mod plain;
mod producers;
mod scan;
mod sections;
mod slice;
#[cfg(test)]
mod tests;
mod types;
mod used;
mod validate;

pub use bytes::ModuleBytes;
pub use elements::{FirstElement, FirstElements};
pub use error::Error;
pub use features::Features;
pub use hints::BranchHint;
pub use lines::SourcePlace;
pub use producers::Producer;
pub use scan::Section;

use latier_runtime::abi::FuncIndex;
use latier_runtime::module::{Item, ModuleDesc};
use latier_runtime::types::TypeRegistry;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// A module that was parsed: everything but its function bodies is known and valid.
pub struct Module {
    /// What the executor must know of it.
    pub desc: Arc<ModuleDesc>,
    /// Its bytes.
    pub bytes: Arc<ModuleBytes>,
    features: Features,
    bodies: validate::Bodies,
    names: names::Names,
    hints: hints::Hints,
    producers: Option<Range<u64>>,
    sections: Vec<Section>,
    lines: lines::Lines,
    elements: OnceLock<FirstElements>,
    validated: AtomicBool,
}

/// A private copy of one function's body: what was validated is what is compiled, whatever becomes of the file.
#[derive(Clone, Debug)]
pub struct Body {
    /// The function.
    pub index: FuncIndex,
    /// Where the body lies in the file: offsets in the code are relative to this.
    pub offset: u64,
    /// Declarations of locals, then code.
    pub bytes: Vec<u8>,
}

impl Body {
    /// The body for the parser's crate; positions are offsets in the file.
    pub fn reader(&self) -> wasmparser::FunctionBody<'_> {
        wasmparser::FunctionBody::new(wasmparser::BinaryReader::new(&self.bytes, self.offset))
    }
}

impl Module {
    /// Scans a binary module. Function bodies are only located.
    ///
    /// # Errors
    /// When the module is malformed, or invalid outside of function bodies, or uses what is not supported, or cannot
    /// be read.
    pub fn parse(bytes: ModuleBytes, features: Features, registry: &TypeRegistry) -> Result<Module, Error> {
        let scan = |features: Features| scan::scan(&bytes, features, registry);
        let scanned = scan(features).map_err(|e| missing::named(features, e, |with| scan(with).map(drop)))?;
        Ok(Module {
            desc: Arc::new(scanned.desc),
            bytes: Arc::new(bytes),
            features,
            bodies: scanned.bodies,
            names: names::Names::new(scanned.custom.names),
            hints: hints::Hints::new(scanned.custom.hints),
            producers: scanned.custom.producers,
            sections: scanned.sections,
            lines: lines::Lines::default(),
            elements: OnceLock::new(),
            validated: AtomicBool::new(false),
        })
    }

    /// The features it may use.
    pub fn features(&self) -> Features {
        self.features
    }

    /// Its sections, in the order of the file.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The proposals that it uses, by their names: without one of them it would not be valid. All its bodies are looked
    /// at for that; as far as they are not valid, what they use is not told.
    pub fn used_features(&self) -> Vec<&'static str> {
        used::used(&self.bytes, self.features)
    }

    /// Where in the program's source the operator at `offset` in the file comes from, by its debugging information (DWARF):
    /// the innermost function that was inlined there first. Empty when nothing is known. Debugging information is read when
    /// this is first asked.
    pub fn source_places(&self, offset: u64) -> Vec<SourcePlace> {
        let Some(offset) = offset.checked_sub(self.bodies.section_start()) else { return Vec::new() };
        self.lines.places(&self.bytes, &self.sections, offset)
    }

    /// How many functions it defines itself.
    pub fn defined_functions(&self) -> u32 {
        self.bodies.count()
    }

    /// Bytes of all function bodies.
    pub fn code_bytes(&self) -> u64 {
        self.bodies.code_bytes()
    }

    /// Where the body of a function lies in the file; `None` if the module does not define it.
    pub fn body_range(&self, index: FuncIndex) -> Option<Range<u64>> {
        self.bodies.range(index.0.checked_sub(self.desc.func_imports)?)
    }

    /// Bytes of a function's body; 0 when the module does not define the function.
    pub fn body_bytes(&self, index: FuncIndex) -> u64 {
        self.body_range(index).map_or(0, |range| range.end - range.start)
    }

    /// A private copy of a function's body, read now.
    ///
    /// # Errors
    /// When the module does not define the function, or the file can no longer be read or has changed.
    pub fn body(&self, index: FuncIndex) -> Result<Body, String> {
        let Some(range) = self.body_range(index) else {
            return Err(format!("the module does not define function {}", index.0));
        };
        let bytes = self.bytes.copy(range.start, (range.end - range.start) as usize)?;
        Ok(Body { index, offset: range.start, bytes })
    }

    /// What its tables hold at first; found out when this is first asked.
    pub fn first_elements(&self) -> &FirstElements {
        self.elements.get_or_init(|| FirstElements::new(&self.desc))
    }

    /// The functions that a validated body calls by their index, or by a table that holds few of their type at first: each
    /// once, in order, and none that is imported.
    pub fn callees(&self, body: &Body) -> Vec<FuncIndex> {
        callees::callees(&body.bytes, &self.desc, self.first_elements())
    }

    /// Validates a body.
    ///
    /// # Errors
    /// When it is malformed or invalid.
    pub fn validate(&self, body: &Body) -> Result<(), Error> {
        self.bodies.validate(&self.desc, body)
    }

    /// Validates every body, on all cores if there is much to do.
    ///
    /// # Errors
    /// The first in the file, in every run the same.
    pub fn validate_all(&self) -> Result<(), Error> {
        self.bodies.validate_all(&self.desc, &self.bytes)?;
        self.validated.store(self.bytes.is_immutable(), Ordering::Release);
        Ok(())
    }

    /// Whether every body this module can ever give is known to be valid. Never so of a file: what was validated may
    /// not be what is read later.
    pub fn is_validated(&self) -> bool {
        self.validated.load(Ordering::Acquire)
    }

    /// What the module's author expects of the branches of a function, by offset.
    pub fn branch_hints(&self, index: FuncIndex) -> &[BranchHint] {
        self.hints.of(&self.bytes, index.0)
    }

    /// The languages and tools it comes from, as its producers section says.
    pub fn producers(&self) -> Vec<Producer> {
        self.producers.as_ref().map_or(Vec::new(), |section| producers::read(&self.bytes, section))
    }

    /// The name of a function in the name section, as it stands there.
    pub fn func_name(&self, index: FuncIndex) -> Option<String> {
        self.names.function(&self.bytes, index.0)
    }

    /// The name of a function as a reader of the program's source knows it: Rust's and C++'s mangling undone.
    pub fn display_name(&self, index: FuncIndex) -> Option<String> {
        self.func_name(index).map(|name| names::demangle(&name))
    }

    /// What people call a function: its [display name](Module::display_name), else the name of its first export.
    pub fn common_name(&self, index: FuncIndex) -> Option<String> {
        let exported = || {
            let is_it = |item| matches!(item, Item::Func(function) if function == index.0);
            let export = self.desc.exports.iter().find(|export| is_it(export.item))?;
            Some(export.name.clone())
        };
        self.display_name(index).or_else(exported)
    }
}
