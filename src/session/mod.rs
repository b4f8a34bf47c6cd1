//! The session: the meeting place. It knows the guest module, the tiers, the backends and the linker, and decides
//! what is compiled when; it is the [`latier_runtime::abi::Controller`] of every module it holds.

mod callees;
pub mod dispatch;
mod hot;
mod lazy_reexports;
pub mod lifecycle;
mod listener;
mod materialize;
mod reoptimize;
mod sampler;
mod statistics;
mod sync;

pub use lazy_reexports::{LazyReexports, LoadedModule};
pub use listener::{Cost, Event, Listener, Origin, Thread};
pub use statistics::Statistics;

use crate::compile::Backend;
use crate::compile::cranelift::CraneliftBackend;
use crate::compile::stencil::StencilBackend;
use crate::compile::target::Settings;
use crate::tier::{Mode, Tier, TierFilter, TierUp, Validation};
use crate::wasm::bytes::ModuleBytes;
use crate::wasm::features::Features;
use latier_runtime::abi::FuncIndex;
use latier_runtime::code_memory::CodeMemoryError;
use latier_runtime::registry::ModuleToken;
use latier_runtime::types::TypeRegistry;
use listener::Listeners;
use reoptimize::Reoptimizer;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, Weak};

/// What a session is made of.
#[derive(Clone, Default)]
pub struct SessionConfig {
    /// What is compiled when, and in which tier.
    pub mode: Mode,
    /// Which functions the mode is for. All others are compiled in the first tier and stay there.
    pub tier_filter: TierFilter,
    /// How hot functions are found, in a mode that compiles them again.
    pub tier_up: TierUp,
    /// When bodies are validated.
    pub validation: Validation,
    /// The language.
    pub features: Features,
    /// Whether relaxed operators on vectors may give what the machine gives soonest, and not the same everywhere.
    pub relaxed_simd_native: bool,
    /// Whether code consumes its store's fuel.
    pub consume_fuel: bool,
    /// Who hears what happens.
    pub listeners: Vec<Arc<dyn Listener>>,
    /// A directory that gets every linked object as `f<INDEX>.<TIER>.o`; those of the session's second module and of
    /// later ones in a directory `module<N>` in it.
    pub dump_objects: Option<PathBuf>,
    /// The directory of what is kept from one process to the next. It is made when it is needed.
    pub cache: Option<PathBuf>,
    /// Stands before the backend of every tier: for tests that make a compile fail, and for tools that look at one.
    pub wrap_backend: Option<WrapBackend>,
}

/// Makes a backend out of a tier's own.
pub type WrapBackend = Arc<dyn Fn(Tier, Arc<dyn Backend>) -> Arc<dyn Backend> + Send + Sync>;

impl SessionConfig {
    /// The tier of a function's first compile.
    fn first_tier(&self, function: FuncIndex) -> Tier {
        let (mode, allowed) = (self.mode.row(), self.tier_filter.allows(function.0));
        match if allowed { mode.first } else { Tier::Baseline } {
            // The first tier's code consumes none.
            Tier::Baseline if self.consume_fuel && allowed && mode.tier_up => Tier::Optimized,
            Tier::Baseline if self.consume_fuel => Tier::Fast,
            tier => tier,
        }
    }

    /// Whether hot functions are compiled again.
    fn tiers_up(&self) -> bool {
        self.mode.row().tier_up && !self.consume_fuel
    }
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SessionConfig {
            mode,
            tier_filter,
            tier_up,
            validation,
            features,
            relaxed_simd_native,
            consume_fuel,
            listeners,
            dump_objects,
            cache,
            wrap_backend: _,
        } = self;
        f.debug_struct("SessionConfig")
            .field("mode", mode)
            .field("tier_filter", tier_filter)
            .field("tier_up", tier_up)
            .field("validation", validation)
            .field("features", features)
            .field("relaxed_simd_native", relaxed_simd_native)
            .field("consume_fuel", consume_fuel)
            .field("listeners", &listeners.len())
            .field("dump_objects", dump_objects)
            .field("cache", cache)
            .finish_non_exhaustive()
    }
}

