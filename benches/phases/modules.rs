//! Modules and instances: to scan, to load, to make instances of, one or thousands.

use super::LUA;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use latier::wasm::bytes::ModuleBytes;
use latier::wasm::features::Features;
use latier::{Config, Engine, Linker, Module, Store, Validation};
use latier_runtime::code_memory::ModuleCode;
use latier_runtime::types::TypeRegistry;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// As many functions as Yosys has.
const MANY: u32 = 46_473;

/// A module of many small functions.
fn many() -> Vec<u8> {
    let mut text = String::from("(module");
    for n in 0..MANY {
        // Writing to a string does not fail.
        let _ = write!(text, "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))");
    }
    wat::parse_str(text + ")").expect("it is well-formed")
}

/// Sections are scanned, types and names of imports and exports read; bodies stay where they are.
pub fn scans(c: &mut Criterion) {
    let mut group = c.benchmark_group("section scan");
    for (name, module) in [("Lua", LUA.to_vec()), ("46,473 small functions", many())] {
        group.throughput(Throughput::Bytes(module.len() as u64));
        let types = TypeRegistry::new();
        group.bench_function(name, |b| {
            b.iter_batched(
                || ModuleBytes::from(module.clone()),
                |bytes| latier::wasm::Module::parse(bytes, Features::default(), &types).expect("it is valid"),
                BatchSize::PerIteration,
            )
        });
    }
}

/// The lazy reexports of a module: stubs, trampolines and slots.
pub fn stub_batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("stub batch");
    group.throughput(Throughput::Elements(MANY.into()));
    group.bench_function("46,473 functions", |b| {
        b.iter_batched(|| (), |()| ModuleCode::new(MANY, 0).expect("there is room"), BatchSize::PerIteration)
    });
}

/// Instances of one module in one store; the store's end is not counted.
pub fn instances(c: &mut Criterion) {
    let small = r#"(module
        (memory 1) (data (i32.const 8) "data")
        (table 4 funcref) (elem (i32.const 0) func $f)
        (global (mut i32) (i32.const 1))
        (func $f (export "f")))"#;
    let engine = Engine::default();
    let mut group = c.benchmark_group("instantiate");
    group.sample_size(10);
    // Each of Lua's instances is given 30 KiB of data.
    let both: [(_, _, &[u64]); 2] =
        [("small", small.as_bytes(), &[1, 100, 10_000]), ("Lua", LUA, &[1, 100, 1000])];
    for (name, module, counts) in both {
        let module = Module::new(&engine, module).expect("it is valid");
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&module).expect("they can be defined");
        let pre = linker.instantiate_pre(&module).expect("its imports are there");
        for &count in counts {
            group.throughput(Throughput::Elements(count));
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter_custom(|iterations| {
                    let mut spent = Duration::ZERO;
                    for _ in 0..iterations {
                        let mut store = Store::new(&engine, ());
                        let start = Instant::now();
                        for _ in 0..count {
                            pre.instantiate(&mut store).expect("there is room");
                        }
                        spent += start.elapsed();
                    }
                    spent
                })
            });
        }
    }
}

/// A module is made and dropped, validated before it is made or never.
pub fn loads(c: &mut Criterion) {
    let mut group = c.benchmark_group("load and drop Lua");
    group.throughput(Throughput::Bytes(LUA.len() as u64));
    for (name, validation) in [("validated", Validation::Eager), ("lazily", Validation::Lazy)] {
        let engine =
            Engine::new(Config::new().validation(validation)).expect("the configuration is possible");
        group.bench_function(name, |b| b.iter(|| Module::new(&engine, LUA).expect("it is valid")));
    }
}
