//! Functions as hosts hold them, and calls whose types are known only at run time. A function is its record; whether
//! Wasm or the host is behind it, a caller does not see.

use crate::abi::{CallLayout, Loc};
use crate::entry::{Registers, call_wasm};
use crate::store::{StoreId, StoreInner};
use crate::trap::Unwind;
use crate::types::{FuncType, TypeId, ValType};
use crate::value::{TypeMismatch, Val};
use crate::vmctx::{VmFuncRef, VmGlobal};
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

/// A function of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Func {
    store: StoreId,
    record: NonNull<VmFuncRef>,
}

// SAFETY: the pointer is followed only together with the store that owns the record; records do not change.
unsafe impl Send for Func {}
// SAFETY: as above.
unsafe impl Sync for Func {}

/// Why a call gave no results.
#[derive(Debug)]
pub enum CallError {
    /// The arguments are not what the function takes; it was not called.
    Type(TypeMismatch),
    /// The function trapped, or a host function failed or panicked.
    Unwind(Box<Unwind>),
}

impl From<TypeMismatch> for CallError {
    fn from(e: TypeMismatch) -> CallError {
        CallError::Type(e)
    }
}

impl From<Box<Unwind>> for CallError {
    fn from(e: Box<Unwind>) -> CallError {
        CallError::Unwind(e)
    }
}

/// A function type and how functions of it are called.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) ty: Arc<FuncType>,
    pub(crate) layout: CallLayout,
    floats: bool,
}

impl Signature {
    pub(crate) fn new(ty: Arc<FuncType>) -> Signature {
        let layout = CallLayout::new(&ty);
        let floats = layout.params.iter().chain(&layout.results).any(|loc| matches!(loc, Loc::Fpr(_)));
        Signature { ty, layout, floats }
    }
}

impl Func {
    /// The function whose record is `record`, a live one of the store.
    pub(crate) fn new(store: StoreId, record: NonNull<VmFuncRef>) -> Func {
        Func { store, record }
    }

    pub(crate) fn store_id(&self) -> StoreId {
        self.store
    }

    pub(crate) fn as_non_null(&self) -> NonNull<VmFuncRef> {
        self.record
    }

    pub(crate) fn record<'a>(&self, store: &'a StoreInner) -> &'a VmFuncRef {
        store.check(self.store, "a function");
        // SAFETY: records live as long as their store, and do not change.
        unsafe { self.record.as_ref() }
    }

    /// The identity of its type.
    pub fn type_id(&self, store: &StoreInner) -> TypeId {
        TypeId(self.record(store).type_id)
    }

    /// Its type.
    pub fn ty(&self, store: &StoreInner) -> Arc<FuncType> {
        store.types().get(self.type_id(store))
    }

    /// Calls it.
    ///
    /// # Errors
    /// When number or types of `params` or the number of `results` are not its type's; when it traps or fails.
    ///
    /// # Panics
    /// When it, or a reference among `params`, is of another store.
    pub fn call(&self, store: &mut StoreInner, params: &[Val], results: &mut [Val]) -> Result<(), CallError> {
        let signature = store.signature(self.type_id(store));
        check_params(store, &signature.ty, params)?;
        if results.len() != signature.ty.results.len() {
            let (have, want) = (results.len(), signature.ty.results.len());
            return Err(TypeMismatch(format!("type mismatch: room for {have} results, not {want}")).into());
        }
        let cells = (signature.layout.stack_bytes + signature.layout.result_area_bytes) as usize / 16;
        // SAFETY: the parameters match the function's type and are of this store; so much memory is what it needs.
        let done = unsafe {
            match cells {
                0 => self.call_raw(store, &signature, params, results, &mut []),
                1..=16 => {
                    let mut memory = [VmGlobal::default(); 16];
                    self.call_raw(store, &signature, params, results, &mut memory[..cells])
                }
                _ => self.call_raw(store, &signature, params, results, &mut vec![VmGlobal::default(); cells]),
            }
        };
        done.map_err(CallError::Unwind)
    }

    /// Calls it with `memory` as room for stack arguments and results in memory.
    ///
    /// # Safety
    /// `signature` is the function's; parameters, results and memory are as it says.
    unsafe fn call_raw(
        &self,
        store: &mut StoreInner,
        signature: &Signature,
        params: &[Val],
        results: &mut [Val],
        memory: &mut [VmGlobal],
    ) -> Result<(), Box<Unwind>> {
        let layout = &signature.layout;
        let (stack, area) = memory.split_at_mut(layout.stack_bytes as usize / 16);
        let stack = words(stack);
        let (code, vmctx) = {
            let record = self.record(store);
            (record.entry, record.vmctx as u64)
        };
        let mut regs = Registers::new(signature.floats);
        regs.set_gpr(0, vmctx);
        let area_at = area.as_mut_ptr();
        if layout.result_area_bytes != 0 {
            regs.set_gpr(1, area_at as u64);
        }
        for (param, loc) in params.iter().zip(&layout.params) {
            let [low, high] = param.to_raw().0;
            match *loc {
                Loc::Gpr(n) => regs.set_gpr(n.into(), low),
                Loc::Fpr(n) => regs.set_fpr(n.into(), u128::from(low) | u128::from(high) << 64),
                Loc::Mem(at) => {
                    stack[at as usize / 8] = low;
                    if matches!(param, Val::V128(_)) {
                        stack[at as usize / 8 + 1] = high;
                    }
                }
            }
        }
        let max_stack = store.limits().max_wasm_stack_bytes;
        // SAFETY: the entry point is that of a function of this type, and the arguments are laid out accordingly.
        // The store is borrowed exclusively; from here to the return it is reached by raw pointers only.
        unsafe { call_wasm(store.vm(), code, &mut regs, stack, max_stack)? };
        for ((result, loc), ty) in results.iter_mut().zip(&layout.results).zip(&signature.ty.results) {
            let raw = match *loc {
                Loc::Gpr(n) => VmGlobal([regs.gpr(n.into()), 0]),
                Loc::Fpr(n) => {
                    let bits = regs.fpr(n.into());
                    VmGlobal([bits as u64, (bits >> 64) as u64])
                }
                // SAFETY: results in memory are 16 bytes each from the start of the area.
                Loc::Mem(at) => unsafe { area_at.byte_add(at as usize).read() },
            };
            // SAFETY: compiled code is validated and host functions are checked: results are of their types.
            *result = unsafe { Val::from_raw(self.store, *ty, raw) };
        }
        Ok(())
    }
}

/// 16-byte cells as words.
pub(crate) fn words(cells: &mut [VmGlobal]) -> &mut [u64] {
    // SAFETY: a `VmGlobal` is two words, and its alignment is more than theirs.
    unsafe { std::slice::from_raw_parts_mut(cells.as_mut_ptr().cast(), cells.len() * 2) }
}

fn check_params(store: &StoreInner, ty: &FuncType, params: &[Val]) -> Result<(), TypeMismatch> {
    if params.len() != ty.params.len() {
        let (have, want) = (params.len(), ty.params.len());
        return Err(TypeMismatch(format!("type mismatch: {have} arguments, not {want}")));
    }
    let wrong = |(value, ty): &(&Val, &ValType)| !value.matches(store, **ty);
    match params.iter().zip(&ty.params).enumerate().find(|(_, pair)| wrong(pair)) {
        None => Ok(()),
        Some((i, (_, ty))) => Err(TypeMismatch(format!("type mismatch: argument {i} is not of type {ty}"))),
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Type(e) => e.fmt(f),
            CallError::Unwind(_) => f.write_str("the call ended early"),
        }
    }
}

impl std::error::Error for CallError {}
