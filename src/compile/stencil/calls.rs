//! Calls, the body's beginning and its end: arguments and results go where `latier_runtime::abi::CallLayout` says.

use super::code::{ARGUMENTS, KEPT, R10, RAX, RDI, RESULTS, RSI, SCRATCH_FLOAT};
use super::form::{Exit, Ty};
use super::operand::{At, Entry, Local, register_of};
use super::pass::{Pass, Result};
use super::table::Row;
use super::tail::OWN_ARGUMENTS;
use crate::compile::homes::Homes;
use crate::object::symbol::Symbol;
use latier_runtime::abi::{CallLayout, Loc};
use latier_runtime::types::FuncType;
use latier_runtime::vmctx::{HEADER_STORE, IMPORT_SLOT, IMPORT_VMCTX, STORE_ENTRY_LIMIT};
use wasmparser::Operator;

/// More words of locals than this are set to zero by one instruction, which is short but slow to start.
const ZERO_IN_PAIRS: i32 = 24;

/// Where the prologue has numbers that are known in the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prologue {
    /// The frame's size, less than it.
    limit: u32,
    size: u32,
}

/// What is called.
pub(super) enum Callee {
    Defined(u32),
    Import(u32),
    /// Its code is in `r10` when its arguments are in place, and its vmctx already is.
    Given,
}

/// Where the arguments of a call begin that travel on the stack.
#[derive(Clone, Copy)]
pub(super) enum Arguments {
    /// At `rsp`.
    Below,
    /// So far from `rbp`, above the frame.
    Above(i32),
}

impl<'a> Pass<'a> {
    /// The body's beginning: the frame, and parameters and locals at home.
    pub(super) fn prologue(&mut self) -> Prologue {
        // push rbp; mov rbp, rsp; mov rax, [rdi + store]; lea r10, [rsp - size]; cmp r10, [rax + limit]; jb safepoint
        self.b.code.put(&[0x55, 0x48, 0x89, 0xe5]);
        self.b.code.load_from(RAX, RDI, HEADER_STORE as u8);
        self.b.code.put(&[0x4c, 0x8d, 0x94, 0x24, 0, 0, 0, 0]);
        let limit = self.b.code.at() - 4;
        self.b.code.put(&[0x4c, 0x3b, 0x50, STORE_ENTRY_LIMIT as u8, 0x0f, 0x82, 0, 0, 0, 0]);
        self.safepoint_at(self.b.code.at() - 4, 0);
        self.b.code.lower_stack(0);
        let size = self.b.code.at() - 4;
        self.b.code.store(RDI, Ty::I64, Homes::VMCTX);
        let (ty, layout) = self.signature(self.ty);
        if layout.result_area_bytes > 0 {
            self.b.code.store(RSI, Ty::I64, Homes::RESULT_AREA);
        }
        for (n, place) in layout.params.iter().enumerate() {
            let Local { ty, displacement, .. } = self.b.locals[n];
            match *place {
                Loc::Gpr(n) => self.b.code.store(ARGUMENTS[usize::from(n)], ty, displacement),
                Loc::Fpr(n) => self.b.code.store(n, ty, displacement),
                Loc::Mem(at) => self.b.code.copy(ty, OWN_ARGUMENTS + at as i32, displacement),
            }
        }
        self.zero_locals(ty.params.len());
        self.load_memory0();
        Prologue { limit, size }
    }

