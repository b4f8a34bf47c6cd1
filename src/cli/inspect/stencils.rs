//! What the first tier makes of a function: its stencils and what stands between them, under each operator.

use super::function::{Function, Line};
use super::label;
use crate::compile::stencil::{Listing, Part, PartKind};
use crate::object::symbol::Symbol;
use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter};
use std::fmt::Write;
use std::ops::Range;

/// The listing of the first tier: under each operator its stencils and what stands between.
pub(super) struct Stencils<'a> {
    function: &'a Function<'a>,
    listing: &'a Listing,
}

impl<'a> Stencils<'a> {
    pub(super) fn new(function: &'a Function<'a>, listing: &'a Listing) -> Stencils<'a> {
        Stencils { function, listing }
    }

    /// Appends all of it, operator by operator.
    pub(super) fn write(&self, out: &mut String) {
        self.before(out);
        for line in &self.function.lines {
            let joined = if self.joined(line) { "  ; by the stencil of the operator before it" } else { "" };
            let _ = writeln!(out, "{}{joined}", self.function.operator(line));
            self.operator(out, line);
        }
        self.behind(out);
    }

    /// Whether the stencil of the operator before this one does it, too.
    pub(super) fn joined(&self, line: &Line) -> bool {
        !self.listing.parts.iter().any(|part| part.operator == Some(line.at))
    }

    /// Appends what stands before the code of the first operator.
    pub(super) fn before(&self, out: &mut String) {
        let parts = self.listing.parts.iter();
        parts
            .filter(|part| part.kind == PartKind::Prologue)
            .for_each(|part| self.part(out, part, "prologue"));
    }

    /// Appends the code of an operator.
    pub(super) fn operator(&self, out: &mut String, line: &Line) {
        let own = self.listing.parts.iter().filter(|part| part.operator == Some(line.at));
        own.for_each(|part| self.part(out, part, &line.name));
    }

    /// Appends what stands behind the code of the last operator.
    pub(super) fn behind(&self, out: &mut String) {
        let behind = |part: &&Part| part.operator.is_none() && part.kind != PartKind::Prologue;
        self.listing.parts.iter().filter(behind).for_each(|part| self.part(out, part, ""));
    }

    /// A part of the code, for the operator of this name.
    fn part(&self, out: &mut String, part: &Part, name: &str) {
        if part.code.is_empty() {
            return;
        }
        let title = match &part.kind {
            PartKind::Stencil(form) if form.is_empty() => format!("[{name}]"),
            PartKind::Stencil(form) => format!("[{name} {form}]"),
            PartKind::Prologue => "prologue".into(),
            PartKind::Safepoints => "safepoints".into(),
            PartKind::Traps => "traps".into(),
            PartKind::Constants => "constants".into(),
            PartKind::Between | PartKind::Targets => String::new(),
        };
        if !title.is_empty() {
            let _ = writeln!(out, "{:10}{title}", "");
        }
        match part.kind {
            PartKind::Targets => self.targets(out, &part.code),
            PartKind::Constants => self.bytes(out, &part.code),
            _ => self.instructions(out, &part.code),
        }
    }

    fn code(&self, range: &Range<u32>) -> &[u8] {
        &self.listing.code[range.start as usize..range.end as usize]
    }

    fn instructions(&self, out: &mut String, range: &Range<u32>) {
        let mut formatter = GasFormatter::new();
        let mut decoder =
            Decoder::with_ip(64, self.code(range), u64::from(range.start), DecoderOptions::NONE);
        formatter.options_mut().set_uppercase_hex(false);
        formatter.options_mut().set_rip_relative_addresses(true);
        formatter.options_mut().set_branch_leading_zeros(false);
        let mut text = String::new();
        while decoder.can_decode() {
            let instruction = decoder.decode();
            text.clear();
            formatter.format(&instruction, &mut text);
            let _ = write!(out, "{:12}{:6x}  {text}", "", instruction.ip());
            let places = instruction.ip() as u32..instruction.next_ip() as u32;
            let symbols = &self.listing.symbols;
            let first = symbols.partition_point(|(place, _)| *place < places.start);
            if let Some((_, symbol)) = symbols.get(first).filter(|(place, _)| places.contains(place)) {
                let _ = write!(out, "  ; {}", self.symbol(*symbol));
            }
            out.push('\n');
        }
    }

    /// What the linker writes.
    fn symbol(&self, symbol: Symbol) -> String {
        match symbol {
            Symbol::Func(index) | Symbol::FuncImport(index) | Symbol::FuncIndex(index) => {
                label(self.function.module, index)
            }
            other => format!("{other:?}"),
        }
    }

    /// Distances from where the first stands.
    fn targets(&self, out: &mut String, range: &Range<u32>) {
        for (n, word) in self.code(range).chunks_exact(4).enumerate() {
            let distance = word.iter().rev().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
            let (at, target) = (range.start + 4 * n as u32, range.start.wrapping_add(distance));
            let _ = writeln!(out, "{:12}{at:6x}  to {target:#x}", "");
        }
    }

    fn bytes(&self, out: &mut String, range: &Range<u32>) {
        for (n, bytes) in self.code(range).chunks(16).enumerate() {
            let _ = write!(out, "{:12}{:6x} ", "", range.start + 16 * n as u32);
            bytes.iter().for_each(|byte| _ = write!(out, " {byte:02x}"));
            out.push('\n');
        }
    }
}
