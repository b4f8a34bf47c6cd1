//! What `-W` sets: WebAssembly features by name, presets and limits. Knows nothing of other options.

use crate::wasm::features::{Features, PRESETS, PROPOSALS};
use crate::{Config, StoreLimits, StoreLimitsBuilder};
use std::time::Duration;

/// One setting of `-W`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasmSetting {
    /// List all of them.
    Help,
    /// Bytes of stack that the guest may use.
    MaxWasmStack(usize),
    /// Bytes that a memory may have.
    MaxMemorySize(usize),
    /// Instances that there may be.
    MaxInstances(usize),
    /// How long the program may run.
    Timeout(Duration),
    /// Fuel that the program may consume.
    Fuel(u64),
    /// A specification's features, and no others.
    Preset(Features),
    /// A feature, on or off.
    Feature(&'static str, bool),
    /// Whether relaxed operators on vectors give the same results on every machine.
    RelaxedSimdDeterministic(bool),
}

/// The keys that are not features: key, form of the value, what it does.
const KEYS: [(&str, &str, &str); 7] = [
    ("max-wasm-stack", "BYTES", "stack that the guest may use (default: 16 MiB)"),
    ("max-memory-size", "BYTES", "size that a memory may have"),
    ("max-instances", "N", "instances that there may be, the program's and preloaded ones"),
    ("timeout", "TIME", "how long the program may run: 500ms, 2s, 1m"),
    ("fuel", "N", "calls and operators that the program may execute, all in all"),
    ("relaxed-simd-deterministic", "y|n", "relaxed vectors the same on every machine (default: y)"),
    ("preset", "VERSION", "the features of a specification, and no others"),
];

impl WasmSetting {
    /// Reads one `KEY[=VALUE]`.
    ///
    /// # Errors
    /// When there is no such key or its value does not fit; the text names the near ones.
    pub fn parse(text: &str) -> Result<WasmSetting, String> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text, None),
        };
        match key {
            "help" => Ok(WasmSetting::Help),
            "max-wasm-stack" => Ok(WasmSetting::MaxWasmStack(bytes(value)?)),
            "max-memory-size" => Ok(WasmSetting::MaxMemorySize(bytes(value)?)),
            "max-instances" => Ok(WasmSetting::MaxInstances(number(value)?)),
            "fuel" => Ok(WasmSetting::Fuel(number(value)?)),
            "timeout" => Ok(WasmSetting::Timeout(time(value)?)),
            "preset" => {
                let name = value.ok_or("it needs the name of a version")?;
                Features::preset(name).map(WasmSetting::Preset).map_err(|error| error.to_string())
            }
            "relaxed-simd-deterministic" => Ok(WasmSetting::RelaxedSimdDeterministic(switch(value)?)),
            _ => match PROPOSALS.iter().find(|row| row.name == key) {
                Some(row) => Ok(WasmSetting::Feature(row.name, switch(value)?)),
                None => Err(unknown(key)),
            },
        }
    }

    /// Reads a whole list, as `-W` takes it.
    ///
    /// # Errors
    /// As [`WasmSetting::parse`].
    pub fn parse_list(text: &str) -> Result<Vec<WasmSetting>, String> {
        text.split(',').filter(|part| !part.is_empty()).map(WasmSetting::parse).collect()
    }
}

fn number<N: std::str::FromStr>(value: Option<&str>) -> Result<N, String> {
    let value = value.ok_or("it needs a number")?;
    value.parse().map_err(|_| format!("'{value}' is no number"))
}

fn bytes(value: Option<&str>) -> Result<usize, String> {
    let value = value.ok_or("it needs a number of bytes")?;
    value.parse().map_err(|_| format!("'{value}' is no number of bytes"))
}

fn time(value: Option<&str>) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 3] = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let value = value.ok_or("it needs a time: 500ms, 2s, 1m")?;
    let wrong = || format!("'{value}' is no time: 500ms, 2s, 1m");
    let (number, milliseconds) = UNITS
        .iter()
        .find_map(|(unit, milliseconds)| Some((value.strip_suffix(unit)?, *milliseconds)))
        .ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

fn switch(value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("y" | "yes" | "true") => Ok(true),
        Some("n" | "no" | "false") => Ok(false),
        Some(other) => Err(format!("'{other}' is neither y nor n")),
    }
}

