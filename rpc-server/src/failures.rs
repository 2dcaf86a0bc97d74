//! Logs why handlers fail where their callers are not told.

use rpc_core::{Excerpt, Id, SharedError, chain_text};

use crate::throttle::Throttle;

/// How many lines of this kind the process logs in a second.
const LINES_PER_SECOND: u32 = 100;

/// Logs the error behind an answer that does not tell it, and its sources.
#[cold]
pub(crate) fn log(error: &SharedError, method: &str, id: Option<&Id>) {
    static FAILED: Throttle = Throttle::with(LINES_PER_SECOND);
    let Some(suppressed) = FAILED.pass() else { return };
    let (error, id) = (chain_text(&**error), id.and_then(Id::to_text));
    let (error, id) = (Excerpt(&error), id.as_ref().map(|id| tracing::field::display(Excerpt(id))));
    tracing::error!(method, id, %error, suppressed, "handler failed");
}
