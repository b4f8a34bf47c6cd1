//! Source lines: what compilers tell of where code comes from, as DWARF in custom sections (tool conventions, "DWARF for
//! WebAssembly"). Nothing depends on it: what is malformed in it is as if it were absent. It is read when a place is first
//! asked for.

use super::bytes::ModuleBytes;
use super::names;
use super::scan::Section;
use super::slice::Slice;
use addr2line::Context;
use addr2line::gimli::{self, Dwarf};
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

/// A place in a program's source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcePlace {
    /// The function, as its source spells it.
    pub function: Option<String>,
    /// The file, as the compiler was given it.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The column, counted from 1; 0 for the whole line.
    pub column: Option<u32>,
}

impl fmt::Display for SourcePlace {
    /// `file:line:column`, as far as they are known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file.as_deref().unwrap_or("<unknown>"))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column.filter(|column| *column > 0) {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

/// The debugging information of a module; none until it is asked for.
#[derive(Default)]
pub(super) struct Lines(OnceLock<Option<Mutex<Context<Slice>>>>);

impl Lines {
    /// Where the operator `offset` bytes behind the start of the code section's content comes from.
    pub(super) fn places(&self, bytes: &ModuleBytes, sections: &[Section], offset: u64) -> Vec<SourcePlace> {
        let context = self.0.get_or_init(|| load(bytes, sections).map(Mutex::new));
        let Some(context) = context else { return Vec::new() };
        let context = context.lock().unwrap_or_else(PoisonError::into_inner);
        find(&context, offset).unwrap_or_default()
    }
}

fn load(bytes: &ModuleBytes, sections: &[Section]) -> Option<Context<Slice>> {
    let content = |id: gimli::SectionId| {
        let section = sections.iter().find(|section| section.custom && section.name == id.name());
        let content = section.and_then(|section| {
            let len = section.content.end - section.content.start;
            bytes.copy(section.content.start, len as usize).ok()
        });
        Ok::<_, gimli::Error>(Slice::new(content.unwrap_or_default()))
    };
    let has_lines = sections.iter().any(|section| section.custom && section.name == ".debug_info");
    if !has_lines {
        return None;
    }
    Context::from_dwarf(Dwarf::load(content).ok()?).ok()
}

fn find(context: &Context<Slice>, offset: u64) -> Result<Vec<SourcePlace>, gimli::Error> {
    let mut frames = context.find_frames(offset).skip_all_loads()?;
    let mut places = Vec::new();
    while let Some(frame) = frames.next()? {
        let function = frame.function.and_then(|function| {
            let name = function.raw_name().ok()?.into_owned();
            Some(names::demangle(&name))
        });
        let location = frame.location;
        places.push(SourcePlace {
            function,
            file: location.as_ref().and_then(|at| at.file).map(String::from),
            line: location.as_ref().and_then(|at| at.line),
            column: location.as_ref().and_then(|at| at.column),
        });
    }
    Ok(places)
}
