//! The ways of compiling in which a result may be wrong that is right in the first tier. Each is the same in every run:
//! nothing in it is decided by time.

use crate::cli::flags::EngineOptions;
use crate::{Mode, Tier, TierUp};
use std::fmt;

/// A way of compiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    mode: Mode,
    /// In the default mode: at which call, and in which round of a loop, code is optimized.
    step: Option<u64>,
}

impl Way {
    /// The steps at which the default mode is tried: a loop left in its first round has its first values, later ones
    /// what rounds have made of them.
    const STEPS: [u64; 3] = [1, 2, 3];

    /// The ways in which the result is to be tried, by what the user says of the mode. The default mode is optimized
    /// code first, then what is special to it: that code takes over from the first tier's, in the middle of loops too.
    pub(super) fn all(options: &EngineOptions) -> Vec<Way> {
        let stepped = |step| Way { mode: Mode::Tiered, step: Some(step) };
        match (options.mode, options.tier_up()) {
            (Mode::Tiered, TierUp::Stepped(step)) => vec![stepped(step)],
            (Mode::Tiered, TierUp::Sampled(_)) => {
                let optimized = Way { mode: Mode::Optimized, step: None };
                [optimized].into_iter().chain(Way::STEPS.map(stepped)).collect()
            }
            (mode, _) => vec![Way { mode, step: None }],
        }
    }

    /// The tier of what leaves the first one.
    pub(super) fn tier(self) -> Tier {
        let first = self.mode.row().first;
        match self.mode.row().tier_up {
            true => first.row().next.expect("a mode with tier-up has a tier to go to"),
            false => first,
        }
    }

    /// The options that make latier go this way.
    pub(super) fn options(self) -> Vec<String> {
        let step = self.step.map(|step| format!("--tier-up=stepped={step}"));
        [format!("--mode={}", self.mode)].into_iter().chain(step).collect()
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mode.fmt(f)?;
        self.step.map_or(Ok(()), |step| write!(f, " stepped={step}"))
    }
}
