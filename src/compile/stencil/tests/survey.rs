//! Every operator that has stencils, with the types of its operands, from the list that the proof of the first tier
//! runs; and every form that the pass may ask for.

use crate::compile::stencil::form::{Class, Exit, Form, Ty};
use crate::compile::stencil::operator::{self, Template};
use crate::compile::stencil::quick::{BR_IF, IF, is_comparison};
use crate::compile::stencil::table::{Instance, Row, Table};
use crate::wasm::{self, Features, ModuleBytes};
use latier_runtime::types::TypeRegistry;
use std::collections::BTreeSet;
use std::fmt::Write;
use wasmparser::{Operator, OperatorsReader, Parser, ValidPayload, Validator, WasmFeatures};

#[path = "../../../../wasm-tests/stencils/operators.rs"]
mod operators;

use operators::{ACCESSES, AROUND, ATOMICS, CHOICES, ENTITIES, NUMERIC, VECTORS, groups, type_of};

/// Memories, with offsets at which accesses are not alike.
const PLACES: [(&str, u64); 8] = [
    ("$m", 8),
    ("$m", 32 << 20),
    ("$m64", 8),
    ("$m64", 32 << 20),
    ("$io2", 8),
    ("$io2", 32 << 20),
    ("$sh", 8),
    ("$sh", 32 << 20),
];

/// What is control or calls and has a stencil nevertheless.
const CONTROL: &str = r#"(tag $tag) (type $nothing (func))
    (func (param i32) block local.get 0 br_if 0 end)
    (func (param funcref) block local.get 0 br_on_null 0 drop end)
    (func (param i32) local.get 0 call_indirect $t (type $nothing))
    (func (param i32) local.get 0 call_indirect $fixed (type $nothing))
    (func (param i64) local.get 0 call_indirect $t64 (type $nothing))
    (func (param (ref null $nothing)) local.get 0 call_ref $nothing)
    (func throw $tag)
    (func (param exnref) local.get 0 throw_ref)
"#;

/// The bytes of `br_if 0`.
const BRANCH: [u8; 2] = [BR_IF, 0];

/// An operator as it stands in a body of the survey's module.
pub(super) struct Spelled {
    /// It in words.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) params: Vec<Ty>,
    pub(super) template: Template,
}

/// All operators, each once for all that its code depends on.
pub(super) struct Survey {
    pub(super) module: wasm::Module,
    pub(super) operators: Vec<Spelled>,
}

impl Survey {
    pub(super) fn new() -> Survey {
        let bytes = wat::parse_str(text()).unwrap_or_else(|e| panic!("{e}"));
        let mut features = Features::default();
        for feature in ["threads", "wide-arithmetic", "function-references", "custom-page-sizes"] {
            features.enable(feature, true).unwrap();
        }
        let module =
            wasm::Module::parse(ModuleBytes::from(bytes.clone()), features, &TypeRegistry::new()).unwrap();
        let mut survey = Survey { module, operators: Vec::new() };
        let mut seen = BTreeSet::new();
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        for payload in Parser::new(0).parse_all(&bytes) {
            let valid = validator.payload(&payload.unwrap()).unwrap();
            let ValidPayload::Func(function, body) = valid else { continue };
            let mut function = function.into_validator(Default::default());
            let mut reader = body.get_binary_reader();
            function.read_locals(&mut reader).unwrap();
            let mut reader = OperatorsReader::new(reader);
            while !reader.eof() {
                let at = reader.original_position();
                let op = reader.read().unwrap();
                let its = match op {
                    // The pass loads the reference and branches on it.
                    Operator::BrOnNull { .. } => &BRANCH[..],
                    _ => &bytes[at as usize..reader.original_position() as usize],
                };
                let spelled = if its == BRANCH { Operator::BrIf { relative_depth: 0 } } else { op.clone() };
                let ty = |depth| function.get_operand_type(depth).flatten().map_or(Ty::I64, Ty::of_parsed);
                let params = operands(&op).map(|count| (0..count).rev().map(ty).collect());
                survey.add(&mut seen, &spelled, its, params);
                function.op(at, &op).unwrap();
            }
        }
        survey
    }

