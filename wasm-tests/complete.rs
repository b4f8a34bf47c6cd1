//! That the first tier compiles whatever there is: who hears its refusals, the scripts that are excepted, and the
//! programs that are here.

use crate::case::Case;
use latier::cli::wasm_settings::{WasmSetting, WasmSettings};
use latier::{Engine, Event, Listener, Mode, Module, Origin, Validation};
use libtest_mimic::{Failed, Trial};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Scripts with bodies that the first tier leaves to another, all for one reason: an access whose static offset is
/// 2^31 or more.
const REFUSED: &[&str] = &[
    "v1/address.wast",
    "v2/address.wast",
    "v3/address.wast",
    "latest/address.wast",
    "multi-memory/address0.wast",
    "multi-memory/address1.wast",
    "memory64/address.wast",
    "memory64/address64.wast",
    "memory64/binary-leb128.wast",
];
/// Of the cases that are run, those whose bodies are invalid or whose features are off.
const INVALID: &[&str] = &["feature-off.wat", "lazy-invalid-called.wat", "lazy-invalid.wat"];

/// Hears what the first tier compiles and refuses.
#[derive(Default)]
pub struct Refusals(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    compiled: usize,
    refused: Vec<String>,
}

impl Listener for Refusals {
    fn event(&self, _: &Origin<'_>, event: &Event<'_>) {
        let mut heard = self.0.lock().expect("no listener fails");
        match event {
            Event::Compiled { .. } => heard.compiled += 1,
            Event::Refused { reason, .. } => heard.refused.push((*reason).into()),
            _ => {}
        }
    }
}

impl Refusals {
    /// Holds what was refused of a script in a mode against the list. (Only an eager mode compiles all of it.)
    ///
    /// # Errors
    /// When something was that is not listed, or nothing that is.
    pub fn judge(&self, script: &str, mode: Mode) -> Result<(), Failed> {
        let refused = &self.0.lock().expect("no listener fails").refused;
        let expected = matches!(mode, Mode::Baseline | Mode::EagerBaseline) && REFUSED.contains(&script);
        if let Some(reason) = refused.iter().find(|reason| !expected || !reason.contains("static offset")) {
            return Err(format!("{script}: the first tier refused a body: {reason}").into());
        }
        match expected && mode == Mode::EagerBaseline && refused.is_empty() {
            true => Err(format!("{script} is listed, but the first tier refuses nothing of it").into()),
            false => Ok(()),
        }
    }
}

/// A trial for the programs and one for the cases that are run.
pub fn trials() -> Vec<Trial> {
    vec![Trial::test("complete/programs", programs), Trial::test("complete/run", cases)]
}

/// Compiles all of a module in the first tier; says how many bodies, if the module is valid.
fn compile(path: &Path, features: &str) -> Result<Option<usize>, Failed> {
    let name = path.display().to_string();
    let settings = WasmSetting::parse_list(features).map_err(|e| format!("{name}: {e}"))?;
    let refusals = Arc::new(Refusals::default());
    let mut config = WasmSettings::new(&settings).config();
    config.mode(Mode::EagerBaseline).validation(Validation::Eager).listener(refusals.clone());
    let Ok(_module) = Module::new(&Engine::new(&config)?, std::fs::read(path)?) else { return Ok(None) };
    refusals.judge(&name, Mode::EagerBaseline)?;
    let compiled = refusals.0.lock().expect("no listener fails").compiled;
    Ok(Some(compiled))
}

fn programs() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm-tests/programs");
    let mut compiled = 0;
    for program in std::fs::read_dir(folder)? {
        for file in std::fs::read_dir(program?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "wasm") {
                let bodies = compile(&path, "")?;
                compiled += bodies.ok_or_else(|| format!("{} is invalid", path.display()))?;
            }
        }
    }
    if compiled < 1000 { Err(format!("{compiled} bodies are not all of Lua").into()) } else { Ok(()) }
}

fn cases() -> Result<(), Failed> {
    for path in Case::all("run") {
        let compiled = compile(&path, &Case::read(&path)?.features())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match (compiled, INVALID.contains(&&*name)) {
            (None, false) => return Err(format!("{name} is invalid and not listed").into()),
            (Some(_), true) => return Err(format!("{name} is listed, but valid").into()),
            _ => {}
        }
    }
    Ok(())
}
