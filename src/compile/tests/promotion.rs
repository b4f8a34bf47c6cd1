//! Which calls by tables become direct calls.

use super::*;

/// What calls of the first type by table 0 are promoted to, of a module with this table and these elements.
fn promoted(table: &str, elements: &str) -> Vec<Symbol> {
    let text = format!(
        "(module (type $a (func (param i32) (result i32))) (type $b (func (result i32)))
          {table}
          {elements}
          (func (param i32) (result i32) (call_indirect (type $a) (local.get 0) (local.get 0)))
          (func $f (type $a) local.get 0) (func $g (type $a) local.get 0) (func $h (type $a) local.get 0)
          (func $other (type $b) i32.const 0))"
    );
    let module = module(&text);
    let body = module.body(FuncIndex(0)).unwrap();
    let callees = module.callees(&body);
    let body = FunctionBody::new(&module, &body);
    let backend = CraneliftBackend::new(Settings::Optimized);
    let not = backend.compile(&module.desc, body).unwrap();
    assert!(!not.symbols.iter().any(|symbol| matches!(symbol, Symbol::Func(_))));
    let compiled = backend.compile(&module.desc, body.promoting_calls(&module)).unwrap();
    let called = compiled.symbols.iter().filter(|symbol| matches!(symbol, Symbol::Func(_)));
    let called: Vec<Symbol> = called.collect();
    assert_eq!(called, callees.iter().map(|callee| Symbol::Func(callee.0)).collect::<Vec<_>>());
    called
}

#[test]
fn calls_of_a_few_functions_are_promoted() {
    let two = [Symbol::Func(1), Symbol::Func(2)];
    assert_eq!(promoted("(table 9 funcref)", "(elem (i32.const 3) func $f $other $g)"), two);
    let expressions = "(elem (i32.const 3) funcref (ref.func $f) (ref.null func) (ref.func $g))";
    assert_eq!(promoted("(table 9 funcref)", expressions), two);
    let written_over = "(elem (i32.const 3) func $f $h) (elem (i32.const 4) func $g $f $g)";
    assert_eq!(promoted("(table 9 funcref)", written_over), two);
    assert_eq!(promoted("(table (import \"\" \"\") 9 funcref)", "(elem (i32.const 3) func $f $g)"), two);
}

#[test]
fn a_body_does_not_become_too_long() {
    let calls = "(local.set 0 (call_indirect (type $a) (local.get 0) (local.get 0)))".repeat(200);
    let module = module(&format!(
        "(module (type $a (func (param i32) (result i32))) (table 9 funcref) (elem (i32.const 0) func $f $g)
          (func (param i32) (result i32) {calls} (local.get 0))
          (func $f (type $a) local.get 0) (func $g (type $a) local.get 0))"
    ));
    let body = module.body(FuncIndex(0)).unwrap();
    let body = FunctionBody::new(&module, &body).promoting_calls(&module);
    let text = clif(&module.desc, body, Settings::Optimized).unwrap();
    assert_eq!(text.matches(" = call fn").count(), 256);
    assert_eq!(text.matches(" = call_indirect").count(), 200);
}

#[test]
fn calls_of_one_function_of_many_or_of_none_known_are_not() {
    let none: [Symbol; 0] = [];
    assert_eq!(promoted("(table 9 funcref)", "(elem (i32.const 3) func $f $f $other)"), none);
    assert_eq!(promoted("(table 9 funcref)", "(elem func $f $g)"), none);
    let imported = "(global $at (import \"\" \"\") i32)";
    assert_eq!(promoted(&format!("{imported}(table 9 funcref)"), "(elem (global.get $at) func $f $g)"), none);
    let many: String = (0..9).map(|n| format!("(func $f{n} (type $a) (i32.const {n}))")).collect();
    let names: String = (0..9).map(|n| format!(" $f{n}")).collect();
    let elements = format!("(elem (i32.const 0) func{names})");
    let module = module(&format!(
        "(module (type $a (func (param i32) (result i32))) (table 9 funcref) {elements}
          (func (param i32) (result i32) (call_indirect (type $a) (local.get 0) (local.get 0))) {many})"
    ));
    assert_eq!(module.callees(&module.body(FuncIndex(0)).unwrap()), []);
}
