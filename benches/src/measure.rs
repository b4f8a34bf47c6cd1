//! Programs under runtimes, in turns: A B, then B A. Every run's output is checked; one that is wrong is a failure.
//! Draws no conclusions.

use crate::options::Limits;
use crate::probe;
use crate::process::{End, Outcome, Run};
use crate::report::{AGAIN, Cell, Report};
use crate::runtimes::{Call, Row};
use crate::workload::{Feature, Kind, List, Workload};
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The driver for JavaScript engines.
const DRIVER: &str = include_str!("wasi.mjs");

/// A runtime that is there.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// What it is called in tables.
    pub name: String,
    /// How it is called.
    pub row: &'static Row,
    /// What the user adds.
    pub options: Vec<String>,
    /// Its program.
    pub program: PathBuf,
    /// What it was found to lack.
    pub lacks: Vec<Feature>,
}

/// Where programs are run.
pub struct Bench<'a> {
    /// The programs.
    pub list: &'a List,
    /// Where packages are.
    pub packages: &'a Path,
    /// How often and how long.
    pub limits: Limits,
    scratch: TempDir,
    probed: HashMap<String, PathBuf>,
}

/// Why a run counts for nothing: it ended wrongly, or wrote something wrong.
#[derive(Debug)]
pub struct Failure(pub String);

/// One run to be made.
pub struct Job<'a> {
    /// Under what.
    pub runtime: &'a Runtime,
    /// Of what.
    pub workload: &'a Workload,
    /// The module's file.
    pub module: &'a Path,
    /// What latier writes its statistics to.
    pub stats: Option<&'a Path>,
    /// Where caches are; those of the runtime, unless it is its first run ever.
    pub cache: &'a Path,
    /// Whether only the time to the first byte of output is wanted.
    pub until_first_byte: bool,
}

