//! Errors that would not be there if a proposal were on: which proposal that is. Knows no rule of validation: it
//! tries.

use super::error::Error;
use super::features::{Features, PROPOSALS};

/// Adds to `error` the first proposal whose being on prevents it: `again` does what failed with other features.
pub(super) fn named(
    features: Features,
    error: Error,
    again: impl Fn(Features) -> Result<(), Error>,
) -> Error {
    let helps = |name: &str| {
        let mut with = features;
        let known = with.enable(name, true).is_ok();
        known && with != features && again(with).map_or_else(|e| e.offset > error.offset, |()| true)
    };
    match PROPOSALS.iter().find(|proposal| helps(proposal.name)) {
        Some(proposal) => {
            Error::new(error.offset, format!("{}; needs `-W {}`", error.message, proposal.name))
        }
        None => error,
    }
}