    /// Zeros the body's own locals, the first of which is `first`, and the count of samples.
    fn zero_locals(&mut self, first: usize) {
        let count = self.homes.activation();
        let Some(last) = self.b.locals.get(first..).and_then(<[Local]>::last) else {
            count.into_iter().for_each(|place| self.b.code.store_number(Ty::I64, 0, place));
            return;
        };
        let (bottom, top) = (last.displacement, self.b.locals[first]);
        let words = (top.displacement + 8 * top.ty.words() as i32 - bottom) / 8;
        if words == 1 {
            self.b.code.number(RAX, 0);
            let places = [bottom].into_iter().chain(count);
            places.for_each(|place| self.b.code.store(RAX, Ty::I64, place));
            return;
        }
        if words <= ZERO_IN_PAIRS {
            // Float arguments are no longer in their registers. The last two pairs may have a word in common.
            self.b.code.float_zero(0);
            let last = bottom + 8 * (words - 2);
            let pairs = (bottom..bottom + 8 * words).step_by(16).map(|place| place.min(last));
            pairs.for_each(|place| self.b.code.store(0, Ty::V128, place));
            count.into_iter().for_each(|place| self.b.code.store(0, Ty::F64, place));
            return;
        }
        // lea rdi, [bottom]; mov ecx, words; xor eax, eax; rep stosq; mov rdi, [vmctx]
        self.b.code.address(RDI, bottom);
        self.b.code.number(super::code::RCX, i64::from(words));
        self.b.code.number(RAX, 0);
        self.b.code.put(&[0xf3, 0x48, 0xab]);
        count.into_iter().for_each(|place| self.b.code.store(RAX, Ty::I64, place));
        self.b.code.load(RDI, Ty::I64, Homes::VMCTX);
    }

    /// Writes what is known in the end: how large the frame is, and what depends on it.
    pub(super) fn frame(&mut self, prologue: Prologue) {
        let kept = if self.b.kept_places.is_empty() { 0 } else { KEPT.len() as u32 };
        let kept_at = self.homes.bytes() + 8 * (self.words + kept);
        let area_at = (kept_at + self.area).next_multiple_of(16);
        let size = (area_at + self.spill).next_multiple_of(16);
        self.b.code.set_word(prologue.limit, -size.cast_signed());
        self.b.code.set_word(prologue.size, size.cast_signed());
        for (place, inside) in std::mem::take(&mut self.b.area_places) {
            self.b.code.set_word(place, inside as i32 - area_at as i32);
        }
        for (place, n) in std::mem::take(&mut self.b.kept_places) {
            self.b.code.set_word(place, (8 * n).cast_signed() - kept_at.cast_signed());
        }
        for handler in &mut self.b.handlers {
            (handler.frame_bytes, handler.vmctx_at) = (size, size.wrapping_add_signed(Homes::VMCTX));
        }
    }

    /// Returns with the topmost operands. Changes nothing of what is known of them.
    pub(super) fn leave(&mut self) {
        let (ty, layout) = self.signature(self.ty);
        let first = self.b.stack.len() - ty.results.len();
        if let [Loc::Gpr(_) | Loc::Fpr(_)] = *layout.results {
            self.value_to(0, self.b.stack[first]);
        } else if !ty.results.is_empty() {
            self.several_results(layout, first);
        }
        self.put_back(0);
        self.b.code.put(&[0xc9]);
        match layout.stack_bytes {
            0 => self.b.code.put(&[0xc3]),
            bytes => {
                self.b.code.put(&[0xc2]);
                self.b.code.put(&(bytes as u16).to_le_bytes());
            }
        }
    }

    /// Brings the operands from `first` on where results go.
    fn several_results(&mut self, layout: &CallLayout, first: usize) {
        if layout.result_area_bytes > 0 {
            self.b.code.load(R10, Ty::I64, Homes::RESULT_AREA);
        }
        self.suspend();
        // Results in registers may lie in others' registers: those first that are nowhere in the way.
        let mut late = Vec::new();
        for (n, place) in layout.results.iter().enumerate() {
            let entry = self.b.stack[first + n];
            match *place {
                Loc::Mem(at) => self.store_result(entry, at),
                _ if entry.at == At::Register => {
                    let home = self.home(&entry);
                    self.b.code.store(register_of(entry.slot), entry.ty, home);
                    late.push((Entry { at: At::Frame, ..entry }, *place));
                }
                place => late.push((entry, place)),
            }
        }
        // Float constants come by way of an integer register.
        late.sort_by_key(|(entry, _)| !entry.ty.is_float());
        for (entry, loc) in late {
            let reg = match loc {
                Loc::Gpr(n) => RESULTS[usize::from(n)],
                Loc::Fpr(n) => n,
                Loc::Mem(_) => continue,
            };
            self.value_to(reg, entry);
        }
        self.resume();
    }

