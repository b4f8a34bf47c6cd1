//! Calls of host functions by the host, through their entry point and the way out of Wasm; and by code that stands
//! in for compiled functions.

use super::*;
use crate::code_memory::ModuleCode;
use crate::func::{CallError, Func};
use crate::host::{HostCall, HostFn};
use crate::instance::Instance;
use crate::registry::CodeRecord;
use crate::trap::UnwindReason;
use crate::types::{GlobalType, HeapType};
use crate::value::Val;

const ALL: [ValType; 7] = [
    ValType::I32,
    ValType::I64,
    ValType::F32,
    ValType::F64,
    ValType::V128,
    ValType::FUNCREF,
    ValType::EXTERNREF,
];

fn host(
    store: &mut Store<u32>,
    params: impl IntoIterator<Item = ValType>,
    results: impl IntoIterator<Item = ValType>,
    f: impl Fn(&mut HostCall<'_, u32>) -> Result<(), crate::trap::HostFailure> + Send + Sync + 'static,
) -> Func {
    Func::new_host(store, FuncType::new(params, results), HostFn::new(f)).unwrap()
}

/// A value that is different for each `n`.
fn sample(store: &mut Store<u32>, f: Func, ty: ValType, n: u64) -> Val {
    let bits = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits),
        ValType::V128 => Val::V128(u128::from(bits) << 64 | u128::from(!bits)),
        ValType::FUNCREF => Val::FuncRef((n & 3 != 0).then_some(f)),
        _ => Val::ExternRef((n & 3 != 0).then(|| store.extern_ref(Box::new(n)))),
    }
}

#[test]
fn values_of_all_types_arrive_and_return() {
    let mut store = new_store();
    let f = host(&mut store, [], [], |_| Ok(()));
    for count in 0..40u64 {
        let types: Vec<ValType> = (0..count).map(|i| ALL[((i * i + count) % 7) as usize]).collect();
        let echo = host(&mut store, types.clone(), types.iter().rev().copied(), move |call| {
            for i in 0..count as usize {
                call.set_val(count as usize - 1 - i, call.val(i));
            }
            Ok(())
        });
        let params: Vec<Val> = (0..).zip(&types).map(|(n, ty)| sample(&mut store, f, *ty, n)).collect();
        let mut results = vec![Val::I32(0); params.len()];
        echo.call(&mut store, &params, &mut results).unwrap();
        results.reverse();
        assert_eq!(format!("{params:?}"), format!("{results:?}"));
    }
}

#[test]
fn unset_results_are_zero_or_null() {
    let mut store = new_store();
    let none = host(&mut store, [], ALL.into_iter().chain(ALL).chain(ALL), |_| Ok(()));
    let mut results = vec![Val::I32(1); 21];
    none.call(&mut store, &[], &mut results).unwrap();
    let zeros: Vec<Val> = ALL.into_iter().chain(ALL).chain(ALL).map(Val::default_of).collect();
    assert_eq!(format!("{results:?}"), format!("{zeros:?}"));
    let few = host(&mut store, [], [ValType::FUNCREF, ValType::F64], |_| Ok(()));
    assert!(matches!(
        few.typed::<(), (Option<Func>, f64)>(&store).unwrap().call(&mut store, ()),
        Ok((None, 0.0))
    ));
}

#[test]
fn typed_calls_place_values_as_untyped_ones() {
    type Many = (i32, f32, u64, f64, u128, i64, Option<Func>, u32, f32, f64, f64, f32, u128, i32, u128, f64);
    let mut store = new_store();
    let types = <Many as crate::typed::WasmParams>::TYPES.iter().copied();
    let reverse = host(&mut store, types.clone(), types.clone(), |call| {
        (0..16).for_each(|i| call.set_val(i, call.val(i)));
        Ok(())
    });
    let typed = reverse.typed::<Many, Many>(&store).unwrap();
    let many: Many =
        (-1, 1.5, 2, 2.5, 3 << 70, -4, Some(reverse), 5, 6.0, 7.0, 8.0, 9.0, 10 << 80, 11, 12, 13.0);
    let same = typed.call(&mut store, many).unwrap();
    let text = |(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p): Many| {
        format!("{:?} {:?}", (a, b, c, d, e, f, g, h), (i, j, k, l, m, n, o, p))
    };
    assert_eq!(text(same), text(many));

    let sum = host(&mut store, [ValType::I32; 12], [ValType::I32, ValType::I64], |call| {
        let sum = (0..12).map(|i| call.arg::<i32>(i) * (i as i32 + 1)).sum::<i32>();
        call.set_result(0, sum);
        call.set_result(1, -1i64);
        Ok(())
    });
    type Twelve = (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32);
    let typed = sum.typed::<Twelve, (u32, i64)>(&store).unwrap();
    assert_eq!(typed.call(&mut store, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)).unwrap(), (650, -1));
    sum.typed::<Twelve, i32>(&store).unwrap_err();
    let error = sum.typed::<(i32, i32), (u32, i64)>(&store).unwrap_err().to_string();
    assert!(
        error.starts_with("type mismatch: expected (func (param i32 i32) (result i32 i64)), found (func ")
    );
}

