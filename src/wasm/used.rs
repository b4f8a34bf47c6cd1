//! Which proposals a module uses: it is read and validated with none, and each time that fails, with the one that helps.
//! Knows no rule of validation: it tries.

use super::bytes::ModuleBytes;
use super::error::Error;
use super::features::{Features, PROPOSALS};
use super::scan::{Scanned, scan};
use latier_runtime::abi::FuncIndex;
use latier_runtime::types::TypeRegistry;

/// The proposals that a module uses of those it may.
pub(super) fn used(bytes: &ModuleBytes, may: Features) -> Vec<&'static str> {
    let mut search =
        Search { bytes, may, registry: TypeRegistry::new(), with: Features::none(), used: vec![] };
    // What cannot be read any more, or is invalid with all it may use, ends the search early.
    if let Some(scanned) = search.whole() {
        search.bodies(scanned);
    }
    let place = |name: &&str| PROPOSALS.iter().position(|proposal| proposal.name == *name);
    search.used.sort_by_key(place);
    search.used
}

struct Search<'a> {
    bytes: &'a ModuleBytes,
    may: Features,
    registry: TypeRegistry,
    with: Features,
    used: Vec<&'static str>,
}

impl Search<'_> {
    fn scan(&self, with: Features) -> Result<Scanned, Error> {
        scan(self.bytes, with, &self.registry)
    }

    /// The module outside of its bodies.
    fn whole(&mut self) -> Option<Scanned> {
        loop {
            match self.scan(self.with) {
                Ok(scanned) => return Some(scanned),
                Err(error) => self.add(&error, |search, with| search.scan(with).map(drop))?,
            }
        }
    }

    fn bodies(&mut self, mut scanned: Scanned) {
        for n in 0..scanned.bodies.count() {
            let Some(range) = scanned.bodies.range(n) else { return };
            let Ok(body) = self.bytes.copy(range.start, (range.end - range.start) as usize) else { return };
            let validate = |scanned: &Scanned, with| {
                let index = FuncIndex(scanned.desc.func_imports + n);
                scanned.bodies.validate_with(with, &scanned.desc, index, range.start, &body)
            };
            while let Err(error) = validate(&scanned, self.with) {
                let again = |search: &Search<'_>, with| validate(&search.scan(with)?, with);
                if self.add(&error, again).is_none() {
                    break;
                }
                match self.scan(self.with) {
                    Ok(again) => scanned = again,
                    Err(_) => return,
                }
            }
        }
    }

    /// Adds the proposal with which `again` gets furthest beyond `error`; `None` if none helps.
    fn add(&mut self, error: &Error, again: impl Fn(&Self, Features) -> Result<(), Error>) -> Option<()> {
        let mut best: Option<(u64, &str, Features)> = None;
        for proposal in PROPOSALS.iter().filter(|proposal| self.may.is_enabled(proposal.name)) {
            let mut with = self.with;
            if with.enable(proposal.name, true).is_err() || with == self.with {
                continue;
            }
            let reached = again(self, with).map_or_else(|error| error.offset, |()| u64::MAX);
            if reached > best.map_or(error.offset, |(reached, ..)| reached) {
                best = Some((reached, proposal.name, with));
            }
        }
        let (_, name, with) = best?;
        self.used.push(name);
        self.with = with;
        Some(())
    }
}
