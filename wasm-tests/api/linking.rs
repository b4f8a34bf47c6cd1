//! The linker: what it finds, what it refuses and in which words, whole programs as definitions.

use crate::engines;
use latier::{
    Engine, Error, Extern, Func, Global, GlobalType, Instance, Linker, Module, Mutability, Store, Trap, Val,
    ValType,
};

fn module(engine: &Engine, wat: &str) -> Module {
    Module::new(engine, wat).unwrap()
}

#[test]
fn an_unknown_import_is_named() {
    let engine = Engine::default();
    let needs = module(&engine, r#"(module (import "m" "n" (func)))"#);
    let linker = Linker::<()>::new(&engine);
    let error = linker.instantiate(Store::new(&engine, ()), &needs).unwrap_err();
    assert_eq!(error.to_string(), "unknown import: `m::n` has not been defined");
    let unknown = error.downcast_ref::<latier::UnknownImportError>().unwrap();
    assert_eq!((unknown.module(), unknown.name()), ("m", "n"));
    assert!(linker.instantiate_pre(&needs).is_err());
    assert!(Instance::new(Store::new(&engine, ()), &needs, &[]).is_err());
}

#[test]
fn an_import_of_another_type_is_named() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("m", "n", |_: i32| {}).unwrap();
    let wants = [
        r#"(module (import "m" "n" (func (param i64))))"#,
        r#"(module (import "m" "n" (global i32)))"#,
        r#"(module (import "m" "n" (memory 1)))"#,
        r#"(module (import "m" "n" (table 1 funcref)))"#,
    ];
    for wat in wants {
        let error = linker.instantiate(Store::new(&engine, ()), &module(&engine, wat)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("incompatible import type") && text.contains('m') && text.contains('n'),
            "{text}"
        );
    }
}

#[test]
fn names_are_taken_once() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("m", "n", || 1).unwrap();
    let error = linker.func_wrap("m", "n", || 2).unwrap_err();
    assert_eq!(error.to_string(), "import of `m::n` defined twice");
    linker.allow_shadowing(true).func_wrap("m", "n", || 3).unwrap();
    let mut store = Store::new(&engine, ());
    linker.alias("m", "n", "a", "b").unwrap();
    linker.alias_module("m", "c").unwrap();
    assert!(linker.alias("m", "x", "a", "c").is_err());
    for (module, name) in [("m", "n"), ("a", "b"), ("c", "n")] {
        let f = linker.get(&mut store, module, name).unwrap().into_func().unwrap();
        assert_eq!(f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 3);
    }
    assert!(linker.get(&mut store, "m", "x").is_none());
}

#[test]
fn one_closure_is_one_function_of_a_store() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("m", "n", || {}).unwrap();
    let mut store = Store::new(&engine, ());
    let get = |store: &mut Store<()>| linker.get(store, "m", "n").unwrap().into_func().unwrap();
    assert_eq!(get(&mut store), get(&mut store));
}

#[test]
fn instances_and_items_can_be_imported() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let lib = module(
            &engine,
            r#"(module (import "env" "base" (global $base i32))
            (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (global.get $base))))"#,
        );
        let base =
            Global::new(&mut store, GlobalType::new(ValType::I32, Mutability::Const), Val::I32(40)).unwrap();
        linker.define(&store, "env", "base", base).unwrap();
        let lib = linker.instantiate(&mut store, &lib).unwrap();
        linker.instance(&mut store, "lib", lib).unwrap();
        let main = module(
            &engine,
            r#"(module (import "lib" "add" (func $add (param i32) (result i32)))
            (func (export "run") (result i32) (call $add (i32.const 2))))"#,
        );
        let pre = linker.instantiate_pre(&main).unwrap();
        for _ in 0..2 {
            let instance = pre.instantiate(&mut store).unwrap();
            let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
            assert_eq!(run.call(&mut store, ()).unwrap(), 42);
        }
    }
}

#[test]
fn what_is_unknown_can_trap_when_called() {
    for engine in engines() {
        let needs = module(
            &engine,
            r#"(module (import "m" "n" (func $n (param i32) (result i64)))
            (func (export "run") (drop (call $n (i32.const 1)))) (func (export "fine")))"#,
        );
        let mut linker = Linker::<()>::new(&engine);
        linker.define_unknown_imports_as_traps(&needs).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &needs).unwrap();
        instance.get_typed_func::<(), ()>(&mut store, "fine").unwrap().call(&mut store, ()).unwrap();
        let error: Error =
            instance.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap_err();
        assert!(error.downcast_ref::<latier::UnknownImportError>().is_some(), "{error:?}");
    }
}

#[test]
fn commands_and_reactors() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let counter = |start: &str| {
            format!(
                r#"(module (global $n (mut i32) (i32.const 0)) (memory (export "memory") 1)
                (func (export "{start}") (global.set $n (i32.const 10)))
                (func (export "next") (result i32)
                    (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#
            )
        };
        linker.module(&mut store, "reactor", &module(&engine, &counter("_initialize"))).unwrap();
        linker.module(&mut store, "command", &module(&engine, &counter("_start"))).unwrap();
        let mut next = |name: &str| {
            let f: Func = linker.get(&mut store, name, "next").unwrap().into_func().unwrap();
            f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap()
        };
        assert_eq!([next("reactor"), next("reactor")], [11, 12]);
        assert_eq!([next("command"), next("command")], [1, 1]);
        assert!(linker.get(&mut store, "command", "memory").is_none());
        assert!(matches!(linker.get(&mut store, "reactor", "memory"), Some(Extern::Memory(_))));
        let start = linker.get_default(&mut store, "command").unwrap();
        start.typed::<(), ()>(&store).unwrap().call(&mut store, ()).unwrap();
        let nothing = linker.get_default(&mut store, "nobody").unwrap();
        nothing.typed::<(), ()>(&store).unwrap().call(&mut store, ()).unwrap();
        linker.func_wrap("named", "", || -> latier::Result<()> { Err(Trap::Interrupt.into()) }).unwrap();
        let named = linker.get_default(&mut store, "named").unwrap();
        assert!(named.call(&mut store, &[], &mut []).is_err());
    }
}

#[test]
fn a_module_stays_with_its_engine() {
    let (one, other) = (Engine::default(), Engine::default());
    let module = module(&one, "(module)");
    let error = Instance::new(Store::new(&other, ()), &module, &[]).unwrap_err();
    assert!(error.to_string().contains("cross-`Engine`"));
    assert!(Engine::same(module.engine(), &one) && !Engine::same(&one, &other));
}

#[test]
fn the_number_of_imports_is_checked() {
    let engine = Engine::default();
    let needs = module(&engine, r#"(module (import "m" "n" (func)))"#);
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &needs, &[]).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 imports, found 0");
}
