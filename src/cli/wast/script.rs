//! The directives of a script and what they do: modules, instances and the assertions about them. Knows nothing of
//! files and of output.

use super::threads::{Surroundings, Threads};
use super::{Failure, spectest, values};
use crate::{
    Engine, Error, Exception, Extern, Instance, Linker, Module, Result, SharedMemory, Store, Trap, Val,
};
use std::collections::HashMap;
use wast::token::Id;
use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke, Wat};

/// The verdict on one directive.
pub(super) type Verdict = Result<Option<String>, Failure>;

/// What a guest's action came to: its results, or why it stopped.
type Action = Result<Vec<Val>, Error>;

/// The directive's keyword.
pub(super) fn keyword(directive: &WastDirective<'_>) -> &'static str {
    match directive {
        WastDirective::Module(_) => "module",
        WastDirective::ModuleDefinition(_) => "module definition",
        WastDirective::ModuleInstance { .. } => "module instance",
        WastDirective::AssertMalformed { .. } => "assert_malformed",
        WastDirective::AssertMalformedCustom { .. } => "assert_malformed_custom",
        WastDirective::AssertInvalid { .. } => "assert_invalid",
        WastDirective::AssertInvalidCustom { .. } => "assert_invalid_custom",
        WastDirective::Register { .. } => "register",
        WastDirective::Invoke(_) => "invoke",
        WastDirective::AssertTrap { .. } => "assert_trap",
        WastDirective::AssertReturn { .. } => "assert_return",
        WastDirective::AssertExhaustion { .. } => "assert_exhaustion",
        WastDirective::AssertUnlinkable { .. } => "assert_unlinkable",
        WastDirective::AssertException { .. } => "assert_exception",
        WastDirective::AssertSuspension { .. } => "assert_suspension",
        WastDirective::Thread(_) => "thread",
        WastDirective::Wait { .. } => "wait",
    }
}

/// A script's state: its store, what it registered, and its modules and instances by name. What a directive calls
/// without a name is the last of its kind, and nothing if that one failed.
pub(super) struct Runner<'s, 'e> {
    engine: Engine,
    pub(super) store: Store<()>,
    linker: Linker<()>,
    modules: Named<Module>,
    pub(super) instances: Named<Instance>,
    threads: Threads<'s, 'e>,
}

pub(super) struct Named<T> {
    by_name: HashMap<String, T>,
    last: Option<T>,
}

impl<T: Clone> Named<T> {
    fn new() -> Named<T> {
        Named { by_name: HashMap::new(), last: None }
    }

    /// Makes `item` the last one, and `None` none. An earlier one of the same name is forgotten in both cases.
    pub(super) fn set(&mut self, name: Option<Id<'_>>, item: Option<T>) {
        if let Some(name) = name {
            self.by_name.remove(name.name());
            if let Some(item) = &item {
                self.by_name.insert(name.name().into(), item.clone());
            }
        }
        self.last = item;
    }

    pub(super) fn get(&self, name: Option<Id<'_>>) -> Result<T, Error> {
        let found = match name {
            Some(name) => self.by_name.get(name.name()),
            None => self.last.as_ref(),
        };
        found.cloned().ok_or_else(|| match name {
            Some(name) => Error::msg(format!("there is no ${}", name.name())),
            None => Error::msg("there is none: the last one failed"),
        })
    }
}

impl<'s, 'e> Runner<'s, 'e> {
    pub(super) fn new(engine: Engine, around: Surroundings<'s, 'e>) -> Result<Runner<'s, 'e>> {
        let mut store = Store::new(&engine, ());
        if let Some(fuel) = around.fuel {
            store.set_fuel(fuel)?;
        }
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        spectest::define(&mut linker, &mut store, around.print)?;
        let (modules, instances, threads) = (Named::new(), Named::new(), Threads::new(around));
        Ok(Runner { engine, store, linker, modules, instances, threads })
    }

    /// Does what one directive says.
    pub(super) fn directive(&mut self, directive: WastDirective<'e>) -> Verdict {
        match directive {
            WastDirective::Module(module) => self.module(module),
            WastDirective::ModuleDefinition(mut module) => {
                let compiled = self.compile(&mut module);
                self.modules.set(module.name(), compiled.as_ref().ok().cloned());
                must_succeed("a valid module", compiled.map(drop))
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let made = self.modules.get(module).and_then(|module| self.instantiate(&module));
                self.instances.set(instance, made.as_ref().ok().copied());
                must_succeed("an instance", made.map(drop))
            }
            WastDirective::Register { name, module, .. } => {
                let registered = self.instances.get(module).and_then(|instance| {
                    self.linker.instance(&mut self.store, name, instance)?;
                    Ok(())
                });
                must_succeed("an instance to register", registered)
            }
            WastDirective::Invoke(invoke) => must_succeed("success", self.invoke(&invoke).map(drop)),
            WastDirective::AssertReturn { exec, results, .. } => {
                let actual = self.execute(exec);
                self.must_return(actual, &results)
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                let actual = self.execute(exec);
                self.must_trap(actual, message)
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let actual = self.invoke(&call);
                self.must_trap(actual, message)
            }
            WastDirective::AssertMalformed { mut module, message, .. }
            | WastDirective::AssertInvalid { mut module, message, .. }
            | WastDirective::AssertMalformedCustom { mut module, message, .. }
            | WastDirective::AssertInvalidCustom { mut module, message, .. } => {
                self.must_refuse(&mut module, message)
            }
            WastDirective::AssertUnlinkable { module, message, .. } => self.must_not_link(module, message),
            WastDirective::AssertException { exec, .. } => {
                let actual = self.execute(exec);
                self.must_throw(actual)
            }
            WastDirective::Thread(thread) => {
                let shared = thread.shared_module.map(|name| (name, self.shared_memories(name)));
                let started = self.threads.start(&self.engine, thread, shared);
                must_succeed("a thread", started)
            }
            WastDirective::Wait { thread, .. } => self.threads.wait(thread),
            directive @ WastDirective::AssertSuspension { .. } => Err(Failure {
                expected: format!("support for {}", keyword(&directive)),
                actual: "none".into(),
            }),
        }
    }

    /// A module that is defined and instantiated at once.
    fn module(&mut self, mut quoted: QuoteWat<'_>) -> Verdict {
        let name = quoted.name();
        let module = self.compile(&mut quoted);
        self.modules.set(name, module.as_ref().ok().cloned());
        let made = module.and_then(|module| self.instantiate(&module));
        self.instances.set(name, made.as_ref().ok().copied());
        must_succeed("a module that can be instantiated", made.map(drop))
    }

    /// The shared memories that an instance exports, with their names.
    fn shared_memories(&mut self, name: Id<'_>) -> Result<Vec<(String, SharedMemory)>> {
        let instance = self.instances.get(Some(name))?;
        let exports = instance.exports(&mut self.store);
        let memories = exports.filter_map(|export| {
            let name = export.name().to_owned();
            Some((name, export.into_extern().into_shared_memory()?))
        });
        Ok(memories.collect())
    }

    fn compile(&self, module: &mut QuoteWat<'_>) -> Result<Module> {
        let bytes = module.encode().map_err(|error| Error::msg(error.message()))?;
        Module::from_binary(&self.engine, &bytes)
    }

    fn instantiate(&mut self, module: &Module) -> Result<Instance> {
        self.linker.instantiate(&mut self.store, module)
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Action {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(module) => {
                let module = self.compile(&mut QuoteWat::Wat(module))?;
                self.instantiate(&module)?;
                Ok(Vec::new())
            }
            WastExecute::Get { module, global, .. } => {
                let instance = self.instances.get(module)?;
                match instance.get_export(&mut self.store, global) {
                    Some(Extern::Global(global)) => Ok(vec![global.get(&mut self.store)]),
                    _ => Err(Error::msg(format!("there is no exported global {global:?}"))),
                }
            }
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Action {
        let instance = self.instances.get(invoke.module)?;
        let func = instance
            .get_func(&mut self.store, invoke.name)
            .ok_or_else(|| Error::msg(format!("there is no exported function {:?}", invoke.name)))?;
        let mut args = Vec::with_capacity(invoke.args.len());
        for arg in &invoke.args {
            args.push(values::argument(&mut self.store, arg).map_err(Error::msg)?);
        }
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, &args, &mut results)?;
        Ok(results)
    }

    fn must_return(&self, actual: Action, expected: &[wast::WastRet<'_>]) -> Verdict {
        let actual = match actual {
            Ok(actual) if values::all_match(&self.store, &actual, expected) => return Ok(None),
            Ok(actual) => values::show(&self.store, &actual),
            Err(error) => words(&error),
        };
        Err(Failure { expected: values::show_expected(expected), actual })
    }

    fn must_trap(&self, actual: Action, expected: &str) -> Verdict {
        let actual = match actual {
            Ok(actual) => values::show(&self.store, &actual),
            Err(error) => match error.downcast_ref::<Trap>() {
                Some(trap) if says(&trap.to_string(), expected) => return Ok(Some(words(&error))),
                _ => words(&error),
            },
        };
        Err(Failure { expected: format!("the trap {expected:?}"), actual })
    }

    fn must_throw(&self, actual: Action) -> Verdict {
        let actual = match actual {
            Ok(actual) => values::show(&self.store, &actual),
            Err(error) if error.downcast_ref::<Exception>().is_some() => return Ok(Some(words(&error))),
            Err(error) => words(&error),
        };
        Err(Failure { expected: "an exception".into(), actual })
    }

    /// Any reason to refuse is accepted: the specification does not fix the words.
    fn must_refuse(&self, module: &mut QuoteWat<'_>, expected: &str) -> Verdict {
        match self.compile(module) {
            Ok(_) => Err(Failure {
                expected: format!("refusal: {expected:?}"),
                actual: "a module taken for valid".into(),
            }),
            Err(error) => Ok(Some(words(&error))),
        }
    }

    fn must_not_link(&mut self, module: Wat<'_>, expected: &str) -> Verdict {
        let failure = |actual| Err(Failure { expected: format!("a link error: {expected:?}"), actual });
        let module = match self.compile(&mut QuoteWat::Wat(module)) {
            Ok(module) => module,
            Err(error) => return failure(format!("no valid module: {}", words(&error))),
        };
        match self.instantiate(&module) {
            Ok(_) => failure("an instance".into()),
            Err(error) if error.downcast_ref::<Trap>().is_some() => failure(words(&error)),
            Err(error) if error.chain().any(|cause| says(&cause.to_string(), expected)) => {
                Ok(Some(words(&error)))
            }
            Err(error) => failure(words(&error)),
        }
    }
}

fn must_succeed(expected: &str, actual: Result<(), Error>) -> Verdict {
    match actual {
        Ok(()) => Ok(None),
        Err(error) => Err(Failure { expected: expected.into(), actual: words(&error) }),
    }
}

/// An error and its causes on one line; backtraces are for people who run programs.
pub(super) fn words(error: &Error) -> String {
    let backtrace = error.downcast_ref::<crate::WasmBacktrace>().map(ToString::to_string);
    let causes = error.chain().map(ToString::to_string).filter(|cause| Some(cause) != backtrace.as_ref());
    causes.map(|cause| cause.replace('\n', " ")).collect::<Vec<_>>().join(": ")
}

/// Whether the engine's message says what the script's does: one begins with the other. Engines may say more ("...
/// in table 2"), and so may scripts ("uninitialized element 2").
fn says(actual: &str, expected: &str) -> bool {
    // A call through an index outside the table is an access outside the table, for which scripts have words of
    // its own.
    let also = match actual {
        _ if actual.starts_with("out of bounds table access") => "undefined element",
        // What the null was to refer to is known to who wrote the call.
        "null reference" => "null function reference",
        _ => actual,
    };
    [actual, also]
        .iter()
        .any(|actual| !actual.is_empty() && (actual.starts_with(expected) || expected.starts_with(actual)))
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn messages_may_say_more_or_less_but_nothing_else() {
        assert!(says("uninitialized element", "uninitialized element 2"));
        assert!(says("unknown import: `a::b` has not been defined", "unknown import"));
        assert!(says("out of bounds table access", "undefined element"));
        assert!(says("out of bounds table access", "out of bounds table access"));
        assert!(!says("out of bounds memory access", "out of bounds table access"));
        assert!(!says("out of bounds memory access", "undefined element"));
        assert!(!says("", "unreachable"));
    }
}
