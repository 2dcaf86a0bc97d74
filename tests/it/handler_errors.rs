//! The errors of handlers: what callers see, and what is logged.

mod floats;
mod forbidden;
mod internal;
mod marks;
mod unwritable;
mod upstream;

use crate::telemetry::capture::{Log, Told};

/// Returns the log lines about failed handlers.
fn failures(told: &Told) -> Vec<Log> {
    told.logs().into_iter().filter(|log| log.fields.get("message") == Some("handler failed")).collect()
}
