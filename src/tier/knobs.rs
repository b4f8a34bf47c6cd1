//! The numbers that tier-up turns on: one table, each with its unit, its bounds and the reason for its default. Knows
//! nothing of who reads them.

/// What is known of a knob.
#[derive(Clone, Copy, Debug)]
pub struct KnobRow {
    /// Its name in options and documentation.
    pub name: &'static str,
    /// What it is unless someone sets it.
    pub default: u64,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
    /// What it counts.
    pub unit: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Why its default is what it is.
    pub reason: &'static str,
    /// Where it stands.
    field: fn(&mut Knobs) -> &mut u64,
}

/// Makes the struct, its defaults and the table of one list, so that no knob can be missing in one of them.
macro_rules! knobs {
    ($($field:ident $name:literal = $default:literal in $min:literal..=$max:literal $unit:literal, $about:literal, $reason:literal;)*) => {
        /// The numbers that tier-up turns on. All are whole; [`Knobs::TABLE`] says what they count.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Knobs {
            $(#[doc = $about] pub $field: u64,)*
        }

        impl Default for Knobs {
            fn default() -> Knobs {
                Knobs { $($field: $default,)* }
            }
        }

        impl Knobs {
            /// Every knob.
            pub const TABLE: &[KnobRow] = &[$(KnobRow {
                name: $name,
                default: $default,
                min: $min,
                max: $max,
                unit: $unit,
                about: $about,
                reason: $reason,
                field: |knobs| &mut knobs.$field,
            },)*];
        }
    };
}

knobs! {
    sample_period_us "sample-period" = 1_000 in 50..=1_000_000 "µs",
        "time between two samples",
        "a sample costs some microseconds, so a hundredth of this at most; a loop is found after a few";
    min_samples "min-samples" = 2 in 1..=1_000_000 "samples",
        "samples before anything is compiled",
        "one may be chance; the second already means a millisecond or more";
    speedup_percent "speedup" = 180 in 101..=10_000 "%",
        "speed of optimized code, where the first tier's is 100",
        "about what the two tiers of the same kernels differ by";
    budget_share_percent "budget-share" = 20 in 0..=10_000 "%",
        "processor time of compiles in the background, as a share of what guests have run",
        "measured: with half of it large programs stay in the first tier for longer, and small ones pay no less";
    allowance_us "budget-allowance" = 5_000 in 0..=1_000_000_000 "µs",
        "processor time of compiles in the background that needs no guest time",
        "a small hot loop need not wait for the share to grow";
    compile_fixed_ns "compile-fixed" = 60_000 in 0..=1_000_000_000 "ns",
        "cost of an optimized compile, however small the body",
        "measured: bodies of 93 bytes take 80 µs";
    compile_ns_per_byte "compile-per-byte" = 900 in 0..=1_000_000 "ns",
        "first guess of what a byte of Wasm costs to optimize; what compiles take corrects it",
        "measured: 1.1 MB a second on one core";
    entry_cost_percent "entry-cost" = 125 in 100..=1_000 "%",
        "cost of a body that is entered at a loop, where the same function's plain body is 100",
        "the way into the loop keeps more values apart, so there is more to optimize and less is known";
    max_body_bytes "max-body" = 524_288 in 0..=1_000_000_000 "bytes",
        "the largest body that is ever optimized",
        "a compile of this size takes half a second and hundreds of megabytes";
    max_callee_bytes "max-callee" = 200 in 0..=1_000_000_000 "bytes",
        "the largest function that is optimized along with a hot one because that calls it",
        "measured: calls 0.80 ×, text 0.90 × and lua, sqlite, zstd as before; with 2,000 the same";
    max_attempts "max-attempts" = 3 in 1..=1_000 "compiles",
        "compiles of a function that may end for want of a resource before it is left alone",
        "a resource that was short thrice is short";
    queue_capacity "queue-capacity" = 128 in 1..=1_000_000 "compiles",
        "compiles that may wait for a thread",
        "what is behind so many is no longer hot when its turn comes";
}

impl Knobs {
    /// Knobs by which whatever has been sampled `samples` times is worth compiling: for tests that want everything to
    /// tier up.
    pub fn after(samples: u64) -> Knobs {
        Knobs {
            min_samples: samples,
            allowance_us: u64::MAX,
            compile_fixed_ns: 0,
            compile_ns_per_byte: 0,
            max_body_bytes: u64::MAX,
            ..Knobs::default()
        }
    }

    /// Sets the knob of this name.
    ///
    /// # Errors
    /// When there is none, or the value is out of its bounds; in words.
    pub fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
        let Some(row) = Knobs::TABLE.iter().find(|row| row.name == name) else {
            let names: Vec<_> = Knobs::TABLE.iter().map(|row| row.name).collect();
            return Err(format!("no knob '{name}'; there are {}", names.join(", ")));
        };
        if !(row.min..=row.max).contains(&value) {
            return Err(format!("'{name}' is between {} and {} {}", row.min, row.max, row.unit));
        }
        *(row.field)(self) = value;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_their_bounds_and_every_knob_can_be_set() {
        let mut knobs = Knobs::default();
        for row in Knobs::TABLE {
            assert_eq!(*(row.field)(&mut knobs), row.default);
            assert_eq!(knobs.set(row.name, row.default), Ok(()), "{}", row.name);
            assert_eq!(knobs, Knobs::default());
            knobs.set(row.name, row.max).unwrap();
            assert_eq!(*(row.field)(&mut knobs), row.max);
            assert!(knobs.set(row.name, row.max + 1).unwrap_err().contains(row.unit));
            knobs.set(row.name, row.default).unwrap();
        }
    }

    #[test]
    fn names_are_unique_and_unknown_ones_are_refused() {
        let mut names: Vec<_> = Knobs::TABLE.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Knobs::TABLE.len());
        assert!(Knobs::default().set("period", 1).unwrap_err().contains("sample-period"));
    }
}
