//! What latier says when it fails: one line, or a trap's backtrace, and the exit code that goes with it. Decides
//! nothing about when.

use crate::wasi::I32Exit;
use crate::{Error, Trap, WasmBacktrace};
use std::fmt::Write;
use std::path::Path;

/// Exit code of a guest that trapped: the shell's word for a program that aborted.
pub const TRAPPED: i32 = 134;
/// Exit code of wrong usage.
pub const USAGE: i32 = 2;
/// Exit code of every other failure.
pub const FAILED: i32 = 1;

/// How the process ends: what is said on standard error, and its code.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    /// The process's exit code.
    pub code: i32,
    /// What is said; empty for a guest that chose to leave.
    pub message: String,
}

impl Ending {
    /// The guest did all it wanted.
    pub fn success() -> Ending {
        Ending { code: 0, message: String::new() }
    }

    /// Wrong usage that the table of options cannot know of.
    pub fn usage(message: impl Into<String>) -> Ending {
        Ending { code: USAGE, message: one_line(&format!("error: {}", message.into())) }
    }

    /// A failure that is no guest's: `file` could not be read, is malformed, or its imports are missing.
    pub fn failed(file: &Path, error: &Error) -> Ending {
        Ending { code: FAILED, message: one_line(&format!("error: {}", about(file, error))) }
    }

    /// The ending of a guest whose call, or whose start, gave `error`. What is neither an exit nor a trap is a
    /// failure about `file`.
    pub fn of_guest(file: &Path, error: &Error) -> Ending {
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return Ending { code: exit.0, message: String::new() };
        }
        match error.downcast_ref::<WasmBacktrace>() {
            Some(backtrace) => {
                let trapped = error.downcast_ref::<Trap>().is_some();
                let message = format!("Error: {}\n{}", causes(error), frames(backtrace));
                Ending { code: if trapped { TRAPPED } else { FAILED }, message }
            }
            None if error.downcast_ref::<Trap>().is_some() => {
                Ending { code: TRAPPED, message: one_line(&format!("Error: {}", causes(error))) }
            }
            None => Ending::failed(file, error),
        }
    }
}

/// `error` as a statement about `file`, which is named once however often the error names it.
fn about(file: &Path, error: &Error) -> String {
    let file = file.display().to_string();
    let causes = causes(error);
    if causes.contains(&file) { causes } else { format!("{file}: {causes}") }
}

/// An error and what is behind it, without the backtrace that may be among them.
fn causes(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    let causes = error.chain().map(ToString::to_string).filter(|cause| Some(cause) != backtrace.as_ref());
    causes.collect::<Vec<_>>().join(": ")
}

/// Messages of parsers come with excerpts of many lines; what they say stands in the first.
fn one_line(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}

/// A backtrace, a frame a line: number, offset in the file, module and function.
fn frames(backtrace: &WasmBacktrace) -> String {
    let mut text = String::from("wasm backtrace:");
    for (i, frame) in backtrace.frames().iter().enumerate() {
        let module = frame.module().name().unwrap_or("<unknown>");
        let offset = frame.module_offset().unwrap_or_default();
        let function = match frame.func_name() {
            Some(name) => name.to_owned(),
            None => format!("<wasm function {}>", frame.func_index()),
        };
        // Writing to a string does not fail.
        let _ = write!(text, "\n  {i:>3}: {offset:#8x} - {module}!{function}");
    }
    text
}
