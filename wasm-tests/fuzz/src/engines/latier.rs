//! latier as an engine that is compared. Its failures count against it.

use super::{Instance, Start};
use crate::said::{Outcome, State, Trap, Value};
use latier::{Config, Engine, Extern, Mode, Module, Store, TierUp, Val};

/// latier in one mode.
pub struct Latier {
    engine: Engine,
    name: &'static str,
}

impl Latier {
    /// An engine of a mode.
    pub fn new(mode: Mode) -> latier::Result<Latier> {
        Ok(Latier { engine: Engine::new(Config::new().mode(mode))?, name: mode.row().name })
    }

    /// An engine in which everything is optimized at its second call, and every loop left in its second round.
    pub fn stepped() -> latier::Result<Latier> {
        let engine = Engine::new(Config::new().tier_up(TierUp::Stepped(2)))?;
        Ok(Latier { engine, name: "tiered-stepped" })
    }
}

impl super::Engine for Latier {
    fn name(&self) -> &'static str {
        self.name
    }

    fn start(&self, wasm: &[u8]) -> Result<Box<dyn Instance>, Start> {
        let failed = |error| Start::Ended(Outcome::Failed(format!("{error:#}")));
        let module = Module::from_binary(&self.engine, wasm).map_err(failed)?;
        let mut store = Store::new(&self.engine, ());
        match latier::Instance::new(&mut store, &module, &[]) {
            Ok(instance) => Ok(Box::new(Guest { store, instance })),
            Err(error) => Err(Start::Ended(stopped(&error))),
        }
    }
}

struct Guest {
    store: Store<()>,
    instance: latier::Instance,
}

impl Instance for Guest {
    fn call(&mut self, function: &str, arguments: &[Value]) -> Outcome {
        let Some(function) = self.instance.get_func(&mut self.store, function) else {
            return Outcome::Failed("no such export".into());
        };
        let ty = function.ty(&self.store);
        let given: Option<Vec<Val>> =
            ty.params().zip(arguments).map(|(ty, value)| to_latier(&ty, value)).collect();
        let Some(given) = given else { return Outcome::Failed("takes other arguments".into()) };
        let mut results = vec![Val::I32(0); ty.results().len()];
        match function.call(&mut self.store, &given, &mut results) {
            Ok(()) => Outcome::Values(results.iter().map(from_latier).collect()),
            Err(error) => stopped(&error),
        }
    }

    fn state(&mut self, item: &str) -> Option<State> {
        let store = &mut self.store;
        Some(match self.instance.get_export(&mut *store, item) {
            Some(Extern::Memory(memory)) => State::Memory(memory.data(&*store).to_vec()),
            Some(Extern::Global(global)) => State::Global(from_latier(&global.get(&mut *store))),
            Some(Extern::Table(table)) => {
                let elements = 0..table.size(&*store);
                State::Table(
                    elements.map(|i| table.get(&mut *store, i).is_some_and(|r| !r.is_null())).collect(),
                )
            }
            Some(_) => return None,
            None => State::Missing,
        })
    }
}

fn to_latier(ty: &latier::ValType, value: &Value) -> Option<Val> {
    Some(match *value {
        Value::I32(v) => Val::I32(v),
        Value::I64(v) => Val::I64(v),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits.into()),
        Value::Null | Value::Reference => return Val::default_for_ty(ty),
    })
}

fn from_latier(value: &Val) -> Value {
    match value {
        Val::I32(v) => Value::I32(*v),
        Val::I64(v) => Value::I64(*v),
        Val::F32(bits) => Value::F32(*bits),
        Val::F64(bits) => Value::F64(*bits),
        Val::V128(bits) => Value::V128(bits.as_u128()),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::ExnRef(None) => Value::Null,
        _ => Value::Reference,
    }
}

fn stopped(error: &latier::Error) -> Outcome {
    // Known by its words, so that this holds for every set of features.
    if error.chain().any(|cause| cause.to_string().starts_with("uncaught exception")) {
        return Outcome::Trap(Trap::Exception);
    }
    let failed = || Outcome::Failed(format!("{error:#}"));
    let Some(trap) = error.downcast_ref::<latier::Trap>() else { return failed() };
    Outcome::Trap(match trap {
        latier::Trap::UnreachableCodeReached => Trap::Unreachable,
        latier::Trap::MemoryOutOfBounds => Trap::Memory,
        latier::Trap::TableOutOfBounds => Trap::Table,
        latier::Trap::IndirectCallToNull | latier::Trap::NullReference => Trap::Null,
        latier::Trap::BadSignature => Trap::Signature,
        latier::Trap::IntegerOverflow => Trap::Overflow,
        latier::Trap::IntegerDivisionByZero => Trap::DivisionByZero,
        latier::Trap::BadConversionToInteger => Trap::Conversion,
        latier::Trap::HeapMisaligned => Trap::Unaligned,
        latier::Trap::AtomicWaitNonSharedMemory => Trap::NotShared,
        latier::Trap::StackOverflow => return Outcome::Limit("stack".into()),
        _ => return failed(),
    })
}
