//! Globals. A defined one lies in the vmctx, an imported one behind a pointer there.

use super::Lowering;
use crate::compile::signature::value_type;
use crate::object::symbol::Symbol;
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

/// Lowers `op` if it works on a global.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    match *op {
        Operator::GlobalGet { global_index } => {
            let ty = f.env.module.globals[global_index as usize];
            let flags = if ty.mutable { f.env.access.global } else { f.env.access.fixed };
            let at = address(f, global_index);
            let value = f.ins().load(value_type(ty.content), flags, at, 0);
            f.push(value);
        }
        Operator::GlobalSet { global_index } => {
            let value = f.pop();
            let at = address(f, global_index);
            let flags = f.env.access.global;
            f.ins().store(flags, value, at, 0);
        }
        _ => return false,
    }
    true
}

fn address(f: &mut Lowering<'_>, global: u32) -> Value {
    let symbol = Symbol::Global(global);
    if global < f.env.module.global_imports {
        f.env.pointer(&mut f.builder, symbol)
    } else {
        f.env.field(&mut f.builder, symbol)
    }
}
