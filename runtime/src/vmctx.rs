//! Every structure that compiled code reads or writes, with the offsets it uses. The one place both halves take
//! them from: the structures are `repr(C)` and the constants are checked at compile time.
//!
//! ```text
//!           VmFuncImport × n  \
//!           *VmMemory × n      |  below the vmctx, at offsets that depend on the module: code learns them by
//!           *VmTable × n       |  relocation (see `VmLayout`), never as numbers of its own
//!           *TagCell × n       |
//!           *VmGlobal × n      |  imported globals
//!           VmGlobal × n      /   defined globals, in place
//!  vmctx ─► VmHeader          fixed offsets, the same in every module
//!    + 48 ─► byte 0 of memory 0, if the module defines it and it is guarded (`ModuleDesc::memory0_follows`)
//! ```
//!
//! So most code needs one register for the vmctx and the base of its memory, which are live everywhere.

use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize};

/// What starts every context that can be the first argument of a call: an instance's vmctx and a host function's.
#[derive(Debug)]
#[repr(C)]
pub struct VmHeader {
    /// The store's state that compiled code and trampolines share.
    pub store: *mut VmStore,
    /// The builtins, one code address each (`builtins::Builtin`).
    pub builtins: *const usize,
    /// Base of memory 0 when that memory is guarded (its base never moves), else unused.
    pub memory0_base: *mut u8,
    /// The instance that owns this vmctx; null in a host function's context.
    pub instance: *mut std::ffi::c_void,
    /// The attention word: not 0 when something wants the guest's attention. Code with safepoints tests it at loop
    /// headers. Any thread may write it.
    pub attention: AtomicU32,
}

impl VmHeader {
    /// The header of a context in `store`, whose code never asks for a builtin and has no safepoints.
    pub fn of_host(store: *mut VmStore) -> VmHeader {
        VmHeader {
            store,
            builtins: ptr::null(),
            memory0_base: ptr::null_mut(),
            instance: ptr::null_mut(),
            attention: AtomicU32::new(0),
        }
    }
}

/// Offset of [`VmHeader::store`].
pub const HEADER_STORE: i32 = offset_of!(VmHeader, store) as i32;
/// Offset of [`VmHeader::builtins`].
pub const HEADER_BUILTINS: i32 = offset_of!(VmHeader, builtins) as i32;
/// Offset of [`VmHeader::memory0_base`].
pub const HEADER_MEMORY0_BASE: i32 = offset_of!(VmHeader, memory0_base) as i32;
/// Offset of [`VmHeader::attention`].
pub const HEADER_ATTENTION: i32 = offset_of!(VmHeader, attention) as i32;

/// From the vmctx to byte 0 of memory 0, where that follows.
pub const HEADER_MEMORY0: i32 = (size_of::<VmHeader>() as i32 + 15) & !15;

/// State of a store that compiled code and trampolines read and write.
#[derive(Debug, Default)]
#[repr(C)]
pub struct VmStore {
    /// Lowest stack address that Wasm frames may use; prologues compare with it. 0 while no thread is inside.
    pub stack_limit: AtomicUsize,
    /// What prologues with a safepoint compare with instead: the same, or above every stack when the guest's
    /// attention is wanted. Any thread may write it.
    pub entry_limit: AtomicUsize,
    /// [`VmStore::entry_limit`] is never less than this: 0, or the most there is when every safepoint is to be taken.
    pub entry_floor: AtomicUsize,
    /// Frame pointer of the Wasm frame that last left for the host.
    pub exit_fp: usize,
    /// Return address into that frame.
    pub exit_pc: usize,
    /// Address that stands for `rbp` of a frame that was left in the middle of a loop: its copy lies below. Written
    /// right before a jump to the code that goes on there.
    pub osr_frame: usize,
    /// Fuel that is left, if code is compiled to consume it; it may go below 0. Without effect on other code.
    pub fuel: i64,
}

