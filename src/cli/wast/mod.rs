//! Specification scripts (`.wast`): what a script says is done on the public API, and each directive gets a verdict.
//! Prints nothing; the command line and the tests read the same [`Report`].

mod script;
mod spectest;
mod threads;
mod values;

use crate::{Config, Engine};
use std::fmt;
use threads::Surroundings;
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::Span;

/// How scripts are run.
#[derive(Clone)]
pub struct Options {
    /// The engine's settings. Every script gets an engine and a store of its own.
    pub config: Config,
    /// Stack that guests may use, in bytes: the one that `config` was given.
    pub max_wasm_stack: usize,
    /// Fuel of each store, if `config` says that guests consume it.
    pub fuel: Option<u64>,
    /// Whether the functions of the host module `spectest` print their arguments.
    pub print: bool,
}

/// What a script did, directive by directive.
#[derive(Debug)]
pub struct Report {
    /// One for each directive, in order.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// The directives that did not do what the script says.
    pub fn failures(&self) -> impl Iterator<Item = (&Outcome, &Failure)> {
        self.outcomes.iter().filter_map(|outcome| Some((outcome, outcome.verdict.as_ref().err()?)))
    }
}

/// The verdict on one directive.
#[derive(Debug)]
pub struct Outcome {
    /// Where the directive stands.
    pub at: Position,
    /// The directive's keyword.
    pub directive: &'static str,
    /// `Ok` if it did what the script says, with the engine's words where there are any.
    pub verdict: Result<Option<String>, Failure>,
}

/// A directive that did not do what the script says.
#[derive(Debug)]
pub struct Failure {
    /// What the script wants.
    pub expected: String,
    /// What was.
    pub actual: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {}", self.expected, self.actual)
    }
}

/// A place in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl Position {
    fn of(span: Span, text: &str) -> Position {
        let (line, column) = span.linecol_in(text);
        Position { line: line + 1, column: column + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A script that could not be run at all.
#[derive(Debug)]
pub struct ScriptError {
    /// Where, if it is a matter of the text.
    pub at: Option<Position>,
    /// Why.
    pub message: String,
}

impl ScriptError {
    fn syntax(error: wast::Error, text: &str) -> ScriptError {
        ScriptError { at: Some(Position::of(error.span(), text)), message: error.message() }
    }
}

/// Room beside the guest's stack for the interpreter, hosts and the compiler, in bytes.
const HOST_STACK: usize = 2 << 20;

/// Runs one script on a thread of its own, whose stack holds what guests may use.
///
/// # Errors
/// When the text is no script, or no engine can be made.
pub fn run(text: &str, options: &Options) -> Result<Report, ScriptError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("wast".into())
            .stack_size(options.max_wasm_stack + HOST_STACK)
            .spawn_scoped(scope, || run_here(text, options))
            .map_err(|error| ScriptError { at: None, message: format!("no thread to run on: {error}") })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn run_here(text: &str, options: &Options) -> Result<Report, ScriptError> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(|error| ScriptError::syntax(error, text))?;
    let script =
        parser::parse::<wast::Wast<'_>>(&buffer).map_err(|error| ScriptError::syntax(error, text))?;
    let no_engine = |error: crate::Error| ScriptError {
        at: None,
        message: format!("the host module spectest: {error:#}"),
    };
    std::thread::scope(|scope| {
        let (print, fuel) = (options.print, options.fuel);
        let around = Surroundings { scope, print, stack: options.max_wasm_stack + HOST_STACK, fuel };
        let engine = Engine::new(&options.config).map_err(no_engine)?;
        let mut runner = script::Runner::new(engine, around).map_err(no_engine)?;
        let outcomes = script
            .directives
            .into_iter()
            .map(|directive| Outcome {
                at: Position::of(directive.span(), text),
                directive: script::keyword(&directive),
                verdict: runner.directive(directive),
            })
            .collect();
        Ok(Report { outcomes })
    })
}
