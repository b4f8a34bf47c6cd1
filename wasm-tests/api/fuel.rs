//! Fuel: what guests consume of it, and what becomes of one that has none.

use latier::{Caller, Config, Engine, Func, Instance, Mode, Module, Result, Store, Tier, TierFilter, Trap};

/// An instance in each mode, in a store whose fuel is consumed.
fn instances(wat: &str) -> impl Iterator<Item = (Store<()>, Instance)> {
    Mode::TABLE.iter().map(move |row| {
        let engine = Engine::new(Config::new().mode(row.mode).consume_fuel(true)).unwrap();
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, wat).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        (store, instance)
    })
}

#[test]
fn a_call_costs_what_it_executes() {
    let wat = r#"(module
        (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (export "sum") (param i32) (result i32) (local i32)
            (loop $again
                (local.set 1 (call $leaf (local.get 1)))
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (if (result i32) (local.get 0) (then (unreachable)) (else (local.get 1))))
        (func (export "nothing") (nop) (block (br 0))))"#;
    for (mut store, instance) in instances(wat) {
        let sum = instance.get_typed_func::<i32, i32>(&mut store, "sum").unwrap();
        let nothing = instance.get_typed_func::<(), ()>(&mut store, "nothing").unwrap();
        for rounds in [2, 10, 1000] {
            // A round is eight operators and a call of three; around them stand a call and three operators.
            let cost = rounds * (8 + 1 + 3) + 1 + 3;
            store.set_fuel(cost).unwrap();
            assert_eq!(sum.call(&mut store, rounds as i32).unwrap(), rounds as i32);
            assert_eq!(store.get_fuel().unwrap(), 0);
            store.set_fuel(cost / 2).unwrap();
            let error = sum.call(&mut store, rounds as i32).unwrap_err();
            assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel));
        }
        store.set_fuel(u64::MAX).unwrap();
        nothing.call(&mut store, ()).unwrap();
        assert_eq!(store.get_fuel().unwrap(), u64::MAX - 2);
    }
}

#[test]
fn no_way_around_goes_on_for_ever() {
    let wat = r#"(module
        (type $t (func)) (tag $tag) (table funcref (elem $indirect))
        (func $direct (export "direct") (return_call $direct))
        (func $indirect (export "indirect") (return_call_indirect (type $t) (i32.const 0)))
        (func $reference (export "reference") (return_call_ref $t (ref.func $reference)))
        (func (export "loop") (loop (br 0)))
        (func (export "table") (loop (br_table 0 0 (i32.const 1))))
        (func (export "null") (loop (br_on_null 0 (ref.null func)) (drop)))
        (func $throws (throw $tag))
        (func (export "throw") (loop $again
            (block (try_table (catch $tag 0) (call $throws))) (br $again)))
        (elem declare func $reference))"#;
    for (mut store, instance) in instances(wat) {
        for name in ["direct", "indirect", "reference", "loop", "table", "null", "throw"] {
            let func = instance.get_typed_func::<(), ()>(&mut store, name).unwrap();
            for _ in 0..2 {
                store.set_fuel(1000).unwrap();
                let error = func.call(&mut store, ()).unwrap_err();
                assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel), "{name}");
                assert_eq!(store.get_fuel().unwrap(), 0, "{name}");
            }
        }
    }
}

#[test]
fn a_host_function_sees_what_is_left_and_gives_more() {
    let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let refuel = Func::wrap(&mut store, |mut caller: Caller<'_, Vec<u64>>| -> Result<()> {
        let left = caller.get_fuel()?;
        caller.data_mut().push(left);
        caller.set_fuel(100)
    });
    let wat = r#"(module (import "" "refuel" (func $refuel))
        (func (export "run") (i32.const 1) (drop) (call $refuel) (i32.const 1) (drop) (call $refuel)))"#;
    let module = Module::new(&engine, wat).unwrap();
    let instance = Instance::new(&mut store, &module, &[refuel.into()]).unwrap();
    let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
    store.set_fuel(10).unwrap();
    run.call(&mut store, ()).unwrap();
    assert_eq!(*store.data(), [10 - 3, 100 - 2]);
    assert_eq!(store.get_fuel().unwrap(), 100);
}

#[test]
fn a_store_without_fuel_says_so() {
    let mut store = Store::new(&Engine::default(), ());
    assert!(store.get_fuel().unwrap_err().to_string().contains("consume_fuel"));
    assert!(store.set_fuel(1).is_err());
    let mut store = Store::new(&Engine::new(Config::new().consume_fuel(true)).unwrap(), ());
    assert_eq!(store.get_fuel().unwrap(), 0);
    store.set_fuel(u64::MAX).unwrap();
    assert_eq!(store.get_fuel().unwrap(), u64::MAX);
}

#[test]
fn what_the_filter_keeps_back_is_not_optimized() {
    let wat = r#"(module (func (export "a")) (func (export "b")))"#;
    let engine =
        Engine::new(Config::new().consume_fuel(true).tier_filter(TierFilter::new(std::iter::once(1..2))))
            .unwrap();
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_fuel(10).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    for name in ["a", "b"] {
        instance.get_typed_func::<(), ()>(&mut store, name).unwrap().call(&mut store, ()).unwrap();
    }
    let compiled =
        [Tier::Baseline, Tier::Fast, Tier::Optimized].map(|tier| engine.statistics().functions(tier));
    assert_eq!(compiled, [0, 1, 1]);
}
