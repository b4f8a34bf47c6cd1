//! Safepoints: where code of the first tier looks whether the guest's attention is wanted, at function entries and loop
//! headers. Finds out which one was reached, asks the controller, and copies the frame that is left. Knows no tier.
//!
//! ```text
//!   entry   lea r10, [rsp - size]; cmp r10, [store + entry_limit]; jb cold    before the frame is made
//!   loop    cmp dword [vmctx + attention], 0; jne cold                         all locals and operands at home
//!
//!   cold    (loop only: lea r10, [rbp + activation])   call [builtins + Safepoint]; jmp back
//! ```
//! A safepoint's site is that of its call. An entry's has Wasm offset 0, where no operator can stand.

use crate::abi::{Place, Safepoint, TrapCode};
use crate::arch::SAFEPOINT_RAISE;
use crate::reentry::InstanceHead;
use crate::registry;
use crate::sites::{SiteKind, Sites};
use crate::store::StoreInner;
use crate::trap::{self, UnwindReason};
use crate::vmctx::{VmHeader, VmStore};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::Ordering;

/// The frame that stands at a safepoint.
pub(crate) struct Frame {
    /// Its frame pointer.
    pub(crate) fp: usize,
    /// Its lowest byte.
    pub(crate) sp: usize,
    /// The return address into its code.
    pub(crate) pc: usize,
    /// At an entry: the lowest byte that the frame will have. In a loop: the address of the word that counts the
    /// activation's safepoints.
    pub(crate) given: usize,
}

/// Answers a safepoint, as `arch::Upcalls::safepoint` says.
///
/// # Safety
/// `vmctx` and `frame` are those of running code with safepoints, which stands at one.
pub(crate) unsafe fn answer(vmctx: *mut VmHeader, frame: &Frame) -> usize {
    // SAFETY: the vmctx of running code.
    let (store, word) = unsafe { ((*vmctx).store, &(*vmctx).attention) };
    // SAFETY: the running guest's store.
    let (limit, entry, floor) =
        unsafe { (&(*store).stack_limit, &(*store).entry_limit, &(*store).entry_floor) };
    let (limit, floor) = (limit.load(Ordering::Relaxed), floor.load(Ordering::Relaxed));
    entry.store(limit.max(floor), Ordering::Relaxed);
    word.store(u32::from(floor != 0), Ordering::Relaxed);
    // SAFETY: this thread runs the code, in a store that keeps its module.
    let Some(found) = (unsafe { registry::lookup(frame.pc) }) else { return 0 };
    let mut sites = Sites::new(&found.record.sites).skip_while(|site| site.code_offset < found.offset);
    let site = sites.find(|site| site.kind == SiteKind::Call && site.code_offset == found.offset);
    let Some(site) = site else { return 0 };
    let place = match site.wasm_offset {
        0 if frame.given < limit => {
            trap::record(UnwindReason::Trap { code: TrapCode::StackOverflow, message: None });
            return SAFEPOINT_RAISE;
        }
        0 => Place::Entry,
        // SAFETY: in a loop, what is given is the address of a word of the frame.
        offset => Place::Loop { offset, activation: unsafe { count(frame.given as *mut u64) } },
    };
    // SAFETY: compiled code runs in an instance, which starts with an `InstanceHead`, whose controller lives as long.
    let controller = unsafe { &*(*(*vmctx).instance.cast::<InstanceHead>()).controller };
    let safepoint = Safepoint { function: found.record.function, place };
    // What panics there is no business of the guest, which goes on as it is.
    let answered = panic::catch_unwind(AssertUnwindSafe(|| controller.safepoint(safepoint)));
    let Ok(Some(code)) = answered else { return 0 };
    // SAFETY: the frame is the caller's and whole.
    if matches!(place, Place::Loop { .. }) && !unsafe { keep(store, frame) } {
        return 0;
    }
    code.0
}

/// Counts up a word and says what it is then.
///
/// # Safety
/// `word` is valid.
unsafe fn count(word: *mut u64) -> u32 {
    // SAFETY: the same condition.
    unsafe {
        *word = (*word).saturating_add(1);
        u32::try_from(*word).unwrap_or(u32::MAX)
    }
}

/// Copies a frame aside for the code that takes its place. False when there is no memory for that.
///
/// # Safety
/// `store` is the running guest's; the frame is that of running code, in multiples of 8 bytes.
unsafe fn keep(store: *mut VmStore, frame: &Frame) -> bool {
    let words = (frame.fp - frame.sp) / size_of::<u64>();
    // SAFETY: a `VmStore` is the first part of its store.
    let mut copy = unsafe { StoreInner::from_vm(store) }.core.osr_copy.borrow_mut();
    copy.clear();
    if copy.try_reserve(words).is_err() {
        return false;
    }
    // SAFETY: the bytes from `sp` up to `fp` are the caller's frame, which is not running.
    let bytes = (0..words).map(|n| unsafe { (frame.sp as *const u64).add(n).read() });
    copy.extend(bytes);
    // SAFETY: the field is no one's but ours and the code's that goes on.
    unsafe { (*store).osr_frame = copy.as_ptr_range().end as usize };
    true
}