fn unknown(key: &str) -> String {
    let keys = KEYS.iter().map(|row| row.0).chain(PROPOSALS.iter().map(|row| row.name));
    let nearest =
        keys.map(|known| (strsim::jaro_winkler(key, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((nearness, known)) if nearness > 0.8 => format!("there is no '{key}'; did you mean '{known}'?"),
        _ => format!("there is no '{key}'; '-W help' lists what there is"),
    }
}

/// All settings of `-W` together.
#[derive(Clone, Debug)]
pub struct WasmSettings {
    /// The features that are on.
    pub features: Features,
    /// Whether relaxed operators on vectors give the same results on every machine.
    pub relaxed_simd_deterministic: bool,
    /// Bytes of stack that the guest may use.
    pub max_wasm_stack: usize,
    /// Bytes that a memory may have.
    pub max_memory_size: Option<usize>,
    /// Instances that there may be.
    pub max_instances: Option<usize>,
    /// How long the program may run.
    pub timeout: Option<Duration>,
    /// Fuel that the program may consume.
    pub fuel: Option<u64>,
}

impl WasmSettings {
    /// Bytes of stack that a guest may use when nothing else is said.
    const STACK: usize = 16 << 20;

    /// The settings, in order; later ones win.
    pub fn new(settings: &[WasmSetting]) -> WasmSettings {
        let mut all = WasmSettings {
            features: Features::default(),
            relaxed_simd_deterministic: true,
            max_wasm_stack: WasmSettings::STACK,
            max_memory_size: None,
            max_instances: None,
            timeout: None,
            fuel: None,
        };
        for setting in settings {
            match setting {
                WasmSetting::Help => {}
                WasmSetting::MaxWasmStack(bytes) => all.max_wasm_stack = *bytes,
                WasmSetting::MaxMemorySize(bytes) => all.max_memory_size = Some(*bytes),
                WasmSetting::MaxInstances(instances) => all.max_instances = Some(*instances),
                WasmSetting::Timeout(timeout) => all.timeout = Some(*timeout),
                WasmSetting::RelaxedSimdDeterministic(on) => all.relaxed_simd_deterministic = *on,
                WasmSetting::Fuel(fuel) => all.fuel = Some(*fuel),
                WasmSetting::Preset(features) => all.features = *features,
                WasmSetting::Feature(name, on) => {
                    all.features.enable(name, *on).expect("the name is the table's");
                }
            }
        }
        all
    }

    /// A configuration with these features and this stack.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .wasm_features(self.features)
            .max_wasm_stack(self.max_wasm_stack)
            .relaxed_simd_deterministic(self.relaxed_simd_deterministic)
            .consume_fuel(self.fuel.is_some());
        config
    }

    /// The limits of a store.
    pub fn limits(&self) -> StoreLimits {
        let mut limits = StoreLimitsBuilder::new();
        if let Some(bytes) = self.max_memory_size {
            limits = limits.memory_size(bytes);
        }
        if let Some(instances) = self.max_instances {
            limits = limits.instances(instances);
        }
        limits.build()
    }
}

/// The list that `-W help` prints.
pub fn help() -> String {
    let row = |key: String, about: String| format!("  -W {key:<34} {about}\n");
    let keys = KEYS.iter().map(|(key, value, about)| row(format!("{key}={value}"), about.to_string()));
    let presets = PRESETS.iter().map(|preset| row(format!("preset={}", preset.name), preset.what.into()));
    let defaults = Features::default();
    let features = PROPOSALS.iter().map(|proposal| {
        let default = if defaults.is_enabled(proposal.name) { "on" } else { "off" };
        row(format!("{}[=y|n]", proposal.name), format!("{} (default: {default})", proposal.what))
    });
    keys.chain(presets).chain(features).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_settings_win() {
        let settings = WasmSetting::parse_list("max-wasm-stack=1,preset=v1,max-wasm-stack=2").expect("valid");
        assert_eq!(WasmSettings::new(&settings).max_wasm_stack, 2);
    }

    #[test]
    fn values_are_checked() {
        for wrong in [
            "max-memory-size",
            "max-memory-size=1G",
            "preset=v9",
            "preset",
            "multi-value=maybe",
            "timeout=2",
            "timeout=s",
            "timeout=-1s",
            "timeout=99999999999999999999s",
            "timeout=9999999999999999999m",
            "max-instances=many",
            "fuel",
            "fuel=-1",
            "fuel=18446744073709551616",
        ] {
            assert!(WasmSetting::parse(wrong).is_err(), "{wrong}");
        }
        let two_seconds = Ok(WasmSetting::Timeout(Duration::from_secs(2)));
        assert_eq!(WasmSetting::parse("timeout=2s"), two_seconds);
        assert_eq!(WasmSetting::parse("timeout=2000ms"), two_seconds);
        assert!(unknown("multi-valeu").contains("multi-value"));
        assert!(unknown("xyzzy").contains("-W help"));
    }
}
