//! Events in words: what a line of the timeline and of the log says. Knows no time and no file.

use crate::session::{Cost, Origin, Thread};
use crate::{Entry, Event, Tier};
use latier_runtime::abi::FuncIndex;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Characters of a function's name that a line shows.
const NAME: usize = 60;

/// An event, taken apart.
pub(super) struct Words {
    /// What happened, in a word or two.
    pub(super) what: &'static str,
    /// To which function; absent if to the module.
    pub(super) function: Option<FuncIndex>,
    /// The loop of the function, by its offset in the body; absent if all of it is meant.
    pub(super) entry: Option<u32>,
    /// The tier in question.
    pub(super) tier: Option<Tier>,
    /// What it cost.
    pub(super) cost: Option<Cost>,
    /// All else that is to be said.
    pub(super) text: String,
}

impl Words {
    /// The words for an event; `timed`: with what is of this run alone, times and what depends on them.
    pub(super) fn new(event: &Event<'_>, timed: bool) -> Words {
        let words = |what, function, tier, text: &str| Words {
            what,
            function: Some(function),
            entry: None,
            tier,
            cost: None,
            text: text.into(),
        };
        match *event {
            Event::Created { functions, took, producers } => {
                let from = if producers.is_empty() { "" } else { "; made by " };
                let names: Vec<String> = producers.iter().map(|producer| producer.to_string()).collect();
                let took = if timed { format!(", {} µs", us(took)) } else { String::new() };
                let text = format!("{functions} functions{took}{from}{}", names.join(", "));
                Words { what: "created", function: None, entry: None, tier: None, cost: None, text }
            }
            Event::FirstCall { function } => words("first call", function, None, ""),
            Event::Compiled { function, tier, entry, cost } => Words {
                entry: offset(entry),
                cost: Some(cost),
                ..words("compiled", function, Some(tier), &if timed { price(&cost) } else { String::new() })
            },
            Event::Refused { function, tier, reason } => words("refused", function, Some(tier), reason),
            Event::Redirected { function, tier } => words("redirected", function, Some(tier), ""),
            Event::TierUpQueued { function, entry, worth } => {
                let text = if timed { format!("worth {worth:.1} times its compile") } else { String::new() };
                Words { entry: offset(entry), ..words("hot", function, None, &text) }
            }
            Event::CalleeQueued { function, caller } => {
                words("hot", function, None, &format!("called by f{}", caller.0))
            }
            Event::TierUpRefused { function, entry, reason, message } => {
                let message = message.map(|message| format!(": {message}")).unwrap_or_default();
                let text = format!("{reason}{message}");
                Words { entry: offset(entry), ..words("not hotter", function, None, &text) }
            }
            Event::Entered { function, offset } => {
                Words { entry: Some(offset), ..words("entered", function, None, "") }
            }
            Event::Failed { function, reason } => words("failed", function, None, reason),
        }
    }
}

/// Where code is entered that is not entered at its start.
fn offset(entry: Entry) -> Option<u32> {
    match entry {
        Entry::Start => None,
        Entry::Loop(offset) => Some(offset),
    }
}

fn us(time: Duration) -> u128 {
    time.as_micros()
}

fn price(cost: &Cost) -> String {
    let (validate, compile, link) = (us(cost.validate), us(cost.compile), us(cost.link));
    let (wasm, native) = (cost.wasm_bytes, cost.native_bytes);
    format!("{compile} µs, {wasm} bytes to {native}; validated {validate} µs, linked {link} µs")
}

/// Makes events into lines. It remembers how many modules there are: of one, nobody needs the number.
pub(in crate::cli) struct Lines {
    timed: bool,
    several: AtomicBool,
}

impl Lines {
    /// Lines that say how long things took, if they are `timed`; else nothing that is of this run alone.
    pub(in crate::cli) fn new(timed: bool) -> Lines {
        Lines { timed, several: AtomicBool::new(false) }
    }

    /// Whether they say how long things took.
    pub(in crate::cli) fn are_timed(&self) -> bool {
        self.timed
    }

