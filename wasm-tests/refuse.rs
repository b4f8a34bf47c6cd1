//! `refuse` cases: bad input, the one line it gets, and the exit code.

use crate::case::{Case, transcript};
use crate::process::Output;
use libtest_mimic::{Failed, Trial};
use std::path::Path;

/// A trial for each file.
pub fn trials() -> Vec<Trial> {
    let trial = |path: std::path::PathBuf| {
        let name = format!("refuse/{}", path.file_name().expect("a file").to_string_lossy());
        Trial::test(name, move || check(&path))
    };
    Case::all("refuse").into_iter().map(trial).collect()
}

fn check(path: &Path) -> Result<(), Failed> {
    let case = Case::read(path)?;
    let output = case.run(&["run"])?;
    refused(&output)?;
    case.compare(&transcript(&output))
}

/// A refusal is one line on standard error with exit code 1, or a complaint about usage with 2; never a panic.
pub fn refused(output: &Output) -> Result<(), Failed> {
    let said = &output.stderr;
    if said.contains("panicked at") {
        return Err(format!("a panic:\n{said}").into());
    }
    match output.code {
        Some(1) if said.lines().count() == 1 => Ok(()),
        Some(2) if !said.is_empty() => Ok(()),
        code => Err(format!("exit code {code:?}, and on standard error:\n{said}").into()),
    }
}
