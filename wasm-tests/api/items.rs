//! Memories, tables and globals in the host's hands, and the store's limits.

use crate::{engines, instances};
use latier::{
    Engine, Extern, ExternRef, Func, Global, GlobalType, HeapType, Instance, Memory, MemoryType,
    MemoryTypeBuilder, Module, Mutability, Ref, RefType, Store, StoreLimitsBuilder, Table, TableType, Trap,
    Val, ValType,
};

#[test]
fn memory_from_both_sides() {
    for (mut store, instance) in instances(
        r#"(module (memory (export "memory") 1 3)
            (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
            (func (export "grow") (result i32) (memory.grow (i32.const 1))))"#,
    ) {
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        memory.write(&mut store, 65535, &[42]).unwrap();
        let load = instance.get_typed_func::<i32, i32>(&mut store, "load").unwrap();
        assert_eq!(load.call(&mut store, 65535).unwrap(), 42);
        assert!(memory.write(&mut store, 65535, &[1, 2]).is_err());
        assert!(memory.read(&store, usize::MAX, &mut [0]).is_err());
        let mut byte = [0];
        memory.read(&store, 65535, &mut byte).unwrap();
        assert_eq!(byte, [42]);
        assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
        let grow = instance.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
        assert_eq!(grow.call(&mut store, ()).unwrap(), 2);
        assert_eq!((memory.size(&store), memory.data_size(&store)), (3, 3 << 16));
        assert!(memory.grow(&mut store, 1).unwrap_err().to_string().contains("failed to grow memory by `1`"));
        assert_eq!(memory.data(&store).len(), 3 << 16);
        memory.data_mut(&mut store)[131072] = 7;
        assert_eq!(load.call(&mut store, 131072).unwrap(), 7);
        assert_eq!(memory.ty(&store).maximum(), Some(3));
    }
}

#[test]
fn imported_items_are_shared() {
    for engine in engines() {
        let module = Module::new(
        &engine,
        r#"(module (import "" "m" (memory 1)) (import "" "t" (table 2 funcref)) (import "" "g" (global $g (mut i32)))
            (func $f (export "f") (result i32) (i32.const 7))
            (elem (i32.const 1) $f)
            (data (i32.const 3) "x")
            (func (export "set") (global.set $g (i32.add (global.get $g) (i32.const 1)))))"#,
    )
    .unwrap();
        let mut store = Store::new(&engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let table =
            Table::new(&mut store, TableType::new(RefType::FUNCREF, 2, None), Ref::Func(None)).unwrap();
        let global =
            Global::new(&mut store, GlobalType::new(ValType::I32, Mutability::Var), Val::I32(41)).unwrap();
        let imports: [Extern; 3] = [memory.into(), table.into(), global.into()];
        let instance = Instance::new(&mut store, &module, &imports).unwrap();
        assert_eq!(memory.data(&store)[3], b'x');
        let f: Func = *table.get(&mut store, 1).unwrap().as_func().unwrap().unwrap();
        assert_eq!(f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 7);
        assert!(table.get(&mut store, 0).unwrap().is_null());
        assert!(table.get(&mut store, 2).is_none());
        instance.get_typed_func::<(), ()>(&mut store, "set").unwrap().call(&mut store, ()).unwrap();
        assert_eq!(global.get(&mut store).unwrap_i32(), 42);
    }
}

