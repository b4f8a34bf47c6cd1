//! What each step of a call's life costs, alone, in this process: `cargo bench`, or `cargo bench -- WORD` for the steps
//! whose names contain it. The steps are in the files of the folder beside this one, by family.

#[path = "phases/calls.rs"]
mod calls;
#[path = "phases/compile.rs"]
mod compile;
#[path = "phases/crossings.rs"]
mod crossings;
#[path = "phases/link.rs"]
mod link;
#[path = "phases/modules.rs"]
mod modules;
#[path = "phases/traps.rs"]
mod traps;

use criterion::{Criterion, criterion_group, criterion_main};
use latier::{Config, Engine, Instance, Mode, Module, Store};
use std::time::Duration;

/// A real program: Lua 5.4.
const LUA: &[u8] = include_bytes!("../wasm-tests/programs/lua/lua.wasm");

/// Half of what Criterion takes its time for: there are many steps, and their ratios matter.
fn settings() -> Criterion {
    Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

/// An instance of a module without imports, compiled in one mode.
fn instance(mode: Mode, text: &str) -> (Store<()>, Instance) {
    let engine = Engine::new(Config::new().mode(mode)).expect("the configuration is possible");
    let module = Module::new(&engine, text).expect("it is valid");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("it imports nothing");
    (store, instance)
}

/// The first tier and the last.
const MODES: [(&str, Mode); 2] = [("baseline", Mode::Baseline), ("optimized", Mode::Optimized)];

criterion_group! {
    name = benches;
    config = settings();
    targets = crossings::crossings, crossings::reentry, calls::calls, traps::traps, traps::throws, traps::growth,
        compile::functions, compile::modules, link::objects, link::redirects, modules::scans, modules::stub_batch,
        modules::instances, modules::loads
}
criterion_main!(benches);
