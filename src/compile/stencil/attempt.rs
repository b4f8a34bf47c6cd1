//! `try_table` and throws: which handlers a call has, and where these land.

use super::code::{KEPT, RAX, RCX, SCRATCH_FLOAT};
use super::control::Kind;
use super::form::Ty;
use super::operand::At;
use super::pass::{Pass, Result};
use crate::compile::CatchClause;
use crate::object::symbol::Symbol;
use latier_runtime::handlers::{CATCH_ALL, Handler};
use latier_runtime::vmctx::EXCEPTION_VALUES;
use wasmparser::{Operator, TryTable};

/// The bytes of `throw_ref`.
const THROW_REF: [u8; 1] = [0x0a];
/// Bytes between the values of an exception.
const VALUE_BYTES: u32 = 16;

/// A clause of an open `try_table`, or what stands for all of a `try`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clause {
    pub(super) tag: Option<u32>,
    pub(super) with_ref: bool,
    /// The construct that it branches to.
    pub(super) construct: usize,
    /// Handlers that lead here, by their numbers plus one: the last, each holds the one before it.
    pub(super) handlers: u32,
}

impl Pass<'_> {
    pub(super) fn attempt(&mut self, try_table: &TryTable) {
        let (outer, open) = (self.b.constructs.len(), self.b.clauses.len());
        let height = self.b.stack.len() - self.params_of(try_table.ty);
        self.flush(height);
        self.open(Kind::Try(open), try_table.ty, height);
        if open == 0 && !try_table.catches.is_empty() {
            self.keep_registers();
        }
        for catch in try_table.catches.iter().rev() {
            let CatchClause { tag, label, with_ref } = CatchClause::from(catch);
            let construct = outer - 1 - label as usize;
            self.b.clauses.push(Clause { tag, with_ref, construct, handlers: 0 });
        }
    }

    /// A call returns to here: what it throws goes to the open clauses. Until these are closed, a handler's landing
    /// is the number of the handler before it.
    pub(super) fn called(&mut self, return_offset: u32) {
        self.site(return_offset, latier_runtime::sites::SiteKind::Call);
        for n in (0..self.b.clauses.len()).rev() {
            let clause = self.b.clauses[n];
            let tag = clause.tag.map_or(CATCH_ALL, |tag| self.ordinal(Symbol::Tag(tag)));
            let landing = clause.handlers;
            self.b.handlers.push(Handler { return_offset, frame_bytes: 0, vmctx_at: 0, tag, landing });
            self.b.clauses[n].handlers = self.b.handlers.len() as u32;
            if clause.tag.is_none() {
                break;
            }
        }
    }

    /// What is thrown passes over frames that have saved registers for their callers and do not put them back. This
    /// body's caller finds them as they were: a landing takes them from the frame, where they are put before any call
    /// can throw to it.
    pub(super) fn keep_registers(&mut self) {
        for (n, reg) in (0..).zip(KEPT) {
            let place = self.b.code.store_later(reg, Ty::I64);
            self.b.kept_places.push((place, n));
        }
    }

    fn restore_registers(&mut self) {
        for (n, reg) in (0..).zip(KEPT) {
            let place = self.b.code.load_later(reg, Ty::I64);
            self.b.kept_places.push((place, n));
        }
    }

    /// At the end of a `try_table`: its clauses are closed, and land here.
    pub(super) fn landings(&mut self, n: usize, open: usize) {
        let clauses = self.b.clauses.split_off(open);
        if clauses.iter().all(|clause| clause.handlers == 0) {
            return;
        }
        if self.reachable {
            self.branch(n);
        }
        let height = self.b.constructs[n].height;
        for clause in clauses.into_iter().filter(|clause| clause.handlers != 0) {
            self.land(clause, height);
            if let Some(tag) = clause.tag {
                self.unpack(tag);
            }
            if clause.with_ref {
                self.push_exception();
            }
            self.reload();
            self.branch(clause.construct);
        }
    }

    /// The handlers of a clause lead here, with the exception in `rax` and `height` operands.
    pub(super) fn land(&mut self, clause: Clause, height: usize) {
        let here = self.b.code.at();
        let mut next = clause.handlers;
        while next != 0 {
            let handler = &mut self.b.handlers[next as usize - 1];
            next = std::mem::replace(&mut handler.landing, here);
        }
        self.forget();
        self.truncate(height);
        self.restore_registers();
    }

    /// Puts what the exception in `rax`, of this tag, carries on the operand stack.
    pub(super) fn unpack(&mut self, tag: u32) {
        let ty = self.module.tag_type(tag).clone();
        self.b.code.load_from(RCX, RAX, EXCEPTION_VALUES as u8);
        for (n, ty) in (0..).zip(&ty.params) {
            self.push(At::Frame, Ty::of(*ty));
            let home = self.home(&self.top());
            self.b.code.copy_from(RCX, n * VALUE_BYTES, Ty::of(*ty), home);
        }
        self.flushed = self.b.stack.len();
    }

    /// Puts the exception in `rax` on the operand stack.
    pub(super) fn push_exception(&mut self) {
        self.push(At::Frame, Ty::I64);
        let home = self.home(&self.top());
        self.b.code.store(RAX, Ty::I64, home);
        self.flushed = self.b.stack.len();
    }

    /// `throw`: makes an exception, puts the operands into it, throws it.
    pub(super) fn throw(&mut self, op: &Operator<'_>, bytes: &[u8], tag: u32) -> Result<()> {
        let count = self.module.tag_type(tag).params.len();
        let (row, _) = self.row(op, bytes, 0)?;
        self.in_frame(row, bytes, 0)?;
        let exception = self.b.stack.len() - 1;
        self.b.code.load(RAX, Ty::I64, self.home(&self.top()));
        self.b.code.load_from(RCX, RAX, EXCEPTION_VALUES as u8);
        for (n, place) in (0..).zip(exception - count..exception) {
            let entry = self.b.stack[place];
            let reg = if entry.ty.is_float() { SCRATCH_FLOAT } else { RAX };
            self.value_to(reg, entry);
            self.b.code.store_to(RCX, n * VALUE_BYTES, reg, entry.ty);
        }
        self.throw_top()
    }

    /// Throws the top operand.
    pub(super) fn throw_top(&mut self) -> Result<()> {
        let (row, _) = self.row(&Operator::ThrowRef, &THROW_REF, 1)?;
        self.in_frame(row, &THROW_REF, 0)?;
        self.reachable = false;
        Ok(())
    }
}
