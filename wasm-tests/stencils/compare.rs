//! Runs the same bodies in two ways and compares all that can be seen: results, operands below, traps, memories.

use crate::bodies::{BELOW, Body, END, INPUTS, RESULTS};
use crate::operators::AROUND;
use crate::values::{self, BYTES};
use latier::session::WrapBackend;
use latier::{
    Config, Engine, Error, Event, Instance, Listener, Memory, Mode, Module, Origin, Store, Trap, TypedFunc,
};
use std::sync::{Arc, Mutex};

/// Bodies in one module.
const CHUNK: usize = 400;
/// Differences that are worth reading.
const SHOWN: usize = 20;
/// Windows into the memories that are compared.
const WINDOWS: usize = 4;

/// What a comparison saw.
#[derive(Default)]
pub struct Report {
    pub bodies: usize,
    pub runs: usize,
    pub traps: usize,
    /// Bodies, by number, and what was different.
    pub differences: Vec<(usize, String)>,
    /// Names of bodies that the first tier refused, and why.
    pub refused: Vec<(String, String)>,
}

/// Hears refusals.
#[derive(Default)]
pub struct Refusals(pub Mutex<Vec<(u32, String)>>);

impl Listener for Refusals {
    fn event(&self, _: &Origin<'_>, event: &Event<'_>) {
        if let Event::Refused { function, reason, .. } = event {
            self.0.lock().unwrap().push((function.0, (*reason).into()));
        }
    }
}

/// An instance in one mode.
struct Side {
    store: Store<()>,
    bodies: Vec<TypedFunc<(), ()>>,
    io: Memory,
    memories: [Memory; 3],
}

impl Side {
    fn new(
        mode: Mode,
        bytes: &[u8],
        count: usize,
        wrap: Option<WrapBackend>,
        refusals: Arc<Refusals>,
    ) -> Side {
        let mut config = Config::new();
        config.mode(mode).listener(refusals);
        config.wasm_threads(true).wasm_memory64(true).wasm_multi_memory(true).wasm_relaxed_simd(true);
        config.wasm_wide_arithmetic(true).wasm_function_references(true);
        if let Some(wrap) = wrap {
            config.wrap_backend(wrap);
        }
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, bytes).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let body = |n| instance.get_typed_func(&mut store, &format!("b{n}")).unwrap();
        let bodies = (0..count).map(body).collect();
        let mut memory = |name: &str| instance.get_memory(&mut store, name).unwrap();
        let (io, memories) = (memory("io"), [memory("m"), memory("m64"), memory("io2")]);
        let mut side = Side { store, bodies, io, memories };
        for n in 0..WINDOWS {
            side.window(n).iter_mut().enumerate().for_each(|(n, byte)| *byte = (n * 37 + n / 251 + 5) as u8);
        }
        let below = &mut side.io.data_mut(&mut side.store)[BELOW..RESULTS];
        below.iter_mut().enumerate().for_each(|(n, byte)| *byte = (n * 29 + 0x11) as u8 & 0x7f);
        side
    }

    /// Where bodies may have written, but for `$io`: one window after the other.
    fn window(&mut self, n: usize) -> &mut [u8] {
        let [m, m64, io2] = self.memories;
        match n {
            0 => &mut m.data_mut(&mut self.store)[..60_000],
            1 => &mut m.data_mut(&mut self.store)[BYTES as usize - 140_000..],
            2 => m64.data_mut(&mut self.store),
            _ => io2.data_mut(&mut self.store),
        }
    }

    /// Runs a body and says what it did: how it ended, and the bytes that it put out.
    fn run(&mut self, n: usize, inputs: &[u128]) -> (Option<Trap>, [u8; END - RESULTS]) {
        let io = self.io.data_mut(&mut self.store);
        for (place, input) in io[INPUTS..].chunks_exact_mut(16).zip(inputs) {
            place.copy_from_slice(&input.to_le_bytes());
        }
        io[RESULTS..END].fill(0x77);
        let ended = self.bodies[n].call(&mut self.store, ());
        let trap = ended.err().map(|error: Error| *error.downcast_ref().expect("bodies end or trap"));
        let io = self.io.data(&self.store);
        (trap, io[RESULTS..END].try_into().expect("as many bytes"))
    }
}

