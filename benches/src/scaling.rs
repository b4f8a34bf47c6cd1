//! How the cost of a start grows: with the size of a module while what is called stays the same, and with what is called
//! while the size stays. Knows no runtime but by its row.

use crate::measure::{Bench, Job, Runtime};
use crate::report::{Curve, Grows, Point, Report};
use crate::statistics;
use crate::synthetic::Shape;
use crate::table::short;
use crate::workload::{Kind, Workload};
use anyhow::Result;
use indicatif::ProgressBar;
use std::fmt::Write;
use std::fs;

/// Steps in each function: 230 bytes, about the mean of Yosys's and CPython's.
const STEPS: u32 = 20;
/// What stays the same while something else grows.
const CALLED: u32 = 100;
const FUNCTIONS: u32 = 30_000;
/// What grows.
const SIZES: [u32; 6] = [300, 1_000, 3_000, 10_000, 30_000, 100_000];
const CALLS: [u32; 6] = [1, 100, 300, 1_000, 10_000, 30_000];

/// The modules of a curve.
fn shapes(grows: Grows, quick: bool) -> Vec<Shape> {
    let few = |all: [u32; 6]| if quick { vec![all[1], all[3], all[4]] } else { all.into() };
    let shape = |functions, called| Shape { functions, called, steps: STEPS };
    match grows {
        Grows::Size => few(SIZES).into_iter().map(|functions| shape(functions, CALLED)).collect(),
        Grows::Called => few(CALLS).into_iter().map(|called| shape(FUNCTIONS, called)).collect(),
    }
}

/// Measures both curves of all runtimes that have cold starts, in turns. What has lost patience with one module gets no
/// larger one.
///
/// # Errors
/// When the harness itself fails.
pub fn measure(
    bench: &Bench<'_>,
    runtimes: &[Runtime],
    quick: bool,
    report: &mut Report,
    bar: &ProgressBar,
) -> Result<()> {
    let runtimes: Vec<&Runtime> = runtimes.iter().filter(|r| r.row.kinds.contains(&Kind::Cold)).collect();
    bar.set_length(2 * shapes(Grows::Size, quick).len() as u64);
    for grows in [Grows::Size, Grows::Called] {
        let curve = |runtime: &&Runtime| Curve { grows, runtime: runtime.name.clone(), points: Vec::new() };
        let mut curves: Vec<Curve> = runtimes.iter().map(curve).collect();
        for shape in shapes(grows, quick) {
            point(bench, &runtimes, shape, &mut curves, report, bar)?;
            bar.inc(1);
        }
        report.curves.extend(curves.into_iter().filter(|curve| !curve.points.is_empty()));
    }
    Ok(())
}

fn point(
    bench: &Bench<'_>,
    runtimes: &[&Runtime],
    shape: Shape,
    curves: &mut [Curve],
    report: &mut Report,
    bar: &ProgressBar,
) -> Result<()> {
    let bytes = shape.module();
    let module = bench.scratch().join("synthetic.wasm");
    fs::write(&module, &bytes)?;
    let workload = Workload::own(&format!("{} functions, {} called", shape.functions, shape.called), "");
    let mut points = vec![Vec::new(); runtimes.len()];
    let mut failed = vec![false; runtimes.len()];
    for n in 0..bench.limits.rounds {
        let forwards: Vec<usize> = (0..runtimes.len()).collect();
        let order = if n.is_multiple_of(2) { forwards } else { forwards.into_iter().rev().collect() };
        for at in order {
            let slow = |run: &crate::process::Outcome| run.cpu.max(run.wall) > bench.limits.patience;
            let before = curves[at].points.last().is_some_and(|point| point.runs.iter().any(slow));
            if before || failed[at] || points[at].iter().any(slow) {
                continue;
            }
            bar.set_message(format!("{} {}", workload.name, runtimes[at].name));
            let cache = bench.cache(runtimes[at])?;
            let job = Job {
                runtime: runtimes[at],
                workload: &workload,
                module: &module,
                stats: None,
                cache: &cache,
                until_first_byte: false,
            };
            match bench.run(&job)? {
                Ok(outcome) => points[at].push(outcome),
                Err(failure) => {
                    failed[at] = true;
                    report.failures.push(failure.0);
                }
            }
        }
    }
    for (at, runs) in points.into_iter().enumerate().filter(|(at, runs)| !failed[*at] && !runs.is_empty()) {
        let (functions, called) = (shape.functions, shape.called);
        curves[at].points.push(Point { functions, called, bytes: bytes.len() as u64, runs });
    }
    Ok(())
}

/// The curves, for people.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for grows in [Grows::Size, Grows::Called] {
        let curves: Vec<&Curve> = report.curves.iter().filter(|curve| curve.grows == grows).collect();
        let Some(longest) = curves.iter().max_by_key(|curve| curve.points.len()) else { continue };
        let what = match grows {
            Grows::Size => format!("a module grows, {CALLED} of its functions are called"),
            Grows::Called => format!("of {FUNCTIONS} functions more and more are called"),
        };
        let head = anstyle::Style::new().bold();
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n{head}{what}{head:#}: CPU seconds, medians");
        let _ = write!(text, "{:24}", "");
        for point in &longest.points {
            let (n, of) = match grows {
                Grows::Size => (point.functions, format!(" ({} KiB)", point.bytes >> 10)),
                Grows::Called => (point.called, String::new()),
            };
            let _ = write!(text, " {:>19}", format!("{n}{of}"));
        }
        for curve in curves {
            let _ = write!(text, "\n{:24}", curve.runtime);
            for point in &curve.points {
                let cpu: Vec<f64> = point.runs.iter().map(|run| run.cpu).collect();
                let median = statistics::median(&cpu).map_or("–".into(), |cpu| format!("{cpu:.4}"));
                let _ = write!(text, " {median:>19}");
            }
            if let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) {
                let cpu = |point: &Point| point.runs.iter().map(|run| run.cpu).collect::<Vec<_>>();
                if let Some(ratio) = statistics::ratio_of_medians(&cpu(last), &cpu(first)) {
                    let _ = write!(text, "  last by first {}", short(ratio.value));
                }
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{End, Outcome};

    #[test]
    fn one_property_grows_and_the_other_stays() {
        for quick in [true, false] {
            let sizes = shapes(Grows::Size, quick);
            assert!(sizes.is_sorted_by_key(|shape| shape.functions));
            assert!(sizes.iter().all(|shape| shape.called == CALLED && shape.called <= shape.functions));
            let calls = shapes(Grows::Called, quick);
            assert!(calls.is_sorted_by_key(|shape| shape.called));
            assert!(calls.iter().all(|shape| shape.functions == FUNCTIONS && shape.called <= FUNCTIONS));
        }
    }

    #[test]
    fn a_curve_says_how_much_its_end_costs() {
        let point = |functions, cpu| Point {
            functions,
            called: CALLED,
            bytes: 2048,
            runs: vec![Outcome { wall: cpu, cpu, peak: 0, end: End::Code(0) }],
        };
        let mut report = crate::report::tests::report(Vec::new());
        let points = vec![point(300, 0.25), point(100_000, 1.0)];
        report.curves.push(Curve { grows: Grows::Size, runtime: "a".into(), points });
        let text = text(&report);
        assert!(text.contains("300 (2 KiB)") && text.contains("last by first 4.00"), "{text}");
    }
}
