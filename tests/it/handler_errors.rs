//! What becomes of the errors of handlers: what callers see, and what is logged.

mod floats;
mod forbidden;
mod internal;
mod marks;
mod unwritable;
mod upstream;

use crate::telemetry::capture::{Log, Told};

/// Returns what was logged of handlers that failed.
fn failures(told: &Told) -> Vec<Log> {
    told.logs().into_iter().filter(|log| log.fields.get("message") == Some("handler failed")).collect()
}
