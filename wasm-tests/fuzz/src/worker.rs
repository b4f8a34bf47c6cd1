//! One process's share of the seeds: runs each on all engines and says what became of it, a line each, to whoever
//! started the process. Knows nothing of other processes.

use crate::Options;
use crate::compare::{self, Verdict};
use crate::engines::{self, Engine};
use crate::generate::Case;
use crate::said::{Outcome, Run};
use anyhow::Result;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

/// Before a seed's module runs: this word, the seed.
pub const BEGIN: &str = "begin";
/// After it: this word, how many calls were made of it, the names of the engines that ran it.
pub const END: &str = "end";
/// In between, if an engine is alone with what it says and known to be wrong.
pub const DISSENT: &str = "dissent";
/// What follows until the end of the output is about the seed that was begun.
pub const FAULT: &str = "fault";
/// The last line of a share in which nothing differs.
pub const DONE: &str = "done";

/// Looks at every `jobs`-th seed from the one with number `index`. Says whether nothing differed.
pub fn work(options: &Options, first: u64, index: u64) -> bool {
    let end = options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    // What panics is told in the report.
    panic::set_hook(Box::new(|_| ()));
    let engines = match engines::all() {
        Ok(engines) => engines,
        Err(error) => return fault(&format!("no engine: {error:#}")),
    };
    let mut number = index;
    while options.count.is_none_or(|count| number < count) && end.is_none_or(|end| Instant::now() < end) {
        let seed = first.wrapping_add(number);
        println!("{BEGIN} {seed}");
        match look_at(seed, &engines) {
            Ok(None) => {}
            Ok(Some(look)) => {
                match look.verdict {
                    Verdict::Agreed => {}
                    Verdict::Dissent => println!("{DISSENT}"),
                    Verdict::Differ(difference) => return fault(&difference.to_string()),
                }
                println!("{END} {} {}", look.calls, look.engines.join(" "));
            }
            Err(error) => return fault(&format!("{error:#}")),
        }
        number += options.jobs;
    }
    println!("{DONE}");
    true
}

fn fault(what: &str) -> bool {
    println!("{FAULT}\n{what}");
    false
}

/// What was seen of a module.
struct Look {
    /// How many calls were made.
    calls: usize,
    /// Which engines ran it.
    engines: Vec<&'static str>,
    verdict: Verdict,
}

/// Runs a seed's module on all engines; `None` when there is nothing to run.
fn look_at(seed: u64, engines: &[Box<dyn Engine>]) -> Result<Option<Look>> {
    let case = match panic::catch_unwind(|| Case::new(seed)) {
        Ok(case) => case?,
        // The generator has bugs of its own.
        Err(_) => None,
    };
    let Some(case) = case else { return Ok(None) };
    let mut runs = vec![];
    for engine in engines {
        let run = panic::catch_unwind(AssertUnwindSafe(|| engines::run(engine.as_ref(), &case)));
        let run = run.unwrap_or_else(|payload| {
            let message = message_of(payload.as_ref());
            Ok(Run::only(Outcome::Failed(format!("panicked: {message}"))))
        });
        // Who refuses a module has nothing to say of it.
        runs.extend(run.ok().map(|run| (engine.name(), run)));
    }
    let calls = runs.iter().map(|(_, run)| run.calls.len()).max().unwrap_or(0);
    let verdict = compare::judge(&case, &runs);
    Ok(Some(Look { calls, engines: runs.iter().map(|(name, _)| *name).collect(), verdict }))
}

fn message_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
