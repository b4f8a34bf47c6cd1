//! What a failing call gives: traps, backtraces, the host's own errors, panics, and that the store goes on after.

use crate::{counted, engines, instances};
use latier::{
    Caller, Config, Engine, Error, Func, Instance, Linker, Module, Result, Store, Trap, Validation,
    WasmBacktrace,
};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

#[test]
fn every_trap_has_its_name() {
    for (mut store, instance) in instances(
        r#"(module (memory 1) (table 1 funcref) (type $v (func))
            (func (export "unreachable") unreachable)
            (func (export "memory") (drop (i32.load (i32.const -1))))
            (func (export "table") (drop (table.get (i32.const 1))))
            (func (export "null") (call_indirect (type $v) (i32.const 0)))
            (func (export "overflow") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
            (func (export "zero") (drop (i32.div_s (i32.const 1) (i32.const 0))))
            (func (export "nan") (drop (i32.trunc_f32_s (f32.const nan))))
            (func $deep (export "stack") (call $deep) (call $deep))
            (func (export "fine")))"#,
    ) {
        let fine = instance.get_typed_func::<(), ()>(&mut store, "fine").unwrap();
        let traps = [
            ("unreachable", Trap::UnreachableCodeReached),
            ("memory", Trap::MemoryOutOfBounds),
            ("table", Trap::TableOutOfBounds),
            ("null", Trap::IndirectCallToNull),
            ("overflow", Trap::IntegerOverflow),
            ("zero", Trap::IntegerDivisionByZero),
            ("nan", Trap::BadConversionToInteger),
            ("stack", Trap::StackOverflow),
        ];
        for (name, trap) in traps {
            let f = instance.get_typed_func::<(), ()>(&mut store, name).unwrap();
            for _ in 0..2 {
                let error = f.call(&mut store, ()).unwrap_err();
                assert_eq!(error.downcast_ref::<Trap>(), Some(&trap), "{name}: {error:?}");
                let frames = error.downcast_ref::<WasmBacktrace>().expect(name).frames();
                assert!(!frames.is_empty());
                fine.call(&mut store, ()).unwrap();
            }
        }
    }
}

#[test]
fn a_backtrace_names_functions_and_places() {
    for (mut store, instance) in instances(
        r#"(module $shop (func $leaf unreachable) (func $middle nop (call $leaf)) (func (export "run") (call $middle)))"#,
    ) {
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        let trace = error.downcast_ref::<WasmBacktrace>().unwrap();
        let names: Vec<_> = trace.frames().iter().map(|f| (f.func_index(), f.func_name())).collect();
        assert_eq!(names, [(0, Some("leaf")), (1, Some("middle")), (2, None)]);
        // Behind the declaration of locals; in `middle` behind the `nop` too.
        let offsets: Vec<_> = trace.frames().iter().map(|f| f.func_offset().unwrap()).collect();
        assert_eq!(offsets, [1, 2, 1]);
        assert!(trace.frames()[0].module_offset() < trace.frames()[1].module_offset());
        assert_eq!(trace.frames()[0].module().name(), Some("shop"));
        let text = trace.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "error while executing at wasm backtrace:");
        assert!(lines[1].starts_with("    0:     0x") && lines[1].ends_with(" - shop!leaf"), "{text}");
        assert!(lines[3].ends_with(" - shop!<wasm function 2>"), "{text}");
    }
}

#[derive(Debug, PartialEq)]
struct Mine(u32);

impl fmt::Display for Mine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mine {}", self.0)
    }
}

impl std::error::Error for Mine {}

const CALLER: &str =
    r#"(module (import "host" "f" (func $f)) (func (export "run") (call $f)) (func (export "fine")))"#;

