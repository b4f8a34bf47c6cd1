//! Programs to run: where each is, with which arguments, and what it must write. Read from a list; runs nothing.

use crate::packages::Package;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The list that comes with the harness, and the folder that its paths start from.
pub const OWN_LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/workloads/workloads.json");

/// What is measured of a program.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A short program, with nothing at all kept from before: a machine's first run ever
    First,
    /// A short program that the runtime has never run; it has run others
    Cold,
    /// A short program that the runtime has run before
    Second,
    /// A program that computes, half a second or more; less with --quick
    Long,
}

impl Kind {
    /// All kinds, in the order of tables.
    pub const ALL: [Kind; 4] = [Kind::First, Kind::Cold, Kind::Second, Kind::Long];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::First => "first",
            Kind::Cold => "cold",
            Kind::Second => "second",
            Kind::Long => "long",
        }
    }

    /// What is kept from before.
    pub fn about(self) -> &'static str {
        match self {
            Kind::First => "first runs ever: nothing at all is kept from before",
            Kind::Cold => "cold starts: the runtime has run other programs, never this one",
            Kind::Second => "second runs: the runtime has run this program before",
            Kind::Long => "long runs: programs that compute",
        }
    }
}

/// What a program needs of a runtime beyond the first version of WebAssembly.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Feature {
    /// `try_table` and `throw`.
    Exceptions,
    /// Vectors of 128 bits.
    Simd,
}

/// A list of programs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// What some of them come in.
    #[serde(default)]
    pub packages: Vec<Package>,
    /// The programs.
    pub workloads: Vec<Workload>,
    /// Where their paths start.
    #[serde(skip)]
    pub base: PathBuf,
}

/// A program with arguments and what it must write.
#[derive(Clone, Debug, Deserialize)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// What it exercises.
    pub about: String,
    /// The module, from the list's folder, or `PACKAGE:PATH`.
    pub module: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// What must come of it.
    #[serde(flatten)]
    pub expected: Expected,
    /// The same with less to do, for `--quick`.
    pub quick: Option<Quick>,
    /// What is measured of it.
    pub kinds: Vec<Kind>,
    /// Files that are copied to where it runs.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Files that it writes there.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// Directories it is given: where they are (`.` is where it runs, else `PACKAGE:PATH`), what it calls them.
    #[serde(default)]
    pub dirs: Vec<(String, String)>,
    /// Its name for itself.
    pub argv0: Option<String>,
    /// What it needs.
    #[serde(default)]
    pub needs: Vec<Feature>,
}

/// A smaller version of a program.
#[derive(Clone, Debug, Deserialize)]
pub struct Quick {
    /// Its arguments.
    pub args: Vec<String>,
    /// What must come of it.
    #[serde(flatten)]
    pub expected: Expected,
}

/// What must come of a program: its standard output, or the hash of that followed by the files it writes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// Standard output is this.
    Output(String),
    /// The SHA-256 of standard output and then of the files.
    Sha256(String),
}

impl Expected {
    /// Whether this came; else what is wrong.
    pub fn check(&self, output: &[u8], files: &[Vec<u8>]) -> Result<(), String> {
        match self {
            Expected::Output(text) if text.as_bytes() == output => Ok(()),
            Expected::Output(text) => {
                Err(format!("the output is {}, not {}", start(output), start(text.as_bytes())))
            }
            Expected::Sha256(wanted) => {
                let mut hash = Sha256::new();
                hash.update(output);
                files.iter().for_each(|file| hash.update(file));
                let got = hexadecimal(&hash.finalize());
                (got == *wanted).then_some(()).ok_or_else(|| {
                    format!("the output's sha256 is {got}, not {wanted}; it begins with {}", start(output))
                })
            }
        }
    }
}

/// Bytes as they are written.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The beginning of an output, quoted.
fn start(output: &[u8]) -> String {
    const LENGTH: usize = 60;
    let text = String::from_utf8_lossy(&output[..output.len().min(LENGTH)]).into_owned();
    format!("{text:?}{}", if output.len() > LENGTH { "…" } else { "" })
}

impl List {
    /// Reads a list.
    ///
    /// # Errors
    /// When it cannot be read, or names a package that it does not describe.
    pub fn read(path: &Path) -> Result<List> {
        let name = || format!("the list of workloads {}", path.display());
        let text = fs::read_to_string(path).with_context(name)?;
        let mut list: List = serde_json::from_str(&text).with_context(name)?;
        list.base = path.parent().unwrap_or(Path::new(".")).canonicalize().with_context(name)?;
        for workload in &list.workloads {
            for package in workload.packages() {
                let known = list.packages.iter().any(|known| known.name == package);
                ensure!(known, "{}: {} needs the unknown package {package}", name(), workload.name);
            }
        }
        Ok(list)
    }

    /// Where a path of this list leads. Packages are in `packages`.
    pub fn locate(&self, path: &str, packages: &Path) -> PathBuf {
        match path.split_once(':') {
            Some((package, inside)) => {
                let version = self.packages.iter().find(|known| known.name == package);
                packages.join(version.map(Package::folder).unwrap_or_default()).join(inside)
            }
            None => self.base.join(path),
        }
    }
}

impl Workload {
    /// A program of the harness's own, which only prints this.
    pub fn own(name: &str, output: &str) -> Workload {
        Workload {
            name: name.into(),
            about: String::new(),
            module: String::new(),
            args: Vec::new(),
            expected: Expected::Output(output.into()),
            quick: None,
            kinds: vec![Kind::Cold],
            inputs: Vec::new(),
            outputs: Vec::new(),
            dirs: Vec::new(),
            argv0: None,
            needs: Vec::new(),
        }
    }

    /// The packages that it needs.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        let paths = self.dirs.iter().map(|(host, _)| host).chain([&self.module]).chain(&self.inputs);
        paths.filter_map(|path| path.split_once(':')).map(|(package, _)| package)
    }

    /// The program with less to do; itself, where there is no less.
    pub fn quick(mut self) -> Workload {
        if let Some(Quick { args, expected }) = self.quick.take() {
            (self.args, self.expected) = (args, expected);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_that_comes_along_names_only_what_is_there() {
        let list = List::read(Path::new(OWN_LIST)).unwrap();
        let kernels =
            list.workloads.iter().filter(|w| w.kinds.contains(&Kind::Long) && w.packages().count() == 0);
        assert!(kernels.count() >= 14);
        for workload in &list.workloads {
            let own =
                [&workload.module].into_iter().chain(&workload.inputs).filter(|path| !path.contains(':'));
            for path in own {
                assert!(list.base.join(path).is_file(), "{}: {path}", workload.name);
            }
            let same = list.workloads.iter().filter(|other| other.name == workload.name).count();
            assert_eq!(same, 1, "{}", workload.name);
        }
    }

    #[test]
    fn outputs_are_compared_to_the_byte() {
        let text = Expected::Output("42\n".into());
        assert_eq!(text.check(b"42\n", &[]), Ok(()));
        assert_eq!(text.check(b"42", &[]), Err("the output is \"42\", not \"42\\n\"".into()));
        // The hash of "abc" is in every description of SHA-256.
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hashed = Expected::Sha256(hash.into());
        assert_eq!(hashed.check(b"a", &[b"b".to_vec(), b"c".to_vec()]), Ok(()));
        assert!(hashed.check(b"a", &[]).unwrap_err().contains(hash));
    }
}
