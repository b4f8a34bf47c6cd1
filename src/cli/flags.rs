//! The options: their names, their help and how their values are read. Runs nothing.

use super::tier_up_settings::{self, TierUpSetting};
use super::wasm_settings::{WasmSetting, WasmSettings};
use crate::{Config, Mode, Tier, TierFilter, TierUp, Validation};
use clap::builder::PossibleValue;
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  latier app.wasm one two                       run a program with two arguments
  latier --dir . --env HOME=/ app.wasm          give it this directory and a variable
  latier --invoke add lib.wat 40 2              call an export; prints 42
  latier -W timeout=10s,max-memory-size=1000000 app.wasm
                                                end it after ten seconds; memories of at most a megabyte
  latier --stats --mode optimized app.wasm      what was compiled, and how long it took
  latier --timeline app.wasm                    every first call and compile as it happens
  latier wast -W preset=v2 i32.wast             run a specification script
  latier --timeline=run.html app.wasm           the same as a page with a picture
  latier inspect app.wasm --func main           what becomes of a function
  latier bisect app.wasm                        which function makes the result wrong when optimized
  latier completions bash                       completions for a shell; latier man: the manual page";

const INSPECT_EXAMPLES: &str = "\
Examples:
  latier inspect app.wasm                              features, sections, imports, exports, sizes
  latier inspect app.wasm --func main                  a function in both tiers, by its name
  latier inspect app.wasm --func 12 --tier fast        Cranelift's assembly, by its index
  latier inspect app.wasm --func 12 --tier optimized --clif";

const BISECT_EXAMPLES: &str = "\
The program is run again and again, each time with other functions optimized and the rest in the first tier, until its \
output or exit code tells which function makes the difference. Where optimized code alone makes none, it is tried \
taking over from the first tier's at the first, second and third call and round of a loop (`--tier-up stepped=N`).

Examples:
  latier bisect app.wasm one two               output and exit code against those of the first tier
  latier bisect --range 100..200 app.wasm      among these functions only
  latier bisect --good right.txt app.wasm      output against that of a file";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  latier completions bash > ~/.local/share/bash-completion/completions/latier
  latier completions zsh > ~/.zfunc/_latier
  latier completions fish > ~/.config/fish/completions/latier.fish";

/// A WebAssembly runtime that compiles each function when it is first called.
#[derive(Debug, Parser)]
#[command(name = "latier", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true,
          override_usage = "latier [OPTIONS] <FILE> [ARGS]...\n       latier <COMMAND>")]
pub struct Cli {
    /// What to do; `run` when absent.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `run`.
    #[command(flatten)]
    pub run: RunOptions,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a program (this is what latier does when no command is given)
    Run(RunOptions),
    /// Run specification scripts
    Wast(WastOptions),
    /// Show what is in a module, or what becomes of one of its functions
    Inspect(InspectOptions),
    /// Find the function that a wrong result depends on
    Bisect(BisectOptions),
    /// Print what makes a shell complete latier's options
    Completions(CompletionsOptions),
    /// Print the manual page
    Man,
}

/// The options of `run`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, override_usage = "latier run [OPTIONS] <FILE> [ARGS]...")]
pub struct RunOptions {
    /// Give the program a directory, under the name GUEST if it is there, else HOST
    #[arg(long = "dir", value_name = "HOST[::GUEST]", value_parser = parse_dir)]
    pub dirs: Vec<(PathBuf, String)>,
    /// Set a variable of the program's environment; without VALUE, to what it is in latier's
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = parse_env)]
    pub env: Vec<(String, Option<String>)>,
    /// The program's name for itself, instead of the file's name
    #[arg(long, value_name = "NAME")]
    pub argv0: Option<String>,
    /// Call this export with the arguments, read by its type, and print its results one per line
    #[arg(long, value_name = "NAME")]
    pub invoke: Option<String>,
    /// Instantiate FILE first and let the program import from it as NAME
    #[arg(long = "preload", value_name = "NAME=FILE", value_parser = parse_preload)]
    pub preloads: Vec<(String, PathBuf)>,
    /// When function bodies are validated
    #[arg(long, value_enum, default_value_t = Validation::Lazy)]
    pub validation: Validation,
    /// The options of commands that run something.
    #[command(flatten)]
    pub engine: EngineOptions,
    /// Say at exit what was done and how long it took: for people on standard error, or as JSON there or in FILE
    #[arg(long, value_name = "json[:FILE]", num_args = 0..=1, require_equals = true,
          default_missing_value = "text", value_parser = parse_stats)]
    pub stats: Option<Stats>,
    /// Say what happens as it happens, one line per event: on standard error, or in FILE; a FILE.html is written at
    /// the end, a page with a picture
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub timeline: Option<Option<PathBuf>>,
    /// Write every linked object to DIR, named by function and tier: f12.optimized.o; those of the second module
    /// loaded and of later ones (--preload) to module1, module2, … in it
    #[arg(long, value_name = "DIR")]
    pub dump_objects: Option<PathBuf>,
    /// The program (.wasm, .wat, or - for standard input) and its arguments
    #[arg(value_name = "FILE", trailing_var_arg = true)]
    pub file_and_args: Vec<OsString>,
}

