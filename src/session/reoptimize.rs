//! Tier-up: hot functions are compiled again, optimized, and redirected; a loop that is hot while it runs is left for
//! code that goes on in its middle. What is worth it, the policy decides; what is hot, safepoints tell.
//!
//! ```text
//!   sampler ─ raises ─► attention ─► safepoint (guest's thread) ─► Hot: one more sample ─► policy
//!                                      │ takes code that is ready                             │ worth it
//!                                      ◄── redirect, entry ◄── compile (dispatcher) ◄─────────┘
//! ```

use super::callees;
use super::dispatch::{Dispatcher, Turn};
use super::hot::Target;
use super::lazy_reexports::LazyReexports;
use super::listener::{Event, Thread};
use super::materialize::{self, Failure};
use super::sampler::Sampler;
use crate::tier::TierUp;
use crate::tier::knobs::Knobs;
use crate::tier::policy::{self, Bargain, Decision};
use crate::tier::profile::{Budget, Costs};
use crate::tier::refusal::Reason;
use latier_runtime::abi::{FuncIndex, Place, Safepoint};
use latier_runtime::attention::Attention;
use latier_runtime::code_memory::CodeAddr;
use rustix::time::ClockId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An answer that comes later than this does not say where the guest was when it was asked.
const FRESH: Duration = Duration::from_micros(200);

/// What the functions of a session's modules are reoptimized by.
pub(super) struct Reoptimizer {
    attention: Arc<Attention>,
    /// None when every safepoint counts as a sample.
    sampler: Option<Sampler>,
    dispatcher: Dispatcher,
    pub(super) knobs: Knobs,
    costs: Mutex<Costs>,
    background_ns: AtomicU64,
    promised_ns: Arc<AtomicU64>,
}

impl Reoptimizer {
    /// The reoptimizer of a session that finds hot functions this way.
    pub(super) fn new(how: &TierUp) -> Reoptimizer {
        let knobs = how.knobs();
        let (attention, sampler, dispatcher) = match how {
            TierUp::Sampled(_) => {
                let attention = Attention::new();
                let sampler = Sampler::new(attention.clone(), Duration::from_micros(knobs.sample_period_us));
                (attention, Some(sampler), Dispatcher::pool(None, knobs.queue_capacity as usize))
            }
            TierUp::Stepped { .. } => (Attention::always(), None, Dispatcher::in_place()),
        };
        Reoptimizer {
            attention,
            sampler,
            dispatcher,
            costs: Mutex::new(Costs::new(&knobs)),
            knobs,
            background_ns: AtomicU64::new(0),
            promised_ns: Arc::default(),
        }
    }

    /// Whose attention it wants.
    pub(super) fn attention(&self) -> &Arc<Attention> {
        &self.attention
    }

    /// Code that can be reoptimized will run from now on.
    pub(super) fn start(&self) {
        if let Some(sampler) = &self.sampler {
            sampler.start();
        }
    }

    fn costs(&self) -> MutexGuard<'_, Costs> {
        self.costs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn budget(&self) -> Budget {
        Budget {
            guest_ns: self.sampler.as_ref().map_or(u64::MAX, Sampler::guest_ns),
            background_ns: self.background_ns.load(Ordering::Relaxed),
            promised_ns: self.promised_ns.load(Ordering::Relaxed),
        }
    }
}

/// Time that a compile is expected to take, until it has ended.
struct Promise {
    total_ns: Arc<AtomicU64>,
    ns: u64,
}

impl Promise {
    fn new(total_ns: &Arc<AtomicU64>, ns: u64) -> Promise {
        total_ns.fetch_add(ns, Ordering::Relaxed);
        Promise { total_ns: total_ns.clone(), ns }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.total_ns.fetch_sub(self.ns, Ordering::Relaxed);
    }
}

/// Answers a safepoint of a module's code: counts a sample, and gives the code that takes over, if there is any.
pub(super) fn safepoint(module: &LazyReexports, safepoint: Safepoint) -> Option<CodeAddr> {
    let reoptimizer = module.session().reoptimizer.as_ref()?;
    if reoptimizer.sampler.as_ref().is_none_or(|sampler| sampler.is_fresh(FRESH)) {
        weigh(module, reoptimizer, safepoint);
    }
    ready(module, safepoint)
}