/// Offset of [`VmStore::stack_limit`].
pub const STORE_STACK_LIMIT: i32 = offset_of!(VmStore, stack_limit) as i32;
/// Offset of [`VmStore::entry_limit`].
pub const STORE_ENTRY_LIMIT: i32 = offset_of!(VmStore, entry_limit) as i32;
/// Offset of [`VmStore::exit_fp`].
pub const STORE_EXIT_FP: i32 = offset_of!(VmStore, exit_fp) as i32;
/// Offset of [`VmStore::exit_pc`].
pub const STORE_EXIT_PC: i32 = offset_of!(VmStore, exit_pc) as i32;
/// Offset of [`VmStore::osr_frame`].
pub const STORE_OSR_FRAME: i32 = offset_of!(VmStore, osr_frame) as i32;
/// Offset of [`VmStore::fuel`].
pub const STORE_FUEL: i32 = offset_of!(VmStore, fuel) as i32;

/// A linear memory as compiled code sees it.
#[derive(Debug)]
#[repr(C)]
pub struct VmMemory {
    /// Address of byte 0.
    pub base: *mut u8,
    /// Bytes that may be accessed.
    pub len: AtomicUsize,
}

/// Offset of [`VmMemory::base`].
pub const MEMORY_BASE: i32 = offset_of!(VmMemory, base) as i32;
/// Offset of [`VmMemory::len`].
pub const MEMORY_LEN: i32 = offset_of!(VmMemory, len) as i32;

/// A table as compiled code sees it: elements are 8 bytes, a `*const VmFuncRef` or an externref's number, 0 is null.
#[derive(Debug)]
#[repr(C)]
pub struct VmTable {
    /// Address of element 0.
    pub base: *mut u64,
    /// Elements.
    pub len: u64,
}

/// Offset of [`VmTable::base`].
pub const TABLE_BASE: i32 = offset_of!(VmTable, base) as i32;
/// Offset of [`VmTable::len`].
pub const TABLE_LEN: i32 = offset_of!(VmTable, len) as i32;

/// A global's value: scalars and references in the low bytes, little-endian.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
pub struct VmGlobal(pub [u64; 2]);

/// A function reference: what a `funcref` points to. Its address is the function's identity in its instance. It
/// holds the slot, never an implementation's address.
#[derive(Debug)]
#[repr(C)]
pub struct VmFuncRef {
    /// Address (in the running view) of the slot that holds the current code address.
    pub slot: *const usize,
    /// The callee's context, the first argument of the call.
    pub vmctx: *mut VmHeader,
    /// The entry point: the stub's address, what hosts call.
    pub entry: usize,
    /// Identity of its type (`types::TypeId`).
    pub type_id: u32,
}

/// Offset of [`VmFuncRef::slot`].
pub const FUNCREF_SLOT: i32 = offset_of!(VmFuncRef, slot) as i32;
/// Offset of [`VmFuncRef::vmctx`].
pub const FUNCREF_VMCTX: i32 = offset_of!(VmFuncRef, vmctx) as i32;
/// Offset of [`VmFuncRef::type_id`].
pub const FUNCREF_TYPE_ID: i32 = offset_of!(VmFuncRef, type_id) as i32;

/// An imported function in an instance's vmctx: what a direct call to it needs, copied from its record.
#[derive(Debug)]
#[repr(C)]
pub struct VmFuncImport {
    /// Address of the slot that holds the current code address.
    pub slot: *const usize,
    /// The callee's context. For a host function: a context that knows the importing instance.
    pub vmctx: *mut VmHeader,
    /// The function's record.
    pub funcref: *mut VmFuncRef,
}

/// Offset of [`VmFuncImport::slot`].
pub const IMPORT_SLOT: i32 = offset_of!(VmFuncImport, slot) as i32;
/// Offset of [`VmFuncImport::vmctx`].
pub const IMPORT_VMCTX: i32 = offset_of!(VmFuncImport, vmctx) as i32;