/// The options of `wast`.
#[derive(Args, Debug)]
#[command(override_usage = "latier wast [OPTIONS] <FILE>...")]
pub struct WastOptions {
    /// The options of commands that run something.
    #[command(flatten)]
    pub engine: EngineOptions,
    /// The scripts
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The options of `inspect`.
#[derive(Args, Debug)]
#[command(after_help = INSPECT_EXAMPLES, override_usage = "latier inspect [OPTIONS] <FILE>")]
pub struct InspectOptions {
    /// Show this function: its index, the name of its export, or its name in the name section, mangled or not
    #[arg(long, value_name = "N|NAME")]
    pub func: Option<String>,
    /// The tier whose code is shown: baseline as stencils, the others as Cranelift's assembly [default: baseline and
    /// optimized, beside each other where lines are wide enough]
    #[arg(long, value_enum, requires = "func")]
    pub tier: Option<Tier>,
    /// Show Cranelift's intermediate form too
    #[arg(long, requires = "func")]
    pub clif: bool,
    /// The options that all commands have.
    #[command(flatten)]
    pub common: CommonOptions,
    /// The module (.wasm, .wat, or - for standard input)
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// The options of `bisect`.
#[derive(Args, Debug)]
pub struct BisectOptions {
    /// Those that `run` has, too.
    #[command(flatten)]
    pub run: RunOptions,
    /// Its own.
    #[command(flatten)]
    pub own: BisectOwn,
}

/// The options that only `bisect` has. Each has a value.
#[derive(Args, Debug)]
#[command(after_help = BISECT_EXAMPLES, override_usage = "latier bisect [OPTIONS] <FILE> [ARGS]...")]
pub struct BisectOwn {
    /// Look only among the functions of these indices
    #[arg(long, value_name = "LO..HI", value_parser = parse_range)]
    pub range: Option<Range<u32>>,
    /// What the program should write to standard output, instead of what it writes in the first tier
    #[arg(long, value_name = "FILE")]
    pub good: Option<PathBuf>,
    /// The exit code that it should have with that
    #[arg(long, value_name = "CODE", default_value_t = 0, requires = "good")]
    pub good_exit: i32,
}

/// The options of `completions`.
#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsOptions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// The options of commands that run something.
#[derive(Args, Debug)]
pub struct EngineOptions {
    /// How functions are compiled, and when
    #[arg(long, value_enum, default_value_t = Mode::default())]
    pub mode: Mode,
    /// The functions that the mode is for, by index; all others stay in the first tier [default: all]
    #[arg(long, value_name = "LO..HI,...")]
    pub tier_filter: Option<TierFilter>,
    /// How hot functions are found and what is worth it, in the default mode; `--tier-up help` lists what can be set
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',', value_parser = TierUpSetting::parse)]
    pub tier_up: Vec<TierUpSetting>,
    /// Keep in DIR what saves later runs work [default: latier in the user's directory of caches]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub cache: Option<PathBuf>,
    /// Neither use nor keep anything of other runs
    #[arg(long)]
    pub no_cache: bool,
    /// The options that all commands have.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// The options that all commands have.
#[derive(Args, Debug)]
pub struct CommonOptions {
    /// WebAssembly features and limits; `-W help` lists them
    #[arg(short = 'W', value_name = "KEY[=VALUE],...", value_delimiter = ',', value_parser = WasmSetting::parse)]
    pub wasm: Vec<WasmSetting>,
    /// Say more: what is done (-v), in detail (-vv); LATIER_LOG=FILTER says what in particular
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

impl EngineOptions {
    /// The engine's configuration, and the settings of `-W` that are not the engine's.
    pub fn config(&self, validation: Validation) -> (Config, WasmSettings) {
        let settings = WasmSettings::new(&self.common.wasm);
        let mut config = settings.config();
        config.mode(self.mode).validation(validation).tier_up(self.tier_up());
        if let Some(filter) = &self.tier_filter {
            config.tier_filter(filter.clone());
        }
        if let Some(cache) = self.cache_directory() {
            config.cache(cache);
        }
        (config, settings)
    }

    /// How hot functions are found.
    pub fn tier_up(&self) -> TierUp {
        tier_up_settings::tier_up(&self.tier_up)
    }

    /// Whether all that is wanted is the list of `--tier-up`.
    pub fn wants_tier_up_help(&self) -> bool {
        self.tier_up.contains(&TierUpSetting::Help)
    }

