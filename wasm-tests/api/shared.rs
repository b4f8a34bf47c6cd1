//! Atomic instructions, and memories that threads share: who waits is woken, what grows is seen by all. No test sleeps,
//! and none depends on how long something takes.

use crate::{engines, instances};
use latier::{Engine, Extern, Instance, Memory, MemoryType, Module, SharedMemory, Store, Trap, WaitResult};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

const THREADS: u32 = 8;

fn trap<T>(result: latier::Result<T>) -> Option<Trap> {
    result.err().and_then(|error| error.downcast_ref::<Trap>().copied())
}

/// The word at `at`, as a guest reads it.
fn word(engine: &Engine, memory: &SharedMemory, at: u32) -> u32 {
    let ty = memory.ty();
    let (min, max) = (ty.minimum(), ty.maximum().unwrap());
    let text = format!(
        r#"(module (import "" "" (memory {min} {max} shared))
            (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"#
    );
    let module = Module::new(engine, text).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[memory.clone().into()]).unwrap();
    instance.get_typed_func::<u32, u32>(&mut store, "load").unwrap().call(&mut store, at).unwrap()
}

/// `work(thread's number, store, instance)` on [`THREADS`] threads at once, each with a store and an instance of its
/// own, all of which import `memory`.
fn on_threads(
    engine: &Engine,
    module: &Module,
    memory: &SharedMemory,
    work: impl Fn(u32, &mut Store<()>, Instance) + Sync,
) {
    let barrier = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for n in 0..THREADS {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                let mut store = Store::new(engine, ());
                let instance = Instance::new(&mut store, module, &[memory.clone().into()]).unwrap();
                barrier.wait();
                work(n, &mut store, instance);
            });
        }
    });
}

#[test]
fn threads_count_together() {
    for engine in engines() {
        let module = Module::new(
            &engine,
            r#"(module (import "" "" (memory 1 1 shared))
                (func (export "run") (param i32)
                    (loop $more
                        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
                        (drop (i64.atomic.rmw16.sub_u offset=8 (i32.const 0) (i64.const 1)))
                        (loop $locked
                            (br_if $locked
                                (i32.atomic.rmw8.cmpxchg_u (i32.const 20) (i32.const 0) (i32.const 1))))
                        (i32.store (i32.const 24) (i32.add (i32.load (i32.const 24)) (i32.const 1)))
                        (i32.atomic.store8 (i32.const 20) (i32.const 0))
                        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                        (br_if $more (local.get 0)))))"#,
        )
        .unwrap();
        let memory = SharedMemory::new(&engine, MemoryType::shared(1, 1)).unwrap();
        const EACH: u32 = 5_000;
        on_threads(&engine, &module, &memory, |_, store, instance| {
            instance.get_typed_func::<u32, ()>(&mut *store, "run").unwrap().call(store, EACH).unwrap();
        });
        assert_eq!(word(&engine, &memory, 0), THREADS * EACH);
        assert_eq!(word(&engine, &memory, 8), (THREADS * EACH).wrapping_neg() & 0xffff);
        assert_eq!((word(&engine, &memory, 20), word(&engine, &memory, 24)), (0, THREADS * EACH));
    }
}

#[test]
fn threads_take_turns_by_wait_and_notify() {
    for engine in engines() {
        // Whose turn it is: the word at 0, modulo the number of threads. Ends only if no notification is lost.
        let module = Module::new(
            &engine,
            r#"(module (import "" "" (memory 1 1 shared))
                (func (export "run") (param $me i32) (param $threads i32) (param $end i32) (local $turn i32)
                    (loop $again
                        (local.set $turn (i32.atomic.load (i32.const 0)))
                        (if (i32.ge_u (local.get $turn) (local.get $end)) (then return))
                        (if (i32.eq (i32.rem_u (local.get $turn) (local.get $threads)) (local.get $me))
                            (then
                                (i32.atomic.store (i32.const 0) (i32.add (local.get $turn) (i32.const 1)))
                                (drop (memory.atomic.notify (i32.const 0) (i32.const -1))))
                            (else
                                (drop (memory.atomic.wait32
                                    (i32.const 0) (local.get $turn) (i64.const -1)))))
                        (br $again))))"#,
        )
        .unwrap();
        let memory = SharedMemory::new(&engine, MemoryType::shared(1, 1)).unwrap();
        let end = THREADS * 50;
        on_threads(&engine, &module, &memory, |n, store, instance| {
            let run = instance.get_typed_func::<(u32, u32, u32), ()>(&mut *store, "run").unwrap();
            run.call(store, (n, THREADS, end)).unwrap();
        });
        assert_eq!(word(&engine, &memory, 0), end);
    }
}

