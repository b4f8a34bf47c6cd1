//! A report as a page with pictures, complete in one file. What the pictures look like is the page's own business, in
//! the files beside this one.

use crate::report::{Metric, Report};
use crate::statistics::{self, Estimate};
use crate::workload::Kind;
use anyhow::Result;
use serde::Serialize;

/// The page, with places for its parts.
const TEMPLATE: &str = include_str!("page/page.html");
/// What stands in those places.
const PARTS: [(&str, &str); 2] =
    [("{{style}}", include_str!("page/page.css")), ("{{script}}", include_str!("page/page.js"))];
/// The place of the data.
const DATA: &str = "{{data}}";

/// All that the page's script reads.
#[derive(Serialize)]
struct Data<'a> {
    report: Head<'a>,
    metrics: Vec<&'static str>,
    kinds: Vec<KindData<'a>>,
    curves: Vec<CurveData<'a>>,
}

/// What the figures belong to.
#[derive(Serialize)]
struct Head<'a> {
    date: &'a str,
    arguments: &'a [String],
    machine: String,
    rounds: usize,
    reference: &'a str,
    runtimes: &'a [crate::report::RuntimeInfo],
    skipped: &'a [String],
    failures: &'a [String],
}

/// The programs that were run so.
#[derive(Serialize)]
struct KindData<'a> {
    name: &'static str,
    about: &'static str,
    columns: Vec<&'a str>,
    workloads: Vec<WorkloadData<'a>>,
    /// By metric, then by column.
    means: Vec<Vec<Option<Estimate>>>,
}

/// A program.
#[derive(Serialize)]
struct WorkloadData<'a> {
    name: &'a str,
    /// By metric, then by column: the median, and the ratio to the reference.
    figures: Vec<Vec<(Option<Estimate>, Option<Estimate>)>>,
    /// By column.
    stats: Vec<Option<&'a serde_json::Value>>,
}

/// A curve.
#[derive(Serialize)]
struct CurveData<'a> {
    grows: crate::report::Grows,
    runtime: &'a str,
    /// Functions, called, bytes, CPU seconds.
    points: Vec<(u32, u32, u64, Option<Estimate>)>,
}

/// The page.
///
/// # Errors
/// When the figures cannot be written.
pub fn page(report: &Report) -> Result<String> {
    let data = Data {
        report: Head {
            date: &report.date,
            arguments: &report.arguments,
            machine: report.machine.line(),
            rounds: report.rounds,
            reference: &report.reference,
            runtimes: &report.runtimes,
            skipped: &report.skipped,
            failures: &report.failures,
        },
        metrics: Metric::ALL.map(Metric::name).into(),
        kinds: Kind::ALL
            .into_iter()
            .filter(|kind| !report.workloads(*kind).is_empty())
            .map(|kind| of_kind(report, kind))
            .collect(),
        curves: report.curves.iter().map(of_curve).collect(),
    };
    // `<` inside of strings would end the script early.
    let text = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let page = PARTS.iter().fold(TEMPLATE.to_owned(), |page, (place, part)| page.replace(place, part));
    Ok(page.replace(DATA, &text))
}

fn of_kind(report: &Report, kind: Kind) -> KindData<'_> {
    let columns = report.columns(kind);
    let workload = |name| WorkloadData {
        name,
        figures: Metric::ALL
            .map(|metric| columns.iter().map(|column| figures(report, kind, name, column, metric)).collect())
            .into(),
        stats: columns
            .iter()
            .map(|column| report.cell(kind, name, column).and_then(|cell| cell.stats.as_ref()))
            .collect(),
    };
    let mean = |metric| {
        let of = |column: &&str| Some(report.geomean(kind, column, metric)?.0);
        columns.iter().map(of).collect()
    };
    KindData {
        name: kind.name(),
        about: kind.about(),
        workloads: report.workloads(kind).into_iter().map(workload).collect(),
        means: Metric::ALL.map(mean).into(),
        columns,
    }
}

fn figures(
    report: &Report,
    kind: Kind,
    workload: &str,
    column: &str,
    metric: Metric,
) -> (Option<Estimate>, Option<Estimate>) {
    let values = report.cell(kind, workload, column).map(|cell| metric.values(cell)).unwrap_or_default();
    let ratios = report.ratios(kind, workload, column, metric);
    (statistics::median_with_interval(&values), statistics::ratio_with_interval(&ratios))
}

fn of_curve(curve: &crate::report::Curve) -> CurveData<'_> {
    let points = curve.points.iter().map(|point| {
        let cpu: Vec<f64> = point.runs.iter().map(|run| run.cpu).collect();
        (point.functions, point.called, point.bytes, statistics::median_with_interval(&cpu))
    });
    CurveData { grows: curve.grows, runtime: &curve.runtime, points: points.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::AGAIN;
    use crate::report::tests::{cell, report};

    #[test]
    fn the_page_is_whole_and_loads_nothing() {
        let mut report = report(vec![cell("x", "a", &[1.0, 2.0]), cell("x", AGAIN, &[1.0, 2.0])]);
        report.skipped.push("</script><b>".into());
        let page = page(&report).unwrap();
        assert!(!page.contains("{{") && !page.contains("</script><b>"));
        assert!(["http:", "https:", "src=", "@import", "url("].iter().all(|load| !page.contains(load)));
        let start = page.find(r#"id="data">"#).unwrap() + r#"id="data">"#.len();
        let end = start + page[start..].find("</script>").unwrap();
        let data: serde_json::Value = serde_json::from_str(&page[start..end]).unwrap();
        assert_eq!(data["kinds"][0]["workloads"][0]["figures"][0][0][0]["value"], 1.5);
        assert_eq!(data["report"]["skipped"][0], "</script><b>");
    }
}
