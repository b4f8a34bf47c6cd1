//! `--stats`: what the session counted and how long the phases took, as a table for people or as JSON. Counts
//! nothing itself.

use super::flags::Stats;
use super::output;
use crate::session::Statistics;
use crate::{Engine, Mode, Module, Result, Tier};
use anyhow::Context;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

/// How long the phases of a run took.
pub(super) struct Stopwatch {
    start: Instant,
    loaded: Option<Duration>,
    instantiated: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start() -> Stopwatch {
        Stopwatch { start: Instant::now(), loaded: None, instantiated: None }
    }

    /// The module is there.
    pub(super) fn loaded(&mut self) {
        self.loaded = Some(self.start.elapsed());
    }

    /// The instance is there, its start function has run.
    pub(super) fn instantiated(&mut self) {
        self.instantiated = Some(self.start.elapsed());
    }
}

/// All that is known of a run when it ends.
pub(super) struct Summary {
    module: ModuleSizes,
    mode: Mode,
    baseline: u64,
    optimized: u64,
    failed: u64,
    tier_ups: u64,
    tier_ups_refused: u64,
    osr_entries: u64,
    wasm_bytes: u64,
    native_bytes: u64,
    maps: Option<usize>,
    peak_rss: Option<u64>,
    total: Duration,
    load: Duration,
    instantiate: Duration,
    validate: Duration,
    compile_baseline: Duration,
    compile_optimized: Duration,
    link: Duration,
    /// In ascending order.
    first_calls: Vec<Duration>,
}

#[derive(Default)]
struct ModuleSizes {
    bytes: u64,
    code_bytes: u64,
    functions: u64,
    imports: usize,
}

impl Summary {
    /// What is known now. Without a module, it could not be loaded.
    pub(super) fn new(engine: &Engine, mode: Mode, module: Option<&Module>, watch: &Stopwatch) -> Summary {
        let counted: &Statistics = engine.session().statistics();
        let total = watch.start.elapsed();
        let load = watch.loaded.unwrap_or(total);
        let sizes = module.map(|module| {
            let wasm = module.loaded().wasm();
            ModuleSizes {
                bytes: wasm.bytes.len(),
                code_bytes: wasm.code_bytes(),
                functions: wasm.defined_functions().into(),
                imports: wasm.desc.imports.len(),
            }
        });
        let first = [Tier::Baseline, Tier::Fast];
        Summary {
            module: sizes.unwrap_or_default(),
            mode,
            baseline: first.map(|tier| counted.functions(tier)).iter().sum(),
            optimized: counted.functions(Tier::Optimized),
            failed: counted.functions_failed(),
            tier_ups: counted.tier_ups(),
            tier_ups_refused: counted.tier_ups_refused(),
            osr_entries: counted.osr_entries(),
            wasm_bytes: counted.wasm_bytes(),
            native_bytes: counted.native_bytes(),
            maps: fs::read_to_string("/proc/self/maps").ok().map(|maps| maps.lines().count()),
            peak_rss: fs::read_to_string("/proc/self/status").ok().and_then(|status| peak_rss(&status)),
            total,
            load,
            instantiate: watch.instantiated.unwrap_or(total).saturating_sub(load),
            validate: counted.validate_time(),
            compile_baseline: first.map(|tier| counted.compile_time(tier)).iter().sum(),
            compile_optimized: counted.compile_time(Tier::Optimized),
            link: counted.link_time(),
            first_calls: counted.first_calls(),
        }
    }

    /// Functions that were called. Where everything is compiled before the start, nobody counts calls.
    fn called(&self) -> Option<u64> {
        (!self.mode.row().eager).then_some(self.first_calls.len() as u64 + self.failed)
    }

