//! One guest function calls another, in every way there is; loops of such calls, per call.

use super::{MODES, instance};
use criterion::{BenchmarkId, Criterion};
use latier::{Config, Engine, Extern, Instance, Mode, Module, Store, TypedFunc};
use std::time::{Duration, Instant};

/// The callee calls itself once in a while, which nothing inlines, for a loop that never gets there.
const CALLEE: &str = r#"
    (type $t (func (param i32) (result i32)))
    (func $f (export "f") (type $t)
      (if (i32.eqz (local.get 0)) (then (return (call $f (i32.const 7)))))
      (i32.sub (local.get 0) (i32.const 1)))"#;

/// How the callee is called, with what the module needs for it.
const WAYS: [(&str, &str, &str); 4] = [
    ("nothing: the loop alone", "(i32.sub (local.get 0) (i32.const 1))", ""),
    ("call: the slot", "(call $f (local.get 0))", ""),
    (
        "call_indirect",
        "(call_indirect (type $t) (local.get 0) (i32.const 0))",
        "(table 1 funcref) (elem (i32.const 0) func $f)",
    ),
    ("call_ref", "(call_ref $t (local.get 0) (global.get $r))", "(global $r (ref $t) (ref.func $f))"),
];

fn looping(what: &str) -> String {
    format!(
        r#"(func (export "loop") (param i32)
             (loop $again (br_if $again (local.tee 0 {what}))))"#
    )
}

/// Calls inside of a module, then of another instance's function: by its stub, since that module is not this one's.
pub fn calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("Wasm → Wasm");
    for (mode_name, mode) in MODES {
        for (name, what, more) in WAYS {
            let (mut store, instance) =
                instance(mode, &format!("(module {CALLEE} {more} {})", looping(what)));
            let calls = instance.get_typed_func(&mut store, "loop").expect("it is exported");
            group.bench_function(BenchmarkId::new(name, mode_name), |b| {
                b.iter_custom(|iterations| rounds(&mut store, &calls, iterations));
            });
        }
        let (mut store, calls) = across(mode);
        group.bench_function(BenchmarkId::new("call of another instance's function", mode_name), |b| {
            b.iter_custom(|iterations| rounds(&mut store, &calls, iterations));
        });
    }
}

fn across(mode: Mode) -> (Store<()>, TypedFunc<i32, ()>) {
    let engine = Engine::new(Config::new().mode(mode)).expect("the configuration is possible");
    let mut store = Store::new(&engine, ());
    let exporter = Module::new(&engine, format!("(module {CALLEE})")).expect("it is valid");
    let exporter = Instance::new(&mut store, &exporter, &[]).expect("it imports nothing");
    let callee = exporter.get_func(&mut store, "f").expect("it is exported");
    let text = format!(
        r#"(module (import "m" "f" (func $f (param i32) (result i32))) {})"#,
        looping("(call $f (local.get 0))")
    );
    let importer = Module::new(&engine, text).expect("it is valid");
    let importer =
        Instance::new(&mut store, &importer, &[Extern::Func(callee)]).expect("its import is there");
    let calls = importer.get_typed_func(&mut store, "loop").expect("it is exported");
    (store, calls)
}

/// The loop counts down from its argument.
fn rounds(store: &mut Store<()>, calls: &TypedFunc<i32, ()>, iterations: u64) -> Duration {
    let rounds = i32::try_from(iterations).unwrap_or(i32::MAX);
    let start = Instant::now();
    calls.call(store, rounds).expect("it does not trap");
    start.elapsed().mul_f64(iterations as f64 / f64::from(rounds))
}
