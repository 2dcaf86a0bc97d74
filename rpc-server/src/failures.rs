//! Logs the errors behind failed handlers that callers are not sent. Each error is logged once, and the lines are
//! throttled. `drive` and `middleware::response` use it. The error type is the user's, so panics while an error is
//! displayed or dropped are contained.

use rpc_core::codec::Output;
use rpc_core::contain::contain;
use rpc_core::{Excerpt, Id, IdRef, SharedError, chain_text};

use crate::throttle::Throttle;

/// The maximum number of these lines that the process logs per second.
const LINES_PER_SECOND: u32 = 100;

/// Logs the error behind an answer that does not contain it, and its sources. The error's type is the user's, so
/// displaying it may panic.
#[cold]
pub(crate) fn log(error: &SharedError, method: &str, id: Option<&Id>) {
    static FAILED: Throttle = Throttle::with(LINES_PER_SECOND);
    let Some(suppressed) = FAILED.pass() else { return };
    let (text, id) = (contain(|| chain_text(&**error)), id.map(shown));
    let error = Excerpt(text.as_deref().unwrap_or("the error panicked while it was shown"));
    let id = id.as_ref().map(|id| tracing::field::display(Excerpt(id)));
    tracing::error!(method, id, %error, suppressed, "handler failed");
}

/// Returns the text of an id that is a string, and the JSON of any other.
fn shown(id: &Id) -> String {
    id.to_text().unwrap_or_else(|| id.to_string())
}

/// Takes the error behind the last answer, logs it and drops it. Dropping it may panic as well.
#[cold]
pub(crate) fn log_source(output: &mut Output, method: &str, id: Option<IdRef<'_>>) {
    if let Some(error) = output.take_source() {
        log(&error, method, id.map(IdRef::to_id).as_ref());
        contain(|| drop(error));
    }
}
