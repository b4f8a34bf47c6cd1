//! The stack limit: where it is, and what happens there.

use super::guest::{CALL_THROUGH, FIRST_SITE, Guest, MAX_STACK, assembly, in_a_process, integers};
use crate::abi::TrapCode;
use crate::entry::HOST_STACK_BYTES;
use crate::exit::{HostFrame, HostHead, run_host};
use crate::trap::{Unwind, UnwindReason};
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::thread;

assembly! {
    /// Calls itself until the stack limit, which the store holds.
    recurse:
        "3:", "push rbp", "mov rbp, rsp",
        "mov rax, [rdi]", "cmp rsp, [rax]", "jb 2f",
        "call 3b",
        "pop rbp", "ret",
        "2:", "ud2";
}

fn is_overflow(unwind: &Unwind) -> bool {
    matches!(&unwind.reason, UnwindReason::Trap { code: TrapCode::StackOverflow, message: None })
}

fn on_a_stack_of<R: Send + 'static>(bytes: usize, f: impl FnOnce() -> R + Send + 'static) -> R {
    thread::Builder::new().stack_size(bytes).spawn(f).unwrap().join().unwrap()
}

/// Where no stack of another thread lies about: the system would take it for a smaller one.
fn in_a_fresh_process(test: &str, f: impl FnOnce()) -> Option<ExitStatus> {
    in_a_process(module_path!(), test, f)
}

/// Returns how far the stack limit is below the host function, in bytes.
unsafe extern "C" fn distance(context: *mut HostHead, frame: *mut HostFrame) -> bool {
    // SAFETY: these are the arguments of a host function.
    unsafe {
        run_host(context, frame, |values| {
            let limit = (*(*context).header.store).stack_limit.load(Ordering::Relaxed);
            values.set_result(0, (frame as usize - limit) as u128);
            Ok(())
        })
    }
}

#[test]
fn wasm_gets_what_it_may_have_and_what_the_thread_can_give() {
    let left = |stack| {
        on_a_stack_of(stack, || {
            let mut guest = Guest::with_code(&[CALL_THROUGH]);
            guest.set_host_callee(integers(0, 1), distance);
            guest.call(0, &[]).unwrap() as usize
        })
    };
    let near = |bytes: usize, expected: usize| bytes < expected && bytes + (64 << 10) > expected;
    let status = in_a_fresh_process("wasm_gets_what_it_may_have_and_what_the_thread_can_give", || {
        assert!(near(left(HOST_STACK_BYTES + (256 << 10)), 256 << 10));
        assert!(near(left(8 << 20), MAX_STACK));
    });
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
}

#[test]
fn recursion_ends_in_a_trap() {
    for bytes in [8 << 20, HOST_STACK_BYTES + (64 << 10)] {
        on_a_stack_of(bytes, || {
            let mut guest = Guest::with_code(&[(recurse, TrapCode::StackOverflow)]);
            for _ in 0..3 {
                let unwind = guest.call(0, &[]).unwrap_err();
                assert!(is_overflow(&unwind), "{unwind:?}");
                assert_eq!(unwind.backtrace.len(), 256, "a backtrace is bounded");
                assert_eq!(unwind.backtrace.iter().filter(|f| f.wasm_offset == FIRST_SITE + 1).count(), 1);
            }
        });
    }
}

#[test]
fn a_stack_too_small_for_wasm_is_an_overflow() {
    let status = in_a_fresh_process("a_stack_too_small_for_wasm_is_an_overflow", || {
        on_a_stack_of(HOST_STACK_BYTES / 2, || {
            let unwind = Guest::with_code(&[CALL_THROUGH]).call(0, &[]).unwrap_err();
            assert!(is_overflow(&unwind), "{unwind:?}");
        });
    });
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
}

/// Where this thread's alternate stack is, and how large.
fn alternate_stack() -> (usize, usize) {
    let mut stack = std::mem::MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: `stack` is where the result goes.
    let stack = unsafe {
        assert_eq!(libc::sigaltstack(std::ptr::null(), stack.as_mut_ptr()), 0);
        stack.assume_init()
    };
    (stack.ss_sp as usize, stack.ss_size)
}

#[test]
fn a_thread_has_an_alternate_stack_until_it_ends() {
    let status = in_a_fresh_process("a_thread_has_an_alternate_stack_until_it_ends", || {
        let (at, size) = on_a_stack_of(8 << 20, || {
            let mut guest = Guest::with_code(&[(recurse, TrapCode::StackOverflow)]);
            assert!(guest.call(0, &[]).is_err());
            alternate_stack()
        });
        assert!(size >= 64 << 10);
        let mut resident = [0; 16];
        // SAFETY: there is a byte for each of 16 pages.
        let mapped = unsafe { libc::mincore(at as *mut _, 64 << 10, resident.as_mut_ptr()) } == 0;
        assert!(!mapped, "the stack is still there");
    });
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
}
