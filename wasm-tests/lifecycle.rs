//! The lifecycle of functions under a model checker: every interleaving of a few threads that need the same
//! function, with loom's primitives in the place of the standard library's.

mod sync {
    pub(super) use loom::sync::atomic::{AtomicU8, Ordering};
    pub(super) use loom::sync::{Condvar, Mutex};
}

#[path = "../src/session/lifecycle.rs"]
#[allow(missing_docs)]
mod lifecycle;

use lifecycle::{Claim, Lifecycle, Outcome};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use loom::thread;

/// What one function looks like from outside: its slot, and how often it was compiled.
struct Function {
    lifecycle: Lifecycle,
    slot: AtomicUsize,
    compiles: AtomicU32,
}

const CODE: usize = 42;

impl Function {
    fn new() -> Arc<Function> {
        let (slot, compiles) = (AtomicUsize::new(0), AtomicU32::new(0));
        Arc::new(Function { lifecycle: Lifecycle::new(1), slot, compiles })
    }

    /// A call: looks the function up, and compiles it with this outcome if that falls to the caller.
    fn call(&self, outcome: Outcome) -> Claim {
        let claim = self.lifecycle.claim(0);
        match claim {
            Claim::Won => {
                self.compiles.fetch_add(1, Ordering::Relaxed);
                if outcome == Outcome::Compiled {
                    self.slot.store(CODE, Ordering::Relaxed);
                }
                self.lifecycle.finish(0, outcome);
            }
            Claim::Compiled => {
                assert_eq!(self.slot.load(Ordering::Relaxed), CODE, "published before the state")
            }
            Claim::Failed => {}
        }
        claim
    }
}

/// Runs `outcomes.len()` callers, the first on the main thread: two in all interleavings, three in all that have at
/// most two preemptions.
fn model(outcomes: &'static [Outcome], check: fn(&[Claim], u32)) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = (outcomes.len() > 2).then_some(2);
    builder.check(move || {
        let function = Function::new();
        let others: Vec<_> = outcomes[1..]
            .iter()
            .map(|outcome| {
                let function = function.clone();
                thread::spawn(move || function.call(*outcome))
            })
            .collect();
        let mut claims = vec![function.call(outcomes[0])];
        claims.extend(others.into_iter().map(|thread| thread.join().expect("no caller panics")));
        let ever_compiled = outcomes.contains(&Outcome::Compiled) && claims.contains(&Claim::Compiled);
        assert!(!ever_compiled || function.lifecycle.is_compiled(0), "code never goes away");
        check(&claims, function.compiles.load(Ordering::Relaxed));
    });
}

fn count(claims: &[Claim], claim: Claim) -> usize {
    claims.iter().filter(|c| **c == claim).count()
}

#[test]
fn three_first_calls_compile_once() {
    model(&[Outcome::Compiled; 3], |claims, compiles| {
        assert_eq!((compiles, count(claims, Claim::Won), count(claims, Claim::Compiled)), (1, 1, 2));
    });
}

#[test]
fn two_first_calls_compile_once() {
    model(&[Outcome::Compiled; 2], |claims, compiles| {
        assert_eq!((compiles, count(claims, Claim::Won), count(claims, Claim::Compiled)), (1, 1, 1));
    });
}

#[test]
fn a_failure_reaches_everyone_who_waits() {
    model(&[Outcome::Failed; 3], |claims, compiles| {
        assert_eq!((compiles, count(claims, Claim::Won), count(claims, Claim::Failed)), (1, 1, 2));
    });
}

#[test]
fn after_a_shortage_the_next_caller_tries_again() {
    model(&[Outcome::Retry, Outcome::Compiled], |claims, compiles| {
        // Whoever came second either compiled after the shortage or found what the other compiled.
        assert!(count(claims, Claim::Won) == compiles as usize && compiles >= 1);
        assert_eq!(count(claims, Claim::Failed), 0);
    });
}
