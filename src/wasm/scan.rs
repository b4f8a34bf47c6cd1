//! The walk over a module's sections. Reads what must be known before anything runs and passes over the rest: of the
//! code section it learns where each body lies, of the data section where the bytes of each segment lie. Bodies are
//! not validated here; everything else is.

use super::bytes::{ModuleBytes, Window};
use super::data::{self, Found, Skeleton};
use super::error::Error;
use super::features::Features;
use super::names;
use super::sections::Contents;
use super::validate::Bodies;
use latier_runtime::module::ModuleDesc;
use latier_runtime::types::TypeRegistry;
use std::ops::Range;
use wasmparser::{BinaryReader, Encoding, FunctionBody, SectionLimited, Validator, WasmFeatures};

/// What a scan finds.
pub(super) struct Scanned {
    pub(super) desc: ModuleDesc,
    pub(super) bodies: Bodies,
    pub(super) custom: Custom,
    pub(super) sections: Vec<Section>,
}

/// A section of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What the specification calls it; of a custom one, its own name.
    pub name: String,
    /// Whether it is a custom section.
    pub custom: bool,
    /// Where its content lies in the file, in bytes; that of a custom section begins behind its name.
    pub content: Range<u64>,
}

/// Where the custom sections lie of which we know the meaning: their contents.
#[derive(Default)]
pub(super) struct Custom {
    pub(super) names: Option<Range<u64>>,
    pub(super) producers: Option<Range<u64>>,
    pub(super) hints: Option<Range<u64>>,
}

/// Scans a whole module.
pub(super) fn scan(
    bytes: &ModuleBytes,
    features: Features,
    registry: &TypeRegistry,
) -> Result<Scanned, Error> {
    let mut scanner = Scanner {
        window: Window::new(bytes),
        len: bytes.len(),
        features: features.flags(),
        validator: Validator::new_with_features(features.flags()),
        contents: Contents::new(registry),
        bodies: Bodies::none(features),
        last_order: 0,
        function_count: None,
        code_count: None,
        data_count: None,
        data_segments: None,
        custom: Custom::default(),
        sections: Vec::new(),
    };
    scanner.header()?;
    let mut at = 8;
    while at < scanner.len {
        at = scanner.section(at)?;
    }
    scanner.finish()
}

struct Scanner<'a> {
    window: Window<'a>,
    len: u64,
    features: WasmFeatures,
    validator: Validator,
    contents: Contents<'a>,
    bodies: Bodies,
    last_order: u8,
    function_count: Option<u32>,
    code_count: Option<u32>,
    data_count: Option<u32>,
    data_segments: Option<u32>,
    custom: Custom,
    sections: Vec<Section>,
}

/// What a custom section is for.
enum CustomKind {
    Names,
    Producers,
    Hints,
    Other,
}

impl CustomKind {
    fn of(name: &str) -> CustomKind {
        match name {
            "name" => CustomKind::Names,
            "producers" => CustomKind::Producers,
            "metadata.code.branch_hint" => CustomKind::Hints,
            _ => CustomKind::Other,
        }
    }
}

/// Section ids (specification, "Modules", binary format).
mod id {
    pub(super) const CUSTOM: u8 = 0;
    pub(super) const TYPE: u8 = 1;
    pub(super) const IMPORT: u8 = 2;
    pub(super) const FUNCTION: u8 = 3;
    pub(super) const TABLE: u8 = 4;
    pub(super) const MEMORY: u8 = 5;
    pub(super) const GLOBAL: u8 = 6;
    pub(super) const EXPORT: u8 = 7;
    pub(super) const START: u8 = 8;
    pub(super) const ELEMENT: u8 = 9;
    pub(super) const CODE: u8 = 10;
    pub(super) const DATA: u8 = 11;
    pub(super) const DATA_COUNT: u8 = 12;
    pub(super) const TAG: u8 = 13;

    /// What the specification calls them, by number.
    pub(super) const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];

    /// The order in which sections may come.
    pub(super) const ORDER: [u8; 13] =
        [TYPE, IMPORT, FUNCTION, TABLE, MEMORY, TAG, GLOBAL, EXPORT, START, ELEMENT, DATA_COUNT, CODE, DATA];
}

/// The most bytes that the header of a section takes: its id and its length.
const SECTION_HEADER: u64 = 6;
/// The most bytes that an encoded u32 takes.
const U32: u64 = 5;

