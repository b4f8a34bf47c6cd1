//! What each step of a call's life costs, alone: crossings between host and guest, re-entry, compile, object, link.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use latier::compile::cranelift::CraneliftBackend;
use latier::compile::target::Settings;
use latier::compile::{Backend, FunctionBody};
use latier::link::{self, Identity, SymbolValue};
use latier::object::symbol::SymbolName;
use latier::object::{read, write};
use latier::wasm::bytes::ModuleBytes;
use latier::wasm::features::Features;
use latier::{Engine, Instance, Linker, Module, Store};
use latier_runtime::abi::FuncIndex;
use latier_runtime::code_memory::ModuleCode;
use latier_runtime::registry::CodeRecord;
use latier_runtime::types::TypeRegistry;
use std::hint::black_box;
use std::time::{Duration, Instant};

const LUA: &[u8] = include_bytes!("../wasm-tests/programs/lua/lua.wasm");

/// Host → Wasm → host, and the same with the slot reset before each call, so that each re-enters although the
/// function has code.
fn crossings(c: &mut Criterion) {
    let engine = Engine::default();
    let module = Module::new(&engine, r#"(module (func (export "nop")))"#).expect("it is valid");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("it imports nothing");
    let nop = instance.get_typed_func::<(), ()>(&mut store, "nop").expect("it is exported");
    c.bench_function("host → Wasm → host", |b| b.iter(|| nop.call(&mut store, ())));
    let code = module.loaded().reexports().code().clone();
    c.bench_function("re-entry, code exists (a call, its slot reset)", |b| {
        b.iter(|| {
            code.reset(FuncIndex(0));
            nop.call(&mut store, ())
        })
    });

    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "nop", || {}).expect("the name is free");
    let text = r#"(module (import "host" "nop" (func $nop))
        (func (export "loop") (param i32)
          (loop $again
            (call $nop)
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;
    let module = Module::new(&engine, text).expect("it is valid");
    let instance = linker.instantiate(&mut store, &module).expect("its import is there");
    let calls = instance.get_typed_func::<i32, ()>(&mut store, "loop").expect("it is exported");
    c.bench_function("Wasm → host → Wasm", |b| {
        b.iter_custom(|iterations| {
            let rounds = i32::try_from(iterations).unwrap_or(i32::MAX);
            let start = Instant::now();
            calls.call(&mut store, rounds).expect("it does not trap");
            start.elapsed().mul_f64(iterations as f64 / f64::from(rounds))
        })
    });
}

/// The functions of Lua whose sizes are the median and the 95th percentile.
fn samples(module: &latier::wasm::Module) -> [(&'static str, FuncIndex); 2] {
    let desc = &module.desc;
    let mut sizes: Vec<_> = (desc.func_imports..desc.functions.len() as u32)
        .map(|f| (module.body(FuncIndex(f)).expect("the bytes are in memory").bytes.len(), f))
        .collect();
    sizes.sort_unstable();
    [("p50", FuncIndex(sizes[sizes.len() / 2].1)), ("p95", FuncIndex(sizes[sizes.len() * 95 / 100].1))]
}

/// Compile per tier, object write, object parse and link, finalize.
fn phases(c: &mut Criterion) {
    let types = TypeRegistry::new();
    let bytes = ModuleBytes::from(LUA.to_vec());
    let module = latier::wasm::Module::parse(bytes, Features::default(), &types).expect("it is valid");
    for (size, index) in samples(&module) {
        let body = module.body(index).expect("the bytes are in memory");
        let input = FunctionBody::new(&module, &body);
        let mut group = c.benchmark_group(format!("function of {} bytes ({size})", body.bytes.len()));
        group.throughput(Throughput::Bytes(body.bytes.len() as u64));
        group.bench_function("validate", |b| b.iter(|| module.validate(&body)));
        let mut objects = Vec::new();
        for (name, settings) in [("fast", Settings::Fast), ("optimized", Settings::Optimized)] {
            let backend = CraneliftBackend::new(settings);
            objects.push(backend.compile(&module.desc, input).expect("it compiles").object);
            group.bench_function(BenchmarkId::new("compile", name), |b| {
                b.iter(|| backend.compile(&module.desc, input));
            });
        }
        let object = &objects[0];
        let view = read::parse(object).expect("it is well-formed");
        let relocation = |r: &read::Relocation<'_>| write::Relocation {
            offset: r.offset as u32,
            kind: r.kind,
            target: write::Target::Symbol(SymbolName { kind: "func", ordinal: r.offset as u32 % 16 }),
            addend: r.addend,
        };
        let relocations: Vec<_> = view.relocations.iter().map(relocation).collect();
        group.bench_function("object write", |b| {
            b.iter(|| write::object(black_box(view.text), 16, &relocations, view.sites, view.handlers));
        });
        group.bench_function("link and finalize", |b| {
            let identity = Identity { function: index, tier: "fast", body_offset: body.offset };
            into_code_memory(b, |code| {
                let slot = SymbolValue::Slot(code.slot_address(FuncIndex(0)));
                let value =
                    |name: &str| if name.starts_with("func.") { slot } else { SymbolValue::Absolute(64) };
                link::link(object, code, identity, &|name| Some(value(name))).expect("it links");
            });
        });
        group.bench_function("finalize", |b| {
            into_code_memory(b, |code| {
                let sites = view.sites.into();
                let record = CodeRecord {
                    function: index,
                    tier: "fast",
                    sites,
                    handlers: Box::default(),
                    body_offset: body.offset,
                };
                code.allocate(view.text.len())
                    .expect("there is room")
                    .finalize(record)
                    .expect("there is room");
            });
        });
    }
}

/// Times `work`, which uses up code memory: a fresh module's for every thousand rounds.
fn into_code_memory(b: &mut criterion::Bencher<'_>, work: impl Fn(&ModuleCode)) {
    b.iter_custom(|iterations| {
        let (mut left, mut spent) = (iterations, Duration::ZERO);
        while left > 0 {
            let code = ModuleCode::new(1, 0).expect("there is room");
            let rounds = left.min(1000);
            let start = Instant::now();
            (0..rounds).for_each(|_| work(&code));
            spent += start.elapsed();
            left -= rounds;
        }
        spent
    });
}

/// The lazy reexports of a module: stubs, trampolines and slots of as many functions as Yosys has.
fn stub_batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("stub batch");
    group.throughput(Throughput::Elements(46_473));
    group.bench_function("46,473 functions", |b| {
        b.iter_batched(
            || (),
            |()| ModuleCode::new(46_473, 0).expect("there is room"),
            BatchSize::PerIteration,
        )
    });
}

criterion_group!(benches, crossings, phases, stub_batch);
criterion_main!(benches);
