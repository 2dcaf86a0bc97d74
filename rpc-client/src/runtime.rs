//! What the client asks of its runtime: a clock and timers. All but the transports take them from here, so that a
//! runtime without threads, such as a browser's, has one place to be put in. Nobody has built that: it is unchecked.

pub(crate) use tokio::time::{Instant, sleep, timeout_at};