    /// The function type with this type index, and how functions of it are called.
    #[inline]
    pub(super) fn signature(&self, index: u32) -> (&'a FuncType, &'a CallLayout) {
        (&self.module.func_types[index as usize], self.module.call_layout(index))
    }

    /// Brings a result to the area whose address is in `r10`.
    fn store_result(&mut self, entry: Entry, at: u32) {
        let reg = if entry.ty.is_float() { SCRATCH_FLOAT } else { RAX };
        self.value_to(reg, entry);
        self.b.code.store_to(R10, at, reg, entry.ty);
    }

    /// Compiles `op` if it calls; false if not.
    pub(super) fn calls(&mut self, op: &Operator<'_>, bytes: &[u8]) -> Result<bool> {
        match *op {
            Operator::Call { function_index } => self.call_function(function_index)?,
            Operator::CallIndirect { type_index, .. } | Operator::CallRef { type_index } => {
                let (row, _) = self.row(op, bytes, 1)?;
                self.call_given(type_index, row, bytes)?;
            }
            _ => return self.tail_calls(op, bytes),
        }
        Ok(true)
    }

    /// Calls a function of the module.
    pub(super) fn call_function(&mut self, function: u32) -> Result<()> {
        let callee = self.direct(function);
        self.call(self.module.functions[function as usize], callee)
    }

    pub(super) fn direct(&self, function: u32) -> Callee {
        if function < self.module.func_imports { Callee::Import(function) } else { Callee::Defined(function) }
    }

    /// Calls what the top operand says, a function of this type: the stencils of `row` find it.
    pub(super) fn call_given(&mut self, ty: u32, row: &'static Row, bytes: &[u8]) -> Result<()> {
        self.given(row, bytes)?;
        self.call(ty, Callee::Given)
    }

    /// Finds out what is called: the top operand says it. Its code goes to `r10`, its vmctx in place.
    pub(super) fn given(&mut self, row: &'static Row, bytes: &[u8]) -> Result<()> {
        let below = self.b.stack.len() - 1;
        // It uses registers of operands, among them those of arguments.
        for place in self.flushed..below {
            if self.b.stack[place].at == At::Register {
                self.spill(place);
            }
        }
        if matches!(self.top().at, At::Constant(_)) {
            self.enregister(below);
        }
        self.stitch(row, bytes, 0, Exit::Next)?;
        self.b.code.register(R10, super::code::INTS[0], Ty::I64);
        Ok(())
    }

    /// Brings the topmost operands where a call of this type has its arguments. All operands below are at home.
    pub(super) fn arguments(&mut self, layout: &CallLayout, to: Arguments) {
        let first = self.b.stack.len() - layout.params.len();
        let on_stack = if layout.stack_bytes > 0 { &layout.params[..] } else { &[] };
        for (place, loc) in (first..).zip(on_stack) {
            let Loc::Mem(at) = *loc else { continue };
            self.spill(place);
            let entry = self.b.stack[place];
            let (reg, ty) = match entry.ty {
                Ty::V128 => (SCRATCH_FLOAT, Ty::V128),
                Ty::I32 | Ty::F32 => (RAX, Ty::I32),
                Ty::I64 | Ty::F64 => (RAX, Ty::I64),
            };
            self.b.code.load(reg, ty, self.home(&entry));
            match to {
                Arguments::Below => self.b.code.store_argument(reg, ty, at as i32),
                Arguments::Above(first) => self.b.code.store(reg, ty, first + at as i32),
            }
        }
        self.register_arguments(layout, first);
        for (place, loc) in (first..).zip(&layout.params) {
            let entry = self.b.stack[place];
            match *loc {
                _ if entry.at == At::Register => {}
                Loc::Gpr(n) => self.value_to(ARGUMENTS[usize::from(n)], entry),
                Loc::Fpr(n) => self.value_to(n, entry),
                Loc::Mem(_) => {}
            }
        }
    }

