//! `br_table`: one jump, whose cases lead to constructs or to blocks that pass operands on to them.

use super::{CompileError, Control, Kind, params, results};
use crate::compile::lower::Lowering;
use cranelift_codegen::ir::{BlockCall, InstBuilder, JumpTableData};
use wasmparser::BrTable;

impl Control {
    /// `br_table`.
    pub(super) fn jump_table(
        &mut self,
        f: &mut Lowering<'_>,
        table: &BrTable<'_>,
    ) -> Result<(), CompileError> {
        let selector = f.pop();
        let mut cases = std::mem::take(&mut self.cases);
        cases.clear();
        let default = self.case(f, table.default())?;
        for depth in table.targets() {
            let depth = depth.map_err(|e| CompileError { message: e.to_string(), offset: None })?;
            cases.push(self.case(f, depth)?);
        }
        let table = f.builder.create_jump_table(JumpTableData::new(default, &cases));
        self.cases = cases;
        f.ins().br_table(selector, table);
        self.relays(f)?;
        self.reachable = false;
        Ok(())
    }

    /// One case of a `br_table`. Operands are passed on by a block of their own, one for all cases that lead to the
    /// same construct: a table of many cases does not repeat them.
    fn case(&mut self, f: &mut Lowering<'_>, depth: u32) -> Result<BlockCall, CompileError> {
        let n = self.frames.len() - 1 - depth as usize;
        let frame = self.frames[n];
        let count = if matches!(frame.kind, Kind::Loop) { params(f, frame.ty) } else { results(f, frame.ty) };
        let block = if count == 0 {
            self.target(f, n)?
        } else {
            frame.relay.expand().unwrap_or_else(|| {
                let relay = f.builder.create_block();
                self.frames[n].relay = relay.into();
                self.relayed.push(n);
                relay
            })
        };
        Ok(BlockCall::new(block, [], &mut f.builder.func.dfg.value_lists))
    }

    /// Fills the relays of a `br_table`.
    fn relays(&mut self, f: &mut Lowering<'_>) -> Result<(), CompileError> {
        while let Some(n) = self.relayed.pop() {
            let relay = self.frames[n].relay.take().expect("a relayed construct has a relay");
            f.builder.switch_to_block(relay);
            f.builder.seal_block(relay);
            self.jump_to_frame(f, n)?;
        }
        Ok(())
    }
}