impl Scanner<'_> {
    fn header(&mut self) -> Result<(), Error> {
        let seen = self.window.at(0, 8)?;
        let magic = &seen[..seen.len().min(4)];
        if magic != &b"\0asm"[..magic.len()] {
            return Err(Error::new(0, "magic header not detected: this is not a WebAssembly module"));
        }
        let Some(version) = seen.get(4..8).and_then(|v| v.try_into().ok()).map(u32::from_le_bytes) else {
            return Err(Error::new(self.len, "unexpected end-of-file"));
        };
        match version {
            1 => Ok(self.validator.version(1, Encoding::Module, &(0..8))?),
            _ if version >> 16 == 1 => Err(Error::new(4, "this is a component, not a core module")),
            _ => Err(Error::new(4, format!("unknown binary version: {version:#x}"))),
        }
    }

    /// Reads the section at `at` and says where the next begins.
    fn section(&mut self, at: u64) -> Result<u64, Error> {
        let seen = self.window.at(at, SECTION_HEADER)?;
        if seen.starts_with(b"\0asm") {
            return Err(Error::new(at, "expected section, got wasm magic number"));
        }
        let seen = &seen[..seen.len().min(SECTION_HEADER as usize)];
        let mut reader = BinaryReader::new_features(seen, at, self.features);
        let id = reader.read_u8()?;
        if id & 0x80 != 0 {
            return Err(Error::new(at, "malformed section id"));
        }
        let len = u64::from(reader.read_var_u32()?);
        let start = reader.original_position();
        let range = start..start + len;
        if range.end > self.len {
            return Err(Error::new(start, "unexpected end-of-file"));
        }
        self.order(id, start)?;
        if id != id::CUSTOM {
            // Others than these were refused.
            let name = id::NAMES.get(usize::from(id)).copied().unwrap_or_default();
            self.sections.push(Section { name: name.into(), custom: false, content: range.clone() });
        }
        match id {
            id::CUSTOM => self.custom_section(range.clone())?,
            id::CODE => self.code_section(range.clone())?,
            id::DATA => self.data_section(range.clone())?,
            _ => self.small_section(id, range.clone())?,
        }
        Ok(range.end)
    }

    fn order(&mut self, id: u8, start: u64) -> Result<(), Error> {
        if id == id::CUSTOM {
            return Ok(());
        }
        let Some(order) = id::ORDER.iter().position(|o| *o == id) else {
            return Err(Error::new(start, format!("malformed section id: {id}")));
        };
        let order = order as u8 + 1;
        if self.last_order >= order {
            return Err(Error::new(start, "section out of order"));
        }
        self.last_order = order;
        Ok(())
    }

    /// A section that is read as a whole.
    fn small_section(&mut self, id: u8, range: Range<u64>) -> Result<(), Error> {
        let Scanner { window, validator, contents, .. } = self;
        let len = range.end - range.start;
        let content = &window.at(range.start, len)?[..len as usize];
        let reader = BinaryReader::new_features(content, range.start, self.features);
        match id {
            id::TYPE => {
                let section = SectionLimited::new(reader)?;
                validator.type_section(&section)?;
                contents.types(section)
            }
            id::IMPORT => {
                let section = SectionLimited::new(reader)?;
                validator.import_section(&section)?;
                contents.imports(section)
            }
            id::FUNCTION => {
                let section = SectionLimited::new(reader)?;
                self.function_count = Some(section.count());
                validator.function_section(&section)?;
                contents.functions(section)
            }
            id::TABLE => {
                let section = SectionLimited::new(reader)?;
                validator.table_section(&section)?;
                contents.tables(section)
            }
            id::MEMORY => {
                let section = SectionLimited::new(reader)?;
                validator.memory_section(&section)?;
                contents.memories(section)
            }
            id::TAG => {
                let section = SectionLimited::new(reader)?;
                validator.tag_section(&section)?;
                contents.tags(section)
            }
            id::GLOBAL => {
                let section = SectionLimited::new(reader)?;
                validator.global_section(&section)?;
                contents.globals(section)
            }
            id::EXPORT => {
                let section = SectionLimited::new(reader)?;
                validator.export_section(&section)?;
                contents.exports(section)
            }
            id::START => {
                let func = single(reader, "start")?;
                validator.start_section(func, &range)?;
                contents.start(func);
                Ok(())
            }
            id::ELEMENT => {
                let section = SectionLimited::new(reader)?;
                validator.element_section(&section)?;
                contents.elements(section)
            }
            id::DATA_COUNT => {
                let count = single(reader, "data count")?;
                self.data_count = Some(count);
                Ok(validator.data_count_section(count, &range)?)
            }
            _ => Ok(validator.unknown_section(id, &range)?),
        }
    }

    /// Reads something at `at` that ends before `end`, of unknown length: more of the file is taken into view until
    /// it succeeds. Gives what was read and where it ends.
    fn read_at<T>(
        &mut self,
        at: u64,
        end: u64,
        read: impl Fn(&mut BinaryReader<'_>) -> Result<T, Error>,
    ) -> Result<(T, u64), Error> {
        let mut want = 64.min(end - at);
        loop {
            let seen = self.window.at(at, want)?;
            let seen = &seen[..seen.len().min((end - at) as usize)];
            let mut reader = BinaryReader::new_features(seen, at, self.features);
            match read(&mut reader) {
                Ok(value) => return Ok((value, reader.original_position())),
                Err(e) if seen.len() as u64 == end - at => return Err(e),
                Err(_) => want = (seen.len() as u64 * 2).min(end - at),
            }
        }
    }

    fn custom_section(&mut self, range: Range<u64>) -> Result<(), Error> {
        let (name, content) = self.read_at(range.start, range.end, |r| Ok(r.read_string()?.to_owned()))?;
        let kind = CustomKind::of(&name);
        self.sections.push(Section { name, custom: true, content: content..range.end });
        let place = match kind {
            CustomKind::Names => &mut self.custom.names,
            CustomKind::Producers => &mut self.custom.producers,
            // Hints stand before the code or are none.
            CustomKind::Hints if self.code_count.is_none() => &mut self.custom.hints,
            CustomKind::Hints | CustomKind::Other => return Ok(()),
        };
        *place = Some(content..range.end);
        Ok(())
    }

    fn code_section(&mut self, range: Range<u64>) -> Result<(), Error> {
        let (count, mut at) = self.read_at(range.start, range.end, |r| Ok(r.read_var_u32()?))?;
        self.code_count = Some(count);
        self.check_function_counts(range.start)?;
        self.validator.code_section_start(&range)?;
        // The count is the function section's, which validation has bounded.
        self.bodies.begin(range.start, count);
        for _ in 0..count {
            let seen = self.window.at(at, U32)?;
            let seen = &seen[..seen.len().min((range.end - at).min(U32) as usize)];
            let mut reader = BinaryReader::new_features(seen, at, self.features);
            let len = reader.read_var_u32()?;
            let start = reader.original_position();
            if u64::from(len) > range.end - start {
                return Err(Error::new(start, "unexpected end-of-file"));
            }
            self.bodies.push(start, len)?;
            at = start + u64::from(len);
        }
        if count > 0 {
            let first = FunctionBody::new(BinaryReader::new_features(&[], range.start, self.features));
            self.bodies.set_resources(self.validator.code_section_entry(&first)?.resources);
        }
        if at < range.end {
            return Err(Error::new(at, "trailing bytes at end of section"));
        }
        Ok(())
    }

    /// Walks over the data section from segment to segment. The validator is shown the section without the
    /// segments' bytes, which it has no interest in and which may be most of the file.
    fn data_section(&mut self, range: Range<u64>) -> Result<(), Error> {
        let (count, mut at) = self.read_at(range.start, range.end, |r| Ok(r.read_var_u32()?))?;
        self.data_segments = Some(count);
        self.check_data_counts(at)?;
        let mut skeleton = Skeleton::new(range.start);
        let (mut segments, mut known) = (Vec::new(), false);
        for _ in 0..count.min(data::MAX_SEGMENTS) {
            let (header, start) = self.read_at(at, range.end, data::segment_header)?;
            let end = start + u64::from(header.bytes);
            if end > range.end {
                return Err(Error::new(start, "unexpected end-of-file"));
            }
            // Of segments for memory 0 at a constant the first shows whether they are valid: it is the same of all.
            let shown = !known || header.offset.is_none();
            if shown {
                skeleton.push(at, &self.window.at(at, header.len)?[..header.len as usize]);
            }
            known |= header.offset.is_some();
            segments.push(Found { range: start..end, offset: header.offset.filter(|_| !shown) });
            at = end;
        }
        skeleton.close(count);
        let section = skeleton.section(self.features)?;
        let checked = self.validator.data_section(&section);
        checked.map_err(|e| skeleton.error_in_file(&e))?;
        if at < range.end {
            return Err(Error::new(at, "section size mismatch: unexpected data at the end of the section"));
        }
        self.contents.data(section, segments)
    }

    fn check_function_counts(&self, at: u64) -> Result<(), Error> {
        let message = match (self.function_count, self.code_count) {
            (Some(n), Some(m)) if n != m => "function and code section have inconsistent lengths",
            (Some(n), None) if n > 0 => "function section has non-zero count but code section is absent",
            (None, Some(m)) if m > 0 => "function section is absent but code section has non-zero count",
            _ => return Ok(()),
        };
        Err(Error::new(at, message))
    }

    fn check_data_counts(&self, at: u64) -> Result<(), Error> {
        let message = match (self.data_count, self.data_segments) {
            (Some(n), Some(m)) if n != m => "data count and data section have inconsistent lengths",
            (Some(n), None) if n > 0 => "data count is non-zero but data section is absent",
            _ => return Ok(()),
        };
        Err(Error::new(at, message))
    }

    fn finish(mut self) -> Result<Scanned, Error> {
        self.check_function_counts(self.len)?;
        self.check_data_counts(self.len)?;
        self.validator.end(self.len)?;
        let name = match &self.custom.names {
            Some(range) => names::module_name(&mut self.window, range.clone()),
            None => None,
        };
        let desc = self.contents.finish(name);
        Ok(Scanned { desc, bodies: self.bodies, custom: self.custom, sections: self.sections })
    }
}

/// The content of a section that is one number.
fn single(mut reader: BinaryReader<'_>, section: &str) -> Result<u32, Error> {
    let value = reader.read_var_u32()?;
    if reader.eof() {
        return Ok(value);
    }
    let message = format!("unexpected content in the {section} section");
    Err(Error::new(reader.original_position(), message))
}
