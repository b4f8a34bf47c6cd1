//! The harness as a user meets it: what makes it fail, what it writes, what it says. The runtime is a script here, so that
//! every outcome can be had; one test takes latier itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with a runtime and a program.
struct Place(TempDir);

impl Place {
    /// The runtime runs `script` for the program, which must write `right`.
    fn new(script: &str) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let statistics = r#"for word; do case $word in --stats=json:*) echo {} > "${word#*:}"; esac; done"#;
        let runtime = format!(
            "#!/bin/sh\n{statistics}\ncase \"$*\" in\n--version) echo fake 1.0;;\n*able.wasm) echo ok;;\n\
             *) {script};;\nesac\n"
        );
        fs::write(place.path("runtime"), runtime).unwrap();
        fs::set_permissions(place.path("runtime"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(place.path("program.wat"), "(module)").unwrap();
        let list = r#"{"workloads": [{"name": "program", "about": "", "module": "program.wat", "output": "right\n",
            "kinds": ["cold"]}]}"#;
        fs::write(place.path("list.json"), list).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Output {
        let runtime = format!("latier={}", self.path("runtime").display());
        let list = self.path("list.json");
        let fixed =
            ["--workloads", list.to_str().unwrap(), "--runtime-path", &runtime, "-r", "latier", "-n", "2"];
        harness(&[&fixed, words].concat())
    }
}

fn harness(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_latier-bench")).args(words).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
fn fails(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    assert!(said(output).contains(why), "{}", said(output));
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn figures_are_written_where_the_user_says() {
    let place = Place::new("echo right");
    let (report, page) = (place.path("report.json"), place.path("page.html"));
    let output = place.run(&["--json", report.to_str().unwrap(), "--html", page.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("latier against itself (noise)"));
    let report = json(&report);
    assert_eq!(report["runtimes"][0]["version"], "fake 1.0");
    let cells = report["cells"].as_array().unwrap();
    assert_eq!(cells.iter().map(|cell| &cell["runtime"]).collect::<Vec<_>>(), ["latier", "again"]);
    for run in cells.iter().flat_map(|cell| cell["runs"].as_array().unwrap()) {
        assert_eq!(run["end"]["Code"], 0);
        assert!(run["wall"].as_f64().unwrap() > 0.0 && run["peak"].as_u64().unwrap() > 0);
    }
    assert!(fs::read_to_string(page).unwrap().starts_with("<!doctype html>"));
}

#[test]
fn a_wrong_output_is_a_failure() {
    let output = Place::new("echo wrong").run(&[]);
    fails(&output, r#"failed: program under latier: the output is "wrong\n", not "right\n""#);
    // And no figure.
    assert!(!said(&output).contains("program  "), "{}", said(&output));
}

#[test]
fn an_output_that_is_wrong_once_is_a_failure() {
    let script =
        "if [ -e seen ] || [ -e ../../seen ]; then echo wrong; else touch ../../seen; echo right; fi";
    fails(&Place::new(script).run(&[]), r#"the output is "wrong\n""#);
}

#[test]
fn a_program_that_ends_badly_is_a_failure() {
    fails(&Place::new("echo right; echo no room >&2; exit 3").run(&[]), "exit code 3: no room");
    fails(&Place::new("echo right; kill -9 $$").run(&[]), "signal 9: it said nothing");
    fails(&Place::new("exec sleep 60").run(&["--timeout", "0.3"]), "more than 0.3 s");
}

#[test]
fn a_runtime_that_is_not_there_is_left_out_and_said() {
    let place = Place::new("echo right");
    let output = place.run(&["-r", "wasmtime", "--runtime-path", "wasmtime=/not/there"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("left out: wasmtime: wasmtime: /not/there"), "{}", said(&output));
    let none = place.run(&["--runtime-path", "latier=/not/there"]);
    fails(&none, "error: no runtime is there: latier: latier: /not/there");
}

#[test]
fn what_became_slower_is_a_failure() {
    let place = Place::new("echo right");
    let path = place.path("then.json");
    let then = path.to_str().unwrap();
    assert!(place.run(&["--json", then]).status.success());
    let same = harness(&["--from", then, "--compare", then]);
    assert_eq!(same.status.code(), Some(0), "{}", said(&same));
    let mut faster = json(&path);
    for run in faster["cells"][0]["runs"].as_array_mut().unwrap() {
        run["cpu"] = 1e-9.into();
    }
    let other = place.path("faster.json");
    fs::write(&other, faster.to_string()).unwrap();
    fails(&harness(&["--from", then, "--compare", other.to_str().unwrap()]), "slower  cold program latier: ");
}

#[test]
fn latier_itself_runs_programs_that_come_along() {
    let mut harness = Command::new(env!("CARGO_BIN_EXE_latier-bench"));
    let output =
        harness.args(["--quick", "-w", "noop,throw,lua-1", "-r", "latier", "-n", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for program in ["noop", "throw", "lua-1"] {
        assert!(said(&output).lines().any(|line| line.starts_with(program)), "{}", said(&output));
    }
}
