//! Tests of code memory with both ways of mapping it.

use super::*;
use crate::abi::FuncIndex;
use crate::arch::sample;
use crate::reexports::{
    Batch, BatchSize, RedirectableSymbols, ReentryTrampolines, Stubs, TrampolineEmitter, host_entry,
};
use crate::registry::{CodeRecord, lookup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A reservation of `units` units that lasts as long as the process.
fn memory(units: usize, views: fn(usize) -> std::io::Result<Views>) -> &'static CodeMemory {
    Box::leak(Box::new(CodeMemory::new(views(units * UNIT_BYTES).unwrap())))
}

/// One reservation of each kind.
fn both(units: usize) -> [&'static CodeMemory; 2] {
    [memory(units, Views::apart), memory(units, Views::in_place)]
}

fn module(memory: &'static CodeMemory, count: u32, first: u32) -> Arc<ModuleCode> {
    ModuleCode::with_parts::<Stubs, _>(memory, count, first, &ReentryTrampolines).unwrap()
}

fn record(function: u32) -> CodeRecord {
    CodeRecord {
        function: FuncIndex(function),
        tier: "test",
        sites: Box::default(),
        handlers: Box::default(),
        body_offset: 0,
    }
}

/// Finalizes code that returns `value`, at the start of `len` bytes.
fn place(code: &ModuleCode, function: u32, value: u32, len: usize) -> FinalizedAlloc {
    let bytes = sample::returns(value);
    let mut alloc = code.allocate(len.max(bytes.len())).unwrap();
    alloc.working()[..bytes.len()].copy_from_slice(&bytes);
    alloc.finalize(record(function)).unwrap()
}

fn call(address: usize) -> u32 {
    // SAFETY: every address in these tests is that of sample code or a stub that leads to it.
    let code = unsafe { std::mem::transmute::<usize, extern "C" fn() -> u32>(address) };
    code()
}

fn byte(address: usize) -> u8 {
    // SAFETY: every address in these tests lies in a running view.
    unsafe { std::ptr::read_volatile(address as *const u8) }
}

#[test]
fn code_runs_where_it_says() {
    for memory in both(16) {
        let code = module(memory, 3, 0);
        let mut alloc = code.allocate(sample::returns(42).len()).unwrap();
        alloc.working().copy_from_slice(&sample::returns(42));
        let at = alloc.running_address();
        for (i, expected) in sample::returns(42).into_iter().enumerate() {
            assert_eq!(byte(at + i), expected, "both views show the same bytes");
        }
        let done = alloc.finalize(record(0)).unwrap();
        assert_eq!((done.address(), done.len()), (CodeAddr(at), sample::returns(42).len()));
        assert_eq!(call(at), 42);
    }
}

/// Trampolines whose re-entry returns the index it is given.
struct AnswersIndex;

impl TrampolineEmitter for AnswersIndex {
    const HEAD_BYTES: usize = ReentryTrampolines::HEAD_BYTES;
    const TRAMPOLINE_BYTES: usize = ReentryTrampolines::TRAMPOLINE_BYTES;
    fn reentry(&self) -> usize {
        sample::returns_index()
    }
    fn emit_head(&self, out: &mut [u8], at: usize, cell: usize) {
        ReentryTrampolines.emit_head(out, at, cell);
    }
    fn emit(&self, out: &mut [u8], at: usize, head: usize, function: FuncIndex) {
        ReentryTrampolines.emit(out, at, head, function);
    }
}

#[test]
fn an_entry_point_leads_to_the_trampoline_then_where_it_is_redirected() {
    for memory in both(64) {
        let (count, first) = (10_000, 7);
        let code = ModuleCode::with_parts::<Stubs, _>(memory, count, first, &AnswersIndex).unwrap();
        for i in [first, first + 1, 5_000, first + count - 1] {
            let f = FuncIndex(i);
            assert_eq!((call(code.entry_point(f)), code.current(f)), (i, None));
            let (old, new) = (place(&code, i, 42, 6), place(&code, i, 53, 6));
            code.redirect(f, old.address());
            assert_eq!((call(code.entry_point(f)), code.current(f)), (42, Some(old.address())));
            code.redirect(f, new.address());
            assert_eq!(call(code.entry_point(f)), 53);
            // SAFETY: the slot lies in the running view.
            let slot = unsafe { *(code.slot_address(f) as *const usize) };
            assert_eq!(
                (slot, call(slot)),
                (new.address().get(), 53),
                "callers that load the slot get there too"
            );
            code.reset(f);
            assert_eq!((call(code.entry_point(f)), code.current(f)), (i, None));
        }
    }
}

