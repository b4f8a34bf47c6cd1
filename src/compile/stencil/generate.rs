//! Makes the raw material of stencils: compiles one operator by itself, from the lowering that every tier uses, with
//! its operands where the form says and placeholders where the pass will write numbers. Knows no machine code.
//!
//! A stencil is a function of the `tail` convention, and everything it is given it gives to the next:
//!
//! ```text
//!   vmctx, frame, three integer registers, base of memory 0, three float registers, five more
//!     rdi    rsi      rdx  rcx  r8               r9              xmm0 xmm1 xmm2     xmm3 to xmm7
//! ```
//!
//! What an operator does not touch passes through without an instruction. It leaves by a tail call of exit 0, and of
//! exit 1 if it is a branch that is taken. An operator that calls passes nothing: it takes its operands from the
//! frame, puts its results there, and returns.

use super::form::{Class, Exit, Form, Ty};
use crate::compile::CompileError;
use crate::compile::environ::{Cache, Environ};
use crate::compile::lower::Lowering;
use crate::compile::target::RelaxedForms;
use crate::object::symbol::Symbol;
use cranelift_codegen::Context;
use cranelift_codegen::FinalizedRelocTarget;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::types::{I8X16, I64};
use cranelift_codegen::ir::{
    self, AbiParam, ExtFuncData, ExternalName, InstBuilder, MemFlagsData, Signature, UserExternalName, Value,
};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use latier_runtime::abi::TrapCode;
use latier_runtime::module::ModuleDesc;
use wasmparser::Operator;

/// How many operands can stand in registers at once, of each kind.
pub(super) const ROTATIONS: usize = 3;

/// Float registers that are passed on besides.
const OTHERS: usize = 5;

/// The most operands and results that an operator has.
pub(super) const MAX_OPERANDS: usize = 5;

/// Where the namespace of exits is told from that of symbols.
const EXITS: u32 = 9;

/// One operator in one form, as something to compile.
pub(super) struct Request<'a> {
    pub(super) module: &'a ModuleDesc,
    /// With placeholders as immediates.
    pub(super) op: &'a Operator<'a>,
    pub(super) params: &'a [Ty],
    pub(super) form: Form,
    /// What constant operands are.
    pub(super) constants: [i64; MAX_OPERANDS],
    /// Whether operand 0 is an address, which is as good with 64 bits.
    pub(super) address: bool,
    pub(super) relaxed: RelaxedForms,
    /// Placeholders of displacements: of the operands, deepest first, then of two results.
    pub(super) displacements: &'a [i32; MAX_OPERANDS + 2],
}

/// What Cranelift makes of a request.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) code: Vec<u8>,
    /// Places of distances to exits.
    pub(super) exits: Vec<(usize, u32)>,
    /// Places of distances to GOT entries of symbols.
    pub(super) symbols: Vec<(usize, Symbol)>,
    /// Instructions that trap.
    pub(super) traps: Vec<(usize, TrapCode)>,
    /// Return addresses of calls.
    pub(super) calls: Vec<usize>,
    pub(super) results: Vec<Ty>,
    /// Whether it returns instead of leaving by an exit.
    pub(super) returns: bool,
}

/// Compiles requests; keeps what compilations allocate.
pub(super) struct Generator {
    isa: &'static OwnedTargetIsa,
    context: Context,
    control: ControlPlane,
    builder: FunctionBuilderContext,
    cache: Cache,
}

/// What a stencil is given and gives.
#[derive(Clone, Copy)]
struct Registers {
    vmctx: Value,
    frame: Value,
    ints: [Value; ROTATIONS],
    memory0: Value,
    floats: [Value; ROTATIONS],
    /// What no operator touches.
    others: [Value; OTHERS],
}

impl Registers {
    fn all(&self) -> impl Iterator<Item = Value> {
        let first = [self.vmctx, self.frame].into_iter().chain(self.ints).chain([self.memory0]);
        first.chain(self.floats).chain(self.others)
    }
}

impl Generator {
    pub(super) fn new(isa: &'static OwnedTargetIsa) -> Generator {
        Generator {
            isa,
            context: Context::new(),
            control: ControlPlane::default(),
            builder: FunctionBuilderContext::new(),
            cache: Cache::default(),
        }
    }

    /// Compiles one operator by itself.
    ///
    /// # Errors
    /// When no lowering knows the operator, or Cranelift does not compile it.
    pub(super) fn raw(&mut self, request: &Request<'_>) -> Result<Raw, CompileError> {
        let (mut raw, calls) = self.attempt(request, false)?;
        if calls {
            debug_assert!(request.form.frame);
            raw = self.attempt(request, true)?.0;
        }
        Ok(raw)
    }

