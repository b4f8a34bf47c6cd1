//! Memories, tables, globals and references as hosts use them.

use super::{funcref_table, memory32, new_store};
use crate::func::Func;
use crate::global::Global;
use crate::host::HostFn;
use crate::limits::{GrowError, Growing, Question};
use crate::memory::{Memory, MemoryAccessError};
use crate::store::{Store, StoreInner};
use crate::table::{Table, TableError};
use crate::trap::UnwindReason;
use crate::types::{FuncType, GlobalType, HeapType, MemoryType, RefType, TableType, ValType};
use crate::value::Val;
use std::sync::Arc;

#[test]
fn stores_move_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Box<Store<String>>>();
    check::<Func>();
    check::<Memory>();
    check::<crate::instance::Module>();
    check::<crate::typed::TypedCall<i32, i64>>();
}

#[test]
fn a_store_gives_its_data_back() {
    let data = Arc::new(());
    let store = Store::new(Arc::default(), data.clone());
    let back = store.into_data();
    assert_eq!(Arc::strong_count(&data), 2);
    drop(back);
    drop(Store::new(Arc::default(), data.clone()));
    assert_eq!(Arc::strong_count(&data), 1);
}

#[test]
fn a_guarded_memory_grows_in_place_to_its_end() {
    let mut store = new_store();
    let memory = Memory::new(&mut store, memory32(1, None)).unwrap();
    let base = memory.data(&store).as_ptr();
    memory.write(&mut store, 0xffff, &[7]).unwrap();
    assert_eq!(memory.write(&mut store, 0xffff, &[1, 2]), Err(MemoryAccessError));
    assert_eq!(memory.read(&store, usize::MAX, &mut [0; 2]), Err(MemoryAccessError));
    assert_eq!(memory.grow(&mut store, 0).unwrap(), 1);
    assert_eq!(memory.grow(&mut store, 65_535).unwrap(), 1);
    assert_eq!(memory.size(&store), 65_536);
    assert_eq!(memory.data_size(&store), 1 << 32);
    memory.write(&mut store, (1 << 32) - 1, &[9]).unwrap();
    assert_eq!(memory.data(&store)[0xffff..=0x10000], [7, 0]);
    assert_eq!(memory.data(&store)[(1 << 32) - 1], 9);
    assert_eq!(memory.data(&store).as_ptr(), base);
    for pages in [1, 65_536, 1 << 32, u64::MAX] {
        memory.grow(&mut store, pages).unwrap_err();
        assert_eq!(memory.size(&store), 65_536);
    }
}

#[test]
fn growth_honours_the_declared_maximum_and_the_limit() {
    let mut store = new_store();
    let memory = Memory::new(&mut store, memory32(0, Some(3))).unwrap();
    assert_eq!(memory.grow(&mut store, 2).unwrap(), 0);
    memory.grow(&mut store, 2).unwrap_err();
    store.set_limiter(|data, question| {
        *data += 1;
        Ok(!matches!(question, Question::MayGrow { desired, .. } if desired > 2 << 16))
    });
    memory.grow(&mut store, 1).unwrap_err();
    // It was asked, and told that the memory did not grow.
    assert_eq!(*store.data(), 2);
    store.set_limiter(|_, question| match question {
        Question::MayGrow { what, current, desired, maximum } => {
            Ok((what, current, maximum) == (Growing::Memory, 2 << 16, Some(3 << 16)) && desired == 3 << 16)
        }
        Question::NotGrown(..) => Err(Box::new("it failed")),
    });
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 2);
    assert!(matches!(memory.grow(&mut store, 1), Err(GrowError::Limiter(UnwindReason::Host(_)))));
    store.set_limiter(|_, _| panic!("by the limiter"));
    assert!(matches!(memory.grow(&mut store, 0), Err(GrowError::Limiter(UnwindReason::Panic(_)))));
    store.set_limiter(|_, _| Ok(false));
    let error = Memory::new(&mut store, memory32(4, None)).unwrap_err();
    assert_eq!(error.to_string(), "memory of 4 pages: more than the store's limit");
}

#[test]
fn a_system_without_room_is_an_error() {
    // The limit holds for a whole process, so the test runs itself again in one of its own.
    let name = "tests::stores::a_system_without_room_is_an_error";
    if std::env::var_os("LATIER_TEST_WITHOUT_ROOM").is_none() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let child = child.args(["--exact", name]).env("LATIER_TEST_WITHOUT_ROOM", "1").output().unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    let mut store = new_store();
    let module = {
        let mut d = super::Describe::new(&store);
        d.memory(memory32(1, None));
        d.module()
    };
    let wide = MemoryType { memory64: true, ..memory32(1, None) };
    let memory = Memory::new(&mut store, wide).unwrap();
    let room = 3 << 30;
    let limit = libc::rlimit { rlim_cur: room, rlim_max: room };
    // SAFETY: it only makes later mappings fail.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
    let error = Memory::new(&mut store, memory32(0, None)).unwrap_err().to_string();
    assert!(error.starts_with("cannot reserve "), "{error}");
    assert!(store.instantiate(&module, &[]).unwrap_err().to_string().starts_with("cannot reserve "));
    memory.grow(&mut store, 1 << 17).unwrap_err();
    assert_eq!(memory.data_size(&store), 1 << 16);
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
}

