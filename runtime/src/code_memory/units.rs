//! Which parts of the reservation are free, in units. Bookkeeping only: it touches no memory.

use std::collections::BTreeMap;
use std::ops::Range;

/// The free runs of units: start to length. No two of them touch.
#[derive(Debug)]
pub(super) struct FreeUnits(BTreeMap<usize, usize>);

impl FreeUnits {
    /// `count` units, all free.
    pub(super) fn new(count: usize) -> FreeUnits {
        FreeUnits(BTreeMap::from([(0, count)]))
    }

    /// Takes a run of `wanted` units, or of fewer but at least `needed`; the lowest there is.
    pub(super) fn take(&mut self, needed: usize, wanted: usize) -> Option<Range<usize>> {
        debug_assert!(0 < needed && needed <= wanted);
        let of = |len: usize| self.0.iter().find(|(_, l)| **l >= len).map(|(start, l)| (*start, *l));
        let (start, len) = of(wanted).or_else(|| of(needed))?;
        let taken = len.min(wanted);
        self.0.remove(&start);
        if taken < len {
            self.0.insert(start + taken, len - taken);
        }
        Some(start..start + taken)
    }

    /// Gives a run back.
    pub(super) fn give(&mut self, run: Range<usize>) {
        let (mut start, mut end) = (run.start, run.end);
        if let Some((before, len)) = self.0.range(..start).next_back().map(|(s, l)| (*s, *l)) {
            debug_assert!(before + len <= start, "units are given back once");
            if before + len == start {
                start = before;
            }
        }
        if let Some(len) = self.0.remove(&end) {
            end += len;
        }
        self.0.insert(start, end - start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_joins_its_neighbours() {
        let mut free = FreeUnits::new(10);
        let runs: Vec<_> = (0..5).map(|_| free.take(2, 2).unwrap()).collect();
        assert_eq!(free.take(1, 1), None);
        for i in [3, 0, 1] {
            free.give(runs[i].clone());
        }
        assert_eq!(free.take(3, 4), Some(0..4));
        assert_eq!(free.take(1, 16), Some(6..8), "fewer than wanted, but enough");
        assert_eq!(free.take(1, 16), None);
        for run in [0..4, 4..6, 6..8, 8..10] {
            free.give(run);
        }
        assert_eq!(free.take(10, 10), Some(0..10));
    }
}