fn with_host(
    engine: &Engine,
    f: impl Fn(Caller<'_, ()>) -> Result<()> + Send + Sync + 'static,
) -> (Store<()>, Instance) {
    let module = Module::new(engine, CALLER).unwrap();
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "f", f).unwrap();
    let mut store = Store::new(engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

#[test]
fn the_hosts_own_error_comes_back() {
    for engine in engines() {
        let (mut store, instance) = with_host(&engine, |_| Err(Mine(7).into()));
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref::<Mine>(), Some(&Mine(7)));
        assert_eq!(error.root_cause().to_string(), "mine 7");
        assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
        assert_eq!(error.downcast::<Mine>().unwrap(), Mine(7));
    }
}

#[test]
fn a_host_can_trap() {
    for engine in engines() {
        let (mut store, instance) = with_host(&engine, |_| Err(Trap::MemoryOutOfBounds.into()));
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
    }
}

#[test]
fn a_panic_goes_on_at_the_host() {
    for engine in engines() {
        let (mut store, instance) = with_host(&engine, |_| std::panic::panic_any(Mine(8)));
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        let payload = catch_unwind(AssertUnwindSafe(|| run.call(&mut store, ()))).unwrap_err();
        assert_eq!(payload.downcast_ref::<Mine>(), Some(&Mine(8)));
        instance.get_typed_func::<(), ()>(&mut store, "fine").unwrap().call(&mut store, ()).unwrap();
    }
}

#[test]
fn an_error_through_two_activations_has_one_backtrace() {
    for engine in engines() {
        let inner =
            Module::new(&engine, r#"(module $inner (func $trap (export "trap") unreachable))"#).unwrap();
        let outer = Module::new(&engine, CALLER).unwrap();
        let mut store = Store::new(&engine, None);
        let instance = Instance::new(&mut store, &inner, &[]).unwrap();
        *store.data_mut() = Some(instance.get_typed_func::<(), ()>(&mut store, "trap").unwrap());
        let call = Func::wrap(
            &mut store,
            |mut caller: Caller<'_, Option<latier::TypedFunc<(), ()>>>| -> Result<()> {
                let trap = caller.data().unwrap();
                let seen = WasmBacktrace::capture(&caller).frames().len();
                assert_eq!(seen, 1);
                trap.call(&mut caller, ())
            },
        );
        let instance = Instance::new(&mut store, &outer, &[call.into()]).unwrap();
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
        let count = error.chain().filter(|e| e.to_string().contains("wasm backtrace")).count();
        assert_eq!(count, 1, "{error:?}");
        let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].func_name(), Some("trap"));
    }
}

#[test]
fn instantiation_fails_with_its_trap() {
    for engine in engines() {
        let fails = |wat: &str| -> Error {
            let module = Module::new(&engine, wat).unwrap();
            Instance::new(Store::new(&engine, ()), &module, &[]).unwrap_err()
        };
        let error = fails(r#"(module (func $f unreachable) (start $f))"#);
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
        assert!(error.downcast_ref::<WasmBacktrace>().is_some());
        let error = fails(r#"(module (memory 1) (data (i32.const 65536) "x"))"#);
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
        let error = fails(r#"(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))"#);
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::TableOutOfBounds));
    }
}

/// `f` has an invalid body: it should give an i32.
fn half_valid() -> Vec<u8> {
    let valid = wat::parse_str(
        r#"(module (func (export "f") (result i32) (i32.const 1)) (func (export "g") (result i32) (i32.const 42)))"#,
    )
    .unwrap();
    let at = valid.windows(2).position(|w| w == [0x41, 0x01]).unwrap();
    let mut broken = valid;
    broken[at..at + 2].copy_from_slice(&[0x01, 0x01]);
    broken
}

#[test]
fn what_is_invalid_is_refused_or_traps_when_called() {
    let engine = Engine::default();
    assert!(Module::new(&engine, half_valid()).is_err());
    assert!(Module::validate(&engine, &half_valid()).is_err());
    let (engine, counter) = counted(Config::new().validation(Validation::Lazy));
    let module = Module::new(&engine, half_valid()).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    for _ in 0..2 {
        let error = f.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::CompileFailed));
        assert!(format!("{error:#}").contains("invalid"), "{error:#}");
    }
    assert_eq!(counter.failed.load(Ordering::Relaxed), 1);
    let g = instance.get_typed_func::<(), i32>(&mut store, "g").unwrap();
    assert_eq!(g.call(&mut store, ()).unwrap(), 42);
}

#[test]
fn bad_input_is_an_error() {
    let engine = Engine::default();
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\xff", b"(module", b"hello", b"\xff\xfe\xfd\xfc\xfb"] {
        assert!(Module::new(&engine, bytes).is_err(), "{bytes:?}");
    }
}
