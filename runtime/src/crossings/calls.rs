//! What crosses arrives: arguments, results, first calls, nested calls.

use super::guest::{CALL_THROUGH, CALL_THROUGH_32, Guest, Host, assembly, integers, place};
use crate::abi::{CallLayout, Controller, FuncIndex, Loc, ResolveFailure, TrapCode};
use crate::code_memory::{CodeAddr, ModuleCode};
use crate::entry::Registers;
use crate::exit::{HostFrame, HostHead, run_host};
use crate::trap::UnwindReason;
use crate::types::{FuncType, ValType};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// Five integers, six floats and two vectors in registers; an integer, a float and a vector on the stack. Results in
/// all registers.
fn everything() -> FuncType {
    use ValType::{F64, I64, V128};
    let params = [&[I64; 5][..], &[F64, V128, F64, F64, F64, V128, F64, F64], &[I64, F64, V128]].concat();
    FuncType::new(params, [&[I64; 8][..], &[V128; 8]].concat())
}

fn argument(i: usize) -> u128 {
    (i as u128 + 1) * 0x0101_0101_0101_0101_0101_0101_0101_0101
}

fn result(i: usize) -> u128 {
    !argument(i)
}

unsafe extern "C" fn takes_everything(context: *mut HostHead, frame: *mut HostFrame) -> bool {
    let ty = everything();
    // SAFETY: these are the arguments of a host function.
    unsafe {
        run_host(context, frame, |values| {
            for (i, ty) in ty.params.iter().enumerate() {
                assert_eq!(values.arg(i), argument(i) as u64, "parameter {i}");
                if *ty == ValType::V128 {
                    assert_eq!(values.arg_v128(i), argument(i), "parameter {i}");
                }
            }
            for (i, ty) in ty.results.iter().enumerate() {
                let bits = if *ty == ValType::V128 { result(i) } else { result(i) as u64 as u128 };
                values.set_result(i, bits);
            }
            Ok(())
        })
    }
}

/// Calls `code` with everything and checks what comes back.
fn call_with_everything(guest: &mut Guest, code: usize) {
    let ty = everything();
    let layout = CallLayout::new(&ty);
    assert_eq!((layout.stack_bytes, layout.result_area_bytes), (32, 0));
    let mut regs = Registers::new(true);
    let mut stack = [0; 4];
    regs.set_gpr(0, guest.vmctx() as u64);
    for (i, loc) in layout.params.iter().enumerate() {
        match *loc {
            Loc::Gpr(n) => regs.set_gpr(n.into(), argument(i) as u64),
            Loc::Fpr(n) => regs.set_fpr(n.into(), argument(i)),
            Loc::Mem(at) => {
                stack[at as usize / 8] = argument(i) as u64;
                if ty.params[i] == ValType::V128 {
                    stack[at as usize / 8 + 1] = (argument(i) >> 64) as u64;
                }
            }
        }
    }
    guest.call_with(code, &mut regs, &stack).unwrap();
    for (i, loc) in layout.results.iter().enumerate() {
        match *loc {
            Loc::Gpr(n) => assert_eq!(regs.gpr(n.into()), result(i) as u64, "result {i}"),
            Loc::Fpr(n) => assert_eq!(regs.fpr(n.into()), result(i), "result {i}"),
            Loc::Mem(_) => unreachable!("results travel in registers"),
        }
    }
}

#[test]
fn arguments_and_results_cross_both_boundaries() {
    let mut guest = Guest::with_code(&[CALL_THROUGH_32]);
    guest.set_host_callee(everything(), takes_everything);
    for _ in 0..3 {
        let code = guest.code.entry_point(FuncIndex(0));
        call_with_everything(&mut guest, code);
    }
}

#[test]
fn results_that_do_not_fit_in_registers_go_through_memory() {
    unsafe extern "C" fn nine(context: *mut HostHead, frame: *mut HostFrame) -> bool {
        // SAFETY: these are the arguments of a host function.
        unsafe {
            run_host(context, frame, |values| {
                // What is not set is zero.
                (0..8).for_each(|i| values.set_result(i, (values.arg(0) + i as u64).into()));
                Ok(())
            })
        }
    }
    let mut guest = Guest::with_code(&[]);
    let (code, context) = guest.set_host_callee(integers(1, 9), nine);
    let mut area = [u128::MAX; 9];
    let mut regs = Registers::new(false);
    regs.set_gpr(0, context as u64);
    regs.set_gpr(1, area.as_mut_ptr() as u64);
    regs.set_gpr(2, 100);
    guest.call_with(code, &mut regs, &[]).unwrap();
    assert_eq!(area, [100, 101, 102, 103, 104, 105, 106, 107, 0]);
}

/// Compiles function 0 of a module on its first call.
#[derive(Default)]
struct FirstCalls {
    code: OnceLock<Arc<ModuleCode>>,
    calls: AtomicU32,
}

