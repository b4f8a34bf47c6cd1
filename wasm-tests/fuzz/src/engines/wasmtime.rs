//! wasmtime as an engine that is compared: it shares latier's code generator, so it checks the translation and the
//! executor; it has all that latier may have.

use super::{Instance, Start};
use crate::said::{Outcome, State, Trap, Value};
use wasmtime::{Collector, Config, Engine, Extern, Module, OptLevel, Store, ThrownException, Val, ValType};

/// wasmtime, with everything on that it has.
pub struct Wasmtime(Engine);

impl Wasmtime {
    /// An engine.
    pub fn new() -> anyhow::Result<Wasmtime> {
        let mut config = Config::new();
        config.cranelift_opt_level(OptLevel::None).collector(Collector::Null);
        config.wasm_exceptions(true).wasm_function_references(true).wasm_gc(true);
        config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true).wasm_multi_memory(true);
        config.wasm_memory64(true).wasm_threads(true).wasm_tail_call(true);
        let engine = Engine::new(&config).map_err(|error| anyhow::anyhow!("{error:#}"))?;
        Ok(Wasmtime(engine))
    }
}

impl super::Engine for Wasmtime {
    fn name(&self) -> &'static str {
        "wasmtime"
    }

    fn start(&self, wasm: &[u8]) -> Result<Box<dyn Instance>, Start> {
        let module =
            Module::from_binary(&self.0, wasm).map_err(|error| Start::Refused(format!("{error:#}")))?;
        let mut store = Store::new(&self.0, ());
        match wasmtime::Instance::new(&mut store, &module, &[]) {
            Ok(instance) => Ok(Box::new(Guest { store, instance })),
            Err(error) => Err(Start::Ended(stopped(&error))),
        }
    }
}

struct Guest {
    store: Store<()>,
    instance: wasmtime::Instance,
}

impl Instance for Guest {
    fn call(&mut self, function: &str, arguments: &[Value]) -> Outcome {
        let Some(function) = self.instance.get_func(&mut self.store, function) else {
            return Outcome::Failed("no such export".into());
        };
        let ty = function.ty(&self.store);
        let given: Option<Vec<Val>> =
            ty.params().zip(arguments).map(|(ty, value)| to_wasmtime(&ty, value)).collect();
        let Some(given) = given else { return Outcome::Failed("takes other arguments".into()) };
        let mut results = vec![Val::I32(0); ty.results().len()];
        match function.call(&mut self.store, &given, &mut results) {
            Ok(()) => Outcome::Values(results.iter().map(from_wasmtime).collect()),
            Err(error) => stopped(&error),
        }
    }

    fn state(&mut self, item: &str) -> Option<State> {
        let store = &mut self.store;
        Some(match self.instance.get_export(&mut *store, item) {
            Some(Extern::Memory(memory)) => State::Memory(memory.data(&*store).to_vec()),
            Some(Extern::Global(global)) => State::Global(from_wasmtime(&global.get(&mut *store))),
            Some(Extern::Table(table)) => {
                let elements = 0..table.size(&*store);
                State::Table(
                    elements.map(|i| table.get(&mut *store, i).is_some_and(|r| !r.is_null())).collect(),
                )
            }
            // A shared memory's bytes are shown to unsafe code only.
            Some(_) => return None,
            None => State::Missing,
        })
    }
}

fn to_wasmtime(ty: &ValType, value: &Value) -> Option<Val> {
    Some(match *value {
        Value::I32(v) => Val::I32(v),
        Value::I64(v) => Val::I64(v),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits.into()),
        Value::Null | Value::Reference => return Val::default_for_ty(ty),
    })
}

fn from_wasmtime(value: &Val) -> Value {
    match value {
        Val::I32(v) => Value::I32(*v),
        Val::I64(v) => Value::I64(*v),
        Val::F32(bits) => Value::F32(*bits),
        Val::F64(bits) => Value::F64(*bits),
        Val::V128(bits) => Value::V128(bits.as_u128()),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => Value::Null,
        _ => Value::Reference,
    }
}

fn stopped(error: &wasmtime::Error) -> Outcome {
    if error.downcast_ref::<ThrownException>().is_some() {
        return Outcome::Trap(Trap::Exception);
    }
    let limit = || Outcome::Limit(format!("{error:#}"));
    let Some(trap) = error.downcast_ref::<wasmtime::Trap>() else { return limit() };
    Outcome::Trap(match trap {
        wasmtime::Trap::UnreachableCodeReached => Trap::Unreachable,
        wasmtime::Trap::MemoryOutOfBounds => Trap::Memory,
        wasmtime::Trap::TableOutOfBounds => Trap::Table,
        wasmtime::Trap::IndirectCallToNull | wasmtime::Trap::NullReference => Trap::Null,
        wasmtime::Trap::BadSignature => Trap::Signature,
        wasmtime::Trap::IntegerOverflow => Trap::Overflow,
        wasmtime::Trap::IntegerDivisionByZero => Trap::DivisionByZero,
        wasmtime::Trap::BadConversionToInteger => Trap::Conversion,
        wasmtime::Trap::HeapMisaligned => Trap::Unaligned,
        wasmtime::Trap::AtomicWaitNonSharedMemory => Trap::NotShared,
        _ => return limit(),
    })
}
