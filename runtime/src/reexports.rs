//! Lazy reexports of a module: for every function an entry point and a slot, which at first leads to the function's
//! re-entry trampoline. Made as one batch. The two parts of it, the emitter of trampolines and the maker of
//! redirectable symbols, can be replaced; neither knows what a function is.
//!
//! ```text
//!   code   head │ stub 0 │ stub 1 │ …            cells   re-entry │ slot 0 │ slot 1 │ …
//!
//!   call ─► stub n: jmp *slot n ─┬─► the function's code
//!                                └─► the second half of stub n, its trampoline ─► head ─► re-entry
//! ```

use crate::abi::FuncIndex;
use crate::arch;
use crate::code_memory::{Cells, CodeAddr, CodeMemoryError, ModuleCode};
use crate::reentry;
use std::sync::{Arc, Mutex, PoisonError};

/// Stubs start at multiples of this many bytes, so that none crosses a cache line.
const STUB_ALIGN: usize = 16;

/// Emits re-entry trampolines: code that passes on which function was called.
pub trait TrampolineEmitter {
    /// Bytes of what the trampolines of a batch share.
    const HEAD_BYTES: usize;

    /// Bytes of each trampoline.
    const TRAMPOLINE_BYTES: usize;

    /// Where all trampolines of a batch lead in the end. A cell holds it.
    fn reentry(&self) -> usize;

    /// Writes the head, which will run at `at`, to `out`. The cell at `cell` holds [`TrampolineEmitter::reentry`].
    fn emit_head(&self, out: &mut [u8], at: usize, cell: usize);

    /// Writes the trampoline of `function`, which will run at `at`, to `out`. The head will be at `head`.
    fn emit(&self, out: &mut [u8], at: usize, head: usize, function: FuncIndex);
}

/// What a batch of redirectable symbols needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// Bytes of code.
    pub code_bytes: usize,
    /// Cells.
    pub cells: usize,
}

/// The memory of a batch while it is made, as large as it was asked for.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Where the code is written: zeros.
    pub code: &'a mut [u8],
    /// Where the code will run.
    pub code_at: usize,
    /// The cells. They live as long as they are kept.
    pub cells: Cells,
    /// The function that symbol 0 stands for; the others follow.
    pub first: FuncIndex,
    /// How many symbols to make.
    pub count: u32,
}

/// A batch of redirectable symbols, by ordinal: entry points whose calls can be led elsewhere at any time.
pub trait RedirectableSymbols: Send + Sync {
    /// The memory that `count` of them need, with the trampolines of `E`.
    fn batch_size<E: TrampolineEmitter>(count: u32) -> BatchSize
    where
        Self: Sized;

    /// Makes a batch. Every symbol leads to a trampoline of its own.
    fn make<E: TrampolineEmitter>(batch: Batch<'_>, trampolines: &E) -> Self
    where
        Self: Sized;

    /// The address that never changes and always leads to the symbol's code.
    fn entry_point(&self, symbol: u32) -> usize;

    /// Running address of the word that holds the address of the symbol's code.
    fn slot_address(&self, symbol: u32) -> usize;

    /// Leads the symbol to `to`.
    fn redirect(&self, symbol: u32, to: CodeAddr);

    /// Where the symbol was led to; `None` when it leads to its trampoline.
    fn current(&self, symbol: u32) -> Option<CodeAddr>;

    /// Leads the symbol to its trampoline again.
    fn reset(&self, symbol: u32);
}

/// The trampolines that lead to the session.
#[derive(Clone, Copy, Debug)]
pub struct ReentryTrampolines;

impl TrampolineEmitter for ReentryTrampolines {
    const HEAD_BYTES: usize = arch::JUMP_BYTES;
    const TRAMPOLINE_BYTES: usize = arch::TRAMPOLINE_BYTES;

    fn reentry(&self) -> usize {
        reentry::reentry_address()
    }

    fn emit_head(&self, out: &mut [u8], at: usize, cell: usize) {
        out.copy_from_slice(&arch::jump_through(at, cell));
    }

    fn emit(&self, out: &mut [u8], at: usize, head: usize, function: FuncIndex) {
        out.copy_from_slice(&arch::trampoline(at, head, function));
    }
}

/// Redirectable symbols that are stubs in front of slots. A redirect is one store.
#[derive(Debug)]
pub struct Stubs {
    /// The re-entry's cell, then one slot a symbol.
    cells: Cells,
    /// Running address of stub 0.
    start: usize,
    stub_bytes: usize,
}

impl Stubs {
    const fn head_size<E: TrampolineEmitter>() -> usize {
        E::HEAD_BYTES.next_multiple_of(STUB_ALIGN)
    }

