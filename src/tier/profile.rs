//! What is known of a running program when a decision is due: one function's samples and states, what compiles cost,
//! what was spent. Plain data; knows neither clocks nor threads, nor who samples.

use super::knobs::Knobs;
use super::refusal::Reason;

/// What can be compiled of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// The whole function, for calls to come.
    Function,
    /// A body that is entered at one loop, for the activation that runs.
    Entry,
}

/// Where a sample was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Safepoint {
    /// Where the function is entered.
    Entry,
    /// At the header of a loop.
    Loop,
}

/// How far optimized code is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody asked for it.
    #[default]
    Absent,
    /// It waits for its compile, or is compiled now.
    Queued,
    /// It is there.
    Ready,
    /// It never will be.
    Refused(Reason),
}

/// One function as the policy sees it, at a sample of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Samples of the function, this one included.
    pub samples: u64,
    /// Of these, those of the activation that runs. Only loops count.
    pub activation: u64,
    /// Of these, those since a loop of the function got a body that is entered there. Until then: all.
    pub unentered: u64,
    /// Where this sample was taken.
    pub safepoint: Safepoint,
    /// Bytes of Wasm of its body.
    pub bytes: u64,
    /// Its optimized code.
    pub function: Status,
    /// The optimized body that is entered at the sampled loop.
    pub entry: Status,
    /// Compiles of it that ended for want of a resource.
    pub attempts: u64,
}

/// How far learning may lead away from the first guess: a factor, both ways. Clocks jump and machines sleep.
const LEARNED_FACTOR: f64 = 8.0;
/// The share of the old estimate that a large body's compile replaces.
const LEARNED_SHARE: f64 = 0.25;
/// A body of so many bytes counts half as much as a large one: most of what it takes is fixed.
const HALF_BYTES: f64 = 1_000.0;

/// What optimizing costs, learned from what it has cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    fixed_ns: f64,
    ns_per_byte: f64,
    guess_ns_per_byte: f64,
    entry_factor: f64,
}

impl Costs {
    /// The first guess.
    pub fn new(knobs: &Knobs) -> Costs {
        let guess = knobs.compile_ns_per_byte as f64;
        Costs {
            fixed_ns: knobs.compile_fixed_ns as f64,
            ns_per_byte: guess,
            guess_ns_per_byte: guess,
            entry_factor: knobs.entry_cost_percent as f64 / 100.0,
        }
    }

    fn factor(&self, body: Body) -> f64 {
        match body {
            Body::Function => 1.0,
            Body::Entry => self.entry_factor,
        }
    }

    /// Nanoseconds of processor time that a compile of this many bytes of Wasm is expected to take.
    pub fn estimate(&self, body: Body, bytes: u64) -> u64 {
        ((self.fixed_ns + self.ns_per_byte * bytes as f64) * self.factor(body)) as u64
    }

    /// Learns from a compile that took this long. It is processor time that counts: a thread in the background waits
    /// for the processor, too.
    pub fn learn(&mut self, body: Body, bytes: u64, took_ns: u64) {
        if bytes == 0 {
            return;
        }
        let bytes = bytes as f64;
        let seen = ((took_ns as f64 / self.factor(body) - self.fixed_ns) / bytes)
            .clamp(self.guess_ns_per_byte / LEARNED_FACTOR, self.guess_ns_per_byte * LEARNED_FACTOR);
        let share = LEARNED_SHARE * bytes / (bytes + HALF_BYTES);
        self.ns_per_byte += share * (seen - self.ns_per_byte);
    }
}

/// What compiles in the background may use, and have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Nanoseconds that guests have run.
    pub guest_ns: u64,
    /// Nanoseconds that compiles in the background took.
    pub background_ns: u64,
    /// Nanoseconds that those are expected to take that wait or run.
    pub promised_ns: u64,
}

impl Budget {
    /// Whether there is room for one more compile. What gains several times its cost may exceed the share by as many
    /// times: it would be a loss to have it wait for what was spent on others.
    pub fn allows(&self, gain_ns: u64, cost_ns: u64, knobs: &Knobs) -> bool {
        let spent = [self.background_ns, self.promised_ns, cost_ns].map(u128::from).iter().sum::<u128>();
        let share = u128::from(self.guest_ns) * u128::from(knobs.budget_share_percent) / 100;
        let room = share + u128::from(knobs.allowance_us) * 1_000;
        spent.saturating_mul(cost_ns.into()) <= room.saturating_mul(gain_ns.max(cost_ns).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compiles_take_is_learned_and_what_clocks_invent_is_not() {
        let mut costs = Costs::new(&Knobs::default());
        assert_eq!(costs.estimate(Body::Function, 1_000), 960_000);
        assert_eq!(costs.estimate(Body::Entry, 1_000), 1_200_000);
        for _ in 0..50 {
            costs.learn(Body::Function, 5_000, 60_000 + 5_000 * 2_000);
        }
        let learned = costs.estimate(Body::Function, 1_000);
        assert!((2_040_000..=2_060_000).contains(&learned), "{learned}");
        // What an entry takes is told apart from what its bytes take.
        for _ in 0..50 {
            costs.learn(Body::Entry, 5_000, (60_000 + 5_000 * 2_000) * 5 / 4);
        }
        assert!(costs.estimate(Body::Function, 1_000).abs_diff(learned) < 20_000);

        let before = costs.clone();
        costs.learn(Body::Function, 0, u64::MAX);
        assert_eq!(costs, before);
        for took_ns in [0, u64::MAX] {
            for _ in 0..100 {
                costs.learn(Body::Function, 1_000_000, took_ns);
            }
            let estimate = costs.estimate(Body::Function, 1_000);
            assert!((60_000 + 112_500 - 1..=60_000 + 7_200_000).contains(&estimate), "{estimate}");
        }
    }

    #[test]
    fn one_small_body_teaches_little() {
        let mut costs = Costs::new(&Knobs::default());
        costs.learn(Body::Function, 50, 10_000_000);
        assert!(costs.estimate(Body::Function, 1_000) < 1_100_000);
    }

    #[test]
    fn the_budget_grows_with_what_guests_run() {
        let knobs = Knobs::default();
        let mut budget = Budget::default();
        assert!(budget.allows(5_000_000, 5_000_000, &knobs) && !budget.allows(5_000_001, 5_000_001, &knobs));
        budget.guest_ns = 100_000_000;
        assert!(
            budget.allows(25_000_000, 25_000_000, &knobs) && !budget.allows(25_000_001, 25_000_001, &knobs)
        );
        budget.background_ns = 15_000_000;
        budget.promised_ns = 9_000_000;
        assert!(budget.allows(1_000_000, 1_000_000, &knobs) && !budget.allows(1_000_001, 1_000_001, &knobs));
        // What gains much may exceed it.
        assert!(budget.allows(4_000_000, 2_000_000, &knobs) && !budget.allows(4_000_000, 4_000_000, &knobs));
        let all = Budget { guest_ns: u64::MAX, background_ns: u64::MAX, promised_ns: u64::MAX };
        assert!(!all.allows(u64::MAX, u64::MAX, &knobs));
    }
}
