//! What a body sees of its instance and module while it is translated: the vmctx, symbols, signatures, callees, and
//! the properties of memory accesses. Emits the few instructions that reach them; knows no operator.

use super::signature::{builtin_signature, signature};
use crate::object::symbol::Symbol;
use crate::wasm::{FirstElement, FirstElements};
use cranelift_codegen::ir::{
    self, AliasRegionData, Endianness, ExceptionTag, ExtFuncData, ExternalName, Function, GlobalValue,
    GlobalValueData, Inst, InstBuilder, MemFlagsData, SigRef, StackSlot, StackSlotData, StackSlotKey,
    StackSlotKind, UserExternalName, Value, types,
};
use cranelift_frontend::FunctionBuilder;
use latier_runtime::abi::{FuncIndex, TrapCode};
use latier_runtime::builtin::Builtin;
use latier_runtime::module::ModuleDesc;
use latier_runtime::types::{FuncType, TypeId};
use latier_runtime::vmctx::{
    HEADER_BUILTINS, HEADER_MEMORY0, HEADER_MEMORY0_BASE, HEADER_STORE, STORE_STACK_LIMIT,
};
use std::borrow::Cow;
use std::collections::HashMap;

/// Calls by tables become direct calls of so many functions in one body, each call counted by itself: more would make
/// the code of a body long that may be slow to compile as it is.
const MOST_PROMOTED: usize = 256;

/// What the stack slot that keeps the vmctx is known by.
pub(crate) const VMCTX_KEY: u64 = 1;

/// One of our trap codes as Cranelift carries it.
pub(crate) const fn trap_code(code: TrapCode) -> ir::TrapCode {
    ir::TrapCode::unwrap_user(code as u8)
}

/// What is known of the memory behind each kind of access. Kinds with different regions never overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessKinds {
    /// Never changes while the instance lives, and is always there: may be read any time, any number of times.
    pub fixed: MemFlagsData,
    /// A slot: changes at any moment, so it is read where and when the program says.
    pub slot: MemFlagsData,
    /// Bytes of a linear memory.
    pub heap: MemFlagsData,
    /// Base and length of a memory that may move.
    pub memory_desc: MemFlagsData,
    /// Base and length of a table that may grow.
    pub table_desc: MemFlagsData,
    /// An element of a table: the access is the check.
    pub element: MemFlagsData,
    /// The record of a function that may be null: the access is the check.
    pub nullable_record: MemFlagsData,
    /// The same where a reference is called that no table holds: another trap.
    pub nullable_callee: MemFlagsData,
    /// The record of a function that is not null, as was just checked.
    pub record: MemFlagsData,
    /// The value of a mutable global.
    pub global: MemFlagsData,
    /// The store's fuel.
    pub fuel: MemFlagsData,
}

impl AccessKinds {
    fn new(func: &mut Function) -> AccessKinds {
        let mut id = 0;
        let mut region = |description| {
            id += 1;
            let data = AliasRegionData { user_id: id, description: Cow::Borrowed(description) };
            Some(func.dfg.alias_regions.insert(data))
        };
        let ours = MemFlagsData::trusted();
        let record = MemFlagsData::new().with_aligned().with_readonly();
        AccessKinds {
            fixed: ours.with_readonly().with_can_move(),
            slot: ours.with_alias_region(region("slot")),
            heap: MemFlagsData::new()
                .with_endianness(Endianness::Little)
                .with_trap_code(Some(trap_code(TrapCode::MemoryOutOfBounds)))
                .with_alias_region(region("heap")),
            memory_desc: ours.with_alias_region(region("memory")),
            table_desc: ours.with_alias_region(region("table")),
            element: MemFlagsData::new()
                .with_aligned()
                .with_trap_code(Some(trap_code(TrapCode::TableOutOfBounds)))
                .with_alias_region(region("element")),
            nullable_record: record.with_trap_code(Some(trap_code(TrapCode::IndirectCallToNull))),
            nullable_callee: record.with_trap_code(Some(trap_code(TrapCode::NullReference))),
            record: ours.with_readonly(),
            global: ours.with_alias_region(region("global")),
            fuel: ours.with_alias_region(region("fuel")),
        }
    }
}

/// What [`Environ`] keeps per body, with allocations that outlive one.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    symbols: Vec<Symbol>,
    numbers: HashMap<Symbol, GlobalValue>,
    callees: HashMap<FuncIndex, ir::FuncRef>,
    signatures: HashMap<TypeId, SigRef>,
    builtins: [Option<SigRef>; Builtin::COUNT],
    tags: HashMap<u32, ExceptionTag>,
}

impl Cache {
    /// Forgets the last body.
    pub fn clear(&mut self) {
        self.symbols.clear();
        self.numbers.clear();
        self.callees.clear();
        self.signatures.clear();
        self.builtins = [None; Builtin::COUNT];
        self.tags.clear();
    }