    const fn stub_size<E: TrampolineEmitter>() -> usize {
        (arch::JUMP_BYTES + E::TRAMPOLINE_BYTES).next_multiple_of(STUB_ALIGN)
    }

    fn slot(symbol: u32) -> usize {
        1 + symbol as usize
    }

    fn trampoline(&self, symbol: u32) -> usize {
        self.entry_point(symbol) + arch::JUMP_BYTES
    }
}

impl RedirectableSymbols for Stubs {
    fn batch_size<E: TrampolineEmitter>(count: u32) -> BatchSize {
        let stubs = (count as usize).saturating_mul(Stubs::stub_size::<E>());
        BatchSize { code_bytes: stubs.saturating_add(Stubs::head_size::<E>()), cells: 1 + count as usize }
    }

    fn make<E: TrampolineEmitter>(batch: Batch<'_>, trampolines: &E) -> Stubs {
        let Batch { code, code_at, cells, first, count } = batch;
        let (head, code) = code.split_at_mut(Stubs::head_size::<E>());
        trampolines.emit_head(&mut head[..E::HEAD_BYTES], code_at, cells.address(0));
        let stub_bytes = Stubs::stub_size::<E>();
        let stubs = Stubs { cells, start: code_at + head.len(), stub_bytes };
        let slots = stubs.cells.address(0) + size_of::<usize>();
        for (symbol, stub) in (0..count).zip(code.chunks_exact_mut(stub_bytes)) {
            let (at, function) = (stubs.entry_point(symbol), FuncIndex(first.0.wrapping_add(symbol)));
            let (jump, trampoline) = stub.split_at_mut(arch::JUMP_BYTES);
            jump.copy_from_slice(&arch::jump_through(at, slots + symbol as usize * size_of::<usize>()));
            let trampoline = &mut trampoline[..E::TRAMPOLINE_BYTES];
            trampolines.emit(trampoline, at + arch::JUMP_BYTES, code_at, function);
        }
        let targets = (0..count).map(|symbol| stubs.trampoline(symbol));
        stubs.cells.fill(std::iter::once(trampolines.reentry()).chain(targets));
        stubs
    }

    fn entry_point(&self, symbol: u32) -> usize {
        self.start + symbol as usize * self.stub_bytes
    }

    fn slot_address(&self, symbol: u32) -> usize {
        self.cells.address(Stubs::slot(symbol))
    }

    fn redirect(&self, symbol: u32, to: CodeAddr) {
        self.cells.store(Stubs::slot(symbol), to.0);
    }

    fn current(&self, symbol: u32) -> Option<CodeAddr> {
        let address = self.cells.load(Stubs::slot(symbol));
        (address != self.trampoline(symbol)).then_some(CodeAddr(address))
    }

    fn reset(&self, symbol: u32) {
        self.cells.store(Stubs::slot(symbol), self.trampoline(symbol));
    }
}

/// What the record of a host function holds in place of a Wasm function's slot and entry point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostEntry {
    /// Running address of a slot that always holds the host exit's address.
    pub(crate) slot_address: usize,
    /// A stub that jumps there.
    pub(crate) entry_point: usize,
}

/// The slot and entry point that all host functions of the process share, made on first use: host functions differ
/// by their contexts only. `exit_address` is where calls of host functions leave Wasm, the same in every call.
///
/// # Errors
/// When there is no code memory.
pub(crate) fn host_entry(exit_address: usize) -> Result<HostEntry, CodeMemoryError> {
    static HOSTS: Mutex<Option<Arc<ModuleCode>>> = Mutex::new(None);
    let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
    let exit = FuncIndex(0);
    let code = match &*hosts {
        Some(code) => code.clone(),
        None => {
            let code = ModuleCode::new(1, exit.0)?;
            code.redirect(exit, CodeAddr(exit_address));
            hosts.insert(code).clone()
        }
    };
    debug_assert_eq!(code.current(exit), Some(CodeAddr(exit_address)), "there is one host exit");
    Ok(HostEntry { slot_address: code.slot_address(exit), entry_point: code.entry_point(exit) })
}
