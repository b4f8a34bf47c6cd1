//! The command line: what the user types becomes calls of the public API. Nothing here can do what an embedder
//! cannot.

mod bisect;
mod completions;
pub mod error;
pub mod flags;
mod inspect;
mod invoke;
mod log;
mod output;
mod run;
mod stats;
pub mod tier_up_settings;
mod timeline;
pub mod wasm_settings;
pub mod wast;
mod wast_command;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches};
use error::Ending;
use flags::{Cli, Command, CommonOptions, EngineOptions};
use std::ffi::OsString;

/// Does what the arguments say and ends the process.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ! {
    let args: Vec<OsString> = args.into_iter().collect();
    let command = Cli::command().color(color(&args));
    let cli = match command.try_get_matches_from(&args).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            if !error.use_stderr() {
                output::help(&error.render(), color(&args));
            }
            // Nobody can be told that standard error cannot be written.
            let _ = error.print();
            output::exit(error.exit_code())
        }
    };
    if let Some(options) = common(&cli) {
        if options.wants_help() {
            output::answer(&wasm_settings::help());
        }
        if engine(&cli).is_some_and(EngineOptions::wants_tier_up_help) {
            output::answer(&tier_up_settings::help());
        }
        start_log(options);
    }
    match cli.command {
        None => run::main(cli.run, None),
        Some(Command::Run(options)) => run::main(options, Some("run")),
        Some(Command::Wast(options)) => wast_command::main(options),
        Some(Command::Inspect(options)) => inspect::main(&options),
        Some(Command::Bisect(options)) => bisect::main(&options, &args),
        Some(Command::Completions(options)) => completions::print(&completions::text(options.shell)),
        Some(Command::Man) => completions::print(&completions::manual()),
    }
}

/// The options that all commands have which look at a module.
fn common(cli: &Cli) -> Option<&CommonOptions> {
    match &cli.command {
        Some(Command::Inspect(inspect)) => Some(&inspect.common),
        _ => engine(cli).map(|engine| &engine.common),
    }
}

/// The options that all commands have which run something.
fn engine(cli: &Cli) -> Option<&EngineOptions> {
    match &cli.command {
        None => Some(&cli.run.engine),
        Some(Command::Run(run)) => Some(&run.engine),
        Some(Command::Wast(wast)) => Some(&wast.engine),
        Some(Command::Bisect(bisect)) => Some(&bisect.run.engine),
        Some(Command::Inspect(_) | Command::Completions(_) | Command::Man) => None,
    }
}

/// What the command `name` (that of no name, without one) cannot do without is missing: says so with its usage, and ends
/// the process.
fn missing(name: Option<&str>, what: &str) -> ! {
    let mut command = Cli::command();
    command.build();
    let command = match name {
        Some(name) => command.find_subcommand_mut(name).expect("it is in the table"),
        None => &mut command,
    };
    let _ = command.error(ErrorKind::MissingRequiredArgument, what).print();
    output::exit(error::USAGE)
}

/// Says how the process ends, and ends it.
fn end(ending: &Ending, color: ColorChoice) -> ! {
    if !ending.message.is_empty() {
        output::complain(&ending.message, color);
    }
    output::exit(ending.code)
}

/// What `--color` says, before the arguments are parsed: the parser's own messages obey it too.
fn color(args: &[OsString]) -> ColorChoice {
    let mut args = args.iter().filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        let value = match arg.strip_prefix("--color") {
            Some("") => args.next(),
            Some(rest) => rest.strip_prefix('='),
            None => continue,
        };
        return value.and_then(|value| value.parse().ok()).unwrap_or(ColorChoice::Auto);
    }
    ColorChoice::Auto
}

/// Logs to standard error, if anyone asked for it.
fn start_log(options: &CommonOptions) {
    let filter = match (std::env::var("LATIER_LOG"), options.verbose) {
        (Ok(filter), _) => filter,
        (Err(_), 0) => return,
        (Err(_), 1) => "latier=info,latier_runtime=info".into(),
        (Err(_), _) => "latier=trace,latier_runtime=trace".into(),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(output::wants_color(options.color));
    // Only this process's first subscriber counts, and this is the only one.
    let _ = log.try_init();
}
