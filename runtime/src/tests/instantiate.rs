//! Instantiation: imports, constant expressions, segments, limits, and that nothing is left behind.

use super::*;
use crate::abi::TrapCode;
use crate::func::Func;
use crate::global::Global;
use crate::host::HostFn;
use crate::instantiate::InstantiateError;
use crate::memory::Memory;
use crate::table::Table;
use crate::types::GlobalType;
use crate::value::Val;

fn link_error(store: &mut Store<u32>, module: &Arc<Module>, imports: &[Extern]) -> String {
    match store.instantiate(module, imports) {
        Err(InstantiateError::Link(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_import_of_another_type_is_named() {
    let mut store = new_store();
    let host = |store: &mut Store<u32>, ty| Func::new_host(store, ty, HostFn::new(|_| Ok(()))).unwrap();
    let f = host(&mut store, FuncType::new([ValType::I32], [ValType::I64]));
    let memory = Memory::new(&mut store, memory32(2, Some(4))).unwrap();
    let table = Table::new(&mut store, funcref_table(2, None), Val::FuncRef(None)).unwrap();
    let i32_type = |mutable| GlobalType { content: ValType::I32, mutable };
    let global = Global::new(&mut store, i32_type(true), Val::I32(0)).unwrap();

    let mut cases = Vec::new();
    let mut case = |describe: &dyn Fn(&mut Describe), import, expected: &'static str| {
        let mut d = Describe::new(&store);
        describe(&mut d);
        cases.push((d.module(), import, expected));
    };
    let func_import = |d: &mut Describe| {
        let f = d.func(&[ValType::I64], &[]);
        d.import("n", Item::Func(f));
    };
    let memory_import = |ty| {
        move |d: &mut Describe| {
            let m = d.memory(ty);
            d.import("n", Item::Memory(m));
        }
    };
    let table_import = |ty| {
        move |d: &mut Describe| {
            let t = d.table(ty);
            d.import("n", Item::Table(t));
        }
    };
    let global_import = |ty| {
        move |d: &mut Describe| {
            d.desc.globals.push(ty);
            d.import("n", Item::Global(0));
        }
    };
    case(&func_import, Extern::Func(f), "(func (param i64)), found (func (param i32) (result i64))");
    case(&func_import, Extern::Memory(memory), "(func (param i64)), found (memory 2 4)");
    case(&memory_import(memory32(3, None)), Extern::Memory(memory), "(memory 3), found (memory 2 4)");
    case(&memory_import(memory32(0, Some(3))), Extern::Memory(memory), "(memory 0 3), found (memory 2 4)");
    let wide = MemoryType { memory64: true, ..memory32(1, None) };
    case(&memory_import(wide), Extern::Memory(memory), "(memory i64 1), found (memory 2 4)");
    let bounded = table_import(funcref_table(1, Some(9)));
    case(&bounded, Extern::Table(table), "(table 1 9 funcref), found (table 2 funcref)");
    let externs = table_import(TableType { element: RefType::EXTERNREF, ..funcref_table(1, None) });
    case(&externs, Extern::Table(table), "(table 1 externref), found (table 2 funcref)");
    let constant = global_import(i32_type(false));
    case(&constant, Extern::Global(global), "(global i32), found (global (mut i32))");
    for (module, import, expected) in cases {
        let text = format!("incompatible import type for \"m\" \"n\": expected {expected}");
        assert_eq!(link_error(&mut store, &module, &[import]), text);
        assert_eq!(link_error(&mut store, &module, &[]), "unknown import: \"m\" \"n\"");
    }
}

#[test]
fn a_grown_memory_satisfies_a_larger_minimum() {
    let mut store = new_store();
    let memory = Memory::new(&mut store, memory32(1, Some(8))).unwrap();
    let mut d = Describe::new(&store);
    let m = d.memory(memory32(2, Some(9)));
    d.import("n", Item::Memory(m));
    d.export("again", Item::Memory(m));
    let module = d.module();
    link_error(&mut store, &module, &[Extern::Memory(memory)]);
    memory.grow(&mut store, 1).unwrap();
    let instance = store.instantiate(&module, &[Extern::Memory(memory)]).unwrap();
    assert_eq!(memory_of(instance.get_export(&mut store, "again")), memory);
    assert!(instance.get_export(&mut store, "more").is_none());
}

#[test]
fn constant_expressions_give_globals_their_values() {
    use ConstOp::*;
    let mut store = new_store();
    let ty = |content| GlobalType { content, mutable: false };
    let mut d = Describe::new(&store);
    let f = d.func(&[], &[]);
    let unexported = d.func(&[ValType::I32], &[]);
    d.export("f", Item::Func(f));
    d.desc.globals.push(ty(ValType::I32));
    d.import("g", Item::Global(0));
    let defined = [
        (ValType::I32, vec![GlobalGet(0), I32(3), I32Mul, I32(i32::MAX), I32Add]),
        (ValType::I64, vec![I64(1), I64(2), I64Sub, I64(i64::MIN), I64Mul]),
        (ValType::I32, vec![GlobalGet(1), GlobalGet(0), I32Sub]),
        (ValType::FUNCREF, vec![RefFunc(f)]),
        (ValType::FUNCREF, vec![RefFunc(unexported)]),
        (ValType::FUNCREF, vec![RefNull]),
        (ValType::EXTERNREF, vec![RefNull]),
        (ValType::F64, vec![F64(5)]),
        (ValType::V128, vec![V128(7 << 64)]),
    ];
    for (i, (content, ops)) in defined.into_iter().enumerate() {
        d.desc.globals.push(ty(content));
        d.desc.global_inits.push(ConstExpr(ops));
        d.export(&format!("g{i}"), Item::Global(i as u32 + 1));
    }
    let module = d.module();
    let import = Global::new(&mut store, ty(ValType::I32), Val::I32(10)).unwrap();
    let instance = store.instantiate(&module, &[Extern::Global(import)]).unwrap();
    let mut get = |name: &str| {
        let global = global_of(instance.get_export(&mut store, name));
        global.get(&store)
    };
    assert!(matches!(get("g0"), Val::I32(v) if v == i32::MAX.wrapping_add(30)));
    assert!(matches!(get("g1"), Val::I64(i64::MIN)));
    assert!(matches!(get("g2"), Val::I32(v) if v == i32::MAX.wrapping_add(20)));
    let (Val::FuncRef(Some(by_global)), Val::FuncRef(Some(other))) = (get("g3"), get("g4")) else { panic!() };
    assert!(matches!(get("g5"), Val::FuncRef(None)) && matches!(get("g6"), Val::ExternRef(None)));
    assert!(matches!(get("g7"), Val::F64(5)) && matches!(get("g8"), Val::V128(v) if v == 7 << 64));
    let exported = func_of(instance.get_export(&mut store, "f"));
    assert_eq!(by_global, exported, "a function has one identity");
    assert_eq!(instance.func(&mut store, FuncIndex(unexported)), Some(other));
    assert_eq!(other.ty(&store).params[..], [ValType::I32]);
}

#[test]
fn what_is_no_constant_expression_is_refused() {
    use ConstOp::*;
    let mut store = new_store();
    let bad: [(ValType, &[ConstOp]); 9] = [
        (ValType::I32, &[]),
        (ValType::I32, &[I64(1)]),
        (ValType::FUNCREF, &[I64(4096)]),
        (ValType::I32, &[I32Add]),
        (ValType::I32, &[I32(1), I64(1), I32Add]),
        (ValType::I32, &[I32(1), I32(1)]),
        (ValType::I32, &[GlobalGet(0)]),
        (ValType::I32, &[GlobalGet(9)]),
        (ValType::FUNCREF, &[RefFunc(0)]),
    ];
    for (content, ops) in bad {
        let mut d = Describe::new(&store);
        d.desc.globals.push(GlobalType { content, mutable: false });
        d.desc.global_inits.push(ConstExpr(ops.to_vec()));
        let module = d.module();
        assert!(matches!(store.instantiate(&module, &[]), Err(InstantiateError::Malformed)), "{ops:?}");
    }
}

#[test]
fn a_description_that_contradicts_itself_is_refused() {
    let mut store = new_store();
    let memory = Extern::Memory(Memory::new(&mut store, memory32(1, None)).unwrap());
    let contradictions: [&dyn Fn(&mut ModuleDesc); 5] = [
        &|d| d.memory_imports = 0,
        &|d| d.memory_imports = 2,
        &|d| d.imports[0].item = Item::Memory(1),
        &|d| d.table_inits = vec![Some(constant(1))],
        &|d| d.elements[0].ty = RefType::EXTERNREF,
    ];
    for contradict in contradictions {
        let mut d = Describe::new(&store);
        let m = d.memory(memory32(1, None));
        d.import("m", Item::Memory(m));
        d.memory(memory32(1, None));
        d.table(funcref_table(1, None));
        let f = d.func(&[], &[]);
        d.elements(Some((0, 0)), &[f]);
        contradict(&mut d.desc);
        assert!(matches!(
            store.instantiate(&d.module(), std::slice::from_ref(&memory)),
            Err(InstantiateError::Malformed)
        ));
    }
}

/// A module with two imported things that segments write to.
fn segments(store: &Store<u32>) -> Describe {
    let mut d = Describe::new(store);
    let m = d.memory(memory32(1, None));
    d.import("memory", Item::Memory(m));
    let t = d.table(funcref_table(3, None));
    d.import("table", Item::Table(t));
    d
}

fn targets(store: &mut Store<u32>) -> (Memory, Table) {
    let memory = Memory::new(store, memory32(1, None)).unwrap();
    let table = Table::new(store, funcref_table(3, None), Val::FuncRef(None)).unwrap();
    (memory, table)
}

#[test]
fn active_segments_are_written_in_order() {
    let mut store = new_store();
    let (memory, table) = targets(&mut store);
    let mut d = segments(&store);
    let (f, g) = (d.func(&[], &[]), d.func(&[], &[]));
    d.elements(Some((0, 0)), &[f, f]);
    d.elements(Some((0, 1)), &[g]);
    d.elements(Some((0, 3)), &[]);
    d.data(Some((0, 65_533)), b"abc");
    d.data(None, b"unused");
    d.data(Some((0, 65_534)), b"X");
    d.data(Some((0, 65_536)), b"");
    let module = d.module();
    let instance = store.instantiate(&module, &[Extern::Memory(memory), Extern::Table(table)]).unwrap();
    assert_eq!(&memory.data(&store)[65_533..], b"aXc");
    for (i, expected) in [(0, Some(f)), (1, Some(g)), (2, None)] {
        let expected = expected.map(|f| instance.func(&mut store, FuncIndex(f)).unwrap());
        assert!(matches!(table.get(&store, i), Some(Val::FuncRef(found)) if found == expected), "{i}");
    }
}

#[test]
fn a_segment_out_of_bounds_leaves_what_was_written_before() {
    let mut store = new_store();
    let (memory, table) = targets(&mut store);
    let imports = [Extern::Memory(memory), Extern::Table(table)];
    let mut d = segments(&store);
    let f = d.func(&[ValType::F32], &[]);
    d.elements(Some((0, 0)), &[f]);
    d.data(Some((0, 0)), b"first");
    d.data(Some((0, 65_535)), b"no");
    d.data(Some((0, 8)), b"later");
    let module = d.module();
    let weak = Arc::downgrade(&module);
    assert!(matches!(
        store.instantiate(&module, &imports),
        Err(InstantiateError::Trap(TrapCode::MemoryOutOfBounds))
    ));
    assert_eq!(&memory.data(&store)[..13], b"first\0\0\0\0\0\0\0\0");
    assert_eq!(memory.data(&store)[65_535], 0);
    drop(module);
    let Some(Val::FuncRef(Some(left))) = table.get(&store, 0) else { panic!() };
    assert_eq!(left.ty(&store).params[..], [ValType::F32]);
    let error = left.call(&mut store, &[Val::F32(0)], &mut []).unwrap_err();
    assert!(format!("{error:?}").contains("there is no compiler here"), "it could be called: {error:?}");

    let mut d = segments(&store);
    let f = d.func(&[], &[]);
    d.elements(Some((0, 1)), &[f]);
    d.elements(Some((0, -1)), &[f]);
    d.data(Some((0, 0)), b"never");
    let module = d.module();
    let trap = store.instantiate(&module, &imports);
    assert!(matches!(trap, Err(InstantiateError::Trap(TrapCode::TableOutOfBounds))));
    assert!(matches!(table.get(&store, 1), Some(Val::FuncRef(Some(_)))));
    assert_eq!(memory.data(&store)[0], b'f');
    assert!(weak.upgrade().is_some(), "the store keeps what was instantiated");
    drop(store);
    assert!(weak.upgrade().is_none(), "and nothing else does");
}

#[test]
fn a_truncated_file_is_an_error() {
    let mut store = new_store();
    for active in [Some((0, 0)), None] {
        let mut d = Describe::new(&store);
        d.memory(memory32(1, None));
        d.data(active, b"bytes");
        d.file.truncate(3);
        let error = store.instantiate(&d.module(), &[]).unwrap_err();
        assert_eq!(error.to_string(), "data segment 0: the file was truncated");
    }
}

#[test]
fn expressions_and_initial_elements_fill_tables() {
    use ConstOp::*;
    let mut store = new_store();
    let mut d = Describe::new(&store);
    let f = d.func(&[], &[]);
    let t = d.table(funcref_table(4, None));
    d.desc.table_inits.push(Some(ConstExpr(vec![RefFunc(f)])));
    let items = ElementItems::Expressions(vec![ConstExpr(vec![RefNull]), ConstExpr(vec![RefFunc(f)])]);
    let mode = ElementMode::Active { table: t, offset: constant(1) };
    d.desc.elements.push(ElementSegment { mode, ty: RefType::FUNCREF, items });
    d.export("t", Item::Table(t));
    d.desc.start = Some(FuncIndex(f));
    let instance = store.instantiate(&d.module(), &[]).unwrap();
    let table = table_of(instance.get_export(&mut store, "t"));
    let nulls = (0..4).map(|i| matches!(table.get(&store, i), Some(Val::FuncRef(None)))).collect::<Vec<_>>();
    assert_eq!(nulls, [false, true, false, false]);
    let start = instance.start_func(&mut store);
    assert!(matches!(table.get(&store, 3), Some(Val::FuncRef(f)) if f == start));
}

#[test]
fn limits_of_the_store_hold_for_instances() {
    let mut store = new_store();
    store.limits_mut().max_instances = 1;
    let module = Describe::new(&store).module();
    store.instantiate(&module, &[]).unwrap();
    assert_eq!(store.instantiate(&module, &[]).unwrap_err().to_string(), "more than 1 instances");
    store.limits_mut().max_instances = 9;
    store.limits_mut().max_table_elements = 2;
    let mut d = Describe::new(&store);
    d.table(funcref_table(3, None));
    d.memory(memory32(1, None));
    let module = d.module();
    let error = store.instantiate(&module, &[]).unwrap_err();
    assert_eq!(error.to_string(), "table of 3 elements: more than the store's limit");
    store.limits_mut().max_table_elements = 3;
    store.limits_mut().max_tables = 0;
    assert_eq!(store.instantiate(&module, &[]).unwrap_err().to_string(), "more than 0 tables");
    store.limits_mut().max_memories = 0;
    assert_eq!(store.instantiate(&module, &[]).unwrap_err().to_string(), "more than 0 memories");
}

fn maps() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

#[test]
fn ten_thousand_instances_leave_nothing_behind() {
    let types = Arc::new(TypeRegistry::new());
    let mut d = Describe::new(&*Store::new(types.clone(), 0u32));
    d.memory(memory32(1, None));
    d.table(funcref_table(10, None));
    let f = d.func(&[], &[]);
    d.elements(Some((0, 0)), &[f]);
    d.data(Some((0, 1000)), b"data");
    let module = d.module();
    let once = || {
        let mut store = Store::new(types.clone(), 0u32);
        let host = Func::new_host(&mut store, FuncType::new([], []), HostFn::new(|_| Ok(()))).unwrap();
        store.instantiate(&module, &[]).unwrap();
        assert_eq!(host.ty(&store).params.len(), 0);
    };
    once();
    let before = maps();
    (0..10_000).for_each(|_| once());
    // Other tests run meanwhile and have maps of their own, though never thousands.
    assert!(maps() < before + 500, "{before} maps before, {} after", maps());
}
