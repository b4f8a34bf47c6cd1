//! Tests of loops' counters. Cranelift makes `x == n - 1` of `x + 1 == n`; then the old counter is needed as long as
//! the new one, which costs a register, a copy and a jump in each turn. It leaves a comparison of 64 bits alone, and
//! processors do that as soon.

use crate::compile::lower::Lowering;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, InstructionData, Opcode, Value};

impl Lowering<'_> {
    /// A condition that holds when `condition` does. If that tests whether a sum is some number, the sum stays what is
    /// tested.
    pub(super) fn counter_condition(&mut self, condition: Value) -> Value {
        let Some((how, sum, number)) = self.is_sum_some_number(condition) else { return condition };
        let sum = self.ins().uextend(I64, sum);
        let number = self.ins().iconst(I64, i64::from(number));
        self.ins().icmp(how, sum, number)
    }

    /// The sum and the number, if `condition` compares the two for equality.
    fn is_sum_some_number(&self, condition: Value) -> Option<(IntCC, Value, u32)> {
        let condition = match self.defined_by(condition)? {
            InstructionData::Unary { opcode: Opcode::Uextend, arg } => arg,
            _ => condition,
        };
        let InstructionData::IntCompare { args: [x, y], cond, .. } = self.defined_by(condition)? else {
            return None;
        };
        let (sum, number) = self.constant(y).map(|n| (x, n)).or_else(|| Some((y, self.constant(x)?)))?;
        let InstructionData::Binary { opcode: Opcode::Iadd, args: [_, step] } = self.defined_by(sum)? else {
            return None;
        };
        self.constant(step)?;
        let narrow = self.builder.func.dfg.value_type(sum) == I32;
        (narrow && matches!(cond, IntCC::Equal | IntCC::NotEqual)).then_some((cond, sum, number as u32))
    }

    fn defined_by(&self, value: Value) -> Option<InstructionData> {
        let dfg = &self.builder.func.dfg;
        dfg.value_def(dfg.resolve_aliases(value)).inst().map(|inst| dfg.insts[inst])
    }

    fn constant(&self, value: Value) -> Option<i64> {
        match self.defined_by(value)? {
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Some(imm.bits()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::target::Settings;
    use crate::compile::tests::first_clif;

    #[test]
    fn the_new_counter_is_what_is_tested() {
        let counts = |step: &str, test: &str| {
            let sum = format!("(i32.add (local.get 0) (i32.const {step}))");
            let text = format!("(module (func (param i32) (loop (br_if 0 ({test} (local.tee 0 {sum}))))))");
            first_clif(&text, Settings::Optimized)
        };
        let clif = counts("4", "i32.ne (i32.const 4096)");
        assert!(clif.contains("iconst.i64 4096") && !clif.contains("4092"), "{clif}");
        let clif = counts("1", "i32.ne (i32.const -1)");
        assert!(clif.contains("iconst.i64 0xffff_ffff") && !clif.contains("-2"), "{clif}");
        let clif = counts("-1", "i32.eqz");
        assert!(clif.contains("iconst.i64 0\n"), "{clif}");
    }
}
