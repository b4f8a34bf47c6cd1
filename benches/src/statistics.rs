//! What is made of measured figures: medians, ratios of pairs, geometric means and how sure they are. Knows nothing of
//! what was measured.

use serde::Serialize;

/// Of a hundred intervals over the same truth, about this many contain it.
pub const CONFIDENCE_PERCENT: usize = 90;
/// How often the bootstrap draws.
const DRAWS: usize = 1000;
/// The bootstrap's seed: the same figures always give the same interval.
const SEED: u64 = 1;

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// Whether a ratio of this much may just as well be 1.
    pub fn is_no_difference(&self) -> bool {
        self.low <= 1.0 && 1.0 <= self.high
    }
}

/// The middle of what is sorted; between the two in the middle where their number is even.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The median of ratios: between the two in the middle lies their geometric mean, so that what is twice as much once and
/// half as much once is the same.
pub fn median_ratio(ratios: &[f64]) -> Option<f64> {
    let logarithms: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    median(&logarithms).map(f64::exp)
}

/// The geometric mean of what is positive.
pub fn geomean(values: &[f64]) -> Option<f64> {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    (!values.is_empty()).then(|| (logarithms / values.len() as f64).exp())
}

/// The geometric mean over groups of each group's median of ratios, with the interval that comes of drawing every group's values
/// again, with replacement. `None` without groups, or when one is empty.
pub fn geomean_of_medians(groups: &[Vec<f64>]) -> Option<Estimate> {
    let mean = |groups: &[Vec<f64>]| {
        let medians: Option<Vec<f64>> = groups.iter().map(|group| median_ratio(group)).collect();
        geomean(&medians?)
    };
    let value = mean(groups)?;
    let mut random = fastrand::Rng::with_seed(SEED);
    let drawn = (0..DRAWS).filter_map(|_| {
        let again: Vec<Vec<f64>> = groups.iter().map(|group| draw(group, &mut random)).collect();
        mean(&again)
    });
    Some(middle_part(value, drawn.collect()))
}

/// The median of figures with its interval.
pub fn median_with_interval(values: &[f64]) -> Option<Estimate> {
    with_interval(values, median)
}

/// The median of ratios with its interval.
pub fn ratio_with_interval(ratios: &[f64]) -> Option<Estimate> {
    with_interval(ratios, median_ratio)
}

fn with_interval(values: &[f64], of: fn(&[f64]) -> Option<f64>) -> Option<Estimate> {
    let value = of(values)?;
    let mut random = fastrand::Rng::with_seed(SEED);
    let drawn = (0..DRAWS).filter_map(|_| of(&draw(values, &mut random)));
    Some(middle_part(value, drawn.collect()))
}

/// The median of `new` by that of `old`, which were not measured in pairs.
pub fn ratio_of_medians(new: &[f64], old: &[f64]) -> Option<Estimate> {
    let value = median(new)? / median(old)?;
    let mut random = fastrand::Rng::with_seed(SEED);
    let drawn =
        (0..DRAWS).filter_map(|_| Some(median(&draw(new, &mut random))? / median(&draw(old, &mut random))?));
    Some(middle_part(value, drawn.collect()))
}

/// The ratios of what was measured in the same round.
pub fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

fn draw(values: &[f64], random: &mut fastrand::Rng) -> Vec<f64> {
    values.iter().map(|_| values[random.usize(..values.len())]).collect()
}

/// The interval in which the middle part of what was drawn lies.
fn middle_part(value: f64, mut drawn: Vec<f64>) -> Estimate {
    drawn.sort_by(f64::total_cmp);
    let outside = drawn.len() * (100 - CONFIDENCE_PERCENT) / 200;
    let (low, high) = (drawn[outside], drawn[drawn.len() - 1 - outside]);
    Estimate { value, low, high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_means_are_those_of_the_textbook() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(median_ratio(&[0.5, 2.0]), Some(1.0));
        assert_eq!(median_ratio(&[0.5, 4.0, 1.0]), Some(1.0));
        assert_eq!(geomean(&[1.0, 4.0]), Some(2.0));
        assert!((geomean(&[2.0, 4.0, 8.0]).unwrap() - 4.0).abs() < 1e-12);
        assert_eq!(geomean(&[]), None);
        assert_eq!(ratios(&[2.0, 9.0, 5.0], &[1.0, 3.0]), [2.0, 3.0]);
    }

    #[test]
    fn what_never_varies_has_no_width() {
        let same = geomean_of_medians(&[vec![2.0; 5], vec![8.0; 3]]).unwrap();
        assert_eq!((same.low, same.high), (same.value, same.value));
        assert!((same.value - 4.0).abs() < 1e-12);
        assert_eq!(geomean_of_medians(&[]), None);
        assert_eq!(geomean_of_medians(&[vec![1.0], vec![]]), None);
    }

    /// Of two values, one is drawn twice in a quarter of all cases each: 90 % reach from one to the other.
    #[test]
    fn an_interval_is_that_of_all_draws() {
        let two = median_with_interval(&[1.0, 3.0]).unwrap();
        assert_eq!(two, Estimate { value: 2.0, low: 1.0, high: 3.0 });
        // Of ten values of which one is odd, the median is odd in no more than 1 of 400 draws.
        let mut ten = vec![1.0; 9];
        ten.push(100.0);
        assert_eq!(median_with_interval(&ten).unwrap(), Estimate { value: 1.0, low: 1.0, high: 1.0 });
        let ratio = ratio_of_medians(&[2.0, 2.0], &[1.0, 4.0]).unwrap();
        assert_eq!(ratio, Estimate { value: 0.8, low: 0.5, high: 2.0 });
    }

    #[test]
    fn one_is_no_difference_where_the_interval_contains_it() {
        assert!(Estimate { value: 1.1, low: 0.9, high: 1.2 }.is_no_difference());
        assert!(!Estimate { value: 1.1, low: 1.05, high: 1.2 }.is_no_difference());
        assert!(!Estimate { value: 0.5, low: 0.4, high: 0.99 }.is_no_difference());
    }

    /// What does not differ is found to do so about as often as the intervals promise, and what differs by 10 % is
    /// found to.
    #[test]
    fn intervals_contain_the_truth_as_often_as_they_say() {
        let mut random = fastrand::Rng::with_seed(7);
        // The sum of twelve even numbers is as good as a normal one; a tenth of all runs is disturbed by 30 %.
        let mut noisy = || {
            let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
            (0.03 * normal).exp() * if random.u8(..10) == 0 { 1.3 } else { 1.0 }
        };
        let (mut contained, mut seen, trials) = (0, 0, 100);
        for _ in 0..trials {
            let mut pairs = |factor: f64| -> Vec<Vec<f64>> {
                (0..8).map(|_| (0..6).map(|_| factor * noisy() / noisy()).collect()).collect()
            };
            contained += usize::from(geomean_of_medians(&pairs(1.0)).unwrap().is_no_difference());
            seen += usize::from(!geomean_of_medians(&pairs(1.1)).unwrap().is_no_difference());
        }
        assert!(contained * 100 >= trials * 87, "{contained} of {trials}");
        assert!(contained * 100 <= trials * 99, "{contained} of {trials}");
        assert!(seen * 100 >= trials * 95, "{seen} of {trials}");
    }
}
