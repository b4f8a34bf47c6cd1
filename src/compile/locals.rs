//! Locals: each is a variable of Cranelift's SSA construction. Knows nothing of the operand stack's other sources.

use super::lower::Lowering;
use super::signature::{parsed_type, value_type};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use cranelift_frontend::{FunctionBuilder, Variable};
use latier_runtime::types::FuncType;
use wasmparser::{BinaryReader, FunctionBody, Operator, Result};

/// Declares the parameters, which have these values, and the body's own locals, which are zero; returns what follows
/// the locals' declaration.
pub(crate) fn declare<'a>(
    b: &mut FunctionBuilder<'_>,
    ty: &FuncType,
    params: &[Value],
    body: &FunctionBody<'a>,
) -> Result<BinaryReader<'a>> {
    for (ty, value) in ty.params.iter().zip(params) {
        let variable = b.declare_var(value_type(*ty));
        b.def_var(variable, *value);
    }
    let mut locals = body.get_locals_reader()?;
    for _ in 0..locals.get_count() {
        let (count, ty) = locals.read()?;
        if count == 0 {
            continue;
        }
        let ty = parsed_type(ty);
        let value = zero(b, ty);
        for _ in 0..count {
            let variable = b.declare_var(ty);
            b.def_var(variable, value);
        }
    }
    Ok(locals.get_binary_reader())
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

/// Lowers `op` if it reads or writes a local; false if not.
pub(crate) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    // Locals are the only variables, declared in order, so a local's index is its variable's.
    match *op {
        Operator::LocalGet { local_index } => {
            let value = f.builder.use_var(Variable::from_u32(local_index));
            f.push(value);
        }
        Operator::LocalSet { local_index } => {
            let value = f.pop();
            f.builder.def_var(Variable::from_u32(local_index), value);
        }
        Operator::LocalTee { local_index } => {
            let value = f.pop();
            f.builder.def_var(Variable::from_u32(local_index), value);
            f.push(value);
        }
        _ => return false,
    }
    true
}
