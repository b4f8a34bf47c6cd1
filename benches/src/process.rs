//! One run of one program: how long, how much processor time and memory, how it ended. A small process of its own
//! starts it, because Linux counts the memory of who starts a program as that program's: this one is small, the rest
//! of the harness is not. Knows neither runtimes nor workloads.

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4;

/// The argument by which the harness's binary becomes that small process.
pub const ARGUMENT: &str = "run-one";
/// How long a program that was killed may take to be gone.
const GRACE: Duration = Duration::from_secs(10);

/// What is to be run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Run {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Variables that differ from those of the harness.
    pub variables: Vec<(String, OsString)>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Where its standard output goes.
    pub output: PathBuf,
    /// Where its standard error goes.
    pub errors: PathBuf,
    /// How long it may take, in seconds.
    pub timeout: f64,
    /// Whether only the time until its first byte of output is wanted; it is killed then.
    pub until_first_byte: bool,
}

/// What came of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Outcome {
    /// Seconds from before the program was started until it was gone, or until its first byte of output.
    pub wall: f64,
    /// Processor seconds, of all its threads, in its own code and in the kernel's.
    pub cpu: f64,
    /// The most memory that it had resident, in bytes.
    pub peak: u64,
    /// How it ended.
    pub end: End,
}

/// How a run ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It took too long.
    TimedOut,
    /// Its first byte of output had come.
    FirstByte,
}

impl Run {
    /// Runs it, in a small process.
    ///
    /// # Errors
    /// When it could not be started.
    pub fn start(&self) -> Result<Outcome> {
        let own = std::env::current_exe().context("the harness does not find itself")?;
        let mut small = Command::new(own)
            .arg0("latier-bench")
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the harness cannot start itself")?;
        small.stdin.take().expect("it is piped").write_all(&serde_json::to_vec(self)?)?;
        let answer = small.wait_with_output()?;
        ensure!(answer.status.success(), "`{}` does not start", self.command[0].display());
        Ok(serde_json::from_slice(&answer.stdout)?)
    }

    fn here(&self) -> Result<Outcome> {
        let output = match self.until_first_byte {
            true => Stdio::piped(),
            false => File::create(&self.output)?.into(),
        };
        let [program, arguments @ ..] = &self.command[..] else { bail!("no program") };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(File::create(&self.errors)?);
        let start = Instant::now();
        let child = command.spawn().with_context(|| program.display().to_string())?;
        let limit = Duration::try_from_secs_f64(self.timeout)?;
        if self.until_first_byte { first_byte(child, start, limit) } else { to_the_end(child, start, limit) }
    }
}

/// What the small process does: reads a [`Run`] from standard input, writes an [`Outcome`] to standard output.
///
/// # Errors
/// When the program cannot be started.
pub fn run_one() -> Result<()> {
    let mut wanted = Vec::new();
    std::io::stdin().read_to_end(&mut wanted)?;
    let run: Run = serde_json::from_slice(&wanted)?;
    serde_json::to_writer(std::io::stdout(), &run.here()?)?;
    Ok(())
}

fn to_the_end(mut child: Child, start: Instant, limit: Duration) -> Result<Outcome> {
    let end = wait(&child, limit)?.then_some(start.elapsed());
    if end.is_none() {
        child.kill()?;
        wait(&child, GRACE)?;
    }
    let used = child.wait4()?;
    let ended = match (end, used.status.code()) {
        (None, _) => End::TimedOut,
        (_, Some(code)) => End::Code(code),
        (_, None) => End::Signal(used.status.signal().unwrap_or_default()),
    };
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    Ok(Outcome { wall: end.unwrap_or(limit).as_secs_f64(), cpu, peak: used.rusage.maxrss, end: ended })
}

fn first_byte(mut child: Child, start: Instant, limit: Duration) -> Result<Outcome> {
    let mut pipe = child.stdout.take().expect("it is piped");
    let came = ready(&mut [PollFd::new(&pipe, PollFlags::IN)], limit)?;
    let wall = start.elapsed().as_secs_f64();
    let read = if came { pipe.read(&mut [0])? } else { 0 };
    if read == 1 || !came {
        child.kill()?;
    }
    let used = child.wait4()?;
    let end = match (came, read, used.status.code()) {
        (false, ..) => End::TimedOut,
        (_, 1, _) => End::FirstByte,
        (_, _, Some(code)) => End::Code(code),
        (_, _, None) => End::Signal(used.status.signal().unwrap_or_default()),
    };
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    Ok(Outcome { wall, cpu, peak: used.rusage.maxrss, end })
}

/// Whether the child ends within a time. It is not reaped.
fn wait(child: &Child, limit: Duration) -> Result<bool> {
    let pid = Pid::from_child(child);
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    ready(&mut [PollFd::new(&handle, PollFlags::IN)], limit)
}

fn ready(what: &mut [PollFd<'_>], limit: Duration) -> Result<bool> {
    let limit = Timespec::try_from(limit)?;
    Ok(poll(what, Some(&limit))? > 0)
}
