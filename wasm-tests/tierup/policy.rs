//! The policy as a program meets it, with its default knobs, a sampler and compiles in the background.

use super::{instance, optimizing};
use latier::compile::FunctionBody;
use latier::{Config, TierUp, TypedFunc};
use std::time::{Duration, Instant};

/// Longer than any machine takes to find something hot.
const PATIENCE: Duration = Duration::from_secs(100);

/// Optimized code says 53 where the guest says 42.
fn config(how: TierUp) -> Config {
    optimizing(how, |backend, module, body| {
        let bytes: Vec<u8> = body.bytes.iter().map(|byte| if *byte == 42 { 53 } else { *byte }).collect();
        backend.compile(module, FunctionBody { bytes: &bytes, ..body })
    })
}

/// `answer` takes its time; `wait` ends late in code that says 42.
const PROGRAM: &str = r#"(module
    (func (export "constant") (result i32) (i32.const 42))
    (func (export "answer") (param $rounds i32) (result i32)
      (loop $again
        (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
      (i32.const 42))
    (func (export "wait") (param $rounds i64) (result i32) (local $answer i32)
      (loop $again
        (local.set $rounds (i64.sub (local.get $rounds) (i64.const 1)))
        (br_if $again (i32.and
          (i64.ne (local.get $rounds) (i64.const 0))
          (i32.ne (local.tee $answer (i32.const 42)) (i32.const 0x35)))))
      (local.get $answer)))"#;

#[test]
fn a_function_says_42_until_it_is_hot_and_53_ever_after() {
    let (mut store, instance) = instance(&config(TierUp::default()), PROGRAM);
    let answer: TypedFunc<i32, i32> = instance.get_typed_func(&mut store, "answer").unwrap();
    let start = Instant::now();
    assert_eq!(answer.call(&mut store, 1).unwrap(), 42);
    while answer.call(&mut store, 2_000).unwrap() == 42 {
        assert!(start.elapsed() < PATIENCE, "it is never found hot");
    }
    for _ in 0..1_000 {
        assert_eq!(answer.call(&mut store, 1).unwrap(), 53);
    }
}

#[test]
fn a_loop_that_only_optimized_code_leaves_is_left() {
    let (mut store, instance) = instance(&config(TierUp::default()), PROGRAM);
    let wait: TypedFunc<i64, i32> = instance.get_typed_func(&mut store, "wait").unwrap();
    assert_eq!(wait.call(&mut store, 1).unwrap(), 42);
    // So many rounds take a minute or more.
    assert_eq!(wait.call(&mut store, 100_000_000_000).unwrap(), 53);
}

#[test]
fn what_is_stepped_through_is_hot_at_the_sample_that_is_asked_for() {
    for n in 1..=4 {
        let hot = |sample: i32| if sample >= n { 53 } else { 42 };
        let (mut store, called) = instance(&config(TierUp::Stepped(n as u64)), PROGRAM);
        let constant: TypedFunc<(), i32> = called.get_typed_func(&mut store, "constant").unwrap();
        for call in 1..=6 {
            assert_eq!(constant.call(&mut store, ()).unwrap(), hot(call), "call {call}, hot at {n}");
            let (mut store, fresh) = instance(&config(TierUp::Stepped(n as u64)), PROGRAM);
            let answer: TypedFunc<i32, i32> = fresh.get_typed_func(&mut store, "answer").unwrap();
            assert_eq!(answer.call(&mut store, call).unwrap(), hot(call), "{call} rounds, hot at {n}");
        }
    }
}
