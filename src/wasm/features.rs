//! The proposals of WebAssembly, one row each, and sets of them. Says what a module may use; what of it can be
//! compiled is the compiler's to say.

use std::fmt;
use wasmparser::WasmFeatures;

/// One proposal: a row of the table that options, help and presets come from.
#[derive(Debug)]
pub struct Proposal {
    /// Its name, as `-W` spells it.
    pub name: &'static str,
    /// Its phase in the standard's process; 5 is part of a specification.
    pub phase: u8,
    /// Whether it is on unless it is turned off.
    pub default: bool,
    /// What it is, in a few words.
    pub what: &'static str,
    flag: WasmFeatures,
    /// What it is built upon: turned on with it, and it is turned off with any of them.
    needs: WasmFeatures,
}

const fn row(
    name: &'static str,
    phase: u8,
    default: bool,
    flag: WasmFeatures,
    needs: WasmFeatures,
    what: &'static str,
) -> Proposal {
    Proposal { name, phase, default, what, flag, needs }
}

const NOTHING: WasmFeatures = WasmFeatures::empty();

/// Every proposal that is known, in the order of their age.
pub const PROPOSALS: &[Proposal] = &[
    row(
        "mutable-global",
        5,
        true,
        WasmFeatures::MUTABLE_GLOBAL,
        NOTHING,
        "import and export of mutable globals",
    ),
    row(
        "saturating-float-to-int",
        5,
        true,
        WasmFeatures::SATURATING_FLOAT_TO_INT,
        NOTHING,
        "conversions to integers that never trap",
    ),
    row(
        "sign-extension",
        5,
        true,
        WasmFeatures::SIGN_EXTENSION,
        NOTHING,
        "sign extension of narrow integers",
    ),
    row(
        "multi-value",
        5,
        true,
        WasmFeatures::MULTI_VALUE,
        NOTHING,
        "several results, blocks with parameters",
    ),
    row(
        "bulk-memory",
        5,
        true,
        WasmFeatures::BULK_MEMORY,
        NOTHING,
        "copy, fill and init of memories and tables",
    ),
    row(
        "reference-types",
        5,
        true,
        WasmFeatures::REFERENCE_TYPES,
        NOTHING,
        "references as values, several tables",
    ),
    row("simd", 5, true, WasmFeatures::SIMD, NOTHING, "128-bit vectors"),
    row(
        "extended-const",
        5,
        true,
        WasmFeatures::EXTENDED_CONST,
        NOTHING,
        "arithmetic in constant expressions",
    ),
    row(
        "relaxed-simd",
        5,
        true,
        WasmFeatures::RELAXED_SIMD,
        WasmFeatures::SIMD,
        "vectors as hardware likes them",
    ),
    row("tail-call", 5, true, WasmFeatures::TAIL_CALL, NOTHING, "calls in place of the caller's frame"),
    row("multi-memory", 5, true, WasmFeatures::MULTI_MEMORY, NOTHING, "several memories"),
    row("memory64", 5, true, WasmFeatures::MEMORY64, NOTHING, "memories and tables indexed by i64"),
    row(
        "exceptions",
        5,
        true,
        WasmFeatures::EXCEPTIONS,
        WasmFeatures::REFERENCE_TYPES,
        "exceptions, thrown and caught",
    ),
    row(
        "function-references",
        5,
        true,
        WasmFeatures::FUNCTION_REFERENCES,
        WasmFeatures::REFERENCE_TYPES,
        "typed references to functions",
    ),
    row(
        "gc",
        5,
        false,
        WasmFeatures::GC,
        WasmFeatures::FUNCTION_REFERENCES.union(WasmFeatures::REFERENCE_TYPES),
        "structs and arrays, garbage collected",
    ),
    row("threads", 4, true, WasmFeatures::THREADS, NOTHING, "shared memories and atomic accesses"),
    row("wide-arithmetic", 4, true, WasmFeatures::WIDE_ARITHMETIC, NOTHING, "128-bit sums and products"),
    row(
        "custom-page-sizes",
        3,
        false,
        WasmFeatures::CUSTOM_PAGE_SIZES,
        NOTHING,
        "memories whose pages are a single byte",
    ),
    row(
        "stack-switching",
        3,
        false,
        WasmFeatures::STACK_SWITCHING,
        WasmFeatures::FUNCTION_REFERENCES
            .union(WasmFeatures::REFERENCE_TYPES)
            .union(WasmFeatures::EXCEPTIONS),
        "continuations",
    ),
    row(
        "shared-everything-threads",
        2,
        false,
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        WasmFeatures::THREADS,
        "sharing of more than memories",
    ),
    row(
        "legacy-exceptions",
        1,
        false,
        WasmFeatures::LEGACY_EXCEPTIONS,
        WasmFeatures::EXCEPTIONS.union(WasmFeatures::REFERENCE_TYPES),
        "exceptions as browsers first had them",
    ),
];

/// A specification's features.
#[derive(Debug)]
pub struct Preset {
    /// Its name, as `-W preset=` spells it.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// `None`: what is on by default.
    flags: Option<WasmFeatures>,
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset { name: "v1", what: "WebAssembly 1.0", flags: Some(WasmFeatures::WASM1) },
    Preset { name: "v2", what: "WebAssembly 2.0", flags: Some(WasmFeatures::WASM2) },
    Preset { name: "v3", what: "WebAssembly 3.0", flags: Some(WasmFeatures::WASM3) },
    Preset { name: "latest", what: "all that is finished (the default)", flags: None },
];

