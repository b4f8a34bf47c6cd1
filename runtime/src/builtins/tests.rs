//! Builtins at the edges of what they are given.

use super::*;
use crate::instance::{Extern, Instance};
use crate::memory::Memory;
use crate::module::Item;
use crate::store::Store;
use crate::table::Table;
use crate::tests::{Describe, funcref_table, memory32, new_store};
use crate::value::Val;

/// A store with an instance that has one page, a table of 4, a passive segment of each kind, and two functions.
struct Scene {
    store: Box<Store<u32>>,
    instance: Instance,
    memory: Memory,
    table: Table,
}

impl Scene {
    fn new() -> Scene {
        let mut store = new_store();
        let mut d = Describe::new(&store);
        let (m, t) = (d.memory(memory32(1, Some(3))), d.table(funcref_table(4, Some(6))));
        d.export("m", Item::Memory(m));
        d.export("t", Item::Table(t));
        d.data(None, b"passive");
        d.data(Some((0, 0)), b"active");
        let (f, g) = (d.func(&[], &[]), d.func(&[], &[]));
        d.elements(None, &[f, g, f]);
        d.elements(Some((0, 3)), &[g]);
        let instance = store.instantiate(&d.module(), &[]).unwrap();
        let Some(Extern::Memory(memory)) = instance.get_export(&mut store, "m") else { panic!() };
        let Some(Extern::Table(table)) = instance.get_export(&mut store, "t") else { panic!() };
        Scene { store, instance, memory, table }
    }

    fn vmctx(&self) -> *mut VmHeader {
        self.instance.cell(&self.store).vmctx()
    }

    fn vm_memory(&self) -> *mut VmMemory {
        self.memory.as_non_null().as_ptr().cast()
    }

    fn vm_table(&self) -> *mut VmTable {
        self.table.as_non_null().as_ptr().cast()
    }

    fn copy(&self, to: u64, from: u64, len: u64) -> u64 {
        // SAFETY: an instance, a memory of its store, and no one else who uses them.
        unsafe { memory_copy(self.vmctx(), self.vm_memory(), self.vm_memory(), to, from, len) }
    }

    fn fill(&self, to: u64, byte: u64, len: u64) -> u64 {
        // SAFETY: as above.
        unsafe { memory_fill(self.vmctx(), self.vm_memory(), to, byte, len) }
    }

    fn init(&self, segment: u64, to: u64, from: u64, len: u64) -> u64 {
        // SAFETY: as above.
        unsafe { memory_init(self.vmctx(), self.vm_memory(), segment, to, from, len) }
    }

    fn copy_table(&self, to: u64, from: u64, len: u64) -> u64 {
        // SAFETY: as above.
        unsafe { table_copy(self.vmctx(), self.vm_table(), self.vm_table(), to, from, len) }
    }

    fn fill_table(&self, to: u64, element: u64, len: u64) -> u64 {
        // SAFETY: as above; the element is null or a record of the store.
        unsafe { table_fill(self.vmctx(), self.vm_table(), to, element, len) }
    }

    fn init_table(&self, segment: u64, to: u64, from: u64, len: u64) -> u64 {
        // SAFETY: as above.
        unsafe { table_init(self.vmctx(), self.vm_table(), segment, to, from, len) }
    }

    fn ref_func(&self, function: u64) -> u64 {
        // SAFETY: as above.
        unsafe { ref_func(self.vmctx(), function) }
    }

