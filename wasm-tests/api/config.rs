//! What engines are configured by, as far as no other file shows it: kept stencils, objects in files, features as sets,
//! relaxed vectors; and the numbers of a session.

use latier::wasm::bytes::ModuleBytes;
use latier::{
    Config, Engine, Event, Features, Instance, Listener, Mode, Module, Origin, Store, Tier, TierUp, Val,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LOOP: &str = r#"(module
    (func $step (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
    (func (export "run") (param i32) (result i32) (local $n i32)
        (loop $again
            (local.set $n (i32.add (local.get $n) (call $step (local.get 0))))
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get $n)))"#;

fn run(engine: &Engine) -> i32 {
    let module = Module::new(engine, LOOP).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap().call(&mut store, 10).unwrap()
}

#[test]
fn directories_get_objects_and_stencils() {
    let dir = tempfile::tempdir().unwrap();
    let (objects, cache) = (dir.path().join("objects"), dir.path().join("cache"));
    std::fs::create_dir(&objects).unwrap();
    let engine =
        Engine::new(Config::new().mode(Mode::Baseline).dump_objects(&objects).cache(&cache)).unwrap();
    assert_eq!(run(&engine), 165);
    assert!(objects.join("f0.baseline.o").exists() && objects.join("f1.baseline.o").exists());
    drop(engine);
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 1);
    assert_eq!(run(&Engine::new(Config::new().mode(Mode::Baseline).cache(&cache)).unwrap()), 165);
}

#[test]
fn features_are_a_set() {
    let text = r#"(module (func (result i32 i32) (i32.const 1) (i32.const 2)))"#;
    let engine = |name| Engine::new(Config::new().wasm_features(Features::preset(name).unwrap())).unwrap();
    assert!(Module::new(&engine("v1"), text).is_err());
    assert!(Module::new(&engine("v2"), text).is_ok());
    let error = Features::preset("v22").unwrap_err();
    assert_eq!(error.nearest(), Some("v2"));
    let mut features = Features::default();
    features.enable("multi-value", false).unwrap();
    assert!(!features.is_enabled("multi-value") && features.enable("multi-valu", true).is_err());
    assert!(!features.flags().multi_value());
}

#[test]
fn relaxed_vectors_may_give_what_is_soonest() {
    // Out of range: the deterministic result is the largest integer, this machine's is the smallest.
    let text = r#"(module (func (export "f") (param f32) (result i32)
        (i32x4.extract_lane 0 (i32x4.relaxed_trunc_f32x4_s (f32x4.splat (local.get 0))))))"#;
    let call = |deterministic| {
        let engine = Engine::new(Config::new().relaxed_simd_deterministic(deterministic)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &Module::new(&engine, text).unwrap(), &[]).unwrap();
        instance.get_typed_func::<f32, i32>(&mut store, "f").unwrap().call(&mut store, 3e9).unwrap()
    };
    assert_eq!(call(true), i32::MAX);
    assert!([i32::MIN, i32::MAX].contains(&call(false)));
}

/// The names of functions that were compiled.
#[derive(Default)]
struct Names(Mutex<Vec<Option<String>>>);

impl Listener for Names {
    fn event(&self, origin: &Origin<'_>, event: &Event<'_>) {
        if let Event::FirstCall { function } = event {
            self.0.lock().unwrap().push(origin.function_name(*function));
        }
    }
}

#[test]
fn a_session_counts_what_it_does() {
    let names = Arc::new(Names::default());
    let engine = Engine::new(Config::new().tier_up(TierUp::Stepped(2)).listener(names.clone())).unwrap();
    assert_eq!(run(&engine), 165);
    assert_eq!(*names.0.lock().unwrap(), [Some("run".into()), Some("step".into())]);
    let statistics = engine.statistics();
    assert_eq!(statistics.functions(Tier::Baseline), 2);
    // The callee at its second call, the caller in its loop.
    assert_eq!((statistics.tier_ups(), statistics.tier_ups_refused()), (2, 0));
    assert_eq!(statistics.osr_entries(), 1);
    for time in [
        statistics.compile_time(Tier::Baseline),
        statistics.compile_time(Tier::Optimized),
        statistics.validate_time(),
        statistics.link_time(),
    ] {
        assert!(time > Duration::ZERO && time < Duration::from_secs(60));
    }
    assert_eq!(statistics.compile_time(Tier::Fast), Duration::ZERO);
}

#[test]
fn modules_are_made_of_bytes_of_any_kind() {
    let engine = Engine::default();
    let binary = wat::parse_str(LOOP).unwrap();
    for bytes in [LOOP.as_bytes().to_vec(), binary.clone()] {
        let module = Module::from_bytes(&engine, ModuleBytes::from(bytes)).unwrap();
        assert_eq!(module.exports().len(), 1);
    }
    assert!(
        Module::from_binary(&engine, &binary).is_ok()
            && Module::from_binary(&engine, LOOP.as_bytes()).is_err()
    );
    let module = Module::new(&engine, LOOP).unwrap();
    let ty = module.get_export("run").unwrap();
    let ty = ty.func().unwrap();
    assert_eq!((ty.param(0), ty.param(1), ty.result(0)), (Some(latier::ValType::I32), None, ty.param(0)));
    assert_eq!(Val::default_for_ty(&ty.result(0).unwrap()).unwrap().unwrap_i32(), 0);
}