/// Why a module could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The module is malformed, invalid, or asks for what is not supported.
    Module(crate::wasm::Error),
    /// There is no executable memory for its stubs.
    Memory(CodeMemoryError),
    /// A function could not be compiled before the start, in a mode that compiles all.
    Compile {
        /// The function.
        function: FuncIndex,
        /// Which and why, in words.
        reason: String,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Module(e) => e.fmt(f),
            LoadError::Memory(e) => e.fmt(f),
            LoadError::Compile { reason, .. } => f.write_str(reason),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Shown as what they hold, they stand in its place.
            LoadError::Module(e) => e.source(),
            LoadError::Memory(e) => e.source(),
            LoadError::Compile { .. } => None,
        }
    }
}

/// A session: the modules of an engine and what they share.
pub struct Session {
    config: SessionConfig,
    listeners: Listeners,
    types: Arc<TypeRegistry>,
    backends: [Arc<dyn Backend>; Tier::TABLE.len()],
    modules: Mutex<HashMap<ModuleToken, Weak<LoadedModule>>>,
    statistics: Statistics,
    /// In a mode that compiles hot functions again.
    reoptimizer: Option<Reoptimizer>,
    /// How many modules there have been.
    added: AtomicU32,
}

impl Session {
    /// A session without modules.
    pub fn new(config: SessionConfig) -> Arc<Session> {
        let backends = Tier::TABLE.map(|row| {
            let deterministic = !config.relaxed_simd_native;
            let cranelift = |settings| -> Arc<dyn Backend> {
                Arc::new(
                    CraneliftBackend::new(settings)
                        .relaxed_simd_deterministic(deterministic)
                        .consume_fuel(config.consume_fuel),
                )
            };
            let backend = match row.tier {
                Tier::Baseline => Arc::new(StencilBackend::new(deterministic, config.cache.clone())),
                Tier::Fast => cranelift(Settings::Fast),
                Tier::Optimized => cranelift(Settings::Optimized),
            };
            match &config.wrap_backend {
                Some(wrap) => wrap(row.tier, backend),
                None => backend,
            }
        });
        Arc::new(Session {
            listeners: Listeners(config.listeners.clone()),
            reoptimizer: config.tiers_up().then(|| Reoptimizer::new(&config.tier_up)),
            config,
            types: Arc::new(TypeRegistry::new()),
            backends,
            modules: Mutex::default(),
            statistics: Statistics::default(),
            added: AtomicU32::new(0),
        })
    }

    /// Keeps for other processes what may save them work. A session does so when it is dropped; who ends the process
    /// before calls this.
    pub fn keep(&self) {
        self.backends.iter().for_each(|backend| backend.keep());
    }

    /// What the session was made of.
    pub fn config(&self) -> &SessionConfig {
        &self.config
    }

    /// The function types of all modules.
    pub fn types(&self) -> &Arc<TypeRegistry> {
        &self.types
    }

    /// What has been counted so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The module that a frame of a backtrace is in, unless it is gone.
    pub fn module_of(&self, token: ModuleToken) -> Option<Arc<LoadedModule>> {
        self.modules.lock().expect("no one panics under this lock").get(&token)?.upgrade()
    }

    /// Loads a module: parses it, validates it unless that is left for first calls, and makes its lazy reexports.
    /// Nothing is compiled, save in an eager mode.
    ///
    /// # Errors
    /// When the module is malformed or invalid, or there is no executable memory for its stubs.
    pub fn add_module(self: &Arc<Self>, bytes: ModuleBytes) -> Result<Arc<LoadedModule>, LoadError> {
        let wasm = crate::wasm::Module::parse(bytes, self.config.features, &self.types)
            .map_err(LoadError::Module)?;
        if self.config.validation == Validation::Eager {
            wasm.validate_all().map_err(LoadError::Module)?;
        }
        let reexports = LazyReexports::new(self.clone(), wasm).map_err(LoadError::Memory)?;
        let module = Arc::new(LoadedModule::new(reexports));
        let mut modules = self.modules.lock().expect("no one panics under this lock");
        modules.retain(|_, module| module.strong_count() > 0);
        modules.insert(module.reexports().code().token(), Arc::downgrade(&module));
        drop(modules);
        if self.config.mode.row().eager {
            materialize::all(module.reexports())?;
        }
        Ok(module)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.keep();
    }
}
