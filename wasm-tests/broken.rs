//! Broken files: one good module, cut off at every byte and with a bit of every byte flipped. Whatever comes of it,
//! it is no panic and no signal, and a refusal is one line that names the file.

use crate::process::{self, Output};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};

/// A module with a bit of everything and without loops, so that no flipped bit makes it run for long.
const GOOD: &str = r#"(module $good
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (type $binary (func (param i32 i32) (result i32)))
    (table 2 funcref)
    (memory (export "memory") 1 2)
    (global $g (mut i32) (i32.const 7))
    (elem (i32.const 0) $add)
    (data (i32.const 8) "data")
    (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
    (func (export "_start") (local f64)
        (if (i32.eqz (global.get $g)) (then (call $exit (i32.const 3))))
        (i32.store (i32.const 0) (call_indirect (type $binary) (i32.const 1) (i32.const 2) (i32.const 0)))
        (local.set 0 (f64.sqrt (f64.const 2)))
        (global.set $g (i32.load (i32.const 0)))))"#;

/// A trial for cut files, one for flipped bits, one for empty and foreign ones.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("broken/truncated", truncated),
        Trial::test("broken/flipped", flipped),
        Trial::test("broken/foreign", foreign),
    ]
}

fn good() -> Vec<u8> {
    wat::parse_str(GOOD).expect("the module is well-formed")
}

fn directory(name: &str) -> Result<PathBuf, Failed> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn run(directory: &Path, file: &str, bytes: &[u8]) -> Result<Output, Failed> {
    fs::write(directory.join(file), bytes)?;
    Ok(process::latier(directory, [file], b"")?)
}

fn truncated() -> Result<(), Failed> {
    let (directory, good) = (directory("truncated")?, good());
    let whole = run(&directory, "whole.wasm", &good)?;
    if whole.code != Some(0) {
        return Err(format!("the whole module fails: {}", whole.stderr).into());
    }
    for len in 0..good.len() {
        let output = run(&directory, "cut.wasm", &good[..len])?;
        acceptable(&output, "cut.wasm").map_err(|error| format!("cut to {len} bytes: {error}"))?;
    }
    Ok(())
}

fn flipped() -> Result<(), Failed> {
    let (directory, good) = (directory("flipped")?, good());
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let output = run(&directory, "flipped.wasm", &bytes)?;
        acceptable(&output, "flipped.wasm")
            .map_err(|error| format!("byte {at:#x}, bit {}: {error}", at % 8))?;
    }
    Ok(())
}

fn foreign() -> Result<(), Failed> {
    let directory = directory("foreign")?;
    let header = b"\0asm\x0d\0\x01\0";
    let deep = format!("(module (func {}", "(block ".repeat(100_000));
    let many = b"\0asm\x01\0\0\0\x03\xff\xff\xff\xff\x0f\xff\xff\xff\xff\x0f";
    let files: [&[u8]; 6] = [b"", b"\x7fELF\x02\x01\x01", header, b"\xff\xfe\0\0", deep.as_bytes(), many];
    for (i, bytes) in files.into_iter().enumerate() {
        let output = run(&directory, "foreign.wasm", bytes)?;
        acceptable(&output, "foreign.wasm").map_err(|error| format!("file {i}: {error}"))?;
    }
    Ok(())
}

/// A broken file may still be a program; it may run, trap or be refused.
fn acceptable(output: &Output, file: &str) -> Result<(), String> {
    let said = &output.stderr;
    let fail = |what: &str| Err(format!("{what}; exit code {:?}, on standard error:\n{said}", output.code));
    if said.contains("panicked at") {
        return fail("a panic");
    }
    match output.code {
        Some(0 | 3) => Ok(()),
        Some(134) if said.starts_with("Error: ") => Ok(()),
        Some(1) if said.lines().count() == 1 && said.contains(file) => Ok(()),
        _ => fail("neither a program's end nor one line that names the file"),
    }
}