/// Compares the first tier with Cranelift itself. With `wrap`, something stands before the backend of the first.
pub fn compare(bodies: &[Body], wrap: Option<&WrapBackend>) -> Report {
    let mut report = Report::default();
    for (n, chunk) in bodies.chunks(CHUNK).enumerate() {
        one_module(chunk, n * CHUNK, wrap, &mut report);
    }
    report
}

/// A module of these bodies.
pub fn module<'a>(bodies: impl IntoIterator<Item = &'a Body>) -> Vec<u8> {
    let function = |(n, body): (usize, &Body)| format!("(func (export \"b{n}\") {})\n", body.text);
    let functions: String = bodies.into_iter().enumerate().map(function).collect();
    wat::parse_str(format!("(module {AROUND} {functions})")).unwrap_or_else(|e| panic!("{e}"))
}

fn one_module(bodies: &[Body], first: usize, wrap: Option<&WrapBackend>, report: &mut Report) {
    let bytes = module(bodies);
    let refusals = Arc::new(Refusals::default());
    let mut expected = Side::new(Mode::Fast, &bytes, bodies.len(), None, Arc::default());
    let mut actual = Side::new(Mode::Baseline, &bytes, bodies.len(), wrap.cloned(), refusals.clone());
    for (n, body) in bodies.iter().enumerate() {
        report.bodies += 1;
        let mut different = None;
        for inputs in values::tuples(&body.params, body.runs) {
            report.runs += 1;
            let [a, b] = [&mut expected, &mut actual].map(|side| normal(side.run(n, &inputs), &body.results));
            report.traps += usize::from(a.0.is_some());
            if a != b && different.is_none() {
                different = Some(format!("{} with {inputs:x?}: {a:x?} and {b:x?}", body.name));
            }
        }
        for window in (0..WINDOWS).filter(|_| body.names) {
            if expected.window(window) != actual.window(window) {
                different.get_or_insert_with(|| format!("{}: it leaves other memory behind", body.name));
                let right = expected.window(window).to_vec();
                actual.window(window).copy_from_slice(&right);
            }
        }
        report.differences.extend(different.map(|text| (first + n, text)));
    }
    // Function 0 is not a body.
    let refused = refusals.0.lock().unwrap();
    report.refused.extend(refused.iter().map(|(n, why)| (bodies[*n as usize - 1].name.clone(), why.clone())));
}

type Outcome = (Option<Trap>, [u8; END - RESULTS]);

/// An outcome in which every NaN that may be any NaN is the same.
fn normal((trap, mut bytes): Outcome, results: &[&str]) -> Outcome {
    for (n, kind) in results.iter().enumerate() {
        let (width, lanes) = match *kind {
            "f32~" => (4, 1),
            "f64~" => (8, 1),
            "f32x4~" => (4, 4),
            "f64x2~" => (8, 2),
            _ => continue,
        };
        for lane in bytes[16 * n..].chunks_exact_mut(width).take(lanes) {
            let nan = match width {
                4 => f32::from_le_bytes((&*lane).try_into().expect("4 bytes")).is_nan(),
                _ => f64::from_le_bytes((&*lane).try_into().expect("8 bytes")).is_nan(),
            };
            if nan {
                lane.fill(0xff);
            }
        }
    }
    (trap, bytes)
}

impl Report {
    /// Says how much was compared, and fails if anything was different.
    pub fn judge(&self, what: &str) {
        let Report { bodies, runs, traps, .. } = self;
        println!("{what}: {bodies} bodies, {runs} runs, {traps} traps");
        let shown: Vec<&str> = self.differences.iter().take(SHOWN).map(|(_, text)| text.as_str()).collect();
        assert!(shown.is_empty(), "{} bodies differ:\n{}", self.differences.len(), shown.join("\n"));
        assert!(*bodies > 0 && runs > bodies && traps < runs, "nothing was compared");
    }
}
