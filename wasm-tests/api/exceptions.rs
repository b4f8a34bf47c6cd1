//! Exceptions between guests and hosts.

use latier::compile::stencil::StencilBackend;
use latier::compile::{Backend, CompileError, Compiled, FunctionBody};
use latier::{
    AsContext, Config, Engine, Error, Exception, Extern, FuncType, Instance, Linker, Mode, Module, Store,
    Tag, TagType, Val, ValType,
};
use latier_runtime::module::ModuleDesc;
use std::sync::Arc;

fn tag(store: &mut Store<()>, params: &[ValType]) -> Tag {
    let ty = FuncType::new(store.as_context().engine(), params.iter().copied(), []);
    Tag::new(store, &TagType::new(ty)).unwrap()
}

#[test]
fn a_host_throws_and_a_guest_catches() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let tag = tag(&mut store, &[ValType::I32, ValType::I64]);
    let mut linker = Linker::new(&engine);
    linker.define(&store, "h", "tag", tag).unwrap();
    linker
        .func_wrap("h", "throw", move |mut caller: latier::Caller<'_, ()>, n: i32| -> Result<(), Error> {
            Err(Exception::new(&mut caller, &tag, &[Val::I32(n), Val::I64(-1)])?.into())
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "h" "tag" (tag $t (param i32 i64))) (import "h" "throw" (func $throw (param i32)))
            (func (export "caught") (param i32) (result i32 i64)
              (block $h (result i32 i64)
                (try_table (catch $t $h) (call $throw (local.get 0))) (unreachable)))
            (func (export "not") (param i32) (call $throw (local.get 0))))"#,
    )
    .unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let caught = instance.get_typed_func::<i32, (i32, i64)>(&mut store, "caught").unwrap();
    assert_eq!(caught.call(&mut store, 7).unwrap(), (7, -1));
    let not = instance.get_typed_func::<i32, ()>(&mut store, "not").unwrap();
    let error = not.call(&mut store, 8).unwrap_err();
    let exception = error.downcast_ref::<Exception>().expect("nothing caught it");
    assert!(exception.is_of(&tag));
    assert!(matches!(exception.values(&store)[..], [Val::I32(8), Val::I64(-1)]));
}

#[test]
fn an_exception_goes_through_hosts_and_other_instances() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let tag = tag(&mut store, &[ValType::F64]);
    let mut linker = Linker::new(&engine);
    linker.define(&store, "h", "tag", tag).unwrap();
    let thrower = r#"(module (import "h" "tag" (tag $t (param f64)))
        (func (export "f") (param f64) (throw $t (local.get 0))))"#;
    let thrower = linker.instantiate(&mut store, &Module::new(&engine, thrower).unwrap()).unwrap();
    let throws = thrower.get_func(&mut store, "f").unwrap();
    linker.define(&store, "m", "direct", throws).unwrap();
    linker
        .func_wrap("m", "through", move |mut caller: latier::Caller<'_, ()>, x: f64| -> Result<(), Error> {
            throws.call(&mut caller, &[Val::from(x)], &mut [])
        })
        .unwrap();
    let catcher = r#"(module (import "h" "tag" (tag $t (param f64))) (tag $other (param f64))
        (import "m" "direct" (func $direct (param f64))) (import "m" "through" (func $through (param f64)))
        (func $twice (param f64)
          (block $h (result f64)
            (try_table (catch $other $h) (call $direct (local.get 0)) (call $through (local.get 0)))
            (return))
          (drop) (unreachable))
        (func (export "direct") (param f64) (result f64)
          (block $h (result f64) (try_table (catch $t $h) (call $twice (local.get 0))) (unreachable)))
        (func (export "through") (param f64) (result f64)
          (block $h (result f64) (try_table (catch $t $h) (call $through (local.get 0))) (unreachable))))"#;
    let catcher = linker.instantiate(&mut store, &Module::new(&engine, catcher).unwrap()).unwrap();
    for name in ["direct", "through"] {
        let f = catcher.get_typed_func::<f64, f64>(&mut store, name).unwrap();
        assert_eq!(f.call(&mut store, 1.5).unwrap(), 1.5, "{name}");
    }
}

#[test]
fn a_reference_leads_to_its_exception() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = Module::new(
        &engine,
        r#"(module (tag $t (export "t") (param i32))
            (func (export "make") (param i32) (result exnref)
              (block $h (result i32 exnref)
                (try_table (catch_ref $t $h) (throw $t (local.get 0))) (unreachable))
              (return)))"#,
    );
    let instance = Instance::new(&mut store, &module.unwrap(), &[]).unwrap();
    let mut results = [Val::I32(0)];
    instance.get_func(&mut store, "make").unwrap().call(&mut store, &[Val::I32(7)], &mut results).unwrap();
    let exception = results[0].unwrap_exn_ref().unwrap().exception(&store);
    assert!(exception.is_of(&instance.get_tag(&mut store, "t").unwrap()));
    assert!(matches!(exception.values(&store)[..], [Val::I32(7)]));
}

