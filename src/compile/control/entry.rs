//! Entry at a loop: whatever the code needs is read from the copy of a baseline frame.
//!
//! ```text
//!   entry ──► landing ──► approach ┐
//!                                  ▼
//!   start ──► … what lies before ──► header ──► …
//! ```
//!
//! The body is translated as ever, but nothing leads to its start, and so Cranelift drops what only the start leads
//! to. What was computed there is not known behind the header. So operands below an open construct are variables,
//! as locals are: written where a construct opens, read again where control flow meets.

use super::approach::Approach;
use super::{CompileError, Control, Kind, params};
use crate::compile::environ::Environ;
use crate::compile::homes::{Homes, may_loop};
use crate::compile::locals::zero;
use crate::compile::lower::Lowering;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::{FunctionBuilder, Variable};
use latier_runtime::vmctx::{HEADER_STORE, STORE_OSR_FRAME};
use rustc_hash::FxHashMap;
use wasmparser::{Operator, OperatorsReader};

/// The copy of a baseline frame, which is read from top to bottom.
#[derive(Debug)]
pub(crate) struct BaselineFrame {
    /// What stands for `rbp`.
    base: Value,
    homes: Homes,
    /// The types and homes of the locals and operands above.
    above: Vec<(Type, i32)>,
}

impl BaselineFrame {
    /// In the entry block: the frame of a function with this body.
    pub fn new(
        b: &mut FunctionBuilder<'_>,
        env: &Environ<'_>,
        results_in_memory: bool,
        body: &[u8],
    ) -> BaselineFrame {
        let homes = Homes::new(results_in_memory, may_loop(body));
        BaselineFrame { base: frame(b, env), homes, above: Vec::new() }
    }

    /// The address of the result area.
    pub fn result_area(&self, b: &mut FunctionBuilder<'_>) -> Value {
        b.ins().load(I64, MemFlagsData::trusted(), self.base, Homes::RESULT_AREA)
    }

    /// The next local or operand, which is of type `ty`. (Vectors are not aligned.)
    pub fn next(&mut self, b: &mut FunctionBuilder<'_>, ty: Type) -> Value {
        let home = self.homes.next(ty.bytes().div_ceil(8));
        self.above.push((ty, home));
        self.at(b, ty, home)
    }

    fn at(&self, b: &mut FunctionBuilder<'_>, ty: Type, home: i32) -> Value {
        b.ins().load(ty, MemFlagsData::new().with_notrap(), self.base, home)
    }

    /// Reads these locals again, as long as no code has run that might have copied another frame.
    pub(super) fn read_again(&mut self, f: &mut Lowering<'_>, locals: &[u32]) {
        self.base = frame(&mut f.builder, &f.env);
        for local in locals {
            let (ty, home) = self.above[*local as usize];
            let value = self.at(&mut f.builder, ty, home);
            f.builder.def_var(Variable::from_u32(*local), value);
        }
    }

    /// The types of these locals.
    pub(super) fn types(&self, locals: &[u32]) -> Vec<Type> {
        locals.iter().map(|local| self.above[*local as usize].0).collect()
    }
}

/// What stands for `rbp` of the frame that was copied last.
fn frame(b: &mut FunctionBuilder<'_>, env: &Environ<'_>) -> Value {
    let store = b.ins().load(I64, env.access.fixed, env.vmctx, HEADER_STORE);
    b.ins().load(I64, MemFlagsData::trusted(), store, STORE_OSR_FRAME)
}

/// What translation of a body that is entered at a loop keeps track of.
#[derive(Debug)]
pub(crate) struct LoopEntry {
    /// Where the loop's operator stands.
    offset: u32,
    /// Where the operator stands that is translated.
    pub(super) here: u32,
    /// The operands of the frame, once its locals are read.
    frame: BaselineFrame,
    /// Where what the loop needs is read.
    landing: Block,
    /// The way from there to the loop.
    pub(super) approach: Approach,
    /// Whether the loop was met.
    met: bool,
    /// The variables of the operands below the innermost construct.
    below: Vec<Variable>,
    /// The variable for each place of the operand stack and type.
    variables: FxHashMap<(usize, Type), Variable>,
}

impl LoopEntry {
    /// At the end of the entry block. Translation goes on at the body's start.
    ///
    /// # Errors
    /// When the body is malformed.
    pub fn new(
        b: &mut FunctionBuilder<'_>,
        frame: BaselineFrame,
        offset: u32,
        code: OperatorsReader<'_>,
    ) -> wasmparser::Result<LoopEntry> {
        let approach = Approach::new(code, offset)?;
        let (landing, start) = (b.create_block(), b.create_block());
        b.ins().jump(landing, &[]);
        b.seal_block(landing);
        b.switch_to_block(start);
        b.seal_block(start);
        let (below, variables) = (Vec::new(), FxHashMap::default());
        Ok(LoopEntry { offset, here: 0, frame, landing, approach, met: false, below, variables })
    }
}

fn error(message: &str, offset: u32) -> CompileError {
    CompileError { message: message.into(), offset: Some(offset) }
}

