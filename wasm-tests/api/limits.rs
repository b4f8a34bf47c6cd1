//! Who decides how much a store may use: what is asked, when, and what an answer does.

use crate::engines;
use latier::{
    Config, Engine, Error, Extern, Instance, Memory, MemoryType, Mode, Module, Ref, RefType, ResourceLimiter,
    Result, SharedMemory, Store, StoreLimitsBuilder, Table, TableType, TierUp, WasmBacktrace,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What to answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Fail,
    Panic,
}

/// Answers all the same, and remembers what it was asked.
struct Asked {
    answer: Answer,
    asked: Vec<String>,
}

impl Asked {
    fn answer(&mut self, question: String) -> Result<bool> {
        self.asked.push(question);
        match self.answer {
            Answer::Yes => Ok(true),
            Answer::No => Ok(false),
            Answer::Fail => Err(Error::msg("the limiter's own error")),
            Answer::Panic => panic!("the limiter's own panic"),
        }
    }
}

impl ResourceLimiter for Asked {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        self.answer(format!("memory {current} {desired} {maximum:?}"))
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.asked.push(format!("not: {error}"));
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        self.answer(format!("table {current} {desired} {maximum:?}"))
    }
}

const GROWS: &str = r#"(module $grows
    (memory (export "memory") 1 4) (table (export "table") 2 5 funcref)
    (func (export "memory.grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "table.grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))"#;

fn asked(engine: &Engine) -> (Store<Asked>, Instance) {
    let module = Module::new(engine, GROWS).unwrap();
    let mut store = Store::new(engine, Asked { answer: Answer::Yes, asked: vec![] });
    store.limiter(|asked| asked);
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

#[test]
fn a_limiter_is_asked_before_anything_grows() {
    for engine in engines() {
        let (mut store, instance) = asked(&engine);
        assert_eq!(store.data().asked, ["memory 0 65536 Some(262144)", "table 0 2 Some(5)"]);
        store.data_mut().asked.clear();
        let grow = |name: &str, store: &mut Store<Asked>, by: i32| {
            instance.get_typed_func::<i32, i32>(&mut *store, name).unwrap().call(store, by)
        };
        assert_eq!(grow("memory.grow", &mut store, 1).unwrap(), 1);
        assert_eq!(grow("table.grow", &mut store, 2).unwrap(), 2);
        store.data_mut().answer = Answer::No;
        assert_eq!(grow("memory.grow", &mut store, 1).unwrap(), -1);
        assert_eq!(grow("table.grow", &mut store, 1).unwrap(), -1);
        // What the type forbids is not asked; that it failed is told.
        assert_eq!(grow("memory.grow", &mut store, 9).unwrap(), -1);
        let asked = [
            "memory 65536 131072 Some(262144)",
            "table 2 4 Some(5)",
            "memory 131072 196608 Some(262144)",
            "not: memory of 3 pages: more than the store's limit",
            "table 4 5 Some(5)",
            "not: memory of 11 pages: more than its type allows",
        ];
        assert_eq!(store.data().asked, asked);
    }
}

#[test]
fn a_limiter_can_end_the_call() {
    for engine in engines() {
        let (mut store, instance) = asked(&engine);
        for name in ["memory.grow", "table.grow"] {
            let grow = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
            store.data_mut().answer = Answer::Fail;
            let error = grow.call(&mut store, 1).unwrap_err();
            assert_eq!(error.root_cause().to_string(), "the limiter's own error");
            let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames();
            assert_eq!(frames.len(), 1);
            assert_eq!(frames[0].module().name(), Some("grows"));
            store.data_mut().answer = Answer::Panic;
            let panic = catch_unwind(AssertUnwindSafe(|| grow.call(&mut store, 1))).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"the limiter's own panic"));
            store.data_mut().answer = Answer::Yes;
            assert!(grow.call(&mut store, 1).unwrap() > 0);
        }
    }
}

#[test]
fn a_limiter_is_asked_by_hosts_too() {
    let (mut store, instance) = asked(&Engine::default());
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let table = instance.get_table(&mut store, "table").unwrap();
    let module = instance.module(&store).clone();
    store.data_mut().answer = Answer::Fail;
    let errors = [
        memory.grow(&mut store, 1).unwrap_err(),
        table.grow(&mut store, 1, Ref::Func(None)).unwrap_err(),
        Memory::new(&mut store, MemoryType::new(1, None)).unwrap_err(),
        Table::new(&mut store, TableType::new(RefType::FUNCREF, 1, None), Ref::Func(None)).unwrap_err(),
        Instance::new(&mut store, &module, &[]).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.root_cause().to_string(), "the limiter's own error");
    }
    store.data_mut().answer = Answer::Panic;
    assert!(catch_unwind(AssertUnwindSafe(|| memory.grow(&mut store, 1))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| table.grow(&mut store, 1, Ref::Func(None)))).is_err());
    store.data_mut().answer = Answer::Yes;
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
    // No store owns a shared memory, so that hosts may always grow it; guests of this store ask.
    let shared = SharedMemory::new(store.engine(), MemoryType::shared(1, 9)).unwrap();
    let text = r#"(module (import "" "m" (memory 1 9 shared))
        (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#;
    let module = Module::new(store.engine(), text).unwrap();
    let instance = Instance::new(&mut store, &module, &[Extern::SharedMemory(shared.clone())]).unwrap();
    store.data_mut().answer = Answer::No;
    let grow = instance.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, ()).unwrap(), -1);
    assert_eq!(shared.grow(1).unwrap(), 1);
}

#[test]
fn numbers_of_things_are_limited() {
    let engine = Engine::default();
    let module = Module::new(&engine, GROWS).unwrap();
    let fails = |limits: StoreLimitsBuilder| {
        let mut store = Store::new(&engine, limits.build());
        store.limiter(|limits| limits);
        let error = (0..3).find_map(|_| Instance::new(&mut store, &module, &[]).err());
        error.map(|error| error.to_string())
    };
    let limits = StoreLimitsBuilder::new;
    assert_eq!(fails(limits()), None);
    assert_eq!(fails(limits().instances(2)).as_deref(), Some("more than 2 instances"));
    assert_eq!(fails(limits().memories(1)).as_deref(), Some("more than 1 memories"));
    assert_eq!(fails(limits().tables(0)).as_deref(), Some("more than 0 tables"));
}

#[test]
fn failed_growth_can_be_a_trap() {
    let config = |mode: Mode| Config::new().mode(mode).tier_up(TierUp::Stepped(1)).clone();
    for row in Mode::TABLE {
        let engine = Engine::new(&config(row.mode)).unwrap();
        let limits = StoreLimitsBuilder::new().memory_size(2 << 16).trap_on_grow_failure(true).build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        let instance = Instance::new(&mut store, &Module::new(&engine, GROWS).unwrap(), &[]).unwrap();
        let grow = instance.get_typed_func::<i32, i32>(&mut store, "memory.grow").unwrap();
        assert_eq!(grow.call(&mut store, 1).unwrap(), 1);
        let error = grow.call(&mut store, 1).unwrap_err();
        assert!(format!("{error:#}").contains("forcing a memory growth failure to be a trap"), "{error:#}");
        assert_eq!(error.root_cause().to_string(), "memory of 3 pages: more than the store's limit");
        let grow = instance.get_typed_func::<i32, i32>(&mut store, "table.grow").unwrap();
        let error = grow.call(&mut store, 9).unwrap_err();
        assert!(format!("{error:#}").contains("forcing a table growth failure"), "{error:#}");
        assert_eq!(grow.call(&mut store, 3).unwrap(), 2);
    }
}
