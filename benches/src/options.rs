//! The harness's options: their names, their help and how their values are read. Runs nothing.

use crate::workload::Kind;
use clap::{Args, Parser};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  latier-bench --quick                                 in less than five minutes
  latier-bench --html page.html --json now.json        everything that is usual, as a page and to compare with
  latier-bench --compare then.json                     what became slower; exit code 1 if something did
  latier-bench -w lua,python -r latier -r node         some programs under some runtimes
  latier-bench -r latier -r 'latier:--mode fast'       two ways to call a runtime
  latier-bench --runtime-path latier-baseline=old/latier -r latier-baseline -r 'latier:--mode baseline'
  latier-bench --scaling                               how start-up grows with a module and with what is called

A run is a whole process. CPU seconds are user and system time of all its threads, memory is the most that was resident,
the first instruction is timed until a byte arrives that the module's start writes first of all. Runtimes take turns,
A B, then B A; ratios are of runs of the same round, and their geometric mean has an interval that contains the truth
nine times in ten. One that contains 1 is no difference.

Exit code: 0; 1 when an output was wrong, a program failed or something became slower; 2 for wrong usage.";

/// Measures latier and its peers with whole programs.
#[derive(Debug, Parser)]
#[command(name = "latier-bench", version, after_help = EXAMPLES)]
pub struct Options {
    /// Few rounds of small programs under few runtimes
    #[arg(long)]
    pub quick: bool,
    /// Programs whose names contain one of these words, divided by commas; =NAME for the whole name
    #[arg(short, long, value_name = "WORDS", value_delimiter = ',')]
    pub workload: Vec<String>,
    /// Kinds of runs [default: all; with --quick, cold and long]
    #[arg(short, long, value_enum, value_delimiter = ',')]
    pub kind: Vec<Kind>,
    /// A runtime, with options for it after a colon; `all` for all that are known [default: those that are usual]
    #[arg(short, long, value_name = "NAME[:OPTIONS]")]
    pub runtime: Vec<String>,
    /// Where a runtime's program is, by the name of either [default: $PROGRAM in capitals, then PATH; latier is built]
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_path)]
    pub runtime_path: Vec<(String, PathBuf)>,
    /// The runtime that others are compared with [default: the first]
    #[arg(long, value_name = "NAME")]
    pub reference: Option<String>,
    /// Measure how start-up grows, with synthetic modules, instead of programs
    #[arg(long)]
    pub scaling: bool,
    /// Another list of programs
    #[arg(long, value_name = "FILE")]
    pub workloads: Option<PathBuf>,
    /// How often and how long.
    #[command(flatten)]
    pub limits: LimitOptions,
    /// Show every figure's table, not only that of CPU seconds
    #[arg(long)]
    pub all_tables: bool,
    /// Write every figure to FILE
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a page with pictures to FILE
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Compare with the figures in OLD
    #[arg(long, value_name = "OLD")]
    pub compare: Option<PathBuf>,
    /// A change of less than this many percent is none
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, requires = "compare")]
    pub tolerance: f64,
    /// Measure nothing: show the figures in FILE (written by --json); of several, all together
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runtime", "workload", "scaling", "list", "fetch"])]
    pub from: Vec<PathBuf>,
    /// List programs and runtimes
    #[arg(long)]
    pub list: bool,
    /// Fetch the packages of the chosen programs and measure nothing
    #[arg(long)]
    pub fetch: bool,
    /// Where packages are kept [default: latier-bench in the user's cache directory]
    #[arg(long, value_name = "DIR")]
    pub packages: Option<PathBuf>,
}

/// How often and how long, as the user says it.
#[derive(Args, Debug)]
pub struct LimitOptions {
    /// How often each runtime takes its turn [default: 6; with --quick, 4]
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: Option<u16>,
    /// How long a run may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0, value_parser = parse_seconds)]
    pub timeout: f64,
    /// What takes longer than this is run once only
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = parse_seconds)]
    pub patience: f64,
}

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How often each runtime takes its turn.
    pub rounds: usize,
    /// How many seconds a run may take.
    pub timeout: f64,
    /// What takes more seconds than this is run once.
    pub patience: f64,
}

impl Options {
    /// How often and how long.
    pub fn limits(&self) -> Limits {
        let LimitOptions { rounds, timeout, patience } = self.limits;
        let rounds = rounds.map_or(if self.quick { 4 } else { 6 }, Into::into);
        Limits { rounds, timeout, patience }
    }

    /// The kinds of runs that are wanted.
    pub fn kinds(&self) -> Vec<Kind> {
        match (&self.kind[..], self.quick) {
            ([], true) => vec![Kind::Cold, Kind::Long],
            ([], false) => Kind::ALL.into(),
            (kinds, _) => kinds.into(),
        }
    }

    /// Whether a program is wanted.
    pub fn wants(&self, name: &str) -> bool {
        let fits =
            |word: &String| word.strip_prefix('=').map_or(name.contains(&word[..]), |whole| whole == name);
        self.workload.is_empty() || self.workload.iter().any(fits)
    }
}

fn parse_path(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("it is not NAME=FILE")?;
    Ok((name.into(), path.into()))
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number")?;
    if seconds > 0.0 && seconds <= 1e6 { Ok(seconds) } else { Err("it is not a time".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Options {
        Options::try_parse_from([&["latier-bench"], words].concat()).unwrap()
    }

    #[test]
    fn words_choose_programs_by_parts_of_their_names() {
        let some = parse(&["-w", "lua,=sort"]);
        assert!(some.wants("lua-1") && some.wants("sort"));
        assert!(!some.wants("sortmap") && !some.wants("noop"));
        assert!(parse(&[]).wants("noop"));
    }

    #[test]
    fn quick_means_less_unless_told_otherwise() {
        assert_eq!(parse(&["--quick"]).kinds(), [Kind::Cold, Kind::Long]);
        assert_eq!(parse(&["--quick", "-k", "first", "-n", "9"]).kinds(), [Kind::First]);
        assert_eq!(parse(&["--quick", "-n", "9"]).limits().rounds, 9);
        assert!(parse(&["--quick"]).limits().rounds < parse(&[]).limits().rounds);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [&["-n", "0"][..], &["--timeout", "-1"], &["--runtime-path", "x"], &["--tolerance", "1"]]
        {
            assert!(Options::try_parse_from([&["latier-bench"], words].concat()).is_err(), "{words:?}");
        }
    }
}
