//! The proof of the first tier: every operator, with operands from everywhere, does the same there as in the code
//! that Cranelift makes of the whole body. Each test says how much it compared.

mod bodies;
mod compare;
mod control;
mod exceptions;
#[path = "../halves.rs"]
mod halves;
mod listed;
mod operators;
mod programs;
mod tails;
mod values;

use bodies::{Bodies, Body, Extent};
use compare::{Report, compare};
use operators::{ACCESSES, ATOMICS, CHOICES, ENTITIES, Group, NUMERIC, VECTORS, groups};
use std::collections::BTreeSet;
use std::time::Instant;

/// Operators that no table needs to hold: control flow, calls and exceptions, which are not stencils alone, the
/// movement of values, which the bodies are full of, and what is not valid yet.
const ELSEWHERE: &[&str] = &[
    "Unreachable",
    "Block",
    "Loop",
    "If",
    "Else",
    "Br",
    "BrIf",
    "Drop",
    "LocalTee",
    "TypedSelectMulti",
    "I64Const",
    "F32Const",
    "F64Const",
    "V128Const",
    "Nop",
    "BrTable",
    "Return",
    "Call",
    "CallIndirect",
    "ReturnCall",
    "ReturnCallIndirect",
    "CallRef",
    "ReturnCallRef",
    "BrOnNull",
    "BrOnNonNull",
    "TryTable",
    "Throw",
    "ThrowRef",
    "Try",
    "Catch",
    "CatchAll",
    "Rethrow",
    "Delegate",
];
/// Proposals that no tier compiles.
const NOT_COMPILED: &[&str] = &[
    "gc",
    "shared_everything_threads",
    "stack_switching",
    "custom_descriptors",
    "memory_control",
    "acquire_release_atomics",
];

/// Bodies that the first tier leaves to another: part of their names, part of the reason.
const REFUSED: &[(&str, &str)] = &[("offset=2147483648", "static offset")];

/// A table's operators, each with everything.
fn of_table(table: &'static str, conditions: bool) -> Vec<Body> {
    let mut bodies = Bodies::default();
    groups(table).iter().for_each(|group| bodies.group(group, conditions));
    bodies.made
}

/// Accesses at each of these places: first memory and offset with all there is, the rest briefly.
fn accesses(table: &'static str, places: &[(&str, u64)], full: usize) -> Vec<Body> {
    let mut bodies = Bodies::default();
    for group in groups(table) {
        for (n, (memory, offset)) in places.iter().enumerate() {
            let address = if *memory == "$m64" { "a64" } else { "a32" };
            let params = group.params.iter().map(|kind| if *kind == "a" { address } else { kind }).collect();
            let placed = Group { params, results: group.results.clone(), operators: vec![] };
            for operator in &group.operators {
                let operator = operators::placed(operator, &group.params, memory, *offset);
                let extent = if n < full { Extent::Full } else { Extent::Brief };
                bodies.operator(&operator, &placed, extent, false);
            }
        }
    }
    bodies.made
}

fn memory_accesses() -> Vec<Body> {
    let m = [0, 8, 127, 128, 40000, (32 << 20) - 4, 32 << 20, (1 << 31) - 17, 1 << 31];
    let m = m.map(|offset| ("$m", offset));
    let others = [("$m64", 8), ("$m64", 40000), ("$io2", 0), ("$io2", 128), ("$sh", 8)];
    accesses(ACCESSES, &[&m[..], &others].concat(), 1)
}

fn atomic_accesses() -> Vec<Body> {
    accesses(ATOMICS, &[("$m", 8), ("$m", 32 << 20), ("$m64", 8), ("$sh", 128)], 0)
}

/// Compares two halves at once, and judges them.
fn prove(what: &str, bodies: &[Body]) {
    let start = Instant::now();
    let (first, second) = bodies.split_at(bodies.len() / 2);
    let reports: [Report; 2] = std::thread::scope(|scope| {
        let other = scope.spawn(|| compare(second, None));
        [compare(first, None), other.join().unwrap()]
    });
    let mut refused = BTreeSet::new();
    for report in reports {
        for (name, why) in &report.refused {
            let listed = REFUSED.iter().any(|(part, reason)| name.contains(part) && why.contains(reason));
            assert!(listed, "the first tier refused {name}: {why}");
            refused.insert(name.clone());
        }
        report.judge(what);
    }
    for body in bodies.iter().filter(|body| REFUSED.iter().any(|(part, _)| body.name.contains(part))) {
        assert!(refused.contains(&body.name), "{}: it is listed, but the first tier compiles it", body.name);
    }
    println!("{what}: {} refused, {:?}", refused.len(), start.elapsed());
}

#[test]
fn every_operator_is_in_a_table() {
    let mut bodies: Vec<Body> =
        [NUMERIC, CHOICES, VECTORS, ENTITIES].iter().flat_map(|t| of_table(t, false)).collect();
    bodies.extend(memory_accesses());
    bodies.extend(atomic_accesses());
    let operator = |body: &Body| body.name.split(" [").next().map(str::to_owned);
    bodies.sort_by_key(operator);
    bodies.dedup_by_key(|body| operator(body));
    let found = listed::operators(&compare::module(&bodies));
    let compiled = listed::ALL.iter().filter(|(proposal, _)| !NOT_COMPILED.contains(proposal));
    let missing: Vec<_> =
        compiled.filter(|(_, name)| !found.contains(name) && !ELSEWHERE.contains(name)).collect();
    assert!(missing.is_empty(), "in no table: {missing:?}");
    println!("{} operators in {} spellings", found.len(), bodies.len());
}

#[test]
fn numbers() {
    prove("numbers", &of_table(NUMERIC, false));
}

#[test]
fn comparisons_and_choices() {
    prove("comparisons and choices", &of_table(CHOICES, true));
}

#[test]
fn vectors() {
    prove("vectors", &of_table(VECTORS, false));
}

#[test]
fn entities() {
    prove("globals, tables and memories", &of_table(ENTITIES, false));
}

#[test]
fn loads_and_stores() {
    prove("loads and stores", &memory_accesses());
}

#[test]
fn atomics() {
    prove("atomics", &atomic_accesses());
}
