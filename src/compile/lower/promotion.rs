//! Indirect call promotion: calls by a table that holds few functions of the type at first, as direct calls of each. The index
//! says which one it should be, and that it is the one is checked.
//!
//! ```text
//!   record = table[index]              traps if there is none
//!   switch index                       (unless the record is another instance's)
//!     3:  record is f17's? ── yes ──► call f17 ──┐
//!     4:  record is f20's? ── yes ──► call f20 ──┤
//!     any other, or no: call what the record says ┴─► go on
//! ```

use super::calls::{self, Callee};
use super::{Lowering, tables};
use crate::object::symbol::Symbol;
use crate::wasm::FirstElement;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value};
use cranelift_frontend::Switch;
use latier_runtime::abi::FuncIndex;
use latier_runtime::vmctx::{FUNCREF_SLOT, FUNCREF_VMCTX};
use std::collections::HashMap;

/// Calls a function of type `ty` by `table`, which holds `likely` at first.
pub(super) fn call(f: &mut Lowering<'_>, ty: u32, table: u32, likely: &[FirstElement]) {
    let func_type = f.env.func_type(ty);
    let area = calls::result_area(f, func_type);
    let address = area.map(|area| f.ins().stack_addr(I64, area, 0));
    let index = f.pop();
    let record = tables::load_element(f, table, index);
    let access = f.env.access;
    // A null record faults here: all of a record lies in the page that is never mapped.
    let slot = f.ins().load(I64, access.nullable_record, record, FUNCREF_SLOT);
    let vmctx = f.ins().load(I64, access.record, record, FUNCREF_VMCTX);
    let first = f.stack.len() - func_type.params.len();
    let mut args = vec![f.env.vmctx];
    args.extend(address);
    args.extend(f.stack.drain(first..));

    let signature = f.env.signature(&mut f.builder, ty);
    let [other, behind] = [(); 2].map(|()| f.builder.create_block());
    f.builder.set_cold_block(other);
    for n in 0..f.builder.func.dfg.signatures[signature].returns.len() {
        let result = f.builder.func.dfg.signatures[signature].returns[n].value_type;
        f.builder.append_block_param(behind, result);
    }
    for (function, arm) in switch(f, index, vmctx, likely, other) {
        f.builder.switch_to_block(arm);
        f.builder.seal_block(arm);
        let expected = f.env.number(&mut f.builder, Symbol::Slot(function.0));
        let is_it = f.ins().icmp(IntCC::Equal, slot, expected);
        let found = f.builder.create_block();
        f.ins().brif(is_it, found, &[], other, &[]);
        f.builder.switch_to_block(found);
        f.builder.seal_block(found);
        let callee = f.env.callee(&mut f.builder, function);
        arm_calls(f, Callee::Defined(callee), &args, behind);
    }

    f.builder.switch_to_block(other);
    f.builder.seal_block(other);
    calls::check_type(f, ty, record, access.record);
    let code = f.ins().load(I64, access.slot, slot, 0);
    args[0] = vmctx;
    arm_calls(f, Callee::Code(signature, code), &args, behind);

    f.builder.switch_to_block(behind);
    f.builder.seal_block(behind);
    match area {
        Some(area) => calls::load_results(f, &func_type.results, area),
        None => f.stack.extend_from_slice(f.builder.block_params(behind)),
    }
}

/// Goes to a new block by the index of an element, if the function is this instance's and one is likely there, else to
/// `other`. Gives the functions with their blocks, which are reached from here alone.
fn switch(
    f: &mut Lowering<'_>,
    index: Value,
    vmctx: Value,
    likely: &[FirstElement],
    other: Block,
) -> Vec<(FuncIndex, Block)> {
    let mut switch = Switch::new();
    let (mut arms, mut known) = (Vec::new(), HashMap::new());
    for element in likely {
        let arm = *known.entry(element.function).or_insert_with(|| {
            let arm = f.builder.create_block();
            arms.push((element.function, arm));
            arm
        });
        switch.set_entry(u128::from(element.at), arm);
    }
    let own = f.builder.create_block();
    let this = f.env.vmctx;
    let is_own = f.ins().icmp(IntCC::Equal, vmctx, this);
    f.ins().brif(is_own, own, &[], other, &[]);
    f.builder.switch_to_block(own);
    f.builder.seal_block(own);
    switch.emit(&mut f.builder, index, other);
    arms
}

/// Calls, and goes on behind with the results that do not go through memory.
fn arm_calls(f: &mut Lowering<'_>, callee: Callee, args: &[Value], behind: Block) {
    let depth = f.stack.len();
    calls::emit(f, callee, args);
    let results: Vec<BlockArg> = f.stack.drain(depth..).map(BlockArg::Value).collect();
    f.ins().jump(behind, &results);
}
