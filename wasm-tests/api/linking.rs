//! The linker: what it finds, what it refuses and in which words, whole programs as definitions.

use crate::engines;
use latier::{
    Caller, Engine, Error, Extern, Func, FuncType, Global, GlobalType, Instance, Linker, Module,
    ModuleExport, Mutability, Store, Trap, Val, ValType,
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
fn what_is_unknown_can_be_zero() {
    for engine in engines() {
        let needs = module(
            &engine,
            r#"(module (import "m" "f" (func $f (param i32) (result i64 funcref f32)))
            (import "m" "g" (global $g (mut f64))) (import "m" "t" (table $t 3 externref))
            (import "m" "m" (memory 2)) (import "m" "s" (memory 1 2 shared)) (import "m" "e" (tag (param i32)))
            (func (export "run") (result i64 funcref f32) (call $f (i32.const 1)))
            (func (export "sizes") (result i32) (i32.add (table.size $t) (memory.size 0))))"#,
        );
        let mut linker = Linker::new(&engine);
        let mut store = Store::new(&engine, ());
        linker.define_unknown_imports_as_default_values(&mut store, &needs).unwrap();
        let instance = linker.instantiate(&mut store, &needs).unwrap();
        let run = instance.get_typed_func::<(), (i64, Option<Func>, f32)>(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), (0, None, 0.0));
        let sizes = instance.get_typed_func::<(), i32>(&mut store, "sizes").unwrap();
        assert_eq!(sizes.call(&mut store, ()).unwrap(), 5);
        let mut names: Vec<_> =
            linker.iter(&mut store).map(|(module, name, _)| format!("{module} {name}")).collect();
        names.sort();
        assert_eq!(names, ["m e", "m f", "m g", "m m", "m s", "m t"]);
        let wants = module(&engine, r#"(module (import "m" "null" (func (result (ref func)))))"#);
        assert!(linker.define_unknown_imports_as_default_values(&mut store, &wants).is_err());
    }
}

#[test]
fn an_export_is_looked_up_once() {
    let engine = Engine::default();
    let one = module(&engine, r#"(module (func (export "a")) (func (export "b") (result i32) i32.const 7))"#);
    let other = module(&engine, "(module)");
    let export = one.get_export_index("b").unwrap();
    assert!(one.get_export_index("c").is_none());
    let mut store = Store::new(&engine, ());
    for _ in 0..2 {
        let instance = Instance::new(&mut store, &one, &[]).unwrap();
        let b = instance.get_module_export(&mut store, &export).unwrap().into_func().unwrap();
        assert!(b.matches_ty(&store, &FuncType::new(&engine, [], [ValType::I32])));
        assert_eq!(b.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 7);
    }
    let instance = Instance::new(&mut store, &other, &[]).unwrap();
    assert!(instance.get_module_export(&mut store, &export).is_none());

    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("m", "call", |mut caller: Caller<'_, Option<ModuleExport>>| -> latier::Result<i32> {
            let export = caller.data().expect("it was set");
            let Some(Extern::Func(f)) = caller.get_module_export(&export) else { return Ok(-1) };
            f.typed::<(), i32>(&caller)?.call(&mut caller, ())
        })
        .unwrap();
    let calls = module(
        &engine,
        r#"(module (import "m" "call" (func $call (result i32)))
            (func (export "run") (result i32) (call $call)) (func (export "seven") (result i32) (i32.const 7)))"#,
    );
    let mut store = Store::new(&engine, calls.get_export_index("seven"));
    let instance = linker.instantiate(&mut store, &calls).unwrap();
    let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 7);
    *store.data_mut() = Some(export);
    assert_eq!(run.call(&mut store, ()).unwrap(), -1);
}

#[test]
fn exports_of_every_kind_are_found_by_name() {
    let engine = Engine::default();
    let all = module(
        &engine,
        r#"(module (func (export "f")) (memory (export "m") 1) (memory (export "s") 1 2 shared)
            (table (export "t") 1 funcref) (global (export "g") i32 (i32.const 1)) (tag (export "e")))"#,
    );
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &all, &[]).unwrap();
    let store = &mut store;
    assert!(instance.get_shared_memory(&mut *store, "s").is_some_and(|memory| memory.size() == 1));
    assert!(instance.get_tag(&mut *store, "e").is_some() && instance.get_tag(&mut *store, "f").is_none());
    let names: Vec<_> = instance.exports(&mut *store).map(|export| export.name().to_owned()).collect();
    let mut exports = instance.exports(&mut *store).collect::<Vec<_>>().into_iter();
    let mut next = || exports.next().unwrap();
    let (f, m, s, t, g, e) = (next(), next(), next(), next(), next(), next());
    assert!(f.ty(&*store).func().is_some() && s.ty(&*store).memory().is_some_and(|ty| ty.is_shared()));
    assert!(f.clone().into_memory().is_none() && e.clone().into_func().is_none());
    assert!(f.into_func().is_some() && m.into_memory().is_some() && s.into_shared_memory().is_some());
    assert!(t.clone().into_table().is_some() && g.into_global().is_some() && e.into_tag().is_some());
    let Extern::Table(table) = t.into_extern() else { panic!("it is a table") };
    assert_eq!(table.ty(&*store).element(), &latier::RefType::FUNCREF);
    assert_eq!(names, ["f", "m", "s", "t", "g", "e"]);
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
        let needs = module(&engine, r#"(module (import "reactor" "next" (func)) (import "x" "y" (func)))"#);
        let found = needs.imports().map(|import| linker.get_by_import(&mut store, &import).is_some());
        assert_eq!(found.collect::<Vec<_>>(), [true, false]);
        let odd = r#"(module (func (export "_start")) (global (export "odd") i32 (i32.const 1)))"#;
        let odd = module(&engine, odd);
        assert!(linker.module(&mut store, "odd", &odd).is_err());
        linker.allow_shadowing(true).allow_unknown_exports(true).module(&mut store, "odd", &odd).unwrap();
        assert!(linker.get(&mut store, "odd", "odd").is_none());
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

#[test]
fn a_shared_table_calls_the_instance_whose_function_it_holds() {
    let wat = r#"(module
        (type $get (func (result i32)))
        (import "m" "table" (table 2 funcref))
        (import "m" "id" (global $id i32))
        (elem (i32.const 0) func $id $double)
        (func $id (type $get) global.get $id)
        (func $double (type $get) (i32.mul (global.get $id) (i32.const 2)))
        (func (export "call") (param i32) (result i32) (call_indirect (type $get) (local.get 0))))"#;
    for engine in engines() {
        let module = module(&engine, wat);
        let mut store = Store::new(&engine, ());
        let ty = latier::TableType::new(latier::RefType::FUNCREF, 2, None);
        let table = latier::Table::new(&mut store, ty, latier::Ref::Func(None)).unwrap();
        let mut instance = |id: i32| {
            let ty = GlobalType::new(ValType::I32, Mutability::Const);
            let id = Global::new(&mut store, ty, Val::I32(id)).unwrap();
            let instance = Instance::new(&mut store, &module, &[table.into(), id.into()]).unwrap();
            instance.get_typed_func::<i32, i32>(&mut store, "call").unwrap()
        };
        // The second puts its functions over the first one's.
        let calls = [instance(3), instance(5)];
        for call in calls {
            assert_eq!([0, 1].map(|n| call.call(&mut store, n).unwrap()), [5, 10]);
        }
    }
}
