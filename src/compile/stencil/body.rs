//! The backend: one pass over a body's operators, then the object.

use super::form::{Class, Exit, Ty};
use super::operand::{At, Entry as Operand, Hold, Local, NO_REGISTER, NONE, register_of, slots};
use super::operator;
use super::pass::{Buffers, Pass, Result, unsupported};
use super::quick::{is_comparison, negations};
use super::table::Table;
use crate::compile::homes::{Homes, may_loop};
use crate::compile::{Backend, CompileError, Compiled, Entry, FunctionBody};
use latier_runtime::abi::CallLayout;
use latier_runtime::handlers;
use latier_runtime::module::ModuleDesc;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use wasmparser::{BinaryReader, Operator, OperatorsReader, OperatorsReaderAllocations};

/// Bodies stitched together from stencils.
pub struct StencilBackend {
    relaxed_simd_deterministic: bool,
    /// Where stencils are kept, if they are.
    directory: Option<PathBuf>,
    /// Buffers that no compilation uses.
    pool: Mutex<Vec<Buffers>>,
}

impl StencilBackend {
    /// A backend whose relaxed operators on vectors give the same results on every machine, or need not. Stencils are
    /// kept in `directory` for other processes, if one is given.
    pub fn new(relaxed_simd_deterministic: bool, directory: Option<PathBuf>) -> StencilBackend {
        StencilBackend { relaxed_simd_deterministic, directory, pool: Mutex::default() }
    }
}

impl Backend for StencilBackend {
    fn compile(
        &self,
        module: &ModuleDesc,
        body: FunctionBody<'_>,
    ) -> std::result::Result<Compiled, CompileError> {
        if let Entry::Loop(_) = body.entry {
            return Err(*unsupported("entry at a loop"));
        }
        let table = Table::get(self.relaxed_simd_deterministic).map_err(|e| *unsupported(e))?;
        if let Some(directory) = &self.directory {
            table.load(directory);
        }
        let pooled = self.pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffers = pooled.unwrap_or_default();
        buffers.begin(operator::memory0_facts(module));
        let mut pass = Pass::new(module, table, buffers, body);
        let compiled = pass.body();
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(pass.b);
        compiled.map_err(|e| *e)
    }

    fn keep(&self) {
        if let Some(directory) = &self.directory
            && let Ok(table) = Table::get(self.relaxed_simd_deterministic)
        {
            table.save(directory);
        }
    }
}

