//! Threads of a script: each has a store of its own, and sees of the script's instances the shared memories of one.
//! Knows nothing of what directives mean.

use super::Failure;
use super::script::{Runner, Verdict, words};
use crate::{Engine, Error, Instance, Module, Result, SharedMemory};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::thread::{Builder, Scope, ScopedJoinHandle};
use wast::WastThread;
use wast::token::Id;

/// Where a script runs.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'s, 'e> {
    /// What its threads live in.
    pub scope: &'s Scope<'s, 'e>,
    /// Whether the functions of `spectest` print.
    pub print: bool,
    /// Bytes of a thread's stack.
    pub stack: usize,
    /// Fuel of a store, if guests consume it.
    pub fuel: Option<u64>,
}

/// The threads that a script started and did not wait for yet, by name.
pub(super) struct Threads<'s, 'e> {
    around: Surroundings<'s, 'e>,
    running: HashMap<String, ScopedJoinHandle<'s, Vec<Failure>>>,
}

/// An instance's name in the script, and the shared memories it exports.
type Shared<'e> = (Id<'e>, Result<Vec<(String, SharedMemory)>>);

impl<'s, 'e> Threads<'s, 'e> {
    pub(super) fn new(around: Surroundings<'s, 'e>) -> Threads<'s, 'e> {
        Threads { around, running: HashMap::new() }
    }

    /// Starts a thread, in which `shared` is an instance too.
    pub(super) fn start(
        &mut self,
        engine: &Engine,
        thread: WastThread<'e>,
        shared: Option<Shared<'e>>,
    ) -> Result<()> {
        let mut runner = Runner::new(engine.clone(), self.around)?;
        if let Some((name, memories)) = shared {
            let instance = exporting(engine, &mut runner, &memories?)?;
            runner.instances.set(Some(name), Some(instance));
        }
        let work = move || {
            let verdicts = thread.directives.into_iter().map(|directive| runner.directive(directive));
            verdicts.filter_map(Result::err).collect()
        };
        let builder = Builder::new().name("wast thread".into()).stack_size(self.around.stack);
        let running = builder.spawn_scoped(self.around.scope, work)?;
        match self.running.insert(thread.name.name().into(), running) {
            None => Ok(()),
            Some(_) => Err(Error::msg("a thread of this name runs already")),
        }
    }

    /// Waits for a thread, whose verdict is that of its first directive that failed.
    pub(super) fn wait(&mut self, name: Id<'_>) -> Verdict {
        let Some(thread) = self.running.remove(name.name()) else {
            let actual = words(&Error::msg(format!("there is no thread ${}", name.name())));
            return Err(Failure { expected: "a thread to wait for".into(), actual });
        };
        let failures = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        failures.into_iter().next().map_or(Ok(None), Err)
    }
}

/// An instance in the thread's store that exports the memories.
fn exporting(
    engine: &Engine,
    runner: &mut Runner<'_, '_>,
    memories: &[(String, SharedMemory)],
) -> Result<Instance> {
    let (mut imports, mut exports) = (String::new(), String::new());
    for (index, (name, memory)) in memories.iter().enumerate() {
        let ty = memory.ty();
        let address = if ty.is_64() { "i64" } else { "i32" };
        let (min, max) = (ty.minimum(), ty.maximum().unwrap_or_default());
        let name: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        write!(imports, r#"(import "" "" (memory {address} {min} {max} shared))"#)?;
        write!(exports, r#"(export "{name}" (memory {index}))"#)?;
    }
    let module = Module::new(engine, format!("(module {imports}{exports})"))?;
    let memories: Vec<_> = memories.iter().map(|(_, memory)| memory.clone().into()).collect();
    Instance::new(&mut runner.store, &module, &memories)
}

#[cfg(test)]
mod tests {
    use crate::cli::wast::{Options, run};

    const WAITS: &str = r#"
        (module $memory (memory (export "shared") 1 1 shared))
        (thread $first (shared (module $memory))
            (register "memory" $memory)
            (module (import "memory" "shared" (memory 1 1 shared))
                (func (export "run") (result i32)
                    (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
            (assert_return (invoke "run") (i32.const EXPECTED)))
        (thread $second (shared (module $memory))
            (register "memory" $memory)
            (module (import "memory" "shared" (memory 1 1 shared))
                (func (export "run") (result i32) (local i32)
                    (loop $none
                        (br_if $none
                            (i32.eqz (memory.atomic.notify (i32.const 0) (i32.const 1)))))
                    (i32.const 1)))
            (assert_return (invoke "run") (i32.const 1)))
        (wait $first)
        (wait $second)"#;

    fn failures(text: &str) -> Vec<String> {
        let config = crate::Config::new();
        let options = Options { config, max_wasm_stack: 1 << 20, fuel: None, print: false };
        let report = run(text, &options).unwrap_or_else(|error| panic!("{}", error.message));
        report.failures().map(|(outcome, failure)| format!("{}: {failure}", outcome.directive)).collect()
    }

    #[test]
    fn threads_of_a_script_run_at_once() {
        assert_eq!(failures(&WAITS.replace("EXPECTED", "0")), [""; 0]);
    }

    #[test]
    fn a_threads_failure_is_that_of_who_waits() {
        assert_eq!(failures(&WAITS.replace("EXPECTED", "7")), ["wait: expected i32:7, got i32:0"]);
        let unknown = failures("(module) (wait $none)");
        assert_eq!(unknown, ["wait: expected a thread to wait for, got there is no thread $none"]);
    }
}
