//! `throw`, `throw_ref` and `try_table`.

use super::table::{EXN, NONE, code};
use super::{Check, Kind, Types};
use latier_runtime::types::FuncType;

/// More clauses than this are not plain.
const MANY: u32 = 100;

impl<'a> Check<'a> {
    pub(super) fn exceptional(&mut self, opcode: u8) -> Option<()> {
        match opcode {
            0x08 => {
                let tag = self.tag()?;
                self.pop_params(&tag.params)?;
                self.leave();
            }
            0x0a => {
                self.pop(EXN)?;
                self.leave();
            }
            _ => {
                let results = self.block_type()?;
                let clauses = self.unsigned().filter(|clauses| *clauses <= MANY)?;
                // Their labels are those around the construct.
                (0..clauses).try_for_each(|_| self.clause())?;
                self.nest(Kind::Block, results);
            }
        }
        Some(())
    }

    /// The type of the tag whose index is next.
    fn tag(&mut self) -> Option<&'a FuncType> {
        let tag = self.unsigned()?;
        let ty = *self.desc.tags.get(tag as usize)?;
        self.desc.func_types.get(ty as usize).map(|ty| &**ty)
    }

    /// A clause: what it gives is what a branch to its label takes.
    fn clause(&mut self) -> Option<()> {
        let kind = self.byte().filter(|kind| *kind < 4)?;
        let params = if kind < 2 { &self.tag()?.params[..] } else { &[] };
        // No type without a code is taken for another.
        params.iter().try_for_each(|ty| code(*ty).map(drop))?;
        let exception = (kind % 2 == 1).then_some(Some(EXN));
        let mut given = params.iter().map(|ty| code(*ty)).chain(exception);
        let taken = match self.label()? {
            Types::One(NONE) => given.next().is_none(),
            Types::One(ty) => given.eq([Some(ty)]),
            Types::Of(ty) => given.eq(self.desc.func_types[ty as usize].results.iter().map(|ty| code(*ty))),
        };
        taken.then_some(())
    }
}
