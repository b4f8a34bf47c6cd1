//! Why a guest stopped and where: the executor's account of it as an error whose chain holds a [`Trap`] or the
//! host's own error, and a [`WasmBacktrace`]. Refuses to catch anything itself.

use super::raw;
use super::{AsContext, Engine, Error, Exception, Module};
use crate::session::LoadedModule;
use crate::wasm::SourcePlace;
use latier_runtime::abi::{FuncIndex, TrapCode};
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock};

/// Why a guest stopped. Found in the error of a failed call by `error.downcast_ref::<Trap>()`; a host function
/// that returns one as its error stops the guest with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trap {
    /// `unreachable` was executed.
    UnreachableCodeReached,
    /// An access outside a memory.
    MemoryOutOfBounds,
    /// An access outside a table or an element segment.
    TableOutOfBounds,
    /// `call_indirect` on a null element.
    IndirectCallToNull,
    /// `call_indirect` on a function of another type.
    BadSignature,
    /// A division or a conversion whose result does not fit.
    IntegerOverflow,
    /// Integer division by zero.
    IntegerDivisionByZero,
    /// Conversion of NaN to an integer.
    BadConversionToInteger,
    /// The stack limit was reached.
    StackOverflow,
    /// A null reference where a value was needed.
    NullReference,
    /// The function that was called could not be compiled. The error behind it in the chain says why.
    CompileFailed,
    /// The embedder interrupted the guest.
    Interrupt,
    /// An atomic access that is not aligned.
    HeapMisaligned,
    /// `memory.atomic.wait` on a memory that is not shared.
    AtomicWaitNonSharedMemory,
    /// There was no memory for what the guest needed.
    OutOfMemory,
    /// The store has no fuel left (see [`Config::consume_fuel`](super::Config::consume_fuel)).
    OutOfFuel,
}

impl Trap {
    fn code(self) -> TrapCode {
        match self {
            Trap::UnreachableCodeReached => TrapCode::Unreachable,
            Trap::MemoryOutOfBounds => TrapCode::MemoryOutOfBounds,
            Trap::TableOutOfBounds => TrapCode::TableOutOfBounds,
            Trap::IndirectCallToNull => TrapCode::IndirectCallToNull,
            Trap::BadSignature => TrapCode::BadSignature,
            Trap::IntegerOverflow => TrapCode::IntegerOverflow,
            Trap::IntegerDivisionByZero => TrapCode::IntegerDivisionByZero,
            Trap::BadConversionToInteger => TrapCode::BadConversionToInteger,
            Trap::StackOverflow => TrapCode::StackOverflow,
            Trap::NullReference => TrapCode::NullReference,
            Trap::CompileFailed => TrapCode::CompileFailed,
            Trap::Interrupt => TrapCode::Interrupt,
            Trap::HeapMisaligned => TrapCode::UnalignedAtomic,
            Trap::AtomicWaitNonSharedMemory => TrapCode::AtomicWaitNonShared,
            Trap::OutOfMemory => TrapCode::OutOfMemory,
            Trap::OutOfFuel => TrapCode::OutOfFuel,
        }
    }

    pub(crate) fn from_code(code: TrapCode) -> Option<Trap> {
        Some(match code {
            TrapCode::Unreachable => Trap::UnreachableCodeReached,
            TrapCode::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
            TrapCode::TableOutOfBounds => Trap::TableOutOfBounds,
            TrapCode::IndirectCallToNull => Trap::IndirectCallToNull,
            TrapCode::BadSignature => Trap::BadSignature,
            TrapCode::IntegerOverflow => Trap::IntegerOverflow,
            TrapCode::IntegerDivisionByZero => Trap::IntegerDivisionByZero,
            TrapCode::BadConversionToInteger => Trap::BadConversionToInteger,
            TrapCode::StackOverflow => Trap::StackOverflow,
            TrapCode::NullReference => Trap::NullReference,
            TrapCode::CompileFailed => Trap::CompileFailed,
            TrapCode::Interrupt => Trap::Interrupt,
            TrapCode::UnalignedAtomic => Trap::HeapMisaligned,
            TrapCode::AtomicWaitNonShared => Trap::AtomicWaitNonSharedMemory,
            TrapCode::OutOfMemory => Trap::OutOfMemory,
            TrapCode::OutOfFuel => Trap::OutOfFuel,
            _ => return None,
        })
    }
}