#[test]
fn hosts_and_guests_wake_each_other() {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module (memory (export "memory") 1 2 shared)
            (func (export "wait64") (result i32)
                (memory.atomic.wait64 offset=8 (i32.const 8) (i64.const 0) (i64.const -1)))
            (func (export "notify") (result i32) (memory.atomic.notify (i32.const 32) (i32.const 1))))"#,
    )
    .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    assert!(instance.get_memory(&mut store, "memory").is_none());
    let memory = instance.get_export(&mut store, "memory").and_then(Extern::into_shared_memory).unwrap();
    let wait = instance.get_typed_func::<(), u32>(&mut store, "wait64").unwrap();
    let notify = instance.get_typed_func::<(), u32>(&mut store, "notify").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || (wait.call(&mut store, ()).unwrap(), store));
        while memory.atomic_notify(16, u32::MAX).unwrap() == 0 {
            thread::yield_now();
        }
        let (result, mut store) = waiting.join().unwrap();
        assert_eq!(result, WaitResult::Ok as u32);
        let host = scope.spawn(|| memory.atomic_wait32(32, 0, None).unwrap());
        while notify.call(&mut store, ()).unwrap() == 0 {
            thread::yield_now();
        }
        assert_eq!(host.join().unwrap(), WaitResult::Ok);
    });
    assert_eq!(memory.atomic_wait64(0, 1, None), Ok(WaitResult::Mismatch));
    assert_eq!(memory.atomic_wait32(4, 1, None), Ok(WaitResult::Mismatch));
    assert_eq!(memory.atomic_wait64(4, 0, None), Err(Trap::HeapMisaligned));
    assert_eq!(memory.atomic_wait32(65536, 0, None), Err(Trap::MemoryOutOfBounds));
    assert_eq!(memory.atomic_notify(2, 0), Err(Trap::HeapMisaligned));
    assert_eq!(memory.atomic_notify(u64::MAX - 3, 0), Err(Trap::MemoryOutOfBounds));
}

#[test]
fn growth_is_seen_by_all() {
    for engine in engines() {
        for (index, ty, narrow) in [("", "i32", "i32.add (i32.const 0)"), ("i64", "i64", "i32.wrap_i64")] {
            let module = Module::new(
                &engine,
                format!(
                    r#"(module (import "" "" (memory {index} 1 9 shared)) (data $d "\07\08")
                        (func (export "size") (result i32) ({narrow} (memory.size)))
                        (func (export "grow") (result i32) ({narrow} (memory.grow ({ty}.const 1))))
                        (func (export "put") (param {ty}) (result i32)
                            (memory.init $d (local.get 0) (i32.const 0) (i32.const 2))
                            (memory.copy
                                (local.get 0) ({ty}.add (local.get 0) ({ty}.const 1)) ({ty}.const 1))
                            (memory.fill
                                ({ty}.add (local.get 0) ({ty}.const 1)) (i32.const 9) ({ty}.const 1))
                            (i32.atomic.load16_u (local.get 0))))"#
                ),
            )
            .unwrap();
            let imported = module.imports().next().unwrap().ty();
            let memory = SharedMemory::new(&engine, *imported.memory().unwrap()).unwrap();
            let seen = AtomicU32::new(0);
            on_threads(&engine, &module, &memory, |_, store, instance| {
                let grow = instance.get_typed_func::<(), i32>(&mut *store, "grow").unwrap();
                let before = grow.call(&mut *store, ()).unwrap();
                seen.fetch_or(1 << before, Ordering::Relaxed);
                let size = instance.get_typed_func::<(), i32>(&mut *store, "size").unwrap();
                assert!(size.call(&mut *store, ()).unwrap() > before);
                let page = u64::try_from(before).unwrap() << 16;
                let put = instance.get_func(&mut *store, "put").unwrap();
                let result = if index.is_empty() {
                    put.typed::<u32, i32>(&*store).unwrap().call(&mut *store, page as u32)
                } else {
                    put.typed::<u64, i32>(&*store).unwrap().call(&mut *store, page)
                };
                assert_eq!(result.unwrap(), 0x0908);
            });
            // Each thread got a page of its own.
            assert_eq!(seen.into_inner(), 0b1_1111_1110);
            assert_eq!((memory.size(), memory.data_size()), (9, 9 << 16));
            assert!(memory.grow(1).is_err());
        }
    }
}

