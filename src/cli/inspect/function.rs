//! One function: its operators, and what a tier makes of them.

use super::stencils::Stencils;
use super::{beside, label, operators};
use crate::compile::stencil::{Listing, listing};
use crate::compile::target::Settings;
use crate::compile::{CompileError, FunctionBody, cranelift};
use crate::wasm::{Body, Module};
use crate::{Error, Result, Tier};
use anyhow::{Context, anyhow, ensure};
use latier_runtime::abi::FuncIndex;
use std::fmt::Write;
use wasmparser::Operator;

/// An operator of the body.
pub(super) struct Line {
    /// Offset in the body.
    pub(super) at: u32,
    pub(super) name: String,
    pub(super) text: String,
}

/// A function that is looked at.
pub(super) struct Function<'a> {
    pub(super) module: &'a Module,
    pub(super) body: Body,
    pub(super) lines: Vec<Line>,
    what: String,
    deterministic: bool,
}

impl<'a> Function<'a> {
    /// The function of this index; its relaxed operators on vectors are deterministic or not.
    ///
    /// # Errors
    /// When it has no body, or it is invalid.
    pub(super) fn new(module: &'a Module, index: u32, deterministic: bool) -> Result<Function<'a>> {
        let what = label(module, index);
        ensure!(index >= module.desc.func_imports, "{what} is imported: it has no body");
        let body = module.body(FuncIndex(index)).map_err(Error::msg)?;
        module.validate(&body).with_context(|| format!("{what} is invalid"))?;
        let lines = operators(module, &body)?;
        Ok(Function { module, body, lines, what, deterministic })
    }

    /// Its name and type, on a line.
    pub(super) fn title(&self) -> String {
        format!("{} {}\n", self.what, self.module.desc.func_type(self.body.index))
    }

    fn refused(&self, error: &CompileError) -> Error {
        match error.offset {
            Some(at) => anyhow!("{}: {error} (at offset {:#x})", self.what, self.body.offset + u64::from(at)),
            None => anyhow!("{}: {error}", self.what),
        }
    }

    /// What the first tier makes of it.
    pub(super) fn listing(&self) -> Result<Listing> {
        let listing = listing(&self.module.desc, self.compiled(), self.deterministic);
        listing.map_err(|e| self.refused(&e)).context("the baseline tier leaves this to `--tier fast`")
    }

    /// Cranelift's assembly of it.
    pub(super) fn assembly(&self, settings: Settings) -> Result<String> {
        let text = cranelift::assembly(&self.module.desc, self.compiled_under(settings), settings);
        text.map_err(|e| self.refused(&e))
    }

    fn compiled(&self) -> FunctionBody<'_> {
        FunctionBody::new(self.module, &self.body)
    }

    fn compiled_under(&self, settings: Settings) -> FunctionBody<'_> {
        match settings {
            Settings::Optimized => self.compiled().promoting_calls(self.module),
            _ => self.compiled(),
        }
    }

    /// The offset of an operator in the file, and its text.
    pub(super) fn operator(&self, line: &Line) -> String {
        format!("{:#8x}  {}", self.body.offset + u64::from(line.at), line.text)
    }

    /// How much of Wasm and of machine code there is.
    pub(super) fn sizes(&self, listing: &Listing) -> String {
        format!("{} bytes of Wasm, {} of baseline code\n", self.body.bytes.len(), listing.code.len())
    }

    /// Its operators and what `tier` makes of them.
    ///
    /// # Errors
    /// When the tier refuses it.
    pub(super) fn text(&self, tier: Tier, clif: bool) -> Result<String> {
        let mut out = self.title();
        let settings = match tier {
            Tier::Baseline => {
                let listing = self.listing()?;
                out += &self.sizes(&listing);
                Stencils::new(self, &listing).write(&mut out);
                return Ok(out);
            }
            Tier::Fast => Settings::Fast,
            Tier::Optimized => Settings::Optimized,
        };
        for line in &self.lines {
            let _ = writeln!(out, "{}", self.operator(line));
        }
        if clif {
            let text = cranelift::clif(&self.module.desc, self.compiled_under(settings), settings);
            let text = text.map_err(|e| self.refused(&e))?;
            let _ = write!(out, "\nCLIF, {tier}:\n{text}");
        }
        let text = self.assembly(settings)?;
        let _ = write!(out, "\nAssembly, {tier}:\n{text}");
        Ok(out)
    }

    /// Its operators and what the tiers that a program usually sees make of them: beside each other if there are
    /// `width` characters for that, else one after the other.
    ///
    /// # Errors
    /// When both refuse it.
    pub(super) fn tiers(&self, width: Option<usize>) -> Result<String> {
        let (baseline, optimized) = (self.listing(), self.assembly(Settings::Optimized));
        if let (Err(_), Err(error)) = (&baseline, &optimized) {
            return Err(anyhow!("{error}"));
        }
        let optimized = optimized.unwrap_or_else(|error| format!("{error:#}\n"));
        match width {
            Some(width) => Ok(beside::text(self, &baseline, &optimized, width)),
            None => {
                let baseline = match &baseline {
                    Ok(_) => self.text(Tier::Baseline, false)?,
                    Err(refusal) => self.text(Tier::Fast, false)? + &format!("\n{refusal:#}\n"),
                };
                Ok(format!("{baseline}\nAssembly, {}:\n{optimized}", Tier::Optimized))
            }
        }
    }
}

/// The line of the source that the operator at `offset` comes from, if debugging information says: `main.c:12`.
fn source_line(module: &Module, offset: u64) -> Option<String> {
    let place = module.source_places(offset).into_iter().next()?;
    let file = place.file?;
    let name = file.rsplit('/').next().unwrap_or(&file);
    place.line.filter(|line| *line > 0).map(|line| format!("{name}:{line}"))
}

/// The operators of a body, indented by how deep they are nested.
fn operators(module: &Module, body: &Body) -> Result<Vec<Line>> {
    let mut reader = body.reader().get_operators_reader()?;
    let mut lines = Vec::new();
    let (mut depth, mut source) = (0_usize, None);
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
        let place = source_line(module, body.offset + u64::from(at));
        if let Some(place) = place.filter(|place| source.as_ref() != Some(place)) {
            let _ = write!(text, "  ; {place}");
            source = Some(place);
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
