//! The clock, timers and tasks of the client. Everything except the transports takes them from here, so that another
//! runtime, such as a browser's, can replace tokio in one place. No such build exists yet.

use tokio::runtime::Handle;
pub(crate) use tokio::runtime::Id as RuntimeId;
pub(crate) use tokio::task::{AbortHandle, spawn, yield_now};
pub(crate) use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout_at};

/// Returns whether the code runs inside a runtime, so that it can spawn tasks.
pub(crate) fn is_here() -> bool {
    Handle::try_current().is_ok()
}

/// Returns what identifies the runtime here, if there is one.
pub(crate) fn runtime_id() -> Option<RuntimeId> {
    Handle::try_current().ok().map(|handle| handle.id())
}
