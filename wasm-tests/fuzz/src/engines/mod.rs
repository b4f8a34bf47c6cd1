//! The engines, behind one trait: how a case is run on any of them. What an engine calls things stays in its file.

mod latier;
mod wasmi;
mod wasmtime;

use crate::generate::Case;
use crate::said::{Outcome, Run, State, Value};
use ::latier::Mode;

/// Something that runs modules.
pub trait Engine {
    /// Its name in reports.
    fn name(&self) -> &'static str;
    /// Loads and starts a module.
    fn start(&self, wasm: &[u8]) -> Result<Box<dyn Instance>, Start>;
}

/// Why there is no instance.
pub enum Start {
    /// The engine does not take the module.
    Refused(String),
    /// The module did not come to life.
    Ended(Outcome),
}

/// A running module.
pub trait Instance {
    /// Calls an exported function.
    fn call(&mut self, function: &str, arguments: &[Value]) -> Outcome;
    /// What is in something exported; `None` if the engine does not show it.
    fn state(&mut self, item: &str) -> Option<State>;
}

/// latier in every mode, first, and the others.
pub fn all() -> anyhow::Result<Vec<Box<dyn Engine>>> {
    let mut engines: Vec<Box<dyn Engine>> = vec![];
    for mode in [Mode::Baseline, Mode::Optimized, Mode::EagerBaseline, Mode::EagerOptimized] {
        engines.push(Box::new(latier::Latier::new(mode)?));
    }
    engines.push(Box::new(latier::Latier::stepped()?));
    engines.push(Box::new(wasmi::Wasmi::new()));
    engines.push(Box::new(wasmtime::Wasmtime::new()?));
    Ok(engines)
}

/// Runs a case; `Err` says why the engine refuses the module.
pub fn run(engine: &dyn Engine, case: &Case) -> Result<Run, String> {
    let mut instance = match engine.start(&case.wasm) {
        Ok(instance) => instance,
        Err(Start::Ended(outcome)) => return Ok(Run::only(outcome)),
        Err(Start::Refused(why)) => return Err(why),
    };
    let mut run = Run::only(Outcome::Values(vec![]));
    for call in &case.calls {
        let outcome = instance.call(&call.function, &call.arguments);
        let over = matches!(outcome, Outcome::Limit(_) | Outcome::Failed(_));
        run.calls.push(outcome);
        if over {
            return Ok(run);
        }
    }
    run.states = case.items.iter().map(|item| instance.state(item)).collect();
    Ok(run)
}
