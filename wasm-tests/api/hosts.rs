//! Host functions: state, memory, values of any type, calls back into the guest, references.

use crate::engines;
use latier::{
    AsContextMut, Caller, Engine, Extern, Func, FuncType, Global, GlobalType, Instance, Linker, Module,
    Mutability, Result, Store, Val, ValType,
};

#[test]
fn a_host_function_with_state() {
    for engine in engines() {
        let module = Module::new(
        &engine,
        r#"(module (import "host" "count" (func $count (param i32) (result i32)))
            (func (export "run") (result i32) (drop (call $count (i32.const 40))) (call $count (i32.const 2))))"#,
    )
    .unwrap();
        let mut linker = Linker::new(&engine);
        linker
            .func_wrap("host", "count", |mut caller: Caller<'_, i32>, n: i32| {
                *caller.data_mut() += n;
                *caller.data()
            })
            .unwrap();
        let mut store = Store::new(&engine, 0);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 42);
        assert_eq!(*store.data(), 42);
        assert_eq!(store.into_data(), 42);
    }
}

#[test]
fn a_host_function_reads_the_callers_memory() {
    for engine in engines() {
        let module = Module::new(
            &engine,
            r#"(module (import "host" "print" (func $print (param i32 i32)))
            (memory (export "memory") 1) (data (i32.const 8) "hello")
            (func (export "run") (call $print (i32.const 8) (i32.const 5))))"#,
        )
        .unwrap();
        let mut linker = Linker::new(&engine);
        let print = |mut caller: Caller<'_, Vec<String>>, at: u32, len: u32| -> Result<()> {
            let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
                anyhow::bail!("no memory")
            };
            let (bytes, printed) = memory.data_and_store_mut(&mut caller);
            let text = bytes.get(at as usize..).and_then(|b| b.get(..len as usize));
            printed.push(String::from_utf8(text.unwrap_or(b"?").to_vec())?);
            bytes[0] = 1;
            Ok(())
        };
        linker.func_wrap("host", "print", print).unwrap();
        let mut store = Store::new(&engine, Vec::new());
        let instance = linker.instantiate(&mut store, &module).unwrap();
        instance.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap();
        assert_eq!(store.data(), &["hello"]);
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        assert_eq!(memory.data(&store)[0], 1);
    }
}

#[test]
fn a_host_function_of_values() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        let ty = FuncType::new(&engine, [ValType::I32, ValType::F64], [ValType::F64, ValType::I32]);
        let swap = Func::new(&mut store, ty.clone(), |_, params, results| {
            results.copy_from_slice(&[params[1], params[0]]);
            Ok(())
        });
        assert_eq!(swap.ty(&store), ty);
        let mut results = [Val::I32(0), Val::I32(0)];
        swap.call(&mut store, &[Val::I32(7), Val::from(0.5)], &mut results).unwrap();
        assert_eq!((results[0].unwrap_f64(), results[1].unwrap_i32()), (0.5, 7));

        let wrong = Func::new(&mut store, ty, |_, _, results| {
            results[0] = Val::I32(1);
            Ok(())
        });
        let error = wrong.call(&mut store, &[Val::I32(7), Val::from(0.5)], &mut results).unwrap_err();
        assert!(error.to_string().contains("result 0"), "{error:#}");
    }
}

#[test]
fn a_host_function_calls_back() {
    for engine in engines() {
        let module = Module::new(
            &engine,
            r#"(module (import "host" "twice" (func $twice (param funcref i32) (result i32)))
            (func $inc (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (elem declare func $inc)
            (func (export "run") (result i32) (call $twice (ref.func $inc) (i32.const 40))))"#,
        )
        .unwrap();
        let mut store = Store::new(&engine, ());
        let twice =
            Func::wrap(&mut store, |mut caller: Caller<'_, ()>, f: Option<Func>, n: i32| -> Result<i32> {
                let f = f.ok_or(latier::Trap::NullReference)?.typed::<i32, i32>(&caller)?;
                let once = f.call(&mut caller, n)?;
                f.call(caller.as_context_mut(), once)
            });
        let instance = Instance::new(&mut store, &module, &[twice.into()]).unwrap();
        let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 42);
    }
}

