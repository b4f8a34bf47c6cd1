//! The runtimes that programs are run under: a table of how each is called. Runs nothing.

use crate::workload::{Feature, Kind};

/// How a runtime is called.
#[derive(Debug)]
pub struct Row {
    /// Its name in tables and on the command line.
    pub name: &'static str,
    /// The program: found on PATH, or in the variable that is its name in capitals.
    pub program: &'static str,
    /// Its arguments. In braces: what the user adds, directories, the program's name for itself, the module, the
    /// module's arguments, the driver for JavaScript engines. A word with a placeholder that stands for nothing is left
    /// out.
    pub command: &'static str,
    /// How a directory is given, where one can be; with `{host}` and `{guest}`.
    pub dir: Option<&'static [&'static str]>,
    /// How the program's name for itself is given, where it can be.
    pub argv0: Option<&'static str>,
    /// Which kinds of runs it takes part in.
    pub kinds: &'static [Kind],
    /// What it is known to lack; everything else is tried.
    pub lacks: &'static [Feature],
    /// Whether what it keeps of one program serves all. Then a program that is run cold runs once before, uncounted: what
    /// programs share is there, as on any machine that has run some, and nothing of a program itself is kept.
    pub shares: bool,
    /// Whether it is measured unless the user chooses.
    pub usual: bool,
    /// What it is, in a few words.
    pub about: &'static str,
}

const FIRST: Kind = Kind::First;
const COLD: Kind = Kind::Cold;
const SECOND: Kind = Kind::Second;
const LONG: Kind = Kind::Long;
/// What has nothing that it could keep of a program.
const ALL: &[Kind] = &[FIRST, COLD, SECOND, LONG];
/// What is told to keep nothing.
const UNCACHED: &[Kind] = &[COLD, LONG];
/// What is told to keep what it compiled.
const CACHED: &[Kind] = &[SECOND, LONG];

/// What is the same in most rows.
const USUAL: Row = Row {
    name: "",
    program: "",
    command: "",
    dir: Some(&["--dir", "{host}::{guest}"]),
    argv0: Some("--argv0"),
    kinds: ALL,
    lacks: &[],
    shares: false,
    usual: true,
    about: "",
};
/// One of latier's modes, and the other rows of a program that has several.
const MODE: Row = Row { program: "latier", shares: true, usual: false, ..USUAL };
const WASMTIME: Row = Row { program: "wasmtime", usual: false, ..USUAL };
const NODE: Row = Row { program: "node", usual: false, ..USUAL };

/// All runtimes.
pub const ROWS: &[Row] = &[
    Row {
        name: "latier",
        command: "run {options} {dirs} {argv0} {module} {args}",
        usual: true,
        about: "the default mode: stencils, then tier-up",
        ..MODE
    },
    Row {
        name: "latier-baseline",
        command: "run --mode baseline {options} {dirs} {argv0} {module} {args}",
        about: "the first tier alone",
        ..MODE
    },
    Row {
        name: "latier-fast",
        command: "run --mode fast {options} {dirs} {argv0} {module} {args}",
        about: "Cranelift without optimizing, lazily",
        ..MODE
    },
    Row {
        name: "latier-optimized",
        command: "run --mode optimized {options} {dirs} {argv0} {module} {args}",
        about: "everything optimized at its first call",
        ..MODE
    },
    Row {
        name: "latier-eager-baseline",
        command: "run --mode eager-baseline {options} {dirs} {argv0} {module} {args}",
        about: "everything compiled before the start, first tier",
        ..MODE
    },
    Row {
        name: "latier-eager-optimized",
        command: "run --mode eager-optimized {options} {dirs} {argv0} {module} {args}",
        about: "everything compiled before the start, optimized",
        ..MODE
    },
    Row {
        name: "wasmtime",
        command: "run -W exceptions=y,max-wasm-stack=4194304 -C cache=n {options} {dirs} {argv0} {module} {args}",
        kinds: UNCACHED,
        usual: true,
        about: "Cranelift ahead of time, nothing kept",
        ..WASMTIME
    },
    Row {
        name: "wasmtime-cached",
        command: "run -W exceptions=y,max-wasm-stack=4194304 -C cache=y {options} {dirs} {argv0} {module} {args}",
        kinds: CACHED,
        usual: true,
        about: "its code kept from an earlier run",
        ..WASMTIME
    },
    Row {
        name: "wasmtime-winch",
        command: "run -W max-wasm-stack=4194304 -C cache=n,compiler=winch {options} {dirs} {argv0} {module} {args}",
        kinds: UNCACHED,
        lacks: &[Feature::Exceptions],
        about: "its baseline compiler, ahead of time",
        ..WASMTIME
    },
    Row {
        name: "wasmtime-O0",
        command: "run -W exceptions=y,max-wasm-stack=4194304 -C cache=n -O opt-level=0 {options} {dirs} {argv0} {module} {args}",
        kinds: UNCACHED,
        about: "Cranelift without optimizing, ahead of time",
        ..WASMTIME
    },
    Row {
        name: "node",
        command: "--no-warnings {options} {driver} {dirs} {argv0} {module} {args}",
        usual: true,
        about: "V8: Liftoff lazily, then TurboFan",
        ..NODE
    },
    Row {
        name: "node-liftoff",
        command: "--no-warnings --liftoff-only {options} {driver} {dirs} {argv0} {module} {args}",
        about: "V8's first tier alone",
        ..NODE
    },
    Row {
        name: "node-turbofan",
        command: "--no-warnings --no-liftoff {options} {driver} {dirs} {argv0} {module} {args}",
        about: "V8's optimizing tier alone",
        ..NODE
    },
    Row {
        name: "wasmi",
        program: "wasmi",
        command: "{options} {module} {args}",
        dir: None,
        argv0: None,
        lacks: &[Feature::Exceptions],
        about: "an interpreter",
        ..USUAL
    },
    Row {
        name: "wasmer",
        program: "wasmer",
        command: "run {options} {dirs} {module} {args}",
        dir: Some(&["--volume", "{host}:{guest}"]),
        argv0: None,
        kinds: CACHED,
        about: "its code kept from an earlier run",
        ..USUAL
    },
    Row {
        name: "wasmedge",
        program: "wasmedge",
        command: "{options} {dirs} {module} {args}",
        dir: Some(&["--dir", "{guest}:{host}"]),
        argv0: None,
        about: "an interpreter, unless told otherwise",
        ..USUAL
    },
    Row {
        name: "iwasm",
        program: "iwasm",
        command: "{options} {dirs} {module} {args}",
        dir: Some(&["--map-dir={guest}::{host}"]),
        argv0: None,
        about: "WAMR",
        ..USUAL
    },
    Row {
        name: "bun",
        program: "bun",
        command: "{options} {driver} {dirs} {argv0} {module} {args}",
        about: "JavaScriptCore",
        ..USUAL
    },
    Row {
        name: "deno",
        program: "deno",
        command: "run --allow-all {options} {driver} {dirs} {argv0} {module} {args}",
        about: "V8",
        ..USUAL
    },
];

