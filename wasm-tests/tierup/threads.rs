//! Many threads on one module while everything in it tiers up and is redirected.

use super::{Heard, expected, listening, program, results};
use latier::{Config, Engine, Instance, Knobs, Module, Store, TierUp, TypedFunc};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const THREADS: usize = 16;
const FUNCTIONS: u32 = 24;

/// The functions of the program of which there is optimized code, of any kind.
fn optimized(heard: &Heard) -> BTreeSet<u32> {
    let number = |line: &str| line.split([' ', ':']).nth(1)?.parse().ok();
    let compiled = |line: &&String| line.starts_with("compiled") && line.ends_with("optimized");
    heard.all().iter().filter(compiled).filter_map(|line| number(line)).collect()
}

/// Runs the program on all threads, each with its own store, until `enough`, and once more. Every result must be right.
fn run(config: &Config, enough: impl Fn() -> bool + Sync) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, program(FUNCTIONS)).unwrap();
    let (expected, start) = (expected(FUNCTIONS), Instant::now());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut store = Store::new(&engine, ());
                let instance = Instance::new(&mut store, &module, &[]).unwrap();
                // From outside, so that what others have inlined is called still.
                let each: Vec<TypedFunc<i32, i32>> = (0..FUNCTIONS)
                    .map(|f| instance.get_typed_func(&mut store, &format!("f{f}")).unwrap())
                    .collect();
                loop {
                    let last = enough();
                    assert_eq!(results(&mut store, instance), expected);
                    for f in &each {
                        f.call(&mut store, 1).unwrap();
                    }
                    if last {
                        return;
                    }
                    assert!(start.elapsed() < Duration::from_secs(200), "some function is never found hot");
                }
            });
        }
    });
}

#[test]
fn results_are_equal_while_compiles_in_the_background_redirect_everything() {
    let mut knobs = Knobs::after(1);
    knobs.set("sample-period", 50).unwrap();
    let mut config = Config::new();
    let heard = listening(config.tier_up(TierUp::Sampled(knobs)));
    run(&config, || optimized(&heard).len() > FUNCTIONS as usize);
    assert!(heard.count("redirected") > FUNCTIONS as usize + 1, "{:?}", heard.all());
    assert_eq!((heard.count("failed"), heard.count("refused")), (0, 0), "{:?}", heard.all());
}

#[test]
fn results_are_equal_while_threads_compile_what_they_step_through() {
    let mut config = Config::new();
    let heard = listening(config.tier_up(TierUp::Stepped(2)));
    run(&config, || optimized(&heard).len() > FUNCTIONS as usize);
    for f in 0..=FUNCTIONS {
        for tier in ["baseline", "optimized"] {
            let line = format!("redirected {f} {tier}");
            assert_eq!(heard.count(&line), 1, "{line}: {:?}", heard.all());
        }
    }
    assert_eq!((heard.count("failed"), heard.count("refused")), (0, 0), "{:?}", heard.all());
}

#[test]
fn an_engine_may_go_at_any_time_and_takes_its_compiles_with_it() {
    let mut knobs = Knobs::after(1);
    knobs.set("sample-period", 50).unwrap();
    let token = Arc::new(());
    for n in 0..40 {
        let held = token.clone();
        let config = super::optimizing(TierUp::Sampled(knobs.clone()), move |backend, module, body| {
            assert!(Arc::strong_count(&held) > 0);
            backend.compile(module, body)
        });
        let (mut store, instance) = super::instance(&config, &program(FUNCTIONS));
        let run: TypedFunc<i32, i32> = instance.get_typed_func(&mut store, "run").unwrap();
        for seed in 0..n * 20 {
            run.call(&mut store, seed).unwrap();
        }
    }
    // A compile that was running holds its session until it is done.
    let start = Instant::now();
    while Arc::strong_count(&token) > 1 {
        assert!(start.elapsed() < Duration::from_secs(100), "{} are held", Arc::strong_count(&token));
        thread::yield_now();
    }
}
