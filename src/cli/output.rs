//! Standard output and standard error, with and without colour, and the way out of the process. A reader who left
//! is no failure of ours: what cannot be written to who is not there is dropped.

use crate::Result;
use anyhow::Context;
use clap::ColorChoice;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Writes to standard output.
///
/// # Errors
/// When it cannot be written, unless its reader has left.
pub(super) fn print(text: &str) -> Result<()> {
    let mut output = io::stdout();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Writes to standard output what the user asked for, and ends the process.
pub(super) fn answer(text: &str) -> ! {
    match print(text) {
        Ok(()) => exit(0),
        Err(error) => {
            say(&format!("error: {error:#}"));
            exit(1)
        }
    }
}

/// Writes help to standard output, styled where colours are wanted, and ends the process.
pub(super) fn help(text: &clap::builder::StyledStr, color: ColorChoice) -> ! {
    let plain = std::env::var_os("NO_COLOR").is_some() || !io::stdout().is_terminal();
    match color {
        ColorChoice::Never => answer(&text.to_string()),
        ColorChoice::Auto if plain => answer(&text.to_string()),
        _ => answer(&text.ansi().to_string()),
    }
}

/// Writes a line to standard error.
pub(super) fn say(text: &str) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Writes a failure to standard error, its first word in red where colours are wanted.
pub(super) fn complain(message: &str, color: ColorChoice) {
    match message.split_once(':') {
        Some((word, rest)) if wants_color(color) => say(&format!("\x1b[1;31m{word}:\x1b[0m{rest}")),
        _ => say(message),
    }
}

/// Characters of a line of standard output, if anyone knows: the terminal, or who set COLUMNS.
pub(super) fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let size = || rustix::termios::tcgetwinsize(io::stdout()).ok();
    said.or_else(|| size().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0))
}

/// Whether standard error gets colours.
pub(super) fn wants_color(color: ColorChoice) -> bool {
    match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    }
}

/// Ends the process at once: destructors would only give back what the system takes anyway.
pub(super) fn exit(code: i32) -> ! {
    let _ = io::stdout().flush();
    std::process::exit(code)
}
