//! Between host and guest, both ways, and into the runtime for code that is there.

use criterion::Criterion;
use latier::{Engine, Instance, Linker, Module, Store};
use latier_runtime::abi::FuncIndex;
use std::time::{Duration, Instant};

/// Host → Wasm → host, and Wasm → host → Wasm.
pub fn crossings(c: &mut Criterion) {
    let engine = Engine::default();
    let module = Module::new(&engine, r#"(module (func (export "nop")))"#).expect("it is valid");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("it imports nothing");
    let nop = instance.get_typed_func::<(), ()>(&mut store, "nop").expect("it is exported");
    c.bench_function("host → Wasm → host", |b| b.iter(|| nop.call(&mut store, ())));

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

/// A call whose slot was reset: through stub and trampoline into the runtime, which finds the code. The median and what
/// one of a hundred calls exceeds; each call is timed alone, which adds the clock's own 20 ns or so.
pub fn reentry(c: &mut Criterion) {
    let engine = Engine::default();
    let module = Module::new(&engine, r#"(module (func (export "nop")))"#).expect("it is valid");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("it imports nothing");
    let nop = instance.get_typed_func::<(), ()>(&mut store, "nop").expect("it is exported");
    let code = module.loaded().reexports().code().clone();
    let mut percentile = |iterations: u64, percent: usize| {
        // At least so many that the percentile is one of them.
        let mut times: Vec<Duration> = (0..iterations.max(1000))
            .map(|_| {
                code.reset(FuncIndex(0));
                let start = Instant::now();
                nop.call(&mut store, ()).expect("it does not trap");
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[(times.len() * percent).div_ceil(100) - 1].mul_f64(iterations as f64)
    };
    for (name, percent) in [("re-entry, p50", 50), ("re-entry, p99", 99)] {
        c.bench_function(name, |b| b.iter_custom(|iterations| percentile(iterations, percent)));
    }
}