    /// Where things are kept from run to run: what `--cache` says, else where the user has such things (XDG Base
    /// Directory Specification).
    fn cache_directory(&self) -> Option<PathBuf> {
        if self.no_cache || self.cache.is_some() {
            return self.cache.clone();
        }
        let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
        Some(caches.join("latier"))
    }
}

impl CommonOptions {
    /// Whether all that is wanted is the list of `-W`.
    pub fn wants_help(&self) -> bool {
        self.wasm.iter().any(|setting| matches!(setting, WasmSetting::Help))
    }
}

/// Where statistics go, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stats {
    /// Readable, on standard error.
    Text,
    /// JSON, on standard error or in a file.
    Json(Option<PathBuf>),
}

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Mode] {
        &[
            Mode::Tiered,
            Mode::Baseline,
            Mode::Fast,
            Mode::Optimized,
            Mode::EagerBaseline,
            Mode::EagerOptimized,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let row = self.row();
        Some(PossibleValue::new(row.name).help(row.about))
    }
}

impl ValueEnum for Tier {
    fn value_variants<'a>() -> &'a [Tier] {
        &[Tier::Baseline, Tier::Fast, Tier::Optimized]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl ValueEnum for Validation {
    fn value_variants<'a>() -> &'a [Validation] {
        &[Validation::Lazy, Validation::Eager]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Validation::Lazy => PossibleValue::new("lazy").help("each when its function is first called"),
            Validation::Eager => PossibleValue::new("eager").help("all before the start"),
        })
    }
}

fn parse_dir(text: &str) -> Result<(PathBuf, String), String> {
    let (host, guest) = text.split_once("::").unwrap_or((text, text));
    if host.is_empty() || guest.is_empty() {
        return Err("a directory's name is empty".into());
    }
    Ok((host.into(), guest.into()))
}

fn parse_env(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    if name.is_empty() {
        return Err("the variable has no name".into());
    }
    Ok((name.into(), value))
}

fn parse_preload(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("it must have the form NAME=FILE")?;
    Ok((name.into(), file.into()))
}

fn parse_range(text: &str) -> Result<Range<u32>, String> {
    let (from, to) = text.split_once("..").ok_or("it must have the form LO..HI")?;
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no index of a function"));
    Ok(number(from)?..number(to)?)
}

fn parse_stats(text: &str) -> Result<Stats, String> {
    match text.split_once(':') {
        Some(("json", file)) if !file.is_empty() => Ok(Stats::Json(Some(file.into()))),
        None if text == "json" => Ok(Stats::Json(None)),
        None if text == "text" => Ok(Stats::Text),
        _ => Err("it must be json or json:FILE, or stand alone".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn run(args: &[&str]) -> RunOptions {
        let cli = Cli::try_parse_from(["latier"].iter().chain(args)).expect("valid options");
        match cli.command {
            None => cli.run,
            Some(Command::Run(run)) => run,
            Some(other) => panic!("these are no options of run: {other:?}"),
        }
    }

    #[test]
    fn the_table_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn all_after_the_file_goes_to_the_guest() {
        for args in [
            &["run", "--stats", "a.wasm", "--stats", "-x", "--", "b"][..],
            &["a.wasm", "--stats", "-x", "--", "b"],
        ] {
            let options = run(args);
            assert_eq!(options.file_and_args, ["a.wasm", "--stats", "-x", "--", "b"]);
        }
        assert_eq!(run(&["-", "run"]).file_and_args, ["-", "run"]);
    }

    #[test]
    fn stats_and_timeline_take_a_value_only_behind_an_equals_sign() {
        let options = run(&["--stats", "--timeline", "a.wasm"]);
        assert_eq!((options.stats, options.timeline), (Some(Stats::Text), Some(None)));
        let options = run(&["--stats=json:s.json", "--timeline=t", "a.wasm"]);
        assert_eq!(
            (options.stats, options.timeline),
            (Some(Stats::Json(Some("s.json".into()))), Some(Some("t".into())))
        );
        assert!(Cli::try_parse_from(["latier", "--stats=xml", "a.wasm"]).is_err());
    }

    #[test]
    fn a_directory_has_its_own_name_unless_it_is_given_another() {
        assert_eq!(parse_dir("/tmp"), Ok(("/tmp".into(), "/tmp".into())));
        assert_eq!(parse_dir("/tmp::/work"), Ok(("/tmp".into(), "/work".into())));
        assert!(parse_dir("::/work").is_err());
    }

    #[test]
    fn a_near_miss_is_told_the_option_that_exists() {
        let error = Cli::try_parse_from(["latier", "--stat", "a.wasm"]).expect_err("there is no such option");
        assert!(error.to_string().contains("--stats"), "{error}");
        let error =
            Cli::try_parse_from(["latier", "-W", "max-memory-sice=1", "a.wasm"]).expect_err("no such key");
        assert!(error.to_string().contains("max-memory-size"), "{error}");
    }
}
