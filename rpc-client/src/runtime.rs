//! What the client needs of its runtime: a clock, timers and tasks. All but the transports take them from here, so
//! another runtime, such as a browser's, can be put in at one place. No such build exists yet.

pub(crate) use tokio::task::spawn;
pub(crate) use tokio::time::{Instant, sleep, timeout_at};
