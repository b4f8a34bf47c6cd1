//! Vectors of 128 bits. On the operand stack every vector has one type, sixteen bytes; an operator sees the lanes it
//! works on by a cast, which costs nothing. Whatever the lanes are, lane 0 lies in the low bits.

/// Which of `$kind` each operator stands for, with the type of the vectors that it takes.
macro_rules! rows {
    ($op:expr, $kind:ident; $($ty:ident { $($name:ident => $value:ident),* $(,)? })*) => {
        match $op {
            $($(wasmparser::Operator::$name => Some((cranelift_codegen::ir::types::$ty, $kind::$value)),)*)*
            _ => None,
        }
    };
}

mod compare;
mod convert;
mod floats;
mod ints;
mod lanes;
mod memory;
mod relaxed;

use super::Lowering;
use cranelift_codegen::ir::types::I8X16;
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Opcode, Type, Value};
use wasmparser::Operator;

/// Lowers `op` if it works on vectors.
pub(super) fn lower(op: &Operator<'_>, f: &mut Lowering<'_>) -> bool {
    memory::lower(op, f)
        || lanes::lower(op, f)
        || ints::lower(op, f)
        || floats::lower(op, f)
        || compare::lower(op, f)
        || convert::lower(op, f)
        || relaxed::lower(op, f)
}

impl Lowering<'_> {
    /// A vector seen as one of type `ty`.
    fn cast(&mut self, value: Value, ty: Type) -> Value {
        let dfg = &self.builder.func.dfg;
        if dfg.value_type(value) == ty {
            return value;
        }
        // A vector that was cast before is taken as it was: the code generator looks for patterns, and a cast hides
        // what is behind it.
        if let Some(inst) = dfg.value_def(value).inst()
            && dfg.insts[inst].opcode() == Opcode::Bitcast
            && let &[source] = dfg.inst_args(inst)
            && dfg.value_type(source) == ty
        {
            return source;
        }
        self.ins().bitcast(ty, MemFlagsData::new().with_endianness(Endianness::Little), value)
    }

    /// Takes the top operand, a vector seen as one of type `ty`.
    fn pop_vector(&mut self, ty: Type) -> Value {
        let value = self.pop();
        self.cast(value, ty)
    }

    /// Takes the two topmost operands, vectors of type `ty`, the deeper one first.
    fn pop_vectors(&mut self, ty: Type) -> (Value, Value) {
        let y = self.pop_vector(ty);
        (self.pop_vector(ty), y)
    }

    /// Puts a vector of any type on the operand stack.
    fn push_vector(&mut self, value: Value) {
        let value = self.cast(value, I8X16);
        self.push(value);
    }

    /// The result of a unary instruction whose type follows from `ty`.
    fn apply(&mut self, opcode: Opcode, ty: Type, x: Value) -> Value {
        let (inst, dfg) = self.ins().Unary(opcode, ty, x);
        dfg.first_result(inst)
    }

    /// The result of a binary instruction whose type follows from `ty`.
    fn apply2(&mut self, opcode: Opcode, ty: Type, x: Value, y: Value) -> Value {
        let (inst, dfg) = self.ins().Binary(opcode, ty, x, y);
        dfg.first_result(inst)
    }

    /// One vector of type `ty` to another vector.
    fn vector_unary(&mut self, ty: Type, opcode: Opcode) {
        let x = self.pop_vector(ty);
        let value = self.apply(opcode, ty, x);
        self.push_vector(value);
    }

    /// Two vectors of type `ty` to one.
    fn vector_binary(&mut self, ty: Type, opcode: Opcode) {
        let (x, y) = self.pop_vectors(ty);
        let value = self.apply2(opcode, ty, x, y);
        self.push_vector(value);
    }

    /// A vector with these bytes.
    fn vector_const(&mut self, ty: Type, bytes: &[u8; 16]) -> Value {
        let bytes = self.builder.func.dfg.constants.insert(bytes.to_vec().into());
        self.ins().vconst(ty, bytes)
    }
}
