//! Figures as tables for a terminal: a row per program, a column per runtime, the noise beside them. Measures nothing.

use crate::report::{AGAIN, Metric, Report};
use crate::statistics::{self, Estimate};
use crate::workload::Kind;
use anstyle::{AnsiColor, Style};
use std::fmt::Write;

/// A cell of a table: what it says and in which colour.
struct Text(String, Style);

const PLAIN: Style = Style::new();
const HEAD: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const FASTER: Style = AnsiColor::Green.on_default();
const SLOWER: Style = AnsiColor::Red.on_default();

/// All that a report says, for people.
pub fn text(report: &Report, all_tables: bool) -> String {
    let mut text = String::new();
    let mut line = |what: String| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{what}");
    };
    line(format!("latier-bench {}", report.arguments.join(" ")));
    line(format!("{}, {} rounds", report.date, report.rounds));
    line(report.machine.line());
    for runtime in &report.runtimes {
        line(format!("{QUIET}{:16}{QUIET:#} {} ({})", runtime.name, runtime.version, runtime.about));
    }
    for skipped in &report.skipped {
        line(format!("{QUIET}left out: {skipped}{QUIET:#}"));
    }
    for kind in Kind::ALL.into_iter().filter(|kind| !report.workloads(*kind).is_empty()) {
        line(String::new());
        line(format!("{HEAD}{}{HEAD:#}", kind.about()));
        let metrics = if all_tables { &Metric::ALL[..] } else { &Metric::ALL[..1] };
        for metric in metrics {
            line(figures(report, kind, *metric));
        }
        line(summary(report, kind));
        line(counts(report, kind));
    }
    for failure in &report.failures {
        line(format!("{SLOWER}failed: {failure}{SLOWER:#}"));
    }
    while text.ends_with("\n\n") {
        text.pop();
    }
    text
}

/// One figure of all programs under all runtimes.
fn figures(report: &Report, kind: Kind, metric: Metric) -> String {
    let columns = report.columns(kind);
    let head = format!("{}, medians; × {}", described(metric), report.reference);
    let mut rows = vec![vec![Text(head, HEAD)]];
    rows[0].extend(columns.iter().map(|name| Text((*name).into(), HEAD)));
    for workload in report.workloads(kind) {
        let mut row = vec![Text(workload.into(), PLAIN)];
        for name in &columns {
            let values =
                report.cell(kind, workload, name).map(|cell| metric.values(cell)).unwrap_or_default();
            let ratios = report.ratios(kind, workload, name, metric);
            row.push(match statistics::median(&values) {
                None => Text("–".into(), QUIET),
                Some(median) => figure(metric, median, &ratios, *name == report.reference),
            });
        }
        if row[1..].iter().any(|cell| cell.0 != "–") {
            rows.push(row);
        }
    }
    match rows.len() {
        1 => String::new(),
        _ => grid(&rows),
    }
}

fn figure(metric: Metric, median: f64, ratios: &[f64], is_reference: bool) -> Text {
    let value = written(metric, median);
    match (is_reference, statistics::ratio_with_interval(ratios)) {
        (true, _) | (_, None) => Text(value, PLAIN),
        (_, Some(ratio)) => {
            let once = if ratios.len() == 1 { " once" } else { "" };
            Text(format!("{value} {:>6} ×{once}", short(ratio.value)), colour(&ratio, ratios.len()))
        }
    }
}

/// Green for what needs less than the reference, red for what needs more, quiet for what cannot be told.
fn colour(ratio: &Estimate, pairs: usize) -> Style {
    match () {
        () if pairs < 2 => PLAIN,
        () if ratio.is_no_difference() => QUIET,
        () if ratio.value < 1.0 => FASTER,
        () => SLOWER,
    }
}

/// The geometric means of all figures; the last row is the noise.
fn summary(report: &Report, kind: Kind) -> String {
    let mut rows = vec![vec![Text(format!("geometric means, × {}", report.reference), HEAD)]];
    rows[0].extend(Metric::ALL.map(|metric| Text(described(metric).into(), HEAD)));
    for name in report.columns(kind).into_iter().filter(|name| *name != report.reference) {
        let label = match name {
            AGAIN => format!("{} against itself (noise)", report.reference),
            _ => name.into(),
        };
        let mut row = vec![Text(label, PLAIN)];
        for metric in Metric::ALL {
            row.push(match report.geomean(kind, name, metric) {
                None => Text("–".into(), QUIET),
                Some((mean, of)) => Text(interval(&mean, of), colour(&mean, report.rounds)),
            });
        }
        rows.push(row);
    }
    if rows.len() == 1 { String::new() } else { grid(&rows) }
}

