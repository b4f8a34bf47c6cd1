//! Memories and tables beyond the plain ones: indexed by 64 bits, several in a module, with pages of a byte. What lies
//! outside traps, wherever it lies.

use crate::instances;
use latier::{
    Config, Engine, Instance, Memory, MemoryType, Mode, Module, Ref, RefType, Store, Table, TableType, Trap,
};

fn trap(result: latier::Result<i32>) -> Option<Trap> {
    result.err().and_then(|error| error.downcast_ref::<Trap>().copied())
}

#[test]
fn tables_of_64_bits() {
    for (mut store, instance) in instances(
        r#"(module (type $f (func (result i32)))
            (table $t i64 3 6 funcref) (table $u i64 4 4 funcref) (table $v 4 funcref)
            (elem (table $t) (i64.const 1) func $one $two)
            (elem $more func $two $one)
            (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
            (func (export "call") (param i64) (result i32) (call_indirect $t (type $f) (local.get 0)))
            (func (export "fixed") (param i64) (result i32) (call_indirect $u (type $f) (local.get 0)))
            (func (export "null") (param i64) (result i32) (ref.is_null (table.get $t (local.get 0))))
            (func (export "set") (param i64) (result i32)
                (table.set $t (local.get 0) (ref.func $two)) (i32.const 0))
            (func (export "grow") (param i64) (result i64) (table.grow $t (ref.func $one) (local.get 0)))
            (func (export "size") (result i64) (table.size $t))
            (func (export "fill") (param i64 i64) (result i32)
                (table.fill $t (local.get 0) (ref.null func) (local.get 1)) (i32.const 0))
            (func (export "copy") (param i64 i32 i32) (result i32)
                (table.init $v $more (i32.const 0) (i32.const 0) (i32.const 2))
                (table.copy $u $v (local.get 0) (local.get 1) (local.get 2)) (i32.const 0)))"#,
    ) {
        let store = &mut store;
        let one = |store: &mut Store<()>, name: &str, index: u64| {
            instance.get_typed_func::<u64, i32>(&mut *store, name).unwrap().call(store, index)
        };
        assert_eq!(one(store, "call", 1).unwrap(), 1);
        assert_eq!(one(store, "call", 2).unwrap(), 2);
        assert_eq!(trap(one(store, "call", 0)), Some(Trap::IndirectCallToNull));
        for far in [3, 1 << 32, (1 << 32) + 1, 1 << 61, (1 << 61) + 1, u64::MAX] {
            for name in ["call", "null", "set"] {
                assert_eq!(trap(one(store, name, far)), Some(Trap::TableOutOfBounds), "{name} {far}");
            }
            assert_eq!(trap(one(store, "fixed", far + u64::from(far == 3))), Some(Trap::TableOutOfBounds));
        }
        let grow = instance.get_typed_func::<u64, i64>(&mut *store, "grow").unwrap();
        assert_eq!(grow.call(&mut *store, 1 << 32).unwrap(), -1);
        assert_eq!(grow.call(&mut *store, u64::MAX).unwrap(), -1);
        assert_eq!(grow.call(&mut *store, 2).unwrap(), 3);
        let size = instance.get_typed_func::<(), u64>(&mut *store, "size").unwrap();
        assert_eq!(size.call(&mut *store, ()).unwrap(), 5);
        assert_eq!(one(store, "call", 4).unwrap(), 1);
        one(store, "set", 4).unwrap();
        assert_eq!(one(store, "call", 4).unwrap(), 2);
        let fill = instance.get_typed_func::<(u64, u64), i32>(&mut *store, "fill").unwrap();
        assert_eq!(trap(fill.call(&mut *store, (4, u64::MAX))), Some(Trap::TableOutOfBounds));
        fill.call(&mut *store, (4, 1)).unwrap();
        assert_eq!(one(store, "null", 4).unwrap(), 1);
        let copy = instance.get_typed_func::<(u64, u32, u32), i32>(&mut *store, "copy").unwrap();
        assert_eq!(trap(copy.call(&mut *store, (1 << 32, 0, 1))), Some(Trap::TableOutOfBounds));
        copy.call(&mut *store, (2, 0, 2)).unwrap();
        assert_eq!((one(store, "fixed", 2).unwrap(), one(store, "fixed", 3).unwrap()), (2, 1));
    }
}

#[test]
fn a_hosts_table_of_64_bits() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = TableType::new64(RefType::EXTERNREF, 1, Some(1 << 40));
    assert!(ty.is_64() && ty.maximum() == Some(1 << 40));
    let table = Table::new(&mut store, ty, Ref::Extern(None)).unwrap();
    assert_eq!((table.grow(&mut store, 2, Ref::Extern(None)).unwrap(), table.size(&store)), (1, 3));
}

