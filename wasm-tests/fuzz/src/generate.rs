//! From a seed, a module that ends and what to call of it. The same seed gives the same case on every machine and in
//! every process. Knows no engine.

use crate::features;
use crate::said::Value;
use anyhow::{Context as _, Result};
use arbitrary::{Arbitrary, Unstructured};
use fastrand::Rng;
use latier::Features;
use wasm_smith::{Config, InstructionKinds, Module};
use wasmparser::types::EntityType;
use wasmparser::{Operator, Parser, Payload, ValType, Validator};

/// Bytes that a memory can grow to.
const MAX_MEMORY: u64 = 4 << 16;
/// Elements that a table can grow to.
const MAX_TABLE: u64 = 200;
/// How often every function is called.
const ROUNDS: usize = 2;
/// Calls of a module.
const MAX_CALLS: usize = 40;

/// A call of an exported function.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name it is exported by.
    pub function: String,
    /// What it is called with.
    pub arguments: Vec<Value>,
}

/// A module and what is to be done with it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The module's binary.
    pub wasm: Vec<u8>,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// Names of the exports that are looked at in the end: memories, globals, tables.
    pub items: Vec<String>,
}

impl Case {
    /// The case of a seed; `None` when its module is of no use: it could wait for ever.
    ///
    /// # Errors
    /// When the generator fails, or makes what latier's own features do not allow.
    pub fn new(seed: u64) -> Result<Option<Case>> {
        let mut rng = Rng::with_seed(seed);
        let mut bytes = vec![0; 1 << rng.u32(9..15)];
        rng.fill(&mut bytes);
        let mut input = Unstructured::new(&bytes);
        let config = config(&mut rng, &mut input)?;
        let mut module = Module::new(config, &mut input).context("the generator failed")?;
        module.ensure_termination([200, 2_000, 20_000][rng.usize(..3)])?;
        let wasm = module.to_bytes();
        let types = Validator::new_with_features(Features::default().flags())
            .validate_all(&wasm)
            .context("generated what latier's features do not allow")?;
        if waits(&wasm)? {
            return Ok(None);
        }
        let types = types.as_ref();
        let mut functions = vec![];
        let mut items = vec![];
        for (name, entity) in types.core_exports().into_iter().flatten() {
            match entity {
                EntityType::Func(id) => functions.push((name, types[id].unwrap_func().params())),
                EntityType::Memory(_) | EntityType::Global(_) | EntityType::Table(_) => {
                    items.push(name.to_owned());
                }
                EntityType::Tag(_) | EntityType::FuncExact(_) => {}
            }
        }
        let calls = (0..ROUNDS).flat_map(|_| &functions).filter_map(|(name, params)| {
            let arguments = params.iter().map(|ty| argument(&mut rng, *ty)).collect::<Option<_>>()?;
            Some(Call { function: (*name).to_owned(), arguments })
        });
        let calls = calls.take(MAX_CALLS).collect();
        Ok(Some(Case { wasm, calls, items }))
    }
}

fn config(rng: &mut Rng, input: &mut Unstructured) -> Result<Config> {
    let mut config = Config {
        min_funcs: rng.usize(1..6),
        max_funcs: rng.usize(6..16),
        max_types: rng.usize(1..20),
        max_type_size: 200,
        max_imports: 0,
        max_globals: rng.usize(0..10),
        max_tags: 4,
        max_instructions: [20, 100, 400][rng.usize(..3)],
        max_data_segments: 5,
        max_element_segments: 5,
        max_elements: 20,
        max_memory32_bytes: MAX_MEMORY,
        max_memory64_bytes: u128::from(MAX_MEMORY),
        memory_max_size_required: true,
        max_table_elements: MAX_TABLE,
        table_max_size_required: true,
        disallow_traps: rng.bool(),
        allow_floats: rng.u8(..4) != 0,
        canonicalize_nans: true,
        export_everything: true,
        ..Config::default()
    };
    features::choose(&mut config, || rng.u8(..4) != 0);
    if rng.bool() {
        config.allowed_instructions = Config::arbitrary(input)?.allowed_instructions;
    } else {
        config.allowed_instructions = InstructionKinds::all();
    }
    Ok(config)
}

/// Whether a module could wait to be notified, which nobody would do.
fn waits(wasm: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::CodeSectionEntry(body) = payload? else { continue };
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } => return Ok(true),
                _ => {}
            }
        }
    }
    Ok(false)
}

/// A value to call with; `None` when there is none of the type.
fn argument(rng: &mut Rng, ty: ValType) -> Option<Value> {
    Some(match ty {
        ValType::I32 => Value::I32(integer(rng) as i32),
        ValType::I64 => Value::I64(integer(rng)),
        ValType::F32 => Value::F32(float32(rng)),
        ValType::F64 => Value::F64(float64(rng)),
        ValType::V128 => Value::V128(u128::from(float64(rng)) << 64 | integer(rng) as u64 as u128),
        ValType::Ref(ty) if ty.is_nullable() => Value::Null,
        ValType::Ref(_) => return None,
    })
}

/// Ends of the ranges, small ones, and any.
fn integer(rng: &mut Rng) -> i64 {
    const ENDS: [i64; 8] = [0, 1, -1, i32::MAX as i64, i32::MIN as i64, u32::MAX as i64, i64::MAX, i64::MIN];
    match rng.u8(..4) {
        0 => ENDS[rng.usize(..ENDS.len())],
        1 => rng.i64(-300..300),
        2 => i64::from(rng.u32(..70_000)),
        _ => rng.i64(..),
    }
}

/// Special ones, conversions' limits, and any; of the NaNs only the canonical one.
fn float64(rng: &mut Rng) -> u64 {
    const SPECIAL: [f64; 10] = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        2147483648.0,
        9223372036854775808.0,
        4294967295.5,
    ];
    let value = match rng.u8(..3) {
        0 => SPECIAL[rng.usize(..SPECIAL.len())],
        1 => rng.i32(-1000..1000) as f64 / 8.0,
        _ => f64::from_bits(rng.u64(..)),
    };
    if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() }
}

fn float32(rng: &mut Rng) -> u32 {
    let value = match rng.bool() {
        true => f64::from_bits(float64(rng)) as f32,
        false => f32::from_bits(rng.u32(..)),
    };
    if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_case() {
        for seed in 0..20 {
            let (Some(a), Some(b)) = (Case::new(seed).unwrap(), Case::new(seed).unwrap()) else { continue };
            assert_eq!(a.wasm, b.wasm);
            assert_eq!(format!("{:?}", a.calls), format!("{:?}", b.calls));
        }
    }
}
