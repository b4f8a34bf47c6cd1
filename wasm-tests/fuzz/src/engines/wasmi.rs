//! wasmi as an engine that is compared: an interpreter, so nothing of it is latier's kin. What it lacks it refuses.

use super::{Instance, Start};
use crate::said::{Outcome, State, Trap, Value};
use wasmi::errors::{ErrorKind, InstantiationError};
use wasmi::{Config, Engine, Extern, F32, F64, Linker, Module, Nullable, Ref, Store, TrapCode, V128, Val};

/// wasmi, with everything on that it has.
pub struct Wasmi(Engine);

impl Wasmi {
    /// An engine.
    pub fn new() -> Wasmi {
        let mut config = Config::default();
        config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true).wasm_multi_memory(true);
        config.wasm_memory64(true).wasm_simd(true).wasm_tail_call(true);
        Wasmi(Engine::new(&config))
    }
}

impl super::Engine for Wasmi {
    fn name(&self) -> &'static str {
        "wasmi"
    }

    fn start(&self, wasm: &[u8]) -> Result<Box<dyn Instance>, Start> {
        let module = Module::new(&self.0, wasm).map_err(|error| Start::Refused(error.to_string()))?;
        let mut store = Store::new(&self.0, ());
        match Linker::new(&self.0).instantiate_and_start(&mut store, &module) {
            Ok(instance) => Ok(Box::new(Guest { store, instance })),
            Err(error) => Err(Start::Ended(stopped(&error))),
        }
    }
}

struct Guest {
    store: Store<()>,
    instance: wasmi::Instance,
}

impl Instance for Guest {
    fn call(&mut self, function: &str, arguments: &[Value]) -> Outcome {
        let Some(function) = self.instance.get_func(&self.store, function) else {
            return Outcome::Failed("no such export".into());
        };
        let ty = function.ty(&self.store);
        let given: Vec<Val> =
            ty.params().iter().zip(arguments).map(|(ty, value)| to_wasmi(*ty, value)).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        match function.call(&mut self.store, &given, &mut results) {
            Ok(()) => Outcome::Values(results.iter().map(from_wasmi).collect()),
            Err(error) => stopped(&error),
        }
    }

    fn state(&mut self, item: &str) -> Option<State> {
        let store = &self.store;
        Some(match self.instance.get_export(store, item) {
            Some(Extern::Memory(memory)) => State::Memory(memory.data(store).to_vec()),
            Some(Extern::Global(global)) => State::Global(from_wasmi(&global.get(store))),
            Some(Extern::Table(table)) => {
                let set = |element: Option<Ref>| match element {
                    Some(Ref::Func(function)) => !function.is_null(),
                    Some(Ref::Extern(data)) => !data.is_null(),
                    None => false,
                };
                State::Table((0..table.size(store)).map(|i| set(table.get(store, i))).collect())
            }
            Some(Extern::Func(_)) => return None,
            None => State::Missing,
        })
    }
}

fn to_wasmi(ty: wasmi::ValType, value: &Value) -> Val {
    match *value {
        Value::I32(v) => Val::I32(v),
        Value::I64(v) => Val::I64(v),
        Value::F32(bits) => Val::F32(F32::from_bits(bits)),
        Value::F64(bits) => Val::F64(F64::from_bits(bits)),
        Value::V128(bits) => Val::V128(V128::from(bits)),
        Value::Null | Value::Reference => Val::default_for_ty(ty),
    }
}

fn from_wasmi(value: &Val) -> Value {
    match value {
        Val::I32(v) => Value::I32(*v),
        Val::I64(v) => Value::I64(*v),
        Val::F32(v) => Value::F32(v.to_bits()),
        Val::F64(v) => Value::F64(v.to_bits()),
        Val::V128(v) => Value::V128(v.as_u128()),
        Val::FuncRef(Nullable::Null) | Val::ExternRef(Nullable::Null) => Value::Null,
        Val::FuncRef(_) | Val::ExternRef(_) => Value::Reference,
    }
}

fn stopped(error: &wasmi::Error) -> Outcome {
    if let ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) = error.kind() {
        return Outcome::Trap(Trap::Table);
    }
    Outcome::Trap(match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Trap::Unreachable,
        Some(TrapCode::MemoryOutOfBounds) => Trap::Memory,
        Some(TrapCode::TableOutOfBounds) => Trap::Table,
        Some(TrapCode::IndirectCallToNull) => Trap::Null,
        Some(TrapCode::BadSignature) => Trap::Signature,
        Some(TrapCode::IntegerOverflow) => Trap::Overflow,
        Some(TrapCode::IntegerDivisionByZero) => Trap::DivisionByZero,
        Some(TrapCode::BadConversionToInteger) => Trap::Conversion,
        _ => return Outcome::Limit(error.to_string()),
    })
}