fn interval(mean: &Estimate, of: usize) -> String {
    let verdict = if mean.is_no_difference() { " no difference" } else { "" };
    format!("{} [{}..{}] of {of}{verdict}", short(mean.value), short(mean.low), short(mean.high))
}

/// What latier counted.
fn counts(report: &Report, kind: Kind) -> String {
    let heads = ["counted by latier", "runtime", "called", "of", "optimized", "Wasm compiled", "became"];
    let mut rows = vec![heads.map(|head| Text(head.into(), HEAD)).into()];
    for cell in report.cells.iter().filter(|cell| cell.kind == kind) {
        let Some(stats) = &cell.stats else { continue };
        let number = |path: &str| stats.pointer(path).and_then(serde_json::Value::as_u64);
        let count = |path: &str| number(path).map_or("–".into(), |n| n.to_string());
        let bytes = |path: &str| number(path).map_or("–".into(), size);
        let texts = [
            cell.workload.clone(),
            cell.runtime.clone(),
            count("/functions/called"),
            count("/module/functions"),
            count("/functions/optimized"),
            bytes("/code/bytes_wasm_compiled"),
            bytes("/code/bytes_native"),
        ];
        rows.push(texts.map(|text| Text(text, PLAIN)).into());
    }
    if rows.len() == 1 { String::new() } else { grid(&rows) }
}

fn described(metric: Metric) -> &'static str {
    match metric {
        Metric::Cpu => "CPU seconds",
        Metric::Wall => "wall seconds",
        Metric::First => "seconds to first instruction",
        Metric::Peak => "peak memory",
    }
}

/// A figure with its unit, where the head does not say it.
pub fn written(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Peak => size(value as u64),
        _ => format!("{value:.3}"),
    }
}

fn size(bytes: u64) -> String {
    match bytes as f64 / f64::from(1 << 20) {
        mebibytes if mebibytes >= 10.0 => format!("{mebibytes:.0} MiB"),
        mebibytes if mebibytes >= 1.0 => format!("{mebibytes:.1} MiB"),
        mebibytes => format!("{:.1} KiB", mebibytes * 1024.0),
    }
}

/// A ratio to three digits.
pub fn short(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 100.0 => format!("{ratio:.0}"),
        ratio if ratio >= 10.0 => format!("{ratio:.1}"),
        ratio if ratio >= 2.0 => format!("{ratio:.2}"),
        ratio => format!("{ratio:.3}"),
    }
}

/// Cells in columns, the first to the left, the others to the right.
fn grid(rows: &[Vec<Text>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, Text(said, _)) in widths.iter_mut().zip(row) {
            *width = said.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        for (n, Text(said, style)) in row.iter().enumerate() {
            let space = " ".repeat(widths[n] - said.chars().count());
            let (before, after) = if n == 0 { (String::new(), space) } else { (space, String::new()) };
            let gap = if n == 0 { "" } else { "  " };
            let _ = write!(text, "{gap}{before}{style}{said}{style:#}{after}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{cell, report};

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_table_says_figures_ratios_and_noise() {
        let cells = vec![
            cell("x", "a", &[1.0, 1.0]),
            cell("x", "b", &[2.0, 2.0]),
            cell("x", AGAIN, &[0.9, 1.2]),
            cell("y", "a", &[0.5, 0.5]),
        ];
        let text = plain(&text(&report(cells), false));
        let line = |start: &str| {
            let line = text.lines().rfind(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{text}"));
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("x "), "x 1.000 2.000 2.00 × 1.050 1.039 ×");
        assert_eq!(line("y "), "y 0.500 – –");
        assert!(line("b ").starts_with("b 2.00 [2.00..2.00] of 1 2.00 [2.00..2.00] of 1 – 1.000 "));
        assert!(line("a against itself").contains("1.039 [0.900..1.200] of 1 no difference"));
    }

    #[test]
    fn ratios_keep_three_digits() {
        assert_eq!([0.1234, 1.5, 2.345, 23.45, 234.5].map(short), ["0.123", "1.500", "2.35", "23.4", "234"]);
    }
}
