//! Two reports against each other: what became slower, as far as intervals tell. Measures nothing.

use crate::report::{AGAIN, Metric, Report};
use crate::statistics::{self, Estimate};
use crate::table::short;
use crate::workload::Kind;
use anstyle::{AnsiColor, Style};
use std::fmt::Write;

/// What changed between two reports.
#[derive(Debug)]
pub struct Comparison {
    /// What makes the two hard to compare.
    cautions: Vec<String>,
    means: Vec<(String, Estimate)>,
    slower: Vec<Change>,
    faster: Vec<Change>,
    compared: usize,
}

/// A program under a runtime that changed.
#[derive(Debug)]
struct Change {
    what: String,
    ratio: Estimate,
}

/// Compares CPU seconds. A change is one whose interval lies beyond the tolerance, to one side.
pub fn compare(old: &Report, new: &Report, tolerance: f64) -> Comparison {
    let mut comparison = Comparison {
        cautions: cautions(old, new),
        means: vec![],
        slower: vec![],
        faster: vec![],
        compared: 0,
    };
    for kind in Kind::ALL {
        for runtime in new.columns(kind).into_iter().filter(|name| *name != AGAIN) {
            let mut ratios = Vec::new();
            for workload in new.workloads(kind) {
                let values =
                    |report: &Report| report.cell(kind, workload, runtime).map(|c| Metric::Cpu.values(c));
                let (Some(before), Some(now)) = (values(old), values(new)) else { continue };
                let Some(ratio) = statistics::ratio_of_medians(&now, &before) else { continue };
                comparison.compared += 1;
                ratios.push(vec![ratio.value]);
                let change = Change { what: format!("{} {workload} {runtime}", kind.name()), ratio };
                // One run has no interval: it tells nothing.
                if now.len().min(before.len()) < 2 {
                    continue;
                }
                if ratio.low > 1.0 + tolerance {
                    comparison.slower.push(change);
                } else if ratio.high < 1.0 / (1.0 + tolerance) {
                    comparison.faster.push(change);
                }
            }
            if let Some(mean) = statistics::geomean_of_medians(&ratios) {
                comparison
                    .means
                    .push((format!("{} {runtime}, {} programs", kind.name(), ratios.len()), mean));
            }
        }
    }
    comparison
}

fn cautions(old: &Report, new: &Report) -> Vec<String> {
    let mut cautions = Vec::new();
    let place = |report: &Report| (report.machine.processor.clone(), report.machine.cores);
    if place(old) != place(new) {
        cautions.push(format!("another machine: {} then, {} now", old.machine.line(), new.machine.line()));
    }
    for runtime in &new.runtimes {
        let then = old.runtimes.iter().find(|then| then.name == runtime.name);
        if let Some(then) = then.filter(|then| then.version != runtime.version) {
            cautions.push(format!("{} was {}, is {}", runtime.name, then.version, runtime.version));
        }
    }
    cautions
}

impl Comparison {
    /// Whether something became slower.
    pub fn is_slower(&self) -> bool {
        !self.slower.is_empty()
    }

    /// For people.
    pub fn text(&self) -> String {
        let (red, green) = (AnsiColor::Red.on_default(), AnsiColor::Green.on_default());
        let mut text = String::new();
        let mut line = |style: Style, what: String| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{style}{what}{style:#}");
        };
        line(Style::new().bold(), "CPU seconds now by then".into());
        for caution in &self.cautions {
            line(Style::new().dimmed(), caution.clone());
        }
        for (what, mean) in &self.means {
            line(Style::new(), format!("{:7} geometric mean: {what}", short(mean.value)));
        }
        for (style, word, changes) in [(red, "slower", &self.slower), (green, "faster", &self.faster)] {
            for Change { what, ratio } in changes {
                let interval = format!("[{}..{}]", short(ratio.low), short(ratio.high));
                line(style, format!("{word:7} {what}: {} {interval}", short(ratio.value)));
            }
        }
        let changed = self.slower.len() + self.faster.len();
        line(Style::new(), format!("{} of {} did not change", self.compared - changed, self.compared));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{cell, report};

    #[test]
    fn what_became_slower_is_told_by_intervals() {
        let old = report(vec![
            cell("x", "a", &[1.0, 1.01, 0.99, 1.0]),
            cell("y", "a", &[1.0, 1.01, 0.99, 1.0]),
            cell("z", "a", &[1.0, 2.0, 1.0, 2.0]),
            cell("once", "a", &[1.0]),
        ]);
        let new = report(vec![
            cell("x", "a", &[1.2, 1.21, 1.19, 1.2]),
            cell("y", "a", &[0.8, 0.81, 0.79, 0.8]),
            cell("z", "a", &[1.1, 2.2, 1.2, 2.2]),
            cell("once", "a", &[9.0]),
            cell("new", "a", &[9.0, 9.0]),
        ]);
        let comparison = compare(&old, &new, 0.05);
        assert!(comparison.is_slower());
        let text = anstream::adapter::strip_str(&comparison.text()).to_string();
        assert!(text.contains("slower  cold x a: 1.200 ["), "{text}");
        assert!(text.contains("faster  cold y a: 0.800 ["), "{text}");
        assert!(text.contains("2 of 4 did not change"), "{text}");
        assert!(!compare(&old, &old, 0.05).is_slower());
        assert!(!compare(&old, &new, 0.3).is_slower());
    }

    #[test]
    fn what_makes_a_comparison_doubtful_is_said() {
        let old = report(vec![]);
        let mut new = report(vec![]);
        new.machine.cores = Some(4711);
        new.runtimes[1].version = "2".into();
        let cautions = compare(&old, &new, 0.05).cautions;
        assert!(cautions[0].starts_with("another machine: ") && cautions[0].contains("4711 cores"));
        assert_eq!(cautions[1], "b was 1, is 2");
    }
}
