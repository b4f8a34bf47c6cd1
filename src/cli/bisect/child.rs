//! One run of the program as a child process: what came of it, within a time. Compares nothing.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It ended: with this exit code, unless a signal ended it, and this standard output.
    Ended { code: Option<i32>, stdout: Vec<u8> },
    /// It took so long that it was ended.
    TimedOut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Ended { code, stdout } => {
                match code {
                    Some(code) => write!(f, "exit code {code}")?,
                    None => f.write_str("ended by a signal")?,
                }
                write!(f, ", {} bytes of output", stdout.len())
            }
            Outcome::TimedOut => f.write_str("out of time"),
        }
    }
}

/// Runs latier with these arguments and this standard input. Standard error is not looked at.
///
/// # Errors
/// When there is no child, or its output cannot be read.
pub(super) fn run(
    args: &[OsString],
    stdin: &[u8],
    limit: Option<Duration>,
) -> io::Result<(Outcome, Duration)> {
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut pipe = child.stdin.take().expect("it is piped");
    let input = stdin.to_vec();
    // A child that does not read its input is no failure.
    thread::spawn(move || pipe.write_all(&input));
    let outcome = collect(&mut child, limit)?;
    Ok((outcome, start.elapsed()))
}

/// Reads the child's output to its end, or ends the child.
fn collect(child: &mut Child, limit: Option<Duration>) -> io::Result<Outcome> {
    let mut pipe = child.stdout.take().expect("it is piped");
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut stdout = Vec::new();
        let read = pipe.read_to_end(&mut stdout).map(|_| stdout);
        // Nobody hears it of a child that was out of time.
        let _ = send.send(read);
    });
    let read = match limit {
        Some(limit) => receive.recv_timeout(limit),
        None => receive.recv().map_err(|_| RecvTimeoutError::Disconnected),
    };
    match read {
        Ok(stdout) => Ok(Outcome::Ended { stdout: stdout?, code: child.wait()?.code() }),
        Err(_) => {
            child.kill()?;
            child.wait()?;
            Ok(Outcome::TimedOut)
        }
    }
}
