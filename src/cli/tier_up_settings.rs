//! What `--tier-up` sets: the knobs of the policy, by the names of their table, or that hot functions are found step by
//! step. Decides nothing about functions.

use crate::TierUp;
use crate::tier::knobs::{KnobRow, Knobs};

/// One setting of `--tier-up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierUpSetting {
    /// List all of them.
    Help,
    /// A knob, by its name in the table, and its value.
    Knob(&'static str, u64),
    /// No sampling: what has come to so many safepoints is compiled in place.
    Stepped(u64),
}

/// The key that is no knob.
const STEPPED: &str = "stepped";
/// What it does.
const STEPPED_ABOUT: &str =
    "optimize at the N-th call, leave loops in their N-th round, in place: the same in every run, for tests";

impl TierUpSetting {
    /// Reads one `KEY=VALUE`, or `help`.
    ///
    /// # Errors
    /// When there is no such key or its value does not fit; the text names the near ones.
    pub fn parse(text: &str) -> Result<TierUpSetting, String> {
        if text == "help" {
            return Ok(TierUpSetting::Help);
        }
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        let knob = Knobs::TABLE.iter().find(|row| row.name == key);
        if knob.is_none() && key != STEPPED {
            return Err(unknown(key));
        }
        let number = value.parse().map_err(|_| format!("'{key}' needs a number, not '{value}'"))?;
        match knob {
            Some(row) => {
                Knobs::default().set(row.name, number)?;
                Ok(TierUpSetting::Knob(row.name, number))
            }
            None if number == 0 => Err(format!("'{STEPPED}' counts from 1")),
            None => Ok(TierUpSetting::Stepped(number)),
        }
    }
}

fn unknown(key: &str) -> String {
    let keys = Knobs::TABLE.iter().map(|row| row.name).chain([STEPPED]);
    let nearest =
        keys.map(|known| (strsim::jaro_winkler(key, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((nearness, known)) if nearness > 0.8 => format!("there is no '{key}'; did you mean '{known}'?"),
        _ => format!("there is no '{key}'; '--tier-up help' lists what there is"),
    }
}

/// All settings of `--tier-up` together; later ones win, and with `stepped` no knob counts.
pub fn tier_up(settings: &[TierUpSetting]) -> TierUp {
    let mut knobs = Knobs::default();
    let mut stepped = None;
    for setting in settings {
        match *setting {
            TierUpSetting::Help => {}
            TierUpSetting::Knob(name, value) => knobs.set(name, value).expect("both were checked"),
            TierUpSetting::Stepped(samples) => stepped = Some(samples),
        }
    }
    stepped.map_or(TierUp::Sampled(knobs), TierUp::Stepped)
}

/// The list that `--tier-up help` prints.
pub fn help() -> String {
    let row = |key: String, about: String| format!("  --tier-up {key:<27} {about}\n");
    let knob = |knob: &KnobRow| {
        let KnobRow { name, default, min, max, unit, about, reason, .. } = knob;
        let about = format!("{about} (default: {default} {unit}; {min} to {max})");
        row(format!("{name}=N"), about) + &format!("{:41}{reason}\n", "")
    };
    let knobs: String = Knobs::TABLE.iter().map(knob).collect();
    knobs + &row(format!("{STEPPED}=N"), STEPPED_ABOUT.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TierUp {
        let settings: Result<Vec<_>, _> = text.split(',').map(TierUpSetting::parse).collect();
        tier_up(&settings.expect("valid"))
    }

    #[test]
    fn every_knob_of_the_table_can_be_set_and_stands_in_the_list() {
        let help = help();
        for row in Knobs::TABLE {
            let TierUp::Sampled(knobs) = read(&format!("{0}={1},{0}={2}", row.name, row.min, row.max)) else {
                panic!("{} is a knob", row.name)
            };
            let mut expected = Knobs::default();
            expected.set(row.name, row.max).unwrap();
            assert_eq!(knobs, expected);
            for words in [row.name, row.about, row.reason] {
                assert!(help.contains(words), "{words}");
            }
        }
        assert!(matches!(read("stepped=3,speedup=200"), TierUp::Stepped(3)));
    }

    #[test]
    fn values_are_checked() {
        for wrong in ["", "speedup", "speedup=", "speedup=fast", "speedup=100", "stepped=0", "stepped", "x=1"]
        {
            assert!(TierUpSetting::parse(wrong).is_err(), "{wrong}");
        }
        assert!(TierUpSetting::parse("sped-up=200").unwrap_err().contains("did you mean 'speedup'"));
        assert!(TierUpSetting::parse("speedup=1").unwrap_err().contains("between 101 and"));
    }
}
