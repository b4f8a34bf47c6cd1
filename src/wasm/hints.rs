//! Branch hints: the custom section `metadata.code.branch_hint` (proposal "branch hinting", binary format), in which
//! the module's author says which branches are probably taken. Nothing but speed depends on it: what is malformed in
//! it is as if it were absent. It is read when a body is first asked for its hints.

use super::bytes::ModuleBytes;
use std::ops::Range;
use std::sync::OnceLock;
use wasmparser::{BinaryReader, BranchHintSectionReader};

/// What the author expects of one `if` or `br_if`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchHint {
    /// Where the instruction stands: bytes from the start of the body.
    pub offset: u32,
    /// Whether the condition is probably true.
    pub likely: bool,
}

/// The hints of a module's functions.
#[derive(Debug, Default)]
pub(super) struct Hints {
    section: Option<Range<u64>>,
    read: OnceLock<Table>,
}

/// All hints, and where in them those of each function lie.
#[derive(Debug, Default)]
struct Table {
    functions: Vec<(u32, Range<usize>)>,
    hints: Vec<BranchHint>,
}

impl Hints {
    /// The hints in a section whose content is at `section`.
    pub(super) fn new(section: Option<Range<u64>>) -> Hints {
        Hints { section, read: OnceLock::new() }
    }

    /// The hints of a function, by offset.
    pub(super) fn of(&self, bytes: &ModuleBytes, function: u32) -> &[BranchHint] {
        let Some(section) = &self.section else { return &[] };
        let table = self.read.get_or_init(|| read(bytes, section).unwrap_or_default());
        let found = table.functions.binary_search_by_key(&function, |(function, _)| *function);
        found.map_or(&[], |n| &table.hints[table.functions[n].1.clone()])
    }
}

/// Reads the section as far as it is well formed. `None` if it cannot be read at all.
fn read(bytes: &ModuleBytes, section: &Range<u64>) -> Option<Table> {
    let content = bytes.copy(section.start, (section.end - section.start) as usize).ok()?;
    let mut table = Table::default();
    let reader = BranchHintSectionReader::new(BinaryReader::new(&content, 0)).ok()?;
    for function in reader.into_iter().map_while(Result::ok) {
        let start = table.hints.len();
        for hint in function.hints.into_iter().map_while(Result::ok) {
            table.hints.push(BranchHint { offset: hint.func_offset, likely: hint.taken });
        }
        table.hints[start..].sort_by_key(|hint| hint.offset);
        table.functions.push((function.func, start..table.hints.len()));
    }
    table.functions.sort_by_key(|(function, _)| *function);
    table.functions.dedup_by_key(|(function, _)| *function);
    Some(table)
}
