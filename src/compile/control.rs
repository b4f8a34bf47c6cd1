//! Structured control flow: which Cranelift blocks a body's constructs become. Values travel into a block as its
//! parameters. What cannot be reached is not translated: no block is made that nothing branches to.

mod approach;
mod attempt;
mod counter;
mod entry;
mod legacy;
mod table;

use self::attempt::Clause;
pub(crate) use self::entry::{BaselineFrame, LoopEntry};
use self::legacy::Caught;
use super::CompileError;
use super::environ::trap_code;
use super::lower::Lowering;
use super::signature::{RESULT_BYTES, parsed_type, value_type};
use cranelift_codegen::ir::{Block, BlockArg, BlockCall, Inst, InstBuilder, MemFlagsData, Value};
use cranelift_codegen::packed_option::PackedOption;
use latier_runtime::abi::TrapCode;
use wasmparser::{BlockType, Operator};

/// Most values that the constructs of one body may pass into blocks: a few bytes of Wasm can demand a thousand.
const MAX_BLOCK_PARAMS: usize = 1 << 22;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Block,
    Loop,
    /// The then arm of an `if` that takes and gives nothing: the branch goes straight to the exit until there is an
    /// `else`.
    BareIf(Inst),
    /// The then arm of any other `if`, with the block of its else arm.
    If(Block),
    Else,
    /// A `try_table`, with the number of clauses that were open before.
    Try(usize),
    /// The body of a `try`, with the number of clauses that were open before.
    LegacyTry(usize),
    /// A clause of a `try`; `None` if nothing throws to it.
    LegacyCatch(Option<Caught>),
}

/// Whether anything branches to the exit of a construct, as the body's author expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Branched {
    No,
    Improbably,
    Probably,
}

/// A construct that is open and can be reached.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    ty: BlockType,
    /// Where branches to the construct go: a loop's header, else its exit.
    target: Block,
    /// Operands below the construct's own. An `if` keeps its parameters there for its else arm.
    height: usize,
    /// Whether anything branches to the exit.
    branched: Branched,
    /// Whether the else arm of an `if` is improbable.
    cold_else: bool,
    /// While a `br_table` is lowered: the block that passes its operands on to `target`.
    relay: PackedOption<Block>,
}

/// The open constructs, with allocations that outlive a body.
#[derive(Debug, Default)]
pub(crate) struct Control {
    frames: Vec<Frame>,
    /// Constructs opened since the code became unreachable.
    dead: usize,
    reachable: bool,
    /// How many results the function has.
    results: usize,
    /// The address of the area they go to, if they go through memory.
    result_area: Option<Value>,
    /// Values passed into blocks so far.
    passed: usize,
    args: Vec<BlockArg>,
    cases: Vec<BlockCall>,
    relayed: Vec<usize>,
    /// The clauses of the open `try_table`s, in the order of [`Lowering::catches`].
    clauses: Vec<Clause>,
    /// If the body is entered at a loop.
    entry: Option<LoopEntry>,
}

impl Control {
    /// At the start of a body: the function itself is the outermost construct, and its type is that of its body.
    /// `entry` is given if it is entered at a loop.
    pub fn start(
        &mut self,
        f: &mut Lowering<'_>,
        ty: u32,
        result_area: Option<Value>,
        entry: Option<LoopEntry>,
    ) -> Result<(), CompileError> {
        self.frames.clear();
        self.dead = 0;
        self.reachable = true;
        self.results = f.env.func_type(ty).results.len();
        self.result_area = result_area;
        self.passed = 0;
        self.relayed.clear();
        self.clauses.clear();
        self.entry = entry;
        let target = f.builder.create_block();
        self.push(f, Kind::Block, BlockType::FuncType(ty), target, 0)
    }

    /// Whether the next operator can be reached.
    pub fn is_reachable(&self) -> bool {
        self.reachable
    }

    /// Keeps track of constructs in code that cannot be reached.
    pub fn skip(&mut self, op: &Operator<'_>, f: &mut Lowering<'_>) -> Result<(), CompileError> {
        match op {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.dead += 1,
            Operator::TryTable { .. } | Operator::Try { .. } => self.dead += 1,
            Operator::Delegate { .. } if self.dead > 0 => self.dead -= 1,
            Operator::Delegate { relative_depth } => return self.delegate(f, *relative_depth),
            Operator::Catch { tag_index } if self.dead == 0 => return self.legacy_catch(f, Some(*tag_index)),
            Operator::CatchAll if self.dead == 0 => return self.legacy_catch(f, None),
            Operator::End if self.dead > 0 => self.dead -= 1,
            Operator::End => return self.end(f),
            Operator::Else if self.dead == 0 => return self.otherwise(f),
            _ => {}
        }
        Ok(())
    }

