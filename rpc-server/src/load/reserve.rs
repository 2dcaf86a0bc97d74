//! Back-pressure for connections with answers that their peer leaves unread. Before its calls run, `http::answer` waits
//! here until the connection has room for the answer. The wait polls every 10 ms and ends after 5 s. This file only
//! adds methods to [`ConnectionLoad`] and keeps no state.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{ByteRoom, CapacityError, ConnectionLoad};

/// How long a request waits for its peer to read earlier answers.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How often the wait checks for room. A notification would need a list of waiting requests in every connection.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

impl ConnectionLoad {
    /// Returns whether the peer leaves more than half of its share unread, so that a request waits before its calls
    /// run.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.unread.load(Ordering::Relaxed) > self.budget.connection.bytes / 2 && self.is_limited()
    }

    /// Reserves room for an answer of `bytes`, at most half of the connection's share, so that no call runs whose
    /// answer is then withheld. Returns `None` if the peer does not read within 5 s, or at once if the server has no
    /// room. Small answers are sent even without room.
    pub(crate) async fn reserve(self: &Arc<Self>, bytes: usize) -> Option<ByteRoom> {
        let deadline = Instant::now() + MAX_WAIT;
        let bytes = bytes.min(self.budget.connection.bytes / 2);
        let mut room = ByteRoom::new(self);
        loop {
            match room.add(bytes) {
                Ok(()) => return Some(room),
                Err(CapacityError::Connection) if Instant::now() < deadline => sleep(POLL_INTERVAL).await,
                Err(_) => return None,
            }
        }
    }
}