    fn elements(&self) -> Vec<u64> {
        (0..self.table.size(&self.store))
            .map(|i| match self.table.get(&self.store, i) {
                Some(Val::FuncRef(f)) => f.map_or(0, |f| f.as_non_null().as_ptr() as u64),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

const PAGE: u64 = 65_536;
const FAR: [u64; 5] = [PAGE + 1, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX];

#[test]
fn bulk_memory_stays_in_bounds() {
    let s = Scene::new();
    assert_eq!((s.fill(0, 0x101, 3), s.fill(PAGE, 0, 0), s.fill(PAGE - 1, 7, 1)), (DONE, DONE, DONE));
    assert_eq!(&s.memory.data(&s.store)[..6], b"\x01\x01\x01ive");
    assert_eq!((s.fill(PAGE, 0, 1), s.fill(0, 0, PAGE + 1), s.fill(1, 0, PAGE)), (FAILED, FAILED, FAILED));
    assert_eq!((s.copy(1, 0, 5), s.copy(PAGE, PAGE, 0), s.copy(0, 0, PAGE)), (DONE, DONE, DONE));
    assert_eq!(&s.memory.data(&s.store)[..6], b"\x01\x01\x01\x01iv", "overlapping ranges");
    assert_eq!((s.copy(PAGE - 1, 0, 2), s.copy(0, PAGE - 1, 2)), (FAILED, FAILED));
    assert_eq!((s.init(0, 10, 0, 7), s.init(0, 20, 5, 2), s.init(0, PAGE, 7, 0)), (DONE, DONE, DONE));
    assert_eq!(&s.memory.data(&s.store)[10..22], b"passive\0\0\0ve");
    assert_eq!((s.init(0, 0, 0, 8), s.init(0, 0, 7, 1), s.init(0, PAGE - 6, 0, 7)), (FAILED, FAILED, FAILED));
    assert_eq!((s.init(1, 0, 0, 1), s.init(1, 0, 0, 0)), (FAILED, DONE), "an active segment is dropped");
    assert_eq!((s.init(2, 0, 0, 1), s.init(u64::MAX, 0, 0, 1)), (FAILED, FAILED));
    for far in FAR {
        let fails = [s.fill(far, 0, 1), s.fill(far, 0, 0), s.fill(0, 0, far), s.fill(far, 0, far)];
        assert_eq!(fails, [FAILED; 4], "{far}");
        let fails = [s.copy(far, 0, 1), s.copy(0, far, 1), s.copy(0, 0, far), s.copy(far, far, far)];
        assert_eq!(fails, [FAILED; 4], "{far}");
        let fails =
            [s.init(0, far, 0, 1), s.init(0, 0, far, 1), s.init(0, 0, 0, far), s.init(0, far, far, far)];
        assert_eq!(fails, [FAILED; 4], "{far}");
    }
    // SAFETY: an instance, and no one else who uses it.
    unsafe { (data_drop(s.vmctx(), 0), data_drop(s.vmctx(), 0), data_drop(s.vmctx(), u64::MAX)) };
    assert_eq!((s.init(0, 0, 0, 1), s.init(0, PAGE, 0, 0)), (FAILED, DONE));
}

#[test]
fn bulk_tables_stay_in_bounds() {
    let s = Scene::new();
    let (f, g) = (s.ref_func(0), s.ref_func(1));
    assert!(f != 0 && g != 0 && f != g && f == s.ref_func(0));
    assert_eq!((s.ref_func(2), s.ref_func(u64::MAX), s.ref_func(1 << 32)), (0, 0, 0));
    assert_eq!(s.elements(), [0, 0, 0, g]);
    assert_eq!((s.init_table(0, 0, 1, 2), s.init_table(0, 4, 3, 0)), (DONE, DONE));
    assert_eq!(s.elements(), [g, f, 0, g]);
    assert_eq!((s.copy_table(1, 0, 3), s.copy_table(4, 4, 0), s.fill_table(3, 0, 1)), (DONE, DONE, DONE));
    assert_eq!(s.elements(), [g, g, f, 0], "overlapping ranges");
    assert_eq!((s.init_table(0, 2, 0, 3), s.init_table(0, 0, 2, 2)), (FAILED, FAILED));
    assert_eq!((s.init_table(1, 0, 0, 1), s.init_table(2, 0, 0, 0)), (FAILED, FAILED));
    for far in FAR {
        let fails = [s.fill_table(far, f, 0), s.fill_table(0, f, far), s.fill_table(far, f, far)];
        assert_eq!(fails, [FAILED; 3], "{far}");
        let fails = [s.copy_table(far, 0, 1), s.copy_table(0, far, 1), s.copy_table(0, 0, far)];
        assert_eq!(fails, [FAILED; 3], "{far}");
        let fails = [s.init_table(0, far, 0, 1), s.init_table(0, 0, far, 1), s.init_table(0, 0, 0, far)];
        assert_eq!(fails, [FAILED; 3], "{far}");
    }
    assert_eq!(s.elements(), [g, g, f, 0], "what fails writes nothing");
    // SAFETY: an instance, and no one else who uses it.
    unsafe { (elem_drop(s.vmctx(), 0), elem_drop(s.vmctx(), u64::MAX)) };
    assert_eq!((s.init_table(0, 0, 0, 1), s.init_table(0, 4, 0, 0)), (FAILED, DONE));
}

#[test]
fn growth_ends_at_the_maximum() {
    let s = Scene::new();
    // SAFETY: an instance, a memory of its store, and no one else who uses them.
    let memory = |pages| unsafe { memory_grow(s.vmctx(), s.vm_memory(), pages) }.before;
    let grown = [memory(0), memory(1), memory(2), memory(u64::MAX), memory(1), memory(1)];
    assert_eq!(grown, [1, 1, NOT_GROWN, NOT_GROWN, 2, NOT_GROWN]);
    let f = s.ref_func(0);
    // SAFETY: as above, of a table.
    let table = |count| unsafe { table_grow(s.vmctx(), s.vm_table(), f, count) }.before;
    assert_eq!([table(0), table(2), table(1), table(u64::MAX)], [4, 4, NOT_GROWN, NOT_GROWN]);
    assert_eq!(s.elements()[4..], [f, f]);
}

#[test]
fn the_table_is_in_the_order_of_the_list() {
    assert_eq!(TABLE[Builtin::MemoryGrow as usize].0, arch::memory_grow::<Runtime> as *const ());
    assert_eq!(TABLE[Builtin::MemoryInit as usize].0, memory_init as *const ());
    assert_eq!(TABLE[Builtin::TableGrow as usize].0, arch::table_grow::<Runtime> as *const ());
    assert_eq!(TABLE[Builtin::RefFunc as usize].0, ref_func as *const ());
}
