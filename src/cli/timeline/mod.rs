//! `--timeline`: the events of the session with their times, a line each as they happen; or a page with a picture of
//! them. Interprets nothing.

mod page;
mod words;

use super::output;
use crate::{Event, Listener, Origin};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

pub(super) use page::Page;
pub(super) use words::Lines;

/// Hears events and writes them down.
pub(super) struct Timeline {
    start: Instant,
    lines: Lines,
    /// Standard error when absent.
    file: Option<File>,
}

impl Timeline {
    /// A timeline that begins now, in `file` or on standard error. `timed`: it says when and how long; else it is the
    /// same for all runs in which the same happens.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(super) fn new(file: Option<&Path>, timed: bool) -> io::Result<Timeline> {
        let file = file.map(File::create).transpose()?;
        Ok(Timeline { start: Instant::now(), lines: Lines::new(timed), file })
    }
}

impl Listener for Timeline {
    fn event(&self, origin: &Origin<'_>, event: &Event<'_>) {
        let mut line = self.lines.line(origin, event);
        if self.lines.are_timed() {
            let at = self.start.elapsed().as_secs_f64() * 1e3;
            line = format!("{at:>12.3} ms  {line}");
        }
        match &self.file {
            None => output::say(&line),
            // A line is one write, so lines of several threads do not mix. A full disk is no reason to stop a guest.
            Some(file) => drop((&*file).write_all(format!("{line}\n").as_bytes())),
        }
    }
}
