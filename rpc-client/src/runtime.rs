//! The clock, timers and tasks of the client. Everything except the transports takes them from here, so that another
//! runtime, such as a browser's, can replace tokio in one place. No such build exists yet.

pub(crate) use tokio::task::spawn;
pub(crate) use tokio::time::{Instant, sleep, timeout_at};
