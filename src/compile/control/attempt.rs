//! `try_table`: while one is open, calls lead to its landings; each landing branches to the construct that its clause
//! names. Does not know how an exception gets there.

use super::{CompileError, Control, Kind, params};
use crate::compile::CatchClause;
use crate::compile::lower::{Catch, Lowering};
use cranelift_codegen::ir::types::I64;
use wasmparser::TryTable;

/// Where a clause of an open `try_table` leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clause {
    /// The construct that it branches to.
    pub(super) frame: usize,
    /// Whether that is given the exception itself too.
    pub(super) with_ref: bool,
}

impl Control {
    /// `try_table`.
    pub(super) fn attempt(&mut self, f: &mut Lowering<'_>, try_table: &TryTable) -> Result<(), CompileError> {
        let (outer, ty) = (self.frames.len(), try_table.ty);
        f.env.keep_vmctx(&mut f.builder);
        let exit = f.builder.create_block();
        let open = self.clauses.len();
        self.push(f, Kind::Try(open), ty, exit, f.stack.len() - params(f, ty))?;
        for catch in try_table.catches.iter().rev() {
            let CatchClause { tag, label, with_ref } = CatchClause::from(catch);
            let landing = f.builder.create_block();
            f.builder.append_block_param(landing, I64);
            f.catches.push(Catch { tag, landing, used: false });
            self.clauses.push(Clause { frame: outer - 1 - label as usize, with_ref });
        }
        Ok(())
    }

    /// At the end of a `try_table`: from here on its clauses are closed, and it is known who leads to them.
    pub(super) fn landings(
        &mut self,
        f: &mut Lowering<'_>,
        n: usize,
        open: usize,
    ) -> Result<(), CompileError> {
        if self.reachable {
            self.jump_to_frame(f, n)?;
        }
        let height = self.frames[n].height;
        for (clause, catch) in self.clauses.split_off(open).into_iter().zip(f.catches.split_off(open)) {
            if !catch.used {
                continue;
            }
            f.builder.switch_to_block(catch.landing);
            f.builder.seal_block(catch.landing);
            let exception = f.builder.block_params(catch.landing)[0];
            f.stack.truncate(height);
            if let Some(tag) = catch.tag {
                f.unpack(exception, tag);
            }
            if clause.with_ref {
                f.push(exception);
            }
            self.jump_to_frame(f, clause.frame)?;
        }
        Ok(())
    }
}
