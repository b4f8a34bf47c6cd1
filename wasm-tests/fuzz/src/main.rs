//! The differential fuzzer's command line: generated modules run in every mode of latier and in other runtimes, and
//! all must say the same. Knows neither modules nor engines, only who is to look at which seeds.

mod compare;
mod engines;
mod features;
mod fleet;
mod generate;
mod said;
mod worker;

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs generated WebAssembly modules in every mode of latier, in wasmi and in wasmtime, and compares.
///
/// A module is a function of its seed: `--seed N --count 1` is that module again. The exit code is 1 when one engine
/// says something else than another.
#[derive(Clone, Debug, Parser)]
#[command(name = "latier-fuzz", version)]
struct Options {
    /// Ends after this many seconds (60 unless there is a --count)
    #[arg(long)]
    seconds: Option<u64>,

    /// The first seed (taken from the clock unless it is given)
    #[arg(long)]
    seed: Option<u64>,

    /// Ends after this many modules
    #[arg(long)]
    count: Option<u64>,

    /// How many processes share the work
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: u64,

    /// Where a module goes over which engines differ
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    save: PathBuf,

    /// Works as this one of the processes
    #[arg(long, hide = true)]
    worker: Option<u64>,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.seconds.is_none() && options.count.is_none() {
        options.seconds = Some(60);
    }
    let seed = *options.seed.get_or_insert_with(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_secs()
    });
    let agreed = match options.worker {
        Some(index) => Ok(worker::work(&options, seed, index)),
        None => fleet::run(&options, seed),
    };
    match agreed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
