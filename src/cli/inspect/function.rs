//! One function: its operators, and what a tier makes of them.

use super::{label, operators};
use crate::compile::stencil::{Listing, Part, PartKind, listing};
use crate::compile::target::Settings;
use crate::compile::{CompileError, FunctionBody, cranelift};
use crate::object::symbol::Symbol;
use crate::wasm::{Body, Module};
use crate::{Error, Result, Tier};
use anyhow::{Context, anyhow, ensure};
use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter};
use latier_runtime::abi::FuncIndex;
use std::fmt::Write;
use std::ops::Range;
use wasmparser::Operator;

/// An operator of the body.
struct Line {
    /// Offset in the body.
    at: u32,
    name: String,
    text: String,
}

/// A function's operators and what `tier` makes of them.
///
/// # Errors
/// When the function has no body, or it is invalid, or the tier refuses it.
pub(super) fn text(
    module: &Module,
    index: u32,
    tier: Tier,
    clif: bool,
    deterministic: bool,
) -> Result<String> {
    let what = label(module, index);
    ensure!(index >= module.desc.func_imports, "{what} is imported: it has no body");
    let body = module.body(FuncIndex(index)).map_err(Error::msg)?;
    module.validate(&body).with_context(|| format!("{what} is invalid"))?;
    let lines = operators(module, &body)?;
    let function = FunctionBody::new(module, &body);
    let refused = |error: CompileError| match error.offset {
        Some(at) => anyhow!("{what}: {error} (at offset {:#x})", body.offset + u64::from(at)),
        None => anyhow!("{what}: {error}"),
    };
    let mut out = format!("{what} {}\n", module.desc.func_type(FuncIndex(index)));
    let settings = match tier {
        Tier::Baseline => {
            let listing = listing(&module.desc, function, deterministic);
            let listing =
                listing.map_err(refused).context("the baseline tier leaves this to `--tier fast`")?;
            let sizes = (body.bytes.len(), listing.code.len());
            let _ = writeln!(out, "{} bytes of Wasm, {} of baseline code", sizes.0, sizes.1);
            Stencils { module, body: &body, lines: &lines, listing: &listing }.write(&mut out);
            return Ok(out);
        }
        Tier::Fast => Settings::Fast,
        Tier::Optimized => Settings::Optimized,
    };
    for line in &lines {
        let _ = writeln!(out, "{:#8x}  {}", body.offset + u64::from(line.at), line.text);
    }
    if clif {
        let text = cranelift::clif(&module.desc, function, settings).map_err(refused)?;
        let _ = write!(out, "\nCLIF, {tier}:\n{text}");
    }
    let text = cranelift::assembly(&module.desc, function, settings).map_err(refused)?;
    let _ = write!(out, "\nAssembly, {tier}:\n{text}");
    Ok(out)
}

/// The operators of a body, indented by how deep they are nested.
fn operators(module: &Module, body: &Body) -> Result<Vec<Line>> {
    let mut reader = body.reader().get_operators_reader()?;
    let mut lines = Vec::new();
    let mut depth = 0_usize;
    while !reader.eof() {
        let at = (reader.original_position() - body.offset) as u32;
        let op = reader.read()?;
        let closes = matches!(op, Operator::End | Operator::Else);
        depth -= usize::from(closes && depth > 0);
        let mut text = format!("{:1$}{2}", "", 2 * depth, operators::text(&op));
        if let Operator::Call { function_index } | Operator::ReturnCall { function_index } = op
            && let Some(name) = module.common_name(FuncIndex(function_index))
        {
            let _ = write!(text, " ({name})");
        }
        lines.push(Line { at, name: operators::name(&op), text });
        depth += usize::from(matches!(
            op,
            Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Else
                | Operator::Try { .. }
                | Operator::TryTable { .. }
        ));
    }
    Ok(lines)
}

/// The listing of the first tier: under each operator its stencils and what stands between.
struct Stencils<'a> {
    module: &'a Module,
    body: &'a Body,
    lines: &'a [Line],
    listing: &'a Listing,
}

impl Stencils<'_> {
    fn write(&self, out: &mut String) {
        let behind = |part: &&Part| part.operator.is_none() && part.kind != PartKind::Prologue;
        let parts = &self.listing.parts;
        for part in parts.iter().filter(|part| part.kind == PartKind::Prologue) {
            self.part(out, part, "prologue");
        }
        for line in self.lines {
            let _ = write!(out, "{:#8x}  {}", self.body.offset + u64::from(line.at), line.text);
            let mut own = parts.iter().filter(|part| part.operator == Some(line.at)).peekable();
            let joined = own.peek().is_none();
            out.push_str(if joined { "  ; by the stencil of the operator before it\n" } else { "\n" });
            own.for_each(|part| self.part(out, part, &line.name));
        }
        parts.iter().filter(behind).for_each(|part| self.part(out, part, ""));
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
                label(self.module, index)
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
