//! What latier says when it fails: one line, or a trap's backtrace, and the exit code that goes with it. Decides
//! nothing about when.

use crate::wasi::I32Exit;
use crate::{Error, Trap, WasmBacktrace};
use std::fmt::Write;
use std::ops::Range;
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
                Ending { code: TRAPPED, message: one_line(&format!("Error: {}", about(file, error))) }
            }
            None => Ending::failed(file, error),
        }
    }
}

/// `error` as a statement about `file`, which is named once however often the error names it.
fn about(file: &Path, error: &Error) -> String {
    let file = if file == Path::new("-") { "standard input".into() } else { file.display().to_string() };
    let causes = causes(error);
    if causes.contains(&format!("`{file}`")) { causes } else { format!("{file}: {causes}") }
}

/// An error and what is behind it, without the backtrace that may be among them.
fn causes(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    let causes = error.chain().map(ToString::to_string).filter(|cause| Some(cause) != backtrace.as_ref());
    causes.map(|cause| without_excerpt(&cause)).collect::<Vec<_>>().join(": ")
}

/// The parser of the text format shows an excerpt of many lines behind its message. Of it, only the place is told:
/// `message (at 2:23)`.
fn without_excerpt(message: &str) -> String {
    let place = message.split_once("--> ").and_then(|(message, excerpt)| {
        let (_, place) = excerpt.lines().next()?.split_once(':')?;
        Some(format!("{} (at {place})", message.trim()))
    });
    place.unwrap_or_else(|| message.into())
}

fn one_line(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}

/// Frames of a backtrace that are shown at its innermost end, and at its outermost one, when it is long.
const SHOWN: (usize, usize) = (30, 5);

/// A backtrace, without the middle of a long one.
fn frames(backtrace: &WasmBacktrace) -> String {
    let frames = backtrace.frames();
    let left_out = left_out(frames.len());
    let mut text = String::from("wasm backtrace:");
    for (i, frame) in frames.iter().enumerate() {
        if i == left_out.start && !left_out.is_empty() {
            let _ = write!(text, "\n       ... {} more", left_out.len());
        }
        if left_out.contains(&i) {
            continue;
        }
        // Writing to a string does not fail.
        let _ = write!(text, "\n  {i:>3}: {frame}");
    }
    text
}

/// The frames of a long backtrace that are not shown.
fn left_out(frames: usize) -> Range<usize> {
    let (inner, outer) = SHOWN;
    if frames > inner + outer + 1 { inner..frames - outer } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_failure_names_its_file_once_and_stays_on_one_line() {
        let file = Path::new("a.wasm");
        let ending = Ending::failed(file, &anyhow!("unexpected end\n  of file"));
        assert_eq!(ending.message, "error: a.wasm: unexpected end of file");
        assert_eq!(ending.code, FAILED);
        let ending = Ending::failed(file, &anyhow!("is a directory").context("failed to read `a.wasm`"));
        assert_eq!(ending.message, "error: failed to read `a.wasm`: is a directory");
    }

    #[test]
    fn the_place_of_a_syntax_error_stays_and_its_excerpt_goes() {
        let said = "expected `)`\n     --> <anon>:2:1\n      |\n    2 | \n      | ^";
        assert_eq!(without_excerpt(said), "expected `)` (at 2:1)");
    }

    #[test]
    fn long_backtraces_lose_their_middle() {
        assert!(left_out(0).is_empty() && left_out(36).is_empty());
        assert_eq!(left_out(37), 30..32);
        assert_eq!(left_out(256), 30..251);
    }

    #[test]
    fn guests_end_by_exit_trap_or_failure() {
        let file = Path::new("a.wasm");
        assert_eq!(
            Ending::of_guest(file, &Error::new(I32Exit(3))),
            Ending { code: 3, message: String::new() }
        );
        let trap = Error::new(Trap::UnreachableCodeReached);
        let message = "Error: a.wasm: unreachable".to_owned();
        assert_eq!(Ending::of_guest(file, &trap), Ending { code: TRAPPED, message });
        assert_eq!(Ending::of_guest(file, &anyhow!("no such import")).code, FAILED);
    }
}
