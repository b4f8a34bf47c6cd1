//! Functions by the names that people know: of exports, and of the name section, mangled or not.

use crate::wasm::Module;
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::Item;
use std::collections::BTreeSet;

/// Candidates that are shown when a name means none or several.
const SHOWN: usize = 10;
/// How alike a name must be to be meant.
const NEAR: f64 = 0.8;

/// The exported functions.
fn exports(module: &Module) -> impl Iterator<Item = (&str, u32)> {
    module.desc.exports.iter().filter_map(|export| match export.item {
        Item::Func(index) => Some((export.name.as_str(), index)),
        _ => None,
    })
}

/// The function that `wanted` means: an index, or one of its names.
///
/// # Errors
/// When it means none, or several; the text has a line for each that may be meant.
pub(super) fn find(module: &Module, wanted: &str) -> Result<u32, String> {
    let count = module.desc.functions.len() as u32;
    if wanted.bytes().all(|byte| byte.is_ascii_digit()) && !wanted.is_empty() {
        let index = wanted.parse().ok().filter(|index| *index < count);
        return index.ok_or_else(|| format!("there is no function {wanted}: there are {count}, from 0"));
    }
    let names = names(module);
    let meant: BTreeSet<u32> = names.iter().filter(|(name, _)| name == wanted).map(|named| named.1).collect();
    match meant.first() {
        Some(only) if meant.len() == 1 => Ok(*only),
        Some(_) => {
            let meant: Vec<u32> = meant.into_iter().collect();
            Err(format!("`{wanted}` is the name of {} functions:{}", meant.len(), lines(module, &meant)))
        }
        None => {
            let near = near(&names, wanted);
            let said = if near.is_empty() { "" } else { "; did you mean" };
            Err(format!("no function is called `{wanted}`{said}{}", lines(module, &near)))
        }
    }
}

/// All names of all functions.
fn names(module: &Module) -> Vec<(String, u32)> {
    let mut names: Vec<(String, u32)> = exports(module).map(|(name, index)| (name.into(), index)).collect();
    for index in 0..module.desc.functions.len() as u32 {
        let both = [module.func_name(FuncIndex(index)), module.display_name(FuncIndex(index))];
        names.extend(both.into_iter().flatten().map(|name| (name, index)));
    }
    names
}

/// The functions whose names contain `wanted`, and those whose names are like it; the nearest first.
fn near(names: &[(String, u32)], wanted: &str) -> Vec<u32> {
    let nearness = |name: &str| match name.contains(wanted) {
        true => 2.0 - name.len() as f64 / 1e6,
        false => strsim::jaro_winkler(name, wanted),
    };
    let mut near: Vec<(f64, u32)> = names.iter().map(|(name, index)| (nearness(name), *index)).collect();
    near.retain(|(nearness, _)| *nearness > NEAR);
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut seen = BTreeSet::new();
    near.into_iter().map(|(_, index)| index).filter(|index| seen.insert(*index)).collect()
}

/// A line for each of these functions, the first ones.
fn lines(module: &Module, functions: &[u32]) -> String {
    let mut text: String =
        functions.iter().take(SHOWN).map(|index| format!("\n  {}", super::label(module, *index))).collect();
    if functions.len() > SHOWN {
        text += &format!("\n  ... {} more", functions.len() - SHOWN);
    }
    text
}
