//! `run` cases: programs whose output is the same in every mode, and however code tiers up.

use crate::case::{Case, transcript};
use libtest_mimic::{Failed, Trial};
use std::path::Path;

/// Besides by heat, functions are optimized after so many calls and rounds.
const STEPS: [&str; 3] = ["stepped=1", "stepped=2", "stepped=3"];

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
        let mut ways = vec![vec!["run", "--mode", mode.row().name]];
        if mode.row().tier_up {
            ways.extend(STEPS.map(|step| vec!["run", "--mode", mode.row().name, "--tier-up", step]));
        }
        for way in ways {
            // Read again each time: the first one may have rewritten the expected output.
            let case = Case::read(path)?;
            let output = case.run(&way)?;
            let message = |failed: Failed| {
                format!("latier {}: {}", way.join(" "), failed.message().unwrap_or_default())
            };
            case.compare(&transcript(&output)).map_err(message)?;
        }
    }
    Ok(())
}
