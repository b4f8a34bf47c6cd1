//! Calls from the host: typed and untyped, few and many values, references.

use crate::{counted, in_default_mode, instances};
use latier::{Config, ExternRef, Func, Instance, Module, Store, Tier, TypedFunc, Val, ValType, Validation};

#[test]
fn a_typed_call() {
    for (mut store, instance) in instances(
        r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#,
    ) {
        let add = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add").unwrap();
        assert_eq!(add.call(&mut store, (40, 2)).unwrap(), 42);
        let unsigned: TypedFunc<(u32, u32), u32> = add.func().typed(&store).unwrap();
        assert_eq!(unsigned.call(&mut store, (u32::MAX, 2)).unwrap(), 1);
    }
}

#[test]
fn every_type_goes_through() {
    for (mut store, instance) in instances(
        r#"(module
            (func (export "i64") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1)))
            (func (export "f32") (param f32) (result f32) (f32.neg (local.get 0)))
            (func (export "f64") (param f64) (result f64) (f64.sqrt (local.get 0)))
            (func (export "func") (param funcref) (result funcref) (local.get 0))
            (func (export "extern") (param externref) (result externref) (local.get 0)))"#,
    ) {
        let store = &mut store;
        let f = instance.get_typed_func::<i64, i64>(&mut *store, "i64").unwrap();
        assert_eq!(f.call(&mut *store, i64::MAX).unwrap(), i64::MIN);
        let f = instance.get_typed_func::<f32, f32>(&mut *store, "f32").unwrap();
        assert_eq!(f.call(&mut *store, 1.5).unwrap(), -1.5);
        let f = instance.get_typed_func::<f64, f64>(&mut *store, "f64").unwrap();
        assert_eq!(f.call(&mut *store, 2.25).unwrap(), 1.5);
        let func = instance.get_func(&mut *store, "f64");
        let f = instance.get_typed_func::<Option<Func>, Option<Func>>(&mut *store, "func").unwrap();
        assert_eq!(f.call(&mut *store, func).unwrap(), func);
        assert_eq!(f.call(&mut *store, None).unwrap(), None);
        let data = ExternRef::new(&mut *store, String::from("data")).unwrap();
        let f =
            instance.get_typed_func::<Option<ExternRef>, Option<ExternRef>>(&mut *store, "extern").unwrap();
        let back = f.call(&mut *store, Some(data)).unwrap().unwrap();
        assert_eq!(back.data(&store).unwrap().downcast_ref::<String>().unwrap(), "data");
    }
}

#[test]
fn sixteen_parameters_and_many_results() {
    let types = "i32 i64 f32 f64 ".repeat(4);
    let reversed = "f64 f32 i64 i32 ".repeat(4);
    let gets: String = (0..16).rev().map(|i| format!("(local.get {i})")).collect();
    for (mut store, instance) in instances(&format!(
        r#"(module (func (export "reverse") (param {types}) (result {reversed}) {gets}))"#
    )) {
        type Four = (i32, i64, f32, f64);
        type In = (i32, i64, f32, f64, i32, i64, f32, f64, i32, i64, f32, f64, i32, i64, f32, f64);
        type Out = (f64, f32, i64, i32, f64, f32, i64, i32, f64, f32, i64, i32, f64, f32, i64, i32);
        let f = instance.get_typed_func::<In, Out>(&mut store, "reverse").unwrap();
        let four = |n: i32| -> Four { (n, n.into(), n as f32, n.into()) };
        let [(a, b, c, d), (e, f1, g, h), (i, j, k, l), (m, n, o, p)] = [four(1), four(2), four(3), four(4)];
        let out = f.call(&mut store, (a, b, c, d, e, f1, g, h, i, j, k, l, m, n, o, p)).unwrap();
        assert_eq!((out.0, out.1, out.2, out.3, out.4, out.5, out.6, out.7), (p, o, n, m, l, k, j, i));
        assert_eq!((out.8, out.9, out.10, out.11, out.12, out.13, out.14, out.15), (h, g, f1, e, d, c, b, a));

        let params: Vec<Val> = (1..=4)
            .flat_map(|n| [Val::from(n), i64::from(n).into(), (n as f32).into(), f64::from(n).into()])
            .collect();
        let mut results = vec![Val::I32(0); 16];
        f.func().call(&mut store, &params, &mut results).unwrap();
        for (param, result) in params.iter().zip(results.iter().rev()) {
            assert_eq!(format!("{param:?}"), format!("{result:?}"));
        }
    }
}

