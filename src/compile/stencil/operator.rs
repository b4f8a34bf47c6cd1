//! What the pass must know of an operator before it has a stencil: how many operands it takes, which of its
//! immediates are its stencil's own and which are written into it.

use super::form::Ty;
use super::operand::Entry;
use crate::object::symbol::Symbol;
use latier_runtime::module::ModuleDesc;
use latier_runtime::types::MemoryType;
use wasmparser::{BinaryReader, MemArg, MemArgTarget, Operator, OperatorsReader};

/// The placeholder of a static offset that guard pages catch, and of one that they do not.
const CAUGHT: u64 = 0x0142_5364;
const CHECKED: u64 = 0x3142_5364;

macro_rules! arities {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($arity:tt)*) )*) => {
        /// How many operands an operator takes that neither branches nor calls.
        pub(super) fn operands(op: &Operator<'_>) -> Option<usize> {
            match op {
                $( Operator::$op { .. } => arities!(@count $($arity)*), )*
                _ => None,
            }
        }
    };
    (@count arity custom) => { None };
    (@count arity memarg $n:literal -> $m:literal) => { Some($n) };
    (@count arity $n:literal -> $m:literal) => { Some($n) };
}
wasmparser::for_each_operator!(arities);

/// Static offsets up to this one are caught by guard pages, whatever is accessed.
pub(super) const SMALL_OFFSET: u64 = MemoryType::GUARD - 16;

/// How many slots there are for the rows of operators.
pub(super) const SLOTS: usize = SELECTS + 8;
const VECTORS: usize = 256;
const SATURATING: usize = VECTORS + 512;
const GLOBALS: usize = SATURATING + 8;
const TABLES: usize = GLOBALS + 64;
const SELECTS: usize = TABLES + 4;
/// Slots that say something of a module's memory 0.
pub(super) const MODULE_SLOTS: [std::ops::Range<usize>; 2] = [0x28..0x3f, VECTORS..VECTORS + 12];

/// A number that stands for all that an operator's row depends on, if there is one, and its static offset. It only
/// saves looking the row up by its template.
#[inline]
pub(super) fn slot(
    module: &ModuleDesc,
    op: &Operator<'_>,
    bytes: &[u8],
    stack: &[Entry],
) -> Option<(usize, Option<u64>)> {
    let opcode = usize::from(bytes[0]);
    let top = |depth: usize| stack[stack.len() - depth].ty;
    Some(match opcode {
        0x45..=0xc4 => (opcode, None),
        0x28..=0x3e => (opcode, Some(small_access(op)?)),
        0x23 | 0x24 => {
            let (Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index }) = *op else {
                return None;
            };
            (global_slot(module, global_index, opcode == 0x24), None)
        }
        0x04 | 0x0d if top(1) == Ty::I32 => (0x0d, None),
        0x1b | 0x1c => (select_slot(stack), None),
        0x11 => {
            let Operator::CallIndirect { table_index, .. } = *op else { return None };
            (call_slot(module, table_index, stack)?, None)
        }
        0xfc if bytes[1] < 8 => (SATURATING + usize::from(bytes[1]), None),
        0xfd => {
            let high = if bytes[1] < 0x80 { 0 } else { usize::from(*bytes.get(2)?) << 7 };
            let number = usize::from(bytes[1] & 0x7f) | high;
            let offset = match number {
                0x00..=0x0b => Some(small_access(op)?),
                0x0e..=0x14 | 0x23..=0x53 | 0x5e..=0x1ff => None,
                _ => return None,
            };
            (VECTORS + number, offset)
        }
        _ => return None,
    })
}

/// The slot of `global.get` or `global.set`.
#[inline]
pub(super) fn global_slot(module: &ModuleDesc, global: u32, set: bool) -> usize {
    let ty = module.globals[global as usize];
    let facts = usize::from(global < module.global_imports) | usize::from(ty.mutable) << 1;
    GLOBALS + usize::from(set) * 32 + usize::from(type_code(ty.content)) * 4 + facts
}