#[test]
fn a_host_function_called_by_the_host_has_no_caller() {
    let mut store = Store::new(&Engine::default(), ());
    let f = Func::wrap(&mut store, |mut caller: Caller<'_, ()>| caller.get_export("memory").is_none() as i32);
    assert_eq!(f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 1);
}

#[test]
fn closures_of_all_shapes() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker
        .func_wrap("m", "none", || {})
        .unwrap()
        .func_wrap("m", "one", |a: i32| -> i64 { i64::from(a) })
        .unwrap()
        .func_wrap("m", "tuple", |a: f32, b: f64| (b, a))
        .unwrap()
        .func_wrap("m", "result", |a: u32| -> Result<(u32, u64)> { Ok((a, 1)) })
        .unwrap()
        .func_wrap("m", "caller", |_: Caller<'_, ()>, _: u64| -> Result<()> { Ok(()) })
        .unwrap()
        .func_wrap("m", "caller only", |_: Caller<'_, ()>| 1u32)
        .unwrap();
    let mut store = Store::new(&engine, ());
    let types = [
        ("none", "(func)"),
        ("one", "(func (param i32) (result i64))"),
        ("tuple", "(func (param f32 f64) (result f64 f32))"),
        ("result", "(func (param i32) (result i32 i64))"),
        ("caller", "(func (param i64))"),
        ("caller only", "(func (result i32))"),
    ];
    for (name, ty) in types {
        let f = linker.get(&mut store, "m", name).unwrap().into_func().unwrap();
        assert_eq!(f.ty(&store).to_string(), ty, "{name}");
    }
    let tuple = linker.get(&mut store, "m", "tuple").unwrap().into_func().unwrap();
    let tuple = tuple.typed::<(f32, f64), (f64, f32)>(&store).unwrap();
    assert_eq!(tuple.call(&mut store, (0.5, 0.25)).unwrap(), (0.25, 0.5));
}

#[test]
fn sixteen_parameters_reach_a_closure() {
    for engine in engines() {
        let mut store = Store::new(&engine, ());
        type Sum = (i32, i64, f32, f64, i32, i64, f32, f64, i32, i64, f32, f64, i32, i64, f32, f64);
        let sum = Func::wrap(
            &mut store,
            |a: i32,
             b: i64,
             c: f32,
             d: f64,
             e: i32,
             f: i64,
             g: f32,
             h: f64,
             i: i32,
             j: i64,
             k: f32,
             l: f64,
             m: i32,
             n: i64,
             o: f32,
             p: f64| {
                let ints = [a.into(), b, e.into(), f, i.into(), j, m.into(), n];
                let floats = [c.into(), d, g.into(), h, k.into(), l, o.into(), p];
                (
                    ints.iter().rev().fold(0, |s, n| s * 10 + n),
                    floats.iter().rev().fold(0.0, |s, n| s * 10.0 + n),
                )
            },
        );
        let module = Module::new(
        &engine,
        r#"(module (type $t (func (param i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64 i32 i64 f32 f64) (result i64 f64)))
            (import "" "" (func $f (type $t)))
            (func (export "f") (type $t)
                (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)
                    (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11)
                    (local.get 12) (local.get 13) (local.get 14) (local.get 15))))"#,
    )
    .unwrap();
        let instance = Instance::new(&mut store, &module, &[sum.into()]).unwrap();
        let f = instance.get_typed_func::<Sum, (i64, f64)>(&mut store, "f").unwrap();
        let params = (1, 2, 1.0, 2.0, 3, 4, 3.0, 4.0, 5, 6, 5.0, 6.0, 7, 8, 7.0, 8.0);
        assert_eq!(f.call(&mut store, params).unwrap(), (87654321, 87654321.0));
    }
}

#[test]
fn vectors_travel_to_hosts_and_back() {
    // Eight vectors travel in registers, the ninth on the stack; nine results go through memory.
    let params = "v128 ".repeat(9);
    let gets: String = (0..9).map(|n| format!("(local.get {n})")).collect();
    let text = format!(
        r#"(module (import "host" "last" (func $last (param {params} i32) (result i32 v128)))
            (import "host" "wide" (func $wide (param {params}) (result {params})))
            (import "host" "seed" (global $seed v128))
            (global $sum (export "sum") (mut v128) (v128.const i64x2 0 0))
            (func (export "last") (param {params}) (result i32 v128) (call $last {gets} (i32.const 7)))
            (func (export "wide") (param {params}) (result {params})
                (global.set $sum (i64x2.add (local.get 8) (global.get $seed))) (call $wide {gets})))"#
    );
    let value = |n: u128| Val::V128((n << 64 | (n + 100)).into());
    let bits = |v: &Val| v.v128().expect("a vector").as_u128();
    for engine in engines() {
        let module = Module::new(&engine, &text).unwrap();
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let last = FuncType::new(
            &engine,
            vec![ValType::V128; 9].into_iter().chain([ValType::I32]),
            [ValType::I32, ValType::V128],
        );
        linker
            .func_new("host", "last", last, |_, params, results| {
                (results[0], results[1]) = (params[9], params[8]);
                Ok(())
            })
            .unwrap();
        let wide = FuncType::new(&engine, vec![ValType::V128; 9], vec![ValType::V128; 9]);
        linker
            .func_new("host", "wide", wide, |_, params, results| {
                results.iter_mut().zip(params.iter().rev()).for_each(|(to, from)| *to = *from);
                Ok(())
            })
            .unwrap();
        let ty = GlobalType::new(ValType::V128, Mutability::Const);
        let seed = Global::new(&mut store, ty, value(1000)).unwrap();
        linker.define(&store, "host", "seed", seed).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let args: Vec<Val> = (0..9).map(value).collect();
        let mut results = [Val::I32(0), Val::I32(0)];
        instance.get_func(&mut store, "last").unwrap().call(&mut store, &args, &mut results).unwrap();
        assert_eq!((results[0].unwrap_i32(), bits(&results[1])), (7, bits(&args[8])));
        let mut results = vec![Val::I32(0); 9];
        instance.get_func(&mut store, "wide").unwrap().call(&mut store, &args, &mut results).unwrap();
        assert!(results.iter().map(bits).eq(args.iter().rev().map(bits)), "{results:?}");
        let sum = instance.get_global(&mut store, "sum").unwrap().get(&mut store);
        assert_eq!(bits(&sum), bits(&value(8)) + bits(&value(1000)));
    }
}
