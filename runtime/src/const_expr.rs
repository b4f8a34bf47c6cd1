//! Evaluates constant expressions. Knows the instance whose globals and functions they name; checks the types of all
//! it pushes and pops, since a description may come from anywhere.

use crate::abi::FuncIndex;
use crate::func::Func;
use crate::instance::InstanceCell;
use crate::module::{ConstExpr, ConstOp};
use crate::store::StoreInner;
use crate::types::ValType;
use crate::value::Val;
use crate::vmctx::VmGlobal;

/// What evaluation sees.
pub(crate) struct Scope<'a> {
    pub(crate) store: &'a StoreInner,
    pub(crate) instance: &'a InstanceCell,
    /// How many globals, imports first, have their values.
    pub(crate) globals_ready: u32,
}

/// A constant expression that is not one: validation let none such pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Scope<'_> {
    /// The raw value of `expr`, which is of type `ty`.
    pub(crate) fn evaluate(&self, expr: &ConstExpr, ty: ValType) -> Result<VmGlobal, Malformed> {
        let value = match &expr.0[..] {
            [op] => self.operand(op, ty)?.ok_or(Malformed)?,
            ops => self.run(ops, ty)?,
        };
        if value.matches(self.store, ty) { Ok(value.to_raw()) } else { Err(Malformed) }
    }

    /// The value of an expression that gives an address or an index, of 32 bits or 64.
    pub(crate) fn offset(&self, expr: &ConstExpr, wide: bool) -> Result<u64, Malformed> {
        let ty = if wide { ValType::I64 } else { ValType::I32 };
        Ok(self.evaluate(expr, ty)?.0[0])
    }

    fn run(&self, ops: &[ConstOp], ty: ValType) -> Result<Val, Malformed> {
        let mut stack = Vec::with_capacity(4);
        for op in ops {
            let value = match self.operand(op, ty)? {
                Some(value) => value,
                None => {
                    let right = stack.pop().ok_or(Malformed)?;
                    let left = stack.pop().ok_or(Malformed)?;
                    combine(op, left, right)?
                }
            };
            stack.push(value);
        }
        match stack[..] {
            [value] => Ok(value),
            _ => Err(Malformed),
        }
    }

    /// What `op` pushes if it pops nothing. A null takes its kind from `ty`, the type of the whole expression: no
    /// operator takes references.
    fn operand(&self, op: &ConstOp, ty: ValType) -> Result<Option<Val>, Malformed> {
        Ok(Some(match *op {
            ConstOp::I32(v) => Val::I32(v),
            ConstOp::I64(v) => Val::I64(v),
            ConstOp::F32(bits) => Val::F32(bits),
            ConstOp::F64(bits) => Val::F64(bits),
            ConstOp::V128(bits) => Val::V128(bits),
            ConstOp::RefNull => Val::default_of(ty),
            ConstOp::GlobalGet(index) => self.global(index)?,
            ConstOp::RefFunc(index) => {
                let record = self.instance.record(FuncIndex(index)).ok_or(Malformed)?;
                Val::FuncRef(Some(Func::new(self.store.id(), record)))
            }
            _ => return Ok(None),
        }))
    }

    fn global(&self, index: u32) -> Result<Val, Malformed> {
        let ty = self.instance.module.desc().globals.get(index as usize).ok_or(Malformed)?;
        if index >= self.globals_ready {
            return Err(Malformed);
        }
        // SAFETY: the global has its value, which is of its type and of this store.
        Ok(unsafe { Val::from_raw(self.store.id(), ty.content, *self.instance.global(index).as_ptr()) })
    }
}

fn combine(op: &ConstOp, left: Val, right: Val) -> Result<Val, Malformed> {
    Ok(match (op, left, right) {
        (ConstOp::I32Add, Val::I32(a), Val::I32(b)) => Val::I32(a.wrapping_add(b)),
        (ConstOp::I32Sub, Val::I32(a), Val::I32(b)) => Val::I32(a.wrapping_sub(b)),
        (ConstOp::I32Mul, Val::I32(a), Val::I32(b)) => Val::I32(a.wrapping_mul(b)),
        (ConstOp::I64Add, Val::I64(a), Val::I64(b)) => Val::I64(a.wrapping_add(b)),
        (ConstOp::I64Sub, Val::I64(a), Val::I64(b)) => Val::I64(a.wrapping_sub(b)),
        (ConstOp::I64Mul, Val::I64(a), Val::I64(b)) => Val::I64(a.wrapping_mul(b)),
        _ => return Err(Malformed),
    })
}
