//! The house rules that a machine can check, as tests: who may name whom, where `unsafe` and `cfg(target_*)` may
//! stand, which words are not used, that what is named exists. Every check is also shown something wrong, and must
//! complain. It knows Rust only as far as tokens and comments go.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tested.rs"]
mod tested;

use source::Source;
use tested::Named;

/// The rooms of `src/` and their floors. A file names only its own room and lower floors.
const ROOMS: &[(&str, u32)] = &[
    ("cli", 6),
    ("api", 5),
    ("wasi", 5),
    ("session", 4),
    ("tier", 3),
    ("compile", 3),
    ("link", 3),
    ("wasm", 2),
    ("object", 2),
];
/// The floor of what the crate's root shows to embedders.
const ROOT: u32 = 5;
/// The room that is an embedder like any other: besides itself it names only what the root shows.
const EMBEDDER: &str = "wasi";
/// The most lines of a file.
const LINES: usize = 500;
/// Files of `src/` that may be unsafe, a line each: path, colon, reason.
const UNSAFE_LIST: &str = "wasm-tests/unsafe-in-src.txt";
/// Words for which the glossary has a better one, with what they are called in other forms.
const UNWANTED: &[&str] = &["thunk", "shim", "helper", "util", "utility", "utilities", "manager"];
/// Folders whose paths are checked wherever they are named.
const FOLDERS: &[&str] = &["src/", "runtime/", "wasm-tests/", "benches/"];

/// Where the functions are that embedders call: folders and files.
const EMBEDDERS: &[&str] = &[
    "src/api/",
    "src/wasi/",
    "src/tier/filter.rs",
    "src/tier/knobs.rs",
    "src/tier/mod.rs",
    "src/tier/refusal.rs",
    "src/session/listener.rs",
    "src/session/statistics.rs",
    "src/wasm/features.rs",
];

/// What a check finds wrong with a file.
type Complaints = Vec<String>;

fn complain(source: &Source, line: usize, message: impl std::fmt::Display) -> String {
    format!("{}:{line}: {message}", source.path)
}

/// The floor table: who may name whom.
fn floors(source: &Source) -> Complaints {
    let Some(inside) = source.path.strip_prefix("src/").filter(|p| p.ends_with(".rs")) else { return vec![] };
    let room = inside.split(['/', '.']).next().unwrap_or_default();
    if matches!(inside, "main.rs" | "lib.rs") {
        return vec![];
    }
    let floor_of = |name: &str| ROOMS.iter().find(|(room, _)| *room == name).map(|(_, floor)| *floor);
    let Some(floor) = floor_of(room) else {
        return vec![complain(source, 1, format_args!("`{room}` has no floor in wasm-tests/tidy.rs"))];
    };
    let mut complaints = vec![];
    for (line, name) in source.root_names() {
        let allowed = match floor_of(&name) {
            Some(other) => name == room || other < floor && room != EMBEDDER,
            None => floor >= ROOT,
        };
        if !allowed {
            complaints.push(complain(source, line, format_args!("floor {floor} names `{name}`")));
        }
    }
    complaints
}

/// What differs between systems stays in the two folders that are made for it.
fn targets(source: &Source) -> Complaints {
    if source.path.split('/').any(|part| part == "arch" || part == "sys") {
        return vec![];
    }
    let named = source.tokens.iter().filter(|(_, token)| {
        ["arch", "os", "family", "env", "endian", "pointer_width", "feature", "vendor", "abi"]
            .iter()
            .any(|property| token.strip_prefix("target_") == Some(property))
    });
    let families =
        source.tokens.windows(3).filter(|w| w[0].1 == "cfg" && matches!(w[2].1, "unix" | "windows"));
    let lines = named.map(|t| t.0).chain(families.map(|w| w[0].0));
    lines.map(|line| complain(source, line, "cfg on the target outside of arch/ and sys/")).collect()
}

/// Every file says at its head what it is.
fn heads(source: &Source) -> Complaints {
    match source.text.starts_with("//! ") {
        true => vec![],
        false => vec![complain(source, 1, "the first line does not say what this file is (`//! ...`)")],
    }
}