/// The slot of `select` on these operands.
#[inline]
pub(super) fn select_slot(stack: &[Entry]) -> usize {
    SELECTS + stack[stack.len() - 2].ty as usize
}

/// The slot of `call_indirect` through a table of 32 bits.
#[inline]
pub(super) fn call_slot(module: &ModuleDesc, table: u32, stack: &[Entry]) -> Option<usize> {
    let short = stack.last().is_some_and(|index| index.ty == Ty::I32);
    short.then(|| TABLES + usize::from(table_facts(module, table)))
}

/// The static offset of a load or store of memory 0, if it is one that guard pages catch.
#[inline]
fn small_access(op: &Operator<'_>) -> Option<u64> {
    use Operator::*;
    let (I32Load { memarg }
    | I64Load { memarg }
    | F32Load { memarg }
    | F64Load { memarg }
    | I32Load8S { memarg }
    | I32Load8U { memarg }
    | I32Load16S { memarg }
    | I32Load16U { memarg }
    | I64Load8S { memarg }
    | I64Load8U { memarg }
    | I64Load16S { memarg }
    | I64Load16U { memarg }
    | I64Load32S { memarg }
    | I64Load32U { memarg }
    | I32Store { memarg }
    | I64Store { memarg }
    | F32Store { memarg }
    | F64Store { memarg }
    | I32Store8 { memarg }
    | I32Store16 { memarg }
    | I64Store8 { memarg }
    | I64Store16 { memarg }
    | I64Store32 { memarg }
    | V128Load { memarg }
    | V128Load8x8S { memarg }
    | V128Load8x8U { memarg }
    | V128Load16x4S { memarg }
    | V128Load16x4U { memarg }
    | V128Load32x2S { memarg }
    | V128Load32x2U { memarg }
    | V128Load8Splat { memarg }
    | V128Load16Splat { memarg }
    | V128Load32Splat { memarg }
    | V128Load64Splat { memarg }
    | V128Store { memarg }) = op
    else {
        return None;
    };
    let memory0 = memarg.target == MemArgTarget::Memory(0);
    (memory0 && memarg.offset <= SMALL_OFFSET).then_some(memarg.offset)
}

/// An operator without what is written into its stencil.
pub(super) struct Template {
    /// Everything that its code depends on but its operands' types: its opcode, the immediates that are its
    /// stencil's own, and facts of the module.
    pub(super) key: Vec<u8>,
    /// The static offset of its access, if it has one.
    pub(super) offset: Option<u64>,
}

/// What is known of the memory behind an access.
fn memory_facts(module: &ModuleDesc, memory: u32) -> u8 {
    let ty = module.memories[memory as usize];
    let facts = [memory == 0, ty.is_guarded(), ty.memory64, ty.page_size_log2 == 0, ty.shared];
    facts.iter().fold(0, |bits, fact| bits << 1 | u8::from(*fact))
}

/// What is known of memory 0, if there is one.
pub(super) fn memory0_facts(module: &ModuleDesc) -> Option<u8> {
    (!module.memories.is_empty()).then(|| memory_facts(module, 0))
}

fn table_facts(module: &ModuleDesc, table: u32) -> u8 {
    let ty = module.tables[table as usize];
    u8::from(ty.table64) | u8::from(ty.max == Some(ty.min)) << 1
}

fn type_code(ty: latier_runtime::types::ValType) -> u8 {
    Ty::of(ty) as u8
}

/// How far an access reaches from its address. What is accessed is as long as its natural alignment.
pub(super) fn reach(memarg: &MemArg) -> Option<u64> {
    memarg.offset.checked_add(1 << memarg.max_align)
}

