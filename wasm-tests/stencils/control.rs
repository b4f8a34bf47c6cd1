//! The negative control: bodies spoilt on their way to the first tier are found by the comparison, and only they.

use crate::bodies::{Bodies, Extent};
use crate::compare::compare;
use crate::operators::{ACCESSES, CHOICES, Group, NUMERIC, groups};
use latier::Tier;
use latier::compile::{Backend, CompileError, Compiled, FunctionBody};
use latier::session::WrapBackend;
use latier_runtime::module::ModuleDesc;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmparser::{BinaryReader, Operator};

/// Says which opcode an operator of a body gets instead of its own.
type Spoil = fn(u32, &Operator<'_>) -> Option<u8>;

/// Compiles a body in which something is another.
struct Spoiling {
    backend: Arc<dyn Backend>,
    spoil: Spoil,
}

impl Backend for Spoiling {
    fn compile(&self, module: &ModuleDesc, body: FunctionBody<'_>) -> Result<Compiled, CompileError> {
        let mut bytes = body.bytes.to_vec();
        let parsed = wasmparser::FunctionBody::new(BinaryReader::new(body.bytes, 0));
        let mut reader = parsed.get_operators_reader().unwrap();
        while !reader.eof() {
            let at = reader.original_position() as usize;
            if let Some(opcode) = (self.spoil)(body.index.0 - 1, &reader.read().unwrap()) {
                bytes[at] = opcode;
            }
        }
        self.backend.compile(module, FunctionBody { bytes: &bytes, ..body })
    }
}

/// An operator that becomes another on the way: its table, its name, and the opcodes of both.
const SPOILS: &[(&str, &str, Spoil)] = &[
    (NUMERIC, "i32.add", |n, op| (odd(n) && matches!(op, Operator::I32Add)).then_some(0x6b)),
    (NUMERIC, "i32.div_s", |n, op| (odd(n) && matches!(op, Operator::I32DivS)).then_some(0x6e)),
    (NUMERIC, "f64.add", |n, op| (odd(n) && matches!(op, Operator::F64Add)).then_some(0xa1)),
    (NUMERIC, "i64.extend_i32_s", |n, op| (odd(n) && matches!(op, Operator::I64ExtendI32S)).then_some(0xad)),
    (CHOICES, "i32.lt_s", |n, op| (odd(n) && matches!(op, Operator::I32LtS)).then_some(0x49)),
    (CHOICES, "i64.eqz", |n, op| (odd(n) && matches!(op, Operator::I64Eqz)).then_some(0xa7)),
    (ACCESSES, "i32.load8_s", |n, op| (odd(n) && matches!(op, Operator::I32Load8S { .. })).then_some(0x2d)),
    (ACCESSES, "i64.store32", |n, op| (odd(n) && matches!(op, Operator::I64Store32 { .. })).then_some(0x3d)),
];

fn odd(n: u32) -> bool {
    !n.is_multiple_of(2)
}

#[test]
fn a_spoilt_body_is_found() {
    for (table, name, spoil) in SPOILS {
        let mut bodies = Bodies::default();
        for group in groups(table).iter().filter(|group| group.operators.iter().any(|op| op == name)) {
            let params = group.params.iter().map(|kind| if *kind == "a" { "a32" } else { kind }).collect();
            let placed = Group { params, results: group.results.clone(), operators: vec![] };
            let operator = if group.params[0] == "a" { format!("{name} $m") } else { (*name).into() };
            bodies.operator(&operator, &placed, Extent::Full, true);
        }
        let spoil = *spoil;
        let wrap: WrapBackend = Arc::new(move |_: Tier, backend| Arc::new(Spoiling { backend, spoil }));
        let report = compare(&bodies.made, Some(&wrap));
        let found: BTreeSet<usize> = report.differences.iter().map(|(n, _)| *n).collect();
        assert!(found.iter().all(|n| odd(*n as u32)), "{name}: {:?}", report.differences);
        let mut spoilt = 0;
        for (n, body) in bodies.made.iter().enumerate().filter(|(n, _)| odd(*n as u32)) {
            spoilt += 1;
            // With some constants both operators are the same, and some are 0 for the same values.
            let alike =
                body.name.contains("Constant") || body.name.ends_with("If") || body.name.ends_with("IfValue");
            assert!(found.contains(&n) || alike, "{name} became another in {}", body.name);
        }
        println!("{name}: of {spoilt} spoilt bodies {} are found", found.len());
        assert!(spoilt > 0 && found.len() > spoilt / 5, "{name}: {} of {spoilt}", found.len());
    }
}
