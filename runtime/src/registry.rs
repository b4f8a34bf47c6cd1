//! From an address of running code to the function it belongs to. Look-ups come from signal handlers: they take no
//! lock, allocate nothing and end after a bounded number of steps whatever other threads do. What the record of a
//! function says is its readers' business.
//!
//! ```text
//!  units   one pointer a unit ─► chunk ─► one pair of pointers a granule (512 bytes of code)
//!                                           starting ─► entry ─► entry      functions that start in the granule
//!                                           covering ─► entry               the function the granule starts in
//! ```
//! Functions of a module are finalized in any order by any thread: an entry is pushed on its granule's list and
//! stored to the granules it covers, and nothing has to be sorted.
//!
//! Invariants: an entry, once published, stays as it is until its chunk is removed. A chunk is removed only when its
//! module is dropped, and no address in a module's code is looked up from then on: such addresses come from frames
//! (or from the instruction that faulted), and a frame's store keeps its modules alive.

use crate::abi::FuncIndex;
use crate::code_memory::{CodeMemory, UNIT_BYTES};
use crate::handlers::Handler;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Bytes of code that share a list. Code is aligned to 16 bytes, so no list is longer than 32.
const GRANULE_BYTES: usize = 512;

/// Identity of a module's code; never given twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleToken(u64);