impl Controller for FirstCalls {
    fn resolve(&self, function: FuncIndex) -> Result<CodeAddr, ResolveFailure> {
        match self.calls.fetch_add(1, Ordering::Relaxed) {
            1 => Err(ResolveFailure("the second call fails".into())),
            2 => panic!("the third call panics"),
            _ => {
                // SAFETY: writes registers that the C convention lets every function write.
                unsafe {
                    std::arch::asm!(
                        "xorps xmm0, xmm0",
                        "xorps xmm1, xmm1",
                        "xorps xmm2, xmm2",
                        "xorps xmm3, xmm3",
                        "xorps xmm4, xmm4",
                        "xorps xmm5, xmm5",
                        "xorps xmm6, xmm6",
                        "xorps xmm7, xmm7",
                        "xor ecx, ecx",
                        "xor edx, edx",
                        "xor esi, esi",
                        "xor edi, edi",
                        "xor r8, r8",
                        "xor r9, r9",
                        clobber_abi("C"),
                    );
                }
                let code = &self.code.get().unwrap();
                let at = place(code, function.0, CALL_THROUGH_32.0, TrapCode::Unreachable);
                code.redirect(function, at);
                Ok(at)
            }
        }
    }
}

#[test]
fn a_first_call_keeps_every_argument_and_the_next_goes_straight() {
    let controller = FirstCalls::default();
    let mut guest = Guest::new(1, &controller);
    guest.set_host_callee(everything(), takes_everything);
    controller.code.set(guest.code.clone()).unwrap();
    for _ in 0..2 {
        let code = guest.code.entry_point(FuncIndex(0));
        call_with_everything(&mut guest, code);
        assert_eq!(controller.calls.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn a_first_call_that_fails_is_a_trap_there() {
    let controller = FirstCalls { calls: AtomicU32::new(1), ..FirstCalls::default() };
    let mut guest = Guest::new(2, &controller);
    let at = place(&guest.code, 0, CALL_THROUGH.0, TrapCode::Unreachable);
    guest.code.redirect(FuncIndex(0), at);
    guest.set_callee(1);
    for words in ["the second call fails", "the compiler panicked: the third call panics"] {
        let unwind = guest.call(0, &[]).unwrap_err();
        let UnwindReason::Trap { code: TrapCode::CompileFailed, message: Some(message) } = &unwind.reason
        else {
            panic!("{unwind:?}")
        };
        assert_eq!(message, words);
        assert_eq!(unwind.backtrace.iter().map(|f| f.function).collect::<Vec<_>>(), [FuncIndex(0)]);
    }
    assert!(guest.code.current(FuncIndex(1)).is_none());
}

/// Calls the guest's function 1, which traps, from inside its function 0.
unsafe extern "C" fn calls_back(context: *mut HostHead, frame: *mut HostFrame) -> bool {
    // SAFETY: these are the arguments of a host function, whose guest lives while it runs.
    unsafe {
        run_host(context, frame, |values| {
            let limit = || (*(*context).header.store).stack_limit.load(Ordering::Relaxed);
            let before = (crate::backtrace::capture_backtrace(), limit());
            let unwind = (*(*context.cast::<Host>()).data).call(1, &[]).unwrap_err();
            let frames: Vec<_> = unwind.backtrace.iter().map(|f| f.function.0).collect();
            assert_eq!(frames, [1, 0], "both calls into Wasm, innermost first");
            assert_eq!((crate::backtrace::capture_backtrace(), limit()), before);
            values.set_result(0, (values.arg(0) + 1).into());
            Ok(())
        })
    }
}

assembly! { traps: "push rbp", "mov rbp, rsp", "ud2"; }

#[test]
fn a_trap_ends_the_innermost_call_only() {
    let mut guest = Guest::with_code(&[CALL_THROUGH, (traps, TrapCode::IntegerOverflow)]);
    guest.set_host_callee(integers(1, 1), calls_back);
    for i in 0..3 {
        assert_eq!(guest.call(0, &[i]).unwrap(), i + 1);
        assert!(crate::backtrace::capture_backtrace().is_empty());
    }
}

/// Calls a function that traps of a guest of its own.
unsafe extern "C" fn calls_another_store(context: *mut HostHead, frame: *mut HostFrame) -> bool {
    // SAFETY: these are the arguments of a host function, whose guest lives while it runs.
    unsafe {
        run_host(context, frame, |_| {
            let outside = (*(*context.cast::<Host>()).data).code.token();
            let mut guest = Guest::with_code(&[(traps, TrapCode::Unreachable)]);
            let unwind = guest.call(0, &[]).unwrap_err();
            let modules: Vec<_> = unwind.backtrace.iter().map(|f| f.module).collect();
            assert_eq!(modules, [guest.code.token(), outside]);
            Ok(())
        })
    }
}

#[test]
fn a_backtrace_goes_through_all_stores_of_the_thread() {
    let mut guest = Guest::with_code(&[CALL_THROUGH]);
    guest.set_host_callee(integers(0, 0), calls_another_store);
    guest.call(0, &[]).unwrap();
}
