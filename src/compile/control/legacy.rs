//! Exceptions as browsers first had them (the proposal's earlier form, `legacy-exceptions`): `try`, `catch`,
//! `delegate`, `rethrow`. One landing takes whatever a body throws and compares tags one by one; what no clause takes
//! is thrown again.

use super::attempt::Clause;
use super::{CompileError, Control, Kind, params};
use crate::compile::lower::{Catch, Lowering};
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, InstBuilder, Value};
use wasmparser::BlockType;

/// The clause of a `try` that is being translated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caught {
    /// The exception.
    exception: Value,
    /// Where it goes that the clauses so far did not take; `None` behind a clause that takes all.
    rest: Option<Block>,
}

impl Control {
    /// `try`.
    pub(super) fn legacy_try(&mut self, f: &mut Lowering<'_>, ty: BlockType) -> Result<(), CompileError> {
        f.env.keep_vmctx(&mut f.builder);
        let (exit, landing) = (f.builder.create_block(), f.builder.create_block());
        f.builder.append_block_param(landing, I64);
        let open = self.clauses.len();
        self.push(f, Kind::LegacyTry(open), ty, exit, f.stack.len() - params(f, ty))?;
        self.clauses.push(Clause { frame: self.frames.len() - 1, with_ref: false });
        f.catches.push(Catch { tag: None, landing, used: false });
        Ok(())
    }

    /// `catch` and `catch_all`.
    pub(super) fn legacy_catch(
        &mut self,
        f: &mut Lowering<'_>,
        tag: Option<u32>,
    ) -> Result<(), CompileError> {
        let n = self.frames.len() - 1;
        let caught = self.untaken(f, n)?;
        f.stack.truncate(self.frames[n].height);
        self.reachable = caught.is_some();
        self.frames[n].kind = Kind::LegacyCatch(caught.map(|exception| {
            let rest = tag.map(|tag| f.take(exception, tag));
            Caught { exception, rest }
        }));
        Ok(())
    }

    /// Ends the body or a clause of `try` `n`: goes on where exceptions come that no clause has taken so far, if there
    /// can be any, and gives the exception.
    fn untaken(&mut self, f: &mut Lowering<'_>, n: usize) -> Result<Option<Value>, CompileError> {
        if self.reachable {
            self.jump_to_frame(f, n)?;
        }
        Ok(match self.frames[n].kind {
            Kind::LegacyTry(open) => self.close(f, open),
            Kind::LegacyCatch(Some(Caught { exception, rest: Some(rest) })) => {
                f.builder.switch_to_block(rest);
                f.builder.seal_block(rest);
                Some(exception)
            }
            _ => None,
        })
    }

    /// Closes the body of a `try`: goes on at its landing, if anything leads there, and gives the exception.
    fn close(&mut self, f: &mut Lowering<'_>, open: usize) -> Option<Value> {
        self.clauses.truncate(open);
        let catch = f.catches.split_off(open).into_iter().find(|catch| catch.used)?;
        f.builder.switch_to_block(catch.landing);
        f.builder.seal_block(catch.landing);
        Some(f.builder.block_params(catch.landing)[0])
    }

    /// At the end of a `try`: throws again what nothing took, to who catches outside of it.
    pub(super) fn legacy_end(&mut self, f: &mut Lowering<'_>, n: usize) -> Result<(), CompileError> {
        if let Some(exception) = self.untaken(f, n)? {
            f.raise(exception);
        }
        Ok(())
    }

    /// `delegate`: ends a `try` whose exceptions go to who catches in the construct at `depth`.
    pub(super) fn delegate(&mut self, f: &mut Lowering<'_>, depth: u32) -> Result<(), CompileError> {
        let n = self.frames.len() - 1;
        if self.reachable {
            self.jump_to_frame(f, n)?;
        }
        let target = n - 1 - depth as usize;
        if let Kind::LegacyTry(open) = self.frames[n].kind
            && let Some(exception) = self.close(f, open)
        {
            // The clauses that are open in the target's body: those before the first `try` inside it.
            let inside = self.frames[target + 1..].iter().find_map(|frame| match frame.kind {
                Kind::Try(open) | Kind::LegacyTry(open) => Some(open),
                _ => None,
            });
            let skipped = f.catches.split_off(inside.unwrap_or(open));
            f.raise(exception);
            f.catches.extend(skipped);
        }
        self.frames[n].kind = Kind::LegacyCatch(None);
        self.end(f)
    }

    /// `rethrow`: of what the clause at `depth` has caught.
    pub(super) fn rethrow(&mut self, f: &mut Lowering<'_>, depth: u32) {
        if let Kind::LegacyCatch(Some(caught)) = self.frames[self.frames.len() - 1 - depth as usize].kind {
            f.raise(caught.exception);
        }
        self.reachable = false;
    }
}

impl Lowering<'_> {
    /// Goes on with what an exception carries if it is one of `tag`; gives where it goes else.
    fn take(&mut self, exception: Value, tag: u32) -> Block {
        let (taken, rest) = (self.builder.create_block(), self.builder.create_block());
        let is_of = self.is_of(exception, tag);
        self.ins().brif(is_of, taken, &[], rest, &[]);
        self.builder.switch_to_block(taken);
        self.builder.seal_block(taken);
        self.unpack(exception, tag);
        rest
    }
}
