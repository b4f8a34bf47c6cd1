//! Source lines, as the debugging information of a program tells them: `wasm-tests/programs/lines/divide.wasm`, built by
//! `wasm-tests/programs/lines/build.sh`.

use super::{in_order, must};
use crate::process;
use libtest_mimic::Failed;
use std::path::Path;

fn latier(args: &[&str]) -> Result<process::Output, Failed> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm-tests/programs/lines");
    Ok(process::latier(&directory, args, b"")?)
}

/// Inlined functions are told too, the innermost first.
pub(super) fn traps() -> Result<(), Failed> {
    for mode in ["tiered", "baseline", "fast", "optimized"] {
        let output = latier(&["--mode", mode, "--invoke", "run", "divide.wasm", "0"])?;
        let expected = "\
Error: integer divide by zero
wasm backtrace:
    0:     0xAA - <unknown>!checked
                    at demo/divide.c:6:14
                - <unknown>!divide
                    at demo/divide.c:10:12
    1:     0xBB - <unknown>!run
                    at demo/divide.c:16:16
";
        let offsets: Vec<&str> =
            output.stderr.split(" 0x").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
        must(offsets.len() == 2, &output.stderr)?;
        let expected = expected.replace("0xAA", &format!("0x{}", offsets[0]));
        let expected = expected.replace("0xBB", &format!("0x{}", offsets[1]));
        must(output.code == Some(134) && output.stderr == expected, format!("{mode}: {}", output.stderr))?;
    }
    let output = latier(&["--invoke", "run", "divide.wasm", "1"])?;
    must(output.stdout == "9\n" && output.stderr.is_empty(), output.stderr)
}

/// Operators are told their lines where these change.
pub(super) fn inspected() -> Result<(), Failed> {
    let output = latier(&["inspect", "divide.wasm", "--func", "divide", "--tier", "fast"])?;
    let order = [
        "divide (func (param i32 i32) (result i32))\n",
        "; divide.c:4\n",
        "; divide.c:10\n",
        "; divide.c:6\n",
        "i32.div_s\n",
        "Assembly",
    ];
    in_order(&output.stdout, &order)?;
    let output = latier(&["inspect", "divide.wasm"])?;
    in_order(&output.stdout, &["sections", "  code: ", "  .debug_info, custom: ", "  name, custom: "])
}
