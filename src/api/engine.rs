//! The embedder's word for a session: what modules, types and compiled code of one configuration share.

use super::{Config, Result};
use crate::session::{Session, Statistics};
use latier_runtime::code_memory::CodeMemory;
use std::fmt;
use std::sync::Arc;

/// What modules are made in and stores are made for. Cheap to clone, and shared by threads.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<EngineInner>,
}

struct EngineInner {
    session: Arc<Session>,
    max_wasm_stack: usize,
}

impl Engine {
    /// An engine of this configuration.
    ///
    /// # Errors
    /// When the machine is not supported or refuses executable memory, or the configuration contradicts itself.
    pub fn new(config: &Config) -> Result<Engine> {
        CodeMemory::get()?;
        let session = Session::new(config.session.clone());
        Ok(Engine { inner: Arc::new(EngineInner { session, max_wasm_stack: config.max_wasm_stack }) })
    }

    /// Whether two handles mean the same engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.inner, &b.inner)
    }

    /// What all modules of the engine have cost so far.
    ///
    /// ```
    /// let engine = latier::Engine::default();
    /// assert_eq!(engine.statistics().wasm_bytes(), 0);
    /// ```
    pub fn statistics(&self) -> &Statistics {
        self.inner.session.statistics()
    }

    /// The session behind the engine: statistics and all that is not shaped as in Wasmtime.
    pub fn session(&self) -> &Arc<Session> {
        &self.inner.session
    }

    pub(crate) fn max_wasm_stack(&self) -> usize {
        self.inner.max_wasm_stack
    }
}

impl Default for Engine {
    /// An engine of the default configuration.
    ///
    /// # Panics
    /// When the machine is not supported or refuses executable memory.
    fn default() -> Engine {
        Engine::new(&Config::default()).expect("the default configuration works on every supported machine")
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