/// Whether guard pages catch every access of an operator with this static offset.
fn caught(module: &ModuleDesc, memarg: &MemArg) -> Option<bool> {
    let MemArgTarget::Memory(memory) = memarg.target else { return None };
    let guarded = module.memories[memory as usize].is_guarded();
    Some(guarded && reach(memarg).is_some_and(|end| end <= MemoryType::GUARD))
}

/// The symbols that an operator refers to, in the order in which its stencil numbers them.
pub(super) fn symbols(bytes: &[u8]) -> [Option<Symbol>; 2] {
    use Operator::*;
    let one = |symbol| [Some(symbol), None];
    // What the most frequent of them mean is seen at once.
    if let [0x23 | 0x24, global @ 0..0x80] = *bytes {
        return one(Symbol::Global(global.into()));
    }
    let Some(op) = parse(bytes) else { return [None, None] };
    if let Some(MemArg { target: MemArgTarget::Memory(memory), .. }) = memarg(&op) {
        return one(Symbol::Memory(*memory));
    }
    match op {
        GlobalGet { global_index } | GlobalSet { global_index } => one(Symbol::Global(global_index)),
        MemorySize { mem } | MemoryGrow { mem } | MemoryFill { mem } => one(Symbol::Memory(mem)),
        MemoryCopy { dst_mem, src_mem } => [Some(Symbol::Memory(dst_mem)), Some(Symbol::Memory(src_mem))],
        MemoryInit { data_index, mem } => [Some(Symbol::Memory(mem)), Some(Symbol::Data(data_index))],
        DataDrop { data_index } => one(Symbol::Data(data_index)),
        TableGet { table }
        | TableSet { table }
        | TableSize { table }
        | TableGrow { table }
        | TableFill { table } => one(Symbol::Table(table)),
        TableCopy { dst_table, src_table } => {
            [Some(Symbol::Table(dst_table)), Some(Symbol::Table(src_table))]
        }
        TableInit { elem_index, table } => [Some(Symbol::Table(table)), Some(Symbol::Elem(elem_index))],
        ElemDrop { elem_index } => one(Symbol::Elem(elem_index)),
        RefFunc { function_index } => one(Symbol::FuncIndex(function_index)),
        CallIndirect { type_index, table_index } | ReturnCallIndirect { type_index, table_index } => {
            [Some(Symbol::Table(table_index)), Some(Symbol::Type(type_index))]
        }
        Throw { tag_index } => one(Symbol::Tag(tag_index)),
        _ => [None, None],
    }
}

/// Where a memory operator's immediate stands in its bytes.
struct Immediate {
    start: usize,
    offset_start: usize,
    offset_end: usize,
}

fn immediate(bytes: &[u8]) -> Option<Immediate> {
    let leb = |mut at: usize| {
        while bytes.get(at)? & 0x80 != 0 {
            at += 1;
        }
        Some(at + 1)
    };
    let start = match bytes[0] {
        0x28..=0x3e => 1,
        0xfd | 0xfe => leb(1)?,
        _ => return None,
    };
    let flags = *bytes.get(start)?;
    let mut offset_start = leb(start)?;
    if flags & 0x40 != 0 {
        offset_start = leb(offset_start)?;
    }
    Some(Immediate { start, offset_start, offset_end: leb(offset_start)? })
}