    /// Lowers `op` if it is one of control; false if not.
    pub fn lower(&mut self, op: &Operator<'_>, f: &mut Lowering<'_>) -> Result<bool, CompileError> {
        match op {
            Operator::Block { blockty } => self.block(f, *blockty)?,
            Operator::Loop { blockty } => self.repeat(f, *blockty)?,
            Operator::If { blockty } => self.branch_in(f, *blockty)?,
            Operator::Else => self.otherwise(f)?,
            Operator::End => self.end(f)?,
            Operator::Br { relative_depth } => self.jump(f, *relative_depth)?,
            Operator::BrIf { relative_depth } => self.jump_if(f, *relative_depth)?,
            Operator::BrOnNull { relative_depth } => self.jump_if_null(f, *relative_depth)?,
            Operator::BrOnNonNull { relative_depth } => self.jump_unless_null(f, *relative_depth)?,
            Operator::BrTable { targets } => self.jump_table(f, targets)?,
            Operator::TryTable { try_table } => self.attempt(f, try_table)?,
            Operator::Try { blockty } => self.legacy_try(f, *blockty)?,
            Operator::Catch { tag_index } => self.legacy_catch(f, Some(*tag_index))?,
            Operator::CatchAll => self.legacy_catch(f, None)?,
            Operator::Delegate { relative_depth } => self.delegate(f, *relative_depth)?,
            Operator::Rethrow { relative_depth } => self.rethrow(f, *relative_depth),
            Operator::Throw { tag_index } => {
                f.throw(*tag_index);
                self.reachable = false;
            }
            Operator::ThrowRef => {
                f.throw_ref();
                self.reachable = false;
            }
            Operator::Return => self.leave(f),
            Operator::Unreachable => {
                f.ins().trap(trap_code(TrapCode::Unreachable));
                self.reachable = false;
            }
            _ if f.tail_call(op, self.result_area) => self.reachable = false,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn push(
        &mut self,
        f: &mut Lowering<'_>,
        kind: Kind,
        ty: BlockType,
        target: Block,
        height: usize,
    ) -> Result<(), CompileError> {
        self.keep_below(f, height)?;
        let branched = Branched::No;
        self.frames.push(Frame { kind, ty, target, height, branched, cold_else: false, relay: None.into() });
        Ok(())
    }

    fn block(&mut self, f: &mut Lowering<'_>, ty: BlockType) -> Result<(), CompileError> {
        let exit = f.builder.create_block();
        self.push(f, Kind::Block, ty, exit, f.stack.len() - params(f, ty))
    }

    fn repeat(&mut self, f: &mut Lowering<'_>, ty: BlockType) -> Result<(), CompileError> {
        let count = params(f, ty);
        let height = f.stack.len() - count;
        let header = f.builder.create_block();
        self.push(f, Kind::Loop, ty, header, height)?;
        self.arguments(f, count)?;
        if let BlockType::FuncType(ty) = ty {
            for ty in &f.env.func_type(ty).params {
                f.builder.append_block_param(header, value_type(*ty));
            }
        }
        let door = self.door(f, header);
        f.ins().jump(door, &self.args);
        self.land(f, door);
        self.go_in(f, door, header);
        self.enter(f, header, height);
        self.read_below(f, height)?;
        self.pass_through(f);
        Ok(())
    }

    /// `if`.
    fn branch_in(&mut self, f: &mut Lowering<'_>, ty: BlockType) -> Result<(), CompileError> {
        let condition = f.pop();
        let taken = f.builder.create_block();
        let exit = f.builder.create_block();
        let count = params(f, ty);
        if count == 0 && results(f, ty) == 0 {
            let branch = f.ins().brif(condition, taken, &[], exit, &[]);
            self.push(f, Kind::BareIf(branch), ty, exit, f.stack.len())?;
        } else {
            let other = f.builder.create_block();
            f.ins().brif(condition, taken, &[], other, &[]);
            f.builder.seal_block(other);
            self.keep(f, count)?;
            self.push(f, Kind::If(other), ty, exit, f.stack.len() - count)?;
        }
        if f.hint == Some(false) {
            f.builder.set_cold_block(taken);
        }
        self.frames.last_mut().expect("it was just opened").cold_else = f.hint == Some(true);
        f.builder.switch_to_block(taken);
        f.builder.seal_block(taken);
        Ok(())
    }

    /// Doubles the topmost `count` operands.
    fn keep(&mut self, f: &mut Lowering<'_>, count: usize) -> Result<(), CompileError> {
        self.charge(count)?;
        f.stack.extend_from_within(f.stack.len() - count..);
        Ok(())
    }

    /// `else`.
    fn otherwise(&mut self, f: &mut Lowering<'_>) -> Result<(), CompileError> {
        let n = self.frames.len() - 1;
        if self.reachable {
            self.jump_to_frame(f, n)?;
        }
        let Frame { kind, target, height, ty, cold_else, .. } = self.frames[n];
        let other = match kind {
            Kind::BareIf(branch) => {
                let other = f.builder.create_block();
                f.builder.change_jump_destination(branch, target, other);
                f.builder.seal_block(other);
                other
            }
            Kind::If(other) => other,
            _ => unreachable!("a validated else belongs to an if"),
        };
        if cold_else {
            f.builder.set_cold_block(other);
        }
        let count = params(f, ty);
        f.stack.truncate(height);
        f.builder.switch_to_block(other);
        self.read_below(f, height)?;
        f.stack.extend_from_within(height - count..);
        self.frames[n].kind = Kind::Else;
        self.reachable = true;
        Ok(())
    }

    fn end(&mut self, f: &mut Lowering<'_>) -> Result<(), CompileError> {
        let n = self.frames.len() - 1;
        match self.frames[n].kind {
            Kind::Try(open) => self.landings(f, n, open)?,
            Kind::LegacyTry(_) | Kind::LegacyCatch(_) => self.legacy_end(f, n)?,
            _ => {}
        }
        let frame = self.frames[n];
        let mut branched = frame.branched;
        match frame.kind {
            Kind::Loop => {
                f.builder.seal_block(frame.target);
                branched = Branched::No;
            }
            Kind::BareIf(_) => branched = Branched::Probably,
            Kind::If(_) => {
                // Without an else arm, the results are the parameters.
                self.otherwise(f)?;
                branched = Branched::Probably;
            }
            Kind::Block | Kind::Else | Kind::Try(_) | Kind::LegacyTry(_) | Kind::LegacyCatch(_) => {}
        }
        // An `if` kept its parameters below its own operands.
        let kept = match frame.kind {
            Kind::BareIf(_) | Kind::If(_) | Kind::Else => params(f, frame.ty),
            _ => 0,
        };
        let height = frame.height - kept;
        if branched != Branched::No {
            if self.reachable {
                self.jump_to_frame(f, n)?;
            } else if branched == Branched::Improbably {
                f.builder.set_cold_block(frame.target);
            }
            self.enter(f, frame.target, height);
            f.builder.seal_block(frame.target);
            self.read_below(f, height)?;
            self.reachable = true;
        } else if self.reachable {
            f.stack.drain(height..frame.height);
        } else {
            f.stack.truncate(height);
        }
        self.frames.pop();
        if self.frames.is_empty() && self.reachable {
            self.leave(f);
        }
        Ok(())
    }

    /// Goes on in `block`, whose parameters become the operands above `height`.
    fn enter(&mut self, f: &mut Lowering<'_>, block: Block, height: usize) {
        f.builder.switch_to_block(block);
        f.stack.truncate(height);
        f.stack.extend_from_slice(f.builder.block_params(block));
    }

    /// Writes down the topmost `count` operands as arguments of a branch.
    fn arguments(&mut self, f: &Lowering<'_>, count: usize) -> Result<(), CompileError> {
        self.charge(count)?;
        let first = f.stack.len() - count;
        self.args.clear();
        self.args.extend(f.stack[first..].iter().map(|value| BlockArg::Value(*value)));
        Ok(())
    }

    fn charge(&mut self, count: usize) -> Result<(), CompileError> {
        self.passed += count;
        if self.passed > MAX_BLOCK_PARAMS {
            return Err(CompileError {
                message: "too many values passed between blocks".into(),
                offset: None,
            });
        }
        Ok(())
    }

    /// Prepares a branch to construct `n`: writes down its arguments and returns where it goes.
    fn target(&mut self, f: &mut Lowering<'_>, n: usize) -> Result<Block, CompileError> {
        let frame = self.frames[n];
        if matches!(frame.kind, Kind::Loop) {
            self.arguments(f, params(f, frame.ty))?;
            return Ok(frame.target);
        }
        let count = results(f, frame.ty);
        self.arguments(f, count)?;
        let improbable = f.hint == Some(false);
        let branched = if improbable { Branched::Improbably } else { Branched::Probably };
        self.frames[n].branched = frame.branched.max(branched);
        if frame.branched == Branched::No {
            self.charge(count)?;
            add_results(f, frame.ty, frame.target);
        }
        Ok(frame.target)
    }

    fn jump_to_frame(&mut self, f: &mut Lowering<'_>, n: usize) -> Result<(), CompileError> {
        let target = self.target(f, n)?;
        f.ins().jump(target, &self.args);
        self.reachable = false;
        Ok(())
    }

    fn jump(&mut self, f: &mut Lowering<'_>, depth: u32) -> Result<(), CompileError> {
        self.jump_to_frame(f, self.frames.len() - 1 - depth as usize)
    }

    fn jump_if(&mut self, f: &mut Lowering<'_>, depth: u32) -> Result<(), CompileError> {
        let mut condition = f.pop();
        let n = self.frames.len() - 1 - depth as usize;
        if matches!(self.frames[n].kind, Kind::Loop) {
            condition = f.counter_condition(condition);
        }
        let target = self.target(f, n)?;
        let next = f.builder.create_block();
        f.ins().brif(condition, target, &self.args, next, &[]);
        if f.hint == Some(true) {
            f.builder.set_cold_block(next);
        }
        f.builder.switch_to_block(next);
        f.builder.seal_block(next);
        Ok(())
    }

    /// `br_on_null`: the reference is no operand of the branch, and stays if it is not null.
    fn jump_if_null(&mut self, f: &mut Lowering<'_>, depth: u32) -> Result<(), CompileError> {
        let reference = f.pop();
        let target = self.target(f, self.frames.len() - 1 - depth as usize)?;
        let next = f.builder.create_block();
        f.ins().brif(reference, next, &[], target, &self.args);
        f.builder.switch_to_block(next);
        f.builder.seal_block(next);
        f.push(reference);
        Ok(())
    }

    /// `br_on_non_null`: the reference is the branch's last operand, and goes if it is null.
    fn jump_unless_null(&mut self, f: &mut Lowering<'_>, depth: u32) -> Result<(), CompileError> {
        let target = self.target(f, self.frames.len() - 1 - depth as usize)?;
        let reference = f.pop();
        let next = f.builder.create_block();
        f.ins().brif(reference, target, &self.args, next, &[]);
        f.builder.switch_to_block(next);
        f.builder.seal_block(next);
        Ok(())
    }

    /// Returns with the topmost operands.
    fn leave(&mut self, f: &mut Lowering<'_>) {
        let first = f.stack.len() - self.results;
        match self.result_area {
            None => {
                f.builder.ins().return_(&f.stack[first..]);
            }
            Some(area) => {
                for n in 0..self.results {
                    let value = f.stack[first + n];
                    let offset = n as i32 * RESULT_BYTES as i32;
                    f.ins().store(MemFlagsData::trusted(), value, area, offset);
                }
                f.ins().return_(&[]);
            }
        }
        self.reachable = false;
    }
}

/// How many operands a construct of this type takes.
fn params(f: &Lowering<'_>, ty: BlockType) -> usize {
    match ty {
        BlockType::Empty | BlockType::Type(_) => 0,
        BlockType::FuncType(ty) => f.env.func_type(ty).params.len(),
    }
}

/// How many results it gives.
fn results(f: &Lowering<'_>, ty: BlockType) -> usize {
    match ty {
        BlockType::Empty => 0,
        BlockType::Type(_) => 1,
        BlockType::FuncType(ty) => f.env.func_type(ty).results.len(),
    }
}

/// Makes its results the parameters of `exit`.
fn add_results(f: &mut Lowering<'_>, ty: BlockType, exit: Block) {
    match ty {
        BlockType::Empty => {}
        BlockType::Type(ty) => {
            f.builder.append_block_param(exit, parsed_type(ty));
        }
        BlockType::FuncType(ty) => {
            for ty in &f.env.func_type(ty).results {
                f.builder.append_block_param(exit, value_type(*ty));
            }
        }
    }
}
