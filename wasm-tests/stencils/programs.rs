//! Runs whole modules in the first tier, by halves in it and in another, and in the other alone: all ways must end
//! alike, and the first tier must refuse nothing.

use crate::compare::Refusals;
use crate::halves::halves;
use latier::cli::wasm_settings::{WasmSetting, WasmSettings};
use latier::{Engine, Exception, Linker, Mode, Module, Store, Trap};
use std::sync::Arc;

/// What these programs are made of.
const FEATURES: &str = "preset=v3,legacy-exceptions";

/// How a module is run: the mode, and which functions are given to the first tier besides.
const WAYS: [(Mode, Option<u32>); 5] = [
    (Mode::Fast, None),
    (Mode::Baseline, None),
    (Mode::Fast, Some(0)),
    (Mode::Fast, Some(1)),
    (Mode::Optimized, Some(1)),
];

/// Modules: the last is run, those before it are there to be imported, by the names `a`, `b`, and so on.
type Modules<'a> = &'a [Vec<u8>];

/// How calls of exports ended, each with each of the inputs.
fn outcomes(
    modules: Modules<'_>,
    exports: &[String],
    inputs: &[i32],
    way: (Mode, Option<u32>),
) -> Vec<String> {
    let refusals = Arc::new(Refusals::default());
    let settings = WasmSetting::parse_list(FEATURES).expect("there are these features");
    let mut config = WasmSettings::new(&settings).config();
    config.mode(way.0).listener(refusals.clone());
    if let Some(odd) = way.1 {
        config.wrap_backend(halves(odd));
    }
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let mut last = None;
    for (name, bytes) in ('a'..).zip(modules) {
        let module = Module::new(&engine, bytes).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        linker.instance(&mut store, &name.to_string(), instance).unwrap();
        last = Some(instance);
    }
    let instance = last.expect("there is a module");
    let mut outcomes = Vec::new();
    for export in exports {
        let function = instance.get_typed_func::<i32, i64>(&mut store, export).unwrap();
        for input in inputs {
            let outcome = match function.call(&mut store, *input) {
                Ok(result) => format!("{result:#x}"),
                Err(error) => match error.downcast_ref::<Exception>() {
                    Some(exception) => format!("an exception with {:?}", exception.values(&store)),
                    None => format!("{:?}", error.downcast_ref::<Trap>().expect("nothing else happens")),
                },
            };
            outcomes.push(format!("{export}({input}): {outcome}"));
        }
    }
    let refused = refusals.0.lock().unwrap();
    assert!(refused.is_empty(), "{way:?} refused {refused:?}");
    outcomes
}

/// Runs the exports of the last module, all `i32` to `i64`, with each of these inputs, in every way. Says how they
/// ended.
pub fn alike(texts: &[&str], exports: &[String], inputs: &[i32]) -> Vec<String> {
    let bytes = |text: &&str| wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"));
    let modules: Vec<_> = texts.iter().map(bytes).collect();
    let [expected, others @ ..] = WAYS.map(|way| (way, outcomes(&modules, exports, inputs, way)));
    for (way, actual) in others {
        for (right, wrong) in expected.1.iter().zip(&actual) {
            assert_eq!(right, wrong, "{way:?} in\n{}", texts.join("\n"));
        }
    }
    expected.1
}
