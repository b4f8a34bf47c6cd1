//! latier and Wasmtime in one process, on the same modules, by the same steps: `cargo bench -p latier-bench --features
//! in-process`. Each is used as its documentation says; Wasmtime compiles on one thread here, as latier does.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::{Duration, Instant};

/// A real program: Lua 5.4.
const LUA: &[u8] = include_bytes!("../wasm-tests/programs/lua/lua.wasm");

const SMALL: &str = r#"(module
    (memory 1) (data (i32.const 8) "data")
    (table 4 funcref) (elem (i32.const 0) func $f)
    (global (mut i32) (i32.const 1))
    (func $f (export "f")))"#;

const CALLS: &str = r#"(module (import "host" "add" (func $add (param i32 i64) (result i64)))
    (func (export "nop"))
    (func (export "six") (param i32 i64 f64 i32 i64 f64) (result f64) (local.get 5))
    (func (export "loop") (param i32)
      (loop $again
        (drop (call $add (local.get 0) (i64.const 1)))
        (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("it is well-formed")
}

/// What is the same in both crates but for the crate's name.
macro_rules! engine {
    ($name:ident, $crate_name:ident, $configs:expr) => {
        mod $name {
            use super::*;
            use $crate_name::{Engine, Linker, Module, Store};

            const NAME: &str = stringify!($crate_name);

            /// An instance in a store of its own, and an instance that stays.
            pub fn instances(c: &mut Criterion) {
                let engine = Engine::default();
                let mut group = c.benchmark_group("instantiate");
                for (module_name, bytes) in [("small", binary(SMALL)), ("Lua", LUA.into())] {
                    let module = Module::new(&engine, bytes).expect("it is valid");
                    let mut linker = Linker::new(&engine);
                    linker.define_unknown_imports_as_traps(&module).expect("they can be defined");
                    let pre = linker.instantiate_pre(&module).expect("its imports are there");
                    group.bench_function(
                        BenchmarkId::new(format!("{module_name}, store and all"), NAME),
                        |b| {
                            b.iter(|| {
                                let mut store = Store::new(&engine, ());
                                pre.instantiate(&mut store).expect("there is room");
                            })
                        },
                    );
                }
            }

            /// Host → Wasm → host with and without parameters, and Wasm → host → Wasm.
            pub fn calls(c: &mut Criterion) {
                let engine = Engine::default();
                let module = Module::new(&engine, binary(CALLS)).expect("it is valid");
                let mut linker = Linker::new(&engine);
                linker.func_wrap("host", "add", |a: i32, b: i64| i64::from(a) + b).expect("the name is free");
                let mut store = Store::new(&engine, ());
                let instance = linker.instantiate(&mut store, &module).expect("its import is there");
                let mut group = c.benchmark_group("call");
                let nop = instance.get_typed_func::<(), ()>(&mut store, "nop").expect("it is exported");
                group.bench_function(BenchmarkId::new("host → Wasm → host", NAME), |b| {
                    b.iter(|| nop.call(&mut store, ()).expect("it does not trap"));
                });
                let six = instance
                    .get_typed_func::<(i32, i64, f64, i32, i64, f64), f64>(&mut store, "six")
                    .expect("it is exported");
                group.bench_function(BenchmarkId::new("host → Wasm → host, six parameters", NAME), |b| {
                    b.iter(|| six.call(&mut store, (1, 2, 3.0, 4, 5, 6.0)).expect("it does not trap"));
                });
                let calls = instance.get_typed_func::<i32, ()>(&mut store, "loop").expect("it is exported");
                group.bench_function(BenchmarkId::new("Wasm → host → Wasm", NAME), |b| {
                    b.iter_custom(|iterations| {
                        let rounds = i32::try_from(iterations).unwrap_or(i32::MAX);
                        let start = Instant::now();
                        calls.call(&mut store, rounds).expect("it does not trap");
                        start.elapsed().mul_f64(iterations as f64 / f64::from(rounds))
                    })
                });
            }

            /// All functions of Lua, validated and compiled.
            pub fn compiles(c: &mut Criterion) {
                let mut group = c.benchmark_group("compile all of Lua");
                group.throughput(Throughput::Bytes(LUA.len() as u64)).sample_size(10);
                for (name, engine) in $configs {
                    group.bench_function(BenchmarkId::new(name, NAME), |b| {
                        b.iter(|| super::everything::$name(&engine, LUA));
                    });
                }
            }
        }
    };
}

/// What has each crate compile a whole module.
mod everything {
    pub fn of_latier(engine: &latier::Engine, bytes: &[u8]) {
        let module = latier::Module::new(engine, bytes).expect("it is valid");
        let imported =
            module.imports().filter(|import| matches!(import.ty(), latier::ExternType::Func(_))).count();
        let imported = u32::try_from(imported).expect("they are few");
        let defined = module.loaded().wasm().defined_functions();
        module.precompile(imported..imported + defined).expect("it compiles");
    }

    pub fn of_wasmtime(engine: &wasmtime::Engine, bytes: &[u8]) {
        wasmtime::Module::new(engine, bytes).expect("it is valid");
    }
}

fn latiers() -> Vec<(&'static str, latier::Engine)> {
    let engine =
        |mode| latier::Engine::new(latier::Config::new().mode(mode)).expect("it can be configured so");
    let modes = [("baseline", latier::Mode::Baseline), ("optimized", latier::Mode::Optimized)];
    modes.map(|(name, mode)| (name, engine(mode))).into()
}

fn wasmtimes() -> Vec<(&'static str, wasmtime::Engine)> {
    let engine = |level| {
        let mut config = wasmtime::Config::new();
        config.cranelift_opt_level(level);
        wasmtime::Engine::new(&config).expect("it can be configured so")
    };
    let levels = [("not optimized", wasmtime::OptLevel::None), ("optimized", wasmtime::OptLevel::Speed)];
    levels.map(|(name, level)| (name, engine(level))).into()
}

engine!(of_latier, latier, super::latiers());
engine!(of_wasmtime, wasmtime, super::wasmtimes());

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = settings();
    targets = of_latier::instances, of_wasmtime::instances, of_latier::calls, of_wasmtime::calls, of_latier::compiles,
        of_wasmtime::compiles
}
criterion_main!(benches);
