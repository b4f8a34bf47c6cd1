//! `run` cases: programs whose output is the same in every mode.

use crate::case::{Case, transcript};
use libtest_mimic::{Failed, Trial};
use std::path::Path;

/// A trial for each file, which runs it in every mode.
pub fn trials() -> Vec<Trial> {
    let trial = |path: std::path::PathBuf| {
        let name = format!("run/{}", path.file_name().expect("a file").to_string_lossy());
        Trial::test(name, move || check(&path))
    };
    Case::all("run").into_iter().map(trial).collect()
}

fn check(path: &Path) -> Result<(), Failed> {
    for mode in Case::read(path)?.modes() {
        // Read again in each mode: the first one may have rewritten the expected output.
        let case = Case::read(path)?;
        let output = case.run(&["run", "--mode", mode.row().name])?;
        let message = |failed: Failed| format!("{mode}: {}", failed.message().unwrap_or_default());
        case.compare(&transcript(&output)).map_err(message)?;
    }
    Ok(())
}