/// What an operator's stencil depends on; `None` if there is none for it. `bytes` are its own in the body.
pub(super) fn template(
    module: &ModuleDesc,
    op: &Operator<'_>,
    memarg: Option<&MemArg>,
    bytes: &[u8],
) -> Option<Template> {
    use Operator::*;
    if let Some(memarg) = memarg {
        let MemArgTarget::Memory(memory) = memarg.target else { return None };
        let at = immediate(bytes)?;
        let caught = caught(module, memarg)?;
        // It is written as a number of 32 bits with a sign.
        reach(memarg).filter(|end| i32::try_from(*end).is_ok())?;
        let mut key = bytes[..at.start].to_vec();
        key.extend([memory_facts(module, memory), u8::from(caught)]);
        key.extend_from_slice(&bytes[at.offset_end..]);
        return Some(Template { key, offset: Some(memarg.offset) });
    }
    let mut key = Vec::with_capacity(8);
    let memory = |n| memory_facts(module, n);
    let table = |n| table_facts(module, n);
    match *op {
        GlobalGet { global_index } | GlobalSet { global_index } => {
            let ty = module.globals[global_index as usize];
            let imported = global_index < module.global_imports;
            key.extend([bytes[0], type_code(ty.content), u8::from(ty.mutable) | u8::from(imported) << 1]);
        }
        MemorySize { mem } | MemoryGrow { mem } => key.extend([bytes[0], memory(mem)]),
        MemoryFill { mem } => key.extend([0xfc, 11, memory(mem)]),
        MemoryInit { mem, .. } => key.extend([0xfc, 8, memory(mem)]),
        DataDrop { .. } => key.extend([0xfc, 9]),
        MemoryCopy { dst_mem, src_mem } => {
            key.extend([0xfc, 10, memory(dst_mem), memory(src_mem), u8::from(dst_mem == src_mem)]);
        }
        TableGet { table: n } | TableSet { table: n } => key.extend([bytes[0], table(n)]),
        TableInit { table: n, .. } => key.extend([0xfc, 12, table(n)]),
        ElemDrop { .. } => key.extend([0xfc, 13]),
        TableCopy { dst_table, src_table } => {
            key.extend([0xfc, 14, table(dst_table), table(src_table), u8::from(dst_table == src_table)]);
        }
        TableGrow { table: n } => key.extend([0xfc, 15, table(n)]),
        TableSize { table: n } => key.extend([0xfc, 16, table(n)]),
        TableFill { table: n } => key.extend([0xfc, 17, table(n)]),
        RefFunc { .. } | RefNull { .. } => key.push(bytes[0]),
        Select | TypedSelect { .. } => key.push(0x1b),
        CallIndirect { table_index, .. } | ReturnCallIndirect { table_index, .. } => {
            key.extend([0x11, table(table_index)]);
        }
        CallRef { .. } | ReturnCallRef { .. } => key.push(0x14),
        If { .. } | BrIf { .. } => key.push(0x0d),
        Throw { .. } => key.push(0x08),
        I32Const { .. } | I64Const { .. } | F32Const { .. } | F64Const { .. } => return None,
        // Lanes and constants of vectors are their stencil's own, and what is left has no immediates.
        _ => key.extend_from_slice(bytes),
    }
    Some(Template { key, offset: None })
}

/// The bytes of an operator with the placeholder of its static offset instead of that, and the placeholder.
pub(super) fn with_placeholder(module: &ModuleDesc, memarg: &MemArg, bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
    let at = immediate(bytes)?;
    let placeholder = if caught(module, memarg)? { CAUGHT } else { CHECKED };
    let mut out = bytes[..at.offset_start].to_vec();
    let mut rest = placeholder;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
    out.extend_from_slice(&bytes[at.offset_end..]);
    Some((out, placeholder))
}

/// The operator that these bytes are.
pub(super) fn parse(bytes: &[u8]) -> Option<Operator<'_>> {
    OperatorsReader::new(BinaryReader::new(bytes, 0)).read().ok()
}

macro_rules! memargs {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($arity:tt)*) )*) => {
        /// The immediate of an operator that accesses memory.
        pub(super) fn memarg<'o>(op: &'o Operator<'_>) -> Option<&'o MemArg> {
            $( memargs!(@test op $op $($($arg),*)?); )*
            None
        }
    };
    (@test $value:ident $op:ident memarg $($rest:tt)*) => {
        if let Operator::$op { memarg, .. } = $value {
            return Some(memarg);
        }
    };
    (@test $value:ident $op:ident $($rest:tt)*) => {};
}
wasmparser::for_each_operator!(memargs);