impl<'a> Bench<'a> {
    /// # Errors
    /// When there is no room for files.
    pub fn new(list: &'a List, packages: &'a Path, limits: Limits) -> Result<Bench<'a>> {
        let scratch = tempfile::Builder::new().prefix("latier-bench-").tempdir()?;
        fs::write(scratch.path().join("wasi.mjs"), DRIVER)?;
        Ok(Bench { list, packages, limits, scratch, probed: HashMap::new() })
    }

    /// Where files may be put that are gone with the bench.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The folder in which a runtime keeps what it keeps.
    pub fn cache(&self, runtime: &Runtime) -> Result<PathBuf> {
        let cache = self.scratch.path().join("caches").join(file_name(&runtime.name));
        fs::create_dir_all(&cache)?;
        Ok(cache)
    }

    /// Runs a program once.
    ///
    /// # Errors
    /// When the harness itself fails. That the program does is a [`Failure`].
    pub fn run(&self, job: &Job<'_>) -> Result<Result<Outcome, Failure>> {
        let place = tempfile::tempdir_in(self.scratch.path())?;
        let directory = place.path().join("work");
        fs::create_dir(&directory)?;
        for input in &job.workload.inputs {
            let from = self.list.locate(input, self.packages);
            let name = from.file_name().context("an input has no name")?;
            fs::copy(&from, directory.join(name)).with_context(|| from.display().to_string())?;
        }
        let dirs: Vec<(String, String)> = (job.workload.dirs.iter())
            .map(|(host, guest)| match &host[..] {
                "." => (directory.display().to_string(), guest.clone()),
                _ => (self.list.locate(host, self.packages).display().to_string(), guest.clone()),
            })
            .collect();
        let mut options = job.runtime.options.clone();
        options.extend(job.stats.map(|file| format!("--stats=json:{}", file.display())));
        let call = Call {
            options: &options,
            driver: &self.scratch.path().join("wasi.mjs").display().to_string(),
            dirs: &dirs,
            argv0: job.workload.argv0.as_deref(),
            module: &job.module.display().to_string(),
            args: &job.workload.args,
        };
        let arguments = job.runtime.row.arguments(&call).context("this runtime cannot be called so")?;
        let command = [job.runtime.program.clone().into_os_string()];
        let run = Run {
            command: command.into_iter().chain(arguments.into_iter().map(OsString::from)).collect(),
            variables: vec![("XDG_CACHE_HOME".into(), job.cache.into())],
            directory,
            output: place.path().join("output"),
            errors: place.path().join("errors"),
            timeout: self.limits.timeout,
            until_first_byte: job.until_first_byte,
        };
        let outcome = run.start()?;
        Ok(judge(job, &run, &outcome)?.map_or(Ok(outcome), Err))
    }

    /// Measures a program in all its kinds of runs that are wanted.
    ///
    /// # Errors
    /// When the harness itself fails.
    pub fn workload(
        &mut self,
        workload: &Workload,
        kinds: &[Kind],
        runtimes: &[Runtime],
        report: &mut Report,
        bar: &ProgressBar,
    ) -> Result<()> {
        let module = self.list.locate(&workload.module, self.packages);
        let module = self.binary(&module)?;
        // Nobody is the first to read it.
        let mut file = fs::File::open(&module).with_context(|| module.display().to_string())?;
        std::io::copy(&mut file, &mut std::io::sink())?;
        for kind in workload.kinds.iter().filter(|kind| kinds.contains(kind)) {
            let mut turns = Turns::new(*kind, workload, runtimes, report, self.limits.patience);
            for n in 0..self.limits.rounds {
                for at in turns.order(n) {
                    bar.set_message(format!("{} {} {}", kind.name(), workload.name, turns.cells[at].runtime));
                    self.turn(&mut turns, at, &module)?;
                }
            }
            if *kind != Kind::Long {
                self.first_instructions(&mut turns, &module, bar)?;
            }
            if *kind != Kind::First {
                self.statistics(&mut turns, &module)?;
            }
            report.failures.append(&mut turns.failures);
            report.cells.append(&mut turns.cells);
            bar.inc(1);
        }
        Ok(())
    }

    /// One run that counts, of one runtime; before its first, one that does not where something is kept.
    fn turn(&self, turns: &mut Turns<'_>, at: usize, module: &Path) -> Result<()> {
        if turns.is_done(at) {
            return Ok(());
        }
        let runtime = turns.runtimes[at];
        let fresh = tempfile::tempdir_in(self.scratch.path())?;
        let cache = match turns.kind {
            Kind::First => fresh.path().to_owned(),
            _ => self.cache(runtime)?,
        };
        let job = Job {
            runtime,
            workload: turns.workload,
            module,
            stats: None,
            cache: &cache,
            until_first_byte: false,
        };
        let kept = turns.kind == Kind::Second || !runtime.row.kinds.contains(&Kind::Cold);
        let warm = kept || runtime.row.shares && turns.kind != Kind::First;
        if warm
            && turns.cells[at].runs.is_empty()
            && let Err(failure) = self.run(&job)?
        {
            turns.fail(at, &failure);
            return Ok(());
        }
        match self.run(&job)? {
            Ok(outcome) => turns.cells[at].runs.push(outcome),
            Err(failure) => turns.fail(at, &failure),
        }
        Ok(())
    }

    /// How long each takes to the guest's first instruction, in turns again. What cannot be probed has no such figure.
    fn first_instructions(&mut self, turns: &mut Turns<'_>, module: &Path, bar: &ProgressBar) -> Result<()> {
        let Ok(probed) = self.with_probe(module) else { return Ok(()) };
        for n in 0..self.limits.rounds {
            for at in turns.order(n) {
                if turns.cells[at].runs.len() < n.min(1) + 1 || turns.is_done(at) {
                    continue;
                }
                bar.set_message(format!(
                    "first instruction {} {}",
                    turns.workload.name, turns.cells[at].runtime
                ));
                let runtime = turns.runtimes[at];
                let fresh = tempfile::tempdir_in(self.scratch.path())?;
                let first = turns.kind == Kind::First;
                let cache = if first { fresh.path().to_owned() } else { self.cache(runtime)? };
                let whole = Job {
                    runtime,
                    workload: turns.workload,
                    module: &probed,
                    stats: None,
                    cache: &cache,
                    until_first_byte: false,
                };
                // What keeps code keeps it at the end of a run. The probe's byte makes this output a wrong one.
                if turns.kind == Kind::Second && n == 0 {
                    let _ = self.run(&whole)?;
                }
                match self.run(&Job { until_first_byte: true, ..whole })? {
                    Ok(outcome) => turns.cells[at].first.push(outcome.wall),
                    Err(failure) => turns.fail(at, &failure),
                }
            }
        }
        Ok(())
    }

    /// What latier counts, in one more run.
    fn statistics(&self, turns: &mut Turns<'_>, module: &Path) -> Result<()> {
        for at in 0..turns.cells.len() {
            let runtime = turns.runtimes[at];
            if runtime.row.program != "latier"
                || turns.cells[at].runs.is_empty()
                || turns.cells[at].runtime == AGAIN
            {
                continue;
            }
            let file = self.scratch.path().join("stats.json");
            let cache = self.cache(runtime)?;
            let job = Job {
                runtime,
                workload: turns.workload,
                module,
                stats: Some(&file),
                cache: &cache,
                until_first_byte: false,
            };
            match self.run(&job)? {
                Ok(_) => {
                    let text = fs::read_to_string(&file).context("latier wrote no statistics")?;
                    turns.cells[at].stats = Some(serde_json::from_str(&text)?);
                }
                Err(failure) => turns.fail(at, &failure),
            }
        }
        Ok(())
    }

    /// The module in binary form, which not every runtime needs and none may be charged for.
    pub fn binary(&self, module: &Path) -> Result<PathBuf> {
        if module.extension().is_none_or(|end| end != "wat") {
            return Ok(module.to_owned());
        }
        let name = module.with_extension("wasm");
        let target = self.scratch.path().join(name.file_name().context("a module has no name")?);
        let bytes = wat::parse_file(module)?;
        fs::write(&target, bytes)?;
        Ok(target)
    }

    fn with_probe(&mut self, module: &Path) -> Result<PathBuf> {
        let key = module.display().to_string();
        if let Some(done) = self.probed.get(&key) {
            return Ok(done.clone());
        }
        let probed = probe::with_probe(&fs::read(module)?)?;
        let path = self.scratch.path().join(format!("probed-{}.wasm", self.probed.len()));
        fs::write(&path, probed)?;
        self.probed.insert(key, path.clone());
        Ok(path)
    }
}

