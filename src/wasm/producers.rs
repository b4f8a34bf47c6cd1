//! The producers section (tool conventions, "Producers Section"): which languages and tools a module comes from.
//! Nothing depends on it: what is malformed in it is as if it were absent.

use super::bytes::ModuleBytes;
use std::fmt;
use std::ops::Range;
use wasmparser::{BinaryReader, ProducersSectionReader};

/// A language, tool or SDK that had a part in the making of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    /// Which part: `language`, `processed-by` or `sdk`.
    pub field: String,
    /// What: `Rust`, `clang`.
    pub name: String,
    /// Its version, in its own words; may be empty.
    pub version: String,
}

impl fmt::Display for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.version.is_empty() { Ok(()) } else { write!(f, " {}", self.version) }
    }
}

/// The producers in the section whose content is at `section`, in its order, as far as it is well formed.
pub(super) fn read(bytes: &ModuleBytes, section: &Range<u64>) -> Vec<Producer> {
    let mut producers = Vec::new();
    let Ok(content) = bytes.copy(section.start, (section.end - section.start) as usize) else {
        return producers;
    };
    let Ok(reader) = ProducersSectionReader::new(BinaryReader::new(&content, 0)) else { return producers };
    for field in reader.into_iter().map_while(Result::ok) {
        for value in field.values.into_iter().map_while(Result::ok) {
            producers.push(Producer {
                field: field.name.into(),
                name: value.name.into(),
                version: value.version.into(),
            });
        }
    }
    producers
}