#[test]
fn arguments_are_checked_before_the_call() {
    let mut store = new_store();
    let f = host(&mut store, [ValType::I32], [ValType::I32], |_| panic!("not to be called"));
    let mut one = [Val::I32(0)];
    for (params, results) in [
        (&[][..], &mut one[..]),
        (&[Val::I64(0)], &mut [Val::I32(0)]),
        (&[Val::I32(0), Val::I32(0)], &mut [Val::I32(0)]),
        (&[Val::I32(0)], &mut []),
    ] {
        let error = f.call(&mut store, params, results).unwrap_err();
        assert!(matches!(error, CallError::Type(e) if e.to_string().starts_with("type mismatch: ")));
    }
}

#[test]
fn a_host_function_uses_the_store_and_calls_back() {
    let mut store = new_store();
    *store.data_mut() = 5;
    let inner = host(&mut store, [ValType::I32], [ValType::I32], |call| {
        *call.store().data_mut() += 1;
        call.set_result(0, call.arg::<i32>(0) * 2);
        Ok(())
    });
    let outer = host(&mut store, [ValType::FUNCREF, ValType::I32], [ValType::I32], |call| {
        let (f, n) = (call.arg::<Option<Func>>(0).expect("not null"), call.arg::<i32>(1));
        let store = call.store();
        let typed = f.typed::<i32, i32>(store).unwrap();
        let doubled = typed.call(store, n).unwrap() + typed.call(store, n + 1).unwrap();
        let ty = GlobalType { content: ValType::I32, mutable: true };
        let global = crate::global::Global::new(store, ty, Val::I32(doubled)).unwrap();
        let result = global.get(store);
        assert!(call.caller_instance().is_none());
        assert_eq!(call.arg::<i32>(1), n, "arguments stay");
        call.set_val(0, result);
        Ok(())
    });
    let typed = outer.typed::<(Option<Func>, i32), i32>(&store).unwrap();
    assert_eq!(typed.call(&mut store, (Some(inner), 10)).unwrap(), 42);
    assert_eq!(*store.data(), 7);
}

#[test]
fn failures_and_panics_end_the_call() {
    let mut store = new_store();
    let fails = host(&mut store, [], [], |_| Err(Box::new("why")));
    let panics = host(&mut store, [], [], |call| {
        call.arg::<i32>(0);
        Ok(())
    });
    let wrong = host(&mut store, [], [ValType::FUNCREF], |call| {
        call.set_result(0, 4096i64);
        Ok(())
    });
    let reason = |store: &mut Store<u32>, f: Func, results: &mut [Val]| match f.call(store, &[], results) {
        Err(CallError::Unwind(unwind)) => unwind.reason,
        other => panic!("{other:?}"),
    };
    let UnwindReason::Host(failure) = reason(&mut store, fails, &mut []) else { panic!() };
    assert_eq!(failure.downcast_ref(), Some(&"why"));
    assert!(matches!(reason(&mut store, panics, &mut []), UnwindReason::Panic(_)));
    assert!(matches!(reason(&mut store, wrong, &mut [Val::I32(0)]), UnwindReason::Panic(_)));
    let UnwindReason::Host(_) = reason(&mut store, fails, &mut []) else { panic!("the store goes on") };
}

/// Gives a defined function machine code.
fn install(module: &Module, function: u32, code: &[u8]) {
    let memory: &ModuleCode = module.code();
    let mut alloc = memory.allocate(code.len()).unwrap();
    alloc.working()[..code.len()].copy_from_slice(code);
    let function = FuncIndex(function);
    let record = CodeRecord {
        function,
        tier: "test",
        sites: Box::default(),
        handlers: Box::default(),
        body_offset: 0,
    };
    let code = alloc.finalize(record).unwrap();
    memory.redirect(function, code.address());
}

