//! References: null, test for null, references to functions.

use super::Lowering;
use crate::compile::environ::trap_code;
use crate::object::symbol::Symbol;
use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use latier_runtime::abi::TrapCode;
use latier_runtime::builtin::Builtin;
use wasmparser::Operator;

/// Lowers `op` if it makes or tests a reference.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let value = match *op {
        Operator::RefNull { .. } => f.ins().iconst(I64, 0),
        Operator::RefIsNull => {
            let reference = f.pop();
            let is_null = f.ins().icmp_imm_u(IntCC::Equal, reference, 0);
            f.ins().uextend(I32, is_null)
        }
        Operator::RefFunc { function_index } => {
            let index = f.env.number(&mut f.builder, Symbol::FuncIndex(function_index));
            f.builtin_value(Builtin::RefFunc, &[index])
        }
        Operator::RefAsNonNull => {
            let reference = f.pop();
            f.ins().trapz(reference, trap_code(TrapCode::NullReference));
            reference
        }
        _ => return false,
    };
    f.push(value);
    true
}
