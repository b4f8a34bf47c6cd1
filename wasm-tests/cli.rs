//! What the command line promises beyond programs' output: statistics, the timeline, dumped objects, scripts.

use crate::process;
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};

/// The trials.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("cli/help", help),
        Trial::test("cli/wast", wast),
        Trial::test("cli/closed-output", closed_output),
    ]
}

fn directory(name: &str) -> Result<PathBuf, Failed> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn must(condition: bool, what: impl std::fmt::Display) -> Result<(), Failed> {
    if condition { Ok(()) } else { Err(what.to_string().into()) }
}

fn help() -> Result<(), Failed> {
    let directory = directory("help")?;
    for args in [&["--help"][..], &["run", "--help"], &["wast", "--help"], &["-W", "help"], &["--version"]] {
        let output = process::latier(&directory, args, b"")?;
        must(
            output.code == Some(0) && output.stderr.is_empty() && !output.stdout.is_empty(),
            &output.stderr,
        )?;
    }
    let output = process::latier(&directory, ["--stat", "a.wasm"], b"")?;
    must(output.code == Some(2) && output.stderr.contains("--stats"), &output.stderr)
}

fn wast() -> Result<(), Failed> {
    let directory = directory("wast")?;
    let good = r#"(module (func (export "f") (result i32) (i32.const 1)))
        (assert_return (invoke "f") (i32.const 1))"#;
    fs::write(directory.join("good.wast"), good)?;
    fs::write(directory.join("bad.wast"), format!("{good}\n(assert_return (invoke \"f\") (i32.const 2))"))?;
    fs::write(directory.join("broken.wast"), "(module")?;
    let output = process::latier(&directory, ["wast", "good.wast"], b"")?;
    must(output.code == Some(0) && output.stderr.is_empty(), &output.stderr)?;
    let output = process::latier(&directory, ["wast", "good.wast", "bad.wast"], b"")?;
    let line = "bad.wast:3:2: assert_return: expected i32:2, got i32:1\n";
    must(output.code == Some(1) && output.stderr == line, &output.stderr)?;
    let output = process::latier(&directory, ["wast", "broken.wast", "missing.wast"], b"")?;
    let named = output.stderr.starts_with("broken.wast:1:") && output.stderr.contains("\nmissing.wast: ");
    must(output.code == Some(1) && named, &output.stderr)
}

/// A reader that leaves early ends nothing with a panic.
fn closed_output() -> Result<(), Failed> {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_latier"))
        .args(["-W", "help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    must(output.status.success() && said.is_empty(), said)
}
