//! `--timeline`: one line for each event of the session, as it happens. Interprets nothing.

use super::output;
use crate::{Entry, Event, Listener};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Hears events and writes them down.
pub(super) struct Timeline {
    start: Instant,
    /// Standard error when absent.
    file: Option<File>,
}

impl Timeline {
    /// A timeline that begins now, in `file` or on standard error.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(super) fn new(file: Option<&Path>) -> io::Result<Timeline> {
        Ok(Timeline { start: Instant::now(), file: file.map(File::create).transpose()? })
    }
}

impl Listener for Timeline {
    fn event(&self, event: &Event<'_>) {
        let what = describe(event);
        let line = format!("{:>12.3} ms  {what}", self.start.elapsed().as_secs_f64() * 1e3);
        match &self.file {
            None => output::say(&line),
            // A line is one write, so lines of several threads do not mix. A full disk is no reason to stop a guest.
            Some(file) => drop((&*file).write_all(format!("{line}\n").as_bytes())),
        }
    }
}

/// What happened.
pub(super) fn describe(event: &Event<'_>) -> String {
    let us = |time: &Duration| time.as_micros();
    match event {
        Event::Created { functions, took, producers } => {
            let from = if producers.is_empty() { "" } else { "; made by " };
            let names: Vec<String> = producers.iter().map(|producer| producer.to_string()).collect();
            format!("created     {functions} functions, {} µs{from}{}", us(took), names.join(", "))
        }
        Event::FirstCall { function } => format!("first call  f{}", function.0),
        Event::Compiled { function, tier, entry, cost } => format!(
            "compiled    f{}{} {tier}: {} µs, {} bytes to {}; validated {} µs, linked {} µs",
            function.0,
            at(entry),
            us(&cost.compile),
            cost.wasm_bytes,
            cost.native_bytes,
            us(&cost.validate),
            us(&cost.link),
        ),
        Event::Refused { function, tier, reason } => format!("refused     f{} {tier}: {reason}", function.0),
        Event::Redirected { function, tier } => format!("redirected  f{} {tier}", function.0),
        Event::TierUpQueued { function, entry, worth } => {
            format!("hot         f{}{}: worth {worth:.1} times its compile", function.0, at(entry))
        }
        Event::TierUpRefused { function, entry, reason, message } => {
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            format!("not hotter  f{}{}: {reason}{message}", function.0, at(entry))
        }
        Event::Entered { function, offset } => format!("entered     f{} at {offset:#x}", function.0),
        Event::Failed { function, reason } => format!("failed      f{}: {reason}", function.0),
    }
}

/// Where code is entered that is not entered at its start.
fn at(entry: &Entry) -> String {
    match entry {
        Entry::Start => String::new(),
        Entry::Loop(offset) => format!(" at {offset:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tier;
    use crate::session::Cost;
    use latier_runtime::abi::FuncIndex;

    #[test]
    fn an_event_is_one_line() {
        let function = FuncIndex(7);
        let cost =
            Cost { wasm_bytes: 10, native_bytes: 30, compile: Duration::from_micros(150), ..Cost::default() };
        let line = describe(&Event::Compiled { function, tier: Tier::Fast, entry: Entry::Start, cost });
        assert_eq!(line, "compiled    f7 fast: 150 µs, 10 bytes to 30; validated 0 µs, linked 0 µs");
        let line = describe(&Event::FirstCall { function });
        assert_eq!(line, "first call  f7");
    }
}
