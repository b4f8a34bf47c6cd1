//! Locals: each is a variable of Cranelift's SSA construction. Knows nothing of the operand stack's other sources.

use super::CompileError;
use super::lower::Lowering;
use super::signature::{parsed_type, value_type};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
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
}

impl Locals {
    /// Declares the parameters, which have these values, and the body's own locals, which are zero; returns what
    /// follows the locals' declaration.
    pub fn declare<'a>(
        &mut self,
        b: &mut FunctionBuilder<'_>,
        ty: &FuncType,
        params: &[Value],
        body: &FunctionBody<'a>,
    ) -> wasmparser::Result<BinaryReader<'a>> {
        for (ty, value) in ty.params.iter().zip(params) {
            let variable = b.declare_var(value_type(*ty));
            b.def_var(variable, *value);
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
            let value = zero(b, ty);
            for _ in 0..count {
                let variable = b.declare_var(ty);
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

    /// The variable of a local. Locals are the only variables, declared in order, so the indices are the same.
    fn variable(&mut self, local: u32) -> Variable {
        let touched = &mut self.touched[local as usize];
        self.count += usize::from(!*touched);
        *touched = true;
        Variable::from_u32(local)
    }

    /// Fails when the body has more locals and blocks than memory should be spent on.
    pub fn check_size(&self, f: &Lowering<'_>) -> Result<(), CompileError> {
        if self.count.saturating_mul(f.builder.func.dfg.num_blocks()) > MAX_TABLE_ENTRIES {
            return Err(CompileError { message: "too many locals in too many blocks".into(), offset: None });
        }
        Ok(())
    }
}

fn zero(b: &mut FunctionBuilder<'_>, ty: Type) -> Value {
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