/// The row with this name.
pub fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// What the placeholders of a command stand for.
#[derive(Debug)]
pub struct Call<'a> {
    /// What the user adds.
    pub options: &'a [String],
    /// The driver for JavaScript engines.
    pub driver: &'a str,
    /// Directories: where they are, what the program calls them.
    pub dirs: &'a [(String, String)],
    /// The program's name for itself.
    pub argv0: Option<&'a str>,
    /// The module's file.
    pub module: &'a str,
    /// Its arguments.
    pub args: &'a [String],
}

impl Row {
    /// The arguments of a call; `None` if this runtime cannot be called so.
    pub fn arguments(&self, call: &Call<'_>) -> Option<Vec<String>> {
        let mut arguments = Vec::new();
        for word in self.command.split(' ') {
            match word {
                "{options}" => arguments.extend_from_slice(call.options),
                "{driver}" => arguments.push(call.driver.into()),
                "{module}" => arguments.push(call.module.into()),
                "{args}" => arguments.extend_from_slice(call.args),
                "{argv0}" | "{dirs}" => {}
                plain => arguments.push(plain.into()),
            }
            if word == "{dirs}" {
                for (host, guest) in call.dirs {
                    let words = self.dir?.iter();
                    arguments.extend(words.map(|w| w.replace("{host}", host).replace("{guest}", guest)));
                }
            }
            if let ("{argv0}", Some(name)) = (word, call.argv0) {
                arguments.extend([self.argv0?.to_owned(), name.to_owned()]);
            }
        }
        let dirs = call.dirs.is_empty() || self.dir.is_some();
        let named = call.argv0.is_none() || self.argv0.is_some();
        (dirs && named).then_some(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(dirs: &'a [(String, String)], args: &'a [String], options: &'a [String]) -> Call<'a> {
        Call { options, driver: "wasi.mjs", dirs, argv0: None, module: "a.wasm", args }
    }

    #[test]
    fn placeholders_become_what_they_stand_for() {
        let dirs = [("/tmp".to_owned(), "/".to_owned())];
        let args = ["one".to_owned(), "two".to_owned()];
        let latier = row("latier").unwrap();
        let made = latier.arguments(&call(&dirs, &args, &["--mode".to_owned(), "fast".to_owned()])).unwrap();
        assert_eq!(made, ["run", "--mode", "fast", "--dir", "/tmp::/", "a.wasm", "one", "two"]);
        let named = Call { argv0: Some("me"), ..call(&[], &[], &[]) };
        assert_eq!(latier.arguments(&named).unwrap(), ["run", "--argv0", "me", "a.wasm"]);
        let iwasm = row("iwasm").unwrap().arguments(&call(&dirs, &[], &[])).unwrap();
        assert_eq!(iwasm, ["--map-dir=/::/tmp", "a.wasm"]);
    }

    #[test]
    fn a_runtime_that_gives_no_directories_runs_only_what_needs_none() {
        let wasmi = row("wasmi").unwrap();
        let dirs = [("/tmp".to_owned(), "/".to_owned())];
        assert_eq!(wasmi.arguments(&call(&dirs, &[], &[])), None);
        assert_eq!(wasmi.arguments(&Call { argv0: Some("me"), ..call(&[], &[], &[]) }), None);
        assert_eq!(wasmi.arguments(&call(&[], &[], &[])).unwrap(), ["a.wasm"]);
    }

    #[test]
    fn names_are_told_apart() {
        for (n, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..n].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(!row.about.is_empty() && !row.kinds.is_empty(), "{}", row.name);
        }
    }
}
