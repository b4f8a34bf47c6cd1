//! A source file as its checks see it: tokens and comments, each with its line. Knows no rule of the house, and of
//! Rust's grammar only where words begin and end, and which module a path starts from.

/// A text file of the repository. Texts live as long as the test.
pub struct Source {
    /// Its path from the top of the repository.
    pub path: String,
    /// All of it.
    pub text: &'static str,
    /// Names and punctuation with their lines; `::` is one token, literals are none.
    pub tokens: Vec<(usize, &'static str)>,
    /// Comments with the line they begin on.
    pub comments: Vec<(usize, &'static str)>,
}

impl Source {
    /// Cuts a text up, if it is Rust.
    pub fn new(path: &str, text: impl Into<String>) -> Source {
        let text: &'static str = text.into().leak();
        let mut source = Source { path: path.into(), text, tokens: vec![], comments: vec![] };
        if path.ends_with(".rs") {
            source.cut();
        }
        source
    }

    fn cut(&mut self) {
        let (text, mut at, mut line) = (self.text, 0, 1);
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            let len = if rest.starts_with("//") || rest.starts_with("/*") {
                let len =
                    if c == '/' && rest.starts_with("//") { line_end(rest) } else { block_comment(rest) };
                self.comments.push((line, &rest[..len]));
                len
            } else if let Some(len) = literal(rest) {
                len
            } else if c.is_alphanumeric() || c == '_' {
                let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                self.tokens.push((line, &rest[..len]));
                len
            } else {
                let len = if rest.starts_with("::") { 2 } else { c.len_utf8() };
                if !c.is_whitespace() {
                    self.tokens.push((line, &rest[..len]));
                }
                len
            };
            line += rest[..len].matches('\n').count();
            at += len;
        }
    }

    /// The names that this file takes from the root of its crate, by `crate::` or by as many `super::` as lead there.
    pub fn root_names(&self) -> Vec<(usize, String)> {
        let mut names = vec![];
        // How deep in modules, of files and inline; and at which depth of braces each inline one began.
        let file_depth = self.module_depth();
        let (mut inline, mut braces) = (vec![], 0usize);
        let token = |i: usize| self.tokens.get(i).map_or("", |(_, t)| *t);
        let mut i = 0;
        while i < self.tokens.len() {
            match token(i) {
                "{" => braces += 1,
                "}" => {
                    braces = braces.saturating_sub(1);
                    inline.pop_if(|at| *at == braces);
                }
                "mod" if token(i + 2) == "{" => inline.push(braces),
                "crate" if token(i + 1) == "::" => self.names_after(i + 2, &mut names),
                "super" => {
                    let mut up = 0;
                    while token(i) == "super" && token(i + 1) == "::" {
                        (up, i) = (up + 1, i + 2);
                    }
                    if up >= file_depth + inline.len() {
                        self.names_after(i, &mut names);
                    }
                    i = i.max(1);
                    if up > 0 {
                        continue;
                    }
                }
                _ => {}
            }
            i += 1;
        }
        names
    }

    /// The first names of the paths that begin at token `i`: one, or those of a group.
    fn names_after(&self, i: usize, names: &mut Vec<(usize, String)>) {
        let mut depth = 0;
        for (n, (line, token)) in self.tokens[i..].iter().enumerate() {
            match *token {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            let begins = n == 0 || depth == 1 && matches!(self.tokens[i + n - 1].1, "{" | ",");
            if begins && *token != "{" && *token != "}" {
                names.push((*line, (*token).into()));
            }
            if depth == 0 {
                break;
            }
        }
    }

    /// How many modules lie around what stands in this file: 0 in a root.
    fn module_depth(&self) -> usize {
        let inside = self.path.split_once("src/").map_or(&self.path[..], |(_, inside)| inside);
        let inside = inside.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        if matches!(inside, "lib" | "main") { 0 } else { inside.split('/').count() }
    }
}

fn line_end(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..rest.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of the string or character that begins here, if one does. A lifetime is none.
fn literal(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|p| {
        rest.strip_prefix(p).is_some_and(|r| r.starts_with('"') || r.starts_with('\'') || r.starts_with('#'))
    })?;
    let body = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let inside = body[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = inside.find(&close).map_or(inside.len(), |at| at + close.len());
        return Some(prefix.len() + hashes + 1 + end);
    }
    let quote = body.chars().next().filter(|c| *c == '"' || *c == '\'' && prefix != "c")?;
    if quote == '\'' {
        // `'a` is a lifetime unless a quote follows at once; `'\` always begins a character.
        let mut chars = body.chars().skip(1);
        let (first, second) = (chars.next()?, chars.next()?);
        if first != '\\' && second != '\'' {
            return None;
        }
    }
    let mut escaped = false;
    let end = body.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    Some(prefix.len() + end.map_or(body.len(), |(at, _)| at + 1))
}
