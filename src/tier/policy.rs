//! Whether a function is optimized, at a sample of it: cost against benefit (Arnold, Fink, Grove, Hind, Sweeney,
//! "Adaptive Optimization in the Jalapeño JVM", OOPSLA 2000). What a function has used it will use again; optimized it
//! uses less of that, and its compile costs something. A function of its arguments: knows no clock, lock or file.

use super::knobs::Knobs;
use super::profile::{Body, Budget, Costs, Profile, Safepoint, Status};
use super::refusal::Reason;
use std::cmp::Reverse;

/// What to do about a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Optimize it, for calls to come.
    Optimize(Bargain),
    /// Make a body that is entered at the sampled loop, for the activation that runs.
    Enter(Bargain),
    /// Nothing now; ask again at the next sample.
    Later(Reason),
    /// Nothing, whatever else is sampled at this place.
    Never(Reason),
}

/// What a compile is expected to gain and to cost, in nanoseconds of processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bargain {
    /// What it saves.
    pub gain_ns: u64,
    /// What it takes.
    pub cost_ns: u64,
}

impl Bargain {
    /// How soon it should be done, against others: hundredths of what is gained for each nanosecond spent.
    pub fn priority(&self) -> u64 {
        let hundredths = u128::from(self.gain_ns) * 100 / u128::from(self.cost_ns.max(1));
        u64::try_from(hundredths).unwrap_or(u64::MAX)
    }
}

/// One of the two things that can be done.
struct Candidate {
    body: Body,
    samples: u64,
    status: Status,
    bargain: Bargain,
}

impl Candidate {
    fn new(profile: &Profile, body: Body, costs: &Costs, knobs: &Knobs) -> Candidate {
        let (samples, status) = match body {
            Body::Function => (profile.samples.saturating_sub(profile.activation), profile.function),
            Body::Entry => (profile.unentered, profile.entry),
        };
        let gain_ns = gain_ns(samples, knobs);
        let cost_ns = costs.estimate(body, profile.bytes);
        Candidate { body, samples, status, bargain: Bargain { gain_ns, cost_ns } }
    }

    fn decide(&self, budget: &Budget, knobs: &Knobs) -> Decision {
        let Bargain { gain_ns, cost_ns } = self.bargain;
        match self.status {
            Status::Ready => Decision::Never(Reason::AlreadyOptimized),
            Status::Refused(reason) => Decision::Never(reason),
            Status::Queued => Decision::Later(Reason::AlreadyQueued),
            Status::Absent if self.samples < knobs.min_samples => Decision::Later(Reason::TooFewSamples),
            Status::Absent if gain_ns <= cost_ns => Decision::Later(Reason::GainBelowCost),
            Status::Absent if !budget.allows(gain_ns, cost_ns, knobs) => Decision::Later(Reason::BudgetSpent),
            Status::Absent => match self.body {
                Body::Function => Decision::Optimize(self.bargain),
                Body::Entry => Decision::Enter(self.bargain),
            },
        }
    }
}

/// What optimizing saves of the time in which so many samples were taken.
fn gain_ns(samples: u64, knobs: &Knobs) -> u64 {
    let used_ns = samples.saturating_mul(knobs.sample_period_us).saturating_mul(1_000);
    let speedup = u128::from(knobs.speedup_percent.max(100));
    (u128::from(used_ns) * (speedup - 100) / speedup) as u64
}

/// Whether a function is optimized along with a hot one that calls it. What a hot function calls is hot, too, as a rule,
/// and a call can be bound to code that is there before. `spent` is what the callees have that were chosen before it.
///
/// All of them together have no more bytes than the hot one, so that a guess that fails costs no more than what was known.
pub fn comes_along(callee_bytes: u64, spent: u64, caller_bytes: u64, knobs: &Knobs) -> bool {
    callee_bytes <= knobs.max_callee_bytes && spent.saturating_add(callee_bytes) <= caller_bytes
}

