//! The builtins: what compiled code calls for whatever is not worth emitting in place. Each row of
//! [`crate::builtin`] has its function here. None panics, whatever the guest passes: a panic could not leave
//! compiled code. A failure is a return value, and the caller makes it a trap.
//!
//! # Safety
//! Of all of them: `vmctx` is the running instance's; memories and tables are first fields of cells of its store,
//! which only the running guest uses at the time, or of shared memories, of which there are only shared references.
//! References of a cell last no longer than one expression needs, since `dst` and `src` may be the same.

use crate::abi::FuncIndex;
use crate::arch::{self, Grown};
use crate::builtin::Builtin;
use crate::const_expr::Scope;
use crate::exception::TagCell;
use crate::instance::InstanceCell;
use crate::limits::GrowError;
use crate::memory::MemoryCell;
use crate::module::ElementItems;
use crate::parking::{self, Expected};
use crate::store::StoreInner;
use crate::table::TableCell;
use crate::trap::{self, Runtime};
use crate::types::ValType;
use crate::vmctx::{VmHeader, VmMemory, VmTable};
use std::ptr::NonNull;
use std::time::Duration;

/// A code address in a static table.
#[repr(transparent)]
struct Code(*const ());

// SAFETY: code may be called by any thread.
unsafe impl Sync for Code {}

/// In the order of [`Builtin`].
static TABLE: [Code; Builtin::COUNT] = [
    Code(arch::safepoint::<Runtime> as *const ()),
    Code(arch::memory_grow::<Runtime> as *const ()),
    Code(memory_copy as *const ()),
    Code(memory_fill as *const ()),
    Code(memory_init as *const ()),
    Code(data_drop as *const ()),
    Code(arch::table_grow::<Runtime> as *const ()),
    Code(table_copy as *const ()),
    Code(table_fill as *const ()),
    Code(table_init as *const ()),
    Code(elem_drop as *const ()),
    Code(ref_func as *const ()),
    Code(atomic_notify as *const ()),
    Code(atomic_wait32 as *const ()),
    Code(atomic_wait64 as *const ()),
    Code(exception_new as *const ()),
    Code(arch::throw::<Runtime> as *const ()),
];

/// The table that `VmHeader::builtins` points to.
pub(crate) fn table() -> *const usize {
    TABLE.as_ptr().cast()
}

const FAILED: u64 = 0;
const DONE: u64 = 1;
const NOT_GROWN: u64 = u64::MAX;

/// Whether `len` items from `start` lie among `have`.
fn within(start: u64, len: u64, have: u64) -> bool {
    start.checked_add(len).is_some_and(|end| end <= have)
}

/// `memory.grow`.
///
/// # Safety
/// As all builtins.
pub(crate) unsafe fn memory_grow(vmctx: *mut VmHeader, memory: *mut VmMemory, pages: u64) -> Grown {
    let Some(memory) = NonNull::new(memory.cast::<MemoryCell>()) else { return Grown::from(NOT_GROWN) };
    // SAFETY: see the head of the file.
    grown(unsafe { MemoryCell::grow((*vmctx).store, memory, pages) })
}

/// What growing gives the guest: the size before, -1, or the end of its call.
fn grown(outcome: Result<u64, GrowError>) -> Grown {
    match outcome {
        Ok(before) => Grown::from(before),
        Err(GrowError::Resource(_)) => Grown::from(NOT_GROWN),
        Err(GrowError::Limiter(reason)) => {
            trap::record(reason);
            Grown { before: NOT_GROWN, raise: true }
        }
    }
}

/// Base and length of a memory.
///
/// # Safety
/// As all builtins.
unsafe fn bytes(memory: *mut VmMemory) -> (*mut u8, u64) {
    // SAFETY: see the head of the file.
    let cell = unsafe { &*memory.cast::<MemoryCell>() };
    (cell.base(), cell.len() as u64)
}

unsafe extern "C" fn memory_copy(
    _vmctx: *mut VmHeader,
    dst: *mut VmMemory,
    src: *mut VmMemory,
    to: u64,
    from: u64,
    len: u64,
) -> u64 {
    // SAFETY: see the head of the file.
    let ((dst, dst_len), (src, src_len)) = unsafe { (bytes(dst), bytes(src)) };
    if !within(to, len, dst_len) || !within(from, len, src_len) {
        return FAILED;
    }
    // SAFETY: both ranges lie in their memories; they may overlap.
    unsafe { std::ptr::copy(src.add(from as usize), dst.add(to as usize), len as usize) };
    DONE
}