/// A file is read in a few screens.
fn lengths(source: &Source) -> Complaints {
    match source.text.lines().count() {
        0..=LINES => vec![],
        lines => vec![complain(source, lines, format_args!("more than {LINES} lines"))],
    }
}

/// The controller is safe, but for the files in `list`, each with its reason. The list holds nothing else.
fn unsafety(sources: &[Source], list: &str) -> Complaints {
    let mut reasons = BTreeMap::new();
    let mut complaints = vec![];
    for entry in list.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
        match entry.split_once(':') {
            Some((path, reason)) if !reason.trim().is_empty() => _ = reasons.insert(path.trim(), false),
            _ => complaints.push(format!("{UNSAFE_LIST}: no reason in `{entry}`")),
        }
    }
    for source in sources.iter().filter(|s| s.path.starts_with("src/")) {
        let Some((line, _)) = source.tokens.iter().find(|(_, t)| matches!(*t, "unsafe" | "unsafe_code"))
        else {
            continue;
        };
        match reasons.get_mut(&source.path[..]) {
            Some(used) => *used = true,
            None => {
                complaints.push(complain(source, *line, format_args!("unsafe, and not in {UNSAFE_LIST}")))
            }
        }
    }
    let unused = reasons.into_iter().filter(|(_, used)| !used);
    complaints
        .extend(unused.map(|(path, _)| format!("{UNSAFE_LIST}: {path} is not unsafe, or is not there")));
    complaints
}

/// The words of the glossary are used, and not others for the same things.
fn words(source: &Source) -> Complaints {
    let path = (1, source.path.as_str());
    let places = source.tokens.iter().copied().chain(source.comments.iter().copied()).chain([path]);
    let mut complaints = vec![];
    for (line, text) in places {
        for word in parts(text) {
            let singular = word.strip_suffix('s').unwrap_or(&word);
            if UNWANTED.contains(&singular) || UNWANTED.contains(&&word[..]) {
                complaints.push(complain(
                    source,
                    line,
                    format_args!("`{word}`: the glossary has a better word"),
                ));
            }
        }
    }
    complaints
}

