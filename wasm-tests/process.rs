//! The real binary as a child process: what it wrote and how it ended, within a time. Expects nothing.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Time a child may take. Far more than any case needs: it only turns a hang into a failure.
const LIMIT: Duration = Duration::from_secs(120);

/// What a child wrote and how it ended.
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
}

/// Runs latier in the directory `dir`.
///
/// # Errors
/// When it does not end in time.
pub fn latier<S: AsRef<std::ffi::OsStr>>(
    dir: &Path,
    args: impl IntoIterator<Item = S>,
    stdin: &[u8],
) -> Result<Output, String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_latier"))
        .args(args)
        .current_dir(dir)
        .env_remove("LATIER_LOG")
        .env_remove("COLUMNS")
        .env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/caches"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the binary does not start: {error}"))?;
    // A child that does not read its input is no failure.
    let _ = child.stdin.take().map(|mut pipe| pipe.write_all(stdin));
    collect(child)
}

/// Reads both streams to their ends, each on a thread, so that neither pipe fills while the other is read.
fn collect(mut child: Child) -> Result<Output, String> {
    let (send, receive) = mpsc::channel();
    let streams: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().expect("it is piped")),
        Box::new(child.stderr.take().expect("it is piped")),
    ];
    for (i, mut stream) in streams.into_iter().enumerate() {
        let send = send.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            send.send((i, bytes))
        });
    }
    let mut read = [String::new(), String::new()];
    for _ in 0..2 {
        match receive.recv_timeout(LIMIT) {
            Ok((i, bytes)) => read[i] = String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it did not end within {} seconds", LIMIT.as_secs()));
            }
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let [stdout, stderr] = read;
    Ok(Output { stdout, stderr, code: status.code() })
}
