//! What leaves a function otherwise than by returning, and memory that grows.

use super::{MODES, instance};
use criterion::{BenchmarkId, Criterion};
use latier::Mode;
use std::time::{Duration, Instant};

/// A call that traps: by a signal, or by an instruction's own check; with its backtrace.
pub fn traps(c: &mut Criterion) {
    let mut group = c.benchmark_group("host → Wasm, trap → host");
    for (name, body) in [
        ("unreachable", "(unreachable)"),
        ("out of bounds", "(drop (i32.load (i32.const -4)))"),
        ("division by zero", "(drop (i32.div_s (i32.const 1) (global.get $zero)))"),
    ] {
        let text = format!(
            r#"(module (memory 1) (global $zero (mut i32) (i32.const 0)) (func (export "trap") {body}))"#
        );
        let (mut store, instance) = instance(Mode::Baseline, &text);
        let trap = instance.get_typed_func::<(), ()>(&mut store, "trap").expect("it is exported");
        group.bench_function(name, |b| b.iter(|| trap.call(&mut store, ()).expect_err("it traps")));
    }
}

/// An exception that passes so many frames, and lands where it is caught.
pub fn throws(c: &mut Criterion) {
    let mut group = c.benchmark_group("throw through frames");
    let text = r#"(module
        (tag $tag (param i32))
        (func $down (param i32)
          (if (i32.eqz (local.get 0)) (then (throw $tag (i32.const 1))))
          (call $down (i32.sub (local.get 0) (i32.const 1))))
        (func (export "loop") (param $rounds i32) (param $depth i32)
          (loop $again
            (block $caught (result i32)
              (try_table (catch $tag $caught) (call $down (local.get $depth)))
              (unreachable))
            (drop)
            (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))))"#;
    for (mode_name, mode) in MODES {
        let (mut store, instance) = instance(mode, text);
        let throws = instance.get_typed_func::<(i32, i32), ()>(&mut store, "loop").expect("it is exported");
        for depth in [0, 1, 10, 100] {
            group.bench_function(BenchmarkId::new(mode_name, depth), |b| {
                b.iter_custom(|iterations| {
                    let rounds = i32::try_from(iterations).unwrap_or(i32::MAX);
                    let start = Instant::now();
                    throws.call(&mut store, (rounds, depth)).expect("what is thrown is caught");
                    start.elapsed().mul_f64(iterations as f64 / f64::from(rounds))
                })
            });
        }
    }
}

/// A page more, which nobody touches; and no page more.
pub fn growth(c: &mut Criterion) {
    /// Pages by which one memory grows before another takes its place.
    const PAGES: u64 = 10_000;
    let text = r#"(module
        (memory 0)
        (func (export "loop") (param $rounds i32) (param $pages i32)
          (loop $again
            (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (unreachable)))
            (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))))"#;
    for (name, pages) in [("memory.grow by a page", 1), ("memory.grow by nothing", 0)] {
        c.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                let (mut left, mut spent) = (iterations, Duration::ZERO);
                while left > 0 {
                    let (mut store, instance) = instance(Mode::Baseline, text);
                    let grow = instance
                        .get_typed_func::<(i32, i32), ()>(&mut store, "loop")
                        .expect("it is exported");
                    grow.call(&mut store, (1, 0)).expect("it can grow by nothing");
                    let rounds = left.min(PAGES);
                    let start = Instant::now();
                    grow.call(&mut store, (rounds as i32, pages)).expect("there is room");
                    spent += start.elapsed();
                    left -= rounds;
                }
                spent
            })
        });
    }
}
