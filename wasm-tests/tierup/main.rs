//! Tier-up seen from outside: what is hot gets faster code, in the middle of a loop too, and nothing else changes.
//! Which code runs is made visible by a backend that changes a constant.

mod calls;
mod failures;
mod policy;
mod threads;
mod timeline;

use latier::compile::{Backend, CompileError, Compiled, FunctionBody};
use latier::{Config, Engine, Event, Instance, Listener, Module, Origin, Store, Tier, TierUp, TypedFunc};
use latier_runtime::module::ModuleDesc;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// Stands before the backend of the optimizing tier.
struct Optimizer<F> {
    backend: Arc<dyn Backend>,
    compile: F,
}

impl<F> Backend for Optimizer<F>
where
    F: Fn(&dyn Backend, &ModuleDesc, FunctionBody<'_>) -> Result<Compiled, CompileError> + Send + Sync,
{
    fn compile(&self, module: &ModuleDesc, body: FunctionBody<'_>) -> Result<Compiled, CompileError> {
        (self.compile)(&*self.backend, module, body)
    }
}

/// A configuration in which the optimizing tier compiles so; it is given the tier's own backend.
fn optimizing<F>(how: TierUp, compile: F) -> Config
where
    F: Fn(&dyn Backend, &ModuleDesc, FunctionBody<'_>) -> Result<Compiled, CompileError>,
    F: Clone + Send + Sync + 'static,
{
    let mut config = Config::new();
    config.tier_up(how).wrap_backend(Arc::new(move |tier, backend| match tier {
        Tier::Optimized => Arc::new(Optimizer { backend, compile: compile.clone() }),
        _ => backend,
    }));
    config
}

/// What happened, each event in one word and its function.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, start: &str) -> usize {
        self.all().iter().filter(|line| line.starts_with(start)).count()
    }
}

impl Listener for Heard {
    fn event(&self, _: &Origin<'_>, event: &Event<'_>) {
        let at = |entry: &latier::Entry| match entry {
            latier::Entry::Start => String::new(),
            latier::Entry::Loop(offset) => format!(" at {offset:#x}"),
        };
        let line = match event {
            Event::FirstCall { function } => format!("first call {}", function.0),
            Event::Compiled { function, tier, entry, .. } => {
                format!("compiled {}{} {tier}", function.0, at(entry))
            }
            Event::Redirected { function, tier } => format!("redirected {} {tier}", function.0),
            Event::TierUpQueued { function, entry, .. } => format!("hot {}{}", function.0, at(entry)),
            Event::CalleeQueued { function, caller } => format!("hot {}, called by {}", function.0, caller.0),
            Event::TierUpRefused { function, entry, reason, .. } => {
                format!("refused {}{}: {}", function.0, at(entry), reason.name())
            }
            Event::Entered { function, offset } => format!("entered {} at {offset:#x}", function.0),
            Event::Failed { function, .. } => format!("failed {}", function.0),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

fn listening(config: &mut Config) -> Heard {
    let heard = Heard::default();
    config.listener(Arc::new(heard.clone()));
    heard
}

fn instance(config: &Config, wat: &str) -> (Store<()>, Instance) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

/// A program of so many functions, each called by the one before it, directly or through a table, with loops over
/// integers, floats and memory. `run`, one more, takes a seed and gives a number in which every step has a part; `f<N>`
/// are the functions it runs through.
fn program(functions: u32) -> String {
    let mut text =
        String::from("(module (type $t (func (param i32) (result i32))) (memory 1) (table funcref (elem");
    (0..functions).for_each(|f| write!(text, " $f{f}").unwrap());
    text.push_str("))");
    for f in 0..functions {
        let (next, rounds, slot) = (f + 1, f % 5 + 3, 8 * f);
        let call = match f {
            _ if next == functions => "(local.get 0)".into(),
            _ if f % 3 == 1 => format!("(call_indirect (type $t) (local.get 0) (i32.const {next}))"),
            _ => format!("(call $f{next} (local.get 0))"),
        };
        write!(
            text,
            r#"(func $f{f} (export "f{f}") (param i32) (result i32) (local $n i32) (local $x f64)
                (local.set $n (i32.const {rounds}))
                (loop $again
                  (local.set 0 (i32.rotl (i32.add (i32.mul (local.get 0) (i32.const 0x9e3779b1)) (local.get $n))
                    (i32.const {rounds})))
                  (local.set $x (f64.add (f64.mul (local.get $x) (f64.const 0.5))
                    (f64.convert_i32_u (local.get 0))))
                  (i32.store offset={slot} (i32.const 0)
                    (i32.xor (i32.load offset={slot} (i32.const 0)) (local.get 0)))
                  (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i32.xor {call} (i32.add (i32.load offset={slot} (i32.const 0))
                  (i32.trunc_sat_f64_u (local.get $x)))))"#
        )
        .unwrap();
    }
    text.push_str(
        r#"(func (export "run") (param $seed i32) (result i32) (local $n i32) (local $sum i32)
            (memory.fill (i32.const 0) (i32.const 0) (i32.const 512))
            (loop $again
              (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31))
                (call $f0 (i32.add (local.get $seed) (local.get $n)))))
              (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 10))))
            (local.get $sum)))"#,
    );
    text
}

/// What `run` of an instance of [`program`] gives for a few seeds, again and again.
fn results(store: &mut Store<()>, instance: Instance) -> Vec<i32> {
    let run: TypedFunc<i32, i32> = instance.get_typed_func(&mut *store, "run").unwrap();
    (0..6).map(|seed| run.call(&mut *store, seed).unwrap()).collect()
}

/// What they are where nothing tiers up.
fn expected(functions: u32) -> Vec<i32> {
    let modes = [latier::Mode::Baseline, latier::Mode::Optimized].map(|mode| {
        let (mut store, instance) = instance(Config::new().mode(mode), &program(functions));
        results(&mut store, instance)
    });
    assert_eq!(modes[0], modes[1]);
    modes[0].clone()
}
