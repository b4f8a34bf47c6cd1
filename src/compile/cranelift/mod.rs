//! The backend that is Cranelift: translates a body, compiles it under one row of settings, and wraps the code in an
//! object. Holds what compilations allocate, so that the next one need not; knows no operator.

use super::emit::Emitter;
use super::fuel::Meter;
use super::target::{self, RelaxedForms, Settings};
use super::translate::Translator;
use super::{Backend, CompileError, Compiled, FunctionBody};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use latier_runtime::module::ModuleDesc;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// Bodies of more bytes than this leave so much behind that it is better given back.
const GIANT_BYTES: usize = 64 << 10;

/// What one compilation needs.
struct Scratch {
    context: Context,
    control: ControlPlane,
    translator: Translator,
    emitter: Emitter,
}

impl Scratch {
    fn new() -> Scratch {
        Scratch {
            context: Context::new(),
            control: ControlPlane::default(),
            translator: Translator::default(),
            emitter: Emitter::default(),
        }
    }
}

/// How code is made.
#[derive(Clone, Copy)]
struct Options {
    settings: Settings,
    relaxed_simd_deterministic: bool,
    consume_fuel: bool,
}

impl Options {
    fn new(settings: Settings) -> Options {
        Options { settings, relaxed_simd_deterministic: true, consume_fuel: false }
    }
}

/// Cranelift under one row of settings.
pub struct CraneliftBackend {
    options: Options,
    /// Scratch that no compilation uses: never more than there were compilations at once.
    pool: Mutex<Vec<Box<Scratch>>>,
}

impl CraneliftBackend {
    /// A backend with these settings.
    pub fn new(settings: Settings) -> CraneliftBackend {
        CraneliftBackend { options: Options::new(settings), pool: Mutex::new(Vec::new()) }
    }

    /// Whether relaxed operators on vectors give the same results on every machine, as they do unless this says no.
    pub fn relaxed_simd_deterministic(mut self, deterministic: bool) -> CraneliftBackend {
        self.options.relaxed_simd_deterministic = deterministic;
        self
    }

    /// Whether code consumes its store's fuel, as it does not unless this says yes.
    pub fn consume_fuel(mut self, on: bool) -> CraneliftBackend {
        self.options.consume_fuel = on;
        self
    }

    /// Runs `work` with scratch from the pool. It goes back only after success: what a failure or a panic leaves in
    /// it is unknown.
    fn with_scratch<T>(
        &self,
        body: FunctionBody<'_>,
        work: impl FnOnce(&mut Scratch) -> Result<T, CompileError>,
    ) -> Result<T, CompileError> {
        let pooled = self.pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = pooled.unwrap_or_else(|| Box::new(Scratch::new()));
        let done = work(&mut scratch)?;
        if body.bytes.len() <= GIANT_BYTES {
            scratch.context.clear();
            self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        }
        Ok(done)
    }
}

impl Backend for CraneliftBackend {
    fn compile(&self, module: &ModuleDesc, body: FunctionBody<'_>) -> Result<Compiled, CompileError> {
        self.with_scratch(body, |scratch| {
            translate_and_compile(self.options, module, body, scratch)?;
            let code = scratch.context.compiled_code().expect("a compiled context has code");
            let symbols = scratch.translator.symbols();
            let object = scratch.emitter.object(code, &scratch.context.func.params, symbols)?;
            Ok(Compiled { object, symbols: symbols.iter().copied().collect() })
        })
    }
}

fn translate(
    options: Options,
    module: &ModuleDesc,
    body: FunctionBody<'_>,
    scratch: &mut Scratch,
) -> Result<(), CompileError> {
    let isa = target::isa(options.settings)?;
    let relaxed = RelaxedForms::new(isa, options.relaxed_simd_deterministic);
    let meter = Meter::new(options.consume_fuel);
    let func = &mut scratch.context.func;
    scratch.translator.translate(module, body, func, isa.frontend_config(), relaxed, meter)
}

fn translate_and_compile(
    options: Options,
    module: &ModuleDesc,
    body: FunctionBody<'_>,
    scratch: &mut Scratch,
) -> Result<(), CompileError> {
    translate(options, module, body, scratch)?;
    let isa = target::isa(options.settings)?;
    let compiled = scratch.context.compile(&**isa, &mut scratch.control);
    compiled.map(|_| ()).map_err(|e| failure(&e.inner))
}

fn failure(error: &cranelift_codegen::CodegenError) -> CompileError {
    CompileError { message: format!("Cranelift: {error}"), offset: None }
}

/// The text of a body in Cranelift's intermediate form, as it goes into machine code: under [`Settings::Optimized`]
/// after all optimizations. A line for each symbol says what the names in it stand for.
///
/// # Errors
/// As [`Backend::compile`].
pub fn clif(module: &ModuleDesc, body: FunctionBody<'_>, settings: Settings) -> Result<String, CompileError> {
    let mut scratch = Scratch::new();
    translate(Options::new(settings), module, body, &mut scratch)?;
    let isa = target::isa(settings)?;
    scratch.context.optimize(&**isa, &mut scratch.control).map_err(|e| failure(&e))?;
    let mut text = symbol_lines(&scratch);
    let _ = write!(text, "{}", scratch.context.func.display());
    Ok(text)
}

/// The text of a body's machine code, as Cranelift prints it.
///
/// # Errors
/// As [`Backend::compile`].
pub fn assembly(
    module: &ModuleDesc,
    body: FunctionBody<'_>,
    settings: Settings,
) -> Result<String, CompileError> {
    let mut scratch = Scratch::new();
    scratch.context.set_disasm(true);
    translate_and_compile(Options::new(settings), module, body, &mut scratch)?;
    let code = scratch.context.compiled_code().expect("a compiled context has code");
    Ok(symbol_lines(&scratch) + code.vcode.as_deref().unwrap_or_default())
}

fn symbol_lines(scratch: &Scratch) -> String {
    let mut text = String::new();
    for (ordinal, symbol) in scratch.translator.symbols().iter().enumerate() {
        let _ = writeln!(text, "; u0:{ordinal} = {symbol:?}");
    }
    text
}
