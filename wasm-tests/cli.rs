//! What the command line promises beyond programs' output: statistics, the timeline, dumped objects, scripts.

use crate::process;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "cli/lines.rs"]
mod lines;
#[path = "cli/tiers.rs"]
mod tiers;
#[path = "cli/timeline.rs"]
mod timeline;

/// The trials.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("cli/help", help),
        Trial::test("cli/completions", completions),
        Trial::test("cli/wast", wast),
        Trial::test("cli/stats", stats),
        Trial::test("cli/stats-eager", stats_eager),
        Trial::test("cli/timeline", timeline::lines),
        Trial::test("cli/timeline-modules", timeline::modules),
        Trial::test("cli/timeline-workers", timeline::workers),
        Trial::test("cli/timeline-page", timeline::page),
        Trial::test("cli/verbose", verbose),
        Trial::test("cli/dump-objects", dump_objects),
        Trial::test("cli/standard-input", standard_input),
        Trial::test("cli/closed-output", closed_output),
        Trial::test("cli/full-output", full_output),
        Trial::test("cli/source-lines", lines::traps),
        Trial::test("cli/inspect-lines", lines::inspected),
        Trial::test("cli/inspect-uses", inspect_uses),
        Trial::test("cli/inspect", inspect),
        Trial::test("cli/inspect-stencils", inspect_stencils),
        Trial::test("cli/inspect-names", inspect_names),
        Trial::test("cli/inspect-beside", tiers::beside),
        Trial::test("cli/tier-filter", tiers::filter),
        Trial::test("cli/bisect", tiers::bisect),
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
    for args in [
        &["--help"][..],
        &["run", "--help"],
        &["wast", "--help"],
        &["inspect", "--help"],
        &["bisect", "--help"],
        &["-W", "help"],
        &["--tier-up", "help"],
        &["bisect", "--tier-up", "help"],
        &["--version"],
    ] {
        let output = process::latier(&directory, args, b"")?;
        must(
            output.code == Some(0) && output.stderr.is_empty() && !output.stdout.is_empty(),
            &output.stderr,
        )?;
    }
    for (wrong, said) in [
        ("speedup=1", "'speedup' is between 101 and"),
        ("stepped=no", "needs a number"),
        ("spedup=200", "'speedup'"),
    ] {
        let output = process::latier(&directory, ["--tier-up", wrong, "a.wasm"], b"")?;
        must(output.code == Some(2) && output.stderr.contains(said), &output.stderr)?;
    }
    let output = process::latier(&directory, ["--stat", "a.wasm"], b"")?;
    must(output.code == Some(2) && output.stderr.contains("--stats"), &output.stderr)
}

/// Completions and the manual page know every command, and options of each.
fn completions() -> Result<(), Failed> {
    let directory = directory("completions")?;
    let words =
        ["run", "wast", "inspect", "bisect", "completions", "tier-filter", "good-exit", "clif", "timeline"];
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let output = process::latier(&directory, args, b"")?;
        // In the manual page's language, a hyphen is a character that is escaped.
        let said = output.stdout.replace("\\-", "-");
        let missing: Vec<&&str> = words.iter().filter(|word| !said.contains(**word)).collect();
        must(output.code == Some(0) && missing.is_empty(), format!("{args:?} lacks {missing:?}"))?;
    }
    let output = process::latier(&directory, ["completions", "tcsh"], b"")?;
    must(output.code == Some(2) && output.stderr.contains("bash"), &output.stderr)
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

/// Of its four functions, two are called.
const PROGRAM: &str = r#"(module
    (func (export "_start") (call $one))
    (func $one) (func $two) (func $three (call $two)))"#;

fn program(name: &str) -> Result<PathBuf, Failed> {
    let directory = directory(name)?;
    fs::write(directory.join("program.wat"), PROGRAM)?;
    Ok(directory)
}

fn json_of(directory: &Path, mode: &str) -> Result<Value, Failed> {
    let args = ["--stats=json:stats.json", "--mode", mode, "program.wat"];
    let output = process::latier(directory, args, b"")?;
    must(output.code == Some(0) && output.stderr.is_empty(), &output.stderr)?;
    Ok(serde_json::from_str(&fs::read_to_string(directory.join("stats.json"))?)?)
}

