//! Locals: each is a variable of Cranelift's SSA construction. Knows nothing of the operand stack's other sources.

use super::CompileError;
use super::control::BaselineFrame;
use super::lower::Lowering;
use super::signature::{parsed_type, value_type};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{Function, InstBuilder, Type, Value, types};
use cranelift_frontend::{FunctionBuilder, Variable};
use latier_runtime::types::FuncType;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// Most entries that SSA construction's tables may have for one body. It has a table for each local that is touched,
/// with an entry for each block: many locals in many blocks would take all memory.
const MAX_TABLE_ENTRIES: usize = 1 << 29;

/// The locals of a body, with allocations that outlive it.
#[derive(Debug, Default)]
pub(crate) struct Locals {
    /// Whether each local was touched.
    touched: Vec<bool>,
    /// How many were.
    count: usize,
    /// The values that were read from a baseline frame, one for each local.
    read: Vec<Value>,
}

/// What the locals are in the beginning.
pub(crate) enum Source<'a> {
    /// The parameters have these values, the body's own locals are zero.
    Call(&'a [Value]),
    /// All are in this frame.
    Frame(&'a mut BaselineFrame),
}

impl Locals {
    /// Declares the parameters and the body's own locals; returns what follows the locals' declaration.
    pub fn declare<'a>(
        &mut self,
        b: &mut FunctionBuilder<'_>,
        ty: &FuncType,
        mut source: Source<'_>,
        body: &FunctionBody<'a>,
    ) -> wasmparser::Result<BinaryReader<'a>> {
        self.read.clear();
        for (n, ty) in ty.params.iter().enumerate() {
            let ty = value_type(*ty);
            let variable = b.declare_var(ty);
            let value = match &mut source {
                Source::Call(params) => params[n],
                Source::Frame(frame) => self.read(b, frame, ty),
            };
            b.def_var(variable, value);
        }
        let mut own = 0;
        let mut locals = body.get_locals_reader()?;
        for _ in 0..locals.get_count() {
            let (count, ty) = locals.read()?;
            if count == 0 {
                continue;
            }
            own += count as usize;
            let ty = parsed_type(ty);
            let mut zeros = None;
            for _ in 0..count {
                let variable = b.declare_var(ty);
                let value = match &mut source {
                    Source::Call(_) => *zeros.get_or_insert_with(|| zero(b, ty)),
                    Source::Frame(frame) => self.read(b, frame, ty),
                };
                b.def_var(variable, value);
            }
        }
        self.touched.clear();
        self.touched.resize(ty.params.len() + own, false);
        self.count = 0;
        Ok(locals.get_binary_reader())
    }

    /// Lowers `op` if it reads or writes a local; false if not.
    pub fn lower(&mut self, op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
        match *op {
            Operator::LocalGet { local_index } => {
                let variable = self.variable(local_index);
                let value = f.builder.use_var(variable);
                f.push(value);
            }
            Operator::LocalSet { local_index } => {
                let variable = self.variable(local_index);
                let value = f.pop();
                f.builder.def_var(variable, value);
            }
            Operator::LocalTee { local_index } => {
                let variable = self.variable(local_index);
                let value = f.pop();
                f.builder.def_var(variable, value);
                f.push(value);
            }
            _ => return false,
        }
        true
    }

    /// Reads a local from a baseline frame.
    fn read(&mut self, b: &mut FunctionBuilder<'_>, frame: &mut BaselineFrame, ty: Type) -> Value {
        let value = frame.next(b, ty);
        self.read.push(value);
        value
    }

    /// At the end of the body: takes out what was read in vain.
    pub fn finish(&self, func: &mut Function) {
        for (value, _) in self.read.iter().zip(&self.touched).filter(|(_, touched)| !**touched) {
            if let Some(load) = func.dfg.value_def(*value).inst() {
                func.layout.remove_inst(load);
            }
        }
    }

    /// The variable of a local. Locals are the first variables, declared in order, so the indices are the same.
    fn variable(&mut self, local: u32) -> Variable {
        let touched = &mut self.touched[local as usize];
        self.count += usize::from(!*touched);
        *touched = true;
        Variable::from_u32(local)
    }

    /// Fails when the body has more locals, `others` like them, and blocks than memory should be spent on.
    pub fn check_size(&self, f: &Lowering<'_>, others: usize) -> Result<(), CompileError> {
        if (self.count + others).saturating_mul(f.builder.func.dfg.num_blocks()) > MAX_TABLE_ENTRIES {
            return Err(CompileError { message: "too many locals in too many blocks".into(), offset: None });
        }
        Ok(())
    }
}

/// Zero of type `ty`.
pub(crate) fn zero(b: &mut FunctionBuilder<'_>, ty: Type) -> Value {
    match ty {
        types::F32 => b.ins().f32const(Ieee32::with_bits(0)),
        types::F64 => b.ins().f64const(Ieee64::with_bits(0)),
        types::I8X16 => {
            let bytes = b.func.dfg.constants.insert(vec![0; 16].into());
            b.ins().vconst(types::I8X16, bytes)
        }
        _ => b.ins().iconst(ty, 0),
    }
}
