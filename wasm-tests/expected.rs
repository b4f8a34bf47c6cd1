//! The lists of expected failures: read, never written. A line is `suite/file.wast:LINE  reason`; a reason is not
//! optional, and what it names must exist and must fail.

use crate::suites::SUITES;
use libtest_mimic::{Failed, Trial};
use std::collections::{BTreeMap, BTreeSet};

/// The lists, each with its file's name.
const LISTS: [(&str, &str); 2] = [
    // Assertions that a later version of WebAssembly made obsolete.
    ("obsolete.txt", include_str!("expected-failures/obsolete.txt")),
    // What needs types that the garbage collector would manage.
    ("gc.txt", include_str!("expected-failures/gc.txt")),
];

/// What is expected to fail, by the script's name `suite/file.wast`.
pub struct Expected {
    lines: BTreeMap<&'static str, BTreeSet<usize>>,
    wrong: Vec<String>,
}

impl Expected {
    /// Reads the lists.
    pub fn read() -> Expected {
        let mut all = Expected { lines: BTreeMap::new(), wrong: Vec::new() };
        for (name, list) in LISTS {
            for entry in entries(list) {
                match parse(entry).and_then(|place| place.split_once(':')).map(|(f, line)| (f, line.parse()))
                {
                    Some((file, Ok(line))) if all.lines.entry(file).or_default().insert(line) => {}
                    _ => all.wrong.push(format!("{name}: {entry}")),
                }
            }
        }
        all
    }

    /// The lines of a script on which a directive fails.
    pub fn lines(&self, script: &str) -> BTreeSet<usize> {
        self.lines.get(script).cloned().unwrap_or_default()
    }

    /// The lists are well-formed and name scripts that exist.
    pub fn trial(self) -> Trial {
        Trial::test("expected-failures", move || {
            let known: BTreeSet<String> = SUITES
                .iter()
                .flat_map(|suite| suite.files().into_iter().map(|f| format!("{}/{}", suite.name, f.name())))
                .collect();
            let unknown = self
                .lines
                .keys()
                .filter(|script| !known.contains(**script))
                .map(|s| format!("no script {s}"));
            let wrong: Vec<String> = self.wrong.iter().cloned().chain(unknown).collect();
            if wrong.is_empty() { Ok(()) } else { Err(Failed::from(wrong.join("\n"))) }
        })
    }
}

fn entries(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

/// The place of an entry that has a reason too.
fn parse(entry: &'static str) -> Option<&'static str> {
    let (place, reason) = entry.split_once(char::is_whitespace)?;
    (!reason.trim().is_empty()).then_some(place)
}
