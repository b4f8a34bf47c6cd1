//! Callees of hot functions: which are optimized along with it, and in which order. Compiles nothing.

use super::hot::Target;
use super::lazy_reexports::LazyReexports;
use crate::tier::policy;
use latier_runtime::abi::FuncIndex;

/// A function that is compiled because another one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Callee {
    pub(super) function: FuncIndex,
    /// Bytes of its body.
    pub(super) bytes: u64,
}

/// Claims the callees that are optimized along with a hot function, whose body has so many bytes: its own and theirs, each before who calls it. They
/// have been called, and nothing was done about them.
pub(super) fn claim(module: &LazyReexports, hot: FuncIndex, hot_bytes: u64) -> Vec<Callee> {
    let session = module.session();
    let Some(reoptimizer) = &session.reoptimizer else { return Vec::new() };
    let (wasm, filter, knobs) = (module.wasm(), &session.config.tier_filter, &reoptimizer.knobs);
    let callees = |function| match wasm.body(function) {
        Ok(body) => wasm.callees(&body),
        Err(_) => Vec::new(),
    };
    order(hot, callees, |function, spent| {
        let bytes = wasm.body_bytes(function);
        let chosen = function != hot
            && policy::comes_along(bytes, spent, hot_bytes, knobs)
            && filter.allows(function.0)
            && module.is_compiled(function)
            && module.hot().claim(function, Target::Function);
        chosen.then_some(bytes)
    })
}

/// Those that are reached from `hot` by way of the chosen, each behind all that it calls. `choose` is told how many bytes
/// were chosen before, and gives those of a function that it chooses; it chooses none twice.
fn order(
    hot: FuncIndex,
    callees: impl Fn(FuncIndex) -> Vec<FuncIndex>,
    mut choose: impl FnMut(FuncIndex, u64) -> Option<u64>,
) -> Vec<Callee> {
    let (mut ordered, mut spent) = (Vec::new(), 0);
    // The callers on the way to where the search is, each with the callees that were not looked at yet.
    let mut way = vec![(None, callees(hot).into_iter())];
    while let Some((caller, rest)) = way.last_mut() {
        let Some(function) = rest.next() else {
            ordered.extend(*caller);
            way.pop();
            continue;
        };
        if let Some(bytes) = choose(function, spent) {
            spent += bytes;
            way.push((Some(Callee { function, bytes }), callees(function).into_iter()));
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// The order in a module whose functions, 0 first, call these and have a byte each. Function 0 is hot, and functions
    /// of more than `most` are not chosen.
    fn ordered(calls: &[&[u32]], most: u32) -> Vec<u32> {
        let mut chosen = HashSet::from([FuncIndex(0)]);
        let callees =
            |function: FuncIndex| calls[function.0 as usize].iter().copied().map(FuncIndex).collect();
        let order = order(FuncIndex(0), callees, |function, spent| {
            assert_eq!(spent + 1, chosen.len() as u64);
            (function.0 <= most && chosen.insert(function)).then_some(1)
        });
        order.into_iter().map(|callee| callee.function.0).collect()
    }

    #[test]
    fn callees_come_before_their_callers() {
        assert_eq!(ordered(&[&[1, 2], &[3], &[], &[]], 9), [3, 1, 2]);
        assert_eq!(ordered(&[&[1, 2], &[2], &[3], &[]], 9), [3, 2, 1]);
        assert_eq!(ordered(&[&[]], 9), [0; 0]);
    }

    #[test]
    fn who_calls_itself_and_others_around_comes_once() {
        assert_eq!(ordered(&[&[0, 1], &[1, 2], &[0, 1]], 9), [2, 1]);
    }

    #[test]
    fn what_only_others_call_that_are_not_chosen_is_not_reached() {
        assert_eq!(ordered(&[&[1, 3], &[2], &[], &[2]], 2), [2, 1]);
        assert_eq!(ordered(&[&[3], &[], &[], &[2]], 2), [0; 0]);
    }
}
