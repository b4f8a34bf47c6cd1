//! What both halves agree on: indices, trap codes, where arguments travel, and the one call upward. Plain data
//! only, so that the halves could live in two processes.

use crate::arch;
use crate::code_memory::CodeAddr;
use crate::types::{FuncType, ValType};
use std::fmt;

/// Index of a function in its module's function index space: imports first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FuncIndex(pub u32);

/// Why a guest stopped. The numbers are stored in object files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum TrapCode {
    /// `unreachable` was executed.
    Unreachable = 1,
    /// An access outside a memory.
    MemoryOutOfBounds = 2,
    /// An access outside a table or an element segment.
    TableOutOfBounds = 3,
    /// `call_indirect` on a null element.
    IndirectCallToNull = 4,
    /// `call_indirect` on a function of another type.
    BadSignature = 5,
    /// Integer overflow: a division or a conversion whose result does not fit.
    IntegerOverflow = 6,
    /// Integer division by zero.
    IntegerDivisionByZero = 7,
    /// Conversion of NaN to an integer.
    BadConversionToInteger = 8,
    /// The stack limit was reached.
    StackOverflow = 9,
    /// A null reference where a value was needed.
    NullReference = 10,
    /// The function that was called could not be compiled; the trap's message says why.
    CompileFailed = 11,
    /// The embedder interrupted the guest.
    Interrupt = 12,
    /// An atomic access that is not aligned.
    UnalignedAtomic = 13,
    /// `memory.atomic.wait` on a memory that is not shared.
    AtomicWaitNonShared = 14,
    /// There was no memory for what the guest needed.
    OutOfMemory = 15,
    /// The store has no fuel left.
    OutOfFuel = 16,
}

impl TrapCode {
    const ALL: [TrapCode; 16] = [
        TrapCode::Unreachable,
        TrapCode::MemoryOutOfBounds,
        TrapCode::TableOutOfBounds,
        TrapCode::IndirectCallToNull,
        TrapCode::BadSignature,
        TrapCode::IntegerOverflow,
        TrapCode::IntegerDivisionByZero,
        TrapCode::BadConversionToInteger,
        TrapCode::StackOverflow,
        TrapCode::NullReference,
        TrapCode::CompileFailed,
        TrapCode::Interrupt,
        TrapCode::UnalignedAtomic,
        TrapCode::AtomicWaitNonShared,
        TrapCode::OutOfMemory,
        TrapCode::OutOfFuel,
    ];

    /// The code with this number, if there is one.
    pub fn from_u8(n: u8) -> Option<TrapCode> {
        TrapCode::ALL.get(usize::from(n).checked_sub(1)?).copied()
    }
}

impl fmt::Display for TrapCode {
    /// The words of the specification's test suite.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrapCode::Unreachable => "unreachable",
            TrapCode::MemoryOutOfBounds => "out of bounds memory access",
            TrapCode::TableOutOfBounds => "out of bounds table access",
            TrapCode::IndirectCallToNull => "uninitialized element",
            TrapCode::BadSignature => "indirect call type mismatch",
            TrapCode::IntegerOverflow => "integer overflow",
            TrapCode::IntegerDivisionByZero => "integer divide by zero",
            TrapCode::BadConversionToInteger => "invalid conversion to integer",
            TrapCode::StackOverflow => "call stack exhausted",
            TrapCode::NullReference => "null reference",
            TrapCode::CompileFailed => "function could not be compiled",
            TrapCode::Interrupt => "interrupted",
            TrapCode::UnalignedAtomic => "unaligned atomic",
            TrapCode::AtomicWaitNonShared => "expected shared memory",
            TrapCode::OutOfMemory => "out of memory",
            TrapCode::OutOfFuel => "all fuel consumed",
        })
    }
}

/// Where one argument or result travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loc {
    /// The n-th integer argument (or result) register.
    Gpr(u8),
    /// The n-th float argument (or result) register.
    Fpr(u8),
    /// Arguments: bytes from the start of the stack arguments. Results: bytes from the start of the result area,
    /// whose address is then a hidden argument behind the vmctx.
    Mem(u32),
}

