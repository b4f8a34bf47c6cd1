//! Types of values and functions in Cranelift's terms. The calling convention itself is the executor's
//! (`latier_runtime::abi::CallLayout`); this says the same to Cranelift.

use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, Signature, Type, types};
use cranelift_codegen::isa::CallConv;
use latier_runtime::abi::CallLayout;
use latier_runtime::builtin::Builtin;
use latier_runtime::types::{FuncType, ValType};

/// Bytes that each result takes in a result area.
pub(crate) const RESULT_BYTES: u32 = 16;

/// How a value of type `ty` is held. References are addresses or numbers of 64 bits.
pub(crate) fn value_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => types::I32,
        ValType::I64 | ValType::Ref(_) => types::I64,
        ValType::F32 => types::F32,
        ValType::F64 => types::F64,
        ValType::V128 => types::I8X16,
    }
}

/// The same for a type as the parser gives it.
pub(crate) fn parsed_type(ty: wasmparser::ValType) -> Type {
    match ty {
        wasmparser::ValType::I32 => types::I32,
        wasmparser::ValType::I64 | wasmparser::ValType::Ref(_) => types::I64,
        wasmparser::ValType::F32 => types::F32,
        wasmparser::ValType::F64 => types::F64,
        wasmparser::ValType::V128 => types::I8X16,
    }
}

/// The signature of functions of type `ty`: the callee's vmctx, the address of the result area if results go through
/// memory, the parameters.
pub(crate) fn signature(ty: &FuncType) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    signature.params.reserve(ty.params.len() + 2);
    signature.params.push(AbiParam::special(types::I64, ArgumentPurpose::VMContext));
    let in_memory = CallLayout::results_in_memory(&ty.results);
    if in_memory {
        signature.params.push(AbiParam::new(types::I64));
    }
    signature.params.extend(ty.params.iter().map(|t| AbiParam::new(value_type(*t))));
    if !in_memory {
        signature.returns.extend(ty.results.iter().map(|t| AbiParam::new(value_type(*t))));
    }
    signature
}

/// The signature of a builtin.
pub(crate) fn builtin_signature(builtin: Builtin) -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params = vec![AbiParam::new(types::I64); 1 + builtin.params()];
    if builtin.has_result() {
        signature.returns.push(AbiParam::new(types::I64));
    }
    signature
}