#[test]
fn slots_share_no_page_with_code() {
    let page = region::page::size();
    for (count, memory) in [0, 1, 300, 5_000].into_iter().flat_map(|n| both(16).map(|m| (n, m))) {
        let code = module(memory, count, 2);
        let first_code = place(&code, 2, 1, 6).address().get();
        let Some(last) = count.checked_sub(1) else { continue };
        let stubs = code.entry_point(FuncIndex(2))..=code.entry_point(FuncIndex(2 + last)) + 15;
        let slots = code.slot_address(FuncIndex(2))..=code.slot_address(FuncIndex(2 + last)) + 7;
        assert!(stubs.end() / page < slots.start() / page, "{stubs:x?} {slots:x?}");
        assert!(slots.end() / page < first_code / page, "{slots:x?} {first_code:x}");
        assert!((stubs.start() % 16, slots.start() % 8, first_code % 16) == (0, 0, 0));
    }
}

#[test]
#[should_panic(expected = "does not define function 4")]
fn an_imported_function_has_no_slot() {
    module(memory(1, Views::apart), 3, 5).slot_address(FuncIndex(4));
}

/// Redirectable symbols that count redirects.
struct Counted(Stubs);

static REDIRECTS: AtomicUsize = AtomicUsize::new(0);

impl RedirectableSymbols for Counted {
    fn batch_size<E: TrampolineEmitter>(count: u32) -> BatchSize {
        Stubs::batch_size::<E>(count)
    }
    fn make<E: TrampolineEmitter>(batch: Batch<'_>, trampolines: &E) -> Counted {
        Counted(Stubs::make(batch, trampolines))
    }
    fn entry_point(&self, symbol: u32) -> usize {
        self.0.entry_point(symbol)
    }
    fn slot_address(&self, symbol: u32) -> usize {
        self.0.slot_address(symbol)
    }
    fn redirect(&self, symbol: u32, to: CodeAddr) {
        REDIRECTS.fetch_add(1, Ordering::Relaxed);
        self.0.redirect(symbol, to);
    }
    fn current(&self, symbol: u32) -> Option<CodeAddr> {
        self.0.current(symbol)
    }
    fn reset(&self, symbol: u32) {
        self.0.reset(symbol);
    }
}

#[test]
fn the_maker_of_redirectable_symbols_can_be_replaced() {
    let memory = memory(2, Views::apart);
    let code = ModuleCode::with_parts::<Counted, _>(memory, 2, 0, &AnswersIndex).unwrap();
    code.redirect(FuncIndex(1), place(&code, 1, 53, 6).address());
    assert_eq!(call(code.entry_point(FuncIndex(1))), 53);
    assert_eq!(REDIRECTS.load(Ordering::Relaxed), 1);
}

#[test]
fn host_functions_share_one_entry() {
    let exit = crate::exit::host_exit_address();
    let entry = host_entry(exit).unwrap();
    assert_eq!(host_entry(exit).unwrap(), entry);
    // SAFETY: the slot lies in the running view.
    assert_eq!(unsafe { *(entry.slot_address as *const usize) }, exit);
    assert_eq!(byte(entry.entry_point), 0xff, "a stub");
}

#[test]
fn what_was_in_flight_last_is_used_again() {
    for memory in both(4) {
        let code = module(memory, 1, 0);
        let first = code.allocate(100).unwrap();
        let (kept, second) = (first.running_address(), code.allocate(100).unwrap());
        let again = second.running_address();
        assert!(again >= kept + 100);
        drop(second);
        assert_eq!(code.allocate(50).unwrap().running_address(), again);
        drop(first);
        assert_eq!(place(&code, 0, 42, 100).address().get(), kept);
    }
}

#[test]
fn code_of_a_dropped_module_is_gone_and_its_place_is_used_again() {
    for memory in both(4) {
        let code = module(memory, 1, 0);
        let at = place(&code, 0, 42, 6).address();
        assert_eq!(call(at.get()), 42);
        drop(code);
        assert_eq!(byte(at.get()), 0);
        let code = module(memory, 1, 0);
        assert_eq!(place(&code, 0, 53, 6).address(), at);
        assert_eq!(call(at.get()), 53);
    }
}