/// How a function of one type is called: where each value travels. This is Cranelift's `tail` convention with the
/// callee's vmctx as the first integer argument, and one rule of ours: if the results do not all fit in registers,
/// *all* go through memory, to an area whose address is the second integer argument, each in 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLayout {
    /// Where each parameter travels.
    pub params: Box<[Loc]>,
    /// Where each result travels.
    pub results: Box<[Loc]>,
    /// Bytes of stack arguments, a multiple of 16. The callee pops them.
    pub stack_bytes: u32,
    /// Bytes of the result area; 0 when results travel in registers.
    pub result_area_bytes: u32,
}

/// Gives the parameters of a function their places, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct ParamPlaces {
    gpr: usize,
    fpr: usize,
    stack: u32,
}

impl ParamPlaces {
    /// The places of a function whose results go through memory or do not.
    pub const fn new(results_in_memory: bool) -> ParamPlaces {
        // Integer argument 0 is the vmctx, 1 the result area if there is one.
        ParamPlaces { gpr: if results_in_memory { 2 } else { 1 }, fpr: 0, stack: 0 }
    }

    /// The place of the next parameter: whether it travels in float registers, and whether it is a vector.
    pub const fn next(&mut self, float: bool, vector: bool) -> Loc {
        let (next, limit) =
            if float { (&mut self.fpr, arch::FLOAT_ARGS) } else { (&mut self.gpr, arch::INT_ARGS) };
        if *next < limit {
            *next += 1;
            let n = (*next - 1) as u8;
            return if float { Loc::Fpr(n) } else { Loc::Gpr(n) };
        }
        let size = if vector { 16 } else { 8 };
        let at = self.stack.next_multiple_of(size);
        self.stack = at + size;
        Loc::Mem(at)
    }

    /// Bytes of stack arguments so far, a multiple of 16.
    pub const fn stack_bytes(&self) -> u32 {
        self.stack.next_multiple_of(16)
    }
}

impl CallLayout {
    /// Whether results of these types go through memory.
    pub fn results_in_memory(results: &[ValType]) -> bool {
        let floats = results.iter().filter(|t| t.is_float_class()).count();
        CallLayout::counts_in_memory(floats, results.len() - floats)
    }

    /// Whether so many results go through memory.
    pub(crate) const fn counts_in_memory(floats: usize, others: usize) -> bool {
        floats > arch::FLOAT_RESULTS || others > arch::INT_RESULTS
    }

    /// The layout of calls to functions of type `ty`.
    pub fn new(ty: &FuncType) -> CallLayout {
        let in_memory = CallLayout::results_in_memory(&ty.results);
        let mut places = ParamPlaces::new(in_memory);
        let params = ty.params.iter().map(|t| places.next(t.is_float_class(), *t == ValType::V128));
        let params = params.collect();
        let (mut gpr, mut fpr, mut area) = (0, 0, 0);
        let results = ty.results.iter().map(|t| {
            if in_memory {
                area += 16;
                return Loc::Mem(area - 16);
            }
            let next = if t.is_float_class() { &mut fpr } else { &mut gpr };
            *next += 1;
            if t.is_float_class() { Loc::Fpr(*next - 1) } else { Loc::Gpr(*next - 1) }
        });
        let results = results.collect();
        CallLayout { params, results, stack_bytes: places.stack_bytes(), result_area_bytes: area }
    }
}

/// Why a lookup failed: the call that needed it traps with [`TrapCode::CompileFailed`] and this message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveFailure(pub String);

/// Where a function of the first tier was when it found the guest's attention wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Safepoint {
    /// The function.
    pub function: FuncIndex,
    /// Where in it.
    pub place: Place,
}

/// A kind of safepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The function begins.
    Entry,
    /// A round of a loop begins.
    Loop {
        /// Where the `loop` stands in the function's body, in bytes from its start.
        offset: u32,
        /// How many safepoints in loops this activation of the function has taken, this one included.
        activation: u32,
    },
}

/// The one call upward: the executor asks the session for what it lacks. One controller serves one module.
pub trait Controller: Send + Sync {
    /// The code of a defined function, compiled now if it has none; waits while another thread compiles it. The
    /// implementation has redirected the function's stub before it returns.
    ///
    /// # Errors
    /// When the function cannot be compiled.
    fn resolve(&self, function: FuncIndex) -> Result<CodeAddr, ResolveFailure>;

    /// Answers a safepoint. The code that is to take the place of the running one, if any: at an entry, code of the same
    /// function; in a loop, code that goes on at the loop's header and finds the frame by `VmStore::osr_frame`.
    fn safepoint(&self, safepoint: Safepoint) -> Option<CodeAddr> {
        let _ = safepoint;
        None
    }
}
