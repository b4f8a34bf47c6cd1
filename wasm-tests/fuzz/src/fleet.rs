//! The processes that share the work: starts them, hears them, and reports the first that finds something, crashes or
//! does not come to an end. Knows engines only by the names in what it hears.

use crate::Options;
use crate::generate::Case;
use crate::worker::{BEGIN, DISSENT, DONE, END, FAULT};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// How long a module may take on all engines together. Modules end by themselves, after milliseconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is heard of a process.
enum Heard {
    Line(String),
    Ended,
}

/// A process and what is known of it.
struct Worker {
    child: Child,
    seed: Option<u64>,
    since: Instant,
    /// What it says of a fault, as far as it is heard.
    fault: Option<Vec<String>>,
    done: bool,
}

/// What has been looked at.
#[derive(Default)]
struct Tally {
    modules: u64,
    calls: u64,
    last_seed: Option<u64>,
    engines: BTreeMap<String, u64>,
    /// Seeds over which one engine is alone, and wrong.
    dissents: Vec<u64>,
}

/// Runs `jobs` processes to their ends, or to the first fault. Says whether there was none.
pub fn run(options: &Options, first: u64) -> Result<bool> {
    let (sender, heard) = mpsc::channel();
    let mut workers = vec![];
    for index in 0..options.jobs {
        match start(options, first, index, sender.clone()) {
            Ok(worker) => workers.push(worker),
            Err(error) => {
                stop(&mut workers);
                return Err(error);
            }
        }
    }
    let mut tally = Tally::default();
    let fault = listen(&mut workers, &heard, &mut tally);
    stop(&mut workers);
    let names: Vec<_> = tally.engines.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let last = tally.last_seed.unwrap_or(first);
    if let Some((seed, what)) = &fault {
        report(options, *seed, what)?;
    }
    if !tally.dissents.is_empty() {
        let seeds: Vec<_> = tally.dissents.iter().take(5).map(u64::to_string).collect();
        println!("wasmi alone differs over {} modules, seeds {} …", tally.dissents.len(), seeds.join(", "));
    }
    println!(
        "{} modules, {} calls; ran on {}; seeds {first} to {last}",
        tally.modules,
        tally.calls,
        names.join(", ")
    );
    Ok(fault.is_none())
}

fn start(options: &Options, first: u64, index: u64, heard: Sender<(usize, Heard)>) -> Result<Worker> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(format!("--seed={first}")).arg(format!("--jobs={}", options.jobs));
    command.arg(format!("--worker={index}"));
    command.args(options.seconds.map(|seconds| format!("--seconds={seconds}")));
    command.args(options.count.map(|count| format!("--count={count}")));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("the process has no output")?;
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if heard.send((index as usize, Heard::Line(line))).is_err() {
                return;
            }
        }
        // Who no longer listens knows already.
        let _ = heard.send((index as usize, Heard::Ended));
    });
    Ok(Worker { child, seed: None, since: Instant::now(), fault: None, done: false })
}

/// Hears all workers until all have ended; the first fault, with its seed, ends it at once.
fn listen(
    workers: &mut [Worker],
    heard: &Receiver<(usize, Heard)>,
    tally: &mut Tally,
) -> Option<(Option<u64>, String)> {
    let mut running = workers.len();
    while running > 0 {
        match heard.recv_timeout(Duration::from_secs(1)) {
            Ok((index, Heard::Line(line))) => workers[index].hear(&line, tally),
            Ok((index, Heard::Ended)) => {
                running -= 1;
                let worker = &mut workers[index];
                let status = worker.child.wait();
                if let Some(lines) = &worker.fault {
                    return Some((worker.seed, lines.join("\n")));
                }
                if !worker.done {
                    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                    return Some((worker.seed, format!("the process crashed: {how}")));
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        let stuck = workers.iter().find(|worker| !worker.done && worker.since.elapsed() > PATIENCE);
        if let Some(worker) = stuck {
            return Some((worker.seed, format!("did not end within {} s", PATIENCE.as_secs())));
        }
    }
    None
}

impl Worker {
    fn hear(&mut self, line: &str, tally: &mut Tally) {
        self.since = Instant::now();
        if let Some(fault) = &mut self.fault {
            fault.push(line.to_owned());
            return;
        }
        let mut words = line.split(' ');
        match words.next() {
            Some(BEGIN) => {
                self.seed = words.next().and_then(|seed| seed.parse().ok());
                tally.last_seed = tally.last_seed.max(self.seed);
            }
            Some(END) => {
                tally.modules += 1;
                tally.calls += words.next().and_then(|calls| calls.parse::<u64>().ok()).unwrap_or(0);
                words.for_each(|name| *tally.engines.entry(name.to_owned()).or_default() += 1);
            }
            Some(DISSENT) => tally.dissents.extend(self.seed),
            Some(FAULT) => self.fault = Some(vec![]),
            Some(DONE) => self.done = true,
            _ => {}
        }
    }
}

/// Ends every process that still runs.
fn stop(workers: &mut [Worker]) {
    for worker in workers {
        // One that has ended cannot be killed, which is as well.
        let _ = worker.child.kill();
        let _ = worker.child.wait();
    }
}

/// Tells of a fault and keeps its module.
fn report(options: &Options, seed: Option<u64>, what: &str) -> Result<()> {
    let Some(seed) = seed else {
        println!("before the first module: {what}");
        return Ok(());
    };
    println!("seed {seed}: {what}");
    let Ok(Some(case)) = Case::new(seed) else { return Ok(()) };
    let path: PathBuf = options.save.join(format!("{seed}.wasm"));
    fs::create_dir_all(&options.save)?;
    fs::write(&path, &case.wasm).with_context(|| format!("cannot write {}", path.display()))?;
    println!("module: {}", path.display());
    println!("again:  cargo run -p latier-fuzz -- --seed {seed} --count 1");
    Ok(())
}