#[test]
fn shared_memories_are_no_ones() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    assert!(Memory::new(&mut store, MemoryType::shared(1, 1)).is_err());
    assert!(SharedMemory::new(&engine, MemoryType::new(1, Some(1))).is_err());
    let memory = SharedMemory::new(&engine, MemoryType::shared(1, 3)).unwrap();
    assert_eq!(memory.grow(1).unwrap(), 1);
    let link = |wat: &str, store: &mut Store<()>| {
        let module = Module::new(&engine, wat).unwrap();
        Instance::new(store, &module, &[memory.clone().into()])
    };
    assert!(link(r#"(module (import "" "" (memory 1 3)))"#, &mut store).is_err());
    assert!(link(r#"(module (import "" "" (memory 3 3 shared)))"#, &mut store).is_err());
    let instance = link(
        r#"(module (import "" "" (memory 2 3 shared)) (export "m" (memory 0)) (data (i32.const 5) "x"))"#,
        &mut store,
    );
    let exported = instance.unwrap().get_export(&mut store, "m").and_then(Extern::into_shared_memory);
    drop(store);
    // It outlives the store.
    assert_eq!(word(&engine, &exported.unwrap(), 5), u32::from(b'x'));
}

#[test]
fn waiting_for_oneself_is_a_trap() {
    for (mut store, instance) in instances(
        r#"(module (memory 1)
            (func (export "wait32") (result i32)
                (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))
            (func (export "wait64") (result i32)
                (memory.atomic.wait64 (i32.const 0) (i64.const 0) (i64.const 0)))
            (func (export "notify") (param i32) (result i32)
                (atomic.fence)
                (memory.atomic.notify (local.get 0) (i32.const 1))))"#,
    ) {
        for name in ["wait32", "wait64"] {
            let wait = instance.get_typed_func::<(), i32>(&mut store, name).unwrap();
            assert_eq!(trap(wait.call(&mut store, ())), Some(Trap::AtomicWaitNonSharedMemory));
        }
        let notify = instance.get_typed_func::<u32, i32>(&mut store, "notify").unwrap();
        assert_eq!(notify.call(&mut store, 65532).unwrap(), 0);
        assert_eq!(trap(notify.call(&mut store, 65536)), Some(Trap::MemoryOutOfBounds));
        assert_eq!(trap(notify.call(&mut store, 65534)), Some(Trap::HeapMisaligned));
    }
}

/// Every atomic access, with the bytes it touches: a function each that takes the address.
fn accesses(index: &str) -> (String, Vec<(String, u64)>) {
    let (mut text, mut names) = (String::new(), Vec::new());
    for (ty, widths) in [("i32", &[8u32, 16, 32][..]), ("i64", &[8, 16, 32, 64])] {
        for width in widths {
            let narrow = format!("i{width}") != ty;
            let (bits, suffix) = if narrow { (width.to_string(), "_u") } else { (String::new(), "") };
            let mut add = |name: String, operands: usize, result: bool| {
                let values = format!("({ty}.const -1)").repeat(operands);
                let access = format!("({name} offset=8 (local.get 0) {values})");
                let access = if result { format!("(drop {access})") } else { access };
                text += &format!(r#"(func (export "{name}") (param {index}) {access})"#);
                names.push((name, u64::from(width / 8)));
            };
            add(format!("{ty}.atomic.load{bits}{suffix}"), 0, true);
            add(format!("{ty}.atomic.store{bits}"), 1, false);
            for op in ["add", "sub", "and", "or", "xor", "xchg"] {
                add(format!("{ty}.atomic.rmw{bits}.{op}{suffix}"), 1, true);
            }
            add(format!("{ty}.atomic.rmw{bits}.cmpxchg{suffix}"), 2, true);
        }
    }
    (text, names)
}

#[test]
fn every_access_is_checked() {
    for (index, memory) in [("i32", "1"), ("i64", "i64 1"), ("i32", "1 1 shared")] {
        let (text, names) = accesses(index);
        assert_eq!(names.len(), 63);
        for (mut store, instance) in instances(&format!("(module (memory {memory}) {text})")) {
            for (name, bytes) in &names {
                let access = instance.get_func(&mut store, name).unwrap();
                let mut call = |at: u64| match index {
                    "i32" => access.typed::<u32, ()>(&store).unwrap().call(&mut store, at as u32),
                    _ => access.typed::<u64, ()>(&store).unwrap().call(&mut store, at),
                };
                call(65536 - 8 - bytes).unwrap();
                assert_eq!(trap(call(65536 - 8)), Some(Trap::MemoryOutOfBounds), "{name}");
                assert_eq!(trap(call(0xffff_fff8)), Some(Trap::MemoryOutOfBounds), "{name}");
                if *bytes > 1 {
                    assert_eq!(trap(call(bytes / 2)), Some(Trap::HeapMisaligned), "{name}");
                }
            }
        }
    }
}
