//! Traps, failures and panics: the reason and the frames that they end with.

use super::guest::{CALL_THROUGH, FIRST_SITE, Guest, assembly, body_offset, in_a_process, integers};
use crate::abi::{FuncIndex, TrapCode};
use crate::backtrace::{RawFrame, capture_backtrace};
use crate::exit::{HostFrame, HostHead, run_host};
use crate::trap::{Unwind, UnwindReason, panic_text};
use std::os::unix::process::ExitStatusExt;

assembly! {
    /// `unreachable`.
    unreachable: "push rbp", "mov rbp, rsp", "sub rsp, 24", "ud2";
    /// Loads from its first argument.
    load: "push rbp", "mov rbp, rsp", "mov rax, [rsi]", "pop rbp", "ret";
    /// Divides by its first argument.
    divide: "push rbp", "mov rbp, rsp", "mov eax, 42", "cqo", "idiv rsi", "pop rbp", "ret";
    /// A trap that no site tells of.
    privileged: "push rbp", "mov rbp, rsp", "hlt";
}

/// Function 0 calls function 1.
fn guest_that_calls(function: extern "C" fn(), code: TrapCode) -> Box<Guest> {
    let mut guest = Guest::with_code(&[CALL_THROUGH, (function, code)]);
    guest.set_callee(1);
    guest
}

fn trap_code(unwind: &Unwind) -> TrapCode {
    match &unwind.reason {
        UnwindReason::Trap { code, message: None } => *code,
        other => panic!("{other:?}"),
    }
}

fn frame(guest: &Guest, index: u32) -> RawFrame {
    let body_offset = body_offset(index);
    RawFrame { module: guest.code.token(), function: FuncIndex(index), body_offset, wasm_offset: FIRST_SITE }
}

#[test]
fn a_trap_tells_its_code_and_frames() {
    let mut guest = guest_that_calls(unreachable, TrapCode::Unreachable);
    for _ in 0..3 {
        let unwind = guest.call(0, &[]).unwrap_err();
        assert_eq!(trap_code(&unwind), TrapCode::Unreachable);
        assert_eq!(unwind.backtrace, [frame(&guest, 1), frame(&guest, 0)]);
    }
}

#[test]
fn faults_with_a_site_are_traps() {
    let mut guest = guest_that_calls(load, TrapCode::MemoryOutOfBounds);
    let number = 7u64;
    assert_eq!(guest.call(0, &[&raw const number as u64]).unwrap(), 7);
    // A page that is not there, and an address that no page can have.
    for address in [0, 1 << 63] {
        assert_eq!(trap_code(&guest.call(0, &[address]).unwrap_err()), TrapCode::MemoryOutOfBounds);
    }
    let mut guest = guest_that_calls(divide, TrapCode::IntegerDivisionByZero);
    assert_eq!(guest.call(0, &[2]).unwrap(), 21);
    assert_eq!(trap_code(&guest.call(0, &[0]).unwrap_err()), TrapCode::IntegerDivisionByZero);
}

#[test]
fn threads_trap_side_by_side() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut guest = guest_that_calls(load, TrapCode::MemoryOutOfBounds);
                for _ in 0..200 {
                    assert_eq!(trap_code(&guest.call(0, &[0]).unwrap_err()), TrapCode::MemoryOutOfBounds);
                }
            });
        }
    });
}

/// Fails if its argument is 0, panics if it is 1.
unsafe extern "C" fn fails(context: *mut HostHead, frame: *mut HostFrame) -> bool {
    // SAFETY: these are the arguments of a host function.
    unsafe {
        run_host(context, frame, |values| match values.arg(0) {
            0 => Err(UnwindReason::Host(Box::new(capture_backtrace()))),
            1 => panic!("one is {}", "too many"),
            n => {
                values.set_result(0, n.into());
                Ok(())
            }
        })
    }
}

