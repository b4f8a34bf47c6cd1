//! Threads: stores move, modules are shared, and each function is compiled exactly once whoever calls it first.

use crate::{counted, engines};
use latier::{
    Caller, Config, Engine, Func, Instance, InstancePre, Linker, Memory, Mode, Module, Store, StoreContext,
    TypedFunc, Val,
};
use std::sync::Barrier;
use std::thread;

const THREADS: u32 = 64;

/// The modes that compile at first calls.
const LAZY: [Mode; 4] = [Mode::Tiered, Mode::Baseline, Mode::Fast, Mode::Optimized];

#[test]
fn what_may_be_shared_is() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Engine>();
    shared::<Config>();
    shared::<Module>();
    shared::<Store<()>>();
    shared::<Linker<()>>();
    shared::<InstancePre<()>>();
    shared::<(Func, Instance, Memory, Val, TypedFunc<(), ()>)>();
    fn sent<T: Send>() {}
    sent::<Caller<'static, ()>>();
    sent::<StoreContext<'static, ()>>();
}

/// As many functions as there are threads: function `n` gives `n` after a loop that takes a moment to compile.
fn functions() -> String {
    let function = |n: u32| {
        let work = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))".repeat(50);
        format!(
            r#"(func (export "f{n}") (result i32) (local i32) {work} (i32.sub (local.get 0) (i32.const {})))"#,
            50 - n as i32
        )
    };
    format!("(module {})", (0..THREADS).map(function).collect::<String>())
}

/// All threads at once make a store of their own and call a function each.
fn call_all(engine: &Engine, module: &Module, function: impl Fn(u32) -> u32 + Sync) {
    let barrier = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for i in 0..THREADS {
            let (barrier, function) = (&barrier, &function);
            scope.spawn(move || {
                let mut store = Store::new(engine, ());
                let instance = Instance::new(&mut store, module, &[]).unwrap();
                let n = function(i);
                let f = instance.get_typed_func::<(), u32>(&mut store, &format!("f{n}")).unwrap();
                barrier.wait();
                assert_eq!(f.call(&mut store, ()).unwrap(), n);
            });
        }
    });
}

#[test]
fn one_function_first_called_by_all_is_compiled_once() {
    for mode in LAZY.into_iter().cycle().take(12) {
        let (engine, counter) = counted(Config::new().mode(mode));
        let module = Module::new(&engine, functions()).unwrap();
        call_all(&engine, &module, |_| 7);
        assert_eq!(counter.compiled(), [7]);
    }
}

#[test]
fn each_function_first_called_by_one_is_compiled_once() {
    for mode in LAZY.into_iter().chain([Mode::EagerBaseline, Mode::EagerOptimized]) {
        let (engine, counter) = counted(Config::new().mode(mode));
        let module = Module::new(&engine, functions()).unwrap();
        call_all(&engine, &module, |i| i);
        assert_eq!(counter.compiled(), (0..THREADS).collect::<Vec<_>>());
        call_all(&engine, &module, |i| THREADS - 1 - i);
        assert_eq!(counter.compiled().len(), THREADS as usize);
    }
}

#[test]
fn stores_share_a_modules_code_and_nothing_else() {
    let (engine, counter) = counted(&mut Config::new());
    let module = Module::new(
        &engine,
        r#"(module (global $n (mut i32) (i32.const 0))
            (func (export "next") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#,
    )
    .unwrap();
    let next = |store: &mut Store<()>, instance: &Instance| {
        instance.get_typed_func::<(), i32>(&mut *store, "next").unwrap().call(store, ()).unwrap()
    };
    let (mut one, mut other) = (Store::new(&engine, ()), Store::new(&engine, ()));
    let in_one = Instance::new(&mut one, &module, &[]).unwrap();
    let in_other = Instance::new(&mut other, &module, &[]).unwrap();
    assert_eq!([next(&mut one, &in_one), next(&mut one, &in_one)], [1, 2]);
    assert_eq!(next(&mut other, &in_other), 1);
    assert_eq!(counter.compiled(), [0]);
    drop((one, module));
    assert_eq!(next(&mut other, &in_other), 2);
}

#[test]
fn a_store_moves_between_threads() {
    for engine in engines() {
        let module = Module::new(
            &engine,
            r#"(module (import "" "add" (func $add (param i32)))
            (func (export "run") (call $add (i32.const 1))) (func (export "trap") unreachable))"#,
        )
        .unwrap();
        let mut linker = Linker::new(&engine);
        linker.func_wrap("", "add", |mut caller: Caller<'_, i32>, n: i32| *caller.data_mut() += n).unwrap();
        let mut store = Store::new(&engine, 0);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        let trap = instance.get_typed_func::<(), ()>(&mut store, "trap").unwrap();
        for _ in 0..5 {
            store = thread::spawn(move || {
                run.call(&mut store, ()).unwrap();
                trap.call(&mut store, ()).unwrap_err();
                store
            })
            .join()
            .unwrap();
            run.call(&mut store, ()).unwrap();
        }
        assert_eq!(store.into_data(), 10);
    }
}
