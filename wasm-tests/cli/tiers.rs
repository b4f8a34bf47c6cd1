//! What the command line promises of tiers: a filter, a bisection, a function in both tiers beside each other.

use super::{INSPECTED, directory, in_order, must, program};
use crate::process;
use libtest_mimic::Failed;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Functions outside the filter stay in the first tier, those in it get the mode's.
pub fn filter() -> Result<(), Failed> {
    let directory = program("tier-filter")?;
    for (filter, tiers) in [
        ("1", ["baseline", "optimized"]),
        ("..1,7..", ["optimized", "baseline"]),
        ("0..0", ["baseline", "baseline"]),
        ("0..2", ["optimized", "optimized"]),
    ] {
        let args = ["--mode", "optimized", "--tier-filter", filter, "--timeline", "program.wat"];
        let output = process::latier(&directory, args, b"")?;
        let compiled = ["f0 (_start)", "f1 (one)"];
        let lines =
            compiled.iter().zip(tiers).map(|(function, tier)| format!("compiled    {function} {tier}: "));
        let lines: Vec<String> = lines.collect();
        in_order(&output.stderr, &[&lines[0], &lines[1]])?;
    }
    let output = process::latier(&directory, ["--tier-filter", "a..b", "program.wat"], b"")?;
    must(output.code == Some(2) && output.stderr.contains("`a` is no index of a function"), &output.stderr)
}

/// The program `wasm-tests/programs/deep/deep.wat` gives another result where one of its functions is optimized.
pub fn bisect() -> Result<(), Failed> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm-tests/programs/deep");
    let found = "The result is wrong when only f2 deep is optimized.\n  \
                 latier inspect --func 2 --tier optimized deep.wat\n  \
                 latier --mode=optimized --tier-filter 2 --invoke run deep.wat 100000\n";
    for (range, runs) in [(&[][..], 6), (&["--range", "2..99"], 5)] {
        let args = ["bisect"].iter().chain(range).chain(&["--invoke", "run", "deep.wat", "100000"]);
        let output = process::latier(&directory, args, b"")?;
        must(
            output.code == Some(0) && output.stdout == found,
            format!("{}{}", output.stdout, output.stderr),
        )?;
        must(output.stderr.lines().count() <= runs, &output.stderr)?;
    }
    let found = found.replace("--mode=optimized", "--mode=tiered --tier-up=stepped=1");
    let args = ["bisect", "--tier-up", "stepped=1", "--invoke", "run", "deep.wat", "100000"];
    let output = process::latier(&directory, args, b"")?;
    must(output.code == Some(0) && output.stdout == found, format!("{}{}", output.stdout, output.stderr))?;
    let good = super::directory("bisect")?.join("good.txt");
    fs::write(&good, "11\n")?;
    let good = good.to_string_lossy();
    let good = good.as_ref();
    let failures = [
        (
            &["--invoke", "run", "deep.wat", "10"][..],
            1,
            "right in optimized, tiered stepped=1, tiered stepped=2, tiered stepped=3, too: there is nothing",
        ),
        (&["--good", good, "--invoke", "run", "deep.wat", "11"], 1, "in the first tier the result is not"),
        (&["--good", good, "--invoke", "run", "deep.wat", "10"], 1, "there is nothing to find"),
        (&["--good", "none.txt", "deep.wat"], 1, "failed to read `none.txt`"),
        (&["--range", "4..9", "--invoke", "run", "deep.wat", "10"], 1, "they are 0..4"),
        (&["--range", "4", "deep.wat"], 2, "LO..HI"),
        (&["--mode", "baseline", "deep.wat"], 2, "no function leaves the first tier"),
        (&["-"], 2, "the program must be in a file"),
        (&[], 2, "no program was given"),
    ];
    for (args, code, said) in failures {
        let output = process::latier(&directory, ["bisect"].iter().chain(args), b"")?;
        let told = output.code == Some(code) && output.stdout.is_empty() && output.stderr.contains(said);
        must(told, format!("{args:?}: {:?} {}", output.code, output.stderr))?;
    }
    Ok(())
}

/// What is shown of a function of [`INSPECTED`] on lines of so many characters.
fn inspected(directory: &Path, columns: &str) -> Result<String, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_latier"))
        .args(["inspect", "demo.wat", "--func", "fib"])
        .current_dir(directory)
        .env("COLUMNS", columns)
        .output()?;
    Ok(String::from_utf8(output.stdout)?)
}

pub fn beside() -> Result<(), Failed> {
    let directory = directory("inspect-beside")?;
    fs::write(directory.join("demo.wat"), INSPECTED)?;
    let wide = inspected(&directory, "150")?;
    let rows: Vec<&str> = wide.lines().skip(2).collect();
    must(rows.iter().all(|row| row.chars().count() <= 150), &wide)?;
    let title: Vec<&str> = rows[0].split('│').map(str::trim).collect();
    must(title == ["Wasm", "baseline", "optimized"], &wide)?;
    // The stencil stands beside its operator, behind the moves that it needs, before the next operator.
    let cell = |row: &str, n: usize| row.split('│').nth(n).unwrap_or_default().trim().to_owned();
    let sub = rows.iter().position(|row| cell(row, 0).ends_with("i32.sub")).ok_or("no subtraction")?;
    let end = rows[sub + 1..].iter().position(|row| !cell(row, 0).is_empty()).ok_or("nothing behind it")?;
    let own = &rows[sub..=sub + end];
    must(own.iter().any(|row| cell(row, 1).starts_with("[i32.sub ")), own.join("\n"))?;
    must(rows.iter().any(|row| row.split('│').nth(2).is_some_and(|cell| cell.contains("ret"))), &wide)?;
    let narrow = inspected(&directory, "80")?;
    must(!narrow.contains('│'), &narrow)?;
    in_order(&narrow, &["i32.sub", "[i32.sub ", "\nAssembly, optimized:\n", "ret"])
}
