//! What a session counts while it works. Counters only; who prints them decides how.

use super::Cost;
use crate::tier::Tier;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters of a session. They only grow.
#[derive(Debug, Default)]
pub struct Statistics {
    compiled: [AtomicU64; Tier::TABLE.len()],
    compile_ns: [AtomicU64; Tier::TABLE.len()],
    failed: AtomicU64,
    tier_ups: AtomicU64,
    tier_ups_refused: AtomicU64,
    osr_entries: AtomicU64,
    validate_ns: AtomicU64,
    link_ns: AtomicU64,
    wasm_bytes: AtomicU64,
    native_bytes: AtomicU64,
    /// Nanoseconds of each first call's compile, validation and linking included.
    first_calls: Mutex<Vec<u32>>,
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Statistics {
    /// A first compile.
    pub(super) fn first_compiled(&self, tier: Tier, cost: &Cost) {
        self.compiled(tier, cost);
        let total = nanos(cost.validate + cost.compile + cost.link);
        let mut first_calls = self.first_calls.lock().expect("no one panics under this lock");
        first_calls.push(u32::try_from(total).unwrap_or(u32::MAX));
    }

    /// A compile for tier-up.
    pub(super) fn tiered_up(&self, tier: Tier, cost: &Cost) {
        self.compiled(tier, cost);
        add(&self.tier_ups, 1);
    }

    fn compiled(&self, tier: Tier, cost: &Cost) {
        add(&self.compiled[tier as usize], 1);
        add(&self.compile_ns[tier as usize], nanos(cost.compile));
        add(&self.validate_ns, nanos(cost.validate));
        add(&self.link_ns, nanos(cost.link));
        add(&self.wasm_bytes, cost.wasm_bytes as u64);
        add(&self.native_bytes, cost.native_bytes as u64);
    }

    pub(super) fn failed(&self) {
        add(&self.failed, 1);
    }

    pub(super) fn tier_up_refused(&self) {
        add(&self.tier_ups_refused, 1);
    }

    pub(super) fn entered(&self) {
        add(&self.osr_entries, 1);
    }

    /// Bodies of hot functions that were compiled again, optimized.
    pub fn tier_ups(&self) -> u64 {
        self.tier_ups.load(Ordering::Relaxed)
    }

    /// Hot functions that were refused to be compiled again.
    pub fn tier_ups_refused(&self) -> u64 {
        self.tier_ups_refused.load(Ordering::Relaxed)
    }

    /// Running loops that were left for optimized code.
    pub fn osr_entries(&self) -> u64 {
        self.osr_entries.load(Ordering::Relaxed)
    }

    /// Functions compiled in a tier.
    pub fn functions(&self, tier: Tier) -> u64 {
        self.compiled[tier as usize].load(Ordering::Relaxed)
    }

    /// Functions that could not be compiled.
    pub fn functions_failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Time spent compiling in a tier, summed over threads.
    pub fn compile_time(&self, tier: Tier) -> Duration {
        Duration::from_nanos(self.compile_ns[tier as usize].load(Ordering::Relaxed))
    }

    /// Time spent reading and validating bodies at first calls.
    pub fn validate_time(&self) -> Duration {
        Duration::from_nanos(self.validate_ns.load(Ordering::Relaxed))
    }

    /// Time spent linking.
    pub fn link_time(&self) -> Duration {
        Duration::from_nanos(self.link_ns.load(Ordering::Relaxed))
    }

    /// Bytes of Wasm compiled.
    pub fn wasm_bytes(&self) -> u64 {
        self.wasm_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of machine code made.
    pub fn native_bytes(&self) -> u64 {
        self.native_bytes.load(Ordering::Relaxed)
    }

    /// What first calls cost, validation, compile and link together, in ascending order.
    pub fn first_calls(&self) -> Vec<Duration> {
        let mut calls = self.first_calls.lock().expect("no one panics under this lock").clone();
        calls.sort_unstable();
        calls.into_iter().map(|ns| Duration::from_nanos(u64::from(ns))).collect()
    }
}