#[test]
fn exhaustion_is_an_error_that_ends_when_modules_are_dropped() {
    for memory in both(8) {
        let (small, large) = (module(memory, 1, 0), module(memory, 1, 0));
        let mut placed = 0;
        let error = loop {
            match large.allocate(UNIT_BYTES / 2) {
                Ok(alloc) => assert!(!alloc.finalize(record(0)).unwrap().is_empty()),
                Err(error) => break error,
            }
            placed += 1;
        };
        assert!(placed >= 12, "all but a little can be used: {placed}");
        assert_eq!(error, CodeMemoryError::Exhausted { requested: UNIT_BYTES / 2 });
        assert!(error.is_retryable());
        for len in [usize::MAX, 8 * UNIT_BYTES + 1, 8 * UNIT_BYTES] {
            assert!(matches!(small.allocate(len), Err(CodeMemoryError::Exhausted { .. })));
        }
        assert!(ModuleCode::with_parts::<Stubs, _>(memory, u32::MAX, 1, &ReentryTrampolines).is_err());
        assert_eq!(call(place(&small, 0, 42, 6).address().get()), 42, "what a module has, it can fill");
        drop(large);
        assert_eq!(call(place(&small, 0, 53, 6 * UNIT_BYTES).address().get()), 53);
    }
}

/// A few thousand lengths, most small, some of several units.
fn lengths(seed: u32) -> impl Iterator<Item = usize> {
    let mut x = seed.wrapping_mul(0x9e37_79b9) | 1;
    std::iter::repeat_with(move || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        match x % 100 {
            0 => x as usize / 100 % 300_000,
            1..10 => x as usize / 100 % 9_000,
            _ => x as usize / 100 % 600,
        }
        .max(6)
    })
}

#[test]
fn functions_are_found_by_address() {
    for memory in both(200) {
        let code = module(memory, 1, 0);
        // SAFETY: the module lives until the end of the loop's body.
        let find = |pc| unsafe { memory.registry().lookup(pc) };
        let mut placed = Vec::new();
        for (n, len) in (0..1_000).zip(lengths(1)) {
            let alloc = code.allocate(len).unwrap();
            assert!(find(alloc.running_address()).is_none(), "not found before it is finalized");
            // Some never are.
            if n % 7 != 0 {
                placed.push((n, alloc.finalize(record(n)).unwrap()));
            }
        }
        for (n, alloc) in &placed {
            let start = alloc.address().get();
            for offset in [0, 1, alloc.len() / 2, alloc.len() - 1] {
                let found = find(start + offset).unwrap();
                let expected = (code.token(), FuncIndex(*n), offset as u32);
                assert_eq!((found.module, found.record.function, found.offset), expected);
            }
            let end = find(start + alloc.len());
            assert!(end.is_none_or(|found| found.offset == 0), "code ends where it ends");
        }
        assert!(find(code.entry_point(FuncIndex(0))).is_none(), "stubs are no function's code");
        let base = memory.running_base();
        for pc in [0, base - 1, base, base + 200 * UNIT_BYTES - 1, base + 200 * UNIT_BYTES, usize::MAX] {
            assert!(find(pc).is_none());
        }
    }
}

#[test]
fn functions_are_found_while_other_threads_add_more() {
    const WRITERS: u32 = 3;
    const EACH: u32 = 800;
    for memory in both(1_600) {
        let (code, done) = (module(memory, 1, 0), AtomicBool::new(false));
        let known: Vec<AtomicUsize> = (0..WRITERS * EACH).map(|_| AtomicUsize::new(0)).collect();
        let write = |writer: u32| {
            for (n, len) in (writer * EACH..(writer + 1) * EACH).zip(lengths(writer + 1)) {
                let (early, late) = (code.allocate(len).unwrap(), code.allocate(len).unwrap());
                // The higher address first; the lower one for every other function only.
                let late = late.finalize(record(n)).unwrap();
                if n % 2 == 0 {
                    early.finalize(record(u32::MAX)).unwrap();
                }
                known[n as usize].store(late.address().get() + len - 1, Ordering::Release);
            }
        };
        let check = |n: usize, pc: usize| {
            // SAFETY: the module lives until the end of the loop's body.
            let found = unsafe { memory.registry().lookup(pc) }.expect("published before it was told");
            assert_eq!((found.module, found.record.function), (code.token(), FuncIndex(n as u32)));
        };
        let read_all = || {
            for (n, pc) in known.iter().enumerate() {
                match pc.load(Ordering::Acquire) {
                    0 => {}
                    pc => check(n, pc),
                }
            }
        };
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS).map(|w| scope.spawn(move || write(w))).collect();
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        read_all();
                    }
                });
            }
            let ended: Vec<_> = writers.into_iter().map(|w| w.join()).collect();
            done.store(true, Ordering::Relaxed);
            ended.into_iter().for_each(|result| result.unwrap());
        });
        read_all();
    }
}