unsafe extern "C" fn memory_fill(
    _vmctx: *mut VmHeader,
    memory: *mut VmMemory,
    to: u64,
    byte: u64,
    len: u64,
) -> u64 {
    // SAFETY: see the head of the file.
    let (base, have) = unsafe { bytes(memory) };
    if !within(to, len, have) {
        return FAILED;
    }
    // SAFETY: the range lies in the memory.
    unsafe { base.add(to as usize).write_bytes(byte as u8, len as usize) };
    DONE
}

unsafe extern "C" fn memory_init(
    vmctx: *mut VmHeader,
    memory: *mut VmMemory,
    segment: u64,
    to: u64,
    from: u64,
    len: u64,
) -> u64 {
    // SAFETY: see the head of the file.
    let (instance, (base, have)) = unsafe { (InstanceCell::of(vmctx), bytes(memory)) };
    let segment = segment as usize;
    let dropped = instance.dropped_data.get(segment).is_none_or(|dropped| dropped.get());
    let data = if dropped { &[] } else { instance.module.passive_data(segment).unwrap_or_default() };
    if !within(to, len, have) || !within(from, len, data.len() as u64) {
        return FAILED;
    }
    // SAFETY: both ranges lie in what they are of, and the segment's bytes are the module's, not the memory's.
    unsafe {
        let from = data.as_ptr().add(from as usize);
        std::ptr::copy_nonoverlapping(from, base.add(to as usize), len as usize);
    }
    DONE
}

/// The word at `at` that threads wait for, if the memory has it: `bytes` bytes.
///
/// # Safety
/// As all builtins.
unsafe fn word(memory: *mut VmMemory, at: u64, bytes: u64) -> Option<*mut u8> {
    // SAFETY: see the head of the file.
    unsafe { &*memory.cast::<MemoryCell>() }.place(at, bytes)
}

unsafe extern "C" fn atomic_notify(_vmctx: *mut VmHeader, memory: *mut VmMemory, at: u64, count: u64) -> u64 {
    // SAFETY: see the head of the file.
    let Some(word) = (unsafe { word(memory, at, 4) }) else { return FAILED };
    u64::from(parking::notify(word as usize, count as u32)) + 1
}

/// The time-out of a wait, in nanoseconds; a negative one is none.
fn timeout(nanoseconds: u64) -> Option<Duration> {
    u64::try_from(nanoseconds.cast_signed()).ok().map(Duration::from_nanos)
}

/// Waits at `at`, where `bytes` bytes are compared with `expected`.
///
/// # Safety
/// As all builtins; `at` is a multiple of `bytes`.
unsafe fn wait(memory: *mut VmMemory, at: u64, bytes: u64, expected: Expected, nanoseconds: u64) -> u64 {
    // SAFETY: see the head of the file.
    let Some(word) = (unsafe { word(memory, at, bytes) }) else { return FAILED };
    // SAFETY: the word is in the memory, which the store keeps, and the caller has checked its alignment.
    let result = unsafe { parking::wait(word, expected, timeout(nanoseconds)) };
    result as u64 + 1
}

unsafe extern "C" fn atomic_wait32(
    _vmctx: *mut VmHeader,
    memory: *mut VmMemory,
    at: u64,
    expected: u64,
    timeout: u64,
) -> u64 {
    // SAFETY: see the head of the file; compiled code has checked the alignment.
    unsafe { wait(memory, at, 4, Expected::U32(expected as u32), timeout) }
}

unsafe extern "C" fn atomic_wait64(
    _vmctx: *mut VmHeader,
    memory: *mut VmMemory,
    at: u64,
    expected: u64,
    timeout: u64,
) -> u64 {
    // SAFETY: as in `atomic_wait32`.
    unsafe { wait(memory, at, 8, Expected::U64(expected), timeout) }
}

unsafe extern "C" fn data_drop(vmctx: *mut VmHeader, segment: u64) {
    // SAFETY: see the head of the file.
    let instance = unsafe { InstanceCell::of(vmctx) };
    if let Some(dropped) = instance.dropped_data.get(segment as usize) {
        dropped.set(true);
    }
}

/// `table.grow`.
///
/// # Safety
/// As all builtins.
pub(crate) unsafe fn table_grow(
    vmctx: *mut VmHeader,
    table: *mut VmTable,
    element: u64,
    count: u64,
) -> Grown {
    let Some(table) = NonNull::new(table.cast::<TableCell>()) else { return Grown::from(NOT_GROWN) };
    // SAFETY: see the head of the file.
    grown(unsafe { TableCell::grow((*vmctx).store, table, count, element) })
}

