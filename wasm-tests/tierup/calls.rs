//! Calls of optimized code: which functions it is bound to, and what they do.

use super::{instance, optimizing};
use latier::{Entry, TierUp, TypedFunc};
use std::sync::{Arc, Mutex};

#[test]
fn optimized_code_is_bound_to_callees_that_were_optimized_before_and_to_itself() {
    // 0 calls nothing, 1 itself and 0, 2 both in its loop; 3 is never called.
    let wat = r#"(module
        (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func $down (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (call $leaf (call $down (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))
        (func (export "run") (param i32) (result i32) (local i32)
          (loop $again
            (local.set 1 (i32.add (call $down (local.get 0)) (call $leaf (local.get 1))))
            (if (i32.eq (local.get 0) (i32.const -1)) (then (local.set 1 (call $cold (i32.const 0)))))
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (local.get 1))
        (func $cold (param i32) (result i32) (local.get 0)))"#;
    let compiled = Arc::new(Mutex::new(Vec::new()));
    let heard = compiled.clone();
    let config = optimizing(TierUp::Stepped(3), move |backend, module, body| {
        let bound: Vec<u32> = body.bound.iter().map(|function| function.0).collect();
        heard.lock().unwrap().push((body.index.0, body.entry == Entry::Start, bound));
        backend.compile(module, body)
    });
    let (mut store, instance) = instance(&config, wat);
    let run: TypedFunc<i32, i32> = instance.get_typed_func(&mut store, "run").unwrap();
    for _ in 0..4 {
        // The sum of 1 to 20, and one more in each round.
        assert_eq!(run.call(&mut store, 20).unwrap(), 210 + 20);
    }
    let mut compiled = compiled.lock().unwrap().clone();
    compiled.sort();
    // 1 is hot before it has come back once, and with that before 0 was ever called.
    let expected = [(0, true, vec![]), (1, true, vec![1]), (2, false, vec![0, 1]), (2, true, vec![0, 1])];
    assert_eq!(compiled, expected);
}
