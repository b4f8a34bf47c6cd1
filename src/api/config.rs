//! What an engine is made from: the embedder's choices. Decides nothing itself.

use super::planned::session::{Features, Listener, Mode, SessionConfig, Validation};
use std::path::Path;
use std::sync::Arc;

/// Choices for an [`Engine`](super::Engine). Setters return the configuration, so they can be chained.
///
/// ```
/// use latier::{Config, Engine, Mode};
///
/// let engine = Engine::new(Config::new().mode(Mode::Optimized).max_wasm_stack(512 << 10))?;
/// # Ok::<(), latier::Error>(())
/// ```
#[derive(Clone)]
pub struct Config {
    pub(crate) session: SessionConfig,
    pub(crate) max_wasm_stack: usize,
}

impl Config {
    /// Tiered, validating when modules are made, 1 MiB of stack, the features that are finished and on by default.
    pub fn new() -> Config {
        Config {
            session: SessionConfig {
                mode: Mode::default(),
                validation: Validation::Eager,
                features: Features::default(),
                listeners: Vec::new(),
                dump_objects: None,
            },
            max_wasm_stack: 1 << 20,
        }
    }

    /// How functions are compiled, and when.
    pub fn mode(&mut self, mode: Mode) -> &mut Config {
        self.session.mode = mode;
        self
    }

    /// When function bodies are validated. With [`Validation::Lazy`] an invalid function is an error when it is
    /// first called, and what is never called is never looked at.
    pub fn validation(&mut self, validation: Validation) -> &mut Config {
        self.session.validation = validation;
        self
    }

    /// Bytes of stack that the guest's frames of one call may use before it traps with
    /// [`Trap::StackOverflow`](super::Trap). The thread must have them, and about 1 MiB more for host functions
    /// and the compiler.
    pub fn max_wasm_stack(&mut self, bytes: usize) -> &mut Config {
        self.max_wasm_stack = bytes;
        self
    }

    /// Adds a listener, which hears what becomes of functions.
    pub fn listener(&mut self, listener: Arc<dyn Listener>) -> &mut Config {
        self.session.listeners.push(listener);
        self
    }

    /// Writes every linked object to a file `f<INDEX>.<TIER>.o` in the directory `dir`.
    pub fn dump_objects(&mut self, dir: impl AsRef<Path>) -> &mut Config {
        self.session.dump_objects = Some(dir.as_ref().to_owned());
        self
    }

    /// Sets all WebAssembly features at once.
    pub fn features(&mut self, features: Features) -> &mut Config {
        self.session.features = features;
        self
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}
