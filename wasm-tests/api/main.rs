//! The API as embedders use it, shaped as Wasmtime's: calls, host functions, what a store owns, errors, linking,
//! threads. Uses nothing that an embedder cannot.

mod calls;
mod config;
mod errors;
mod exceptions;
mod fuel;
mod hosts;
mod indices;
mod items;
mod limits;
mod linking;
mod references;
mod shared;
mod threads;

use latier::{Config, Engine, Entry, Event, Instance, Listener, Mode, Module, Origin, Store, Tier};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// An engine of each mode.
fn engines() -> impl Iterator<Item = Engine> {
    Mode::TABLE.iter().map(|row| Engine::new(Config::new().mode(row.mode)).unwrap())
}

/// An instance, in a store of its own, of a module that imports nothing: one in each mode.
fn instances(wat: &str) -> impl Iterator<Item = (Store<()>, Instance)> {
    engines().map(move |engine| {
        let module = Module::new(&engine, wat).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        (store, instance)
    })
}

/// An instance as from [`instances`], in the default mode, for what no code takes part in.
fn in_default_mode(wat: &str) -> (Store<()>, Instance) {
    instances(wat).next().expect("the default mode is the first")
}

/// Counts what happened to functions.
#[derive(Default)]
struct Counter {
    compiled: Mutex<Vec<(u32, Tier, Entry)>>,
    failed: AtomicU32,
}

impl Counter {
    /// The functions that were compiled, in the order of their indices; one that was compiled twice in a tier, to be
    /// entered at the same place, stands twice.
    fn compiled(&self) -> Vec<u32> {
        let all = self.compiled.lock().unwrap();
        let first = |(function, ..): &(u32, Tier, Entry)| all.iter().find(|other| other.0 == *function);
        let mut compiled: Vec<u32> =
            all.iter().filter(|one| first(one) == Some(one)).map(|one| one.0).collect();
        compiled.sort();
        compiled
    }
}

impl Listener for Counter {
    fn event(&self, _: &Origin<'_>, event: &Event<'_>) {
        match event {
            Event::Compiled { function, tier, entry, .. } => {
                self.compiled.lock().unwrap().push((function.0, *tier, *entry));
            }
            Event::Failed { .. } => drop(self.failed.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
    }
}

/// An engine and what counts its compiles.
fn counted(config: &mut Config) -> (Engine, Arc<Counter>) {
    let counter = Arc::new(Counter::default());
    let engine = Engine::new(config.listener(counter.clone())).unwrap();
    (engine, counter)
}
