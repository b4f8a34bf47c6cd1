//! References of a function type in the host's hands: what goes in is of the type, and what is not stays out.

use crate::{engines, instances};
use latier::{Engine, Func, Instance, Linker, Module, Ref, Store, Trap, Val};

const APPLY: &str = r#"(module
    (type $op (func (param i32) (result i32)))
    (table (export "ops") 2 (ref null $op))
    (global (export "op") (mut (ref null $op)) (ref.null $op))
    (func (export "double") (type $op) (i32.shl (local.get 0) (i32.const 1)))
    (func (export "nothing"))
    (func (export "apply") (param (ref $op)) (param i32) (result i32)
        (return_call_ref $op (local.get 1) (local.get 0)))
    (func (export "chosen") (param i32) (result i32) (call_ref $op (local.get 0) (global.get 0)))
    (func (export "listed") (param i32) (result i32) (call_ref $op (local.get 0) (table.get (i32.const 1)))))"#;

#[test]
fn what_is_of_the_type_goes_in() {
    for (mut store, instance) in instances(APPLY) {
        let double = instance.get_func(&mut store, "double").unwrap();
        let triple = Func::wrap(&mut store, |n: i32| n * 3);
        let apply = instance.get_func(&mut store, "apply").unwrap();
        let mut result = [Val::I32(0)];
        for (op, want) in [(double, 42), (triple, 63)] {
            apply.call(&mut store, &[op.into(), Val::I32(21)], &mut result).unwrap();
            assert_eq!(result[0].unwrap_i32(), want);
        }
        let chosen = instance.get_typed_func::<i32, i32>(&mut store, "chosen").unwrap();
        let listed = instance.get_typed_func::<i32, i32>(&mut store, "listed").unwrap();
        for null in [chosen.call(&mut store, 1), listed.call(&mut store, 1)] {
            assert_eq!(*null.unwrap_err().downcast_ref::<Trap>().unwrap(), Trap::NullReference);
        }
        let global = instance.get_global(&mut store, "op").unwrap();
        global.set(&mut store, triple.into()).unwrap();
        instance.get_table(&mut store, "ops").unwrap().set(&mut store, 1, double.into()).unwrap();
        assert_eq!(chosen.call(&mut store, 5).unwrap(), 15);
        assert_eq!(listed.call(&mut store, 5).unwrap(), 10);
    }
}

#[test]
fn what_is_of_another_type_stays_out() {
    for (mut store, instance) in instances(APPLY) {
        let other = instance.get_func(&mut store, "nothing").unwrap();
        let apply = instance.get_func(&mut store, "apply").unwrap();
        for wrong in [other.into(), Val::null_func_ref(), Val::null_extern_ref(), Val::I32(0)] {
            let error = apply.call(&mut store, &[wrong, Val::I32(1)], &mut [Val::I32(0)]).unwrap_err();
            assert!(error.to_string().contains("argument 0"), "{error}");
        }
        let global = instance.get_global(&mut store, "op").unwrap();
        assert!(global.set(&mut store, other.into()).is_err());
        let table = instance.get_table(&mut store, "ops").unwrap();
        assert!(table.set(&mut store, 0, other.into()).is_err());
        assert!(matches!(table.get(&mut store, 0), Some(Ref::Func(None))));
    }
}

/// Whether a module that imports `given "x"` as `import` links against what exports it as `export`.
fn links(engine: &Engine, export: &str, import: &str) -> bool {
    let types = "(type $op (func (param i32))) (type $other (func)) (func $f (type $op))";
    let given = format!("(module {types} {export} (elem declare func $f))");
    let taken =
        format!(r#"(module {types} (import "given" "x" {import}))"#).replace("(func $f (type $op))", "");
    let mut store = Store::new(engine, ());
    let given = Module::new(engine, given).unwrap();
    let given = Instance::new(&mut store, &given, &[]).unwrap();
    let mut linker = Linker::new(engine);
    linker.instance(&mut store, "given", given).unwrap();
    linker.instantiate(&mut store, &Module::new(engine, taken).unwrap()).is_ok()
}

#[test]
fn imports_may_be_of_a_wider_type_if_nobody_sets_them() {
    let engine = engines().next().unwrap();
    let constant = r#"(global (export "x") (ref $op) (ref.func $f))"#;
    for (wider, fits) in
        [("(ref null $op)", true), ("funcref", true), ("(ref func)", true), ("(ref $other)", false)]
    {
        assert_eq!(links(&engine, constant, &format!("(global {wider})")), fits, "{wider}");
    }
    let variable = r#"(global (export "x") (mut (ref null $op)) (ref.null $op))"#;
    assert!(links(&engine, variable, "(global (mut (ref null $op)))"));
    assert!(!links(&engine, variable, "(global (mut funcref))"));
    let table = r#"(table (export "x") 1 (ref null $op))"#;
    assert!(links(&engine, table, "(table 1 (ref null $op))"));
    assert!(!links(&engine, table, "(table 1 funcref)"));
}
