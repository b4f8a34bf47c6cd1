//! Finds the first point at which engines differ over a module. Knows engines by their names only.

use crate::generate::Case;
use crate::said::{self, Outcome, Run, State, Trap};
use std::fmt;

/// The first point at which engines differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// What was done or looked at.
    pub at: String,
    /// What each engine said of it.
    pub said: Vec<(&'static str, String)>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        let width = self.said.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        self.said.iter().try_for_each(|(name, text)| write!(f, "\n  {name:width$}  {text}"))
    }
}

/// The engine whose word counts only with another's: it is not latier's kin, but it has bugs of its own.
const DISSENTER: &str = "wasmi";
/// The engine that can say that the dissenter is wrong.
const ARBITER: &str = "wasmtime";

/// What is to be made of the runs of a case.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All say the same.
    Agreed,
    /// All say the same but the dissenter, of which the arbiter knows better.
    Dissent,
    /// They differ.
    Differ(Difference),
}

/// Compares the runs of a case.
pub fn judge(case: &Case, runs: &[(&'static str, Run)]) -> Verdict {
    let Some(difference) = first_difference(case, runs) else { return Verdict::Agreed };
    let arbiter = runs.iter().any(|(name, run)| *name == ARBITER && complete(case, run));
    let others: Vec<_> = runs.iter().filter(|(name, _)| *name != DISSENTER).cloned().collect();
    if arbiter && others.len() < runs.len() && first_difference(case, &others).is_none() {
        return Verdict::Dissent;
    }
    Verdict::Differ(difference)
}

/// Whether an engine had its say to the end.
fn complete(case: &Case, run: &Run) -> bool {
    match run.start {
        Outcome::Values(_) => run.states.len() == case.items.len() && run.calls.len() == case.calls.len(),
        Outcome::Trap(_) => true,
        Outcome::Limit(_) | Outcome::Failed(_) => false,
    }
}

/// The first point at which `runs` differ, or at which one of them failed. An engine that met a limit has no say from
/// there on.
fn first_difference<'a>(case: &Case, runs: &'a [(&'static str, Run)]) -> Option<Difference> {
    let mut runs: Vec<_> = runs.iter().collect();
    if let Some(said) = disagree(&mut runs, |run| Some(&run.start)) {
        return Some(Difference { at: "instantiation".into(), said });
    }
    for (number, call) in case.calls.iter().enumerate() {
        if let Some(said) = disagree(&mut runs, |run| run.calls.get(number)) {
            let at = format!("call {number}: {}({})", call.function, said::list(&call.arguments));
            return Some(Difference { at, said });
        }
    }
    for (number, name) in case.items.iter().enumerate() {
        let state = |run: &'a Run| run.states.get(number).and_then(Option::as_ref);
        let shown: Vec<_> = runs.iter().filter_map(|run| Some((run.0, state(&run.1)?))).collect();
        let Some((_, mine)) = shown.first() else { continue };
        let Some((_, other)) = shown.iter().find(|(_, state)| state != mine) else { continue };
        let words = |state: &State| state.against(if state == *mine { other } else { mine });
        let said = shown.iter().map(|(name, state)| (*name, words(state))).collect();
        return Some(Difference { at: format!("`{name}` at the end"), said });
    }
    None
}

/// What all runs say at one point, when they do not say the same. Who has no say leaves `runs`.
fn disagree(
    runs: &mut Vec<&(&'static str, Run)>,
    point: impl Fn(&Run) -> Option<&Outcome>,
) -> Option<Vec<(&'static str, String)>> {
    runs.retain(|run| !matches!(point(&run.1), Some(Outcome::Limit(_))));
    let said: Vec<_> = runs.iter().filter_map(|run| Some((run.0, point(&run.1)?))).collect();
    let failed = said.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    let differ = said.windows(2).any(|pair| pair[0].1 != pair[1].1 && !both_hold(pair[0], pair[1]));
    (failed || differ).then(|| said.iter().map(|(name, outcome)| (*name, outcome.to_string())).collect())
}

/// Whether two traps may be one: an atomic access that is unaligned as well as out of bounds is either to the
/// oracles, as the sum of its address and offset overflows or not.
fn both_hold(a: (&str, &Outcome), b: (&str, &Outcome)) -> bool {
    let oracle = |name| name == ARBITER || name == DISSENTER;
    let traps = [a.1, b.1];
    (oracle(a.0) || oracle(b.0))
        && traps.contains(&&Outcome::Trap(Trap::Memory))
        && traps.contains(&&Outcome::Trap(Trap::Unaligned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Call;
    use crate::said::Value;

    fn case() -> Case {
        let call = |n| Call { function: "f".into(), arguments: vec![Value::I32(n)] };
        Case { wasm: vec![], calls: vec![call(1), call(2)], items: vec!["m".into(), "g".into()] }
    }

    fn run(second: Outcome, states: Vec<State>) -> Run {
        let states = states.into_iter().map(Some).collect();
        Run { start: Outcome::Values(vec![]), calls: vec![Outcome::Values(vec![]), second], states }
    }

    fn states(byte: u8, global: i32) -> Vec<State> {
        vec![State::Memory(vec![0, byte]), State::Global(Value::I32(global))]
    }

    fn differ(a: Run, b: Run) -> Option<String> {
        first_difference(&case(), &[("a", a), ("b", b)]).map(|difference| difference.to_string())
    }

    #[test]
    fn what_is_the_same_does_not_differ() {
        let same = || run(Outcome::Trap(Trap::Table), states(7, 1));
        assert_eq!(differ(same(), same()), None);
    }

    #[test]
    fn values_and_traps_differ_by_call() {
        let value = |v| run(Outcome::Values(vec![Value::I64(v)]), states(7, 1));
        let told = "call 1: f(i32 2)\n  a  (i64 3)\n  b  (i64 4)";
        assert_eq!(differ(value(3), value(4)).as_deref(), Some(told));
        let trap = |trap| run(Outcome::Trap(trap), states(7, 1));
        assert!(differ(trap(Trap::Memory), trap(Trap::Table)).unwrap().contains("trap Table"));
        assert!(differ(trap(Trap::Memory), value(3)).is_some());
    }

    #[test]
    fn an_access_wrong_in_two_ways_traps_for_either_reason() {
        let differs = |b: &'static str, trap_a, trap_b| {
            let [a, b] = [("optimized", trap_a), (b, trap_b)]
                .map(|(name, trap)| (name, run(Outcome::Trap(trap), states(7, 1))));
            first_difference(&case(), &[a, b]).is_some()
        };
        assert!(!differs(ARBITER, Trap::Unaligned, Trap::Memory));
        assert!(differs("baseline", Trap::Unaligned, Trap::Memory));
        assert!(differs(ARBITER, Trap::Unaligned, Trap::Table));
    }

    #[test]
    fn what_is_left_differs() {
        let left = |byte, global| run(Outcome::Values(vec![]), states(byte, global));
        let told = "`m` at the end\n  a  2 bytes, 0x01 at 0x1\n  b  2 bytes, 0x02 at 0x1";
        assert_eq!(differ(left(1, 1), left(2, 1)).as_deref(), Some(told));
        assert_eq!(differ(left(1, 1), left(1, 2)).as_deref(), Some("`g` at the end\n  a  i32 1\n  b  i32 2"));
    }

    #[test]
    fn the_dissenter_is_wrong_only_if_the_arbiter_says_so() {
        let value = |v| run(Outcome::Values(vec![Value::I64(v)]), states(7, 1));
        let limit = || run(Outcome::Limit("stack".into()), vec![]);
        let three = |latier, wasmi, wasmtime| {
            judge(&case(), &[("optimized", latier), (DISSENTER, wasmi), (ARBITER, wasmtime)])
        };
        assert_eq!(three(value(3), value(3), value(3)), Verdict::Agreed);
        assert_eq!(three(value(3), value(4), value(3)), Verdict::Dissent);
        assert!(matches!(three(value(3), value(4), value(4)), Verdict::Differ(_)));
        assert!(matches!(three(value(3), value(3), value(4)), Verdict::Differ(_)));
        assert!(matches!(three(value(3), value(4), limit()), Verdict::Differ(_)));
        assert_eq!(three(value(3), limit(), value(3)), Verdict::Agreed);
    }

    #[test]
    fn a_limit_is_no_verdict_and_a_failure_always_is() {
        let limit = run(Outcome::Limit("stack".into()), vec![]);
        let value = run(Outcome::Values(vec![]), states(1, 1));
        assert_eq!(differ(limit.clone(), value.clone()), None);
        let failed = run(Outcome::Failed("too clever".into()), vec![]);
        assert!(differ(failed.clone(), limit).unwrap().contains("too clever"));
        assert!(differ(failed.clone(), failed).is_some());
        let refused = Run::only(Outcome::Failed("refused".into()));
        assert!(differ(value, refused).unwrap().starts_with("instantiation"));
    }
}