/// The set of proposals that a module may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Features(WasmFeatures);

impl Default for Features {
    /// The rows of the table that are on by default.
    fn default() -> Features {
        let on = PROPOSALS.iter().filter(|p| p.default);
        Features(on.fold(WasmFeatures::MVP, |set, proposal| set.union(proposal.flag)))
    }
}

impl Features {
    /// No proposal: what WebAssembly was at first.
    pub(super) fn none() -> Features {
        Features(WasmFeatures::MVP)
    }

    /// The features of a specification.
    ///
    /// # Errors
    /// When there is no preset of this name.
    pub fn preset(name: &str) -> Result<Features, UnknownFeature> {
        match PRESETS.iter().find(|p| p.name == name) {
            Some(preset) => Ok(preset.flags.map_or(Features::default(), Features)),
            None => Err(UnknownFeature::new("preset", name, PRESETS.iter().map(|p| p.name))),
        }
    }

    /// Turns a proposal on, with all it is built upon, or off, with all that is built upon it.
    ///
    /// # Errors
    /// When there is no proposal of this name.
    pub fn enable(&mut self, name: &str, on: bool) -> Result<(), UnknownFeature> {
        let Some(proposal) = PROPOSALS.iter().find(|p| p.name == name) else {
            return Err(UnknownFeature::new("WebAssembly feature", name, PROPOSALS.iter().map(|p| p.name)));
        };
        if on {
            self.0 |= proposal.flag | proposal.needs;
        } else {
            let with = PROPOSALS.iter().filter(|p| p.needs.contains(proposal.flag));
            self.0 -= with.fold(proposal.flag, |off, p| off | p.flag);
        }
        Ok(())
    }

    /// Whether a proposal is on; one that is not known is off.
    pub fn is_enabled(&self, name: &str) -> bool {
        PROPOSALS.iter().any(|p| p.name == name && self.0.contains(p.flag))
    }

    /// The set as the parser's crate has it.
    pub fn flags(self) -> WasmFeatures {
        self.0
    }
}

/// A name that is in no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFeature {
    kind: &'static str,
    name: String,
    nearest: Option<&'static str>,
}

impl UnknownFeature {
    fn new(kind: &'static str, name: &str, known: impl Iterator<Item = &'static str>) -> UnknownFeature {
        let distances = known.map(|k| (edits(name, k), k)).filter(|(edits, k)| edits * 2 <= k.len());
        UnknownFeature { kind, name: name.into(), nearest: distances.min().map(|(_, k)| k) }
    }

    /// The known name that is most like it, if one is.
    pub fn nearest(&self) -> Option<&'static str> {
        self.nearest
    }
}

impl fmt::Display for UnknownFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} `{}`", self.kind, self.name)?;
        self.nearest.map_or(Ok(()), |nearest| write!(f, ", did you mean `{nearest}`?"))
    }
}

impl std::error::Error for UnknownFeature {}

/// How many letters must be put in, left out or replaced to make `b` of `a`.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_what_can_be_compiled() {
        let features = Features::default();
        assert!(features.is_enabled("bulk-memory") && features.is_enabled("extended-const"));
        assert!(features.is_enabled("memory64") && !features.is_enabled("custom-page-sizes"));
        assert!(features.is_enabled("relaxed-simd") && !features.is_enabled("gc"));
        assert!(features.flags().floats() && features.flags().gc_types());
        assert_eq!(Features::preset("latest"), Ok(features));
    }

    #[test]
    fn what_is_built_upon_goes_along() {
        let mut features = Features::preset("v1").unwrap();
        assert!(!features.is_enabled("reference-types"));
        features.enable("gc", true).unwrap();
        assert!(features.is_enabled("function-references") && features.is_enabled("reference-types"));
        features.enable("function-references", false).unwrap();
        assert!(!features.is_enabled("gc") && features.is_enabled("reference-types"));
    }

    #[test]
    fn a_wrong_name_gets_the_near_one() {
        let wrong = |name: &str| Features::default().enable(name, true).unwrap_err().to_string();
        assert_eq!(wrong("smid"), "unknown WebAssembly feature `smid`, did you mean `simd`?");
        assert_eq!(
            wrong("bulk_memory"),
            "unknown WebAssembly feature `bulk_memory`, did you mean `bulk-memory`?"
        );
        assert_eq!(wrong("qwertz"), "unknown WebAssembly feature `qwertz`");
        assert_eq!(
            Features::preset("v0").unwrap_err().to_string(),
            "unknown preset `v0`, did you mean `v1`?"
        );
    }

    #[test]
    fn every_row_is_its_own() {
        for (i, a) in PROPOSALS.iter().enumerate() {
            assert!(
                PROPOSALS[..i].iter().all(|b| a.name != b.name && !a.flag.intersects(b.flag)),
                "{}",
                a.name
            );
            assert!((1..=5).contains(&a.phase) && !a.what.is_empty());
        }
    }
}
