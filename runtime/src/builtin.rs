//! The list of builtins: what compiled code calls in the executor. One row a builtin, for both halves: its place in
//! the table at [`crate::vmctx::VmHeader::builtins`] and its signature. All are called by the C convention, take
//! the caller's vmctx first and pass every other value as 64 bits; none unwinds. The ones that can fail return 0
//! for failure, and the caller traps.

/// A builtin; its number is its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Builtin {
    /// Where safepoints lead that find the guest's attention wanted. Of the first tier's code only, which calls it in
    /// its own way: the vmctx in place, a number in a scratch register; all that can hold an argument is kept.
    Safepoint,
    /// `(memory: *VmMemory, pages) -> previous pages or -1`
    MemoryGrow,
    /// `(dst: *VmMemory, src: *VmMemory, to, from, len) -> 0 if out of bounds`
    MemoryCopy,
    /// `(memory: *VmMemory, to, byte, len) -> 0 if out of bounds`
    MemoryFill,
    /// `(memory: *VmMemory, segment index, to, from, len) -> 0 if out of bounds`
    MemoryInit,
    /// `(segment index)`
    DataDrop,
    /// `(table: *VmTable, element, count) -> previous length or -1`
    TableGrow,
    /// `(dst: *VmTable, src: *VmTable, to, from, len) -> 0 if out of bounds`
    TableCopy,
    /// `(table: *VmTable, to, element, len) -> 0 if out of bounds`
    TableFill,
    /// `(table: *VmTable, segment index, to, from, len) -> 0 if out of bounds`
    TableInit,
    /// `(segment index)`
    ElemDrop,
    /// `(function index) -> *VmFuncRef`
    RefFunc,
    /// `(memory: *VmMemory, address, count) -> 1 + threads woken, 0 if out of bounds`
    AtomicNotify,
    /// `(memory: *VmMemory, address, expected, nanoseconds) -> 1 + result, 0 if out of bounds`; the address is a multiple of 4
    AtomicWait32,
    /// As [`Builtin::AtomicWait32`] of 64 bits; the address is a multiple of 8
    AtomicWait64,
    /// `(tag) -> *VmException`, whose values are zero; or 0 when there is no memory
    ExceptionNew,
    /// `(exception: *VmException)`; never returns, but to a handler
    Throw,
}

impl Builtin {
    /// Builtins there are.
    pub const COUNT: usize = 17;

    /// Values it takes behind the vmctx.
    pub fn params(self) -> usize {
        match self {
            Builtin::Safepoint => 0,
            Builtin::DataDrop | Builtin::ElemDrop | Builtin::RefFunc => 1,
            Builtin::ExceptionNew | Builtin::Throw => 1,
            Builtin::MemoryGrow => 2,
            Builtin::TableGrow | Builtin::AtomicNotify => 3,
            Builtin::MemoryFill | Builtin::TableFill | Builtin::AtomicWait32 | Builtin::AtomicWait64 => 4,
            Builtin::MemoryCopy | Builtin::TableCopy | Builtin::MemoryInit | Builtin::TableInit => 5,
        }
    }

    /// Whether it returns a value.
    pub fn has_result(self) -> bool {
        !matches!(self, Builtin::Safepoint | Builtin::DataDrop | Builtin::ElemDrop | Builtin::Throw)
    }

    /// Its offset in the table, in bytes.
    pub fn offset(self) -> i32 {
        self as i32 * size_of::<usize>() as i32
    }
}
