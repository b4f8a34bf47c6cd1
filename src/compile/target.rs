//! The machine that is compiled for, as each row of settings wants it: shared, made at first use. Knows nothing of
//! WebAssembly.

use super::CompileError;
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use std::sync::OnceLock;

/// How Cranelift compiles: a row of the tier table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Settings {
    /// No optimization, one pass of register allocation: compiles quickly.
    Fast,
    /// Everything Cranelift knows to make code run quickly.
    Optimized,
    /// For stencils: what is written is what is compiled, in the best registers.
    Stencil,
}

impl Settings {
    /// `opt_level` and `regalloc_algorithm`. `none` with `backtracking` only where no function is long: giants take
    /// seconds.
    fn options(self) -> [(&'static str, &'static str); 2] {
        match self {
            Settings::Fast => [("opt_level", "none"), ("regalloc_algorithm", "single_pass")],
            Settings::Optimized => [("opt_level", "speed"), ("regalloc_algorithm", "backtracking")],
            Settings::Stencil => [("opt_level", "none"), ("regalloc_algorithm", "backtracking")],
        }
    }
}

/// What the relaxed operators on vectors become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelaxedForms {
    /// Whether they give what the specification's deterministic profile says; else what the machine gives soonest.
    pub deterministic: bool,
    /// Whether the machine multiplies and adds in one instruction.
    pub native_fma: bool,
}

impl RelaxedForms {
    /// The forms for code that `isa` compiles. Only of x86-64 are quicker forms known.
    pub fn new(isa: &OwnedTargetIsa, deterministic: bool) -> RelaxedForms {
        RelaxedForms { deterministic: deterministic || isa.name() != "x64", native_fma: isa.has_native_fma() }
    }
}

/// What both rows have in common. `is_pic` makes every outside reference a load from the GOT, which the linker
/// relaxes; frame pointers are what backtraces walk.
const COMMON: [(&str, &str); 8] = [
    ("is_pic", "true"),
    ("preserve_frame_pointers", "true"),
    ("enable_nan_canonicalization", "false"),
    ("unwind_info", "false"),
    ("enable_probestack", "false"),
    ("enable_heap_access_spectre_mitigation", "false"),
    ("enable_table_access_spectre_mitigation", "false"),
    ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
];

/// The host processor with all its features, under these settings.
///
/// # Errors
/// When Cranelift does not know the host.
pub(crate) fn isa(settings: Settings) -> Result<&'static OwnedTargetIsa, CompileError> {
    static FAST: OnceLock<Result<OwnedTargetIsa, String>> = OnceLock::new();
    static OPTIMIZED: OnceLock<Result<OwnedTargetIsa, String>> = OnceLock::new();
    static STENCIL: OnceLock<Result<OwnedTargetIsa, String>> = OnceLock::new();
    let cell = match settings {
        Settings::Fast => &FAST,
        Settings::Optimized => &OPTIMIZED,
        Settings::Stencil => &STENCIL,
    };
    let isa = cell.get_or_init(|| {
        let native = cranelift_native::builder();
        build(native.map_err(|e| format!("cannot compile for this machine: {e}"))?, settings)
    });
    isa.as_ref().map_err(|message| CompileError { message: message.clone(), offset: None })
}

/// A processor under these settings.
///
/// # Errors
/// When its features do not go together.
pub(crate) fn build(builder: isa::Builder, settings: Settings) -> Result<OwnedTargetIsa, String> {
    let mut flags = settings::builder();
    for (name, value) in COMMON.into_iter().chain(settings.options()) {
        flags.set(name, value).map_err(|e| format!("Cranelift setting {name}: {e}"))?;
    }
    builder.finish(settings::Flags::new(flags)).map_err(|e| format!("cannot compile for this machine: {e}"))
}
