//! From the bytes of bodies to objects: validation, and each tier's compile, by the size of the function and for a whole
//! module.

use super::LUA;
use criterion::{BenchmarkId, Criterion, Throughput};
use latier::compile::cranelift::CraneliftBackend;
use latier::compile::stencil::StencilBackend;
use latier::compile::target::Settings;
use latier::compile::{Backend, FunctionBody};
use latier::wasm::Body;
use latier::wasm::bytes::ModuleBytes;
use latier::wasm::features::Features;
use latier_runtime::abi::FuncIndex;
use latier_runtime::types::TypeRegistry;

/// The backends of the tiers.
pub fn backends() -> [(&'static str, Box<dyn Backend>); 3] {
    [
        ("baseline", Box::new(StencilBackend::new(false, None))),
        ("fast", Box::new(CraneliftBackend::new(Settings::Fast))),
        ("optimized", Box::new(CraneliftBackend::new(Settings::Optimized))),
    ]
}

/// Lua, parsed.
pub fn lua() -> latier::wasm::Module {
    let bytes = ModuleBytes::from(LUA.to_vec());
    latier::wasm::Module::parse(bytes, Features::default(), &TypeRegistry::new()).expect("it is valid")
}

/// All bodies of a module, the smallest first.
fn bodies(module: &latier::wasm::Module) -> Vec<Body> {
    let defined = module.desc.func_imports..module.desc.functions.len() as u32;
    let body = |f| module.body(FuncIndex(f)).expect("the bytes are in memory");
    let mut bodies: Vec<Body> = defined.map(body).collect();
    bodies.sort_by_key(|body| body.bytes.len());
    bodies
}

/// The functions of Lua of which so many percent are no larger.
pub fn samples(module: &latier::wasm::Module) -> Vec<(String, Body)> {
    let bodies = bodies(module);
    let sample = |percent: usize| {
        let body = bodies[(bodies.len() * percent).div_ceil(100).saturating_sub(1)].clone();
        (format!("p{percent}, {} bytes", body.bytes.len()), body)
    };
    [10, 50, 90, 99, 100].map(sample).into()
}

/// One function of each size class.
pub fn functions(c: &mut Criterion) {
    let module = lua();
    for (size, body) in samples(&module) {
        let input = FunctionBody::new(&module, &body);
        let mut group = c.benchmark_group(format!("function of {size}"));
        group.throughput(Throughput::Bytes(body.bytes.len() as u64));
        group.bench_function("validate", |b| b.iter(|| module.validate(&body)));
        for (name, backend) in backends() {
            group.bench_function(BenchmarkId::new("compile", name), |b| {
                b.iter(|| backend.compile(&module.desc, input).expect("it compiles"));
            });
        }
    }
}

/// All functions of Lua, one after the other.
pub fn modules(c: &mut Criterion) {
    let module = lua();
    let bodies = bodies(&module);
    let mut group = c.benchmark_group(format!("all {} functions of Lua", bodies.len()));
    group.throughput(Throughput::Bytes(bodies.iter().map(|body| body.bytes.len() as u64).sum()));
    group.sample_size(10);
    group.bench_function("validate", |b| b.iter(|| module.validate_all()));
    for (name, backend) in backends() {
        group.bench_function(BenchmarkId::new("compile", name), |b| {
            b.iter(|| {
                for body in &bodies {
                    backend.compile(&module.desc, FunctionBody::new(&module, body)).expect("it compiles");
                }
            });
        });
    }
}
