//! `timeline` cases: programs and what happens to their functions, line for line. With `--tier-up stepped=N` compiles
//! are made in place and lines have no times, so they are the same in every run.

use crate::case::{Case, transcript};
use libtest_mimic::{Failed, Trial};
use std::path::Path;

/// A trial for each file.
pub fn trials() -> Vec<Trial> {
    let trial = |path: std::path::PathBuf| {
        let name = format!("timeline/{}", path.file_name().expect("a file").to_string_lossy());
        Trial::test(name, move || check(&path))
    };
    Case::all("timeline").into_iter().map(trial).collect()
}

/// The case says its `--tier-up` itself.
fn check(path: &Path) -> Result<(), Failed> {
    let case = Case::read(path)?;
    case.compare(&transcript(&case.run(&["run", "--timeline"])?))
}
