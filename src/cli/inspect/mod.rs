//! `latier inspect`: what is in a module, and what becomes of one of its functions. Runs nothing.

mod beside;
mod function;
mod name;
mod operators;
mod stencils;
mod summary;

use super::error::{Ending, FAILED};
use super::flags::InspectOptions;
use super::wasm_settings::WasmSettings;
use super::{end, missing, output, run};
use crate::{Engine, Error, Result, Tier, Validation};
use function::Function;
use latier_runtime::abi::FuncIndex;

/// Says what the options ask for, and ends the process.
pub(super) fn main(options: &InspectOptions) -> ! {
    let Some(file) = &options.file else { missing(Some("inspect"), "no module was given") };
    if options.clif && options.tier.unwrap_or(Tier::Baseline) == Tier::Baseline {
        let message = "the baseline tier has no CLIF; add `--tier fast` or `--tier optimized`";
        end(&Ending::usage(message), options.common.color);
    }
    match inspect(options, file) {
        Ok(text) => output::answer(&text),
        Err(error) => end(&failure(file, &error), options.common.color),
    }
}

fn inspect(options: &InspectOptions, file: &std::path::Path) -> Result<String> {
    let settings = WasmSettings::new(&options.common.wasm);
    let mut config = settings.config();
    config.validation(Validation::Lazy);
    let engine = Engine::new(&config)?;
    let module = run::load(&engine, file)?;
    let Some(wanted) = &options.func else { return Ok(summary::text(file, &module)) };
    let wasm = module.loaded().wasm();
    let index = name::find(wasm, wanted).map_err(Error::msg)?;
    let function = Function::new(wasm, index, settings.relaxed_simd_deterministic)?;
    match options.tier {
        Some(tier) => function.text(tier, options.clif),
        None => function.tiers(output::width().filter(|width| *width >= beside::WIDE)),
    }
}

/// A failure, whose lines are kept: the first says what is wrong, what follows are candidates.
fn failure(file: &std::path::Path, error: &Error) -> Ending {
    let text = error.to_string();
    match text.split_once('\n') {
        Some((first, rest)) => {
            let first = Ending::failed(file, &Error::msg(first.to_owned())).message;
            Ending { code: FAILED, message: format!("{first}\n{rest}") }
        }
        None => Ending::failed(file, error),
    }
}

/// A function in messages and listings: `f7 name`.
pub(super) fn label(wasm: &crate::wasm::Module, index: u32) -> String {
    match wasm.common_name(FuncIndex(index)) {
        Some(name) => format!("f{index} {name}"),
        None => format!("f{index}"),
    }
}