impl Control {
    /// Before `op` is translated, which stands at `offset`.
    pub fn stand_at(&mut self, offset: u32, op: &Operator<'_>) -> Result<(), CompileError> {
        let reachable = self.reachable;
        let Some(entry) = &mut self.entry else { return Ok(()) };
        entry.here = offset;
        match op {
            Operator::Loop { .. } if entry.offset == offset && !reachable => {
                Err(error("the loop cannot be reached", offset))
            }
            // A landing of these has what it caught from a block that an entry need not have come through.
            Operator::Try { .. } => Err(error("no entry at a loop among legacy exceptions", offset)),
            _ => Ok(()),
        }
    }

    /// At the end of the body.
    ///
    /// # Errors
    /// When the loop to enter at was not met.
    pub fn finish(&mut self) -> Result<(), CompileError> {
        match self.entry.take() {
            Some(LoopEntry { met: false, offset, .. }) => Err(error("there is no loop to enter at", offset)),
            _ => Ok(()),
        }
    }

    /// How many variables hold operands.
    pub fn variables(&self) -> usize {
        self.entry.as_ref().map_or(0, |entry| entry.variables.len())
    }

    /// Where a loop that is just opened is entered: at its header, or before it, if there is a way to it through other
    /// loops. What these leave as it is is then one value in the loop, whichever way it came.
    pub(super) fn door(&mut self, f: &mut Lowering<'_>, header: Block) -> Block {
        match &self.entry {
            Some(entry) if entry.offset == entry.here && entry.approach.is_long() => {
                let door = f.builder.create_block();
                for n in 0..f.builder.block_params(header).len() {
                    let ty = f.builder.func.dfg.value_type(f.builder.block_params(header)[n]);
                    f.builder.append_block_param(door, ty);
                }
                door
            }
            _ => header,
        }
    }

    /// In the door of a loop: goes on to the header.
    pub(super) fn go_in(&mut self, f: &mut Lowering<'_>, door: Block, header: Block) {
        if door == header {
            return;
        }
        f.builder.switch_to_block(door);
        f.builder.seal_block(door);
        let args: Vec<_> = f.builder.block_params(door).iter().map(|param| BlockArg::Value(*param)).collect();
        f.ins().jump(header, &args);
    }

    /// A construct opens above `height` operands.
    pub(super) fn keep_below(&mut self, f: &mut Lowering<'_>, height: usize) -> Result<(), CompileError> {
        let Some(entry) = &mut self.entry else { return Ok(()) };
        let known = self.frames.last().map_or(0, |frame| frame.height);
        entry.below.truncate(known);
        for place in known..height {
            let value = f.stack[place];
            let ty = f.builder.func.dfg.value_type(value);
            let variable = entry.variables.entry((place, ty)).or_insert_with(|| f.builder.declare_var(ty));
            f.builder.def_var(*variable, value);
            entry.below.push(*variable);
        }
        self.charge(height - known)
    }

    /// Control flow meets here: the `height` operands below the construct are read again.
    pub(super) fn read_below(&mut self, f: &mut Lowering<'_>, height: usize) -> Result<(), CompileError> {
        let Some(entry) = &self.entry else { return Ok(()) };
        for (value, variable) in f.stack[..height].iter_mut().zip(&entry.below) {
            *value = f.builder.use_var(*variable);
        }
        self.charge(height)
    }

    /// Behind the jump to the header of a loop that was just opened: the landing, if it is the loop to enter at.
    pub(super) fn land(&mut self, f: &mut Lowering<'_>, header: Block) {
        match &mut self.entry {
            Some(entry) if entry.approach.is_around(entry.here) => return entry.approach.lead(f, header),
            Some(entry) if entry.offset == entry.here => {}
            _ => return,
        }
        let mut kept = self.kept(f).into_iter().peekable();
        let Some(entry) = &mut self.entry else { return };
        entry.met = true;
        f.builder.switch_to_block(entry.landing);
        if !f.catches.is_empty() {
            f.env.keep_vmctx(&mut f.builder);
        }
        self.args.clear();
        for (place, value) in f.stack.iter().enumerate() {
            let ty = f.builder.func.dfg.value_type(*value);
            let value = match kept.next_if_eq(&place) {
                Some(_) => zero(&mut f.builder, ty),
                None => entry.frame.next(&mut f.builder, ty),
            };
            match entry.below.get(place) {
                Some(variable) => f.builder.def_var(*variable, value),
                None => self.args.push(BlockArg::Value(value)),
            }
        }
        entry.approach.arrive(f, &mut entry.frame, header, &self.args);
    }

    /// The places of operands that have no home in a baseline frame: what an `if` keeps for its else arm is read
    /// nowhere inside of its arms.
    fn kept(&self, f: &Lowering<'_>) -> Vec<usize> {
        let ifs = self.frames.iter().filter(|frame| matches!(frame.kind, Kind::If(_) | Kind::Else));
        ifs.flat_map(|frame| frame.height - params(f, frame.ty)..frame.height).collect()
    }
}
