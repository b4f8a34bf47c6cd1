//! Constant expressions, as the executor evaluates them. Only expressions that validation has accepted come here.

use super::error::Error;
use latier_runtime::module::{ConstExpr, ConstOp};
use wasmparser::Operator;

/// The steps of an expression, without its `end`.
pub(super) fn translate(expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, Error> {
    // Nearly all expressions are one step, and some modules have tens of thousands.
    let mut ops = Vec::with_capacity(1);
    let mut reader = expr.get_operators_reader();
    while !reader.eof() {
        let offset = reader.original_position();
        let op = match reader.read()? {
            Operator::I32Const { value } => ConstOp::I32(value),
            Operator::I64Const { value } => ConstOp::I64(value),
            Operator::F32Const { value } => ConstOp::F32(value.bits()),
            Operator::F64Const { value } => ConstOp::F64(value.bits()),
            Operator::V128Const { value } => ConstOp::V128(u128::from_le_bytes(*value.bytes())),
            Operator::GlobalGet { global_index } => ConstOp::GlobalGet(global_index),
            Operator::RefNull { .. } => ConstOp::RefNull,
            Operator::RefFunc { function_index } => ConstOp::RefFunc(function_index),
            Operator::I32Add => ConstOp::I32Add,
            Operator::I32Sub => ConstOp::I32Sub,
            Operator::I32Mul => ConstOp::I32Mul,
            Operator::I64Add => ConstOp::I64Add,
            Operator::I64Sub => ConstOp::I64Sub,
            Operator::I64Mul => ConstOp::I64Mul,
            Operator::End => break,
            other => {
                return Err(Error::new(
                    offset,
                    format!("GC types are not supported yet: {other:?} in a constant"),
                ));
            }
        };
        ops.push(op);
    }
    Ok(ConstExpr(ops))
}