    /// The symbols of the body, by ordinal.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }
}

/// Where a memory 0 is that never moves.
#[derive(Clone, Copy, Debug)]
enum Memory0 {
    /// Right behind the vmctx's header.
    FollowsVmctx,
    /// At this base, which that instruction loads, if one does.
    At(Value, Option<Inst>),
}

/// A body's view of its instance and module.
pub(crate) struct Environ<'a> {
    /// Facts about the module.
    pub module: &'a ModuleDesc,
    /// Properties of accesses.
    pub access: AccessKinds,
    /// The instance's vmctx.
    pub vmctx: Value,
    /// The functions that calls are bound to for good, in order.
    pub bound: &'a [FuncIndex],
    /// What tables hold at first, if calls by them are promoted.
    pub elements: Option<&'a FirstElements>,
    /// How many direct calls such calls have become.
    promoted: usize,
    /// Where memory 0 is, if that is guarded.
    memory0: Option<Memory0>,
    memory0_used: bool,
    result_area: Option<StackSlot>,
    /// Where throws find the vmctx of a frame that has handlers.
    vmctx_slot: Option<StackSlot>,
    cache: &'a mut Cache,
}

impl<'a> Environ<'a> {
    /// At the start of the entry block. Loads what is loaded once, and has the prologue test the stack limit.
    pub fn new(
        module: &'a ModuleDesc,
        vmctx: Value,
        cache: &'a mut Cache,
        builder: &mut FunctionBuilder<'_>,
    ) -> Environ<'a> {
        let access = AccessKinds::new(builder.func);
        let guarded = module.memories.first().filter(|m| m.is_guarded());
        let memory0 = guarded.map(|_| match module.memory0_follows() {
            true => Memory0::FollowsVmctx,
            false => {
                let base = builder.ins().load(types::I64, access.fixed, vmctx, HEADER_MEMORY0_BASE);
                Memory0::At(base, builder.func.dfg.value_def(base).inst())
            }
        });
        limit_stack(builder.func, access.fixed);
        Environ::with(module, access, vmctx, memory0, cache)
    }

    /// For one operator by itself: the vmctx and the base of memory 0 come from outside, nothing is loaded before.
    pub fn for_stencil(
        module: &'a ModuleDesc,
        vmctx: Value,
        memory0: Value,
        cache: &'a mut Cache,
        func: &mut Function,
    ) -> Environ<'a> {
        let access = AccessKinds::new(func);
        let memory0 = module.memories.first().filter(|m| m.is_guarded()).map(|_| Memory0::At(memory0, None));
        Environ::with(module, access, vmctx, memory0, cache)
    }

    fn with(
        module: &'a ModuleDesc,
        access: AccessKinds,
        vmctx: Value,
        memory0: Option<Memory0>,
        cache: &'a mut Cache,
    ) -> Environ<'a> {
        Environ {
            module,
            access,
            vmctx,
            bound: &[],
            elements: None,
            promoted: 0,
            memory0,
            memory0_used: false,
            result_area: None,
            vmctx_slot: None,
            cache,
        }
    }

    /// At the end of the body: takes out what was loaded in vain. (Without optimization Cranelift would emit it.)
    pub fn finish(self, func: &mut Function) {
        if let (Some(Memory0::At(_, Some(load))), false) = (self.memory0, self.memory0_used) {
            func.layout.remove_inst(load);
        }
    }

    /// An address and the distance from it to byte 0 of memory 0, if that never moves.
    pub fn memory0_base(&mut self) -> Option<(Value, i32)> {
        self.memory0_used = true;
        self.memory0.map(|memory0| match memory0 {
            Memory0::FollowsVmctx => (self.vmctx, HEADER_MEMORY0),
            Memory0::At(base, _) => (base, 0),
        })
    }

    fn name(&mut self, func: &mut Function, symbol: Symbol) -> ExternalName {
        let index = self.cache.symbols.len() as u32;
        self.cache.symbols.push(symbol);
        ExternalName::user(func.declare_imported_user_function(UserExternalName { namespace: 0, index }))
    }

    /// The number a symbol stands for: an i64.
    pub fn number(&mut self, b: &mut FunctionBuilder<'_>, symbol: Symbol) -> Value {
        let known = self.cache.numbers.get(&symbol).copied();
        let value = known.unwrap_or_else(|| {
            let name = self.name(b.func, symbol);
            let offset = 0.into();
            let data = GlobalValueData::Symbol { name, offset, colocated: false, tls: false };
            let value = b.create_global_value(data);
            self.cache.numbers.insert(symbol, value);
            value
        });
        b.ins().symbol_value(types::I64, value)
    }

    /// A tag as the handlers of calls name it: by the ordinal of its symbol.
    pub fn exception_tag(&mut self, tag: u32) -> ExceptionTag {
        let symbols = &mut self.cache.symbols;
        *self.cache.tags.entry(tag).or_insert_with(|| {
            symbols.push(Symbol::Tag(tag));
            ExceptionTag::from_u32(symbols.len() as u32 - 1)
        })
    }

    /// The address of the field of the vmctx whose offset is `symbol`.
    pub fn field(&mut self, b: &mut FunctionBuilder<'_>, symbol: Symbol) -> Value {
        let offset = self.number(b, symbol);
        b.ins().iadd(self.vmctx, offset)
    }

    /// The pointer in the vmctx at offset `symbol`.
    pub fn pointer(&mut self, b: &mut FunctionBuilder<'_>, symbol: Symbol) -> Value {
        let field = self.field(b, symbol);
        b.ins().load(types::I64, self.access.fixed, field, 0)
    }

    /// A defined function as something to call: where it is, if it stays there, else through its slot, which is the
    /// symbol's GOT entry.
    pub fn callee(&mut self, b: &mut FunctionBuilder<'_>, function: FuncIndex) -> ir::FuncRef {
        if let Some(callee) = self.cache.callees.get(&function) {
            return *callee;
        }
        let ty = self.module.functions[function.0 as usize];
        let signature = self.signature(b, ty);
        let name = self.name(b.func, Symbol::Func(function.0));
        let colocated = self.bound.binary_search(&function).is_ok();
        let callee = b.import_function(ExtFuncData { name, signature, colocated, patchable: false });
        self.cache.callees.insert(function, callee);
        callee
    }

    /// The function type with this type index.
    pub fn func_type(&self, ty: u32) -> &'a FuncType {
        &self.module.func_types[ty as usize]
    }

    /// The functions that the next call of this type by this table is promoted to calls of, each where the table holds it
    /// at first; none if it is not promoted.
    pub fn promote(&mut self, ty: u32, table: u32) -> &'a [FirstElement] {
        let likely =
            self.elements.map_or(&[][..], |elements| elements.of(table, self.module.types[ty as usize]));
        let promoted = self.promoted + likely.len();
        if promoted > MOST_PROMOTED {
            return &[];
        }
        self.promoted = promoted;
        likely
    }

    /// The signature of functions of the type with this type index.
    pub fn signature(&mut self, b: &mut FunctionBuilder<'_>, ty: u32) -> SigRef {
        let func_type = self.func_type(ty);
        let id = self.module.types[ty as usize];
        *self.cache.signatures.entry(id).or_insert_with(|| b.import_signature(signature(func_type)))
    }

    /// A builtin's signature and address.
    pub fn builtin(&mut self, b: &mut FunctionBuilder<'_>, builtin: Builtin) -> (SigRef, Value) {
        let signature = &mut self.cache.builtins[builtin as usize];
        let signature = *signature.get_or_insert_with(|| b.import_signature(builtin_signature(builtin)));
        let table = b.ins().load(types::I64, self.access.fixed, self.vmctx, HEADER_BUILTINS);
        (signature, b.ins().load(types::I64, self.access.fixed, table, builtin.offset()))
    }

    /// Keeps the vmctx in the frame, for throws that compare tags: the instance of a frame cannot be told otherwise.
    pub fn keep_vmctx(&mut self, b: &mut FunctionBuilder<'_>) {
        let slot = *self.vmctx_slot.get_or_insert_with(|| {
            let (kind, key) = (StackSlotKind::ExplicitSlot, StackSlotKey::new(VMCTX_KEY));
            b.func.create_sized_stack_slot(StackSlotData::new_with_key(kind, 8, 3, key))
        });
        b.ins().stack_store(types::I64, self.vmctx, slot, 0);
    }

    /// A place of at least this many bytes for the results of a call. The next call may get the same.
    pub fn result_area(&mut self, func: &mut Function, bytes: u32) -> StackSlot {
        let slot = *self.result_area.get_or_insert_with(|| {
            func.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 4))
        });
        let data = &mut func.sized_stack_slots[slot];
        data.size = data.size.max(bytes);
        slot
    }
}

/// Has the prologue compare the stack pointer with the store's limit.
fn limit_stack(func: &mut Function, fixed: MemFlagsData) {
    let flags = func.dfg.mem_flags.insert_unchecked(fixed);
    let load = |base, offset: i32| GlobalValueData::Load {
        base,
        offset: offset.into(),
        global_type: types::I64,
        flags,
    };
    let vmctx = func.create_global_value(GlobalValueData::VMContext);
    let store = func.create_global_value(load(vmctx, HEADER_STORE));
    func.stack_limit = Some(func.create_global_value(load(store, STORE_STACK_LIMIT)));
}