/// The operator at the start of `bytes` and how long it is, if it is one that stands between parts of a construct:
/// by itself it is none of the reader's, which begins anew at each operator.
fn between(bytes: &[u8]) -> Result<Option<(Operator<'_>, usize)>> {
    let mut reader = BinaryReader::new(&bytes[1..], 0);
    let op = match bytes[0] {
        0x05 => Operator::Else,
        0x07 => Operator::Catch { tag_index: reader.read_var_u32()? },
        0x18 => Operator::Delegate { relative_depth: reader.read_var_u32()? },
        0x19 => Operator::CatchAll,
        _ => return Ok(None),
    };
    Ok(Some((op, 1 + reader.current_position())))
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        module: &'a ModuleDesc,
        table: &'static Table,
        b: Buffers,
        body: FunctionBody<'a>,
    ) -> Pass<'a> {
        Pass {
            module,
            table,
            b,
            bytes: body.bytes,
            read_to: 0,
            ty: module.functions[body.index.0 as usize],
            holds: [Hold::NOTHING; 8],
            flushed: 0,
            homes: Homes::default(),
            words: 0,
            spill: 0,
            area: 0,
            offset: 0,
            reachable: true,
            dead: 0,
            trace: None,
        }
    }

    pub(super) fn body(&mut self) -> Result<Compiled> {
        let ty = self.module.func_types[self.ty as usize].clone();
        let mut homes = Homes::new(CallLayout::results_in_memory(&ty.results), may_loop(self.bytes));
        let mut declare = |locals: &mut Vec<Local>, ty: Ty| {
            let displacement = homes.next(ty.words());
            locals.push(Local { ty, displacement, used: 0, register: NO_REGISTER, gain: 0 });
        };
        ty.params.iter().for_each(|ty| declare(&mut self.b.locals, Ty::of(*ty)));
        let parsed = wasmparser::FunctionBody::new(BinaryReader::new(self.bytes, 0));
        let mut locals = parsed.get_locals_reader()?;
        for _ in 0..locals.get_count() {
            let (count, ty) = locals.read()?;
            (0..count).for_each(|_| declare(&mut self.b.locals, Ty::of_parsed(ty)));
        }
        self.homes = homes;
        let prologue = self.prologue();
        self.start(self.ty);
        self.operators(locals.original_position() as usize)?;
        if let Some(trace) = &mut self.trace {
            trace.end(self.b.code.at());
        }
        self.finish();
        self.frame(prologue);
        Ok(self.object())
    }

    fn object(&mut self) -> Compiled {
        let mut handlers = Vec::new();
        handlers::encode(&self.b.handlers, &mut handlers);
        let Buffers { code, relocations, sites, writer, .. } = &mut self.b;
        let object = writer.object(code.bytes(), 16, relocations, sites.bytes(), &handlers);
        Compiled { object, symbols: self.b.symbols.iter().copied().collect() }
    }

    /// An error of the operator at hand, if it says nothing else.
    fn here(&self, mut e: Box<CompileError>) -> Box<CompileError> {
        e.offset = e.offset.or(Some(self.offset));
        e
    }

    /// Compiles the operators of a body, from `start` on.
    fn operators(&mut self, start: usize) -> Result<()> {
        let body = self.bytes;
        let (mut at, mut allocations) = (start, OperatorsReaderAllocations::default());
        while at < body.len() {
            self.offset = at as u32;
            if self.trace.is_none() {
                at = self.quick(at).map_err(|e| self.here(e))?;
                if at == body.len() {
                    break;
                }
                self.offset = at as u32;
            }
            let rest = BinaryReader::new(&body[at..], at as u64);
            let mut reader = OperatorsReader::new_with_allocs(rest, allocations);
            let (op, end) = match between(&body[at..])? {
                Some((op, len)) => (op, at + len),
                None => (reader.read()?, reader.original_position() as usize),
            };
            let bytes = &body[at..end];
            self.bounded()?;
            at = end;
            if let Some(trace) = &mut self.trace {
                trace.operator(&op, self.offset, self.b.code.at());
            }
            let done = if !self.reachable {
                self.skip(&op)
            } else if is_comparison(bytes[0])
                && let Some(negations) = negations(&body[end..])
            {
                for _ in 0..negations {
                    reader.read()?;
                }
                let next = reader.read()?;
                at = reader.original_position() as usize;
                self.compare_and_branch(&op, bytes, negations, &next)
            } else {
                self.operator(&op, bytes)
            };
            done.map_err(|e| self.here(e))?;
            allocations = reader.into_allocations();
        }
        Ok(())
    }

    fn compare_and_branch(
        &mut self,
        op: &Operator<'_>,
        bytes: &[u8],
        negations: usize,
        next: &Operator<'_>,
    ) -> Result<()> {
        let count = operator::operands(op).unwrap_or(0);
        match *next {
            Operator::If { blockty } => {
                self.flush(self.b.stack.len() - count);
                let chain = self.plain(op, bytes, Exit::BranchUnless.negated(negations))?;
                self.enter_if(blockty, chain);
                Ok(())
            }
            Operator::BrIf { relative_depth } => {
                let condition = |pass: &mut Self, exit: Exit| pass.plain(op, bytes, exit.negated(negations));
                self.conditional(relative_depth, count, condition)
            }
            _ => unreachable!("the opcode says which it is"),
        }
    }

    fn operator(&mut self, op: &Operator<'_>, bytes: &[u8]) -> Result<()> {
        match *op {
            Operator::LocalGet { local_index } => self.local_get(local_index),
            Operator::LocalSet { local_index } => self.local_set(local_index, false),
            Operator::LocalTee { local_index } => self.local_set(local_index, true),
            Operator::I32Const { value } => self.push(At::Constant(i64::from(value)), Ty::I32),
            Operator::I64Const { value } => self.push(At::Constant(value), Ty::I64),
            Operator::F32Const { value } => self.push(At::Constant(i64::from(value.bits())), Ty::F32),
            Operator::F64Const { value } => self.push(At::Constant(value.bits().cast_signed()), Ty::F64),
            Operator::V128Const { value } => self.vector(*value.bytes()),
            Operator::RefNull { .. } => self.push(At::Constant(0), Ty::I64),
            Operator::Nop => {}
            Operator::Drop => {
                self.pop();
            }
            _ => {
                if !self.control(op, bytes)? && !self.calls(op, bytes)? {
                    self.plain(op, bytes, Exit::Next)?;
                }
            }
        }
        Ok(())
    }

    /// Puts a constant vector on the operand stack: in its register, from behind the code.
    fn vector(&mut self, bytes: [u8; 16]) {
        let place = self.b.stack.len();
        self.free(Ty::V128, place);
        let reg = super::operand::register(Ty::V128, place);
        if bytes == [0; 16] {
            self.b.code.float_zero(reg);
        } else {
            let inside = self.pool_vectors(&bytes);
            let place = self.b.code.load_vector(reg);
            self.b.pool_places.push((place, 4, inside));
        }
        self.push_register(Ty::V128);
    }

    pub(super) fn local_get(&mut self, local: u32) {
        let Local { ty, register, .. } = self.b.locals[local as usize];
        let (rotation, word) = self.next_place();
        let slot = slots(ty) + rotation;
        let hold = *self.hold(slot);
        let same = hold.local == local;
        if hold.entry == NONE
            && (same || register == NO_REGISTER)
            && let Some(other) = (slots(ty)..slots(ty) + 3).find(|slot| self.hold(*slot).local == local)
        {
            // A register is nearer than the frame, where the local may have arrived only now.
            if !same {
                self.b.code.register(register_of(slot), register_of(other), ty);
            }
            self.push_register(ty);
            self.hold(slot).local = local;
            return;
        }
        self.b.locals[local as usize].used += 1;
        self.words = self.words.max(word + ty.words());
        self.b.stack.push(Operand { at: At::Local(local), ty, slot, class: Some(Class::Memory), word });
    }

    pub(super) fn local_set(&mut self, local: u32, tee: bool) {
        let entry = self.top();
        // A local that becomes what it is.
        if entry.at == At::Local(local) {
            if !tee {
                self.pop();
            }
            return;
        }
        if self.b.locals[local as usize].used > 0 {
            self.save(local, self.b.stack.len() - 1);
        }
        for slot in slots(entry.ty)..slots(entry.ty) + 3 {
            let hold = self.hold(slot);
            if hold.local == local {
                hold.local = NONE;
            }
        }
        if entry.at == At::Register {
            self.hold(entry.slot).local = local;
        }
        let Local { ty, displacement, register, .. } = self.b.locals[local as usize];
        if register == NO_REGISTER {
            self.value_at(displacement, entry);
        } else {
            self.value_to(register, entry);
            self.b.code.store(register, ty, displacement);
        }
        if !tee {
            self.pop();
        }
    }

    /// Before a local changes: operands below `height` that are in it go home.
    fn save(&mut self, local: u32, height: usize) {
        let mut place = height;
        while self.b.locals[local as usize].used > 0 && place > 0 {
            place -= 1;
            if self.b.stack[place].at == At::Local(local) {
                self.spill(place);
            }
        }
    }
}