#[test]
fn tables_and_globals_keep_their_types() {
    let mut store = Store::new(&Engine::default(), ());
    let constant =
        Global::new(&mut store, GlobalType::new(ValType::I32, Mutability::Const), Val::I32(1)).unwrap();
    assert!(constant.set(&mut store, Val::I32(2)).is_err());
    let ty = GlobalType::new(ValType::I64, Mutability::Var);
    assert!(Global::new(&mut store, ty, Val::I32(1)).is_err());
    let variable = Global::new(&mut store, ty, Val::I64(1)).unwrap();
    assert!(variable.set(&mut store, Val::I32(2)).is_err());
    variable.set(&mut store, Val::I64(2)).unwrap();
    assert_eq!(variable.get(&mut store).unwrap_i64(), 2);
    assert_eq!(variable.ty(&store), ty);

    let table =
        Table::new(&mut store, TableType::new(RefType::FUNCREF, 1, Some(2)), Ref::Func(None)).unwrap();
    assert!(table.set(&mut store, 0, Ref::Extern(None)).is_err());
    assert!(table.set(&mut store, 1, Ref::Func(None)).is_err());
    assert_eq!(table.grow(&mut store, 1, Ref::Func(None)).unwrap(), 1);
    assert!(table.grow(&mut store, 1, Ref::Func(None)).is_err());
    assert_eq!(table.size(&store), 2);
}

#[test]
fn tables_are_filled_and_copied() {
    let mut store = Store::new(&Engine::default(), ());
    let f = Func::wrap(&mut store, || 7);
    let table = Table::new(&mut store, TableType::new(RefType::FUNCREF, 6, None), Ref::Func(None)).unwrap();
    table.fill(&mut store, 1, f.into(), 2).unwrap();
    Table::copy(&mut store, &table, 2, &table, 1, 4).unwrap();
    let is_set = |store: &mut Store<()>| {
        (0..6).map(|i| !table.get(&mut *store, i).unwrap().is_null()).collect::<Vec<_>>()
    };
    let set = [false, true, true, true, false, false];
    assert_eq!(is_set(&mut store), set);
    for error in [
        table.fill(&mut store, 5, f.into(), 2).unwrap_err(),
        table.fill(&mut store, u64::MAX, f.into(), 2).unwrap_err(),
        Table::copy(&mut store, &table, 3, &table, 1, 4).unwrap_err(),
        Table::copy(&mut store, &table, 1, &table, 3, 4).unwrap_err(),
    ] {
        assert_eq!(error.downcast_ref(), Some(&Trap::TableOutOfBounds));
    }
    assert!(table.fill(&mut store, 0, Ref::Extern(None), 1).is_err());
    let externs = TableType::new(RefType::EXTERNREF, 6, None);
    let externs = Table::new(&mut store, externs, Ref::Extern(None)).unwrap();
    assert!(Table::copy(&mut store, &externs, 0, &table, 0, 1).is_err());
    assert_eq!(is_set(&mut store), set);
}

#[test]
fn references_tell_what_they_are() {
    let mut store = Store::new(&Engine::default(), ());
    let f = Func::wrap(&mut store, || 7);
    let reference = Val::from(f).ref_().unwrap();
    assert_eq!(reference.unwrap_func(), Some(&f));
    assert!(reference.as_extern().is_none() && reference.as_exn().is_none());
    let data = ExternRef::new(&mut store, 7).unwrap();
    assert_eq!(Ref::from(data).unwrap_extern(), Some(&data));
    for (heap, ty) in [
        (HeapType::Func, ValType::FUNCREF),
        (HeapType::Extern, ValType::EXTERNREF),
        (HeapType::Exn, ValType::Ref(RefType::EXNREF)),
    ] {
        let null = Ref::null(&heap);
        assert!(null.is_null() && Val::from(null).matches_ty(&store, &ty).unwrap());
        assert!(Val::default_for_ty(&ty).unwrap().ref_().unwrap().is_null());
        assert!(!Val::I32(0).matches_ty(&store, &ty).unwrap());
    }
    assert_eq!(Val::null_func_ref().unwrap_func_ref(), None);
    assert_eq!(Val::null_extern_ref().unwrap_extern_ref(), None);
    assert_eq!(Val::from(Ref::null(&HeapType::Exn)).unwrap_exn_ref(), None);
    assert!(Val::I32(1).ref_().is_none());
    let not_null = ValType::Ref(RefType { nullable: false, heap: HeapType::Func });
    assert!(Val::default_for_ty(&not_null).is_none());
    assert!(Val::from(f).matches_ty(&store, &not_null).unwrap());
}

