//! From an object's parts to code that slots lead to.

use super::compile::{backends, lua, samples};
use criterion::{Bencher, Criterion, Throughput};
use latier::compile::FunctionBody;
use latier::link::{self, Identity, Placement, SymbolValue};
use latier::object::symbol::SymbolName;
use latier::object::{read, write};
use latier_runtime::abi::FuncIndex;
use latier_runtime::code_memory::ModuleCode;
use latier_runtime::registry::CodeRecord;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Object write, parse, link and finalize of the first tier's code.
pub fn objects(c: &mut Criterion) {
    let module = lua();
    let [(tier, backend), ..] = backends();
    for (size, body) in samples(&module) {
        let mut group = c.benchmark_group(format!("object of a function of {size}"));
        let object =
            backend.compile(&module.desc, FunctionBody::new(&module, &body)).expect("it compiles").object;
        group.throughput(Throughput::Bytes(object.len() as u64));
        let view = read::parse(&object).expect("it is well-formed");
        let relocation = |r: &read::Relocation| write::Relocation {
            offset: r.offset as u32,
            kind: r.kind,
            target: write::Target::Symbol(SymbolName { kind: "func", ordinal: r.offset as u32 % 16 }),
            addend: r.addend,
        };
        let relocations: Vec<_> = view.relocations.iter().map(relocation).collect();
        let mut writer = write::Writer::default();
        group.bench_function("write", |b| {
            b.iter(|| writer.object(black_box(view.text), 16, &relocations, view.sites, view.handlers));
        });
        group.bench_function("parse", |b| {
            b.iter(|| read::parse(black_box(&object)).expect("it is well-formed"))
        });
        let function = FuncIndex(0);
        group.bench_function("parse, link and finalize", |b| {
            let identity = Identity { function, tier, body_offset: body.offset };
            into_code_memory(b, |code| {
                let slot = code.slot_address(function);
                let callee = SymbolValue::Function { slot, callee: None };
                let value =
                    |name: &str| if name.starts_with("func.") { callee } else { SymbolValue::Absolute(64) };
                link::link(&object, code, identity, Placement::Next, &|name| Some(value(name)))
                    .expect("it links");
            });
        });
        group.bench_function("finalize", |b| {
            into_code_memory(b, |code| finalize(code, view.text.len(), view.sites))
        });
    }
}

fn finalize(code: &ModuleCode, len: usize, sites: &[u8]) {
    let record = CodeRecord {
        function: FuncIndex(0),
        tier: "baseline",
        sites: sites.into(),
        handlers: Box::default(),
        body_offset: 0,
    };
    code.allocate(len).expect("there is room").finalize(record).expect("there is room");
}

/// Times `work`, which uses up code memory: a fresh module's for every thousand rounds.
fn into_code_memory(b: &mut Bencher<'_>, work: impl Fn(&Arc<ModuleCode>)) {
    b.iter_custom(|iterations| {
        let (mut left, mut spent) = (iterations, Duration::ZERO);
        while left > 0 {
            let code = ModuleCode::new(1, 0).expect("there is room");
            let rounds = left.min(1000);
            let start = Instant::now();
            (0..rounds).for_each(|_| work(&code));
            spent += start.elapsed();
            left -= rounds;
        }
        spent
    });
}

/// A slot is led to code.
pub fn redirects(c: &mut Criterion) {
    let code = ModuleCode::new(1, 0).expect("there is room");
    let record = CodeRecord {
        function: FuncIndex(0),
        tier: "baseline",
        sites: Box::default(),
        handlers: Box::default(),
        body_offset: 0,
    };
    let done = code.allocate(16).expect("there is room").finalize(record).expect("there is room").address();
    c.bench_function("redirect", |b| b.iter(|| code.redirect(FuncIndex(0), black_box(done))));
}
