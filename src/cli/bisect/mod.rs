//! `latier bisect`: which function a wrong result depends on. Runs the program again and again, with other functions
//! left in the first tier each time.

mod child;
mod search;
mod way;

use super::error::{Ending, FAILED};
use super::flags::{BisectOptions, BisectOwn};
use super::{end, inspect, missing, output, run};
use crate::{Engine, Error, Mode, Module, Result, TierFilter, Validation};
use anyhow::{Context, bail, ensure};
use child::Outcome;
use clap::{Args, Command};
use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use way::Way;

/// How much longer than the run that is right another one may take before it is wrong, and how long in any case.
const PATIENCE: (u32, Duration) = (20, Duration::from_secs(10));
/// Options of `run` that a bisection sets itself.
const SET: [&str; 3] = ["mode", "tier-filter", "tier-up"];

/// Bisects, says what was found, and ends the process. `args` are all arguments as they were typed.
pub(super) fn main(options: &BisectOptions, args: &[OsString]) -> ! {
    let color = options.run.engine.common.color;
    let Some(file) = options.run.file_and_args.first() else {
        missing(Some("bisect"), "no program was given")
    };
    let file = Path::new(file);
    if file == Path::new("-") {
        end(&Ending::usage("the program must be in a file: it is run many times"), color);
    }
    let mode = options.run.engine.mode;
    if mode == Mode::Baseline || mode == Mode::EagerBaseline {
        let message = format!("with `--mode {mode}` no function leaves the first tier");
        end(&Ending::usage(message), color);
    }
    match Bisection::new(options, file, args).and_then(|bisection| bisection.run()) {
        Ok(text) => output::answer(&text),
        Err(error) => end(&Ending { code: FAILED, message: format!("error: {error:#}") }, color),
    }
}

struct Bisection<'a> {
    file: &'a Path,
    module: Module,
    /// The ways of compiling in which the result may be wrong.
    ways: Vec<Way>,
    /// The functions in question.
    range: Range<u32>,
    /// What is right, if it was said.
    said: Option<Outcome>,
    /// The arguments of each run but the way and the filter.
    options: Vec<OsString>,
    file_and_args: &'a [OsString],
    stdin: Vec<u8>,
}

