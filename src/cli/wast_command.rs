//! `latier wast`: runs scripts and says which directives failed. What a directive means is the interpreter's
//! business.

use super::error::FAILED;
use super::flags::WastOptions;
use super::wasm_settings::WasmSettings;
use super::wast::{self, Options, Report};
use super::{missing, output};
use crate::Validation;
use std::fs;
use std::path::Path;

pub(super) fn main(options: WastOptions) -> ! {
    if options.files.is_empty() {
        missing(Some("wast"), "no script was given");
    }
    let (config, settings) = options.engine.config(Validation::Eager);
    let WasmSettings { max_wasm_stack, fuel, .. } = settings;
    let how = Options { config, max_wasm_stack, fuel, print: true };
    let mut all_good = true;
    for file in &options.files {
        all_good &= run(file, &how, options.engine.common.verbose > 0);
    }
    output::exit(if all_good { 0 } else { FAILED })
}

/// Runs one script and says how it went; true if all went well.
fn run(file: &Path, how: &Options, verbose: bool) -> bool {
    let name = file.display();
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            output::say(&format!("{name}: {error}"));
            return false;
        }
    };
    match wast::run(&text, how) {
        Ok(report) => say(&name.to_string(), &report, verbose),
        Err(error) => {
            let at = error.at.map(|at| format!("{at}:")).unwrap_or_default();
            output::say(&format!("{name}:{at} {}", error.message));
            false
        }
    }
}

fn say(name: &str, report: &Report, verbose: bool) -> bool {
    let (mut failed, mut text) = (0, String::new());
    for outcome in &report.outcomes {
        let at = format!("{name}:{}: {}", outcome.at, outcome.directive);
        match &outcome.verdict {
            Err(failure) => {
                failed += 1;
                output::say(&format!("{at}: {failure}"));
            }
            Ok(words) if verbose => text += &format!("{at}: {}\n", words.as_deref().unwrap_or("ok")),
            Ok(_) => {}
        }
    }
    let directives = report.outcomes.len();
    text += &match (failed, directives) {
        (0, 1) => format!("{name}: 1 directive, as the script says\n"),
        (0, _) => format!("{name}: {directives} directives, all as the script says\n"),
        _ => format!("{name}: {failed} of {directives} directives failed\n"),
    };
    let written = output::print(&text);
    if let Err(error) = &written {
        output::say(&format!("error: {error:#}"));
    }
    failed == 0 && written.is_ok()
}