impl fmt::Display for Trap {
    /// The words of the specification's test suite.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code().fmt(f)
    }
}

impl std::error::Error for Trap {}

/// The functions that were running when a guest stopped, innermost first. Found in the error of a failed call by
/// `error.downcast_ref::<WasmBacktrace>()`.
#[derive(Debug)]
pub struct WasmBacktrace {
    frames: Vec<FrameInfo>,
}

impl WasmBacktrace {
    fn new(engine: &Engine, raw: &[raw::RawFrame]) -> WasmBacktrace {
        let frames = raw.iter().filter_map(|frame| FrameInfo::new(engine, frame)).collect();
        WasmBacktrace { frames }
    }

    /// The functions that are running now, on this thread: all that called the host function that asks. Empty
    /// outside of host functions.
    pub fn capture(store: impl AsContext) -> WasmBacktrace {
        WasmBacktrace::new(store.as_context().engine(), &raw::capture_backtrace())
    }

    /// The frames, innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.frames
    }
}

impl fmt::Display for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error while executing at wasm backtrace:")?;
        self.frames.iter().enumerate().try_for_each(|(i, frame)| write!(f, "\n  {i:>3}: {frame}"))
    }
}

/// A frame of a [`WasmBacktrace`]. Its text is what stands for it in that of the backtrace: where it was in the module, in
/// which function, and on a line of its own where in the program's source, if that is known.
#[derive(Debug)]
pub struct FrameInfo {
    module: Module,
    function: FuncIndex,
    /// Found when it is first asked for: a program that exits has a backtrace too, which nobody reads.
    name: OnceLock<Option<String>>,
    symbols: OnceLock<Vec<FrameSymbol>>,
    func_offset: usize,
    module_offset: usize,
}

impl FrameInfo {
    fn new(engine: &Engine, raw: &raw::RawFrame) -> Option<FrameInfo> {
        let loaded: Arc<LoadedModule> = engine.session().module_of(raw.module)?;
        Some(FrameInfo {
            name: OnceLock::new(),
            symbols: OnceLock::new(),
            module: Module::from_loaded(engine, loaded),
            function: raw.function,
            func_offset: raw.wasm_offset as usize,
            module_offset: (raw.body_offset + u64::from(raw.wasm_offset)) as usize,
        })
    }

    fn module_name(&self) -> &str {
        self.module.name().unwrap_or("<unknown>")
    }

    /// The module the function belongs to.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Index of the function in its module, imports first.
    pub fn func_index(&self) -> u32 {
        self.function.0
    }

    /// Name of the function, from the module's name section, as its source spells it: mangling is undone.
    pub fn func_name(&self) -> Option<&str> {
        let name = || self.module.loaded().wasm().display_name(self.function);
        self.name.get_or_init(name).as_deref()
    }

    /// Where the frame was in the program's source, if the module has debugging information (DWARF), which is read when this
    /// is first asked. Of functions that were inlined into each other the innermost is first; the last is the function that
    /// the frame is of.
    ///
    /// ```
    /// # fn f(error: latier::Error) {
    /// if let Some(backtrace) = error.downcast_ref::<latier::WasmBacktrace>() {
    ///     for symbol in backtrace.frames().iter().flat_map(|frame| frame.symbols()) {
    ///         let (line, column) = (symbol.line(), symbol.column());
    ///         println!("{:?} at {:?}:{line:?}:{column:?}", symbol.name(), symbol.file());
    ///     }
    /// }
    /// # }
    /// ```
    pub fn symbols(&self) -> &[FrameSymbol] {
        self.symbols.get_or_init(|| {
            let places = self.module.loaded().wasm().source_places(self.module_offset as u64);
            places.into_iter().map(FrameSymbol).collect()
        })
    }