impl<'a> Bisection<'a> {
    fn new(options: &'a BisectOptions, file: &'a Path, args: &[OsString]) -> Result<Bisection<'a>> {
        let (mut config, _) = options.run.engine.config(Validation::Lazy);
        config.mode(Mode::Baseline);
        let module = run::load(&Engine::new(&config)?, file)?;
        let desc = &module.loaded().wasm().desc;
        let (first, count) = (desc.func_imports, desc.functions.len() as u32);
        let own = &options.own;
        let asked = own.range.clone().unwrap_or(first..count);
        let range = asked.start.max(first)..asked.end.min(count);
        ensure!(range.start < range.end, "there are no functions in the range: they are {first}..{count}");
        let said = own.good.as_deref().map(|good| {
            let stdout =
                std::fs::read(good).with_context(|| format!("failed to read `{}`", good.display()))?;
            Ok::<_, Error>(Outcome::Ended { code: Some(own.good_exit), stdout })
        });
        let mut stdin = Vec::new();
        if !std::io::stdin().is_terminal() {
            std::io::stdin().read_to_end(&mut stdin).context("failed to read standard input")?;
        }
        let file_and_args = &options.run.file_and_args;
        let before = &args[..args.len() - file_and_args.len()];
        let said = said.transpose()?;
        let ways = Way::all(&options.run.engine);
        Ok(Bisection { file, module, ways, range, said, options: others(before), file_and_args, stdin })
    }

    fn run(&self) -> Result<String> {
        let (right, limit) = self.right()?;
        let wrong = |way: Way, part: Range<u32>| -> Result<bool> {
            let filter = TierFilter::new([part.clone()]);
            let (outcome, _) = self.child(Some((way, part)), Some(limit))?;
            self.say(&format!("{way} {filter}"), &outcome, Some(&right));
            Ok(outcome != right)
        };
        for way in &self.ways {
            if wrong(*way, self.range.clone())? {
                let found = search::narrow(self.range.clone(), |part| wrong(*way, part))?;
                return Ok(self.report(*way, found.range));
            }
        }
        let ways: Vec<String> = self.ways.iter().map(Way::to_string).collect();
        bail!("the result is right in {}, too: there is nothing to find", ways.join(", "))
    }

    /// The right outcome, and how long a run may take.
    fn right(&self) -> Result<(Outcome, Duration)> {
        let mut slowest = Duration::ZERO;
        let mut baseline = || -> Result<Outcome> {
            let (outcome, took) = self.child(None, None)?;
            slowest = slowest.max(took);
            Ok(outcome)
        };
        let first = baseline()?;
        self.say("baseline", &first, self.said.as_ref());
        match &self.said {
            Some(said) => ensure!(first == *said, "in the first tier the result is not the good one, either"),
            None => {
                let again = baseline()?;
                self.say("baseline", &again, Some(&first));
                ensure!(
                    first == again,
                    "the result differs from run to run: nothing can be compared with it"
                );
            }
        }
        Ok((first, (slowest * PATIENCE.0).max(PATIENCE.1)))
    }

    /// What a run gives, and how long it takes, in which only the functions of a part leave the first tier, in some
    /// way; or none.
    fn child(&self, part: Option<(Way, Range<u32>)>, limit: Option<Duration>) -> Result<(Outcome, Duration)> {
        let own = match part {
            Some((way, part)) => {
                let filter = format!("--tier-filter={}", TierFilter::new([part]));
                way.options().into_iter().chain([filter]).collect()
            }
            None => vec![format!("--mode={}", Mode::Baseline)],
        };
        let args = ["run".into()].into_iter().chain(own).map(OsString::from);
        let args: Vec<OsString> =
            args.chain(self.options.iter().cloned()).chain(self.file_and_args.iter().cloned()).collect();
        child::run(&args, &self.stdin, limit).context("the program cannot be run as a child process")
    }

    /// Says how a run went, and whether as it should.
    fn say(&self, how: &str, outcome: &Outcome, right: Option<&Outcome>) {
        let verdict = match right {
            Some(right) if right == outcome => ": right",
            Some(_) => ": wrong",
            None => "",
        };
        output::say(&format!("{how:<28}{outcome}{verdict}"));
    }

    /// What was found, and how to look at it.
    fn report(&self, way: Way, found: Range<u32>) -> String {
        let tier = way.tier();
        let label = |function| inspect::label(self.module.loaded().wasm(), function);
        let (first, last) = (found.start, found.end - 1);
        let mut text = if first == last {
            format!("The result is wrong when only {} is {tier}.\n", label(first))
        } else {
            let between = if last - first > 1 { format!("{first}..{}", found.end) } else { "both".into() };
            let [one, other] = [first, last].map(label);
            format!("The result is wrong when {between} are {tier}, and right without {one} or {other}.\n")
        };
        let file = self.file.display();
        for function in if first == last { vec![first] } else { vec![first, last] } {
            text += &format!("  latier inspect --func {function} --tier {tier} {file}\n");
        }
        let words: Vec<String> = self.options.iter().chain(self.file_and_args).map(quoted).collect();
        let filter = TierFilter::new([found]);
        let options = way.options().join(" ");
        text += &format!("  latier {options} --tier-filter {filter} {}\n", words.join(" "));
        text
    }
}

/// Of the arguments before the program's file, those that each run gets, too: all but the command's name and the
/// options that are a bisection's own.
fn others(args: &[OsString]) -> Vec<OsString> {
    let own = BisectOwn::augment_args(Command::new("bisect"));
    let own: Vec<&str> = own.get_arguments().filter_map(|arg| arg.get_long()).chain(SET).collect();
    let mut others = Vec::new();
    let mut args = args.iter().skip(2).peekable();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        let Some(long) = text.strip_prefix("--") else {
            others.push(arg.clone());
            continue;
        };
        let (name, has_value) = long.split_once('=').map_or((long, false), |(name, _)| (name, true));
        match own.contains(&name) {
            // Each of them has a value.
            true if !has_value => _ = args.next(),
            true => {}
            // What follows a lone `--` is the file.
            false if long.is_empty() => {}
            false => others.push(arg.clone()),
        }
    }
    others
}

/// A word as a shell reads it back.
fn quoted(word: &OsString) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_get_the_options_that_are_not_the_bisection_s() {
        let args = "latier bisect --dir . --range 3..9 -W simd=n --mode=fast --good=x --tier-filter 3 --argv0 a --tier-up stepped=1 --";
        let args: Vec<OsString> = args.split(' ').map(OsString::from).collect();
        assert_eq!(others(&args), ["--dir", ".", "-W", "simd=n", "--argv0", "a"]);
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        assert_eq!(
            ["a.wasm", "x y", "it's", ""].map(|word| quoted(&word.into())),
            ["a.wasm", "'x y'", r"'it'\''s'", "''"]
        );
    }
}
