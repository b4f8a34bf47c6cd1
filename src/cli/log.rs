//! `-v`: the session's events in the log, as `LATIER_LOG` filters it. Interprets nothing.

use super::timeline::Lines;
use crate::{Event, Listener, Origin};

/// Hears events and logs them: what becomes of a module as news, what becomes of a function in detail.
pub(super) struct Log {
    lines: Lines,
}

impl Log {
    pub(super) fn new() -> Log {
        Log { lines: Lines::new(true) }
    }
}

impl Listener for Log {
    fn event(&self, origin: &Origin<'_>, event: &Event<'_>) {
        let line = || self.lines.line(origin, event);
        match event {
            Event::Created { .. } => tracing::info!("{}", line()),
            Event::Failed { .. } => tracing::warn!("{}", line()),
            _ => tracing::debug!("{}", line()),
        }
    }
}