    /// Bytes from the start of the module's binary to the instruction.
    pub fn module_offset(&self) -> Option<usize> {
        Some(self.module_offset)
    }

    /// Bytes from the start of the function's body to the instruction.
    pub fn func_offset(&self) -> Option<usize> {
        Some(self.func_offset)
    }
}

impl fmt::Display for FrameInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inlined, own) = match self.symbols() {
            [] => (&[][..], None),
            [inlined @ .., own] => (inlined, Some(own)),
        };
        write!(f, "{:#8x}", self.module_offset)?;
        let mut indent = 0;
        for symbol in inlined {
            let name = symbol.name().unwrap_or("<inlined>");
            write!(f, "{:indent$} - {}!{name}\n{:20}at {}", "", self.module_name(), "", symbol.0)?;
            f.write_str("\n")?;
            indent = 15;
        }
        write!(f, "{:indent$} - {}!", "", self.module_name())?;
        match self.func_name() {
            Some(name) => f.write_str(name)?,
            None => write!(f, "<wasm function {}>", self.func_index())?,
        }
        own.map_or(Ok(()), |own| write!(f, "\n{:20}at {}", "", own.0))
    }
}

/// Where a frame was in a program's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameSymbol(SourcePlace);

impl FrameSymbol {
    /// The function, as its source spells it.
    pub fn name(&self) -> Option<&str> {
        self.0.function.as_deref()
    }

    /// The file, as the compiler was given it.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The line, counted from 1.
    pub fn line(&self) -> Option<u32> {
        self.0.line
    }

    /// The column, counted from 1; 0 when only the line is known.
    pub fn column(&self) -> Option<u32> {
        self.0.column
    }
}

/// The error of a guest that stopped. A panic of the host goes on from here.
pub(crate) fn stopped(engine: &Engine, unwind: raw::Unwind) -> Error {
    let error = reason(unwind.reason);
    // An error that comes through several activations was given its backtrace by the innermost.
    if unwind.backtrace.is_empty() || error.downcast_ref::<WasmBacktrace>().is_some() {
        return error;
    }
    error.context(WasmBacktrace::new(engine, &unwind.backtrace))
}

fn reason(reason: raw::UnwindReason) -> Error {
    match reason {
        raw::UnwindReason::Panic(payload) => resume_unwind(payload),
        raw::UnwindReason::Trap { code, message } => trap_error(code, message),
        raw::UnwindReason::Exception(exception) => Error::new(Exception(exception)),
        raw::UnwindReason::Host(failure) => match failure.downcast::<Error>() {
            Ok(error) => *error,
            Err(_) => Error::msg("a host function failed"),
        },
    }
}

/// The error of something that was not made or did not grow. A panic of the limiter goes on from here.
pub(crate) fn not_grown(error: raw::GrowError) -> Error {
    match error {
        raw::GrowError::Resource(error) => error.into(),
        raw::GrowError::Limiter(why) => reason(why),
    }
}

/// The error of a trap; a message stands behind it in the chain.
pub(crate) fn trap_error(code: TrapCode, message: Option<String>) -> Error {
    match (Trap::from_code(code), message) {
        (Some(trap), None) => Error::new(trap),
        (Some(trap), Some(message)) => Error::msg(message).context(trap),
        (None, message) => Error::msg(message.unwrap_or_else(|| code.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_trap_and_back() {
        for code in (0..=u8::MAX).filter_map(TrapCode::from_u8) {
            assert_eq!(Trap::from_code(code).map(Trap::code), Some(code));
        }
    }

    #[test]
    fn a_message_stands_behind_its_trap() {
        let error = trap_error(TrapCode::CompileFailed, Some("too big".into()));
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::CompileFailed));
        assert_eq!(format!("{error:#}"), "function could not be compiled: too big");
    }
}
