//! Which functions may leave the first tier, for who looks for the function that a wrong result depends on.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A set of functions by their indices: those get the tiers of the mode, all others stay in the first tier. Empty ranges
/// are none, so that nothing is in a filter of none.
///
/// Its text form is a list: `7`, `10..20` (20 is not in it), `..20`, `10..`, separated by commas.
///
/// ```
/// use latier::TierFilter;
///
/// let filter: TierFilter = "7,10..20".parse()?;
/// assert!(filter.allows(7) && filter.allows(19) && !filter.allows(20));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierFilter {
    ranges: Vec<Range<u32>>,
}

impl TierFilter {
    /// The functions in any of these ranges.
    pub fn new(ranges: impl IntoIterator<Item = Range<u32>>) -> TierFilter {
        TierFilter { ranges: ranges.into_iter().filter(|range| !range.is_empty()).collect() }
    }

    /// Whether the function of this index may leave the first tier.
    pub fn allows(&self, function: u32) -> bool {
        self.ranges.iter().any(|range| range.contains(&function))
    }
}

impl Default for TierFilter {
    /// All functions.
    fn default() -> TierFilter {
        TierFilter::new(Some(0..u32::MAX))
    }
}

impl fmt::Display for TierFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, range) in self.ranges.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            match range {
                Range { start, end: u32::MAX } => write!(f, "{comma}{start}..")?,
                Range { start, end } if *end == start + 1 => write!(f, "{comma}{start}")?,
                Range { start, end } => write!(f, "{comma}{start}..{end}")?,
            }
        }
        if self.ranges.is_empty() { f.write_str("0..0") } else { Ok(()) }
    }
}

impl FromStr for TierFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<TierFilter, String> {
        let number = |text: &str, absent: u32| match text {
            "" => Ok(absent),
            digits => digits.parse().map_err(|_| format!("`{digits}` is no index of a function")),
        };
        let range = |part: &str| match part.trim().split_once("..") {
            Some((from, to)) => Ok(number(from, 0)?..number(to, u32::MAX)?),
            None if part.trim().is_empty() => Err("it must be a list of N, LO..HI, LO.. or ..HI".to_owned()),
            None => number(part.trim(), 0).map(|one| one..one.saturating_add(1)),
        };
        Ok(TierFilter::new(text.split(',').map(range).collect::<Result<Vec<_>, String>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_as_it_is_written() {
        for text in ["0..", "7", "7,10..20", "..20", "10..,3", "0..0", "5..5,6"] {
            let filter: TierFilter = text.parse().unwrap();
            assert_eq!(filter.to_string().parse(), Ok(filter.clone()), "{text} became {filter}");
        }
        for text in ["", "a", "1..b", "1,,2", "-1", "4294967296"] {
            assert!(text.parse::<TierFilter>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_in_no_range_is_not_allowed() {
        assert!(TierFilter::default().allows(0) && TierFilter::default().allows(u32::MAX - 1));
        let filter: TierFilter = "3,10..12".parse().unwrap();
        let allowed: Vec<u32> = (0..20).filter(|function| filter.allows(*function)).collect();
        assert_eq!(allowed, [3, 10, 11]);
        assert!(!TierFilter::new([]).allows(0));
    }
}