#[test]
fn a_memory_without_guard_moves_and_keeps_its_bytes() {
    let mut store = new_store();
    let ty = MemoryType { memory64: true, ..memory32(1, None) };
    let memory = Memory::new(&mut store, ty).unwrap();
    memory.write(&mut store, 0, b"first").unwrap();
    let base = memory.data(&store).as_ptr();
    assert_eq!(memory.grow(&mut store, 5000).unwrap(), 1);
    assert_ne!(memory.data(&store).as_ptr(), base, "5000 pages are more than it reserved");
    assert_eq!(&memory.data(&store)[..6], b"first\0");
    assert_eq!(memory.data(&store)[5000 << 16], 0);
    for pages in [1 << 40, 1 << 48, u64::MAX] {
        memory.grow(&mut store, pages).unwrap_err();
    }
    for min in [1 << 40, 1 << 47, u64::MAX] {
        Memory::new(&mut store, MemoryType { min, ..ty }).unwrap_err();
    }
}

#[test]
fn a_memory_of_single_bytes_has_them_exactly() {
    let mut store = new_store();
    let ty = MemoryType { page_size_log2: 0, ..memory32(3, Some(10_000)) };
    let memory = Memory::new(&mut store, ty).unwrap();
    assert_eq!(memory.data(&store), [0, 0, 0]);
    memory.write(&mut store, 2, &[5]).unwrap();
    assert_eq!(memory.grow(&mut store, 4095).unwrap(), 3);
    assert_eq!(memory.data(&store)[2..5], [5, 0, 0]);
    assert_eq!(memory.data_size(&store), 4098);
    memory.grow(&mut store, 10_000).unwrap_err();
    assert_eq!(memory.grow(&mut store, 5902).unwrap(), 4098);
    let data = memory.data_and_store_mut(&mut store);
    (data.0[0], *data.1) = (1, 2);
    assert_eq!(*store.data(), 2);
}

#[test]
fn tables_grow_and_are_bounded() {
    let mut store = new_store();
    let table = Table::new(&mut store, funcref_table(2, Some(5)), Val::FuncRef(None)).unwrap();
    let f = nothing(&mut store);
    assert_eq!(table.grow(&mut store, 2, Val::FuncRef(Some(f))).unwrap(), 2);
    assert!(matches!(table.get(&store, 3), Some(Val::FuncRef(Some(found))) if found == f));
    assert!(matches!(table.get(&store, 1), Some(Val::FuncRef(None))));
    assert!(table.get(&store, 4).is_none() && table.get(&store, u64::MAX).is_none());
    table.set(&mut store, 0, Val::FuncRef(Some(f))).unwrap();
    assert!(matches!(table.set(&mut store, 4, Val::FuncRef(Some(f))), Err(TableError::Bounds)));
    table.set(&mut store, 0, Val::I32(1)).unwrap_err();
    table.set(&mut store, 0, Val::ExternRef(None)).unwrap_err();
    for count in [2, u64::MAX - 1, u64::MAX] {
        let error = table.grow(&mut store, count, Val::FuncRef(None)).unwrap_err();
        assert!(matches!(error, TableError::Room(GrowError::Resource(_))));
    }
    let unbounded = Table::new(&mut store, funcref_table(0, None), Val::FuncRef(None)).unwrap();
    unbounded.grow(&mut store, 10_000_001, Val::FuncRef(None)).unwrap_err();
    Table::new(&mut store, funcref_table(1 << 40, None), Val::FuncRef(None)).unwrap_err();
    let typed = RefType { nullable: true, heap: HeapType::Concrete(f.type_id(&store)) };
    let typed = TableType { element: typed, ..funcref_table(1, None) };
    let typed = Table::new(&mut store, typed, Val::FuncRef(Some(f))).unwrap();
    let other =
        Func::new_host(&mut store, FuncType::new([ValType::I32], []), HostFn::new(|_| Ok(()))).unwrap();
    typed.set(&mut store, 0, Val::FuncRef(Some(other))).unwrap_err();
}

fn nothing(store: &mut Store<u32>) -> Func {
    Func::new_host(store, FuncType::new([], []), HostFn::new(|_| Ok(()))).unwrap()
}

#[test]
fn globals_hold_what_their_type_says() {
    let mut store = new_store();
    let ty = |content, mutable| GlobalType { content, mutable };
    let reference = store.extern_ref(Box::new("kept"));
    let f = nothing(&mut store);
    let values = [
        (ValType::I32, Val::I32(-1)),
        (ValType::I64, Val::I64(i64::MIN)),
        (ValType::F32, Val::F32(0x7fa0_0000)),
        (ValType::F64, Val::F64(1)),
        (ValType::V128, Val::V128(u128::MAX - 5)),
        (ValType::FUNCREF, Val::FuncRef(Some(f))),
        (ValType::EXTERNREF, Val::ExternRef(Some(reference))),
    ];
    for (content, value) in values {
        let global = Global::new(&mut store, ty(content, true), Val::default_of(content)).unwrap();
        global.set(&mut store, value).unwrap();
        assert_eq!(format!("{:?}", global.get(&store)), format!("{value:?}"));
        let wrong = if content == ValType::I32 { Val::I64(0) } else { Val::I32(0) };
        global.set(&mut store, wrong).unwrap_err();
        Global::new(&mut store, ty(content, false), wrong).unwrap_err();
        let constant = Global::new(&mut store, ty(content, false), value).unwrap();
        constant.set(&mut store, value).unwrap_err();
    }
    assert_eq!(reference.data(&store).downcast_ref(), Some(&"kept"));
}

#[test]
#[should_panic(expected = "a memory was used with a store that does not own it")]
fn a_handle_is_of_one_store() {
    let (mut one, two) = (new_store(), new_store());
    let memory = Memory::new(&mut one, memory32(1, None)).unwrap();
    memory.size(&two);
}

#[test]
#[should_panic(expected = "a function was used with a store that does not own it")]
fn so_is_a_value() {
    let (mut one, mut two) = (new_store(), new_store());
    let f = nothing(&mut one);
    let inner: &mut StoreInner = &mut two;
    let _ = Table::new(inner, funcref_table(1, None), Val::FuncRef(Some(f)));
}
