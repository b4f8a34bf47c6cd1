//! `try_table` and throws: which handlers a call has, and where these land.

use super::code::{KEPT, RAX, RCX};
use super::control::Kind;
use super::form::Ty;
use super::pass::{At, Pass, Result, unsupported};
use super::table::Instance;
use crate::compile::CatchClause;
use crate::object::symbol::Symbol;
use latier_runtime::handlers::{CATCH_ALL, Handler};
use latier_runtime::vmctx::EXCEPTION_VALUES;
use wasmparser::{Operator, TryTable};

/// A clause of an open `try_table`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clause {
    tag: Option<u32>,
    with_ref: bool,
    /// The construct that it branches to.
    construct: usize,
    /// Handlers that lead here, by their numbers plus one: the last, each holds the one before it.
    handlers: u32,
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
    fn keep_registers(&mut self) {
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
            let here = self.b.code.at();
            let mut next = clause.handlers;
            while next != 0 {
                let handler = &mut self.b.handlers[next as usize - 1];
                next = std::mem::replace(&mut handler.landing, here);
            }
            self.forget();
            self.truncate(height);
            self.restore_registers();
            self.unpack(clause);
            self.reload();
            self.branch(clause.construct);
        }
    }

    /// Puts what the exception in `rax` carries on the operand stack.
    fn unpack(&mut self, clause: Clause) {
        if let Some(tag) = clause.tag {
            let ty = self.module.tag_type(tag).clone();
            self.b.code.load_from(RCX, RAX, EXCEPTION_VALUES as u8);
            for (n, ty) in ty.params.iter().enumerate() {
                self.push(At::Frame, Ty::of(*ty));
                let home = self.home(&self.top());
                self.b.code.copy_from(RCX, n as u32 * 16, Ty::of(*ty), home);
            }
        }
        if clause.with_ref {
            self.push(At::Frame, Ty::I64);
            let home = self.home(&self.top());
            self.b.code.store(RAX, Ty::I64, home);
        }
        self.flushed = self.b.stack.len();
    }

    pub(super) fn throw(&mut self, op: &Operator<'_>, bytes: &[u8]) -> Result<()> {
        let count = match *op {
            Operator::Throw { tag_index } => self.module.tag_type(tag_index).params.len(),
            _ => 1,
        };
        if count > super::generate::MAX_OPERANDS {
            return Err(unsupported("a tag with many parameters"));
        }
        let (row, _) = self.row(op, bytes, count)?;
        self.in_frame(row, Instance { module: self.module, bytes }, None)?;
        self.reachable = false;
        Ok(())
    }
}
