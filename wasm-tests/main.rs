//! The cases: every file in every mode. A case is a dropped file; this harness only finds the files and says which
//! kind each is by its folder. Knows no language feature.
//!
//! `cargo test --test wasm-tests -- FILTER` runs a part; `BLESS=1` rewrites the expected output of `run`, `refuse` and `timeline`.

mod broken;
mod cache;
mod case;
mod cli;
mod complete;
mod expected;
mod halves;
mod process;
mod refuse;
mod run;
mod spec;
mod suites;
mod timeline;

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(spec::trials());
    trials.extend(run::trials());
    trials.extend(refuse::trials());
    trials.extend(broken::trials());
    trials.extend(cache::trials());
    trials.extend(cli::trials());
    trials.extend(complete::trials());
    trials.extend(timeline::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
