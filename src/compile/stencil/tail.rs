//! Tail calls: a call that takes the place of this body. Its arguments end where this body's ended, and below them lies
//! this body's return address; how many bytes there are is the callee's business, who gives them back.
//!
//! ```text
//!                    this body                fewer bytes             more bytes
//!                    ──────────────── the caller's frame ends ────────────────
//!                    arguments                arguments               arguments
//!   rbp + 16                                  return address ◄── rsp
//!   rbp + 8          return address
//!   rbp      ──►     caller's rbp                                     return address ◄── rsp
//!                    vmctx, locals, operands
//!   rsp      ──►     room for arguments that do not fit above
//! ```
//!
//! Locals are at home in the frame, so where this body's arguments were is free from the start. More arguments than
//! that would lie upon the frame that they come from: they are collected below it and moved last.

use super::calls::{Arguments, Callee};
use super::code::{RAX, RSI, RSP};
use super::form::Ty;
use super::pass::{Pass, Result};
use crate::compile::homes::Homes;
use crate::object::symbol::Symbol;
use wasmparser::Operator;

/// Where this body's arguments begin, from `rbp`: its caller's `rbp` and the return address lie between.
pub(super) const OWN_ARGUMENTS: i32 = 16;

impl Pass<'_> {
    /// Compiles `op` if it is a tail call; false if not.
    pub(super) fn tail_calls(&mut self, op: &Operator<'_>, bytes: &[u8]) -> Result<bool> {
        match *op {
            Operator::ReturnCall { function_index } => {
                let ty = self.module.functions[function_index as usize];
                let callee = self.direct(function_index);
                self.tail_call(ty, callee);
            }
            Operator::ReturnCallIndirect { type_index, .. } | Operator::ReturnCallRef { type_index } => {
                let (row, _) = self.row(op, bytes, 1)?;
                self.given(row, bytes)?;
                self.tail_call(type_index, Callee::Given);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn tail_call(&mut self, ty: u32, callee: Callee) {
        let (_, layout) = self.signature(ty);
        let (_, own) = self.signature(self.ty);
        // How far the callee's arguments begin above this body's.
        let by = own.stack_bytes.cast_signed() - layout.stack_bytes.cast_signed();
        self.suspend();
        if by < 0 {
            self.b.code.lower_stack(layout.stack_bytes);
            self.arguments(layout, Arguments::Below);
        } else {
            self.arguments(layout, Arguments::Above(OWN_ARGUMENTS + by));
        }
        self.resume();
        self.put_back(0);
        if layout.result_area_bytes > 0 {
            self.b.code.load(RSI, Ty::I64, Homes::RESULT_AREA);
        }
        match by {
            // leave
            0 => self.b.code.put(&[0xc9]),
            _ => self.give_way(by, if by < 0 { layout.stack_bytes } else { 0 }),
        }
        match callee {
            Callee::Defined(function) => {
                // jmp [rip + slot]
                self.b.code.put(&[0x48, 0xff, 0x25, 0, 0, 0, 0]);
                let place = self.b.code.at() - 4;
                self.relocate(place, Symbol::Func(function));
            }
            Callee::Import(function) => {
                self.import(function);
                self.b.code.put(&[0xff, 0x20]);
            }
            Callee::Given => self.b.code.put(&[0x41, 0xff, 0xe2]),
        }
        self.reachable = false;
    }

    /// Leaves the frame so that the return address is `by` bytes above where it was, and moves arguments of this many
    /// bytes from `rsp` to above it. Only `rax` is free: the others are arguments, the callee, or the caller's.
    fn give_way(&mut self, by: i32, bytes: u32) {
        let code = &mut self.b.code;
        if by < 0 {
            // push [rbp + 8]; push [rbp]: they move with the arguments, up, perhaps by less than their length.
            code.put(&[0xff, 0x75, 8, 0xff, 0x75, 0]);
            for at in (0..OWN_ARGUMENTS + bytes.cast_signed()).step_by(8).rev() {
                code.load_argument(RAX, at);
                code.store(RAX, Ty::I64, by + at);
            }
        } else {
            code.copy(Ty::I64, 8, 8 + by);
            code.copy(Ty::I64, 0, by);
        }
        // lea rsp, [rbp + by]; pop rbp
        code.address(RSP, by);
        code.put(&[0x5d]);
    }
}
