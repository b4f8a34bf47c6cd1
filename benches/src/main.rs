//! Benchmarks of latier and its peers, by whole programs. Here the parts are put together: choose, fetch, measure, show.

mod able;
mod compare;
mod machine;
mod measure;
mod options;
mod packages;
mod page;
mod probe;
mod process;
mod program;
mod report;
mod runtimes;
mod scaling;
mod statistics;
mod synthetic;
mod table;
mod workload;

use able::chosen;
use anyhow::{Context, Result, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use measure::{Bench, Runtime};
use options::Options;
use program::Programs;
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use workload::{List, Workload};

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == process::ARGUMENT) {
        // Who started this process says what is wrong.
        return if process::run_one().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the options say; whether all was right.
fn run(options: &Options) -> Result<bool> {
    let own = PathBuf::from(workload::OWN_LIST);
    let list = List::read(options.workloads.as_ref().unwrap_or(&own))?;
    let packages = options.packages.clone().unwrap_or_else(packages::folder);
    let wanted: Vec<Workload> = chosen_workloads(&list, options)?;
    if options.list {
        print_list(&wanted);
        return Ok(true);
    }
    if options.fetch {
        return fetch(&list, &wanted, &packages).map(|()| true);
    }
    let old = options.compare.as_deref().map(Report::read).transpose()?;
    let report = match &options.from[..] {
        [] => measured(options, &list, &wanted, &packages)?,
        [first, others @ ..] => {
            let mut report = Report::read(first)?;
            for other in others {
                report.join(Report::read(other)?)?;
            }
            report
        }
    };
    if let Some(file) = &options.json {
        report.write(file)?;
    }
    if let Some(file) = &options.html {
        std::fs::write(file, page::page(&report)?).with_context(|| file.display().to_string())?;
    }
    anstream::print!("{}", table::text(&report, options.all_tables));
    anstream::print!("{}", scaling::text(&report));
    let slower = old.map(|old| compare::compare(&old, &report, options.tolerance / 100.0));
    if let Some(comparison) = &slower {
        anstream::print!("\n{}", comparison.text());
    }
    Ok(report.failures.is_empty() && !slower.is_some_and(|comparison| comparison.is_slower()))
}

fn chosen_workloads(list: &List, options: &Options) -> Result<Vec<Workload>> {
    let kinds = options.kinds();
    let wanted = list.workloads.iter().filter(|workload| {
        options.wants(&workload.name) && workload.kinds.iter().any(|kind| kinds.contains(kind))
    });
    let wanted: Vec<Workload> =
        wanted.cloned().map(|workload| if options.quick { workload.quick() } else { workload }).collect();
    ensure!(!wanted.is_empty(), "no program is called so and measured so (--list)");
    Ok(wanted)
}

fn fetch(list: &List, wanted: &[Workload], packages: &Path) -> Result<()> {
    let needed =
        |name: &str| wanted.iter().any(|workload| workload.packages().any(|package| package == name));
    list.packages
        .iter()
        .filter(|package| needed(&package.name))
        .try_for_each(|package| package.fetch(packages))
}

/// Measures programs, or with `--scaling` how start-up grows.
fn measured(options: &Options, list: &List, wanted: &[Workload], packages: &Path) -> Result<Report> {
    let mut bench = Bench::new(list, packages, options.limits())?;
    let programs = Programs { paths: options.runtime_path.clone() };
    let mut runtimes: Vec<Runtime> = Vec::new();
    let mut report = Report::new(String::new(), options.limits().rounds);
    for runtime in chosen(&options.runtime, options.quick)? {
        match bench.ready(&programs, runtime)? {
            Ok((runtime, info)) => {
                runtimes.push(runtime);
                report.runtimes.push(info);
            }
            Err(why) => report.skipped.push(why),
        }
    }
    let first = || runtimes.first().map(|runtime| runtime.name.clone());
    report.reference = (options.reference.clone().or_else(first))
        .with_context(|| format!("no runtime is there: {}", report.skipped.join("; ")))?;
    let known = runtimes.iter().any(|runtime| runtime.name == report.reference);
    ensure!(known, "the reference `{}` is no runtime that takes part", report.reference);
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{bar:32} {pos} of {len}, {elapsed}: {msg}")?.progress_chars("━╸─"),
    );
    if options.scaling {
        scaling::measure(&bench, &runtimes, options.quick, &mut report, &bar)?;
    } else {
        fetch(list, wanted, packages)?;
        let kinds = options.kinds();
        let jobs = wanted.iter().flat_map(|workload| &workload.kinds).filter(|kind| kinds.contains(kind));
        bar.set_length(jobs.count() as u64);
        for workload in wanted {
            bench.workload(workload, &kinds, &runtimes, &mut report, &bar)?;
        }
    }
    bar.finish_and_clear();
    Ok(report)
}

fn print_list(wanted: &[Workload]) {
    for workload in wanted {
        let kinds: Vec<_> = workload.kinds.iter().map(|kind| kind.name()).collect();
        anstream::println!("{:14} {:24} {}", workload.name, kinds.join(" "), workload.about);
    }
    anstream::println!();
    for row in runtimes::ROWS {
        let usual = if row.usual { "usual" } else { "" };
        anstream::println!("{:24} {:6} {}", row.name, usual, row.about);
    }
}