fn stats() -> Result<(), Failed> {
    let directory = program("stats")?;
    let stats = json_of(&directory, "optimized")?;
    must(stats["module"]["functions"] == 4 && stats["module"]["imports"] == 0, &stats)?;
    must(stats["functions"]["called"] == 2 && stats["functions"]["optimized"] == 2, &stats)?;
    must(stats["functions"]["baseline"] == 0 && stats["functions"]["failed"] == 0, &stats)?;
    let positive = [
        ("module", "bytes"),
        ("module", "code_bytes"),
        ("code", "bytes_wasm_compiled"),
        ("code", "bytes_native"),
        ("code", "maps"),
        ("time_us", "total"),
        ("time_us", "load"),
        ("time_us", "compile_optimized"),
        ("time_us", "first_call_p50"),
        ("time_us", "first_call_p99"),
        ("time_us", "first_call_max"),
        ("memory", "peak_rss_bytes"),
    ];
    for (group, key) in positive {
        must(stats[group][key].as_u64().is_some_and(|n| n > 0), format!("{group}.{key}: {stats}"))?;
    }
    must(["tier_ups", "tier_up_refused", "osr_entries"].iter().all(|key| stats[key] == 0), &stats)?;
    for key in ["validate", "instantiate", "compile_baseline", "link"] {
        must(stats["time_us"][key].is_u64(), format!("time_us.{key}: {stats}"))?;
    }
    let output = process::latier(&directory, ["--stats", "program.wat"], b"")?;
    must(output.stderr.contains("2 called"), &output.stderr)
}

fn stats_eager() -> Result<(), Failed> {
    let stats = json_of(&program("stats-eager")?, "eager-optimized")?;
    must(stats["functions"]["optimized"] == 4 && stats["functions"].get("called").is_none(), &stats)
}

fn verbose() -> Result<(), Failed> {
    let directory = program("verbose")?;
    for (flag, functions) in [("-v", false), ("-vv", true)] {
        let output = process::latier(&directory, [flag, "--mode", "optimized", "program.wat"], b"")?;
        let told = output.stderr.contains("created     4 functions");
        must(
            told && output.stderr.contains("compiled    f0 (_start) optimized: ") == functions,
            &output.stderr,
        )?;
    }
    Ok(())
}

