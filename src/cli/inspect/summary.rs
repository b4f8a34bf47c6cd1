//! What is in a module: its sections as lists, one item a line.

use super::label;
use crate::cli::stats::size;
use crate::{Module, wasm};
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::{
    DataSegment, ElementItems, ElementMode, ElementSegment, Item, ItemType, ModuleDesc,
};
use std::fmt::{Display, Write};
use std::path::Path;

/// How many of the biggest functions are shown.
const BIGGEST: usize = 10;

/// All that is known of a module without looking into its functions.
pub(super) fn text(file: &Path, module: &Module) -> String {
    let wasm = module.loaded().wasm();
    let desc = &*wasm.desc;
    let mut out = String::new();
    let named = module.name().map_or(String::new(), |name| format!(", its own name is {name}"));
    row(&mut out, "module", format_args!("{}: {}{named}", file.display(), size(wasm.bytes.len())));
    let producers: Vec<String> =
        module.producers().iter().map(|one| format!("{one} ({})", one.field)).collect();
    if !producers.is_empty() {
        row(&mut out, "made by", producers.join(", "));
    }
    let (defined, code) = (wasm.defined_functions(), size(wasm.code_bytes()));
    row(&mut out, "functions", format_args!("{defined} defined, {code}; {} imported", desc.func_imports));
    let features = wasm.used_features();
    row(
        &mut out,
        "features",
        if features.is_empty() { "none beyond the first version".into() } else { features.join(", ") },
    );
    let sections = wasm.sections().iter().map(|section| {
        let (len, what) =
            (section.content.end - section.content.start, if section.custom { ", custom" } else { "" });
        format!("{}{what}: {} at {:#x}", section.name, size(len), section.content.start)
    });
    list(&mut out, "sections", sections);
    if let Some(start) = desc.start {
        row(&mut out, "start", label(wasm, start.0));
    }
    let imports = desc.imports.iter();
    let imports = imports.map(|i| format!("{} {} {}", i.module, i.name, item(desc, i.item)));
    list(&mut out, "imports", imports);
    list(&mut out, "exports", desc.exports.iter().map(|e| format!("{} {}", e.name, item(desc, e.item))));
    let (memories, tables) = (desc.memory_imports as usize, desc.table_imports as usize);
    list(&mut out, "memories", numbered(&desc.memories, memories));
    list(&mut out, "tables", numbered(&desc.tables, tables));
    list(&mut out, "globals", numbered(&desc.globals, desc.global_imports as usize));
    let tags = desc.tags.iter().map(|ty| &desc.func_types[*ty as usize]).collect::<Vec<_>>();
    list(&mut out, "tags", numbered(&tags, desc.tag_imports as usize));
    list(
        &mut out,
        "elements",
        desc.elements.iter().enumerate().map(|(n, one)| format!("{n} {}", elements(one))),
    );
    list(&mut out, "data", desc.data.iter().enumerate().map(|(n, one)| format!("{n} {}", data(one))));
    let biggest = biggest(wasm).into_iter();
    list(
        &mut out,
        "biggest functions",
        biggest.map(|(n, bytes)| format!("{} {}", size(bytes), label(wasm, n))),
    );
    out
}

/// A line with a title. (Writing to a string does not fail.)
fn row(out: &mut String, title: &str, text: impl Display) {
    let _ = writeln!(out, "{title:<11} {text}");
}

/// A title and a line for each item, if there are any.
fn list(out: &mut String, title: &str, items: impl ExactSizeIterator<Item = String>) {
    if items.len() > 0 {
        row(out, title, items.len());
        items.for_each(|item| _ = writeln!(out, "  {item}"));
    }
}

/// The items of an index space, of which the first ones are imported.
fn numbered<T: Display>(items: &[T], imported: usize) -> impl ExactSizeIterator<Item = String> {
    items.iter().enumerate().map(move |(n, item)| {
        let from = if n < imported { " imported" } else { "" };
        format!("{n} {item}{from}")
    })
}

/// Index and type of what is imported or exported.
fn item(desc: &ModuleDesc, item: Item) -> String {
    let (Item::Func(index)
    | Item::Table(index)
    | Item::Memory(index)
    | Item::Global(index)
    | Item::Tag(index)) = item;
    match desc.item_type(item) {
        ItemType::Func(_, ty) => format!("f{index} {ty}"),
        ItemType::Table(ty) => format!("{index} {ty}"),
        ItemType::Memory(ty) => format!("{index} {ty}"),
        ItemType::Global(ty) => format!("{index} {ty}"),
        ItemType::Tag(_, ty) => format!("{index} (tag {ty})"),
    }
}

fn elements(segment: &ElementSegment) -> String {
    let mode = match &segment.mode {
        ElementMode::Active { table, .. } => format!("into table {table}"),
        ElementMode::Passive => "passive".into(),
        ElementMode::Declared => "declared".into(),
    };
    let count = match &segment.items {
        ElementItems::Functions(functions) => functions.len(),
        ElementItems::Expressions(expressions) => expressions.len(),
    };
    format!("{mode}: {count} of {}", segment.ty)
}

fn data(segment: &DataSegment) -> String {
    let bytes = size(segment.range.end - segment.range.start);
    match &segment.active {
        Some((memory, _)) => format!("into memory {memory}: {bytes}"),
        None => format!("passive: {bytes}"),
    }
}

/// The functions with the most code, and how much.
fn biggest(wasm: &wasm::Module) -> Vec<(u32, u64)> {
    let all = wasm.desc.func_imports..wasm.desc.functions.len() as u32;
    let bytes = |n: u32| wasm.body_range(FuncIndex(n)).map_or(0, |range| range.end - range.start);
    let mut all: Vec<(u32, u64)> = all.map(|n| (n, bytes(n))).collect();
    all.sort_by_key(|(n, bytes)| (std::cmp::Reverse(*bytes), *n));
    all.truncate(BIGGEST);
    all
}
