//! The meaning of every operator but control flow and locals: operands are taken from the operand stack, results are
//! put there, and nothing else is touched. Each family of operators is one file, and each is tried in turn.

mod atomics;
mod calls;
mod exceptions;
mod globals;
mod memory;
mod numeric;
mod promotion;
mod refs;
mod simd;
mod tables;

use super::environ::{Environ, trap_code};
use super::target::RelaxedForms;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder};
use latier_runtime::abi::TrapCode;
use latier_runtime::builtin::Builtin;
use wasmparser::Operator;

/// Where operators are lowered: a function under construction, its surroundings, and the operand stack.
pub(crate) struct Lowering<'a> {
    /// The function under construction, at the place where the operator's instructions go.
    pub builder: FunctionBuilder<'a>,
    /// What the body sees of its instance and module.
    pub env: Environ<'a>,
    /// The operand stack.
    pub stack: Vec<Value>,
    /// The clauses of the open `try_table`s, the one that is tried last first.
    pub catches: Vec<Catch>,
    /// Whether the condition of the branch that is lowered is probably true, if its author says.
    pub hint: Option<bool>,
    /// Room for lists of arguments.
    values: Vec<Value>,
    /// What relaxed operators on vectors become.
    relaxed: RelaxedForms,
}

/// A clause of an open `try_table`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Catch {
    /// The tag it takes; `None` if it takes all.
    pub tag: Option<u32>,
    /// Where an exception goes on; the block is given it.
    pub landing: Block,
    /// Whether any call leads there.
    pub used: bool,
}

impl<'a> Lowering<'a> {
    /// A place with an empty operand stack, which uses the allocation of `stack`.
    pub fn new(
        builder: FunctionBuilder<'a>,
        env: Environ<'a>,
        mut stack: Vec<Value>,
        relaxed: RelaxedForms,
    ) -> Lowering<'a> {
        stack.clear();
        Lowering { builder, env, stack, catches: Vec::new(), hint: None, values: Vec::new(), relaxed }
    }

    /// Lowers `op`; false if it belongs to no family here.
    pub fn operator(&mut self, op: &Operator<'_>) -> bool {
        numeric::lower(op, self)
            || memory::lower(op, self)
            || globals::lower(op, self)
            || calls::lower(op, self)
            || refs::lower(op, self)
            || tables::lower(op, self)
            || simd::lower(op, self)
            || atomics::lower(op, self)
    }

    /// Lowers `op` if it is a tail call, behind which nothing is reached; false if not. `area` is where the function's
    /// results go, if they go through memory.
    pub fn tail_call(&mut self, op: &Operator<'_>, area: Option<Value>) -> bool {
        calls::lower_tail(op, self, area)
    }

    /// The vmctx and the code that `op` calls, if it calls what it is given.
    pub fn callee(&mut self, op: &Operator<'_>) -> Option<(Value, Value)> {
        calls::callee(op, self)
    }

    /// The next instruction's builder.
    pub fn ins(&mut self) -> FuncInstBuilder<'_, 'a> {
        self.builder.ins()
    }

    /// Takes the top operand.
    pub fn pop(&mut self) -> Value {
        self.stack.pop().expect("a validated body has its operands")
    }

    /// Takes the two topmost operands, the deeper one first.
    fn pop2(&mut self) -> (Value, Value) {
        let y = self.pop();
        (self.pop(), y)
    }

    /// Takes the three topmost operands, the deepest one first.
    fn pop3(&mut self) -> (Value, Value, Value) {
        let z = self.pop();
        let (x, y) = self.pop2();
        (x, y, z)
    }

    /// Puts a result on the operand stack.
    pub fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// One operand to one result.
    fn unary(&mut self, make: impl FnOnce(FuncInstBuilder<'_, 'a>, Value) -> Value) {
        let x = self.pop();
        let value = make(self.ins(), x);
        self.push(value);
    }

    /// Two operands to one result.
    fn binary(&mut self, make: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let (x, y) = self.pop2();
        let value = make(self.ins(), x, y);
        self.push(value);
    }

    /// An index or length as 64 bits: what is narrower is extended by zeros.
    fn widen(&mut self, value: Value) -> Value {
        match self.builder.func.dfg.value_type(value) {
            types::I64 => value,
            _ => self.ins().uextend(types::I64, value),
        }
    }

    /// A size or an index as the program sees it: as wide as the index type.
    fn narrow(&mut self, value: Value, is_64: bool) -> Value {
        if is_64 { value } else { self.ins().ireduce(types::I32, value) }
    }

    /// Calls a builtin with these values behind the vmctx, each widened.
    fn builtin(&mut self, builtin: Builtin, args: &[Value]) -> Option<Value> {
        debug_assert_eq!(args.len(), builtin.params());
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        values.push(self.env.vmctx);
        for arg in args {
            let wide = self.widen(*arg);
            values.push(wide);
        }
        let (signature, address) = self.env.builtin(&mut self.builder, builtin);
        let call = self.ins().call_indirect(signature, address, &values);
        self.values = values;
        self.builder.inst_results(call).first().copied()
    }

    /// Calls a builtin that has a result.
    fn builtin_value(&mut self, builtin: Builtin, args: &[Value]) -> Value {
        self.builtin(builtin, args).expect("the builtin has a result")
    }

    /// Calls a builtin that can fail, and traps with `code` if it does.
    fn builtin_or_trap(&mut self, builtin: Builtin, args: &[Value], code: TrapCode) {
        let ok = self.builtin_value(builtin, args);
        self.ins().trapz(ok, trap_code(code));
    }
}