    fn add(
        &mut self,
        seen: &mut BTreeSet<Vec<u8>>,
        op: &Operator<'_>,
        bytes: &[u8],
        params: Option<Vec<Ty>>,
    ) {
        let Some(params) = params else { return };
        let template = operator::template(&self.module.desc, op, operator::memarg(op), bytes);
        let template = template.unwrap_or_else(|| panic!("{op:?} has no template"));
        let types = params.iter().map(|ty| *ty as u8);
        if seen.insert(template.key.iter().copied().chain([0xff]).chain(types).collect()) {
            let name = format!("{op:?} {params:?}").replace(" { ", "{").replace(" }", "}");
            self.operators.push(Spelled { name, bytes: bytes.to_vec(), params, template });
        }
    }

    pub(super) fn instance<'a>(&'a self, spelled: &'a Spelled) -> Instance<'a> {
        Instance { module: &self.module.desc, bytes: &spelled.bytes }
    }

    /// The row of an operator.
    pub(super) fn row(&self, table: &Table, spelled: &Spelled) -> Result<&'static Row, String> {
        table.row(&spelled.template, &spelled.params, self.instance(spelled))
    }
}

/// How many operands an operator's stencil takes; `None` if it has no stencil of its own.
fn operands(op: &Operator<'_>) -> Option<usize> {
    match op {
        Operator::LocalGet { .. } | Operator::LocalSet { .. } | Operator::LocalTee { .. } => None,
        Operator::I32Const { .. } | Operator::I64Const { .. } | Operator::V128Const { .. } => None,
        Operator::F32Const { .. } | Operator::F64Const { .. } | Operator::RefNull { .. } => None,
        Operator::Drop | Operator::Nop => None,
        Operator::Throw { .. } => Some(0),
        Operator::BrIf { .. } | Operator::BrOnNull { .. } | Operator::ThrowRef => Some(1),
        Operator::CallIndirect { .. } | Operator::CallRef { .. } => Some(1),
        op => operator::operands(op),
    }
}

/// The forms that the pass may ask for.
pub(super) fn forms(row: &Row, opcode: u8) -> Vec<Form> {
    let count = row.params.len();
    if row.calls || count > 3 || row.results.len() > 1 {
        return vec![Form::FRAME];
    }
    let exits: &[Exit] = match opcode {
        IF | BR_IF => &[Exit::BranchIf, Exit::BranchUnless],
        opcode if is_comparison(opcode) => &[Exit::Next, Exit::BranchIf, Exit::BranchUnless],
        _ => &[Exit::Next],
    };
    let mut forms = Vec::new();
    for (exit, rotation) in exits.iter().flat_map(|exit| (0..3).map(move |rotation| (*exit, rotation))) {
        for number in 0..3usize.pow(count as u32) {
            let mut classes = [Class::Register; 3];
            for (n, class) in classes.iter_mut().enumerate().take(count) {
                *class = [Class::Register, Class::Memory, Class::Constant][number / 3usize.pow(n as u32) % 3];
            }
            forms.push(Form { rotation, classes, exit, frame: false });
        }
    }
    forms.retain(|form| !row.refuses(*form));
    forms
}

/// The text of a module with every operator.
fn text() -> String {
    let mut text = format!("(module {CONTROL} {AROUND}\n");
    let mut function = |params: &[&str], results: &[&str], operator: &str| {
        let types: Vec<_> = params.iter().map(|kind| type_of(kind)).collect();
        write!(text, "(func (param {}) (local $n i32) ", types.join(" ")).unwrap();
        (0..params.len()).for_each(|n| write!(text, "local.get {n} ").unwrap());
        writeln!(text, "{operator} {})", "drop ".repeat(results.len())).unwrap();
    };
    for group in [NUMERIC, CHOICES, VECTORS, ENTITIES].into_iter().flat_map(groups) {
        group.operators.iter().for_each(|operator| function(&group.params, &group.results, operator));
    }
    for group in [ACCESSES, ATOMICS].into_iter().flat_map(groups) {
        for ((memory, offset), operator) in
            PLACES.iter().flat_map(|p| group.operators.iter().map(move |o| (p, o)))
        {
            let address = if *memory == "$m64" { "a64" } else { "a32" };
            let params: Vec<_> =
                group.params.iter().map(|kind| if *kind == "a" { address } else { kind }).collect();
            function(&params, &group.results, &operators::placed(operator, &params, memory, *offset));
        }
    }
    text + ")"
}