/// Counts a sample, and has compiled what that makes worth it.
fn weigh(module: &LazyReexports, reoptimizer: &Reoptimizer, safepoint: Safepoint) {
    let function = safepoint.function;
    let bytes = module.wasm().body_bytes(function);
    let profile = module.hot().sample(safepoint, bytes);
    let decision = if module.session().config.tier_filter.allows(function.0) {
        policy::decide(&profile, &reoptimizer.costs(), &reoptimizer.budget(), &reoptimizer.knobs)
    } else {
        Decision::Never(Reason::Filtered)
    };
    let sampled = Target::from(safepoint.place);
    let (target, bargain) = match decision {
        Decision::Optimize(bargain) => (Target::Function, bargain),
        Decision::Enter(bargain) => (sampled, bargain),
        Decision::Later(_) => return,
        Decision::Never(reason) => {
            if module.hot().claim(function, sampled) {
                refuse(module, function, sampled, reason, None);
            }
            return;
        }
    };
    if module.hot().claim(function, target) {
        submit(module, reoptimizer, function, target, bargain, bytes);
    }
}

/// The code that can take over at a safepoint.
fn ready(module: &LazyReexports, safepoint: Safepoint) -> Option<CodeAddr> {
    let code = module.hot().ready(safepoint)?;
    if let Place::Loop { offset, .. } = safepoint.place {
        module.session().statistics.entered();
        module.tell(Event::Entered { function: safepoint.function, offset });
    }
    Some(code)
}

/// Has a claimed target compiled when its turn comes.
fn submit(
    module: &LazyReexports,
    reoptimizer: &Reoptimizer,
    function: FuncIndex,
    target: Target,
    bargain: Bargain,
    bytes: u64,
) {
    let worth = bargain.priority() as f64 / 100.0;
    module.tell(Event::TierUpQueued { function, entry: target.entry(), worth });
    let promise = Promise::new(&reoptimizer.promised_ns, bargain.cost_ns);
    let module = module.itself().clone();
    let job = move |turn| {
        let _until_the_end = promise;
        // A module that is gone needs no code.
        let Some(module) = module.upgrade() else { return };
        match turn {
            Turn::Run => {
                Thread::works();
                compile(&module, function, target, bytes);
            }
            Turn::Refused(reason) => {
                module.hot().give_back(function, target, false);
                told(&module, function, target, reason, None);
            }
        }
    };
    reoptimizer.dispatcher.submit(bargain.priority(), Box::new(job));
}

/// Compiles a claimed target and lets it run; before that what it calls, if that is worth it.
fn compile(module: &LazyReexports, function: FuncIndex, target: Target, bytes: u64) {
    for callee in callees::claim(module, function, bytes) {
        module.tell(Event::CalleeQueued { function: callee.function, caller: function });
        compile_alone(module, callee.function, Target::Function, callee.bytes);
    }
    compile_alone(module, function, target, bytes);
}

fn compile_alone(module: &LazyReexports, function: FuncIndex, target: Target, bytes: u64) {
    let session = module.session();
    let reoptimizer = session.reoptimizer.as_ref().expect("it asks for this");
    let tier = session.config.mode.row().first.row().next.expect("a mode with tier-up has a tier to go to");
    let (before, entry) = (thread_ns(), target.entry());
    let materialized = materialize::materialize(module, function, tier, entry);
    let took_ns = thread_ns().saturating_sub(before);
    reoptimizer.background_ns.fetch_add(took_ns, Ordering::Relaxed);
    reoptimizer.costs().learn(target.body(), bytes, took_ns);
    match materialized {
        Ok(done) => {
            if target == Target::Function {
                module.code().redirect(function, done.code);
            }
            module.hot().set_ready(function, target, done.code);
            session.statistics.tiered_up(tier, &done.cost);
            module.tell(Event::Compiled { function, tier, entry, cost: done.cost });
            match target {
                Target::Function => module.tell(Event::Redirected { function, tier }),
                // The loop may run still.
                Target::Loop(_) => drop(reoptimizer.attention.raise()),
            }
        }
        Err(Failure { reason, retry: true }) => {
            module.hot().give_back(function, target, true);
            told(module, function, target, Reason::ResourceShort, Some(&reason));
        }
        Err(Failure { reason, .. }) => {
            refuse(module, function, target, Reason::CompileFailed, Some(&reason));
        }
    }
}

fn refuse(
    module: &LazyReexports,
    function: FuncIndex,
    target: Target,
    reason: Reason,
    message: Option<&str>,
) {
    module.hot().refuse(function, target, reason);
    told(module, function, target, reason, message);
}

/// Tells why a target is not compiled.
fn told(module: &LazyReexports, function: FuncIndex, target: Target, reason: Reason, message: Option<&str>) {
    module.session().statistics.tier_up_refused();
    let entry = target.entry();
    module.tell(Event::TierUpRefused { function, entry, reason, message });
}

/// Processor time of this thread, in nanoseconds.
fn thread_ns() -> u64 {
    let now = rustix::time::clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}
