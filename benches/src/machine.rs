//! The machine and the day that figures belong to, as far as Linux tells. A part that it does not tell is left out.

use serde::{Deserialize, Serialize};
use std::fs;
use std::time::SystemTime;

/// A machine at a time.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Machine {
    /// The processor's name for itself.
    pub processor: Option<String>,
    /// How many cores the harness may use.
    pub cores: Option<usize>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// How many processes wanted to run in the minute before.
    pub load: Option<f64>,
}

impl Machine {
    /// This machine, now.
    pub fn here() -> Machine {
        let read = |path: &str| fs::read_to_string(path).ok();
        Machine {
            processor: read("/proc/cpuinfo").and_then(|text| field(&text, "model name").map(str::to_owned)),
            cores: std::thread::available_parallelism().ok().map(Into::into),
            memory: read("/proc/meminfo").and_then(|text| {
                let kilobytes = field(&text, "MemTotal")?.strip_suffix(" kB")?;
                Some(kilobytes.parse::<u64>().ok()? * 1024)
            }),
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            load: read("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
        }
    }

    /// In one line.
    pub fn line(&self) -> String {
        let parts = [
            self.processor.clone(),
            self.cores.map(|cores| format!("{cores} cores")),
            self.memory.map(|bytes| format!("{:.0} GiB", bytes as f64 / (1u64 << 30) as f64)),
            self.kernel.as_ref().map(|kernel| format!("Linux {kernel}")),
            self.load.map(|load| format!("load {load:.1} before")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// The day and time, in the format of RFC 3339.
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_names() {
        let text = "model\t\t: 1\nmodel name\t: A Processor\nMemTotal:       24 kB\n";
        assert_eq!(field(text, "model name"), Some("A Processor"));
        assert_eq!(field(text, "MemTotal"), Some("24 kB"));
        assert_eq!(field(text, "cores"), None);
    }

    #[test]
    fn a_line_leaves_out_what_is_not_known() {
        let machine = Machine { cores: Some(2), memory: Some(24 << 30), ..Machine::default() };
        assert_eq!(machine.line(), "2 cores, 24 GiB");
    }
}