    /// The line for an event, without its end.
    pub(in crate::cli) fn line(&self, origin: &Origin<'_>, event: &Event<'_>) -> String {
        if matches!(event, Event::Created { .. }) && origin.module > 0 {
            self.several.store(true, Ordering::Relaxed);
        }
        let name = |function| origin.function_name(function);
        write_line(&Words::new(event, self.timed), name, self.module(origin.module), origin.thread)
    }

    /// The number of a module, if it tells something.
    fn module(&self, number: u32) -> Option<u32> {
        self.several.load(Ordering::Relaxed).then_some(number)
    }
}

fn write_line(
    words: &Words,
    name: impl Fn(FuncIndex) -> Option<String>,
    module: Option<u32>,
    thread: Thread,
) -> String {
    let mut line = format!("{:<12}", words.what);
    // Writing to a string does not fail.
    let _ = match (module, words.function) {
        (None, None) => Ok(()),
        (Some(module), None) => write!(line, "m{module}: "),
        (None, Some(function)) => write!(line, "f{}", function.0),
        (Some(module), Some(function)) => write!(line, "m{module}:f{}", function.0),
    };
    if let Some(name) = words.function.and_then(name) {
        let _ = write!(line, " ({})", shortened(name));
    }
    if let Some(offset) = words.entry {
        let _ = write!(line, " at {offset:#x}");
    }
    if let Some(tier) = words.tier {
        let _ = write!(line, " {tier}");
    }
    if words.function.is_some() && !words.text.is_empty() {
        line.push_str(": ");
    }
    line.push_str(&words.text);
    let _ = match thread {
        Thread::Caller(0) => Ok(()),
        other => write!(line, " [{}]", thread_name(other)),
    };
    line
}

/// What a thread is called.
pub(super) fn thread_name(thread: Thread) -> String {
    match thread {
        Thread::Caller(number) => format!("thread {number}"),
        Thread::Worker(number) => format!("worker {number}"),
    }
}

/// A name of at most [`NAME`] characters.
fn shortened(mut name: String) -> String {
    if let Some((end, _)) = name.char_indices().nth(NAME) {
        name.truncate(end);
        name.push('…');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: &Event<'_>, name: Option<&str>, module: Option<u32>, thread: Thread) -> String {
        write_line(&Words::new(event, true), |_| name.map(String::from), module, thread)
    }

    #[test]
    fn an_event_is_one_line() {
        let function = FuncIndex(7);
        let cost =
            Cost { wasm_bytes: 10, native_bytes: 30, compile: Duration::from_micros(150), ..Cost::default() };
        let event = Event::Compiled { function, tier: Tier::Fast, entry: Entry::Start, cost };
        assert_eq!(
            line(&event, None, None, Thread::Caller(0)),
            "compiled    f7 fast: 150 µs, 10 bytes to 30; validated 0 µs, linked 0 µs"
        );
        let event = Event::FirstCall { function };
        assert_eq!(line(&event, None, None, Thread::Caller(0)), "first call  f7");
        let event = Event::TierUpQueued { function, entry: Entry::Loop(20), worth: 2.5 };
        let told = line(&event, Some("g"), None, Thread::Caller(0));
        assert_eq!(told, "hot         f7 (g) at 0x14: worth 2.5 times its compile");
    }

    #[test]
    fn name_module_and_thread_are_told_where_they_tell_something() {
        let event = Event::Refused { function: FuncIndex(7), tier: Tier::Optimized, reason: "it is cold" };
        assert_eq!(
            line(&event, Some("f"), Some(1), Thread::Worker(2)),
            "refused     m1:f7 (f) optimized: it is cold [worker 2]"
        );
        let created = Event::Created { functions: 3, took: Duration::ZERO, producers: &[] };
        assert_eq!(line(&created, None, Some(0), Thread::Caller(0)), "created     m0: 3 functions, 0 µs");
        let long = "é".repeat(NAME + 1);
        let told = line(&Event::FirstCall { function: FuncIndex(0) }, Some(&long), None, Thread::Caller(1));
        assert_eq!(told, format!("first call  f0 ({}…) [thread 1]", "é".repeat(NAME)));
    }
}
