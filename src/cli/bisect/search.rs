//! The search for what makes a result wrong: narrows a range of functions by asking again and again. Knows neither
//! programs nor tiers.

use std::ops::Range;

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// With the functions of this range, and no others, the result is wrong. Without its last function, or without its
    /// first one, it is right. So the range is that one function, or both have a part in it.
    pub(super) range: Range<u32>,
}

/// Narrows `range`, with which the result is wrong, while it is right with none. `wrong` says how the result is with
/// the functions of a range.
///
/// First the end moves: the result is right up to `right` and wrong up to `end`, and one question halves what lies
/// between. Then the start does. Each step keeps that, whatever else the result depends on, so the search ends after
/// twice the logarithm of the range, and what it says is true even where several functions have a part in it.
///
/// # Errors
/// When `wrong` fails.
pub(super) fn narrow<E>(
    range: Range<u32>,
    mut wrong: impl FnMut(Range<u32>) -> Result<bool, E>,
) -> Result<Found, E> {
    let (start, mut right, mut end) = (range.start, range.start, range.end);
    while end - right > 1 {
        let middle = right + (end - right) / 2;
        if wrong(start..middle)? { end = middle } else { right = middle }
    }
    // Mostly the last function does it alone.
    let last = end - 1;
    if start == last || wrong(last..end)? {
        return Ok(Found { range: last..end });
    }
    let (mut start, mut right) = (start, last);
    while right - start > 1 {
        let middle = start + (right - start) / 2;
        if wrong(middle..end)? { start = middle } else { right = middle }
    }
    Ok(Found { range: start..end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Backend, CompileError, Compiled, Entry, FunctionBody};
    use crate::{Config, Engine, Error, Instance, Mode, Module, Store, Tier, TierFilter, TierUp};
    use latier_runtime::abi::FuncIndex;
    use latier_runtime::module::ModuleDesc;
    use std::convert::Infallible;
    use std::sync::Arc;

    fn search(range: Range<u32>, wrong: impl Fn(&Range<u32>) -> bool) -> (Range<u32>, u32) {
        let mut asked = 0;
        let found = narrow(range, |part| -> Result<bool, Infallible> {
            asked += 1;
            Ok(wrong(&part))
        });
        (found.unwrap().range, asked)
    }

    #[test]
    fn one_function_is_found_wherever_it_is() {
        for at in 10..75 {
            let (found, asked) = search(10..75, |part| part.contains(&at));
            assert_eq!(found, at..at + 1);
            assert!(asked <= 8, "{asked} questions for {at}");
        }
        assert_eq!(search(5..6, |part| part.contains(&5)), (5..6, 0));
        let (found, asked) = search(0..50_000, |part| part.contains(&31_337));
        assert!(found == (31_337..31_338) && asked <= 17, "{found:?}, {asked}");
    }

    #[test]
    fn of_two_that_need_each_other_both_are_found() {
        for (first, last) in [(0, 1), (0, 63), (5, 6), (17, 40), (62, 63)] {
            let (found, _) = search(0..64, |part| part.contains(&first) && part.contains(&last));
            assert_eq!(found, first..last + 1);
        }
    }

    #[test]
    fn of_several_culprits_one_is_found() {
        let (found, _) = search(0..64, |part| part.contains(&9) || part.contains(&40));
        assert_eq!(found, 9..10);
    }

    /// A backend that subtracts where it should add, in one function, if its code is entered so.
    struct Spoilt {
        backend: Arc<dyn Backend>,
        function: FuncIndex,
        entered: fn(Entry) -> bool,
    }

    impl Backend for Spoilt {
        fn compile(&self, module: &ModuleDesc, body: FunctionBody<'_>) -> Result<Compiled, CompileError> {
            /// `i32.add` and `i32.sub`.
            const OPERATORS: (u8, u8) = (0x6a, 0x6b);
            let mut bytes = body.bytes.to_vec();
            if body.index == self.function && (self.entered)(body.entry) {
                bytes.iter_mut().filter(|byte| **byte == OPERATORS.0).for_each(|byte| *byte = OPERATORS.1);
            }
            self.backend.compile(module, FunctionBody { bytes: &bytes, ..body })
        }
    }

    const FUNCTIONS: u32 = 40;

    /// Each of these functions in turn is made wrong in the optimizing tier, if its code is entered so, and found by
    /// what the module computes.
    fn are_found(
        function: fn(u32) -> String,
        mode: Mode,
        step: u64,
        entered: fn(Entry) -> bool,
    ) -> Result<(), Error> {
        let functions: String = (0..FUNCTIONS).map(function).collect();
        let calls = (0..FUNCTIONS).fold("(i32.const 0)".to_owned(), |sum, n| format!("(call {n} {sum})"));
        let text = format!("(module {functions} (func (export \"run\") (result i32) {calls}))");
        let run = |spoilt: u32, part: Range<u32>| -> Result<i32, Error> {
            let mut config = Config::new();
            config.mode(mode).tier_up(TierUp::Stepped(step)).tier_filter(TierFilter::new([part]));
            config.wrap_backend(Arc::new(move |tier, backend| match tier {
                Tier::Optimized => Arc::new(Spoilt { backend, function: FuncIndex(spoilt), entered }),
                _ => backend,
            }));
            let engine = Engine::new(&config)?;
            let module = Module::new(&engine, &text)?;
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[])?;
            instance.get_typed_func::<(), i32>(&mut store, "run")?.call(&mut store, ())
        };
        for spoilt in [0, 13, 39] {
            let right = run(spoilt, 0..0)?;
            assert_ne!(run(spoilt, 0..FUNCTIONS)?, right);
            let found = narrow(0..FUNCTIONS + 1, |part| Ok::<_, Error>(run(spoilt, part)? != right))?;
            assert_eq!(found.range, spoilt..spoilt + 1);
        }
        Ok(())
    }

    #[test]
    fn a_miscompiled_function_is_found_by_the_program_s_result() -> Result<(), Error> {
        let adds =
            |n| format!("(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {})))", n + 1);
        are_found(adds, Mode::Optimized, 1, |_| true)
    }

    #[test]
    fn a_body_that_is_wrong_only_when_a_loop_is_left_for_it_is_found() -> Result<(), Error> {
        let counts = |n| {
            format!(
                "(func (param i32) (result i32) (local $i i32)
                   (loop
                     (local.set 0 (i32.add (local.get 0) (i32.const {})))
                     (local.set $i (i32.sub (local.get $i) (i32.const -1)))
                     (br_if 0 (i32.lt_u (local.get $i) (i32.const 5))))
                   (local.get 0))",
                n + 1
            )
        };
        let at_loops = |entry| matches!(entry, Entry::Loop(_));
        are_found(counts, Mode::Tiered, 2, at_loops)
    }
}