    /// Builds and compiles; says whether the operator calls, in which case only `returns` gives a stencil.
    fn attempt(&mut self, request: &Request<'_>, returns: bool) -> Result<(Raw, bool), CompileError> {
        let (results, calls) = self.build(request, returns)?;
        if calls && !returns {
            return Ok((Raw::default(), true));
        }
        self.compile()?;
        Ok((self.collect(results, returns)?, calls))
    }

    fn compile(&mut self) -> Result<(), CompileError> {
        let compiled = self.context.compile(&**self.isa, &mut self.control);
        compiled.map(|_| ()).map_err(|e| refusal(format!("Cranelift: {}", e.inner)))
    }

    /// What Cranelift compiles, as its own assembly.
    #[cfg(test)]
    pub(super) fn assembly(&mut self, request: &Request<'_>) -> Result<String, CompileError> {
        if self.build(request, false)?.1 {
            self.build(request, true)?;
        }
        self.context.set_disasm(true);
        self.compile()?;
        let compiled = self.context.compiled_code().expect("a compiled context has code");
        Ok(compiled.vcode.clone().expect("it was asked for"))
    }

    /// Builds what is compiled. Gives the results, and whether the operator calls.
    fn build(&mut self, request: &Request<'_>, returns: bool) -> Result<(Vec<Ty>, bool), CompileError> {
        let isa = self.isa;
        self.context.clear();
        self.cache.clear();
        let func = &mut self.context.func;
        func.signature = stencil_signature(returns);
        let mut builder = FunctionBuilder::new(func, &mut self.builder);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let p = builder.block_params(entry).to_vec();
        let registers = match returns {
            true => {
                let (vmctx, frame, none) = (p[0], p[1], p[0]);
                let (ints, floats) = ([none; ROTATIONS], [none; ROTATIONS]);
                Registers { vmctx, frame, ints, memory0: none, floats, others: [none; OTHERS] }
            }
            false => Registers {
                vmctx: p[0],
                frame: p[1],
                ints: [p[2], p[3], p[4]],
                memory0: p[5],
                floats: [p[6], p[7], p[8]],
                others: [p[9], p[10], p[11], p[12], p[13]],
            },
        };
        let env = Environ::for_stencil(
            request.module,
            registers.vmctx,
            registers.memory0,
            &mut self.cache,
            builder.func,
        );
        let mut lowering = Lowering::new(builder, env, Vec::new(), request.relaxed);
        let results = operate(&mut lowering, request, registers, returns)?;
        let Lowering { mut builder, .. } = lowering;
        builder.seal_all_blocks();
        builder.finalize(isa.frontend_config());
        Ok((results, calls(&self.context.func)))
    }

    fn collect(&self, results: Vec<Ty>, returns: bool) -> Result<Raw, CompileError> {
        let compiled = self.context.compiled_code().expect("a compiled context has code");
        let buffer = &compiled.buffer;
        let mut raw = Raw { code: buffer.data().to_vec(), results, returns, ..Raw::default() };
        for relocation in buffer.relocs() {
            let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = relocation.target else {
                return Err(refusal(format!("relocation {:?}", relocation.target)));
            };
            let name = &self.context.func.params.user_named_funcs()[name];
            let at = relocation.offset as usize;
            match name.namespace {
                EXITS => raw.exits.push((at, name.index)),
                _ => raw.symbols.push((at, self.cache.symbols()[name.index as usize])),
            }
        }
        for trap in buffer.traps() {
            let code = crate::compile::emit::our_code(trap.code);
            raw.traps.push((trap.offset as usize, code.ok_or_else(|| refusal("an unknown trap".into()))?));
        }
        raw.calls.extend(buffer.call_sites().map(|call| call.ret_addr as usize));
        Ok(raw)
    }
}

pub(super) fn refusal(message: String) -> CompileError {
    CompileError { message, offset: None }
}

fn stencil_signature(returns: bool) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    let ints = if returns { 2 } else { 6 };
    signature.params.resize(ints, AbiParam::new(I64));
    if !returns {
        signature.params.resize(ints + ROTATIONS + OTHERS, AbiParam::new(I8X16));
    }
    signature
}

fn calls(func: &ir::Function) -> bool {
    let mut blocks = func.layout.blocks();
    blocks.any(|block| {
        func.layout.block_insts(block).any(|inst| {
            let opcode = func.dfg.insts[inst].opcode();
            opcode.is_call() && !opcode.is_terminator()
        })
    })
}

/// Words of the frame are not aligned to vectors.
fn frame_access() -> MemFlagsData {
    MemFlagsData::new().with_endianness(ir::Endianness::Little).with_trap_code(None)
}

