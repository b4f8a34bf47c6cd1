//! The name section: what the module's author called things. Nothing depends on it: what is malformed in it is as if
//! it were absent. It is read when a name is first asked for, and of it is kept where the names lie.

use super::bytes::{ModuleBytes, Window};
use std::ops::Range;
use std::sync::OnceLock;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// Where the names of functions lie.
#[derive(Debug, Default)]
pub(super) struct Names {
    section: Option<Range<u64>>,
    functions: OnceLock<Vec<Place>>,
}

/// Where one name lies: bytes from the start of the section.
#[derive(Clone, Copy, Debug)]
struct Place {
    function: u32,
    start: u32,
    len: u32,
}

impl Names {
    /// The names in a section whose content is at `section`.
    pub(super) fn new(section: Option<Range<u64>>) -> Names {
        Names { section, functions: OnceLock::new() }
    }

    /// The name of a function as it stands in the file.
    pub(super) fn function(&self, bytes: &ModuleBytes, function: u32) -> Option<String> {
        let section = self.section.as_ref()?;
        let places = self.functions.get_or_init(|| places(bytes, section).unwrap_or_default());
        let at = places.binary_search_by_key(&function, |place| place.function).ok()?;
        let place = places[at];
        let name = bytes.copy(section.start + u64::from(place.start), place.len as usize).ok()?;
        String::from_utf8(name).ok()
    }
}

/// Where the names of functions lie in the section, by function. `None` if the section cannot be read.
fn places(bytes: &ModuleBytes, section: &Range<u64>) -> Option<Vec<Place>> {
    let content = bytes.copy(section.start, (section.end - section.start) as usize).ok()?;
    let mut places = Vec::new();
    let subsections = NameSectionReader::new(BinaryReader::new(&content, 0));
    for map in subsections.into_iter().map_while(Result::ok) {
        let Name::Function(map) = map else { continue };
        for naming in map.into_iter().map_while(Result::ok) {
            // The name is a part of the content, so this is its place there.
            let start = naming.name.as_ptr().addr() - content.as_ptr().addr();
            places.push(Place { function: naming.index, start: start as u32, len: naming.name.len() as u32 });
        }
    }
    places.sort_by_key(|place| place.function);
    places.dedup_by_key(|place| place.function);
    Some(places)
}

/// The module's own name, if the section begins with it, as its order prescribes.
pub(super) fn module_name(window: &mut Window<'_>, section: Range<u64>) -> Option<String> {
    /// The id of the subsection, its length, and the length of the name.
    const HEADER: u64 = 11;
    let len = section.end - section.start;
    let seen = window.at(section.start, HEADER.min(len)).ok()?;
    let mut reader = BinaryReader::new(&seen[..HEADER.min(len) as usize], 0);
    if reader.read_u8().ok()? != 0 {
        return None;
    }
    let subsection = reader.read_var_u32().ok()?;
    let start = reader.original_position();
    let end = start + u64::from(subsection);
    if end > len {
        return None;
    }
    let seen = window.at(section.start + start, u64::from(subsection)).ok()?;
    let mut reader = BinaryReader::new(&seen[..subsection as usize], 0);
    reader.read_string().ok().map(String::from)
}

/// A name as a reader of the program's source knows it: Rust's and C++'s mangling undone.
pub(super) fn demangle(name: &str) -> String {
    if let Ok(demangled) = rustc_demangle::try_demangle(name) {
        return format!("{demangled:#}");
    }
    let cpp = if name.starts_with("_Z") { cpp_demangle::Symbol::new(name).ok() } else { None };
    cpp.and_then(|symbol| symbol.demangle().ok()).unwrap_or_else(|| name.into())
}
