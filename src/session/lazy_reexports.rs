//! The lazy reexports of one module: for each function the alias from its entry point to its implementation, and
//! the lookup that materializes the implementation at the first call.

use super::hot::Hot;
use super::lifecycle::{Claim, Lifecycle, Outcome};
use super::materialize::{self, Failure};
use super::{Event, Session, reoptimize};
use crate::compile::Entry;
use crate::wasm;
use latier_runtime::abi::{Controller, FuncIndex, ResolveFailure, Safepoint};
use latier_runtime::code_memory::{CodeAddr, CodeMemoryError, ModuleCode};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

/// The lazy reexports of a module.
pub struct LazyReexports {
    session: Arc<Session>,
    wasm: wasm::Module,
    code: Arc<ModuleCode>,
    lifecycle: Lifecycle,
    failures: Mutex<HashMap<FuncIndex, String>>,
    /// How many modules the session had before.
    number: u32,
    /// What samples have found.
    hot: Hot,
    /// Itself, for compiles in the background, which do not keep it.
    itself: Weak<LazyReexports>,
}

impl LazyReexports {
    /// Sets up the alias map of a module.
    pub(super) fn new(
        session: Arc<Session>,
        wasm: wasm::Module,
    ) -> Result<Arc<LazyReexports>, CodeMemoryError> {
        let start = Instant::now();
        let defined = wasm.desc.functions.len() as u32 - wasm.desc.func_imports;
        let code = ModuleCode::new(defined, wasm.desc.func_imports)?;
        let lifecycle = Lifecycle::new(defined as usize);
        let number = session.added.fetch_add(1, Ordering::Relaxed);
        let (failures, hot) = (Mutex::default(), Hot::default());
        let reexports = Arc::new_cyclic(|itself| {
            let itself = itself.clone();
            LazyReexports { session, wasm, code, lifecycle, failures, number, hot, itself }
        });
        let took = start.elapsed();
        if !reexports.session.listeners.0.is_empty() {
            let producers = &reexports.wasm.producers();
            reexports.tell(Event::Created { functions: defined, took, producers });
        }
        Ok(reexports)
    }

    /// What samples have found of its functions.
    pub(super) fn hot(&self) -> &Hot {
        &self.hot
    }

    /// Itself, as long as it lives.
    pub(super) fn itself(&self) -> &Weak<LazyReexports> {
        &self.itself
    }

    /// The guest module.
    pub fn wasm(&self) -> &wasm::Module {
        &self.wasm
    }

    /// Its executable memory.
    pub fn code(&self) -> &Arc<ModuleCode> {
        &self.code
    }

    /// How many modules the session had before this one.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The session it belongs to.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Tells the listeners of the session what happened in this module, on this thread.
    pub(super) fn tell(&self, event: Event<'_>) {
        self.session.listeners.tell(self.number, &self.wasm, event);
    }

    /// The code of a defined function, which is compiled now if it has none. Waits while another thread compiles
    /// it.
    ///
    /// # Errors
    /// When it cannot be compiled: which function, and why.
    ///
    /// # Panics
    /// When the module does not define `function`.
    pub fn lookup(&self, function: FuncIndex) -> Result<CodeAddr, String> {
        let number = (function.0 - self.wasm.desc.func_imports) as usize;
        match self.lifecycle.claim(number) {
            Claim::Compiled => {
                // Who calls a compiled function by its trampoline lost a race, or the slot was reset.
                let code = self.code.current(function).or_else(|| self.code.redirect_again(function));
                Ok(code.expect("a compiled function was redirected"))
            }
            Claim::Failed => {
                let failures = self.failures.lock().expect("no one panics under this lock");
                Err(failures.get(&function).cloned().unwrap_or_default())
            }
            Claim::Won => self.first_compile(function, number),
        }
    }

    fn first_compile(&self, function: FuncIndex, number: usize) -> Result<CodeAddr, String> {
        let session = &self.session;
        let tier = session.config.first_tier(function);
        if let Some(reoptimizer) = &session.reoptimizer {
            reoptimizer.start();
        }
        self.tell(Event::FirstCall { function });
        match materialize::materialize(self, function, tier, Entry::Start) {
            Ok(done) => {
                let tier = done.tier;
                // The slot first, the state after it: whoever sees the state finds the slot redirected.
                self.code.redirect(function, done.code);
                self.lifecycle.finish(number, Outcome::Compiled);
                session.statistics.first_compiled(tier, &done.cost);
                let entry = Entry::Start;
                self.tell(Event::Compiled { function, tier, entry, cost: done.cost });
                self.tell(Event::Redirected { function, tier });
                Ok(done.code)
            }
            Err(Failure { reason, retry }) => {
                let name = self.wasm.display_name(function).map(|name| format!(" ({name})"));
                let error = format!("function {}{}: {reason}", function.0, name.unwrap_or_default());
                if !retry {
                    let mut failures = self.failures.lock().expect("no one panics under this lock");
                    failures.insert(function, error.clone());
                }
                self.lifecycle.finish(number, if retry { Outcome::Retry } else { Outcome::Failed });
                session.statistics.failed();
                self.tell(Event::Failed { function, reason: &reason });
                Err(error)
            }
        }
    }

    /// The code of a defined function that no other will take the place of, if it has such by now.
    pub(super) fn final_code(&self, function: FuncIndex) -> Option<CodeAddr> {
        match self.session.reoptimizer {
            Some(_) => self.hot.optimized(function),
            None => self.is_compiled(function).then(|| self.code.current(function)).flatten(),
        }
    }

    /// Whether a defined function has code.
    ///
    /// # Panics
    /// When the module does not define `function`.
    pub fn is_compiled(&self, function: FuncIndex) -> bool {
        self.lifecycle.is_compiled((function.0 - self.wasm.desc.func_imports) as usize)
    }
}

impl Controller for LazyReexports {
    fn resolve(&self, function: FuncIndex) -> Result<CodeAddr, ResolveFailure> {
        self.lookup(function).map_err(ResolveFailure)
    }

    fn safepoint(&self, safepoint: Safepoint) -> Option<CodeAddr> {
        reoptimize::safepoint(self, safepoint)
    }
}

/// A loaded module: its lazy reexports, and the executor's view of it, from which instances are made.
pub struct LoadedModule {
    reexports: Arc<LazyReexports>,
    runtime: Arc<latier_runtime::instance::Module>,
}

impl LoadedModule {
    pub(super) fn new(reexports: Arc<LazyReexports>) -> LoadedModule {
        let runtime = latier_runtime::instance::Module::new(
            reexports.wasm.desc.clone(),
            reexports.code.clone(),
            reexports.clone(),
            reexports.wasm.bytes.clone(),
            reexports.session.types.clone(),
            reexports.session.reoptimizer.as_ref().map(|reoptimizer| reoptimizer.attention().clone()),
        );
        LoadedModule { reexports, runtime }
    }

    /// The executor's view.
    pub fn runtime(&self) -> &Arc<latier_runtime::instance::Module> {
        &self.runtime
    }

    /// The lazy reexports.
    pub fn reexports(&self) -> &Arc<LazyReexports> {
        &self.reexports
    }

    /// The guest module.
    pub fn wasm(&self) -> &wasm::Module {
        self.reexports.wasm()
    }
}