    /// Moves arguments from operands' registers to their own: each when no other argument is in its register any
    /// more. Those that stand in each other's way go home.
    fn register_arguments(&mut self, layout: &CallLayout, first: usize) {
        let mut moves = [(0, 0, 0); 6];
        let mut count = 0;
        for (place, loc) in (first..).zip(&layout.params) {
            let entry = self.b.stack[place];
            if entry.at != At::Register {
                continue;
            }
            // Float registers are told from others by a bit.
            let (to, float) = match *loc {
                Loc::Gpr(n) => (ARGUMENTS[usize::from(n)], 0),
                Loc::Fpr(n) => (n, 0x40),
                Loc::Mem(_) => continue,
            };
            moves[count] = (to | float, register_of(entry.slot) | float, place);
            count += 1;
        }
        let mut moves = &mut moves[..count];
        while !moves.is_empty() {
            let free = moves
                .iter()
                .position(|(to, ..)| moves.iter().all(|(other, from, _)| from != to || other == to));
            let n = free.unwrap_or(0);
            let (to, from, place) = moves[n];
            match free {
                Some(_) => self.b.code.register(to & 0x3f, from & 0x3f, self.b.stack[place].ty),
                None => self.spill(place),
            }
            let last = moves.len() - 1;
            moves.swap(n, last);
            moves = &mut moves[..last];
        }
    }

    fn call(&mut self, ty: u32, callee: Callee) -> Result<()> {
        let (ty, layout) = self.signature(ty);
        self.flush(self.b.stack.len() - ty.params.len());
        if layout.stack_bytes > 0 {
            self.b.code.lower_stack(layout.stack_bytes);
        }
        self.suspend();
        self.arguments(layout, Arguments::Below);
        if layout.result_area_bytes > 0 {
            self.area = self.area.max(layout.result_area_bytes);
            let place = self.b.code.address_later(RSI);
            self.b.area_places.push((place, 0));
        }
        match callee {
            Callee::Defined(function) => {
                // call [rip + slot]
                self.b.code.put(&[0x48, 0xff, 0x15, 0, 0, 0, 0]);
                let place = self.b.code.at() - 4;
                self.relocate(place, Symbol::Func(function));
            }
            Callee::Import(function) => {
                self.import(function);
                self.b.code.put(&[0xff, 0x10]);
            }
            Callee::Given => self.b.code.put(&[0x41, 0xff, 0xd2]),
        }
        let returned = self.b.code.at();
        self.called(returned);
        self.truncate(self.b.stack.len() - ty.params.len());
        self.forget();
        self.results(ty, layout);
        self.reload();
        Ok(())
    }

    /// The vmctx of an imported function in place, the address of its slot in `rax`.
    pub(super) fn import(&mut self, function: u32) {
        let place = self.b.code.load_symbol(RAX);
        self.relocate(place, Symbol::FuncImport(function));
        // add rax, rdi
        self.b.code.put(&[0x48, 0x01, 0xf8]);
        self.b.code.load_from(RDI, RAX, IMPORT_VMCTX as u8);
        self.b.code.load_from(RAX, RAX, IMPORT_SLOT as u8);
    }

    /// Puts a call's results on the operand stack.
    fn results(&mut self, ty: &FuncType, layout: &CallLayout) {
        let first = self.b.stack.len();
        if let [result] = *ty.results {
            let ty = Ty::of(result);
            let reg = super::operand::register(ty, first);
            self.b.code.register(reg, 0, ty);
            self.push_register(ty);
            return;
        }
        for (ty, place) in ty.results.iter().zip(&layout.results) {
            let ty = Ty::of(*ty);
            self.push(At::Frame, ty);
            let home = self.home(&self.top());
            match *place {
                Loc::Gpr(n) => self.b.code.store(RESULTS[usize::from(n)], ty, home),
                Loc::Fpr(n) => self.b.code.store(n, ty, home),
                Loc::Mem(at) => {
                    let (reg, as_ty) = match ty {
                        Ty::V128 => (SCRATCH_FLOAT, ty),
                        Ty::I32 | Ty::F32 => (RAX, Ty::I32),
                        Ty::I64 | Ty::F64 => (RAX, Ty::I64),
                    };
                    let place = self.b.code.load_later(reg, as_ty);
                    self.b.area_places.push((place, at));
                    self.b.code.store(reg, as_ty, home);
                }
            }
        }
        self.flushed = self.b.stack.len();
    }
}
