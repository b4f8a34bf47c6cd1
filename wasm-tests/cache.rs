//! What is kept from run to run: it is used, it is private, and nothing that happens to it changes what a program does.

use crate::process;
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The trials.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("cache/kept", kept),
        Trial::test("cache/spoilt", spoilt),
        Trial::test("cache/unwritable", unwritable),
        Trial::test("cache/none", none),
    ]
}

/// Its exit code is 87: the sum of the first twelve squares, and more, modulo 100.
const PROGRAM: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $n i32) (local $sum f64)
        (loop $next
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (i32.store (i32.mul (local.get $n) (i32.const 4)) (i32.mul (local.get $n) (local.get $n)))
            (local.set $sum (f64.add (local.get $sum)
                (f64.convert_i32_u (i32.load (i32.shl (local.get $n) (i32.const 2))))))
            (br_if $next (i32.lt_u (local.get $n) (i32.const 12))))
        (call $exit (i32.rem_u
            (i32.add (i32.trunc_f64_s (local.get $sum)) (i32.const 37)) (i32.const 100)))))"#;
const CODE: Option<i32> = Some(87);

fn must(condition: bool, what: impl std::fmt::Display) -> Result<(), Failed> {
    if condition { Ok(()) } else { Err(what.to_string().into()) }
}

/// An empty directory with the program in it.
fn directory(name: &str) -> Result<PathBuf, Failed> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("program.wat"), PROGRAM)?;
    Ok(directory)
}

/// Runs the program, which must do what it does.
fn run(directory: &Path, options: &[&str]) -> Result<(), Failed> {
    let output = process::latier(directory, [options, &["program.wat"]].concat(), b"")?;
    must(output.code == CODE && output.stderr.is_empty(), format!("{:?}: {}", output.code, output.stderr))
}

fn kept() -> Result<(), Failed> {
    let directory = directory("cache-kept")?;
    let cache = directory.join("cache");
    run(&directory, &["--cache", "cache"])?;
    let mode = |path: &Path| -> Result<u32, Failed> { Ok(fs::metadata(path)?.permissions().mode() & 0o777) };
    let file = cache.join("stencils.bin");
    must(mode(&cache)? == 0o700 && mode(&file)? == 0o600, "others can look into it")?;
    let first = (fs::read(&file)?, fs::metadata(&file)?.modified()?);
    run(&directory, &["--cache", "cache"])?;
    must((fs::read(&file)?, fs::metadata(&file)?.modified()?) == first, "it was made again")?;
    must(fs::read_dir(&cache)?.count() == 1, "something was left beside it")
}

fn spoilt() -> Result<(), Failed> {
    let directory = directory("cache-spoilt")?;
    let file = directory.join("cache/stencils.bin");
    run(&directory, &["--cache", "cache"])?;
    let whole = fs::read(&file)?;
    for n in 0..24 {
        let at = whole.len() * n / 24;
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        for bytes in [&flipped[..], &whole[..at]] {
            fs::write(&file, bytes)?;
            run(&directory, &["--cache", "cache"])?;
            must(fs::read(&file)?.len() >= whole.len(), "it was not made again")?;
        }
    }
    // What others may write to is not read.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666))?;
    run(&directory, &["--cache", "cache"])?;
    must(fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600, "it was read")
}

fn unwritable() -> Result<(), Failed> {
    let directory = directory("cache-unwritable")?;
    fs::write(directory.join("file"), "")?;
    for cache in ["file", "file/inside", "/proc/no-such-directory"] {
        run(&directory, &["--cache", cache])?;
    }
    Ok(())
}

fn none() -> Result<(), Failed> {
    let directory = directory("cache-none")?;
    run(&directory, &["--no-cache"])?;
    must(fs::read_dir(&directory)?.count() == 1, "something was kept")?;
    let output = process::latier(&directory, ["--no-cache", "--cache", "x", "program.wat"], b"")?;
    must(output.code == Some(2), output.stderr)
}
