//! What was measured, as it is written to a file and read again: every figure of every run, and what is needed to
//! believe them. Measures nothing, draws nothing.

use crate::machine::Machine;
use crate::process::Outcome;
use crate::statistics::{self, Estimate};
use crate::workload::Kind;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The format that this harness writes.
const FORMAT: u32 = 1;
/// What the reference is called where it is measured against itself.
pub const AGAIN: &str = "again";

/// Everything of one run of the harness.
#[derive(Debug, Deserialize, Serialize)]
pub struct Report {
    /// Which format this is.
    pub format: u32,
    /// When it was begun.
    pub date: String,
    /// The harness's arguments.
    pub arguments: Vec<String>,
    /// Where it ran.
    pub machine: Machine,
    /// How often each runtime took its turn.
    pub rounds: usize,
    /// The runtime that others are compared with.
    pub reference: String,
    /// The runtimes.
    pub runtimes: Vec<RuntimeInfo>,
    /// What was left out and why.
    pub skipped: Vec<String>,
    /// What was measured of programs.
    pub cells: Vec<Cell>,
    /// How start-up grows.
    pub curves: Vec<Curve>,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// A runtime that took part.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RuntimeInfo {
    /// What it is called here.
    pub name: String,
    /// What its program calls itself.
    pub version: String,
    /// What it is.
    pub about: String,
}

/// A program under a runtime.
#[derive(Debug, Deserialize, Serialize)]
pub struct Cell {
    /// What is kept from before.
    pub kind: Kind,
    /// The program.
    pub workload: String,
    /// The runtime, or [`AGAIN`].
    pub runtime: String,
    /// Its runs, in order.
    pub runs: Vec<Outcome>,
    /// Seconds to the guest's first instruction, in runs of their own.
    pub first: Vec<f64>,
    /// What `latier --stats=json` says of one more run.
    pub stats: Option<serde_json::Value>,
}

/// How the cost of a start grows with one property of a module.
#[derive(Debug, Deserialize, Serialize)]
pub struct Curve {
    /// The property.
    pub grows: Grows,
    /// The runtime.
    pub runtime: String,
    /// The points, ascending.
    pub points: Vec<Point>,
}

/// The property of a synthetic module that grows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grows {
    /// The number of its functions, while as many are called.
    Size,
    /// How many of its functions are called.
    Called,
}

/// One point of a curve.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Point {
    /// How many functions the module has.
    pub functions: u32,
    /// How many of them are called.
    pub called: u32,
    /// The module's bytes.
    pub bytes: u64,
    /// Its runs.
    pub runs: Vec<Outcome>,
}

/// A figure of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Metric {
    /// Processor seconds.
    Cpu,
    /// Seconds.
    Wall,
    /// Seconds to the guest's first instruction.
    First,
    /// Bytes of memory at the peak.
    Peak,
}

impl Metric {
    /// All of them, in the order of tables.
    pub const ALL: [Metric; 4] = [Metric::Cpu, Metric::Wall, Metric::First, Metric::Peak];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Cpu => "CPU",
            Metric::Wall => "wall",
            Metric::First => "first instruction",
            Metric::Peak => "memory",
        }
    }

    /// The figures of a cell.
    pub fn values(self, cell: &Cell) -> Vec<f64> {
        let of = |pick: fn(&Outcome) -> f64| cell.runs.iter().map(pick).collect();
        match self {
            Metric::Cpu => of(|run| run.cpu),
            Metric::Wall => of(|run| run.wall),
            Metric::Peak => of(|run| run.peak as f64),
            Metric::First => cell.first.clone(),
        }
    }
}

impl Report {
    /// A report in which nothing was measured yet.
    pub fn new(reference: String, rounds: usize) -> Report {
        Report {
            format: FORMAT,
            date: crate::machine::now(),
            arguments: std::env::args().skip(1).collect(),
            machine: Machine::here(),
            rounds,
            reference,
            runtimes: Vec::new(),
            skipped: Vec::new(),
            cells: Vec::new(),
            curves: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Reads a report.
    ///
    /// # Errors
    /// When there is none, or it is of another format.
    pub fn read(path: &Path) -> Result<Report> {
        let name = || format!("the report {}", path.display());
        let text = fs::read_to_string(path).with_context(name)?;
        let report: Report = serde_json::from_str(&text).with_context(name)?;
        ensure!(report.format == FORMAT, "{} has the format {}, not {FORMAT}", name(), report.format);
        Ok(report)
    }

    /// Writes it.
    ///
    /// # Errors
    /// When that fails.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text + "\n").with_context(|| format!("the report {}", path.display()))
    }

    /// Takes over what another report has and this one has not.
    ///
    /// # Errors
    /// When the two are of different machines or versions.
    pub fn join(&mut self, other: Report) -> Result<()> {
        let place = |machine: &Machine| (machine.processor.clone(), machine.cores, machine.kernel.clone());
        ensure!(place(&self.machine) == place(&other.machine), "the reports are of different machines");
        for runtime in other.runtimes {
            match self.runtimes.iter().find(|known| known.name == runtime.name) {
                Some(known) => {
                    ensure!(*known == runtime, "the reports are of different versions of {}", runtime.name)
                }
                None => self.runtimes.push(runtime),
            }
        }
        for cell in other.cells {
            if self.cell(cell.kind, &cell.workload, &cell.runtime).is_none() {
                self.cells.push(cell);
            }
        }
        for curve in other.curves {
            if !self.curves.iter().any(|known| known.grows == curve.grows && known.runtime == curve.runtime) {
                self.curves.push(curve);
            }
        }
        self.skipped.extend(other.skipped);
        self.failures.extend(other.failures);
        Ok(())
    }

    /// The cell of a program under a runtime, if there is one.
    pub fn cell(&self, kind: Kind, workload: &str, runtime: &str) -> Option<&Cell> {
        self.cells.iter().find(|c| c.kind == kind && c.workload == workload && c.runtime == runtime)
    }

    /// The programs that were measured so, in order.
    pub fn workloads(&self, kind: Kind) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for cell in self.cells.iter().filter(|cell| cell.kind == kind) {
            if !names.contains(&&cell.workload[..]) {
                names.push(&cell.workload);
            }
        }
        names
    }