/// A program and the library that it calls.
fn two_modules(name: &str) -> Result<PathBuf, Failed> {
    let directory = directory(name)?;
    fs::write(directory.join("library.wat"), r#"(module (func (export "f")))"#)?;
    let text = r#"(module (import "library" "f" (func $f)) (func (export "_start") (call $f)))"#;
    fs::write(directory.join("program.wat"), text)?;
    Ok(directory)
}

fn dump_objects() -> Result<(), Failed> {
    let directory = program("dump-objects")?;
    let output =
        process::latier(&directory, ["--dump-objects", "a/b", "--mode", "optimized", "program.wat"], b"")?;
    must(output.code == Some(0), &output.stderr)?;
    for name in ["f0.optimized.o", "f1.optimized.o"] {
        let object = fs::read(directory.join("a/b").join(name))?;
        must(object.starts_with(b"\x7fELF"), name)?;
    }
    must(!directory.join("a/b/f2.optimized.o").exists(), "f2 was never called")?;
    // Of two modules, neither's objects overwrite the other's.
    let directory = two_modules("dump-objects-two")?;
    let args = ["--dump-objects", "two", "--mode", "fast", "--preload", "library=library.wat", "program.wat"];
    let output = process::latier(&directory, args, b"")?;
    must(output.code == Some(0), &output.stderr)?;
    let object = |name: &str| fs::read(directory.join("two").join(name));
    let (first, second) = (object("module1/f0.fast.o")?, object("f1.fast.o")?);
    must(first.starts_with(b"\x7fELF") && second.starts_with(b"\x7fELF"), "both are there")
}

fn standard_input() -> Result<(), Failed> {
    let directory = directory("standard-input")?;
    let module = b"(module (func (export \"f\") (param i32) (result i32) (local.get 0)))";
    let output = process::latier(&directory, ["--invoke", "f", "-", "7"], module)?;
    must(output.code == Some(0) && output.stdout == "7\n", &output.stderr)
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

/// A disk that is full is a failure, of what was asked for and of results alike.
fn full_output() -> Result<(), Failed> {
    use std::process::{Command, Stdio};
    let directory = directory("full-output")?;
    fs::write(directory.join("a.wat"), r#"(module (func (export "f") (result i32) (i32.const 1)))"#)?;
    for args in
        [&["--help"][..], &["-W", "help"], &["man"], &["inspect", "a.wat"], &["--invoke", "f", "a.wat"]]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full")?;
        let mut latier = Command::new(env!("CARGO_BIN_EXE_latier"));
        let output =
            latier.args(args).current_dir(&directory).stdout(full).stderr(Stdio::piped()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let told = said.contains("cannot write to standard output: No space left on device");
        must(
            output.status.code() == Some(1) && told && said.lines().count() == 1,
            format!("{args:?}: {said}"),
        )?;
    }
    Ok(())
}

const INSPECTED: &str = r#"(module $demo
    (import "host" "log" (func $log (param i32)))
    (memory (export "memory") 1 4)
    (global (mut i64) (i64.const 0))
    (table 2 funcref) (elem (i32.const 0) $log $fib)
    (data (i32.const 8) "hello")
    (func $fib (export "fib") (param $n i32) (result i32)
        (if (result i32) (i32.lt_s (local.get $n) (i32.const 2))
            (then (local.get $n))
            (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
                           (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
    (func $_ZN3one4twinEv) (func $_ZN3two4twinEv (global.set 0 (i64.const 1))) (func (export "_ZN3two4twinEv")))"#;

/// Inspects [`INSPECTED`] with these options.
fn inspected(name: &str, args: &[&str]) -> Result<process::Output, Failed> {
    let directory = directory(name)?;
    fs::write(directory.join("demo.wat"), INSPECTED)?;
    Ok(process::latier(&directory, ["inspect", "demo.wat"].iter().chain(args), b"")?)
}

fn inspect() -> Result<(), Failed> {
    let output = inspected("inspect", &[])?;
    must(output.code == Some(0) && output.stderr.is_empty(), &output.stderr)?;
    let items = [
        "its own name is demo\n",
        "functions   4 defined, ",
        "; 1 imported\n",
        "imports     1\n  host log f0 (func (param i32))\n",
        "exports     3\n  memory 0 (memory 1 4)\n  fib f1 (func (param i32) (result i32))\n",
        "memories    1\n  0 (memory 1 4)\n",
        "tables      1\n  0 (table 2 funcref)\n",
        "globals     1\n  0 (global (mut i64))\n",
        "elements    1\n  0 into table 0: 2 of ",
        "data        1\n  0 into memory 0: 5 bytes\n",
        "biggest functions 4\n  28 bytes f1 fib\n",
    ];
    for item in items {
        must(output.stdout.contains(item), format!("{item:?} is not in {}", output.stdout))?;
    }
    let output = inspected("inspect", &["--func", "fib", "--tier", "optimized", "--clif"])?;
    let order = [
        "local.get 0\n",
        "call 1 (fib)",
        "end\n",
        "\nCLIF, optimized:\n",
        "iadd",
        "\nAssembly, optimized:\n",
        "ret",
    ];
    in_order(&output.stdout, &order)?;
    let output = inspected("inspect", &["--func", "fib", "--tier", "fast"])?;
    must(!output.stdout.contains("CLIF") && output.stdout.contains("Assembly, fast:"), &output.stdout)
}

/// Every one of `parts` is in `text`, each behind the one before it.
fn in_order(text: &str, parts: &[&str]) -> Result<(), Failed> {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).ok_or_else(|| format!("{part:?} is not where it should be in {text}"))?;
        rest = &rest[at + part.len()..];
    }
    Ok(())
}

/// The listing names every operator of the body, in order, with its stencils and machine code.
/// What a module uses and nothing else: each proposal that it would not be valid without.
fn inspect_uses() -> Result<(), Failed> {
    let directory = directory("inspect-uses")?;
    let cases = [
        ("(module (func (export \"f\")))", "none beyond the first version"),
        (
            "(module (memory 1) (memory 1) (func (result i32 i32) i32.const 1 i32.const 2)
                (func (param i32) (drop (i32.extend8_s (local.get 0)))))",
            "sign-extension, multi-value, multi-memory",
        ),
        (
            "(module (memory i64 1) (func (param v128) (return_call 0 (i32x4.add (local.get 0) (local.get 0)))))",
            "simd, tail-call, memory64",
        ),
        ("(module (tag $t) (func (throw $t)) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))
            (memory 1 1 shared))", "bulk-memory, exceptions, threads"),
    ];
    for (text, uses) in cases {
        fs::write(directory.join("a.wat"), text)?;
        let output = process::latier(&directory, ["inspect", "a.wat"], b"")?;
        let line = format!("features    {uses}\n");
        must(
            output.stdout.contains(&line),
            format!("{line:?} is not in {}{}", output.stdout, output.stderr),
        )?;
    }
    let output = process::latier(&directory, ["inspect", "a.wat"], b"")?;
    in_order(
        &output.stdout,
        &["sections    6\n", "  type: ", "  function: 3 bytes at 0x", "  memory: ", "  tag: ", "  code: "],
    )
}

fn inspect_stencils() -> Result<(), Failed> {
    let output = inspected("inspect-stencils", &["--func", "fib"])?;
    must(output.code == Some(0) && output.stderr.is_empty(), &output.stderr)?;
    let operators = [
        "local.get 0",
        "i32.const 2",
        "i32.lt_s",
        "if (result i32)  ; by the stencil of the operator before it",
        "local.get 0",
        "else",
        "local.get 0",
        "i32.const 1",
        "i32.sub",
        "call 1 (fib)",
        "local.get 0",
        "i32.const 2",
        "i32.sub",
        "call 1 (fib)",
        "i32.add",
        "end",
        "end",
    ];
    let told =
        output.stdout.lines().filter_map(|line| Some(line.trim().strip_prefix("0x")?.split_once("  ")?.1));
    let told: Vec<&str> = told.map(str::trim).collect();
    must(told == operators, format!("{told:?}"))?;
    let parts = [
        "prologue\n",
        "push",
        "[i32.lt_s ",
        " branch-unless]\n",
        "cmp",
        "[i32.sub ",
        "; f1 fib\n",
        "[i32.add ",
        "ret",
        "safepoints\n",
        "callq *(%rax)\n",
    ];
    in_order(&output.stdout, &parts)
}

fn inspect_names() -> Result<(), Failed> {
    for (func, first) in
        [("one::twin()", "f2 one::twin()"), ("_ZN3one4twinEv", "f2 "), ("two::twin()", "f3 "), ("4", "f4 ")]
    {
        let output = inspected("inspect-names", &["--func", func])?;
        must(output.code == Some(0) && output.stdout.starts_with(first), &output.stderr)?;
    }
    let failures = [
        (
            "_ZN3two4twinEv",
            "error: demo.wat: `_ZN3two4twinEv` is the name of 2 functions:\n  f3 two::twin()\n  f4 _ZN3two4twinEv\n",
        ),
        (
            "twin",
            "error: demo.wat: no function is called `twin`; did you mean\n  f2 one::twin()\n  f3 two::twin()\n  f4 ",
        ),
        ("fibb", "error: demo.wat: no function is called `fibb`; did you mean\n  f1 fib\n"),
        ("5", "error: demo.wat: there is no function 5: there are 5, from 0\n"),
        ("log", "error: demo.wat: f0 log is imported: it has no body\n"),
    ];
    for (func, message) in failures {
        let output = inspected("inspect-names", &["--func", func])?;
        let told = output.code == Some(1) && output.stdout.is_empty() && output.stderr.starts_with(message);
        must(told, format!("{func}: {:?} {}", output.code, output.stderr))?;
    }
    for wrong in
        [&["--func", "fib", "--clif"][..], &["--tier", "fast"], &["--func", "fib", "--tier", "quick"]]
    {
        let output = inspected("inspect-names", wrong)?;
        must(output.code == Some(2) && output.stdout.is_empty(), format!("{wrong:?}: {}", output.stderr))?;
    }
    Ok(())
}