#[test]
fn memory_types_are_built_and_checked() {
    let wide = MemoryTypeBuilder::new().min(1).memory64(true).build().unwrap();
    assert_eq!((wide.is_64(), wide.is_shared(), wide.page_size_log2()), (true, false, 16));
    let shared = MemoryTypeBuilder::new().max(Some(2)).shared(true).build().unwrap();
    assert!(shared.is_shared() && shared == MemoryType::shared(0, 2));
    let mut store = Store::new(&Engine::default(), ());
    let bytes = MemoryTypeBuilder::new().min(3).page_size_log2(0).build().unwrap();
    let memory = Memory::new(&mut store, bytes).unwrap();
    assert_eq!((memory.data_size(&store), memory.page_size(&store)), (3, 1));
    for wrong in [
        MemoryTypeBuilder::new().page_size_log2(12),
        MemoryTypeBuilder::new().min(2).max(Some(1)),
        MemoryTypeBuilder::new().shared(true),
        MemoryTypeBuilder::new().min(65_537),
        MemoryTypeBuilder::new().max(Some(1 << 33)).page_size_log2(0),
    ] {
        assert!(wrong.build().is_err(), "{wrong:?}");
    }
}

#[test]
fn limits_hold() {
    for engine in engines() {
        let module = Module::new(
            &engine,
            r#"(module (memory (export "memory") 1) (table (export "table") 1 funcref)
            (func (export "grow") (result i32) (memory.grow (i32.const 1)))
            (func (export "grow table") (result i32) (table.grow (ref.null func) (i32.const 10))))"#,
        )
        .unwrap();
        let limits = StoreLimitsBuilder::new().memory_size(1 << 16).table_elements(5).instances(1).build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        for name in ["grow", "grow table"] {
            let grow = instance.get_typed_func::<(), i32>(&mut store, name).unwrap();
            assert_eq!(grow.call(&mut store, ()).unwrap(), -1);
        }
        assert!(instance.get_memory(&mut store, "memory").unwrap().grow(&mut store, 1).is_err());
        assert!(Instance::new(&mut store, &module, &[]).is_err());

        let limits = StoreLimitsBuilder::new().memory_size((1 << 16) - 1).build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        assert!(Instance::new(&mut store, &module, &[]).is_err());
    }
}

#[test]
fn many_globals_and_a_memory_keep_apart() {
    // More than a page of globals, which lie below byte 0: no address of the guest leads there.
    let globals: String = (0..1000).map(|n| format!("(global (mut i64) (i64.const {n}))")).collect();
    let text = format!(
        r#"(module (memory (export "memory") 1) {globals}
            (func (export "fill") (memory.fill (i32.const 0) (i32.const 255) (i32.const 65536)))
            (func (export "below") (param i32) (result i32) (i32.load8_u (local.get 0)))
            (func (export "sum") (result i64)
              (global.set 999 (i64.add (global.get 999) (global.get 0)))
              (i64.add (global.get 500) (global.get 999))))"#
    );
    for engine in engines() {
        let module = Module::new(&engine, &text).unwrap();
        let mut store = Store::new(&engine, ());
        let (first, second) = (
            Instance::new(&mut store, &module, &[]).unwrap(),
            Instance::new(&mut store, &module, &[]).unwrap(),
        );
        first.get_typed_func::<(), ()>(&mut store, "fill").unwrap().call(&mut store, ()).unwrap();
        first.get_memory(&mut store, "memory").unwrap().grow(&mut store, 10).unwrap();
        for instance in [first, second] {
            let sum = instance.get_typed_func::<(), i64>(&mut store, "sum").unwrap();
            assert_eq!(sum.call(&mut store, ()).unwrap(), 1499);
            let below = instance.get_typed_func::<i32, i32>(&mut store, "below").unwrap();
            let error = below.call(&mut store, -1).unwrap_err();
            assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds));
        }
        let memory = second.get_memory(&mut store, "memory").unwrap();
        assert!(memory.data(&store).iter().all(|byte| *byte == 0));
    }
}
