//! The code memory of one module: its chunks, and where the next bytes go. Knows neither stubs nor functions.

use super::alloc::InFlightAlloc;
use super::{CodeMemory, CodeMemoryError, UNIT_BYTES};
use crate::registry::ModuleToken;
use std::ops::Range;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Code is aligned to this many bytes.
const CODE_ALIGN: usize = 16;

/// Most bytes a module takes at once, if what it places is not larger.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// Bytes of a cell.
const CELL_BYTES: usize = size_of::<usize>();

/// The chunks of one module; they are given back when it is dropped. Ranges are bytes from the start of the
/// reservation.
#[derive(Debug)]
pub(crate) struct ModuleSpace {
    pub(super) memory: &'static CodeMemory,
    token: ModuleToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// All chunks.
    chunks: Vec<Range<usize>>,
    /// What is left to place in: code is placed at its start, and never before `current_start`.
    left: Range<usize>,
    /// Where the chunk that `left` is in begins.
    current_start: usize,
    /// Up to here `left` is resident.
    populated: usize,
    /// Bytes of the next chunk.
    next_chunk_bytes: usize,
}

impl ModuleSpace {
    /// A module without chunks.
    pub(crate) fn new(memory: &'static CodeMemory) -> Arc<ModuleSpace> {
        let state = State {
            chunks: Vec::new(),
            left: 0..0,
            current_start: 0,
            populated: 0,
            next_chunk_bytes: UNIT_BYTES,
        };
        Arc::new(ModuleSpace { memory, token: ModuleToken::new(), state: Mutex::new(state) })
    }

    pub(crate) fn token(&self) -> ModuleToken {
        self.token
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for `len` bytes of code.
    pub(crate) fn allocate(&self, len: usize) -> Result<InFlightAlloc<'_>, CodeMemoryError> {
        let views = &self.memory.views;
        self.memory.check_writable()?;
        let align = if views.flips_pages() { region::page::size() } else { CODE_ALIGN };
        let size = self.round(len.max(1), align)?;
        let mut state = self.state();
        if size > state.left.len() {
            return self.allocate_in_new_chunk(&mut state, len, size);
        }
        let range = state.left.start..state.left.start + size;
        state.left.start = range.end;
        self.populate(&mut state);
        Ok(InFlightAlloc::new(self, range, len))
    }

    fn allocate_in_new_chunk(
        &self,
        state: &mut State,
        len: usize,
        size: usize,
    ) -> Result<InFlightAlloc<'_>, CodeMemoryError> {
        let chunk = self.memory.take(size, state.next_chunk_bytes)?;
        self.memory.registry().insert(chunk.clone(), chunk.start, self.token);
        state.next_chunk_bytes = (state.next_chunk_bytes * 2).min(CHUNK_BYTES_MAX);
        let range = chunk.start..chunk.start + size;
        // Go on where there is more room.
        if chunk.end - range.end >= state.left.len() {
            state.left = range.end..chunk.end;
            (state.current_start, state.populated) = (chunk.start, chunk.start);
            self.populate(state);
        } else {
            self.memory.views.populate(range.start..chunk.end);
        }
        state.chunks.push(chunk);
        Ok(InFlightAlloc::new(self, range, len))
    }

    /// The first chunk of a module: room for `code_bytes` of code that look-ups do not find, then `cells` cells,
    /// which share no page with code, since a write near code that runs stops the processor. Code follows.
    pub(crate) fn allocate_batch(
        self: &Arc<Self>,
        code_bytes: usize,
        cells: usize,
    ) -> Result<BatchSpace<'_>, CodeMemoryError> {
        self.memory.check_writable()?;
        let page = region::page::size();
        let code_size = self.round(code_bytes.max(1), page)?;
        let cells_size = self.round(cells.saturating_mul(CELL_BYTES), page)?;
        let chunk = self.memory.take(code_size + cells_size, UNIT_BYTES)?;
        let code = chunk.start..chunk.start + code_size;
        let left = code.end + cells_size..chunk.end;
        self.memory.registry().insert(chunk.clone(), left.start, self.token);
        for at in (chunk.start..left.start).step_by(CHUNK_BYTES_MAX) {
            self.memory.views.populate(at..left.start);
        }
        let mut state = self.state();
        (state.current_start, state.populated) = (left.start, left.start);
        state.chunks.push(chunk);
        let cells = Cells { space: self.clone(), start: code.end, count: cells };
        state.left = left;
        Ok(BatchSpace { code: InFlightAlloc::new(self, code, code_bytes), cells })
    }

    /// Takes back what was allocated and not finalized: the next allocation has it if this was the last.
    pub(super) fn release(&self, range: Range<usize>) {
        let mut state = self.state();
        if range.end == state.left.start && range.start >= state.current_start {
            state.left.start = range.start;
        }
    }

    /// Makes resident what was just placed, and a unit more than was resident before.
    fn populate(&self, state: &mut State) {
        if state.left.start > state.populated {
            let to = state.left.start.max(state.populated + UNIT_BYTES).min(state.left.end);
            let to = to.next_multiple_of(region::page::size());
            self.memory.views.populate(state.populated..to);
            state.populated = to;
        }
    }

    /// `len` rounded up, if it can fit at all.
    fn round(&self, len: usize, align: usize) -> Result<usize, CodeMemoryError> {
        if len > self.memory.views.len() {
            return Err(CodeMemoryError::Exhausted { requested: len });
        }
        Ok(len.next_multiple_of(align))
    }
}

