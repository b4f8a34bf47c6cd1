//! A compile for tier-up that fails leaves the program as it was: each in turn, in every way, and all of them.

use super::{Heard, expected, instance, listening, optimizing, program, results};
use latier::compile::{CompileError, Compiled};
use latier::{Config, Knobs, TierUp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Functions of the program, besides `run`.
const FUNCTIONS: u32 = 7;

/// How a compile fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Error,
    Panic,
    /// The object is cut short, so that it cannot be linked.
    Object,
}

const WAYS: [Way; 3] = [Way::Error, Way::Panic, Way::Object];

/// A configuration in which those optimized compiles fail for which `fails` holds, counted from 0; and how many there
/// have been.
fn failing(how: TierUp, way: Way, fails: fn(u64, u64) -> bool, n: u64) -> (Config, Heard, Arc<AtomicU64>) {
    let compiles = Arc::new(AtomicU64::new(0));
    let counter = compiles.clone();
    let mut config = optimizing(how, move |backend, module, body| {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        let Compiled { object, symbols } = backend.compile(module, body)?;
        match way {
            _ if !fails(number, n) => Ok(Compiled { object, symbols }),
            Way::Error => Err(CompileError { message: "no code today".into(), offset: None }),
            Way::Panic => panic!("no code today"),
            Way::Object => Ok(Compiled { object: object[..object.len() / 2].into(), symbols }),
        }
    });
    let heard = listening(&mut config);
    (config, heard, compiles)
}

#[test]
fn one_compile_fails_whichever_it_is_and_the_results_stay() {
    let (expected, program) = (expected(FUNCTIONS), program(FUNCTIONS));
    for way in WAYS {
        for n in 0.. {
            let (config, heard, compiles) = failing(TierUp::Stepped(2), way, |number, n| number == n, n);
            let (mut store, instance) = instance(&config, &program);
            for _ in 0..2 {
                assert_eq!(results(&mut store, instance), expected, "{way:?} {n}");
            }
            assert_eq!(heard.count("failed"), 0, "{way:?} {n}: no first compile failed");
            let compiles = compiles.load(Ordering::Relaxed);
            if n >= compiles {
                assert!(
                    compiles > u64::from(FUNCTIONS) && heard.count("refused") == 0,
                    "{compiles} compiles: {:?}",
                    heard.all()
                );
                break;
            }
            let refused: Vec<_> =
                heard.all().into_iter().filter(|line| line.starts_with("refused")).collect();
            let once = refused.len() == 1 && refused[0].ends_with("compile-failed");
            assert!(once, "{way:?} {n}: {refused:?}");
        }
    }
}

#[test]
fn all_compiles_fail_and_each_is_tried_once() {
    let (expected, program) = (expected(FUNCTIONS), program(FUNCTIONS));
    let knobs = Knobs { sample_period_us: 50, ..Knobs::after(1) };
    for how in [TierUp::Stepped(1), TierUp::Stepped(2), TierUp::Sampled(knobs)] {
        for way in WAYS {
            let (config, heard, compiles) = failing(how.clone(), way, |_, _| true, 0);
            let (mut store, instance) = instance(&config, &program);
            let (mut runs, start) = (0, Instant::now());
            while runs < 20 || compiles.load(Ordering::Relaxed) == 0 {
                assert_eq!(results(&mut store, instance), expected, "{way:?}");
                assert!(start.elapsed() < Duration::from_secs(100), "nothing is found hot");
                runs += 1;
            }
            // In the background one may still be running, or be told of after it ended.
            let stepped = matches!(how, TierUp::Stepped(_));
            let (refused, compiles) = (heard.count("refused") as u64, compiles.load(Ordering::Relaxed));
            assert!(
                !stepped || refused == compiles && compiles > u64::from(FUNCTIONS),
                "{way:?}: {refused} of {compiles}"
            );
            assert_eq!((heard.count("failed"), heard.count("entered")), (0, 0));
            let mut hot: Vec<_> = heard.all().into_iter().filter(|line| line.starts_with("hot")).collect();
            let all = hot.len();
            hot.sort();
            hot.dedup();
            assert_eq!(hot.len(), all, "what was refused is not tried again");
        }
    }
}