impl ModuleToken {
    /// A new one.
    pub(crate) fn new() -> ModuleToken {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        ModuleToken(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What is known of a piece of code. It is kept as long as the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRecord {
    /// The function it implements.
    pub function: FuncIndex,
    /// The tier that made it.
    pub tier: &'static str,
    /// Its sites, as [`crate::sites`] encodes them.
    pub sites: Box<[u8]>,
    /// Where exceptions go on that leave its callees.
    pub handlers: Box<[Handler]>,
    /// Where the function's Wasm body starts in the guest file, in bytes.
    pub body_offset: u64,
}

/// The answer of a look-up.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The module the code belongs to.
    pub module: ModuleToken,
    /// What is known of the code.
    pub record: &'a CodeRecord,
    /// Bytes from the start of the code to the address.
    pub offset: u32,
}

/// The finalized code that `pc` lies in; `None` in stubs, in trampolines and everywhere else. Safe in signal handlers.
///
/// # Safety
/// If `pc` lies in the code of a module, then that module is not dropped before the call returns nor while `'a`
/// lasts: for instance because `pc` comes from a frame of a store that holds the module.
pub unsafe fn lookup<'a>(pc: usize) -> Option<Found<'a>> {
    // SAFETY: the same condition.
    unsafe { CodeMemory::existing()?.registry().lookup(pc) }
}

/// The registry of one reservation.
pub(crate) struct Registry {
    /// Running address of the reservation.
    base: usize,
    /// The chunk that each unit belongs to; null if none.
    units: Box<[AtomicPtr<Chunk>]>,
}

struct Chunk {
    module: ModuleToken,
    /// Running address of granule 0.
    start: usize,
    granules: Box<[Granule]>,
}

#[derive(Default)]
struct Granule {
    /// The functions that start in it, last published first.
    starting: AtomicPtr<Entry>,
    /// The function that started before it and reaches into it.
    covering: AtomicPtr<Entry>,
}

struct Entry {
    /// Bytes from the chunk's `start`.
    code: Range<usize>,
    record: CodeRecord,
    /// The next in the list of the granule in which it starts. Written before the entry is published.
    next: *const Entry,
}

impl Registry {
    pub(crate) fn new(base: usize, units: usize) -> Registry {
        Registry { base, units: (0..units).map(|_| AtomicPtr::default()).collect() }
    }

    /// Makes a chunk known: the units of `range` now belong to `module`, and code lies from `code_start` on. All in
    /// bytes from the start of the reservation. The units belonged to no one.
    pub(crate) fn insert(&self, range: Range<usize>, code_start: usize, module: ModuleToken) {
        let granules = (range.end - code_start).div_ceil(GRANULE_BYTES);
        let granules = (0..granules).map(|_| Granule::default()).collect();
        let chunk = Box::into_raw(Box::new(Chunk { module, start: self.base + code_start, granules }));
        for unit in &self.units[range.start / UNIT_BYTES..range.end / UNIT_BYTES] {
            let before = unit.swap(chunk, Ordering::Release);
            debug_assert!(before.is_null(), "units belong to one chunk");
        }
    }

    /// Forgets a chunk and frees its records.
    ///
    /// # Safety
    /// `range` is that of an [`Registry::insert`] and was not removed since. No address in it is looked up from now
    /// on, and no answer of an earlier look-up is in use.
    pub(crate) unsafe fn remove(&self, range: Range<usize>) {
        let mut chunk = ptr::null_mut();
        for unit in &self.units[range.start / UNIT_BYTES..range.end / UNIT_BYTES] {
            chunk = unit.swap(ptr::null_mut(), Ordering::AcqRel);
        }
        debug_assert!(!chunk.is_null(), "a chunk is removed once");
        // SAFETY: it comes from `Box::into_raw` in `insert`, all pointers to it are gone, and no one uses it now.
        drop(unsafe { Box::from_raw(chunk) });
    }

    /// Publishes a finalized allocation: `len` bytes of code at running address `start`.
    ///
    /// # Safety
    /// The code lies in an inserted chunk that is not removed meanwhile. No other published code overlaps it.
    pub(crate) unsafe fn publish(&self, start: usize, len: usize, record: CodeRecord) {
        let chunk = self.units[(start - self.base) / UNIT_BYTES].load(Ordering::Acquire);
        // SAFETY: the caller keeps the chunk.
        unsafe { &*chunk }.publish(start, len, record);
    }

    /// As [`lookup`], in this reservation.
    ///
    /// # Safety
    /// As [`lookup`].
    pub(crate) unsafe fn lookup<'a>(&self, pc: usize) -> Option<Found<'a>> {
        let unit = pc.checked_sub(self.base)? / UNIT_BYTES;
        let chunk = self.units.get(unit)?.load(Ordering::Acquire);
        // SAFETY: null, or a chunk that its module, which the caller keeps, has not removed.
        unsafe { chunk.as_ref() }?.lookup(pc)
    }
}

impl Chunk {
    fn publish(&self, start: usize, len: usize, record: CodeRecord) {
        let code = start - self.start..start - self.start + len;
        let (first, last) = (code.start / GRANULE_BYTES, (code.end - 1) / GRANULE_BYTES);
        let list = &self.granules[first].starting;
        let mut head = list.load(Ordering::Relaxed);
        let entry = Box::into_raw(Box::new(Entry { code, record, next: head }));
        while let Err(now) = list.compare_exchange_weak(head, entry, Ordering::Release, Ordering::Relaxed) {
            head = now;
            // SAFETY: not published yet, so no one else uses it.
            unsafe { (*entry).next = head };
        }
        for granule in &self.granules[first + 1..=last] {
            granule.covering.store(entry, Ordering::Release);
        }
    }

    fn lookup(&self, pc: usize) -> Option<Found<'_>> {
        let at = pc.checked_sub(self.start)?;
        let granule = self.granules.get(at / GRANULE_BYTES)?;
        let mut next = granule.starting.load(Ordering::Acquire).cast_const();
        // SAFETY: null, or an entry that lives as long as the chunk; the load synchronizes with its publication.
        while let Some(entry) = unsafe { next.as_ref() } {
            if entry.code.contains(&at) {
                return Some(self.found(entry, at));
            }
            next = entry.next;
        }
        // SAFETY: as above.
        let entry = unsafe { granule.covering.load(Ordering::Acquire).as_ref() }?;
        entry.code.contains(&at).then(|| self.found(entry, at))
    }

    fn found<'a>(&self, entry: &'a Entry, at: usize) -> Found<'a> {
        Found { module: self.module, record: &entry.record, offset: (at - entry.code.start) as u32 }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        for granule in &mut self.granules {
            let mut next = *granule.starting.get_mut();
            while !next.is_null() {
                // SAFETY: each entry is in one `starting` list, once, and comes from `Box::into_raw`. The chunk is
                // dropped: no one looks it up.
                let entry = unsafe { Box::from_raw(next) };
                next = entry.next.cast_mut();
            }
        }
    }
}
