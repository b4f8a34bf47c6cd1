//! Why a function is not optimized, now or ever: one table, from which everyone who prints a reason takes its words.

use std::fmt;

/// A reason not to optimize: one row of [`Reason::TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// It may not be hot at all.
    TooFewSamples,
    /// A compile costs more than it is expected to gain.
    GainBelowCost,
    /// Compiles have used their share of processor time.
    BudgetSpent,
    /// It waits for a thread.
    AlreadyQueued,
    /// Hotter ones took its place in the queue.
    QueueFull,
    /// Memory or a thread was short.
    ResourceShort,
    /// There is nothing left to do.
    AlreadyOptimized,
    /// Its body is beyond the limit.
    TooLarge,
    /// The compiler refused it.
    CompileFailed,
    /// It ended too often for want of a resource.
    TooManyAttempts,
    /// The session or the module ended first.
    Cancelled,
    /// The user wants it so.
    Filtered,
}

/// What is known of a reason.
#[derive(Clone, Copy, Debug)]
pub struct ReasonRow {
    /// The reason.
    pub reason: Reason,
    /// Its name in lists and counters.
    pub name: &'static str,
    /// What it says to people.
    pub about: &'static str,
}

const fn row(reason: Reason, name: &'static str, about: &'static str) -> ReasonRow {
    ReasonRow { reason, name, about }
}

impl Reason {
    /// Every reason.
    pub const TABLE: [ReasonRow; 12] = [
        row(Reason::TooFewSamples, "too-few-samples", "it was seen too seldom to be called hot"),
        row(Reason::GainBelowCost, "gain-below-cost", "a compile costs more than it would win so far"),
        row(Reason::BudgetSpent, "budget-spent", "compiles have used their share of processor time"),
        row(Reason::AlreadyQueued, "already-queued", "it waits for its turn to be compiled"),
        row(Reason::QueueFull, "queue-full", "too many hotter functions wait before it"),
        row(Reason::ResourceShort, "resource-short", "memory for code, or a thread, was short"),
        row(Reason::AlreadyOptimized, "already-optimized", "its optimized code is there"),
        row(Reason::TooLarge, "too-large", "its body is larger than what is ever optimized"),
        row(Reason::CompileFailed, "compile-failed", "the compiler refused it"),
        row(Reason::TooManyAttempts, "too-many-attempts", "a resource was short each time it was tried"),
        row(Reason::Cancelled, "cancelled", "the program ended before its turn came"),
        row(Reason::Filtered, "filtered", "the tier filter keeps it in the first tier"),
    ];

    /// The reason's row.
    pub fn row(self) -> &'static ReasonRow {
        &Reason::TABLE[self as usize]
    }

    /// The reason's name.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_own_number_and_differ() {
        for (n, row) in Reason::TABLE.iter().enumerate() {
            assert_eq!(row.reason as usize, n);
            assert_eq!((row.reason.name(), row.reason.to_string()), (row.name, row.about.to_string()));
            let others = &Reason::TABLE[n + 1..];
            assert!(others.iter().all(|other| other.name != row.name && other.about != row.about));
        }
    }
}
