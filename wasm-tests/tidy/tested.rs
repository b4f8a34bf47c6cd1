//! Which public functions no test names. Knows functions by their names alone: one without `self` is named with its type,
//! a method by what stands behind a dot.

use super::source::Source;
use std::collections::BTreeSet;

/// A public function of an `impl` block or a module.
struct Function<'a> {
    line: usize,
    /// The type, of a function that has no `self`.
    of: Option<&'a str>,
    name: &'a str,
}

/// What tests name: methods and functions alone, and functions with what stands before them.
pub struct Named<'a> {
    names: BTreeSet<&'a str>,
    pairs: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Named<'a> {
    /// All that is named in files of tests, in modules of tests, and in examples of documentation.
    pub fn new(sources: &'a [Source], examples: &'a [Source]) -> Named<'a> {
        let mut named = Named { names: BTreeSet::new(), pairs: BTreeSet::new() };
        for source in sources {
            let tests = source.path.starts_with("wasm-tests/") || source.path.starts_with("benches/");
            let whole = tests || source.path.split(['/', '.']).any(|part| part == "tests");
            let start = if whole { 0 } else { tests_begin(source) };
            named.add(&source.tokens[start..]);
        }
        examples.iter().for_each(|example| named.add(&example.tokens));
        named
    }

    fn add(&mut self, tokens: &[(usize, &'a str)]) {
        for (n, (_, token)) in tokens.iter().enumerate().skip(1) {
            match tokens[n - 1].1 {
                "." => _ = self.names.insert(token),
                "::" => {
                    self.names.insert(token);
                    if let Some((_, of)) = n.checked_sub(2).and_then(|before| tokens.get(before)) {
                        self.pairs.insert((of, token));
                    }
                }
                // A function of a module, imported.
                _ if tokens.get(n + 1).is_some_and(|next| next.1 == "(") => _ = self.names.insert(token),
                _ => {}
            }
        }
    }

    /// The public functions of a file that no test names, with their lines.
    pub fn missing(&self, source: &'a Source) -> Vec<(usize, String)> {
        let all = functions(&source.tokens[..tests_begin(source)]);
        let missing = all.into_iter().filter(|function| match function.of {
            Some(of) => !self.pairs.contains(&(of, function.name)),
            None => !self.names.contains(function.name),
        });
        let name = |f: &Function<'_>| f.of.map_or(f.name.to_owned(), |of| format!("{of}::{}", f.name));
        missing.map(|function| (function.line, name(&function))).collect()
    }
}

/// The examples in a file's documentation, as a source of their own.
pub fn examples(source: &Source) -> Source {
    let (mut code, mut inside) = (String::new(), false);
    for (_, comment) in &source.comments {
        let Some(line) = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!")) else {
            continue;
        };
        match line.trim().starts_with("```") {
            true => inside = !inside,
            false if inside => code.extend([line.trim_start_matches(" #"), "\n"]),
            false => {}
        }
    }
    Source::new(&source.path, code)
}

/// The token at which a file's own tests begin.
fn tests_begin(source: &Source) -> usize {
    let is_tests = |w: &[(usize, &str)]| w[0].1 == "mod" && w[1].1 == "tests" && w[2].1 == "{";
    source.tokens.windows(3).position(is_tests).unwrap_or(source.tokens.len())
}

/// The public functions among these tokens.
fn functions<'a>(tokens: &[(usize, &'a str)]) -> Vec<Function<'a>> {
    let token = |n: usize| tokens.get(n).map_or("", |(_, token)| *token);
    let (mut found, mut implemented, mut depth) = (vec![], "", 0);
    for n in 0..tokens.len() {
        match token(n) {
            "{" => depth += 1,
            "}" => depth -= 1,
            // Not the `impl` of a type.
            "impl" if n == 0 || matches!(token(n - 1), "}" | ";" | "]") => {
                implemented = implemented_type(tokens, n);
            }
            "pub" if token(n + 1) == "fn" && token(n + 2) != "$" => {
                let parameters = (n..n + 60).find(|at| token(*at) == "(").unwrap_or(n);
                let method = (parameters + 1..parameters + 5).any(|at| token(at) == "self");
                let of = (!method && depth > 0).then_some(implemented);
                found.push(Function { line: tokens[n].0, of, name: token(n + 2) });
            }
            _ => {}
        }
    }
    found
}

/// The type that an `impl` block is of: behind its own generics.
fn implemented_type<'a>(tokens: &[(usize, &'a str)], at: usize) -> &'a str {
    let mut depth = 0;
    for (_, token) in &tokens[at + 1..] {
        match *token {
            "<" => depth += 1,
            ">" => depth -= 1,
            name if depth == 0 => return name,
            _ => {}
        }
    }
    ""
}