impl Drop for ModuleSpace {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for chunk in state.chunks.drain(..) {
            // SAFETY: `chunk` was inserted when it was taken. The module is dropped: none of its code runs, so no
            // one looks an address of it up.
            unsafe { self.memory.registry().remove(chunk.clone()) };
            self.memory.give_back(chunk);
        }
    }
}

/// Room for a module's batch of stubs.
#[derive(Debug)]
pub(crate) struct BatchSpace<'a> {
    /// Room for its code.
    pub(crate) code: InFlightAlloc<'a>,
    /// Its cells.
    pub(crate) cells: Cells,
}

/// Words of code memory that code reads and the runtime writes: the slots, and what the heads of batches jump through.
#[derive(Debug)]
pub struct Cells {
    space: Arc<ModuleSpace>,
    /// Bytes from the start of the reservation.
    start: usize,
    count: usize,
}

impl Cells {
    fn offset(&self, index: usize) -> usize {
        assert!(index < self.count, "cell {index} of {}", self.count);
        self.start + index * CELL_BYTES
    }

    /// How many cells there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The running address of a cell: the one code reads.
    pub fn address(&self, index: usize) -> usize {
        self.space.memory.running_base() + self.offset(index)
    }

    /// What a cell holds.
    pub fn load(&self, index: usize) -> usize {
        // SAFETY: an aligned word inside the running view, which is mapped as long as the process lives, used by
        // atomics only; a load does not write.
        unsafe { AtomicUsize::from_ptr(self.address(index) as *mut usize) }.load(Ordering::Acquire)
    }

    /// Makes a cell hold `value`; what was written before is seen by who sees it. Does nothing in a forked child,
    /// which must not redirect its parent's code.
    pub fn store(&self, index: usize, value: usize) {
        self.store_from(index, [value]);
    }

    /// Makes the cells hold `values`, from the first cell on: all that there are cells for.
    pub fn fill(&self, values: impl IntoIterator<Item = usize>) {
        self.store_from(0, values);
    }

    fn store_from(&self, index: usize, values: impl IntoIterator<Item = usize>) {
        let (views, at) = (&self.space.memory.views, self.offset(index));
        if !views.writable() {
            return;
        }
        // SAFETY: the cells from `index` on are aligned words inside the working view, which this process has, used
        // by atomics only.
        let cells: &[AtomicUsize] =
            unsafe { slice::from_raw_parts(views.working().add(at).cast(), self.count - index) };
        cells.iter().zip(values).for_each(|(cell, value)| cell.store(value, Ordering::Release));
    }
}
