//! What lazy reexports promise, seen from outside: arguments survive a first call, a redirect is seen at once, a
//! failed compile is a trap at that call alone, and a linked body does what its object says.

use latier::compile::{Backend, CompileError, Compiled, FunctionBody};
use latier::object::{read, symbol::SymbolName, write};
use latier::{Config, Engine, Instance, Mode, Module, Store, Tier, Trap, Val, ValType};
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::ModuleDesc;
use std::fmt::Write;
use std::sync::Arc;

fn instance(config: &Config, wat: &str) -> (Module, Store<()>, Instance) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (module, store, instance)
}

fn call_i32(store: &mut Store<()>, instance: Instance, name: &str) -> Result<i32, latier::Error> {
    instance.get_typed_func::<(), i32>(&mut *store, name)?.call(store, ())
}

/// A small generator of numbers (xorshift64, Marsaglia 2003), so that the cases are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

const TYPES: [(&str, ValType); 4] =
    [("i32", ValType::I32), ("i64", ValType::I64), ("f32", ValType::F32), ("f64", ValType::F64)];

fn value(ty: usize, bits: u64) -> Val {
    match ty {
        0 => Val::I32(bits as i32),
        1 => Val::I64(bits as i64),
        2 => Val::F32(bits as u32 & 0x7f7f_ffff), // no NaN: their bits may change on the way
        _ => Val::F64(bits & 0x7fef_ffff_ffff_ffff),
    }
}

/// `outer` calls `inner` for the first time with all its parameters and one more on its own stack, and returns what
/// `inner` returns: its parameters, from the last to the first.
fn signature_module(types: &[usize]) -> String {
    let names = |types: &mut dyn Iterator<Item = &usize>| -> String {
        types.map(|t| TYPES[*t].0).collect::<Vec<_>>().join(" ")
    };
    let (params, results) = (names(&mut types.iter()), names(&mut types.iter().rev()));
    let gets = |order: &mut dyn Iterator<Item = usize>| {
        order.fold(String::new(), |mut text, i| {
            write!(text, "(local.get {i})").unwrap();
            text
        })
    };
    let (forward, backward) = (gets(&mut (0..types.len())), gets(&mut (0..types.len()).rev()));
    format!(
        "(module (func $inner (param {params}) (result {results}) {backward})
           (func (export \"outer\") (param {params}) (result {results}) {forward} (call $inner)))"
    )
}

#[test]
fn arguments_survive_the_first_call() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for mode in [Mode::Fast, Mode::Optimized] {
        for count in 0..=20 {
            for _ in 0..4 {
                let types: Vec<usize> = (0..count).map(|_| (numbers.next() % 4) as usize).collect();
                let (_, mut store, instance) = instance(Config::new().mode(mode), &signature_module(&types));
                let outer = instance.get_func(&mut store, "outer").unwrap();
                let args: Vec<Val> = types.iter().map(|t| value(*t, numbers.next())).collect();
                let mut results = vec![Val::I32(0); count];
                for call in ["first", "second"] {
                    outer.call(&mut store, &args, &mut results).unwrap();
                    results.reverse();
                    let shown = |values: &[Val]| format!("{values:?}");
                    assert_eq!(shown(&results), shown(&args), "{mode}, {call} call, {types:?}");
                }
            }
        }
    }
}

#[test]
fn a_redirect_is_seen_by_every_caller_at_once() {
    let wat = r#"(module
        (type $t (func (result i32)))
        (table funcref (elem $old))
        (func $old (export "old") (result i32) (i32.const 42))
        (func $new (result i32) (i32.const 53))
        (func (export "direct") (result i32) (call $old))
        (func (export "indirect") (result i32) (call_indirect (type $t) (i32.const 0))))"#;
    let (module, mut store, instance) = instance(Config::new().mode(Mode::Fast), wat);
    let answers = |store: &mut Store<()>| {
        ["old", "direct", "indirect"].map(|name| call_i32(store, instance, name).unwrap())
    };
    assert_eq!(answers(&mut store), [42; 3]);
    let reexports = module.loaded().reexports();
    let new = reexports.lookup(FuncIndex(1)).unwrap();
    reexports.code().redirect(FuncIndex(0), new);
    assert_eq!(answers(&mut store), [53; 3]);
    reexports.code().reset(FuncIndex(0));
    assert_eq!(answers(&mut store), [53; 3], "a slot that was reset finds the code it was last led to");
}

/// Stands before a backend.
struct Before<F> {
    backend: Arc<dyn Backend>,
    spoil: F,
}

impl<F> Backend for Before<F>
where
    F: Fn(FuncIndex, Compiled) -> Result<Compiled, CompileError> + Send + Sync,
{
    fn compile(&self, module: &ModuleDesc, body: FunctionBody<'_>) -> Result<Compiled, CompileError> {
        (self.spoil)(body.index, self.backend.compile(module, body)?)
    }
}