#[test]
fn exceptions_that_nothing_holds_are_given_back() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = Module::new(
        &engine,
        r#"(module (tag $t (param i64)) (global $kept (mut exnref) (ref.null exn)) (table $kept 1 exnref)
            (func $throw (param i64) (throw $t (local.get 0)))
            (func $make (param i64) (result exnref)
              (block $h (result i64 exnref)
                (try_table (catch_ref $t $h) (call $throw (local.get 0))) (unreachable))
              (return))
            (func $value (param exnref) (result i64)
              (block $h (result i64) (try_table (catch $t $h) (throw_ref (local.get 0))) (unreachable)))
            (func (export "churn") (param i64)
              (local $mine exnref)
              (local.set $mine (call $drop-value (i64.const 1)))
              (global.set $kept (call $drop-value (i64.const 2)))
              (table.set $kept (i32.const 0) (call $drop-value (i64.const 3)))
              (loop $again
                (drop (call $drop-value (local.get 0)))
                (br_if $again (i64.ne (local.tee 0 (i64.sub (local.get 0) (i64.const 1))) (i64.const 0))))
              (if (i64.ne (call $value (local.get $mine)) (i64.const 1)) (then (unreachable)))
              (if (i64.ne (call $value (global.get $kept)) (i64.const 2)) (then (unreachable)))
              (if (i64.ne (call $value (table.get $kept (i32.const 0))) (i64.const 3)) (then (unreachable))))
            (func $drop-value (param i64) (result exnref)
              (block $h (result exnref)
                (try_table (catch_all_ref $h) (call $throw (local.get 0))) (unreachable))))"#,
    );
    let module = module.unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let churn = instance.get_typed_func::<i64, ()>(&mut store, "churn").unwrap();
    churn.call(&mut store, 200_000).unwrap();
    assert!(store.exception_count() < 50_000, "{} exceptions are left", store.exception_count());
}

#[test]
fn tags_are_told_apart_by_identity_not_by_type() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let (one, two) = (tag(&mut store, &[]), tag(&mut store, &[]));
    let exception = Exception::new(&mut store, &one, &[]).unwrap();
    assert!(exception.is_of(&one) && !exception.is_of(&two));
    assert!(Exception::new(&mut store, &one, &[Val::I32(1)]).is_err(), "it carries nothing");
    let module = r#"(module (import "h" "a" (tag)) (import "h" "b" (tag)))"#;
    let module = Module::new(&engine, module).unwrap();
    Instance::new(&mut store, &module, &[one.into(), two.into()]).unwrap();
    let wide = tag(&mut store, &[ValType::I32]);
    let error = Instance::new(&mut store, &module, &[one.into(), Extern::Tag(wide)]).unwrap_err();
    assert!(format!("{error:#}").contains("incompatible import type"), "{error:#}");
}

/// Optimizes functions of odd index only.
struct OddOptimized(StencilBackend, Arc<dyn Backend>);

impl Backend for OddOptimized {
    fn compile(&self, module: &ModuleDesc, body: FunctionBody<'_>) -> Result<Compiled, CompileError> {
        if body.index.0 % 2 == 1 { self.1.compile(module, body) } else { self.0.compile(module, body) }
    }
}

/// What is thrown passes over a frame that has saved registers and not put them back; whoever catches it returns to a
/// function that has values in these.
#[test]
fn a_caller_finds_its_registers_when_a_callee_in_another_tier_catches() {
    let wrap =
        |_, other| -> Arc<dyn Backend> { Arc::new(OddOptimized(StencilBackend::new(true, None), other)) };
    let engine = Engine::new(Config::new().mode(Mode::Optimized).wrap_backend(Arc::new(wrap))).unwrap();
    let module = Module::new(
        &engine,
        r#"(module (tag $t)
            (func $nothing)
            (func $throw (param i32 i32 i32 i32)
              (call $nothing)
              (if (i32.ne (i32.add (local.get 0) (local.get 1)) (i32.add (local.get 2) (local.get 3)))
                (then (throw $t))))
            (func $catch
              (block $h (try_table (catch $t $h) (call $throw (i32.const -1) (i32.const -2) (i32.const -3)
                (i32.const -4)))))
            (func (export "sum") (param i32 i32 i32 i32) (result i32)
              (call $catch)
              (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.mul (local.get 2) (local.get 3)))))"#,
    );
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module.unwrap(), &[]).unwrap();
    let sum = instance.get_typed_func::<(i32, i32, i32, i32), i32>(&mut store, "sum").unwrap();
    assert_eq!(sum.call(&mut store, (3, 5, 7, 11)).unwrap(), 92);
}
