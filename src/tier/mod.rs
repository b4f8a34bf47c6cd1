//! The tiers and the modes: which code a function gets first and what follows. Tables and arithmetic; nothing here
//! compiles.

mod filter;
pub mod knobs;
pub mod policy;
pub mod profile;
pub mod refusal;

pub use filter::TierFilter;

use knobs::Knobs;
use std::fmt;
use std::str::FromStr;

/// A tier: one row of [`Tier::TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Stencils: machine code of single operators, stitched together.
    Baseline,
    /// Cranelift without optimizing, single-pass register allocation.
    Fast,
    /// Cranelift at its best.
    Optimized,
}

/// What is known of a tier.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The tier.
    pub tier: Tier,
    /// Its name in messages, file names and options.
    pub name: &'static str,
    /// The tier a hot function moves to.
    pub next: Option<Tier>,
    /// The tier that compiles what this one refuses.
    pub fallback: Option<Tier>,
}

impl Tier {
    /// Every tier, cheapest compile first.
    pub const TABLE: [Row; 3] = [
        Row {
            tier: Tier::Baseline,
            name: "baseline",
            next: Some(Tier::Optimized),
            fallback: Some(Tier::Fast),
        },
        Row { tier: Tier::Fast, name: "fast", next: Some(Tier::Optimized), fallback: None },
        Row { tier: Tier::Optimized, name: "optimized", next: None, fallback: None },
    ];

    /// The tier's row.
    pub fn row(self) -> &'static Row {
        &Tier::TABLE[self as usize]
    }

    /// The tier's name.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a program is run: what is compiled when, and in which tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The default: each function at its first call in the first tier, and what is hot again, optimized.
    #[default]
    Tiered,
    /// Each function at its first call, in the first tier.
    Baseline,
    /// Each function at its first call, by Cranelift without optimizing.
    Fast,
    /// Each function at its first call, optimized.
    Optimized,
    /// Every function before the start, in the first tier.
    EagerBaseline,
    /// Every function before the start, optimized.
    EagerOptimized,
}

/// What is known of a mode.
#[derive(Clone, Copy, Debug)]
pub struct ModeRow {
    /// The mode.
    pub mode: Mode,
    /// Its name on the command line.
    pub name: &'static str,
    /// The tier of a first compile.
    pub first: Tier,
    /// Whether everything is compiled before the start.
    pub eager: bool,
    /// Whether hot functions are compiled again, optimized.
    pub tier_up: bool,
    /// What it does, for `--help`.
    pub about: &'static str,
}

impl Mode {
    /// Every mode.
    pub const TABLE: [ModeRow; 6] = [
        ModeRow {
            mode: Mode::Tiered,
            name: "tiered",
            first: Tier::Baseline,
            eager: false,
            tier_up: true,
            about: "the first answer at once, and what is hot optimized (default)",
        },
        ModeRow {
            mode: Mode::Baseline,
            name: "baseline",
            first: Tier::Baseline,
            eager: false,
            tier_up: false,
            about: "each function at its first call, in the first tier",
        },
        ModeRow {
            mode: Mode::Fast,
            name: "fast",
            first: Tier::Fast,
            eager: false,
            tier_up: false,
            about: "each function at its first call, by Cranelift without optimizing",
        },
        ModeRow {
            mode: Mode::Optimized,
            name: "optimized",
            first: Tier::Optimized,
            eager: false,
            tier_up: false,
            about: "each function at its first call, optimized",
        },
        ModeRow {
            mode: Mode::EagerBaseline,
            name: "eager-baseline",
            first: Tier::Baseline,
            eager: true,
            tier_up: false,
            about: "every function before the start, in the first tier",
        },
        ModeRow {
            mode: Mode::EagerOptimized,
            name: "eager-optimized",
            first: Tier::Optimized,
            eager: true,
            tier_up: false,
            about: "every function before the start, optimized",
        },
    ];

    /// The mode's row.
    pub fn row(self) -> &'static ModeRow {
        &Mode::TABLE[self as usize]
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().name)
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Mode, String> {
        let row = Mode::TABLE.iter().find(|row| row.name == name);
        row.map(|row| row.mode).ok_or_else(|| {
            let names: Vec<_> = Mode::TABLE.iter().map(|row| row.name).collect();
            format!("no mode '{name}'; there are {}", names.join(", "))
        })
    }
}

/// How hot functions are found.
#[derive(Clone, Debug)]
pub enum TierUp {
    /// By samples in time; compiles run in the background.
    Sampled(Knobs),
    /// Every function entry and every round of a loop counts as a sample, and compiles run in place: the same in every
    /// run. What has so many samples is optimized. For tests.
    Stepped(u64),
}

impl TierUp {
    /// The numbers that decisions turn on.
    pub fn knobs(&self) -> Knobs {
        match self {
            TierUp::Sampled(knobs) => knobs.clone(),
            TierUp::Stepped(samples) => Knobs::after(*samples),
        }
    }
}

impl Default for TierUp {
    fn default() -> TierUp {
        TierUp::Sampled(Knobs::default())
    }
}

/// When bodies are validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Validation {
    /// All before the module is accepted, as the specification demands.
    #[default]
    Eager,
    /// Each when its function is first called; an invalid one is a trap at that call, and what is never called is
    /// never looked at.
    Lazy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_own_number() {
        assert!(Tier::TABLE.iter().all(|row| row.tier.row().name == row.name));
        assert!(Mode::TABLE.iter().all(|row| row.name.parse() == Ok(row.mode)));
        assert!("quick".parse::<Mode>().unwrap_err().contains("eager-optimized"));
    }
}
