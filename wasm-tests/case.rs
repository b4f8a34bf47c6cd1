//! A case file: options in `;;! key: value` lines at its top, expected output in `;;` lines at its end. Says what the
//! command line is and what it should give; judges nothing.

use crate::process::{self, Output};
use latier::Mode;
use libtest_mimic::Failed;
use std::fs;
use std::path::{Path, PathBuf};

/// A case.
pub struct Case {
    path: PathBuf,
    source: String,
    options: Vec<String>,
    file: Option<String>,
    args: Vec<String>,
    stdin: String,
    modes: Vec<Mode>,
}

impl Case {
    /// The cases of a folder of `wasm-tests`, in the order of their names.
    pub fn all(folder: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm-tests").join(folder);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "wat"));
        paths.sort();
        paths
    }

    /// Reads a case.
    ///
    /// # Errors
    /// When it has a directive that does not exist.
    pub fn read(path: &Path) -> Result<Case, Failed> {
        let source = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut case = Case {
            path: path.into(),
            options: Vec::new(),
            file: None,
            args: Vec::new(),
            stdin: String::new(),
            modes: Mode::TABLE.iter().map(|row| row.mode).collect(),
            source: String::new(),
        };
        for line in source.lines().map_while(|line| line.strip_prefix(";;!")) {
            let (key, value) = line.split_once(':').ok_or_else(|| format!("';;!{line}' is no key: value"))?;
            let value = value.trim();
            let words = || value.split_whitespace().map(str::to_owned);
            match key.trim() {
                "args" => case.args.extend(words()),
                "invoke" => {
                    let mut words = words();
                    case.options.extend(["--invoke".to_owned()].into_iter().chain(words.next()));
                    case.args.extend(words);
                }
                "features" => case.options.extend(["-W".to_owned(), value.to_owned()]),
                "options" => case.options.extend(words()),
                "file" => case.file = Some(value.to_owned()),
                "modes" => case.modes = words().map(|name| name.parse()).collect::<Result<_, String>>()?,
                "stdin" => case.stdin = format!("{value}\n"),
                other => return Err(format!("there is no directive '{other}'").into()),
            }
        }
        case.source = source;
        Ok(case)
    }

    /// The modes it runs in: all, unless it says which.
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }

    /// The features that it turns on or off, as `-W` takes them.
    pub fn features(&self) -> String {
        let pairs = self.options.windows(2).filter(|pair| pair[0] == "-W");
        pairs.map(|pair| pair[1].as_str()).collect::<Vec<_>>().join(",")
    }

    /// Runs the case with some more options.
    pub fn run(&self, more: &[&str]) -> Result<Output, Failed> {
        let folder = self.path.parent().expect("a case is in a folder");
        let own = self.path.file_name().expect("a case has a name").to_string_lossy();
        let file = self.file.as_deref().unwrap_or(&own);
        let args = more.iter().copied().chain(self.options.iter().map(String::as_str)).chain(
            // `file:` without a value: no file at all.
            Some(file).filter(|file| !file.is_empty()),
        );
        let args = args.chain(self.args.iter().map(String::as_str));
        Ok(process::latier(folder, args, self.stdin.as_bytes())?)
    }

    /// The output as it stands at the end of the file.
    pub fn expected(&self) -> String {
        let lines = self.source.lines().skip(self.start_of_expected());
        lines.map(|line| format!("{}\n", line.strip_prefix(";; ").unwrap_or_else(|| &line[2..]))).collect()
    }

    /// Compares `actual` with what the file says, or writes it there with `BLESS=1`.
    pub fn compare(&self, actual: &str) -> Result<(), Failed> {
        if actual == self.expected() {
            return Ok(());
        }
        if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
            return Ok(self.bless(actual)?);
        }
        let path = self.path.display();
        let expected = self.expected();
        Err(format!("{path}\n--- expected\n{expected}--- actual\n{actual}--- BLESS=1 accepts it").into())
    }

    fn bless(&self, actual: &str) -> Result<(), String> {
        let kept: Vec<&str> = self.source.lines().take(self.start_of_expected()).collect();
        let output = actual.lines().map(|line| format!(";; {line}").trim_end().to_owned() + "\n");
        let text = format!("{}\n\n{}", kept.join("\n").trim_end(), output.collect::<String>());
        fs::write(&self.path, text).map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// The expected output is the last run of `;;` lines; directives are none of it.
    fn start_of_expected(&self) -> usize {
        let lines: Vec<&str> = self.source.lines().collect();
        let is_output = |line: &&&str| line.starts_with(";;") && !line.starts_with(";;!");
        lines.len() - lines.iter().rev().take_while(is_output).count()
    }
}

/// What a child did as text: standard output, then what is remarkable about the rest.
pub fn transcript(output: &Output) -> String {
    let mut text = output.stdout.clone();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.extend(output.stderr.lines().map(|line| format!("stderr: {line}").trim_end().to_owned() + "\n"));
    match output.code {
        Some(0) => {}
        Some(code) => text.push_str(&format!("exit: {code}\n")),
        None => text.push_str("ended by a signal\n"),
    }
    text
}
