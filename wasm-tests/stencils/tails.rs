//! Tail calls between functions of every pair of types: arguments in registers and on the stack, more or fewer of
//! them than the caller has, results in registers and in memory; direct, by a table, by a reference, to an import.

use crate::programs::alike;
use std::fmt::Write;

/// Types of parameters, behind one `i32` that all have: how many of each.
const PARAMS: [&[(&str, usize)]; 9] = [
    &[],
    &[("i64", 2)],
    &[("i32", 4)],
    &[("i32", 5)],
    &[("f32", 9), ("v128", 2), ("i32", 7)],
    &[("v128", 13)],
    &[("i64", 41)],
    &[("i64", 10), ("f64", 10), ("i32", 3), ("f32", 3)],
    &[("v128", 9), ("i64", 5), ("v128", 1), ("f64", 2)],
];
/// Types of results: in registers, and more than registers can hold.
const RESULTS: [&str; 2] = ["i64", "i64 i64 i64 i64 i64 i64 i64 i64 i64 f64 v128"];

const KINDS: [&str; 4] = ["direct", "table", "ref", "import"];

/// A parameter list, flat.
fn flat(params: &[(&'static str, usize)]) -> Vec<&'static str> {
    let each = params.iter().flat_map(|(ty, count)| std::iter::repeat_n(*ty, *count));
    std::iter::once("i32").chain(each).collect()
}

fn to_i64(ty: &str) -> &'static str {
    match ty {
        "i32" => "i64.extend_i32_u",
        "f32" => "i32.reinterpret_f32 i64.extend_i32_u",
        "f64" => "i64.reinterpret_f64",
        "v128" => {
            "local.tee $v i64x2.extract_lane 0 local.get $v i64x2.extract_lane 1 i64.const 7 i64.mul i64.xor"
        }
        _ => "",
    }
}

/// A value of a type from an `i64` on the stack.
fn from_i64(ty: &str) -> &'static str {
    match ty {
        "i32" => "i32.wrap_i64",
        "f32" => "f32.convert_i64_s",
        "f64" => "f64.convert_i64_s",
        "v128" => "i64x2.splat",
        _ => "",
    }
}

/// A function that mixes all its parameters to one number, and gives as many results as there are.
fn callee(text: &mut String, name: &str, params: &[&str], results: &str) {
    write!(
        text,
        "(func ${name} (param {}) (result {results}) (local $v v128) i64.const 1 ",
        params.join(" ")
    )
    .unwrap();
    for (n, ty) in params.iter().enumerate() {
        write!(text, "i64.const 31 i64.mul local.get {n} {} i64.add ", to_i64(ty)).unwrap();
    }
    if results != "i64" {
        text.push_str("global.set $mixed ");
        for (n, ty) in results.split(' ').enumerate() {
            write!(text, "global.get $mixed i64.const {n} i64.rotl {} ", from_i64(ty)).unwrap();
        }
    }
    text.push_str(")\n");
}

/// A call: what kind it is and the number of what it calls, with the types of that.
struct Call<'a> {
    kind: &'a str,
    number: usize,
    arguments: &'a [&'static str],
    results: &'a str,
}

/// A function that tail-calls another with its own parameters, constants and what it computes.
fn caller(text: &mut String, name: &str, params: &[&str], call: &Call<'_>) {
    let Call { kind, number, arguments, results } = *call;
    write!(text, "(func ${name} (param {}) (result {results}) ", params.join(" ")).unwrap();
    for (n, ty) in arguments.iter().enumerate() {
        let own = (0..params.len()).map(|k| (k * 5 + n * 3) % params.len()).find(|k| params[*k] == *ty);
        match own {
            Some(own) if n % 4 != 3 => write!(text, "local.get {own} ").unwrap(),
            _ if n % 2 == 0 || *ty == "v128" => {
                write!(text, "local.get 0 i64.extend_i32_u i64.const {} i64.add {} ", n * 77, from_i64(ty))
                    .unwrap();
            }
            _ => write!(text, "{ty}.const {} ", n * 1001).unwrap(),
        }
    }
    text.push_str(&match kind {
        "table" => format!("i32.const {number} return_call_indirect (type $t{number}))\n"),
        "ref" => format!("ref.func $callee{number} return_call_ref $t{number})\n"),
        "import" => format!("return_call $import{number})\n"),
        _ => format!("return_call $callee{number})\n"),
    });
}

/// What calls `name` with numbers made of its input and weighs what it gives.
fn entry(text: &mut String, name: &str, params: &[&str], results: &str) {
    write!(text, "(func (export \"{name}\") (param i32) (result i64) (local $v v128) (local $sum i64) ")
        .unwrap();
    for (n, ty) in params.iter().enumerate() {
        write!(text, "local.get 0 i64.extend_i32_s i64.const {} i64.mul {} ", n * 99 + 1, from_i64(ty))
            .unwrap();
    }
    write!(text, "call ${name} ").unwrap();
    for ty in results.split(' ').rev() {
        write!(text, "{} local.get $sum i64.const 33 i64.mul i64.add local.set $sum ", to_i64(ty)).unwrap();
    }
    text.push_str("local.get $sum)\n");
}

#[test]
fn tail_calls_of_every_pair_of_types() {
    let types: Vec<_> = PARAMS.iter().map(|params| flat(params)).collect();
    let mut calls = 0;
    for results in RESULTS {
        let mut callees = String::from("(global $mixed (mut i64) (i64.const 0))\n");
        let (mut imports, mut rest) = (String::new(), String::new());
        let mut exports = Vec::new();
        for (to, arguments) in types.iter().enumerate() {
            callee(&mut callees, &format!("callee{to}"), arguments, results);
            let params = arguments.join(" ");
            let ty = format!("(param {params}) (result {results})");
            writeln!(
                imports,
                "(type $t{to} (func {ty})) (import \"a\" \"callee{to}\" (func $import{to} {ty}))"
            )
            .unwrap();
            for ((from, params), kind) in types.iter().enumerate().flat_map(|from| KINDS.map(|k| (from, k))) {
                let name = format!("{kind}-{from}-{to}");
                caller(&mut rest, &name, params, &Call { kind, number: to, arguments, results });
                entry(&mut rest, &name, params, results);
                exports.push(name);
            }
        }
        let names: Vec<String> = (0..types.len()).map(|n| format!("$callee{n}")).collect();
        let names = names.join(" ");
        let shown: String =
            (0..types.len()).map(|n| format!("(export \"callee{n}\" (func $callee{n}))\n")).collect();
        let library = format!("(module {callees} {shown})");
        let program = format!("(module {imports} {callees} {rest} (table funcref (elem {names})))");
        let outcomes = alike(&[&library, &program], &exports, &[1, -77, i32::MIN]);
        calls += outcomes.len();
        let values = outcomes.iter().map(|outcome| outcome.split(": ").nth(1));
        let different = values.collect::<std::collections::BTreeSet<_>>().len();
        assert!(different > outcomes.len() / 8, "{different} outcomes of {} calls", outcomes.len());
    }
    println!("{calls} tail calls");
}