    /// The runtimes that took part in runs of a kind, the reference's second self last.
    pub fn columns(&self, kind: Kind) -> Vec<&str> {
        let names = self.runtimes.iter().map(|runtime| &runtime.name[..]).chain([AGAIN]);
        names.filter(|name| self.cells.iter().any(|c| c.kind == kind && c.runtime == *name)).collect()
    }

    /// A runtime's figures by the reference's, round by round. Nothing for what was not measured of both.
    pub fn ratios(&self, kind: Kind, workload: &str, runtime: &str, metric: Metric) -> Vec<f64> {
        let values = |runtime| self.cell(kind, workload, runtime).map(|cell| metric.values(cell));
        match (values(runtime), values(&self.reference)) {
            (Some(of), Some(to)) => statistics::ratios(&of, &to),
            _ => Vec::new(),
        }
    }

    /// The geometric mean of a runtime's ratios over all programs that both it and the reference ran, with the number
    /// of these.
    pub fn geomean(&self, kind: Kind, runtime: &str, metric: Metric) -> Option<(Estimate, usize)> {
        let ratios = self.workloads(kind).into_iter().map(|w| self.ratios(kind, w, runtime, metric));
        let groups: Vec<Vec<f64>> = ratios.filter(|ratios| !ratios.is_empty()).collect();
        Some((statistics::geomean_of_medians(&groups)?, groups.len()))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::process::End;

    /// A cell whose runs took these times.
    pub fn cell(workload: &str, runtime: &str, cpu: &[f64]) -> Cell {
        let run = |cpu: &f64| Outcome { wall: cpu * 2.0, cpu: *cpu, peak: 1 << 20, end: End::Code(0) };
        Cell {
            kind: Kind::Cold,
            workload: workload.into(),
            runtime: runtime.into(),
            runs: cpu.iter().map(run).collect(),
            first: Vec::new(),
            stats: None,
        }
    }

    /// A report of these cells, in which `a` is the reference.
    pub fn report(cells: Vec<Cell>) -> Report {
        let mut report = Report::new("a".into(), 2);
        let info = |name: &str| RuntimeInfo { name: name.into(), version: "1".into(), about: String::new() };
        report.runtimes = ["a", "b"].map(info).into();
        report.cells = cells;
        report
    }

    #[test]
    fn ratios_are_of_pairs_and_their_mean_is_over_programs() {
        let cells = vec![
            cell("x", "a", &[1.0, 2.0]),
            cell("x", "b", &[2.0, 4.0]),
            cell("y", "a", &[1.0, 1.0]),
            cell("y", "b", &[8.0]),
            cell("z", "b", &[9.0]),
        ];
        let report = report(cells);
        assert_eq!(report.ratios(Kind::Cold, "x", "b", Metric::Cpu), [2.0, 2.0]);
        assert_eq!(report.ratios(Kind::Cold, "y", "b", Metric::Wall), [8.0]);
        let (mean, of) = report.geomean(Kind::Cold, "b", Metric::Cpu).unwrap();
        assert_eq!((mean, of), (Estimate { value: 4.0, low: 4.0, high: 4.0 }, 2));
        assert!(report.geomean(Kind::Cold, "b", Metric::First).is_none());
        assert_eq!(report.workloads(Kind::Cold), ["x", "y", "z"]);
        assert_eq!(report.columns(Kind::Cold), ["a", "b"]);
    }

    #[test]
    fn a_report_is_the_same_when_it_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let report = report(vec![cell("x", "a", &[1.0, 0.1])]);
        report.write(&path).unwrap();
        let read = Report::read(&path).unwrap();
        assert_eq!(read.cells[0].runs, report.cells[0].runs);
        assert_eq!((read.machine, read.runtimes), (report.machine, report.runtimes));
        fs::write(&path, "{}").unwrap();
        assert!(Report::read(&path).unwrap_err().to_string().contains("report.json"));
    }
}
