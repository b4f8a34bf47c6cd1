//! Modules as the embedder holds them. Parsing and compiling are the session's business.

use super::types::{ExportType, ExternType, ImportType};
use super::{Engine, Error, Result};
use crate::session::LoadedModule;
use crate::wasm;
use crate::wasm::Producer;
use crate::wasm::bytes::ModuleBytes;
use anyhow::{Context, anyhow, bail, ensure};
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::{Item, ModuleDesc};
use latier_runtime::registry::ModuleToken;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A WebAssembly module: parsed, its functions compiled as they are called (or before, as the engine's
/// [`Mode`](crate::Mode) says). Cheap to clone; shared by threads and stores.
///
/// ```
/// use latier::{Engine, Module};
///
/// let module = Module::new(&Engine::default(), r#"(module (func (export "f")))"#)?;
/// assert_eq!(module.exports().next().unwrap().name(), "f");
/// # Ok::<(), latier::Error>(())
/// ```
#[derive(Clone)]
pub struct Module {
    engine: Engine,
    loaded: Arc<LoadedModule>,
}

impl Module {
    /// A module from its binary or text form.
    ///
    /// # Errors
    /// When the text does not parse, or the binary is malformed or (unless validation is lazy) invalid.
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        let bytes = bytes.as_ref();
        ensure!(!bytes.is_empty(), "it is empty");
        let binary = wat::parse_bytes(bytes).map_err(|error| match looks_like_text(bytes) {
            true => Error::new(error),
            false => Error::msg("it is neither a WebAssembly binary nor text"),
        })?;
        Module::load(engine, ModuleBytes::from(binary.into_owned()))
    }

    /// A module from its binary form.
    ///
    /// # Errors
    /// When it is malformed or (unless validation is lazy) invalid.
    pub fn from_binary(engine: &Engine, binary: &[u8]) -> Result<Module> {
        Module::load(engine, ModuleBytes::from(binary.to_vec()))
    }

    /// A module from a file in binary or text form. A binary file stays where it is: bodies are read from it when
    /// they are compiled. A file that is changed meanwhile gives an error at the call that needs it.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`Module::new`]; the error names the file.
    pub fn from_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        let file = file.as_ref();
        let bytes =
            ModuleBytes::open(file).with_context(|| format!("failed to read `{}`", file.display()))?;
        Module::from_bytes(engine, bytes).with_context(|| format!("failed to load `{}`", file.display()))
    }

    /// A module from bytes in binary or text form, which stay where they are if they are binary.
    ///
    /// # Errors
    /// When the bytes cannot be read, and as [`Module::new`].
    pub fn from_bytes(engine: &Engine, bytes: ModuleBytes) -> Result<Module> {
        if bytes.is_binary().map_err(|e| anyhow!(e))? {
            return Module::load(engine, bytes);
        }
        let text = bytes.copy(0, bytes.len() as usize).map_err(|e| anyhow!(e))?;
        Module::new(engine, text)
    }

    fn load(engine: &Engine, bytes: ModuleBytes) -> Result<Module> {
        let loaded = engine.session().add_module(bytes)?;
        Ok(Module::from_loaded(engine, loaded))
    }

    /// Compiles these functions now, on this thread, instead of at their first calls; indices are those of the module,
    /// imports first. Those that have code already cost nothing. Which tier compiles them, and whether they are compiled
    /// again when they are hot, is the engine's [`Mode`](crate::Mode).
    ///
    /// ```
    /// use latier::{Engine, Module};
    ///
    /// let module = Module::new(&Engine::default(), r#"(module (func $a) (func $b) (func $c))"#)?;
    /// module.precompile([0, 2])?;
    /// assert_eq!(module.engine().statistics().functions(latier::Tier::Baseline), 2);
    /// # Ok::<(), latier::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the module does not define one of them, before anything is compiled; when one cannot be compiled, what
    /// its first call would trap with.
    pub fn precompile(&self, functions: impl IntoIterator<Item = u32>) -> Result<()> {
        let functions: Vec<u32> = functions.into_iter().collect();
        let defined = self.desc().func_imports..self.desc().functions.len() as u32;
        if let Some(other) = functions.iter().find(|function| !defined.contains(function)) {
            bail!("the module defines no function {other}: those it defines are {defined:?}");
        }
        for function in functions {
            self.loaded.reexports().lookup(FuncIndex(function)).map_err(Error::msg)?;
        }
        Ok(())
    }

    /// Whether `binary` is a valid module, by the engine's features. Nothing is compiled.
    ///
    /// # Errors
    /// When it is malformed or invalid.
    pub fn validate(engine: &Engine, binary: &[u8]) -> Result<()> {
        let session = engine.session();
        let bytes = ModuleBytes::from(binary.to_vec());
        wasm::Module::parse(bytes, session.config().features, session.types())?.validate_all()?;
        Ok(())
    }

    pub(crate) fn from_loaded(engine: &Engine, loaded: Arc<LoadedModule>) -> Module {
        Module { engine: engine.clone(), loaded }
    }

    /// Its own name, from the name section.
    pub fn name(&self) -> Option<&str> {
        self.desc().name.as_deref()
    }

    /// The languages and tools it comes from, as its producers section says.
    pub fn producers(&self) -> Vec<Producer> {
        self.loaded.wasm().producers()
    }

    /// Its imports, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> + '_ {
        self.desc().imports.iter().map(|import| ImportType {
            module: &import.module,
            name: &import.name,
            ty: ExternType::from_raw(self.desc().item_type(import.item)),
        })
    }

    /// Its exports, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> + '_ {
        let desc = self.desc();
        let ty = |item| ExternType::from_raw(desc.item_type(item));
        desc.exports.iter().map(move |export| ExportType { name: &export.name, ty: ty(export.item) })
    }

    /// The type of the export `name`.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        let export = self.desc().exports.iter().find(|export| export.name == name)?;
        Some(ExternType::from_raw(self.desc().item_type(export.item)))
    }

    /// The export `name`, to look it up in instances by [`Instance::get_module_export`](super::Instance::get_module_export)
    /// without its name.
    pub fn get_export_index(&self, name: &str) -> Option<ModuleExport> {
        let export = self.desc().exports.iter().find(|export| export.name == name)?;
        Some(ModuleExport { module: self.token(), item: export.item })
    }

    /// The engine it was made in.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the session knows of it: look-ups, statistics and all that is not shaped as in Wasmtime.
    pub fn loaded(&self) -> &Arc<LoadedModule> {
        &self.loaded
    }

    /// Identity of its code, by which backtraces know it.
    pub(crate) fn token(&self) -> ModuleToken {
        self.loaded.runtime().code().token()
    }

    fn desc(&self) -> &ModuleDesc {
        &self.loaded.wasm().desc
    }
}

/// An export of a module, found once by its name. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct ModuleExport {
    pub(super) module: ModuleToken,
    pub(super) item: Item,
}

/// Whether what does not parse was meant to: behind spaces, the text format begins with a parenthesis or a comment.
fn looks_like_text(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| matches!(first, b'(' | b';'))
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name()).finish_non_exhaustive()
    }
}