/// What is wrong with how a run ended or what it wrote, if something is.
fn judge(job: &Job<'_>, run: &Run, outcome: &Outcome) -> Result<Option<Failure>> {
    let what = || format!("{} under {}", job.workload.name, job.runtime.name);
    let wanted = if job.until_first_byte { End::FirstByte } else { End::Code(0) };
    if outcome.end != wanted {
        let errors = String::from_utf8_lossy(&fs::read(&run.errors).unwrap_or_default()).into_owned();
        let said = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        let end = match outcome.end {
            End::Code(code) => format!("exit code {code}"),
            End::Signal(signal) => format!("signal {signal}"),
            End::TimedOut => format!("more than {} s", run.timeout),
            End::FirstByte => "output".into(),
        };
        return Ok(Some(Failure(format!("{}: {end}: {said}", what()))));
    }
    if job.until_first_byte {
        return Ok(None);
    }
    let output = fs::read(&run.output)?;
    // A file that was not written is as good as an empty one: the hash tells.
    let files: Vec<Vec<u8>> = (job.workload.outputs.iter())
        .map(|name| fs::read(run.directory.join(name)).unwrap_or_default())
        .collect();
    let wrong = job.workload.expected.check(&output, &files).err();
    Ok(wrong.map(|why| Failure(format!("{}: {why}", what()))))
}

/// Runtimes that take turns with one program.
struct Turns<'a> {
    kind: Kind,
    workload: &'a Workload,
    runtimes: Vec<&'a Runtime>,
    cells: Vec<Cell>,
    failures: Vec<String>,
    patience: f64,
    /// How many programs had their turns before.
    start: usize,
}

impl<'a> Turns<'a> {
    /// All that can run this program so; the reference, whose second self is last, twice.
    fn new(
        kind: Kind,
        workload: &'a Workload,
        runtimes: &'a [Runtime],
        report: &Report,
        patience: f64,
    ) -> Turns<'a> {
        let able = runtimes.iter().filter(|runtime| {
            let lacking = workload.needs.iter().any(|need| runtime.lacks.contains(need));
            let dirs = workload.dirs.is_empty() || runtime.row.dir.is_some();
            let named = workload.argv0.is_none() || runtime.row.argv0.is_some();
            runtime.row.kinds.contains(&kind) && !lacking && dirs && named
        });
        let mut names: Vec<(&Runtime, &str)> = able.map(|runtime| (runtime, &runtime.name[..])).collect();
        let reference = names.iter().find(|(_, name)| *name == report.reference);
        names.extend(reference.map(|(runtime, _)| (*runtime, AGAIN)).into_iter().collect::<Vec<_>>());
        let cell = |(_, name): &(&Runtime, &str)| Cell {
            kind,
            workload: workload.name.clone(),
            runtime: (*name).into(),
            runs: Vec::new(),
            first: Vec::new(),
            stats: None,
        };
        let cells = names.iter().map(cell).collect();
        let runtimes = names.iter().map(|(runtime, _)| *runtime).collect();
        let start = report.workloads(kind).len();
        Turns { kind, workload, runtimes, cells, failures: Vec::new(), patience, start }
    }

    /// Who is when in a round: one round forwards, the next backwards, and with the next program the other way round.
    fn order(&self, round: usize) -> Vec<usize> {
        let forwards = 0..self.cells.len();
        if (round + self.start).is_multiple_of(2) { forwards.collect() } else { forwards.rev().collect() }
    }

    /// Whether a runtime has failed, or needs so long that one run has to do.
    fn is_done(&self, at: usize) -> bool {
        let name = format!("{} under {}:", self.workload.name, self.runtimes[at].name);
        let slow = self.cells[at].runs.first().is_some_and(|run| run.cpu.max(run.wall) > self.patience);
        slow || self.failures.iter().any(|failure| failure.starts_with(&name))
    }

    fn fail(&mut self, at: usize, failure: &Failure) {
        self.cells[at].runs.clear();
        self.cells[at].first.clear();
        self.failures.push(failure.0.clone());
    }
}

/// A name as that of a file.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
