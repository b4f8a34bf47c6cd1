//! Calls and tail calls: of defined functions straight to code that stays, else through their slot's symbol; of imports
//! and table elements through the slot that their record names.

use super::{Lowering, promotion, tables};
use crate::compile::environ::trap_code;
use crate::compile::signature::{RESULT_BYTES, value_type};
use crate::object::symbol::Symbol;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, SigRef, Value};
use latier_runtime::abi::{CallLayout, FuncIndex, TrapCode};
use latier_runtime::types::{FuncType, ValType};
use latier_runtime::vmctx::{FUNCREF_SLOT, FUNCREF_TYPE_ID, FUNCREF_VMCTX, IMPORT_SLOT, IMPORT_VMCTX};
use wasmparser::Operator;

/// What is called.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    Defined(ir::FuncRef),
    Code(SigRef, Value),
}

/// A call but for its arguments.
struct Call<'a> {
    ty: &'a FuncType,
    vmctx: Value,
    callee: Callee,
}

/// Lowers `op` if it calls and goes on behind the call.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    let target = match *op {
        Operator::Call { function_index } => direct(f, function_index),
        Operator::CallIndirect { type_index, table_index } => {
            let likely = f.env.promote(type_index, table_index);
            if !likely.is_empty() {
                promotion::call(f, type_index, table_index, likely);
                return true;
            }
            indirect(f, type_index, table_index)
        }
        Operator::CallRef { type_index } => reference(f, type_index),
        _ => return false,
    };
    call(f, target);
    true
}

/// Lowers `op` if it is a tail call: then nothing behind it is reached. `area` is where the caller's results go, if
/// they go through memory. The callee's are the same, so they go there too: nothing of the caller's frame is passed.
pub(super) fn lower_tail(op: &Operator<'_>, f: &mut Lowering<'_>, area: Option<Value>) -> bool {
    let target = match *op {
        Operator::ReturnCall { function_index } => direct(f, function_index),
        Operator::ReturnCallIndirect { type_index, table_index } => indirect(f, type_index, table_index),
        Operator::ReturnCallRef { type_index } => reference(f, type_index),
        _ => return false,
    };
    let args = arguments(f, &target, area);
    match target.callee {
        Callee::Defined(callee) => f.ins().return_call(callee, &args),
        Callee::Code(signature, code) => f.ins().return_call_indirect(signature, code, &args),
    };
    f.values = args;
    true
}

/// The vmctx and the code that `op` calls, if it calls what it is given.
pub(super) fn callee(op: &Operator<'_>, f: &mut Lowering<'_>) -> Option<(Value, Value)> {
    let call = match *op {
        Operator::CallIndirect { type_index, table_index }
        | Operator::ReturnCallIndirect { type_index, table_index } => indirect(f, type_index, table_index),
        Operator::CallRef { type_index } | Operator::ReturnCallRef { type_index } => reference(f, type_index),
        _ => return None,
    };
    match call.callee {
        Callee::Code(_, code) => Some((call.vmctx, code)),
        Callee::Defined(_) => None,
    }
}

fn direct<'a>(f: &mut Lowering<'a>, function: u32) -> Call<'a> {
    let index = f.env.module.functions[function as usize];
    let ty = f.env.func_type(index);
    if function >= f.env.module.func_imports {
        let callee = f.env.callee(&mut f.builder, FuncIndex(function));
        return Call { ty, vmctx: f.env.vmctx, callee: Callee::Defined(callee) };
    }
    let signature = f.env.signature(&mut f.builder, index);
    let import = f.env.field(&mut f.builder, Symbol::FuncImport(function));
    let access = f.env.access;
    let slot = f.ins().load(I64, access.fixed, import, IMPORT_SLOT);
    let vmctx = f.ins().load(I64, access.fixed, import, IMPORT_VMCTX);
    let code = f.ins().load(I64, access.slot, slot, 0);
    Call { ty, vmctx, callee: Callee::Code(signature, code) }
}

fn indirect<'a>(f: &mut Lowering<'a>, ty: u32, table: u32) -> Call<'a> {
    let index = f.pop();
    let access = f.env.access;
    let record = tables::load_element(f, table, index);
    // A null record faults here: all of a record lies in the page that is never mapped.
    check_type(f, ty, record, access.nullable_record);
    through(f, ty, record, access.record)
}

