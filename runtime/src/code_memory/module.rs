//! The executable memory of one module: its entry points, their slots, and room for the code they lead to. What the
//! code is, it does not know.

use super::{BatchSpace, CodeAddr, CodeMemory, CodeMemoryError, InFlightAlloc, ModuleSpace};
use crate::abi::FuncIndex;
use crate::reexports::{Batch, RedirectableSymbols, ReentryTrampolines, Stubs, TrampolineEmitter};
use crate::registry::ModuleToken;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The executable memory of one module. Dropped, its memory goes back to the system: none of its code may run then
/// or later.
pub struct ModuleCode {
    space: Arc<ModuleSpace>,
    symbols: Box<dyn RedirectableSymbols>,
    /// The code that each function was last led to; 0 before it was. Stays when a function leads to its trampoline
    /// again.
    latest: Box<[AtomicUsize]>,
    first_defined: u32,
    func_count_defined: u32,
}

impl ModuleCode {
    /// The lazy reexports of a module with `func_count_defined` functions behind `first_defined` imported ones: every
    /// function has an entry point and a slot, which leads to the function's re-entry trampoline.
    ///
    /// # Errors
    /// When code memory is exhausted, or there is none in this process.
    pub fn new(func_count_defined: u32, first_defined: u32) -> Result<Arc<ModuleCode>, CodeMemoryError> {
        let memory = CodeMemory::get()?;
        ModuleCode::with_parts::<Stubs, _>(memory, func_count_defined, first_defined, &ReentryTrampolines)
    }

    /// As [`ModuleCode::new`], with other redirectable symbols and trampolines.
    ///
    /// # Errors
    /// As [`ModuleCode::new`].
    pub fn with_parts<S: RedirectableSymbols + 'static, E: TrampolineEmitter>(
        memory: &'static CodeMemory,
        func_count_defined: u32,
        first_defined: u32,
        trampolines: &E,
    ) -> Result<Arc<ModuleCode>, CodeMemoryError> {
        let space = ModuleSpace::new(memory);
        let size = S::batch_size::<E>(func_count_defined);
        let BatchSpace { mut code, cells } = space.allocate_batch(size.code_bytes, size.cells)?;
        let (count, code_at) = (func_count_defined, code.running_address());
        let batch = Batch { code: code.working(), code_at, cells, first: FuncIndex(first_defined), count };
        let symbols = Box::new(S::make(batch, trampolines));
        code.finalize_unrecorded()?;
        // SAFETY: all zero is a value of an `AtomicUsize`.
        let latest = unsafe { Box::new_zeroed_slice(count as usize).assume_init() };
        Ok(Arc::new(ModuleCode { space, symbols, latest, first_defined, func_count_defined }))
    }

    /// The module's identity in the registry.
    pub fn token(&self) -> ModuleToken {
        self.space.token()
    }

    /// Room for `len` bytes of code. Several threads may have such at once.
    ///
    /// # Errors
    /// When code memory is exhausted, or in a forked process.
    pub fn allocate(&self, len: usize) -> Result<InFlightAlloc<'_>, CodeMemoryError> {
        self.space.allocate(len)
    }

    /// The running address of a function's slot: its GOT entry.
    ///
    /// # Panics
    /// When the module does not define the function; so do all that take an index.
    pub fn slot_address(&self, function: FuncIndex) -> usize {
        self.symbols.slot_address(self.ordinal(function))
    }

    /// The function's entry point: what calls it whatever its code is at the time.
    pub fn entry_point(&self, function: FuncIndex) -> usize {
        self.symbols.entry_point(self.ordinal(function))
    }

    /// Leads the function to `to`, for calls that start from now on.
    pub fn redirect(&self, function: FuncIndex, to: CodeAddr) {
        let ordinal = self.ordinal(function);
        self.latest[ordinal as usize].store(to.0, Ordering::SeqCst);
        self.symbols.redirect(ordinal, to);
    }

    /// Leads the function, which leads to its re-entry trampoline, to the code that it was last led to; `None` when
    /// there is none.
    pub fn redirect_again(&self, function: FuncIndex) -> Option<CodeAddr> {
        let ordinal = self.ordinal(function);
        let latest = &self.latest[ordinal as usize];
        let mut code = latest.load(Ordering::SeqCst);
        while code != 0 {
            self.symbols.redirect(ordinal, CodeAddr(code));
            // A redirect to newer code may have come between load and store: its code must win.
            let now = latest.load(Ordering::SeqCst);
            if now == code {
                return Some(CodeAddr(code));
            }
            code = now;
        }
        None
    }

    /// The code that the function leads to; `None` while it leads to its re-entry trampoline.
    pub fn current(&self, function: FuncIndex) -> Option<CodeAddr> {
        self.symbols.current(self.ordinal(function))
    }

    /// Leads the function to its re-entry trampoline again, where [`ModuleCode::redirect_again`] takes it back from.
    pub fn reset(&self, function: FuncIndex) {
        self.symbols.reset(self.ordinal(function));
    }

    fn ordinal(&self, function: FuncIndex) -> u32 {
        let ordinal = function.0.wrapping_sub(self.first_defined);
        assert!(ordinal < self.func_count_defined, "the module does not define function {}", function.0);
        ordinal
    }
}

impl fmt::Debug for ModuleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleCode").field("token", &self.token()).finish_non_exhaustive()
    }
}
