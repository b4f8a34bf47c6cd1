//! The way from the landing of an entry at a loop to that loop's header, if other loops are around it: through their
//! headers, so that each loop is still entered at its header alone and Cranelift sees what it is.
//!
//! ```text
//!   landing ──► header of the outermost loop ─┬─ entering? ──► gate ──► header of the next ─┬─ entering? ──► gate ──►
//!                                             └─► its body                                  └─► its body
//! ```
//! Whether the loops are only passed through is a variable, which the last gate sets back. Locals that a round
//! of one of the loops writes before it reads them, as an inner loop's counter, are read from the frame there, not in the
//! landing: else their last values would have to live to the next round for the sake of this way.

use super::{BaselineFrame, Control, LoopEntry};
use crate::compile::locals::zero;
use crate::compile::lower::Lowering;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Type};
use cranelift_frontend::Variable;
use wasmparser::{Operator, OperatorsReader};

/// How many operators of a loop are looked at to see which locals it overwrites.
const MOST_LOOKED_AT: usize = 64;

/// The loops around the one to enter at.
#[derive(Debug)]
pub(super) struct Approach {
    /// Where their operators stand, outermost first.
    loops: Vec<u32>,
    /// Locals that a round of one of them writes before it reads them, in order.
    overwritten: Vec<u32>,
    /// The header of the outermost, once it is there, and the types of its own parameters.
    first: Option<(Block, Vec<Type>)>,
    /// The way on from the header that was there last: an empty block.
    gate: Option<Block>,
    /// Whether they are passed through.
    entering: Option<Variable>,
}

impl Approach {
    /// The loops that are open where an operator stands.
    ///
    /// # Errors
    /// When the body is malformed.
    pub(super) fn new(mut reader: OperatorsReader<'_>, offset: u32) -> wasmparser::Result<Approach> {
        let mut open = Vec::new();
        while !reader.eof() && (reader.original_position() as u32) < offset {
            let here = reader.original_position() as u32;
            match reader.read()? {
                Operator::Loop { .. } => open.push(Some((here, reader.clone()))),
                Operator::Block { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. }
                | Operator::Try { .. } => open.push(None),
                Operator::End | Operator::Delegate { .. } => drop(open.pop()),
                _ => {}
            }
        }
        let (mut loops, mut overwritten) = (Vec::new(), Vec::new());
        for (at, inside) in open.into_iter().flatten() {
            loops.push(at);
            add_overwritten(inside, &mut overwritten)?;
        }
        overwritten.sort_unstable();
        overwritten.dedup();
        Ok(Approach { loops, overwritten, first: None, gate: None, entering: None })
    }

    /// Whether there are any.
    pub(super) fn is_long(&self) -> bool {
        !self.loops.is_empty()
    }

    /// Whether a loop is one of them.
    pub(super) fn is_around(&self, offset: u32) -> bool {
        self.loops.contains(&offset)
    }

    /// Leads to the header of a loop around, behind the jump to it.
    pub(super) fn lead(&mut self, f: &mut Lowering<'_>, header: Block) {
        let types = f.builder.block_params(header).iter().map(|param| f.builder.func.dfg.value_type(*param));
        let types = types.collect();
        match self.gate.take() {
            Some(gate) => {
                f.builder.switch_to_block(gate);
                pass(f, header, types);
            }
            None => self.first = Some((header, types)),
        }
    }

    /// At the end of the landing: goes on to the header of the loop to enter at, with these arguments.
    pub(super) fn arrive(
        &mut self,
        f: &mut Lowering<'_>,
        frame: &mut BaselineFrame,
        header: Block,
        args: &[BlockArg],
    ) {
        let (Some((first, types)), Some(gate), Some(entering)) =
            (self.first.take(), self.gate.take(), self.entering)
        else {
            f.ins().jump(header, args);
            return;
        };
        let variables: Vec<_> = args.iter().map(|arg| keep(f, *arg)).collect();
        for (local, ty) in self.overwritten.iter().zip(frame.types(&self.overwritten)) {
            let nothing = zero(&mut f.builder, ty);
            f.builder.def_var(Variable::from_u32(*local), nothing);
        }
        let yes = f.ins().iconst(I32, 1);
        f.builder.def_var(entering, yes);
        pass(f, first, types);
        f.builder.switch_to_block(gate);
        let no = f.ins().iconst(I32, 0);
        f.builder.def_var(entering, no);
        frame.read_again(f, &self.overwritten);
        let args: Vec<_> = variables.iter().map(|v| BlockArg::Value(f.builder.use_var(*v))).collect();
        f.ins().jump(header, &args);
    }
}

/// Adds the locals that a round of a loop writes before it reads them, as far as its first operators show, from where
/// `reader` stands inside of it. Which they are decides about speed alone.
fn add_overwritten(mut reader: OperatorsReader<'_>, locals: &mut Vec<u32>) -> wasmparser::Result<()> {
    let (mut read, mut depth) = (Vec::new(), 0);
    for _ in 0..MOST_LOOKED_AT {
        match reader.read()? {
            Operator::LocalGet { local_index } => read.push(local_index),
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                locals.extend((!read.contains(&local_index)).then_some(local_index));
            }
            Operator::Block { .. } | Operator::Loop { .. } => depth += 1,
            Operator::End if depth > 0 => depth -= 1,
            Operator::End
            | Operator::If { .. }
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable => break,
            _ => {}
        }
    }
    Ok(())
}

/// In a block that is not filled: goes on to a header whose parameters nobody will read.
fn pass(f: &mut Lowering<'_>, header: Block, types: Vec<Type>) {
    let zeros = types.into_iter().map(|ty| BlockArg::Value(zero(&mut f.builder, ty)));
    let zeros: Vec<_> = zeros.collect();
    f.ins().jump(header, &zeros);
}

/// A variable with this value.
fn keep(f: &mut Lowering<'_>, arg: BlockArg) -> Variable {
    let value = arg.as_value().expect("arguments of a jump are values");
    let ty = f.builder.func.dfg.value_type(value);
    let variable = f.builder.declare_var(ty);
    f.builder.def_var(variable, value);
    variable
}

impl Control {
    /// In the header of a loop that was just opened: the way through it, if the loop to enter at is inside.
    pub(super) fn pass_through(&mut self, f: &mut Lowering<'_>) {
        let Some(LoopEntry { approach, here, .. }) = &mut self.entry else { return };
        if !approach.is_around(*here) {
            return;
        }
        let entering = *approach.entering.get_or_insert_with(|| f.builder.declare_var(I32));
        let entering = f.builder.use_var(entering);
        let (gate, body) = (f.builder.create_block(), f.builder.create_block());
        f.ins().brif(entering, gate, &[], body, &[]);
        f.builder.seal_block(gate);
        f.builder.seal_block(body);
        f.builder.switch_to_block(body);
        approach.gate = Some(gate);
    }
}
