//! What an engine is made from: the embedder's choices. Decides nothing itself.

use crate::session::{Listener, SessionConfig, WrapBackend};
use crate::tier::{Mode, TierFilter, TierUp, Validation};
use crate::wasm::features::Features;
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
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) session: SessionConfig,
    pub(crate) max_wasm_stack: usize,
}

impl Config {
    /// Tiered, validating when modules are made, 1 MiB of stack, the features that are finished and on by default.
    pub fn new() -> Config {
        Config {
            session: SessionConfig { validation: Validation::Eager, ..SessionConfig::default() },
            max_wasm_stack: 1 << 20,
        }
    }

    /// How functions are compiled, and when.
    pub fn mode(&mut self, mode: Mode) -> &mut Config {
        self.session.mode = mode;
        self
    }

    /// How hot functions are found, in [`Mode::Tiered`].
    pub fn tier_up(&mut self, tier_up: TierUp) -> &mut Config {
        self.session.tier_up = tier_up;
        self
    }

    /// Which functions the mode is for, by their indices in whichever module: all others are compiled in the first
    /// tier and stay there.
    pub fn tier_filter(&mut self, filter: TierFilter) -> &mut Config {
        self.session.tier_filter = filter;
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

    /// Writes every linked object to a file `f<INDEX>.<TIER>.o` in the directory `dir`; those of the second module of
    /// the engine and of later ones in a directory `module<N>` in it.
    pub fn dump_objects(&mut self, dir: impl AsRef<Path>) -> &mut Config {
        self.session.dump_objects = Some(dir.as_ref().to_owned());
        self
    }

    /// Keeps in the directory `dir` what saves other processes work: the stencils that this one has made. Only the
    /// user who owns it may be able to write there, for code is kept in it. Nothing is kept without this.
    pub fn cache(&mut self, dir: impl AsRef<Path>) -> &mut Config {
        self.session.cache = Some(dir.as_ref().to_owned());
        self
    }

    /// Puts something before the backend of every tier: for tests and tools that want to see or spoil a compile.
    pub fn wrap_backend(&mut self, wrap: WrapBackend) -> &mut Config {
        self.session.wrap_backend = Some(wrap);
        self
    }

    /// Whether the operators of the proposal `relaxed-simd` give the same results on every machine, those of the
    /// specification's deterministic profile. So they do unless this is turned off; then each gives what the machine
    /// gives soonest.
    pub fn relaxed_simd_deterministic(&mut self, deterministic: bool) -> &mut Config {
        self.session.relaxed_simd_native = !deterministic;
        self
    }

    /// Whether guests consume fuel, which their store is given by [`Store::set_fuel`](super::Store::set_fuel): a unit for
    /// each call of a function and each operator that is executed, save `nop`, `drop`, `block`, `loop`, `else`, `end`,
    /// `return` and `unreachable`. A guest that enters a function or begins a round of a loop when nothing is left traps
    /// with [`Trap::OutOfFuel`](super::Trap). No code of the first tier consumes fuel: in its place there is optimized code
    /// in [`Mode::Tiered`], and in the other modes that of [`Mode::Fast`].
    ///
    /// ```
    /// use latier::{Config, Engine, Instance, Module, Store, Trap};
    ///
    /// let engine = Engine::new(Config::new().consume_fuel(true))?;
    /// let module = Module::new(&engine, r#"(module (func (export "forever") (loop (br 0))))"#)?;
    /// let mut store = Store::new(&engine, ());
    /// store.set_fuel(10_000)?;
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let forever = instance.get_typed_func::<(), ()>(&mut store, "forever")?;
    /// let error = forever.call(&mut store, ()).unwrap_err();
    /// assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel));
    /// assert_eq!(store.get_fuel()?, 0);
    /// # Ok::<(), latier::Error>(())
    /// ```
    pub fn consume_fuel(&mut self, on: bool) -> &mut Config {
        self.session.consume_fuel = on;
        self
    }

    /// Sets all WebAssembly features at once.
    pub fn wasm_features(&mut self, features: Features) -> &mut Config {
        self.session.features = features;
        self
    }
}

macro_rules! features {
    ($($setter:ident $name:literal;)*) => {
        impl Config {
            $(
                #[doc = concat!("Whether modules may use the proposal `", $name, "`. What it is built upon goes on")]
                /// with it; what is built upon it goes off with it.
                pub fn $setter(&mut self, on: bool) -> &mut Config {
                    self.session.features.enable($name, on).expect("a row of the table of proposals");
                    self
                }
            )*
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

features! {
    wasm_bulk_memory "bulk-memory";
    wasm_custom_page_sizes "custom-page-sizes";
    wasm_exceptions "exceptions";
    wasm_extended_const "extended-const";
    wasm_function_references "function-references";
    wasm_gc "gc";
    wasm_memory64 "memory64";
    wasm_multi_memory "multi-memory";
    wasm_multi_value "multi-value";
    wasm_reference_types "reference-types";
    wasm_relaxed_simd "relaxed-simd";
    wasm_simd "simd";
    wasm_stack_switching "stack-switching";
    wasm_tail_call "tail-call";
    wasm_threads "threads";
    wasm_wide_arithmetic "wide-arithmetic";
}

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::features::PROPOSALS;

    #[test]
    fn every_setter_is_of_a_proposal() {
        for name in NAMES {
            assert!(PROPOSALS.iter().any(|proposal| proposal.name == *name), "{name}");
        }
    }
}
