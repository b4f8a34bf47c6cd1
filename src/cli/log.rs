//! `-v`: the session's events in the log, as `LATIER_LOG` filters it. Interprets nothing.

use super::timeline::describe;
use crate::{Event, Listener};

/// Hears events and logs them: what becomes of a module as news, what becomes of a function in detail.
pub(super) struct Log;

impl Listener for Log {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Created { .. } => tracing::info!("{}", describe(event)),
            Event::Failed { .. } => tracing::warn!("{}", describe(event)),
            _ => tracing::debug!("{}", describe(event)),
        }
    }
}
