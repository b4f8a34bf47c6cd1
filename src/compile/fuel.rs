//! Fuel: what a body takes of its store's, and where it stops for want of it. What operators cost is added up while
//! they are translated, and taken where control flow may go elsewhere or others may look.

use super::environ::trap_code;
use super::lower::Lowering;
use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use latier_runtime::abi::TrapCode;
use latier_runtime::vmctx::{HEADER_STORE, STORE_FUEL};
use wasmparser::Operator;

/// Meters a body while it is translated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    on: bool,
    /// What the operators since fuel was last taken cost. 0 where control flow meets.
    owed: i64,
}

impl Meter {
    /// For a new body, which consumes fuel or does not.
    pub fn new(on: bool) -> Meter {
        Meter { on, owed: 0 }
    }

    /// At the start of the body.
    pub fn start(&self, f: &mut Lowering<'_>) {
        if self.on {
            // Else empty functions could call one another for nothing.
            take(f, 1);
            check(f);
        }
    }

    /// Before `op` is lowered.
    pub fn before(&mut self, op: &Operator<'_>, f: &mut Lowering<'_>) {
        if !self.on {
            return;
        }
        self.owed += cost(op);
        if is_end_of_stretch(op) {
            take(f, std::mem::take(&mut self.owed));
        }
    }

    /// Behind `op`.
    pub fn behind(&self, op: &Operator<'_>, f: &mut Lowering<'_>) {
        if self.on && matches!(op, Operator::Loop { .. }) {
            check(f);
        }
    }
}

/// What an operator costs: the numbers of Wasmtime.
fn cost(op: &Operator<'_>) -> i64 {
    match op {
        Operator::Nop | Operator::Drop | Operator::Block { .. } | Operator::Loop { .. } => 0,
        Operator::Else | Operator::End | Operator::Return | Operator::Unreachable => 0,
        _ => 1,
    }
}

/// Whether control flow may leave or meet here, or others see what is left.
fn is_end_of_stretch(op: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(
        op,
        Loop { .. }
            | If { .. }
            | Else
            | End
            | Br { .. }
            | BrIf { .. }
            | BrTable { .. }
            | BrOnNull { .. }
            | BrOnNonNull { .. }
            | Return
            | Unreachable
            | Call { .. }
            | CallIndirect { .. }
            | CallRef { .. }
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | ReturnCallRef { .. }
            | Throw { .. }
            | ThrowRef
            | Rethrow { .. }
            | Delegate { .. }
            | Catch { .. }
            | CatchAll
    )
}

fn take(f: &mut Lowering<'_>, fuel: i64) {
    if fuel == 0 {
        return;
    }
    let (vmctx, fixed, flags) = (f.env.vmctx, f.env.access.fixed, f.env.access.fuel);
    let store = f.ins().load(I64, fixed, vmctx, HEADER_STORE);
    let left = f.ins().load(I64, flags, store, STORE_FUEL);
    let left = f.ins().iadd_imm_s(left, -fuel);
    f.ins().store(flags, left, store, STORE_FUEL);
}

fn check(f: &mut Lowering<'_>) {
    let (vmctx, fixed, flags) = (f.env.vmctx, f.env.access.fixed, f.env.access.fuel);
    let store = f.ins().load(I64, fixed, vmctx, HEADER_STORE);
    let left = f.ins().load(I64, flags, store, STORE_FUEL);
    let empty = f.ins().icmp_imm_s(IntCC::SignedLessThanOrEqual, left, 0);
    f.ins().trapnz(empty, trap_code(TrapCode::OutOfFuel));
}