#[test]
fn modules_come_and_go_in_several_threads() {
    for memory in both(64) {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for round in 0..100 {
                        let code = module(memory, thread + 1, 0);
                        let value = thread * 1_000 + round;
                        let at = place(&code, 0, value, 5_000).address().get();
                        assert_eq!(call(at), value);
                        // SAFETY: the module lives until the end of the block.
                        let found = unsafe { memory.registry().lookup(at + 4_999) }.unwrap();
                        assert_eq!((found.module, found.offset), (code.token(), 4_999));
                    }
                });
            }
        });
        let whole = memory.take(64 * UNIT_BYTES, 64 * UNIT_BYTES);
        assert_eq!(whole, Ok(0..64 * UNIT_BYTES), "every unit came back");
    }
}

/// What a forked child answers with its exit code: 0 if `child` says yes. It may only do what is allowed between a
/// fork and an exit.
fn forked(child: impl Fn() -> bool) -> i32 {
    // SAFETY: the child makes no call that could wait for a thread it does not have; it ends with `_exit`.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::alarm(20);
            libc::_exit(if child() { 0 } else { 1 });
        }
        let mut status = -1;
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
        status
    }
}

#[test]
fn a_forked_child_runs_code_but_cannot_add_or_redirect_any() {
    let code = module(memory(4, Views::apart), 2, 0);
    let (f, g) = (FuncIndex(0), FuncIndex(1));
    let (old, new) = (place(&code, 0, 42, 6), place(&code, 0, 53, 6));
    code.redirect(f, old.address());
    let in_child = || {
        code.redirect(f, new.address());
        code.reset(f);
        matches!(code.allocate(16), Err(CodeMemoryError::Forked))
            && !CodeMemoryError::Forked.is_retryable()
            && call(code.entry_point(f)) == 42
            && code.current(f) == Some(old.address())
            && code.current(g).is_none()
    };
    assert_eq!(forked(in_child), 0);
    assert_eq!(call(code.entry_point(f)), 42);
    assert_eq!(call(place(&code, 1, 1, 6).address().get()), 1, "the parent goes on");
}

#[test]
fn a_forked_child_that_drops_a_module_leaves_the_parent_its_code() {
    let memory = memory(4, Views::apart);
    let at = place(&module(memory, 1, 0), 0, 42, 6).address().get();
    let code = module(memory, 1, 0);
    assert_eq!(place(&code, 0, 42, 6).address().get(), at, "in the first unit");
    let dropped = forked(|| {
        memory.give_back(0..UNIT_BYTES);
        true
    });
    assert_eq!((dropped, call(at)), (0, 42));
}

#[test]
fn private_memory_stays_private_after_a_fork() {
    let code = module(memory(4, Views::in_place), 1, 0);
    let (old, new) = (place(&code, 0, 42, 6), place(&code, 0, 53, 6));
    code.redirect(FuncIndex(0), old.address());
    let in_child = || {
        code.redirect(FuncIndex(0), new.address());
        call(code.entry_point(FuncIndex(0))) == 53
    };
    assert_eq!(forked(in_child), 0);
    assert_eq!(call(code.entry_point(FuncIndex(0))), 42);
}

/// Mappings of this process, and its resident pages.
fn mappings_and_pages() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    (maps.lines().count(), statm.split(' ').nth(1).unwrap().parse().unwrap())
}

/// Runs alone in a process: other tests map memory too.
#[test]
fn ten_thousand_modules_leave_nothing_behind() {
    const ALONE: &str = "LATIER_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", "code_memory::tests::ten_thousand_modules_leave_nothing_behind"]);
        let out = alone.env(ALONE, "1").output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    for memory in [CodeMemory::get().unwrap(), memory(256, Views::in_place)] {
        let cycle = |n: u32| {
            let code = module(memory, 500, 0);
            let done = place(&code, 1, n, 100_000);
            assert_eq!(call(done.address().get()), n);
        };
        (0..100).for_each(cycle);
        let (mappings, pages) = mappings_and_pages();
        (0..10_000).for_each(cycle);
        let (mappings_after, pages_after) = mappings_and_pages();
        assert_eq!(mappings_after, mappings);
        assert!(pages_after < pages + 100, "{pages} pages before, {pages_after} after");
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert_eq!(maps.matches("latier-code").count(), 2, "the two views");
    assert!(!maps.contains("rwx"), "no page is writable and executable");
}

#[test]
fn the_process_looks_up_in_its_own_reservation() {
    let code = ModuleCode::new(1, 0).unwrap();
    let at = place(&code, 0, 42, 6).address().get();
    // SAFETY: the module lives until the end of the test.
    let found = unsafe { lookup(at + 5) }.unwrap();
    assert_eq!((found.module, found.offset), (code.token(), 5));
    // SAFETY: this function is no module's code.
    assert!(unsafe { lookup(mappings_and_pages as *const () as usize) }.is_none());
}