unsafe extern "C" fn table_copy(
    _vmctx: *mut VmHeader,
    dst: *mut VmTable,
    src: *mut VmTable,
    to: u64,
    from: u64,
    len: u64,
) -> u64 {
    // SAFETY: see the head of the file.
    let (dst, src) = unsafe { (&*dst, &*src) };
    if !within(to, len, dst.len) || !within(from, len, src.len) {
        return FAILED;
    }
    // SAFETY: both ranges lie in their tables; they may overlap.
    unsafe { std::ptr::copy(src.base.add(from as usize), dst.base.add(to as usize), len as usize) };
    DONE
}

unsafe extern "C" fn table_fill(
    _vmctx: *mut VmHeader,
    table: *mut VmTable,
    to: u64,
    element: u64,
    len: u64,
) -> u64 {
    // SAFETY: see the head of the file.
    let table = unsafe { &*table };
    if !within(to, len, table.len) {
        return FAILED;
    }
    for i in to..to + len {
        // SAFETY: the range lies in the table.
        unsafe { table.base.add(i as usize).write(element) };
    }
    DONE
}

unsafe extern "C" fn table_init(
    vmctx: *mut VmHeader,
    table: *mut VmTable,
    segment: u64,
    to: u64,
    from: u64,
    len: u64,
) -> u64 {
    // SAFETY: see the head of the file.
    let (instance, store) = unsafe { (InstanceCell::of(vmctx), StoreInner::from_vm((*vmctx).store)) };
    // SAFETY: as above.
    let table = unsafe { &mut *table.cast::<TableCell>() };
    let done = copy_elements(store, instance, table, segment as usize, to, from, Some(len));
    u64::from(done.is_some())
}

/// Copies elements of a segment to a table: `len` of them, or all. `None` if they are out of bounds.
pub(crate) fn copy_elements(
    store: &StoreInner,
    instance: &InstanceCell,
    table: &mut TableCell,
    segment: usize,
    to: u64,
    from: u64,
    len: Option<u64>,
) -> Option<()> {
    let desc = instance.module.desc().elements.get(segment)?;
    let dropped = instance.dropped_elements.get(segment)?.get();
    let have = if dropped { 0 } else { desc.items.count() };
    let len = len.unwrap_or(have as u64);
    if !within(to, len, table.len()) || !within(from, len, have as u64) {
        return None;
    }
    if len == 0 {
        return Some(());
    }
    let (from, len) = (from as usize, len as usize);
    let elements = table.elements_mut().get_mut(to as usize..to as usize + len)?;
    match &desc.items {
        ElementItems::Functions(items) => {
            for (element, index) in elements.iter_mut().zip(&items[from..from + len]) {
                *element = instance.record(FuncIndex(*index))?.as_ptr() as u64;
            }
        }
        ElementItems::Expressions(items) => {
            let scope = Scope { store, instance, globals_ready: instance.module.layout().globals };
            for (element, expr) in elements.iter_mut().zip(&items[from..from + len]) {
                *element = scope.evaluate(expr, ValType::Ref(desc.ty)).ok()?.0[0];
            }
        }
    }
    Some(())
}

unsafe extern "C" fn elem_drop(vmctx: *mut VmHeader, segment: u64) {
    // SAFETY: see the head of the file.
    let instance = unsafe { InstanceCell::of(vmctx) };
    if let Some(dropped) = instance.dropped_elements.get(segment as usize) {
        dropped.set(true);
    }
}

unsafe extern "C" fn ref_func(vmctx: *mut VmHeader, function: u64) -> u64 {
    // SAFETY: see the head of the file.
    let instance = unsafe { InstanceCell::of(vmctx) };
    let record = u32::try_from(function).ok().and_then(|f| instance.record(FuncIndex(f)));
    record.map_or(0, |record| record.as_ptr() as u64)
}

unsafe extern "C" fn exception_new(vmctx: *mut VmHeader, tag: *const TagCell) -> u64 {
    // SAFETY: see the head of the file.
    let store = unsafe { StoreInner::from_vm((*vmctx).store) };
    // SAFETY: compiled code passes a tag of its instance.
    unsafe { store.new_exception(tag) }.map_or(0, |exception| exception.as_ptr() as u64)
}

#[cfg(test)]
mod tests;