/// Traps if the function of `record` is of another type than `ty`; `first` is how the record is read.
pub(super) fn check_type(f: &mut Lowering<'_>, ty: u32, record: Value, first: MemFlagsData) {
    let actual = f.ins().load(I32, first, record, FUNCREF_TYPE_ID);
    let expected = f.env.number(&mut f.builder, Symbol::Type(ty));
    let expected = f.ins().ireduce(I32, expected);
    let differs = f.ins().icmp(IntCC::NotEqual, actual, expected);
    f.ins().trapnz(differs, trap_code(TrapCode::BadSignature));
}

fn reference<'a>(f: &mut Lowering<'a>, ty: u32) -> Call<'a> {
    let record = f.pop();
    // As above: null faults.
    through(f, ty, record, f.env.access.nullable_callee)
}

/// A call of the function of `record`, which is of type `ty`; `first` is how its record is read first.
fn through<'a>(f: &mut Lowering<'a>, ty: u32, record: Value, first: MemFlagsData) -> Call<'a> {
    let access = f.env.access;
    let slot = f.ins().load(I64, first, record, FUNCREF_SLOT);
    let vmctx = f.ins().load(I64, access.record, record, FUNCREF_VMCTX);
    let code = f.ins().load(I64, access.slot, slot, 0);
    let signature = f.env.signature(&mut f.builder, ty);
    Call { ty: f.env.func_type(ty), vmctx, callee: Callee::Code(signature, code) }
}

/// Takes the arguments from the operand stack: all that the callee gets, in the room for lists of arguments.
fn arguments(f: &mut Lowering<'_>, call: &Call<'_>, area: Option<Value>) -> Vec<Value> {
    let mut args = std::mem::take(&mut f.values);
    args.clear();
    args.push(call.vmctx);
    args.extend(area);
    let first = f.stack.len() - call.ty.params.len();
    args.extend(f.stack.drain(first..));
    args
}

/// Takes the arguments from the operand stack, calls, and puts the results there.
fn call(f: &mut Lowering<'_>, target: Call<'_>) {
    let area = result_area(f, target.ty);
    let address = area.map(|area| f.ins().stack_addr(I64, area, 0));
    let args = arguments(f, &target, address);
    emit(f, target.callee, &args);
    f.values = args;
    if let Some(area) = area {
        load_results(f, &target.ty.results, area);
    }
}

/// Where the results of a call go, if they go through memory.
pub(super) fn result_area(f: &mut Lowering<'_>, ty: &FuncType) -> Option<ir::StackSlot> {
    CallLayout::results_in_memory(&ty.results)
        .then(|| f.env.result_area(f.builder.func, RESULT_BYTES * ty.results.len() as u32))
}

/// Calls, and puts those results on the operand stack that do not go through memory.
pub(super) fn emit(f: &mut Lowering<'_>, callee: Callee, args: &[Value]) {
    let signature = match callee {
        Callee::Defined(callee) => f.builder.func.dfg.ext_funcs[callee].signature,
        Callee::Code(signature, _) => signature,
    };
    match f.handlers(signature) {
        Some(table) => {
            match callee {
                Callee::Defined(callee) => f.ins().try_call(callee, args, table),
                Callee::Code(_, code) => f.ins().try_call_indirect(code, args, table),
            };
            let next = f.go_on_behind(table);
            f.stack.extend_from_slice(f.builder.block_params(next));
        }
        None => {
            let call = match callee {
                Callee::Defined(callee) => f.ins().call(callee, args),
                Callee::Code(signature, code) => f.ins().call_indirect(signature, code, args),
            };
            f.stack.extend_from_slice(f.builder.inst_results(call));
        }
    }
}

pub(super) fn load_results(f: &mut Lowering<'_>, results: &[ValType], area: ir::StackSlot) {
    for (ty, n) in results.iter().zip(0u32..) {
        let offset = (n * RESULT_BYTES) as i32;
        let value = f.ins().stack_load(I64, value_type(*ty), area, offset);
        f.push(value);
    }
}