#[test]
fn memories_of_64_bits() {
    for (mut store, instance) in instances(
        r#"(module (memory $small 1) (memory $m i64 1 3)
            (func (export "load") (param i64) (result i32) (i32.load $m (local.get 0)))
            (func (export "load far") (param i64) (result i32)
                (i32.load $m offset=0xffff_ffff_ffff_fff0 (local.get 0)))
            (func (export "store") (param i64) (result i32)
                (i64.store $m offset=8 (local.get 0) (i64.const 1)) (i32.const 0))
            (func (export "grow") (param i64) (result i64) (memory.grow $m (local.get 0)))
            (func (export "in") (param i64) (result i32)
                (i32.store $small (i32.const 0) (i32.const 0x2a))
                (memory.copy $m $small (local.get 0) (i32.const 0) (i32.const 4)) (i32.const 0)))"#,
    ) {
        let store = &mut store;
        let one = |store: &mut Store<()>, name: &str, index: u64| {
            instance.get_typed_func::<u64, i32>(&mut *store, name).unwrap().call(store, index)
        };
        let outside = Some(Trap::MemoryOutOfBounds);
        one(store, "in", 65532).unwrap();
        assert_eq!(one(store, "load", 65532).unwrap(), 42);
        assert_eq!(trap(one(store, "in", 65533)), outside);
        one(store, "store", 65520).unwrap();
        for far in [65533, 65536, 1 << 32, 1 << 47, 1 << 63, u64::MAX - 15, u64::MAX] {
            for name in ["load", "load far", "store", "in"] {
                assert_eq!(trap(one(store, name, far)), outside, "{name} {far}");
            }
        }
        assert_eq!(trap(one(store, "store", 65521)), outside);
        assert_eq!(trap(one(store, "load far", 0)), outside);
        assert_eq!(trap(one(store, "load far", 16)), outside);
        let grow = instance.get_typed_func::<u64, i64>(&mut *store, "grow").unwrap();
        assert_eq!(grow.call(&mut *store, 3).unwrap(), -1);
        assert_eq!(grow.call(&mut *store, 2).unwrap(), 1);
        assert_eq!(one(store, "load", 65520 + 8).unwrap(), 1);
        assert_eq!(one(store, "load", 3 * 65536 - 4).unwrap(), 0);
        assert_eq!(trap(one(store, "load", 3 * 65536 - 3)), outside);
    }
}

#[test]
fn pages_of_a_byte() {
    for mode in Mode::TABLE {
        let engine = Engine::new(Config::new().mode(mode.mode).wasm_custom_page_sizes(true)).unwrap();
        let module = Module::new(
            &engine,
            r#"(module (memory (export "memory") 7 20 (pagesize 1))
                (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
                (func (export "load far") (param i32) (result i32)
                    (i32.load offset=0xffff_ffff (local.get 0)))
                (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#,
        )
        .unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        assert_eq!((memory.page_size(&store), memory.size(&store), memory.data_size(&store)), (1, 7, 7));
        let load = instance.get_typed_func::<u32, i32>(&mut store, "load").unwrap();
        let far = instance.get_typed_func::<u32, i32>(&mut store, "load far").unwrap();
        let grow = instance.get_typed_func::<u32, i32>(&mut store, "grow").unwrap();
        assert_eq!(load.call(&mut store, 3).unwrap(), 0);
        for outside in [4, 7, 1 << 31, u32::MAX] {
            assert_eq!(trap(load.call(&mut store, outside)), Some(Trap::MemoryOutOfBounds));
            assert_eq!(trap(far.call(&mut store, outside)), Some(Trap::MemoryOutOfBounds));
        }
        assert_eq!(grow.call(&mut store, 1).unwrap(), 7);
        assert_eq!(load.call(&mut store, 4).unwrap(), 0);
        assert_eq!(trap(load.call(&mut store, 5)), Some(Trap::MemoryOutOfBounds));
        assert_eq!(grow.call(&mut store, 13).unwrap(), -1);
        assert_eq!((memory.size(&store), memory.data(&store).len()), (8, 8));
    }
}

#[test]
fn a_host_memory_is_what_its_type_says() {
    let mut store = Store::new(&Engine::default(), ());
    let memory = Memory::new(&mut store, MemoryType::new64(1, Some(2))).unwrap();
    assert!(memory.ty(&store).is_64());
    memory.write(&mut store, 65535, &[1]).unwrap();
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
    assert_eq!(memory.data(&store)[65535], 1);
    assert!(memory.grow(&mut store, 1).is_err());
}