#[test]
fn failures_and_panics_of_host_functions_arrive() {
    let mut guest = Guest::with_code(&[CALL_THROUGH]);
    guest.set_host_callee(integers(1, 1), fails);
    for _ in 0..2 {
        let unwind = guest.call(0, &[0]).unwrap_err();
        assert_eq!(unwind.backtrace, [frame(&guest, 0)]);
        let UnwindReason::Host(failure) = unwind.reason else { panic!("{unwind:?}") };
        assert_eq!(*failure.downcast::<Vec<RawFrame>>().unwrap(), unwind.backtrace);

        let unwind = guest.call(0, &[1]).unwrap_err();
        assert_eq!(unwind.backtrace, [frame(&guest, 0)]);
        let UnwindReason::Panic(payload) = unwind.reason else { panic!("{unwind:?}") };
        assert_eq!(panic_text(&*payload), "one is too many");

        assert_eq!(guest.call(0, &[2]).unwrap(), 2);
    }
}

/// Makes traps work in this process.
fn trap_once() {
    let mut guest = guest_that_calls(load, TrapCode::MemoryOutOfBounds);
    assert_eq!(trap_code(&guest.call(0, &[0]).unwrap_err()), TrapCode::MemoryOutOfBounds);
}

/// Installs a handler as a host would that knows nothing of us.
fn install(signal: libc::c_int, handler: usize, flags: libc::c_int) {
    // SAFETY: zeros are a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    (action.sa_sigaction, action.sa_flags) = (handler, flags);
    // SAFETY: the handlers of these tests only end the process.
    assert_eq!(unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) }, 0);
}

fn fault() {
    // SAFETY: it is not: the test is what happens then.
    unsafe { std::arch::asm!("mov rax, [rax]", inout("rax") 0usize => _) };
}

#[test]
fn faults_of_others_reach_the_handler_before_us() {
    extern "C" fn three(_: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        // SAFETY: ends the process.
        unsafe { libc::_exit(if info.is_null() || context.is_null() { 1 } else { 43 }) };
    }
    let status = in_a_process(module_path!(), "faults_of_others_reach_the_handler_before_us", || {
        install(libc::SIGSEGV, three as *const () as usize, libc::SA_SIGINFO);
        trap_once();
        fault();
    });
    assert!(status.is_none_or(|status| status.code() == Some(43)), "{status:?}");
}

#[test]
fn signals_that_are_sent_reach_the_handler_before_us() {
    extern "C" fn one(signal: libc::c_int) {
        // SAFETY: ends the process.
        unsafe { libc::_exit(100 + signal) };
    }
    let status = in_a_process(module_path!(), "signals_that_are_sent_reach_the_handler_before_us", || {
        install(libc::SIGFPE, one as *const () as usize, 0);
        install(libc::SIGILL, libc::SIG_IGN, 0);
        trap_once();
        // SAFETY: the handlers are those above.
        unsafe { libc::raise(libc::SIGILL) };
        assert!(guest_that_calls(unreachable, TrapCode::Unreachable).call(0, &[]).is_err());
        // SAFETY: the same.
        unsafe { libc::raise(libc::SIGFPE) };
    });
    assert!(status.is_none_or(|status| status.code() == Some(100 + libc::SIGFPE)), "{status:?}");
}

#[test]
fn faults_that_no_one_handles_end_the_process() {
    let status = in_a_process(module_path!(), "faults_that_no_one_handles_end_the_process", || {
        install(libc::SIGSEGV, libc::SIG_DFL, 0);
        trap_once();
        fault();
    });
    assert!(status.is_none_or(|status| status.signal() == Some(libc::SIGSEGV)), "{status:?}");
}

#[test]
fn a_fault_of_wasm_code_without_a_site_is_none_of_ours() {
    let status = in_a_process(module_path!(), "a_fault_of_wasm_code_without_a_site_is_none_of_ours", || {
        install(libc::SIGSEGV, libc::SIG_DFL, 0);
        let _ = guest_that_calls(privileged, TrapCode::Unreachable).call(0, &[]);
    });
    assert!(status.is_none_or(|status| status.signal() == Some(libc::SIGSEGV)), "{status:?}");
}
