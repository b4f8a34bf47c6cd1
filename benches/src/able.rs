//! Which runtimes are there and what they are able to, found out by asking them. Measures nothing.

use crate::measure::{Bench, Job, Runtime};
use crate::program::{self, Programs};
use crate::report::RuntimeInfo;
use crate::runtimes::{self, ROWS};
use crate::workload::{Feature, Workload};
use anyhow::{Context, Result};
use std::fs;

/// What every runtime must run.
const HELLO: &str = include_str!("able/hello.wat");
/// What those must run that have a feature.
const FEATURES: [(Feature, &str); 2] = [
    (Feature::Exceptions, include_str!("able/exceptions.wat")),
    (Feature::Simd, include_str!("able/simd.wat")),
];

/// The runtimes that a user's words mean: `NAME` or `NAME:OPTIONS`, or `all`. Those that are usual, without words.
///
/// # Errors
/// When a name is unknown.
pub fn chosen(words: &[String], quick: bool) -> Result<Vec<Runtime>> {
    const QUICK: [&str; 3] = ["latier", "wasmtime-cached", "node"];
    let plain = |row: &'static runtimes::Row| Runtime {
        name: row.name.into(),
        row,
        options: Vec::new(),
        program: Default::default(),
        lacks: row.lacks.into(),
    };
    if words.is_empty() {
        let usual = ROWS.iter().filter(|row| if quick { QUICK.contains(&row.name) } else { row.usual });
        return Ok(usual.map(plain).collect());
    }
    let mut runtimes = Vec::new();
    for word in words {
        if word == "all" {
            runtimes.extend(ROWS.iter().map(plain));
            continue;
        }
        let (name, options) = word.split_once(':').unwrap_or((word, ""));
        let row = runtimes::row(name).with_context(|| {
            let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            format!("no runtime is called `{name}`; there are {}", names.join(", "))
        })?;
        let options = options.split_whitespace().map(str::to_owned).collect();
        runtimes.push(Runtime { name: word.clone(), options, ..plain(row) });
    }
    Ok(runtimes)
}

impl Bench<'_> {
    /// Finds a runtime's program and what it is able to; why not, if it cannot take part.
    ///
    /// # Errors
    /// When the harness itself fails.
    pub fn ready(
        &self,
        programs: &Programs,
        mut runtime: Runtime,
    ) -> Result<Result<(Runtime, RuntimeInfo), String>> {
        let found = programs.find(runtime.row).and_then(|path| Ok((program::version(&path)?, path)));
        let (version, path) = match found {
            Ok(found) => found,
            Err(error) => return Ok(Err(format!("{}: {error:#}", runtime.name))),
        };
        runtime.program = path;
        if let Some(why) = self.fails(&runtime, "hello", HELLO)? {
            return Ok(Err(why));
        }
        for (feature, text) in FEATURES {
            if !runtime.lacks.contains(&feature) && self.fails(&runtime, "a feature", text)?.is_some() {
                runtime.lacks.push(feature);
            }
        }
        let info = RuntimeInfo { name: runtime.name.clone(), version, about: runtime.row.about.into() };
        Ok(Ok((runtime, info)))
    }

    /// Why a runtime does not run a module that prints `ok`, if it does not. Runs it twice: what is kept for all programs
    /// is kept then.
    fn fails(&self, runtime: &Runtime, name: &str, text: &str) -> Result<Option<String>> {
        let module = self.scratch().join("able.wasm");
        fs::write(&module, wat::parse_str(text)?)?;
        let workload = Workload::own(name, "ok\n");
        let cache = self.cache(runtime)?;
        for _ in 0..2 {
            let job = Job {
                runtime,
                workload: &workload,
                module: &module,
                stats: None,
                cache: &cache,
                until_first_byte: false,
            };
            if let Err(failure) = self.run(&job)? {
                return Ok(Some(failure.0));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_chosen_by_name_with_options() {
        let words = ["latier:--mode fast".to_owned(), "node".to_owned()];
        let runtimes = chosen(&words, false).unwrap();
        assert_eq!(runtimes[0].options, ["--mode", "fast"]);
        assert_eq!((&runtimes[0].name[..], runtimes[1].row.name), ("latier:--mode fast", "node"));
        let error = chosen(&["nodes".to_owned()], false).unwrap_err().to_string();
        assert!(error.starts_with("no runtime is called `nodes`; there are latier, "), "{error}");
        assert_eq!(chosen(&["all".to_owned()], true).unwrap().len(), ROWS.len());
        assert!(chosen(&[], true).unwrap().len() < chosen(&[], false).unwrap().len());
    }

    #[test]
    fn what_features_are_asked_with_is_valid() {
        for text in FEATURES.iter().map(|(_, text)| text).chain([&HELLO]) {
            wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all())
                .validate_all(&wat::parse_str(text).unwrap())
                .unwrap();
        }
    }
}
