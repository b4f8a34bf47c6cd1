//! The table of stencils itself, over the whole list of operators, without running any: which forms there are on each
//! machine, that operands in registers always do, and what some stencils look like.
//! `BLESS=1` rewrites what is held in `wasm-tests/stencils/`.

mod constants;
mod look;
mod survey;

use super::form::{Class, Form};
use super::table::Table;
use crate::compile::target::{self, Settings};
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::Configurable;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use survey::{Spelled, Survey, forms};

/// The levels of x86-64 by what each adds to the one before. Cranelift has vectors from the first of them on.
const LEVELS: [&[&str]; 3] = [
    &["has_sse3", "has_ssse3", "has_cmpxchg16b", "has_sse41", "has_sse42", "has_popcnt"],
    &["has_avx", "has_avx2", "has_bmi1", "has_bmi2", "has_fma", "has_lzcnt"],
    &["has_avx512bitalg", "has_avx512dq", "has_avx512f", "has_avx512vbmi", "has_avx512vl"],
];

/// A machine to compile for.
fn machine(triple: &str, features: &[&str]) -> &'static OwnedTargetIsa {
    let mut builder = isa::lookup_by_name(triple).unwrap_or_else(|e| panic!("{triple}: {e}"));
    features.iter().for_each(|feature| builder.enable(feature).unwrap());
    Box::leak(Box::new(target::build(builder, Settings::Stencil).unwrap()))
}

/// x86-64 of this level, from 2 on.
fn x86_64(level: usize) -> &'static OwnedTargetIsa {
    machine("x86_64-unknown-linux-gnu", &LEVELS[..level - 1].concat())
}

/// AArch64 as it is from version 8.1 on.
fn aarch64() -> &'static OwnedTargetIsa {
    machine("aarch64-unknown-linux-gnu", &["has_lse"])
}

/// A form in words: where the operands are, and where it goes on.
fn words(form: Form, spelled: &Spelled) -> String {
    let rotation = if form.frame { String::new() } else { format!(" rotation {}", form.rotation) };
    format!("{}{rotation}", super::listing::describe(form, spelled.params.len()))
}

/// Holds a text against the file that has it, or writes it there with `BLESS=1`.
fn hold(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm-tests/stencils").join(name);
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != actual {
        let mut lines = expected.lines().zip(actual.lines()).enumerate();
        let first = lines.find(|(_, (a, b))| a != b);
        let (n, (old, new)) =
            first.unwrap_or((expected.lines().count().min(actual.lines().count()), ("", "")));
        panic!("{}:{}: it is no longer so\n- {old}\n+ {new}\nBLESS=1 accepts it", path.display(), n + 1);
    }
}

/// Operators whose forms in registers (or in the frame, for those that have no others) are not all there: what is
/// missing, why, and Cranelift's assembly.
fn missing(isa: &'static OwnedTargetIsa) -> Vec<String> {
    let (survey, table) = (Survey::new(), Table::new(isa, true).unwrap());
    let mut missing = Vec::new();
    for spelled in &survey.operators {
        let row = match survey.row(&table, spelled) {
            Ok(row) => row,
            Err(reason) => {
                missing.push(format!("{}: {reason}", spelled.name));
                continue;
            }
        };
        let count = row.params.len();
        let mut tried = 0;
        for form in forms(row, spelled.bytes[0]) {
            let in_registers = (0..count).all(|n| form.class(n) == Class::Register);
            if !in_registers && !form.frame {
                continue;
            }
            tried += 1;
            if let Err(reason) = table.make(row, form, survey.instance(spelled)) {
                let constants = table.constants(row)[0];
                let assembly = table.assembly(row, form, survey.instance(spelled), constants);
                missing.push(format!("{} {}: {reason}\n{assembly}", spelled.name, words(form, spelled)));
            }
        }
        assert!(tried == 1 || tried % 3 == 0, "{}: {tried} forms", spelled.name);
    }
    println!("{}: {} operators", isa.triple(), survey.operators.len());
    missing
}

#[test]
fn operands_in_registers_always_do() {
    for level in 2..=LEVELS.len() + 1 {
        let mut missing = missing(x86_64(level));
        // No tier compiles the deterministic ones where the processor does not multiply and add at once.
        let fused = missing.iter().filter(|text| text.contains("LibCall(Fma")).count();
        assert_eq!(fused, if level == 2 { 4 } else { 0 });
        missing.retain(|text| !text.contains("LibCall(Fma"));
        assert!(missing.is_empty(), "x86-64 level {level}, {}:\n{}", missing.len(), missing.join("\n"));
    }
    let missing_there = missing(aarch64());
    assert!(missing_there.is_empty(), "AArch64, {}:\n{}", missing_there.len(), missing_there.join("\n"));
    let host = missing(target::isa(Settings::Stencil).unwrap());
    assert!(host.is_empty(), "{}", host.join("\n"));
}

/// How many forms there are of those that there could be; then which forms operators lack, and why: first what is
/// lacking, then the operators, with how many of each (by what they depend on) it is so.
fn census(isa: &'static OwnedTargetIsa) -> String {
    let (survey, table) = (Survey::new(), Table::new(isa, true).unwrap());
    let (mut possible, mut usable, mut bytes) = (0, 0, 0);
    let mut all: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for spelled in &survey.operators {
        let row = survey.row(&table, spelled).unwrap();
        let mut lacks: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for form in forms(row, spelled.bytes[0]) {
            possible += 1;
            match table.make(row, form, survey.instance(spelled)) {
                Ok((_, stencil)) => {
                    usable += 1;
                    bytes += stencil.code.len();
                }
                Err(reason) => {
                    let reason = reason.rsplit_once("unknown shape: ").map_or(&*reason, |(_, reason)| reason);
                    let form_in_words = super::listing::describe(form, spelled.params.len());
                    lacks.entry(format!("{form_in_words} ({reason})")).or_default().push(form.rotation);
                }
            }
        }
        let lacks = lacks.into_iter().map(|(what, rotations)| match rotations[..] {
            [0, 1, 2] => what,
            _ => format!("{what} in rotations {rotations:?}"),
        });
        let lacks = lacks.collect::<Vec<_>>().join(", ");
        if !lacks.is_empty() {
            let name = spelled.name.split(['{', ' ']).next().unwrap_or_default();
            *all.entry(lacks).or_default().entry(name).or_default() += 1;
        }
    }
    let mut text = format!(
        "{} operators: {usable} stencils of {possible} forms, {bytes} bytes\n",
        survey.operators.len()
    );
    for (lacks, names) in all {
        let names: Vec<String> = names.iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(text, "{lacks}\n    {}", names.join(", ")).unwrap();
    }
    text
}

#[test]
fn forms_on_x86_64_are_those_that_are_held() {
    hold("forms-x86_64.txt", &census(x86_64(3)));
}

#[test]
fn forms_on_aarch64_are_those_that_are_held() {
    hold("forms-aarch64.txt", &census(aarch64()));
}
