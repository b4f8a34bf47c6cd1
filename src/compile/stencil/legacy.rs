//! Exceptions as browsers first had them: `try`, `catch`, `delegate`, `rethrow`. One landing takes whatever a body
//! throws and compares tags one by one; what no clause takes is thrown again. Inside a clause, the exception lies
//! below the clause's own operands, as one that no operator takes.

use super::attempt::Clause;
use super::code::{Chain, RAX, RCX};
use super::control::Kind;
use super::form::Ty;
use super::operand::At;
use super::pass::{Pass, Result};
use crate::object::symbol::Symbol;
use latier_runtime::vmctx::EXCEPTION_TAG;
use wasmparser::BlockType;

impl Pass<'_> {
    /// `try`.
    pub(super) fn legacy_try(&mut self, ty: BlockType) {
        let height = self.b.stack.len() - self.params_of(ty);
        self.flush(height);
        let (construct, open) = (self.b.constructs.len(), self.b.clauses.len());
        self.open(Kind::LegacyTry(open), ty, height);
        if open == 0 {
            self.keep_registers();
        }
        self.b.clauses.push(Clause { tag: None, with_ref: false, construct, handlers: 0 });
    }

    /// `catch` and `catch_all`.
    pub(super) fn legacy_catch(&mut self, tag: Option<u32>) {
        let n = self.b.constructs.len() - 1;
        if self.reachable {
            self.branch(n);
        }
        self.reachable = self.untaken(n);
        self.b.constructs[n].kind = Kind::LegacyCatch(self.reachable.then(|| match tag {
            Some(tag) => self.take(tag),
            None => Chain::EMPTY,
        }));
    }

    /// Goes on where exceptions come that no clause of construct `n` has taken so far: the exception is on top. False
    /// if there are none.
    fn untaken(&mut self, n: usize) -> bool {
        let height = self.b.constructs[n].height;
        match self.b.constructs[n].kind {
            Kind::LegacyTry(open) => self.close(open, height),
            Kind::LegacyCatch(Some(mut rest)) if !rest.is_empty() => {
                let here = self.b.code.at();
                self.b.code.bind(&mut rest, here);
                self.forget();
                self.truncate(height);
                self.push(At::Frame, Ty::I64);
                self.flushed = self.b.stack.len();
                true
            }
            _ => false,
        }
    }

    /// Closes the body of a `try`: goes on at its landing, the exception on top. False if nothing leads there.
    fn close(&mut self, open: usize, height: usize) -> bool {
        let clause = self.b.clauses.split_off(open)[0];
        if clause.handlers == 0 {
            return false;
        }
        self.land(clause, height);
        self.push_exception();
        self.reload();
        true
    }

    /// Goes on with what the exception on top carries if it is one of `tag`. Gives the places that lead on if not.
    fn take(&mut self, tag: u32) -> Chain {
        self.b.code.load(RAX, Ty::I64, self.home(&self.top()));
        let place = self.b.code.load_symbol(RCX);
        self.relocate(place, Symbol::Tag(tag));
        // add rcx, rdi; mov rcx, [rcx]; cmp rcx, [rax + tag]; jne rest
        self.b.code.put(&[0x48, 0x01, 0xf9, 0x48, 0x8b, 0x09, 0x48, 0x3b, 0x48, EXCEPTION_TAG as u8]);
        self.b.code.put(&[0x0f, 0x85, 0, 0, 0, 0]);
        let (mut rest, place) = (Chain::EMPTY, self.b.code.at() - 4);
        self.b.code.chain(&mut rest, place);
        self.unpack(tag);
        rest
    }

    /// At the end of a `try`: throws again what nothing took, to who catches outside of it.
    pub(super) fn legacy_end(&mut self, n: usize) -> Result<()> {
        if self.reachable {
            self.branch(n);
        }
        if self.untaken(n) { self.throw_top() } else { Ok(()) }
    }

    /// `delegate`: ends a `try` whose exceptions go to who catches in the construct at `depth`.
    pub(super) fn delegate(&mut self, depth: u32) -> Result<()> {
        let n = self.b.constructs.len() - 1;
        if self.reachable {
            self.branch(n);
        }
        let target = n - 1 - depth as usize;
        if let Kind::LegacyTry(open) = self.b.constructs[n].kind
            && self.close(open, self.b.constructs[n].height)
        {
            // The clauses that are open in the target's body: those before the first `try` inside it.
            let inside = self.b.constructs[target + 1..].iter().find_map(|construct| match construct.kind {
                Kind::Try(open) | Kind::LegacyTry(open) => Some(open),
                _ => None,
            });
            let skipped = self.b.clauses.split_off(inside.unwrap_or(open));
            self.throw_top()?;
            self.b.clauses.extend(skipped);
        }
        self.b.constructs[n].kind = Kind::LegacyCatch(None);
        self.end()
    }

    /// `rethrow`: of what the clause at `depth` has caught.
    pub(super) fn rethrow(&mut self, depth: u32) -> Result<()> {
        let clause = self.b.constructs[self.b.constructs.len() - 1 - depth as usize];
        let from = self.home(&self.b.stack[clause.height]);
        self.push(At::Frame, Ty::I64);
        let to = self.home(&self.top());
        self.b.code.copy(Ty::I64, from, to);
        self.throw_top()
    }
}