#[test]
fn an_untyped_call_checks_what_it_is_given() {
    for (mut store, instance) in
        instances(r#"(module (func (export "f") (param i32) (result i64) (i64.extend_i32_s (local.get 0))))"#)
    {
        let f = instance.get_func(&mut store, "f").unwrap();
        let mut results = [Val::I32(0)];
        f.call(&mut store, &[Val::I32(-7)], &mut results).unwrap();
        assert_eq!(results[0].unwrap_i64(), -7);
        assert!(f.call(&mut store, &[], &mut results).is_err());
        assert!(f.call(&mut store, &[Val::I64(1)], &mut results).is_err());
        assert!(f.call(&mut store, &[Val::I32(1)], &mut []).is_err());
        assert!(f.typed::<i64, i64>(&store).is_err());
        assert!(f.typed::<i32, ()>(&store).is_err());
        let ty = f.ty(&store);
        assert_eq!(ty.params().collect::<Vec<_>>(), [ValType::I32]);
        assert_eq!(ty.to_string(), "(func (param i32) (result i64))");
    }
}

#[test]
fn missing_exports_are_named() {
    let (mut store, instance) = in_default_mode(r#"(module (memory (export "m") 1) (func (export "f")))"#);
    let error = instance.get_typed_func::<(), ()>(&mut store, "g").unwrap_err();
    assert_eq!(error.to_string(), "failed to find function export `g`");
    assert!(instance.get_func(&mut store, "m").is_none());
    assert!(instance.get_memory(&mut store, "f").is_none());
    let error = instance.get_typed_func::<i32, ()>(&mut store, "f").unwrap_err();
    assert!(format!("{error:#}").contains("failed to convert function `f` to given type: type mismatch"));
    let names: Vec<String> = instance.exports(&mut store).map(|e| e.name().to_owned()).collect();
    assert_eq!(names, ["m", "f"]);
    assert_eq!(instance.module(&store).exports().len(), 2);
}

#[test]
fn a_store_refuses_what_is_another_stores() {
    let (mut store, instance) = in_default_mode(r#"(module (func (export "f")))"#);
    let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    let mut other = Store::new(store.engine(), ());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f.call(&mut other, ())));
    assert!(panic.is_err());
    assert!(f.call(&mut store, ()).is_ok());
}

#[test]
fn modules_tell_what_they_are() {
    let engine = latier::Engine::default();
    let module = Module::new(
        &engine,
        r#"(module $name (import "a" "f" (func (param i32))) (import "a" "g" (global (mut i64)))
            (memory (export "m") 1 2) (table (export "t") 3 funcref) (global (export "c") f32 (f32.const 0)))"#,
    )
    .unwrap();
    assert_eq!(module.name(), Some("name"));
    let imports: Vec<_> = module.imports().collect();
    assert_eq!((imports[0].module(), imports[0].name()), ("a", "f"));
    assert_eq!(imports[1].ty().global().unwrap().mutability(), latier::Mutability::Var);
    let memory = *module.get_export("m").unwrap().memory().unwrap();
    assert_eq!((memory.minimum(), memory.maximum(), memory.page_size()), (1, Some(2), 65536));
    assert_eq!(module.get_export("t").unwrap().table().unwrap().minimum(), 3);
    assert_eq!(*module.get_export("c").unwrap().global().unwrap().content(), ValType::F32);
    assert!(module.get_export("x").is_none());
}

#[test]
fn functions_are_compiled_before_their_calls() {
    let (engine, counter) = counted(&mut Config::new());
    let text = r#"(module (import "m" "f" (func)) (func (export "a")) (func) (func (export "c")))"#;
    let module = Module::new(&engine, text).unwrap();
    for wrong in [0, 4] {
        let error = module.precompile([1, wrong]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the module defines no function {wrong}: those it defines are 1..4")
        );
    }
    assert!(counter.compiled().is_empty());
    module.precompile([3, 1, 3]).unwrap();
    assert_eq!(counter.compiled(), [1, 3]);
    let statistics = engine.statistics();
    assert_eq!((statistics.functions(Tier::Baseline), statistics.functions_failed()), (2, 0));
    assert!(statistics.native_bytes() > statistics.wasm_bytes() && statistics.first_calls().len() == 2);

    let (engine, _) = counted(Config::new().validation(Validation::Lazy));
    let mut invalid = wat::parse_str("(module (func (result i32) (i32.const 1)))").unwrap();
    let at = invalid.windows(2).position(|w| w == [0x41, 0x01]).unwrap();
    invalid[at..at + 2].copy_from_slice(&[0x01, 0x01]);
    let error = Module::new(&engine, invalid).unwrap().precompile([0]).unwrap_err();
    assert!(error.to_string().contains("function 0: invalid function body"), "{error:#}");
}

#[test]
fn a_module_from_a_file() {
    let engine = latier::Engine::default();
    let dir = std::env::temp_dir().join(format!("latier-api-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let wat = r#"(module (func (export "f") (result i32) (i32.const 42)))"#;
    let (text, binary) = (dir.join("m.wat"), dir.join("m.wasm"));
    std::fs::write(&text, wat).unwrap();
    std::fs::write(&binary, wat::parse_str(wat).unwrap()).unwrap();
    for file in [&text, &binary] {
        let module = Module::from_file(&engine, file).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap(), 42);
    }
    let missing = dir.join("missing.wasm");
    let error = Module::from_file(&engine, &missing).unwrap_err();
    assert!(error.to_string().contains("missing.wasm"), "{error:#}");
    assert!(Module::from_file(&engine, &dir).is_err());
    std::fs::remove_dir_all(dir).unwrap();
}