    /// The least time that `percent` of all first calls did not exceed.
    fn first_call(&self, percent: usize) -> Duration {
        let rank = (self.first_calls.len() * percent).div_ceil(100);
        self.first_calls.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// Times in microseconds, sizes in bytes. A key is absent while what it counts does not exist.
    fn json(&self) -> Value {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut all = json!({
            "module": {
                "bytes": self.module.bytes,
                "code_bytes": self.module.code_bytes,
                "functions": self.module.functions,
                "imports": self.module.imports,
            },
            "functions": { "baseline": self.baseline, "optimized": self.optimized, "failed": self.failed },
            "tier_ups": self.tier_ups,
            "tier_up_refused": self.tier_ups_refused,
            "osr_entries": self.osr_entries,
            "code": { "bytes_wasm_compiled": self.wasm_bytes, "bytes_native": self.native_bytes },
            "time_us": {
                "total": us(self.total),
                "load": us(self.load),
                "validate": us(self.validate),
                "instantiate": us(self.instantiate),
                "compile_baseline": us(self.compile_baseline),
                "compile_optimized": us(self.compile_optimized),
                "link": us(self.link),
                "first_call_p50": us(self.first_call(50)),
                "first_call_p99": us(self.first_call(99)),
                "first_call_max": us(self.first_call(100)),
            },
            "memory": {},
        });
        if let Some(called) = self.called() {
            all["functions"]["called"] = called.into();
        }
        if let Some(maps) = self.maps {
            all["code"]["maps"] = maps.into();
        }
        if let Some(bytes) = self.peak_rss {
            all["memory"]["peak_rss_bytes"] = bytes.into();
        }
        all
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, what: String| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:<12}{what}");
        };
        let module = &self.module;
        let sizes = format!("{}, {} of it code", size(module.bytes), size(module.code_bytes));
        row("module", format!("{sizes}; {} functions, {} imports", module.functions, module.imports));
        let called = self.called().map(|n| format!("{n} called, ")).unwrap_or_default();
        let tiers =
            format!("{} baseline, {} optimized, {} failed", self.baseline, self.optimized, self.failed);
        row("functions", called + &tiers);
        if self.mode.row().tier_up {
            let (ups, refused, entries) = (self.tier_ups, self.tier_ups_refused, self.osr_entries);
            row("tier-up", format!("{ups} compiled again, {refused} refused, {entries} running loops left"));
        }
        row(
            "code",
            format!("{} of Wasm became {} of native", size(self.wasm_bytes), size(self.native_bytes)),
        );
        let (load, instantiate) = (time(self.load), time(self.instantiate));
        row("time", format!("{} in all: load {load}, instantiate {instantiate}", time(self.total)));
        let compile = time(self.compile_baseline + self.compile_optimized);
        row(
            "compiling",
            format!("validate {}, compile {compile}, link {}", time(self.validate), time(self.link)),
        );
        let [p50, p99, max] = [50, 99, 100].map(|percent| time(self.first_call(percent)));
        row("first call", format!("median {p50}, 99th percentile {p99}, slowest {max}"));
        if let Some(bytes) = self.peak_rss {
            let maps = self.maps.map(|maps| format!(", {maps} mappings")).unwrap_or_default();
            row("memory", format!("{} at the peak{maps}", size(bytes)));
        }
        text
    }

    /// Writes the summary where `stats` says.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub(super) fn write(&self, stats: &Stats) -> Result<()> {
        match stats {
            Stats::Text => output::say(self.text().trim_end()),
            Stats::Json(None) => output::say(&self.json().to_string()),
            Stats::Json(Some(file)) => fs::write(file, format!("{:#}\n", self.json()))
                .with_context(|| format!("the statistics could not be written to `{}`", file.display()))?,
        }
        Ok(())
    }
}

/// Linux's account of the most memory a process ever had.
fn peak_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.0} µs", s * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(mode: Mode, first_calls: &[u64]) -> Summary {
        let zero = Duration::ZERO;
        Summary {
            module: ModuleSizes::default(),
            mode,
            baseline: 3,
            optimized: 0,
            failed: 1,
            tier_ups: 2,
            tier_ups_refused: 0,
            osr_entries: 0,
            wasm_bytes: 0,
            native_bytes: 0,
            maps: Some(20),
            peak_rss: Some(4096),
            total: Duration::from_millis(2),
            load: zero,
            instantiate: zero,
            validate: zero,
            compile_baseline: zero,
            compile_optimized: zero,
            link: zero,
            first_calls: first_calls.iter().map(|us| Duration::from_micros(*us)).collect(),
        }
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let all = summary(Mode::Baseline, &(1..=200).collect::<Vec<_>>()).json();
        let time = &all["time_us"];
        assert_eq!((&time["first_call_p50"], &time["first_call_p99"]), (&json!(100), &json!(198)));
        assert_eq!((&time["first_call_max"], &time["total"]), (&json!(200), &json!(2000)));
        assert_eq!(summary(Mode::Baseline, &[]).json()["time_us"]["first_call_p50"], 0);
    }

    #[test]
    fn calls_are_not_counted_where_all_is_compiled_before() {
        assert_eq!(summary(Mode::Tiered, &[1, 2, 3]).json()["functions"]["called"], 4);
        assert!(summary(Mode::EagerBaseline, &[]).json()["functions"].get("called").is_none());
        assert!(summary(Mode::EagerBaseline, &[]).text().contains("functions   3 baseline"));
    }

    #[test]
    fn tier_ups_are_told_where_there_can_be_some() {
        assert_eq!(summary(Mode::Tiered, &[]).json()["tier_ups"], 2);
        assert!(summary(Mode::Tiered, &[]).text().contains("tier-up     2 compiled again, 0 refused"));
        assert!(!summary(Mode::Fast, &[]).text().contains("tier-up"));
    }

    #[test]
    fn memory_is_read_from_the_kernels_words() {
        assert_eq!(peak_rss("Name:\tx\nVmHWM:\t    1234 kB\n"), Some(1_263_616));
        assert_eq!(peak_rss("Name:\tx\n"), None);
    }
}