/// The words of a text and of the names in it: `find_lastIndex` is find, last, index.
fn parts(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_alphabetic() || before.is_lowercase() && c.is_uppercase() {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().expect("never empty").extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Nothing is left half done or switched off.
fn leftovers(source: &Source) -> Complaints {
    let mut complaints = vec![];
    for window in source.tokens.windows(3) {
        let [(line, a), (_, b), (_, c)] = window else { continue };
        let found = match (*a, *b, *c) {
            ("todo" | "unimplemented" | "dbg", "!", _) => format!("{a}!"),
            ("#", "[", "ignore") => "a test that is switched off".into(),
            (_, "(", "dead_code") => "code that is not used".into(),
            _ => continue,
        };
        complaints.push(complain(source, *line, found));
    }
    for (line, comment) in &source.comments {
        if comment.split(|c: char| !c.is_alphanumeric()).any(|w| matches!(w, "TODO" | "FIXME" | "XXX")) {
            complaints.push(complain(source, *line, "a note about what is not done"));
        }
    }
    complaints
}

/// What Markdown and comments call by its path is there. `exists` is asked for paths from the top.
fn paths(source: &Source, exists: &dyn Fn(&str) -> bool) -> Complaints {
    let prose: Vec<(usize, &str)> = match source.path.ends_with(".md") {
        true => source.text.lines().enumerate().map(|(n, line)| (n + 1, line)).collect(),
        false => source.comments.clone(),
    };
    let mut complaints = vec![];
    for (first, text) in prose {
        for (n, line) in text.lines().enumerate() {
            let quoted = line.split('`').skip(1).step_by(2).filter(|span| is_file_name(span));
            let separators = |c: char| c.is_whitespace() || "`'\"()[],;«»".contains(c);
            let named = line.split(separators).filter(|w| FOLDERS.iter().any(|folder| w.starts_with(folder)));
            for name in quoted.chain(named).flat_map(variants) {
                let here =
                    source.path.rsplit_once('/').map_or(name.clone(), |(dir, _)| format!("{dir}/{name}"));
                if !exists(&name) && !exists(&here) {
                    let message = format_args!("names `{name}`, which is not there");
                    complaints.push(complain(source, first + n, message));
                }
            }
        }
    }
    complaints.dedup();
    complaints
}

/// Whether something in backticks is the name of a file of ours.
fn is_file_name(span: &str) -> bool {
    let plain = span.chars().all(|c| c.is_alphanumeric() || "_-./{},".contains(c));
    plain && span.len() > 3 && span.ends_with(".rs")
}

/// The paths that one with braces or a placeholder stands for: `a/{b,c}` are two, of `a/*.rs` the folder is meant.
fn variants(path: &str) -> Vec<String> {
    // What follows a colon is an item or a line.
    let path = path.split(':').next().unwrap_or_default().trim_end_matches(['.', '?', '!']);
    if let Some((start, rest)) = path.split_once('{') {
        let (inside, end) = rest.split_once('}').unwrap_or((rest, ""));
        return inside.split(',').map(|one| format!("{start}{}{end}", one.trim())).collect();
    }
    let fixed =
        path.find(['*', '<', '…']).map_or(path, |at| &path[..path[..at].rfind('/').map_or(0, |s| s + 1)]);
    vec![fixed.trim_end_matches('/').into()]
}

/// The text files of the repository that are ours.
fn repository() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = vec![];
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if kind.is_file() && (name.ends_with(".rs") || name.ends_with(".md")) {
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source::new(path.strip_prefix(root).unwrap().to_str().unwrap(), text));
            }
        }
    }
    assert!(sources.len() > 50, "the repository was not found");
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn none(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<_> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn all(check: impl Fn(&Source) -> Complaints) {
    none(repository().iter().filter(|source| source.path.ends_with(".rs")).flat_map(check));
}

/// How many complaints a check has about a file with this path and text.
fn count(check: impl Fn(&Source) -> Complaints, path: &str, text: &str) -> usize {
    check(&Source::new(path, text)).len()
}

#[test]
fn a_file_names_only_its_own_room_and_lower_floors() {
    all(floors);
    assert_eq!(
        count(floors, "src/tier/mod.rs", "use crate::tier::x; use crate::wasm::y; use super::link;"),
        1
    );
    assert_eq!(count(floors, "src/link/a.rs", "use crate::{object, wasm::{self, x}, session::y};"), 1);
    assert_eq!(
        count(floors, "src/object/a.rs", "mod tests { use super::super::super::api; } use super::api;"),
        1
    );
    assert_eq!(count(floors, "src/object/a/b.rs", "fn f() { super::super::super::wasm::g() }"), 1);
    assert_eq!(count(floors, "src/session/a.rs", "fn f(c: crate::Config) {}"), 1);
    assert_eq!(
        count(floors, "src/wasi/a.rs", "use crate::{Caller, session::Session}; use crate::wasi::x;"),
        1
    );
    assert_eq!(count(floors, "src/api/a.rs", "use crate::wasi; use crate::cli; use crate::session;"), 2);
    assert_eq!(count(floors, "src/attic/a.rs", ""), 1);
    let quoted = "// crate::api\n/* crate::api /* */ crate::cli */ fn f<'a>() { g(\"crate::api\", 'c', r#\"crate::api\"#) }";
    assert_eq!(count(floors, "src/object/a.rs", quoted), 0);
}

#[test]
fn targets_are_told_apart_in_two_folders_only() {
    all(targets);
    let text = "#[cfg(target_os = \"linux\")] fn f() { if cfg!(target_pointer_width = \"32\") {} } #[cfg(unix)] fn g() {}";
    assert_eq!(count(targets, "runtime/src/trap.rs", text), 3);
    assert_eq!(count(targets, "runtime/src/sys/mod.rs", text), 0);
    assert_eq!(count(targets, "src/link/mod.rs", "let target_table = 1; // cfg(target_os)"), 0);
}

#[test]
fn every_file_says_at_its_head_what_it_is() {
    all(heads);
    assert_eq!(count(heads, "src/lib.rs", "use std::fmt;\n//! Late."), 1);
    assert_eq!(count(heads, "src/lib.rs", "//! Early.\n"), 0);
}

#[test]
fn no_file_is_long() {
    all(lengths);
    assert_eq!(count(lengths, "src/lib.rs", &"\n".repeat(LINES + 1)), 1);
    assert_eq!(count(lengths, "src/lib.rs", &"\n".repeat(LINES)), 0);
}

#[test]
fn the_controller_is_safe_but_where_a_reason_is_given() {
    let sources = repository();
    let list = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(UNSAFE_LIST)).unwrap();
    none(unsafety(&sources, &list));
    let bad = [Source::new("src/a.rs", "unsafe {}"), Source::new("src/b.rs", "#![allow(unsafe_code)]")];
    assert_eq!(unsafety(&bad, "").len(), 2);
    assert_eq!(unsafety(&bad, "# why\nsrc/a.rs: a reason\nsrc/b.rs: a reason\n").len(), 0);
    assert_eq!(unsafety(&bad, "src/a.rs:\nsrc/b.rs: a reason\nsrc/c.rs: a reason\n").len(), 3);
}

