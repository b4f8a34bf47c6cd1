//! Where a runtime's program is, and which version it is. Knows no runtime but by its row.

use crate::runtimes::Row;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Finds programs.
#[derive(Debug, Default)]
pub struct Programs {
    /// What the user says: the name of a runtime or of its program, and the file.
    pub paths: Vec<(String, PathBuf)>,
}

impl Programs {
    /// The program of a runtime: where the user says, else where the variable says that is the program's name in
    /// capitals, else latier as it is built here, else what is on PATH.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, row: &Row) -> Result<PathBuf> {
        for name in [row.name, row.program] {
            if let Some((_, path)) = self.paths.iter().rev().find(|(said, _)| said == name) {
                return path.canonicalize().with_context(|| format!("{name}: {}", path.display()));
            }
        }
        let variable = row.program.to_uppercase();
        if let Some(path) = std::env::var_os(&variable) {
            let path = PathBuf::from(path);
            return path.canonicalize().with_context(|| format!("${variable}: {}", path.display()));
        }
        if row.program == "latier"
            && let Some(path) = built_here()?
        {
            return Ok(path);
        }
        on_path(row.program).with_context(|| format!("`{}` is not on PATH", row.program))
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// latier beside the harness. If Cargo runs the harness, Cargo builds it first, so that it is not an old one.
fn built_here() -> Result<Option<PathBuf>> {
    let own = std::env::current_exe()?;
    // Tests are one folder further down.
    let folder = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let Some(folder) = folder else { return Ok(None) };
    if let (Some(cargo), Some(target)) = (std::env::var_os("CARGO"), folder.parent()) {
        let profile = if folder.ends_with("debug") { "dev" } else { "release" };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--bin", "latier", "--profile", profile, "--target-dir"])
            .arg(target)
            .current_dir(root)
            .stdin(Stdio::null())
            .status()?;
        ensure!(status.success(), "latier does not build");
    }
    let built = folder.join("latier");
    Ok(built.is_file().then_some(built))
}

/// What a program says of its version, in one line.
///
/// # Errors
/// When it says nothing.
pub fn version(program: &Path) -> Result<String> {
    let answer = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| program.display().to_string())?;
    let text = String::from_utf8_lossy(&answer.stdout);
    match text.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => Ok(line.trim().to_owned()),
        None => bail!("{} --version says nothing", program.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtimes::row;

    #[test]
    fn what_the_user_says_comes_first_and_must_be_there() {
        let own = std::env::current_exe().unwrap();
        let said = |name: &str, path: &Path| Programs { paths: vec![(name.into(), path.into())] };
        let fast = row("latier-fast").unwrap();
        assert_eq!(said("latier-fast", &own).find(fast).unwrap(), own.canonicalize().unwrap());
        assert_eq!(said("latier", &own).find(fast).unwrap(), own.canonicalize().unwrap());
        let error = said("latier", Path::new("/not/there")).find(fast).unwrap_err();
        assert_eq!(error.to_string(), "latier: /not/there");
    }

    #[test]
    fn a_version_is_one_line() {
        assert!(version(Path::new("/bin/sh-that-is-not-there")).is_err());
        let cargo = on_path("cargo").unwrap();
        assert!(version(&cargo).unwrap().starts_with("cargo 1."));
    }
}