/// `mov rax, [vmctx + import.slot]; mov rdi, [vmctx + import.vmctx]; jmp [rax]`: calls import 0 as a tail call.
fn call_import(module: &Module) -> Vec<u8> {
    let at = module.layout().func_import(0);
    let mut code = vec![0x48, 0x8b, 0x87];
    code.extend(at.to_le_bytes());
    code.extend([0x48, 0x8b, 0xbf]);
    code.extend((at + 8).to_le_bytes());
    code.extend([0xff, 0x20]);
    code
}

/// Calls element 0 of table 0, in a frame of its own.
fn call_element(module: &Module) -> Vec<u8> {
    let mut code = vec![0x55, 0x48, 0x89, 0xe5]; // push rbp; mov rbp, rsp
    code.extend([0x4c, 0x8b, 0x97]); // mov r10, [rdi + table]
    code.extend(module.layout().table(0).to_le_bytes());
    code.extend([0x4d, 0x8b, 0x12]); // mov r10, [r10]: element 0's address
    code.extend([0x4d, 0x8b, 0x12]); // mov r10, [r10]: the record
    code.extend([0x49, 0x8b, 0x7a, 8]); // mov rdi, [r10 + 8]: its vmctx
    code.extend([0x4d, 0x8b, 0x12]); // mov r10, [r10]: its slot
    code.extend([0x41, 0xff, 0x12]); // call [r10]
    code.extend([0x5d, 0xc3]); // pop rbp; ret
    code
}

fn caller(store: &mut Store<u32>, module: &Arc<Module>, who: Func) -> Instance {
    store.instantiate(module, &[Extern::Func(who)]).unwrap()
}

#[test]
fn a_host_function_knows_its_caller() {
    let mut store = new_store();
    let seen = Arc::new(std::sync::Mutex::new(None));
    let sees = seen.clone();
    let who = host(&mut store, [], [], move |call| {
        *sees.lock().unwrap() = call.caller_instance();
        Ok(())
    });
    let mut d = Describe::new(&store);
    let import = d.func(&[], &[]);
    d.import("who", Item::Func(import));
    let (direct, indirect) = (d.func(&[], &[]), d.func(&[], &[]));
    d.table(funcref_table(1, None));
    d.elements(Some((0, 0)), &[import]);
    d.export("direct", Item::Func(direct));
    d.export("indirect", Item::Func(indirect));
    d.export("import", Item::Func(import));
    let module = d.module();
    install(&module, direct, &call_import(&module));
    install(&module, indirect, &call_element(&module));
    let call = |store: &mut Store<u32>, instance: Instance, name: &str| {
        let f = func_of(instance.get_export(store, name));
        f.call(store, &[], &mut []).unwrap();
        seen.lock().unwrap().take()
    };
    let one = caller(&mut store, &module, who);
    assert_eq!(call(&mut store, one, "direct"), Some(one));
    assert_eq!(call(&mut store, one, "indirect"), Some(one), "the only instance of its module");
    assert_eq!(func_of(one.get_export(&mut store, "import")), who, "an import keeps its identity");
    assert_eq!(call(&mut store, one, "import"), None, "called by the host");
    let two = caller(&mut store, &module, who);
    assert_eq!(call(&mut store, one, "direct"), Some(one));
    assert_eq!(call(&mut store, two, "direct"), Some(two));
    assert_eq!(call(&mut store, two, "indirect"), None, "either of two");
}

#[test]
fn a_null_is_no_value_of_a_type_without_null() {
    let mut store = new_store();
    let never_null = ValType::Ref(crate::types::RefType { nullable: false, heap: HeapType::Func });
    let takes = host(&mut store, [never_null], [], |call| {
        call.arg::<Func>(0);
        Ok(())
    });
    takes.call(&mut store, &[Val::FuncRef(None)], &mut []).unwrap_err();
    takes.call(&mut store, &[Val::FuncRef(Some(takes))], &mut []).unwrap();
    takes.typed::<Option<Func>, ()>(&store).unwrap_err();
    takes.typed::<Func, ()>(&store).unwrap().call(&mut store, takes).unwrap();
    let gives = host(&mut store, [], [never_null], |_| Ok(()));
    let unset = gives.call(&mut store, &[], &mut [Val::I32(0)]);
    assert!(matches!(unset, Err(CallError::Unwind(_))), "the result was not set");
}