/// Takes the operands, lowers the operator, disposes of the results and leaves.
fn operate(
    f: &mut Lowering<'_>,
    request: &Request<'_>,
    mut registers: Registers,
    returns: bool,
) -> Result<Vec<Ty>, CompileError> {
    for n in 0..request.params.len() {
        let value = operand(f, request, registers, n);
        f.push(value);
    }
    match *request.op {
        Operator::BrIf { .. } | Operator::If { .. } => {}
        // What it carries is the pass's business, and so is throwing it.
        Operator::Throw { tag_index } => {
            let exception = f.new_exception(tag_index);
            f.push(exception);
        }
        Operator::ThrowRef => {
            f.throw_ref();
            return Ok(vec![]);
        }
        _ => {
            if let Some((vmctx, code)) = f.callee(request.op) {
                // All that a call needs but its arguments, which are put in place only now.
                (registers.vmctx, registers.ints[0]) = (vmctx, code);
                leave(f, registers, 0);
                return Ok(vec![]);
            }
            if !f.operator(request.op) {
                return Err(refusal(format!("{:?} has no lowering of its own", request.op)));
            }
        }
    }
    if request.form.exit != Exit::Next {
        branch(f, request.form.exit, registers);
        return Ok(vec![Ty::I32]);
    }
    let values = std::mem::take(&mut f.stack);
    let ty = |f: &Lowering<'_>, value: Value| Ty::of_clif(f.builder.func.dfg.value_type(value));
    let types: Vec<Ty> = values.iter().map(|value| ty(f, *value)).collect();
    let in_memory = returns || request.form.frame || values.len() > 1;
    for (n, (value, ty)) in values.iter().zip(&types).enumerate() {
        if in_memory {
            let frame = if returns { f.ins().get_frame_pointer(I64) } else { registers.frame };
            f.ins().store(frame_access(), *value, frame, request.displacements[MAX_OPERANDS + n]);
            continue;
        }
        let rotation = usize::from(request.form.rotation);
        match ty {
            Ty::I32 => registers.ints[rotation] = f.ins().uextend(I64, *value),
            Ty::I64 => registers.ints[rotation] = *value,
            Ty::F32 | Ty::F64 | Ty::V128 => registers.floats[rotation] = *value,
        }
    }
    if returns {
        f.ins().return_(&[]);
    } else {
        leave(f, registers, 0);
    }
    Ok(types)
}

/// Operand `n`, from where the form says.
fn operand(f: &mut Lowering<'_>, request: &Request<'_>, registers: Registers, n: usize) -> Value {
    let (ty, rotation) = (request.params[n], (usize::from(request.form.rotation) + n) % ROTATIONS);
    let wide = request.address && n == 0 && ty == Ty::I32;
    let displacement = request.displacements[n];
    match request.form.class(n) {
        Class::Memory if wide => f.ins().uload32(frame_access(), registers.frame, displacement),
        Class::Memory => f.ins().load(ty.clif(), frame_access(), registers.frame, displacement),
        Class::Constant if wide => f.ins().iconst(I64, i64::from(request.constants[n] as u32)),
        Class::Constant => {
            let value = request.constants[n];
            let value = if ty == Ty::I32 { i64::from(value as u32) } else { value };
            f.ins().iconst(ty.clif(), value)
        }
        Class::Register => match ty {
            Ty::I32 if !wide => f.ins().ireduce(ir::types::I32, registers.ints[rotation]),
            Ty::I32 | Ty::I64 => registers.ints[rotation],
            Ty::V128 => registers.floats[rotation],
            // The low lane of the register.
            Ty::F32 | Ty::F64 => {
                let lanes = if ty == Ty::F32 { ir::types::F32X4 } else { ir::types::F64X2 };
                let flags = MemFlagsData::new().with_endianness(ir::Endianness::Little);
                let vector = f.ins().bitcast(lanes, flags, registers.floats[rotation]);
                f.ins().extractlane(vector, 0)
            }
        },
    }
}

/// Branches on the top operand.
fn branch(f: &mut Lowering<'_>, exit: Exit, registers: Registers) {
    let condition = f.pop();
    let (taken, next) = (f.builder.create_block(), f.builder.create_block());
    match exit {
        Exit::BranchUnless => f.ins().brif(condition, next, &[], taken, &[]),
        _ => f.ins().brif(condition, taken, &[], next, &[]),
    };
    for (block, exit) in [(next, 0), (taken, 1)] {
        f.builder.switch_to_block(block);
        leave(f, registers, exit);
    }
}

/// Goes on at an exit.
fn leave(f: &mut Lowering<'_>, registers: Registers, exit: u32) {
    let values: Vec<_> = registers.all().collect();
    let mut signature = Signature::new(CallConv::Tail);
    for &value in &values {
        signature.params.push(AbiParam::new(f.builder.func.dfg.value_type(value)));
    }
    let signature = f.builder.import_signature(signature);
    let name = UserExternalName { namespace: EXITS, index: exit };
    let name = ExternalName::user(f.builder.func.declare_imported_user_function(name));
    let data = ExtFuncData { name, signature, colocated: true, patchable: false };
    let exit = f.builder.import_function(data);
    f.ins().return_call(exit, &values);
}