/// Decides about a function at a sample of it.
///
/// The samples of the activation that runs speak for a body that is entered at the sampled loop; those of others speak
/// for the whole function. If both are worth their cost, the one that gains more for it comes first, and the other
/// at a later sample.
pub fn decide(profile: &Profile, costs: &Costs, budget: &Budget, knobs: &Knobs) -> Decision {
    if profile.bytes > knobs.max_body_bytes {
        return Decision::Never(Reason::TooLarge);
    }
    if profile.attempts >= knobs.max_attempts {
        return Decision::Never(Reason::TooManyAttempts);
    }
    let bodies: &[Body] = match profile.safepoint {
        Safepoint::Entry => &[Body::Function],
        Safepoint::Loop => &[Body::Entry, Body::Function],
    };
    let mut candidates: Vec<_> =
        bodies.iter().map(|body| Candidate::new(profile, *body, costs, knobs)).collect();
    candidates.sort_by_key(|candidate| Reverse(candidate.bargain.priority()));
    let decisions = candidates.iter().map(|candidate| candidate.decide(budget, knobs));
    // What can be done now before what can be done later, and that before what cannot.
    let rank = |decision: &Decision| match decision {
        Decision::Optimize(_) | Decision::Enter(_) => 0,
        Decision::Later(_) => 1,
        Decision::Never(_) => 2,
    };
    decisions.min_by_key(rank).expect("every safepoint has a candidate")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// A function that nothing was done about, sampled `samples` times, `activation` of them in this activation.
    fn profile(samples: u64, activation: u64, bytes: u64) -> Profile {
        let safepoint = if activation == 0 { Safepoint::Entry } else { Safepoint::Loop };
        let (function, entry) = (Status::Absent, Status::Absent);
        let unentered = activation;
        Profile { samples, activation, unentered, safepoint, bytes, function, entry, attempts: 0 }
    }

    /// Decides by the defaults, with a budget that is never spent.
    fn decide_freely(profile: &Profile) -> Decision {
        let knobs = Knobs::default();
        let budget = Budget { guest_ns: u64::MAX, ..Budget::default() };
        decide(profile, &Costs::new(&knobs), &budget, &knobs)
    }

    /// What a guest that has run for so long may spend.
    fn ran_ms(ms: u64) -> Budget {
        Budget { guest_ns: ms * 1_000_000, ..Budget::default() }
    }

    fn acts(decision: Decision) -> bool {
        matches!(decision, Decision::Optimize(_) | Decision::Enter(_))
    }

    #[test]
    fn small_callees_come_along_until_they_are_as_much_as_their_caller() {
        let knobs = Knobs::default();
        assert!(comes_along(50, 0, 500, &knobs) && comes_along(50, 450, 500, &knobs));
        assert!(!comes_along(50, 451, 500, &knobs));
        let large = knobs.max_callee_bytes + 1;
        assert!(!comes_along(large, 0, 2 * large, &knobs) && comes_along(large - 1, 0, 2 * large, &knobs));
        assert!(!comes_along(1, u64::MAX, u64::MAX - 1, &knobs));
    }

    #[test]
    fn a_small_hot_loop_is_entered_as_soon_as_it_is_believed() {
        let knobs = Knobs::default();
        let decide = |n| decide(&profile(n, n, 500), &Costs::new(&knobs), &ran_ms(n), &knobs);
        assert_eq!(decide(1), Decision::Later(Reason::TooFewSamples));
        let Decision::Enter(bargain) = decide(knobs.min_samples) else { panic!("{:?}", decide(2)) };
        assert_eq!(bargain, Bargain { gain_ns: 888_888, cost_ns: 637_500 });
        assert_eq!(bargain.priority(), 139);
    }

    #[test]
    fn a_giant_that_runs_once_is_left_alone_until_it_has_run_for_long() {
        let giant = |n| decide_freely(&profile(n, n, 223_000));
        assert_eq!(giant(2), Decision::Later(Reason::GainBelowCost));
        assert_eq!(giant(500), Decision::Later(Reason::GainBelowCost));
        assert!(matches!(giant(600), Decision::Enter(_)));
        assert_eq!(decide_freely(&profile(1_000_000, 0, 600_000)), Decision::Never(Reason::TooLarge));
    }

    #[test]
    fn samples_of_other_activations_speak_for_the_function_and_those_of_this_one_for_the_loop() {
        assert!(matches!(decide_freely(&profile(20, 2, 500)), Decision::Optimize(_)));
        assert!(matches!(decide_freely(&profile(20, 18, 500)), Decision::Enter(_)));
        assert!(matches!(decide_freely(&profile(20, 0, 500)), Decision::Optimize(_)));
        // What is under way does not hold up the other.
        let entered = Profile { entry: Status::Queued, ..profile(20, 12, 500) };
        assert!(matches!(decide_freely(&entered), Decision::Optimize(_)));
        let optimized = Profile { function: Status::Ready, ..profile(20, 8, 500) };
        assert!(matches!(decide_freely(&optimized), Decision::Enter(_)));
        let both = Profile { function: Status::Ready, ..entered };
        assert_eq!(decide_freely(&both), Decision::Later(Reason::AlreadyQueued));
    }

    #[test]
    fn a_loop_is_not_compiled_for_what_another_loops_body_has_ended() {
        let entered = Profile { unentered: 0, ..profile(20, 20, 500) };
        assert_eq!(decide_freely(&entered), Decision::Later(Reason::TooFewSamples));
        assert!(matches!(decide_freely(&Profile { unentered: 5, ..entered }), Decision::Enter(_)));
    }

    #[test]
    fn what_is_settled_stays_settled() {
        let refused = Status::Refused(Reason::CompileFailed);
        let hot = Profile { function: refused, ..profile(1_000, 0, 100) };
        assert_eq!(decide_freely(&hot), Decision::Never(Reason::CompileFailed));
        let ready = Profile { function: Status::Ready, entry: Status::Ready, ..profile(1_000, 500, 100) };
        assert_eq!(decide_freely(&ready), Decision::Never(Reason::AlreadyOptimized));
        let tried = Profile { attempts: Knobs::default().max_attempts, ..profile(1_000, 0, 100) };
        assert_eq!(decide_freely(&tried), Decision::Never(Reason::TooManyAttempts));
    }

    #[test]
    fn short_jobs_pay_next_to_nothing() {
        let knobs = Knobs::default();
        let costs = Costs::new(&knobs);
        // A start: every function is seen once.
        assert_eq!(
            decide(&profile(1, 1, 200), &costs, &ran_ms(50), &knobs),
            Decision::Later(Reason::TooFewSamples)
        );
        // An interpreter's start: half of 40 ms in one big loop.
        assert_eq!(
            decide(&profile(20, 20, 30_000), &costs, &ran_ms(40), &knobs),
            Decision::Later(Reason::GainBelowCost)
        );
        // Even where a compile would pay, what it takes is a small share of what has run.
        assert_eq!(
            decide(&profile(80, 80, 30_000), &costs, &ran_ms(100), &knobs),
            Decision::Later(Reason::BudgetSpent)
        );
    }

    #[test]
    fn knobs_for_tests_compile_everything_at_the_sample_they_name() {
        let knobs = Knobs::after(2);
        let spent = Budget { background_ns: u64::MAX / 2, ..Budget::default() };
        let decide =
            |n, activation| decide(&profile(n, activation, 1_000_000), &Costs::new(&knobs), &spent, &knobs);
        assert_eq!(decide(1, 0), Decision::Later(Reason::TooFewSamples));
        assert!(matches!(decide(2, 0), Decision::Optimize(_)));
        assert!(matches!(decide(2, 2), Decision::Enter(_)));
    }

    /// A guest of many lukewarm functions, each millisecond in one of them; compiles take `percent` of what was
    /// expected. Gives what was compiled in so many milliseconds, and the most that compiles ever took, as a multiple
    /// of their share.
    fn simulate(percent: u64, ms: u64) -> (usize, f64) {
        let knobs = Knobs::default();
        let mut costs = Costs::new(&knobs);
        let mut budget = Budget::default();
        let mut functions: Vec<_> = (0..300).map(|n| profile(0, 0, 100 + n * n)).collect();
        let (mut compiled, mut excess, mut state) = (0, 0.0_f64, 1_u64);
        for _ in 0..ms {
            budget.guest_ns += knobs.sample_period_us * 1_000;
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let function = &mut functions[(state >> 33) as usize % 300];
            function.samples += 1;
            if let Decision::Optimize(Bargain { cost_ns, .. }) = decide(function, &costs, &budget, &knobs) {
                let took_ns = cost_ns * percent / 100;
                budget.background_ns += took_ns;
                costs.learn(Body::Function, function.bytes, took_ns);
                function.function = Status::Ready;
                compiled += 1;
            }
            let allowed = budget.guest_ns * knobs.budget_share_percent / 100 + knobs.allowance_us * 1_000;
            excess = excess.max(budget.background_ns as f64 / allowed as f64);
        }
        (compiled, excess)
    }

    #[test]
    fn the_budget_holds_for_a_guest_of_many_lukewarm_functions() {
        let (soon, excess) = simulate(100, 2_000);
        assert!(soon > 20 && excess < 1.5, "{soon} compiled, {excess} times the share");
        // Compiles that take thrice what was thought are soon thought to.
        let (slow, excess) = simulate(300, 2_000);
        assert!(slow < soon && excess < 2.5, "{slow} compiled, {excess} times the share");
        // In the end all that is hot is worth it, whatever the share is.
        let (all, excess) = simulate(100, 200_000);
        assert!(all > 250 && excess < 4.5, "{all} compiled, {excess} times the share");
    }

    fn any_profile() -> impl Strategy<Value = Profile> {
        let status = || {
            prop_oneof![
                4 => Just(Status::Absent),
                1 => Just(Status::Queued),
                1 => Just(Status::Ready),
                1 => Just(Status::Refused(Reason::CompileFailed)),
            ]
        };
        let counts = (0_u64..5_000, 0_u64..5_000, 0_u64..600_000, 0_u64..4);
        (counts, status(), status()).prop_map(|((others, activation, bytes, attempts), function, entry)| {
            Profile { function, entry, attempts, ..profile(others + activation, activation, bytes) }
        })
    }

    fn any_budget() -> impl Strategy<Value = Budget> {
        (0_u64..10_000_000_000, 0_u64..1_000_000_000, 0_u64..100_000_000).prop_map(
            |(guest_ns, background_ns, promised_ns)| Budget { guest_ns, background_ns, promised_ns },
        )
    }

    /// The same cases in every run.
    fn fixed() -> ProptestConfig {
        ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(fixed())]

        #[test]
        fn what_is_compiled_gains_and_is_in_the_budget(p in any_profile(), b in any_budget()) {
            let knobs = Knobs::default();
            let decision = decide(&p, &Costs::new(&knobs), &b, &knobs);
            if let Decision::Optimize(bargain) | Decision::Enter(bargain) = decision {
                prop_assert!(bargain.gain_ns > bargain.cost_ns);
                prop_assert!(b.allows(bargain.gain_ns, bargain.cost_ns, &knobs));
                let status = if matches!(decision, Decision::Enter(_)) { p.entry } else { p.function };
                prop_assert_eq!(status, Status::Absent);
            }
        }

        #[test]
        fn more_heat_never_prevents(p in any_profile(), b in any_budget(), more in 0_u64..1_000) {
            let knobs = Knobs::default();
            let costs = Costs::new(&knobs);
            let hotter = Profile { samples: p.samples + more, ..p };
            let longer_here =
                Profile { activation: p.activation + more, unentered: p.unentered + more, ..hotter };
            let longer = Budget { guest_ns: b.guest_ns + more * 1_000_000, ..b };
            if acts(decide(&p, &costs, &b, &knobs)) {
                prop_assert!(acts(decide(&hotter, &costs, &b, &knobs)));
                prop_assert!(acts(decide(&longer_here, &costs, &b, &knobs)));
                prop_assert!(acts(decide(&p, &costs, &longer, &knobs)));
            }
        }

        #[test]
        fn more_cost_never_hastens(p in any_profile(), b in any_budget(), more in 0_u64..100_000) {
            let knobs = Knobs::default();
            let costs = Costs::new(&knobs);
            let larger = Profile { bytes: p.bytes + more, ..p };
            let poorer = Budget { background_ns: b.background_ns + more * 1_000, ..b };
            let dearer = Costs::new(&Knobs { compile_fixed_ns: more * 100 + 60_000, ..knobs.clone() });
            if !acts(decide(&p, &costs, &b, &knobs)) {
                prop_assert!(!acts(decide(&larger, &costs, &b, &knobs)));
                prop_assert!(!acts(decide(&p, &costs, &poorer, &knobs)));
                prop_assert!(!acts(decide(&p, &dearer, &b, &knobs)));
            }
        }

        #[test]
        fn no_numbers_overflow(samples: u64, activation: u64, bytes: u64, guest: u64, spent: u64, period: u64) {
            let knobs = Knobs { sample_period_us: period, max_body_bytes: u64::MAX, ..Knobs::default() };
            let budget = Budget { guest_ns: guest, background_ns: spent, promised_ns: spent };
            decide(&profile(samples, activation, bytes), &Costs::new(&knobs), &budget, &knobs);
        }
    }
}
