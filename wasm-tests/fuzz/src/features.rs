//! Which proposals generated modules use: one row for each that the generator knows, in force as soon as latier has
//! the proposal on by default. What another runtime lacks, it refuses itself.

use latier::Features;
use wasm_smith::Config;

/// A proposal and how the generator is told of it.
struct Row {
    /// Its name in latier's own table.
    name: &'static str,
    switch: fn(&mut Config, bool),
}

/// Every proposal that can be generated. Not here: relaxed-simd, whose results engines may choose, and those that the
/// generator does not know or has only as a part of another (function-references comes with gc).
const ROWS: &[Row] = &[
    Row { name: "saturating-float-to-int", switch: |c, on| c.saturating_float_to_int_enabled = on },
    Row { name: "sign-extension", switch: |c, on| c.sign_extension_ops_enabled = on },
    Row { name: "multi-value", switch: |c, on| c.multi_value_enabled = on },
    Row { name: "bulk-memory", switch: |c, on| c.bulk_memory_enabled = on },
    Row { name: "reference-types", switch: reference_types },
    Row { name: "simd", switch: |c, on| c.simd_enabled = on },
    Row { name: "extended-const", switch: |c, on| c.extended_const_enabled = on },
    Row { name: "tail-call", switch: |c, on| c.tail_call_enabled = on },
    Row { name: "multi-memory", switch: |c, on| c.max_memories = if on { 3 } else { 1 } },
    Row { name: "memory64", switch: |c, on| c.memory64_enabled = on },
    Row { name: "exceptions", switch: |c, on| c.exceptions_enabled = on },
    Row { name: "gc", switch: |c, on| c.gc_enabled = on },
    Row { name: "threads", switch: |c, on| c.threads_enabled = on },
    Row { name: "wide-arithmetic", switch: |c, on| c.wide_arithmetic_enabled = on },
    Row { name: "custom-page-sizes", switch: |c, on| c.custom_page_sizes_enabled = on },
];

fn reference_types(config: &mut Config, on: bool) {
    config.reference_types_enabled = on;
    config.max_tables = if on { 4 } else { 1 };
}

/// Sets which proposals `config` uses: of those that latier has on, the ones that `wanted` says yes to.
pub fn choose(config: &mut Config, mut wanted: impl FnMut() -> bool) {
    let features = Features::default();
    for row in ROWS {
        (row.switch)(config, features.is_enabled(row.name) && wanted());
    }
    config.relaxed_simd_enabled = false;
    config.shared_everything_threads_enabled = false;
    config.compact_imports_enabled = false;
    // Both are built upon references.
    config.exceptions_enabled &= config.reference_types_enabled;
    config.gc_enabled &= config.reference_types_enabled;
}

#[cfg(test)]
mod tests {
    use super::*;
    use latier::wasm::features::PROPOSALS;

    #[test]
    fn every_row_is_a_proposal() {
        for row in ROWS {
            assert!(PROPOSALS.iter().any(|proposal| proposal.name == row.name), "{}", row.name);
        }
    }

    #[test]
    fn what_latier_has_on_is_generated_if_wanted() {
        let mut config = Config::default();
        choose(&mut config, || true);
        assert!(config.bulk_memory_enabled && config.reference_types_enabled && config.max_tables > 1);
        choose(&mut config, || false);
        assert!(!config.bulk_memory_enabled && !config.reference_types_enabled && config.max_tables == 1);
    }
}
