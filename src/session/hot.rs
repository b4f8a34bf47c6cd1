//! What samples have found in one module: which functions are hot, and how far their optimized code is. Decides nothing.

use crate::compile::Entry;
use crate::tier::profile::{self, Profile, Status};
use crate::tier::refusal::Reason;
use latier_runtime::abi::{FuncIndex, Place, Safepoint};
use latier_runtime::code_memory::CodeAddr;
use rustc_hash::FxHashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What can be compiled of a hot function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Target {
    /// The function, for calls to come.
    Function,
    /// A body that is entered at the loop at this offset.
    Loop(u32),
}

impl From<Place> for Target {
    /// What could take over at a safepoint.
    fn from(place: Place) -> Target {
        match place {
            Place::Entry => Target::Function,
            Place::Loop { offset, .. } => Target::Loop(offset),
        }
    }
}

impl Target {
    /// Where its code is entered.
    pub(super) fn entry(self) -> Entry {
        match self {
            Target::Function => Entry::Start,
            Target::Loop(offset) => Entry::Loop(offset),
        }
    }

    /// The same as the policy calls it.
    pub(super) fn body(self) -> profile::Body {
        match self {
            Target::Function => profile::Body::Function,
            Target::Loop(_) => profile::Body::Entry,
        }
    }
}

/// How far the code of a target is.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Absent,
    Queued,
    Ready(CodeAddr),
    Refused(Reason),
}

impl State {
    fn status(self) -> Status {
        match self {
            State::Absent => Status::Absent,
            State::Queued => Status::Queued,
            State::Ready(_) => Status::Ready,
            State::Refused(reason) => Status::Refused(reason),
        }
    }
}

/// A function that was sampled.
#[derive(Debug, Default)]
struct Function {
    samples: u64,
    attempts: u64,
    function: State,
    loops: Vec<(u32, State)>,
    /// Samples when a loop was last made ready to be entered.
    entered_at: u64,
}

impl Function {
    fn state(&self, target: Target) -> State {
        match target {
            Target::Function => self.function,
            Target::Loop(at) => self.loops.iter().find(|l| l.0 == at).map_or(State::Absent, |l| l.1),
        }
    }

    /// As [`Function::state`] of a loop; but while another loop of the function waits for its code, this one does, too:
    /// one of them is enough to leave the frame by.
    fn entry(&self, target: Target) -> State {
        match self.state(target) {
            State::Absent if self.loops.iter().any(|l| matches!(l.1, State::Queued)) => State::Queued,
            state => state,
        }
    }

    fn state_mut(&mut self, target: Target) -> &mut State {
        let Target::Loop(at) = target else { return &mut self.function };
        let known = self.loops.iter().position(|l| l.0 == at);
        let n = known.unwrap_or_else(|| {
            self.loops.push((at, State::Absent));
            self.loops.len() - 1
        });
        &mut self.loops[n].1
    }
}

/// The functions of a module that were sampled.
#[derive(Debug, Default)]
pub(super) struct Hot(Mutex<FxHashMap<FuncIndex, Function>>);

impl Hot {
    fn functions(&self) -> MutexGuard<'_, FxHashMap<FuncIndex, Function>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The optimized code that can take over at a safepoint, if there is any.
    pub(super) fn ready(&self, safepoint: Safepoint) -> Option<CodeAddr> {
        match self.functions().get(&safepoint.function)?.state(safepoint.place.into()) {
            State::Ready(code) => Some(code),
            _ => None,
        }
    }

    /// The optimized code of a function, to be entered at its start, if there is any.
    pub(super) fn optimized(&self, function: FuncIndex) -> Option<CodeAddr> {
        match self.functions().get(&function)?.function {
            State::Ready(code) => Some(code),
            _ => None,
        }
    }

    /// Counts a sample of a function whose body has so many bytes, and gives all that is known of it.
    pub(super) fn sample(&self, Safepoint { function, place }: Safepoint, bytes: u64) -> Profile {
        let mut functions = self.functions();
        let hot = functions.entry(function).or_default();
        hot.samples += 1;
        let unentered = hot.samples - hot.entered_at;
        let (safepoint, activation) = match place {
            Place::Entry => (profile::Safepoint::Entry, 0),
            Place::Loop { activation, .. } => (profile::Safepoint::Loop, activation.into()),
        };
        Profile {
            samples: hot.samples,
            activation,
            unentered: activation.min(unentered),
            safepoint,
            bytes,
            function: hot.function.status(),
            entry: hot.entry(place.into()).status(),
            attempts: hot.attempts,
        }
    }

    /// Claims the right to compile a target. False when it is no longer there to be compiled.
    pub(super) fn claim(&self, function: FuncIndex, target: Target) -> bool {
        let mut functions = self.functions();
        let state = functions.entry(function).or_default().state_mut(target);
        let absent = matches!(state, State::Absent);
        if absent {
            *state = State::Queued;
        }
        absent
    }

    /// A claimed target has code.
    pub(super) fn set_ready(&self, function: FuncIndex, target: Target, code: CodeAddr) {
        let mut functions = self.functions();
        let hot = functions.entry(function).or_default();
        *hot.state_mut(target) = State::Ready(code);
        if let Target::Loop(_) = target {
            hot.entered_at = hot.samples;
        }
    }

    /// A claimed target never will have code.
    pub(super) fn refuse(&self, function: FuncIndex, target: Target, reason: Reason) {
        *self.functions().entry(function).or_default().state_mut(target) = State::Refused(reason);
    }

    /// A claimed target has no code, but may be claimed again. `attempted`: whether its compile was begun.
    pub(super) fn give_back(&self, function: FuncIndex, target: Target, attempted: bool) {
        let mut functions = self.functions();
        let hot = functions.entry(function).or_default();
        hot.attempts += u64::from(attempted);
        *hot.state_mut(target) = State::Absent;
    }
}
