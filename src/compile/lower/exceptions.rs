//! Exceptions: made, thrown, and taken apart by handlers; and calls that have handlers. Where handlers go on is
//! control's business.

use super::{Lowering, trap_code};
use crate::compile::signature::{RESULT_BYTES, value_type};
use crate::object::symbol::Symbol;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, ExceptionTable, ExceptionTableData, ExceptionTableItem, InstBuilder,
    MemFlagsData, SigRef, Value,
};
use latier_runtime::abi::TrapCode;
use latier_runtime::builtin::Builtin;
use latier_runtime::vmctx::{EXCEPTION_TAG, EXCEPTION_VALUES};

/// What is known of accesses to exceptions.
fn access() -> MemFlagsData {
    MemFlagsData::trusted()
}

impl Lowering<'_> {
    /// A new exception, which carries zeros.
    pub fn new_exception(&mut self, tag: u32) -> Value {
        let pointer = self.env.pointer(&mut self.builder, Symbol::Tag(tag));
        let exception = self.builtin_value(Builtin::ExceptionNew, &[pointer]);
        self.ins().trapz(exception, trap_code(TrapCode::OutOfMemory));
        exception
    }

    /// `throw`. Nothing behind it is reached.
    pub fn throw(&mut self, tag: u32) {
        let ty = self.env.module.tag_type(tag).clone();
        let exception = self.new_exception(tag);
        let values = self.ins().load(I64, access(), exception, EXCEPTION_VALUES);
        let first = self.stack.len() - ty.params.len();
        for n in 0..ty.params.len() {
            let value = self.stack[first + n];
            self.ins().store(access(), value, values, n as i32 * RESULT_BYTES as i32);
        }
        self.stack.truncate(first);
        self.raise(exception);
    }

    /// `throw_ref`. Nothing behind it is reached.
    pub fn throw_ref(&mut self) {
        let exception = self.pop();
        self.ins().trapz(exception, trap_code(TrapCode::NullReference));
        self.raise(exception);
    }

    /// Throws an exception. Nothing behind it is reached.
    pub fn raise(&mut self, exception: Value) {
        let (signature, address) = self.env.builtin(&mut self.builder, Builtin::Throw);
        let args = [self.env.vmctx, exception];
        match self.handlers(signature) {
            Some(table) => {
                self.ins().try_call_indirect(address, &args, table);
                self.go_on_behind(table);
            }
            None => {
                self.ins().call_indirect(signature, address, &args);
            }
        }
        self.ins().trap(trap_code(TrapCode::Unreachable));
    }

    /// The handlers of a call that stands here, if it has any: first those of the innermost `try_table`. A call that
    /// returns goes on in a new block, whose parameters are the results.
    pub fn handlers(&mut self, signature: SigRef) -> Option<ExceptionTable> {
        if self.catches.is_empty() {
            return None;
        }
        let next = self.builder.create_block();
        let returns = self.builder.func.dfg.signatures[signature].returns.len();
        for n in 0..returns {
            let ty = self.builder.func.dfg.signatures[signature].returns[n].value_type;
            self.builder.append_block_param(next, ty);
        }
        let results: Vec<BlockArg> = (0..returns as u32).map(BlockArg::TryCallRet).collect();
        let returned = BlockCall::new(next, results, &mut self.builder.func.dfg.value_lists);
        let mut items = Vec::with_capacity(self.catches.len());
        for catch in self.catches.iter_mut().rev() {
            catch.used = true;
            let lists = &mut self.builder.func.dfg.value_lists;
            let landing = BlockCall::new(catch.landing, [BlockArg::TryCallExn(0)], lists);
            match catch.tag {
                Some(tag) => items.push(ExceptionTableItem::Tag(self.env.exception_tag(tag), landing)),
                None => {
                    items.push(ExceptionTableItem::Default(landing));
                    break;
                }
            }
        }
        let table = ExceptionTableData::new(signature, returned, items);
        Some(self.builder.func.dfg.exception_tables.push(table))
    }

    /// Goes on where a call with these handlers returns to: a block whose parameters are the results.
    pub fn go_on_behind(&mut self, table: ExceptionTable) -> Block {
        let func = &self.builder.func.dfg;
        let next = func.exception_tables[table].normal_return().block(&func.value_lists);
        self.builder.switch_to_block(next);
        self.builder.seal_block(next);
        next
    }

    /// Whether an exception is one of `tag`.
    pub fn is_of(&mut self, exception: Value, tag: u32) -> Value {
        let expected = self.env.pointer(&mut self.builder, Symbol::Tag(tag));
        let actual = self.ins().load(I64, access(), exception, EXCEPTION_TAG);
        self.ins().icmp(IntCC::Equal, actual, expected)
    }

    /// Puts what an exception of `tag` carries on the operand stack.
    pub fn unpack(&mut self, exception: Value, tag: u32) {
        let ty = self.env.module.tag_type(tag).clone();
        let values = self.ins().load(I64, access(), exception, EXCEPTION_VALUES);
        for (n, ty) in ty.params.iter().enumerate() {
            let value = self.ins().load(value_type(*ty), access(), values, n as i32 * RESULT_BYTES as i32);
            self.push(value);
        }
    }
}
