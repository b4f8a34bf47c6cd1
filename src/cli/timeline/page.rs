//! `--timeline=FILE.html`: the events of a run as a page with a picture, complete in one file. It is written when the
//! run ends. What the picture looks like is the page's own business, in the files beside this one.

use super::words::{Words, thread_name};
use crate::session::Thread;
use crate::{Event, Listener, Mode, Origin, Tier};
use serde::Serialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The page, with places for its parts.
const TEMPLATE: &str = include_str!("page.html");
/// What stands in those places.
const PARTS: [(&str, &str); 2] =
    [("{{style}}", include_str!("page.css")), ("{{script}}", include_str!("page.js"))];
/// The place of the data.
const DATA: &str = "{{data}}";

/// Hears events and keeps them for a page.
pub(in crate::cli) struct Page {
    start: Instant,
    file: File,
    kept: Mutex<Kept>,
}

/// What was heard so far.
#[derive(Default)]
struct Kept {
    events: Vec<Row>,
    /// What is said of each module.
    modules: Vec<String>,
    functions: u64,
    kinds: Numbered<&'static str>,
    threads: Numbered<Thread>,
    names: HashMap<(u32, u32), Option<String>>,
}

/// Things by the order in which they were first met.
struct Numbered<T>(Vec<T>);

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered(Vec::new())
    }
}

impl<T: PartialEq> Numbered<T> {
    fn number(&mut self, it: T) -> usize {
        self.0.iter().position(|one| *one == it).unwrap_or_else(|| {
            self.0.push(it);
            self.0.len() - 1
        })
    }
}

/// An event as the page's script reads it: when (in microseconds), kind, thread, module, function, the offset of its
/// loop, tier, cost, words.
#[derive(Serialize)]
struct Row(f64, usize, usize, u32, Option<u32>, Option<u32>, Option<usize>, Option<Price>, String);

/// Microseconds of validation, compile and link; bytes of Wasm and of machine code.
#[derive(Serialize)]
struct Price(f64, f64, f64, usize, usize);

/// All that the page's script reads.
#[derive(Serialize)]
struct Data<'a> {
    version: &'static str,
    program: &'a str,
    arguments: &'a [String],
    mode: &'static str,
    eager: bool,
    total_us: f64,
    functions: u64,
    modules: &'a [String],
    tiers: Vec<&'static str>,
    kinds: &'a [&'static str],
    threads: Vec<String>,
    names: Vec<(u32, u32, &'a str)>,
    events: &'a [Row],
}

/// Microseconds, to a tenth.
fn us(time: Duration) -> f64 {
    (time.as_nanos() / 100) as f64 / 10.0
}

impl Page {
    /// A page for a run that begins now.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(in crate::cli) fn new(file: &Path) -> io::Result<Page> {
        Ok(Page { start: Instant::now(), file: File::create(file)?, kept: Mutex::default() })
    }

    /// Writes the page: the run of `program` is over.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(in crate::cli) fn write(&self, program: &str, arguments: &[String], mode: Mode) -> io::Result<()> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<(u32, u32, &str)> =
            kept.names.iter().filter_map(|(of, name)| Some((of.0, of.1, name.as_deref()?))).collect();
        names.sort_unstable();
        let data = Data {
            version: env!("CARGO_PKG_VERSION"),
            program,
            arguments,
            mode: mode.row().name,
            eager: mode.row().eager,
            total_us: us(self.start.elapsed()),
            functions: kept.functions,
            modules: &kept.modules,
            tiers: Tier::TABLE.iter().map(|row| row.name).collect(),
            kinds: &kept.kinds.0,
            threads: kept.threads.0.iter().map(|thread| thread_name(*thread)).collect(),
            names,
            events: &kept.events,
        };
        (&self.file).write_all(fill(&serde_json::to_string(&data)?).as_bytes())
    }
}

/// The page with this data in it.
fn fill(json: &str) -> String {
    let page = PARTS.iter().fold(TEMPLATE.to_owned(), |page, (place, part)| page.replace(place, part));
    // In JSON, `<` stands only in strings, where it may be written so. Then no name ends the script it stands in.
    page.replace(DATA, &json.replace('<', "\\u003c"))
}

impl Listener for Page {
    fn event(&self, origin: &Origin<'_>, event: &Event<'_>) {
        let at = us(self.start.elapsed());
        let words = Words::new(event, true);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Created { functions, .. } = event {
            kept.functions += u64::from(*functions);
            let module = origin.module as usize;
            let modules = kept.modules.len().max(module + 1);
            kept.modules.resize(modules, String::new());
            kept.modules[module].clone_from(&words.text);
        }
        if let Some(function) = words.function {
            let of = (origin.module, function.0);
            kept.names.entry(of).or_insert_with(|| origin.function_name(function));
        }
        let price = |cost: crate::Cost| {
            let [validate, compile, link] = [cost.validate, cost.compile, cost.link].map(us);
            Price(validate, compile, link, cost.wasm_bytes, cost.native_bytes)
        };
        let (kind, thread) = (kept.kinds.number(words.what), kept.threads.number(origin.thread));
        let function = words.function.map(|function| function.0);
        let tier = words.tier.map(|tier| tier as usize);
        // What a compile cost is in numbers; the page says it in its own words.
        let text = if words.cost.is_some() { String::new() } else { words.text };
        let (entry, cost) = (words.entry, words.cost.map(price));
        kept.events.push(Row(at, kind, thread, origin.module, function, entry, tier, cost, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_a_place_for_each_part_and_loads_nothing() {
        for place in PARTS.map(|part| part.0).into_iter().chain([DATA]) {
            assert_eq!(TEMPLATE.matches(place).count(), 1, "{place}");
        }
        let page = fill("{}");
        assert!(!page.contains("{{"), "a place was not filled");
        for loader in ["http:", "https:", "src=", "href=", "@import", "url(", "fetch(", "import("] {
            assert!(!page.contains(loader), "{loader}");
        }
    }

    #[test]
    fn no_name_ends_the_script_that_it_stands_in() {
        let json = serde_json::to_string(&["</script><!-- {{script}} \u{2028}"]).unwrap();
        let page = fill(&json);
        let (_, rest) = page.split_once("id=\"data\">").unwrap();
        let (data, _) = rest.split_once("</script>").unwrap();
        let read: Vec<String> = serde_json::from_str(data).unwrap();
        assert_eq!(read, ["</script><!-- {{script}} \u{2028}"]);
    }
}