#[test]
fn the_glossary_s_words_are_used() {
    all(words);
    let text = "struct LinkManager; fn as_helper() { stubThunks() } // a shim, two utils";
    assert_eq!(count(words, "src/lib.rs", text), 5);
    assert_eq!(count(words, "src/utils.rs", "fn futile(managed: Futility) {}"), 1);
}

#[test]
fn nothing_is_left_half_done() {
    all(leftovers);
    let text = "#[ignore] fn f() { todo!() } #[allow(dead_code)] fn g() {} // TODO: h";
    assert_eq!(count(leftovers, "src/lib.rs", text), 4);
    assert_eq!(count(leftovers, "src/lib.rs", "fn ignore(todo: Todos) { f(\"TODO\") }"), 0);
}

/// The public functions for embedders that no test and no example names.
fn untested(sources: &[Source]) -> Complaints {
    let examples: Vec<Source> = sources.iter().map(tested::examples).collect();
    let named = Named::new(sources, &examples);
    let theirs = |source: &&Source| EMBEDDERS.iter().any(|place| source.path.starts_with(place));
    let missing = sources.iter().filter(theirs).flat_map(|source| {
        let missing = named.missing(source).into_iter();
        missing.map(|(line, name)| complain(source, line, format_args!("no test names `{name}`")))
    });
    missing.collect()
}

#[test]
fn every_public_function_is_named_by_a_test() {
    none(untested(&repository()));
    let text = "impl<T: Into<U>> A<T> { pub fn new() {} pub fn a(&self) {} pub fn b(&mut self) {} pub(crate) fn c() {} }
        impl B { pub fn new() {} pub fn d(self) {} }\n/// ```\n/// x.d();\n/// ```\npub fn e() {} pub fn f(x: impl C) {}
        mod tests { fn f() { A::new(); B.a() } pub fn g() {} }";
    let api = Source::new("src/api/a.rs", text);
    let complaints =
        untested(&[api, Source::new("wasm-tests/a.rs", "let d = f();"), Source::new("src/link/a.rs", text)]);
    let names: Vec<_> = complaints.iter().filter_map(|text| text.split('`').nth(1)).collect();
    assert_eq!(names, ["b", "B::new", "e"]);
}

#[test]
fn what_is_named_by_its_path_is_there() {
    let sources = repository();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let exists = |path: &str| {
        let end = format!("/{path}");
        root.join(path).exists() || sources.iter().any(|source| source.path.ends_with(&end))
    };
    none(sources.iter().flat_map(|source| paths(source, &exists)));

    let known = ["src", "src/a.rs", "src/link", "src/link/b.rs", "runtime/src/c.rs"];
    let exists = |path: &str| known.contains(&path);
    let wrong = |path: &str, text: &str| paths(&Source::new(path, text), &exists).len();
    assert_eq!(wrong("README.md", "`src/a.rs`, src/link/ and\n`src/gone.rs`; (runtime/src/{c,d}.rs)."), 2);
    assert_eq!(wrong("src/link/README.md", "`b.rs` and `gone.rs` but not gone.rs, `src/link/*.rs`"), 1);
    assert_eq!(wrong("src/a.rs", "// as in `src/gone.rs`\nlet s = \"src/lost.rs\"; // see src/a.rs:12."), 1);
}