fn spoiled<F>(spoil: F) -> Config
where
    F: Fn(FuncIndex, Compiled) -> Result<Compiled, CompileError> + Clone + Send + Sync + 'static,
{
    let mut config = Config::new();
    config.mode(Mode::Fast);
    config.wrap_backend(Arc::new(move |_: Tier, backend| Arc::new(Before { backend, spoil: spoil.clone() })));
    config
}

#[test]
fn a_failed_compile_is_a_trap_at_that_call() {
    const FUNCTIONS: u32 = 60;
    let functions = (0..FUNCTIONS).fold(String::new(), |mut text, i| {
        write!(text, "(func $f{i} (export \"f{i}\") (result i32) (i32.const {i}))").unwrap();
        write!(text, "(func (export \"call{i}\") (result i32) (call $f{i}))").unwrap();
        text
    });
    for n in 1..=7 {
        for panics in [false, true] {
            let fails = move |f: FuncIndex| f.0.is_multiple_of(2) && (f.0 / 2).is_multiple_of(n);
            let config = spoiled(move |function, compiled| match fails(function) {
                true if panics => panic!("no code for {}", function.0),
                true => Err(CompileError { message: format!("no code for {}", function.0), offset: None }),
                false => Ok(compiled),
            });
            let (_, mut store, instance) = instance(&config, &format!("(module {functions})"));
            for i in 0..FUNCTIONS {
                for name in [format!("call{i}"), format!("f{i}")] {
                    let result = call_i32(&mut store, instance, &name);
                    if !fails(FuncIndex(2 * i)) {
                        assert_eq!(result.unwrap(), i as i32);
                        continue;
                    }
                    let error = result.unwrap_err();
                    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::CompileFailed), "{error:?}");
                    let text = format!("{error:#}");
                    assert!(text.contains(&format!("no code for {}", 2 * i)), "{text}");
                }
            }
        }
    }
}

/// An object with its addends changed, everything else as it was.
fn with_addends(object: &[u8], change: impl Fn(&str, i64) -> i64) -> Vec<u8> {
    let read = read::parse(object).unwrap();
    let relocations: Vec<_> = read
        .relocations
        .iter()
        .map(|r| {
            let name = read.name(r.symbol).unwrap();
            let (kind, ordinal) = name.split_once('.').unwrap();
            assert_eq!(kind, "func", "the body refers to functions alone");
            let symbol = SymbolName { kind: "func", ordinal: ordinal.parse().unwrap() };
            let addend = change(name, r.addend);
            write::Relocation {
                offset: r.offset as u32,
                kind: r.kind,
                target: write::Target::Symbol(symbol),
                addend,
            }
        })
        .collect();
    write::Writer::default().object(read.text, 16, &relocations, read.sites, read.handlers)
}

#[test]
fn what_is_linked_is_what_the_object_says() {
    // Function 2 calls function 0 through its slot; 8 bytes on lies the slot of function 1.
    let wat = r#"(module
        (func $one (result i32) (i32.const 1))
        (func $two (result i32) (i32.const 2))
        (func (export "f") (result i32) (call $one)))"#;
    for (distance, answer) in [(0, 1), (8, 2)] {
        let config = spoiled(move |function, mut compiled| {
            if function.0 == 2 {
                compiled.object = with_addends(&compiled.object, |_, addend| addend + distance);
            }
            Ok(compiled)
        });
        let (_, mut store, instance) = instance(&config, wat);
        assert_eq!(call_i32(&mut store, instance, "f").unwrap(), answer);
    }
}

#[test]
fn equal_bodies_give_equal_objects_in_different_modules() {
    let objects = |before: &str| {
        let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = kept.clone();
        let config = spoiled(move |_, compiled| {
            keep.lock().unwrap().push(compiled.object.clone());
            Ok(compiled)
        });
        let text = format!(
            r#"(module {before} (memory 1) (global $g (mut i32) (i32.const 7))
                (func $callee (param i32) (result i32) (local.get 0))
                (func (export "f") (result i32)
                  (call $callee (i32.add (global.get $g) (i32.load (i32.const 8))))))"#
        );
        let (_, mut store, instance) = instance(&config, &text);
        assert_eq!(call_i32(&mut store, instance, "f").unwrap(), 7);
        let objects = kept.lock().unwrap();
        objects.clone()
    };
    let alone = objects("");
    assert_eq!(alone.len(), 2);
    let among_others = objects("(global i64 (i64.const 1)) (table 3 funcref) (func) (func (param f64))");
    assert!(alone == among_others, "an object depends on where in a module its body lies");
}