/// An exception as compiled code sees it.
#[derive(Debug)]
#[repr(C)]
pub struct VmException {
    /// Its tag: the address is the tag's identity.
    pub tag: *const u8,
    /// Its values, one for each of the tag's parameters.
    pub values: *mut VmGlobal,
}

/// Offset of [`VmException::tag`].
pub const EXCEPTION_TAG: i32 = offset_of!(VmException, tag) as i32;
/// Offset of [`VmException::values`].
pub const EXCEPTION_VALUES: i32 = offset_of!(VmException, values) as i32;

/// How many of each thing a module has: all that its vmctx's layout depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VmLayout {
    /// Imported functions.
    pub func_imports: u32,
    /// Memories, imported and defined.
    pub memories: u32,
    /// Tables, imported and defined.
    pub tables: u32,
    /// Tags, imported and defined.
    pub tags: u32,
    /// Imported globals.
    pub global_imports: u32,
    /// Globals, imported and defined.
    pub globals: u32,
}

impl VmLayout {
    const POINTER: u32 = size_of::<usize>() as u32;

    /// The offset of what has so many bytes of what lies below the vmctx before it.
    fn offset(&self, before: u32) -> i32 {
        before.wrapping_sub(self.bytes_below()).cast_signed()
    }

    /// Offset of the [`VmFuncImport`] of imported function `index`.
    pub fn func_import(&self, index: u32) -> i32 {
        debug_assert!(index < self.func_imports);
        self.offset(index * size_of::<VmFuncImport>() as u32)
    }

    fn memories_at(&self) -> u32 {
        self.func_imports * size_of::<VmFuncImport>() as u32
    }

    /// Offset of the pointer to the [`VmMemory`] of memory `index`.
    pub fn memory(&self, index: u32) -> i32 {
        debug_assert!(index < self.memories);
        self.offset(self.memories_at() + index * Self::POINTER)
    }

    /// Offset of the pointer to the [`VmTable`] of table `index`.
    pub fn table(&self, index: u32) -> i32 {
        debug_assert!(index < self.tables);
        self.offset(self.memories_at() + (self.memories + index) * Self::POINTER)
    }

    /// Offset of the pointer to tag `index`.
    pub fn tag(&self, index: u32) -> i32 {
        debug_assert!(index < self.tags);
        self.offset(self.memories_at() + (self.memories + self.tables + index) * Self::POINTER)
    }

    /// Offset of global `index`: of a pointer to its [`VmGlobal`] if it is imported, else of the [`VmGlobal`].
    pub fn global(&self, index: u32) -> i32 {
        debug_assert!(index < self.globals);
        let at = self.memories_at() + (self.memories + self.tables + self.tags) * Self::POINTER;
        self.offset(match index.checked_sub(self.global_imports) {
            None => at + index * Self::POINTER,
            Some(defined) => {
                let at = (at + self.global_imports * Self::POINTER).next_multiple_of(16);
                at + defined * size_of::<VmGlobal>() as u32
            }
        })
    }

    /// Bytes that lie below the vmctx: a multiple of 16, as the vmctx's address is.
    pub fn bytes_below(&self) -> u32 {
        let pointers = self.memories + self.tables + self.tags + self.global_imports;
        let at = self.memories_at() + pointers * Self::POINTER;
        at.next_multiple_of(16) + (self.globals - self.global_imports) * size_of::<VmGlobal>() as u32
    }
}

// Trampolines in assembly and every compiled function rely on these.
const _: () = {
    assert!(HEADER_STORE == 0);
    assert!(size_of::<VmHeader>() == 40 && HEADER_MEMORY0 == 48);
    assert!(size_of::<VmFuncRef>() == 32);
    assert!(size_of::<VmFuncImport>() == 24);
    assert!(size_of::<VmGlobal>() == 16);
    assert!(size_of::<VmMemory>() == 16 && size_of::<VmTable>() == 16);
};
