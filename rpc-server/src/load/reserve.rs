use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{ConnectionLoad, Full, Room};

/// How long a request waits for the answers before it to be read.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How long it waits before it looks again. To be told instead would cost each connection room for a list of those who
/// wait, and each answer a look at it, while few ever do.
const LOOK: Duration = Duration::from_millis(10);

impl ConnectionLoad {
    /// Tells whether the connection has left so much unread that a request is to wait before its calls run.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.unread.load(Ordering::Relaxed) > self.budget.connection_bytes / 2 && self.is_limited()
    }

    /// Waits until there is room for an answer of so many bytes, or half of the share, so that no call runs whose
    /// answer is then withheld. Returns nothing where the peer takes too long: what is small is answered all the same.
    pub(crate) async fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Room> {
        let deadline = Instant::now() + MAX_WAIT;
        let bytes = bytes.min(self.budget.connection_bytes / 2);
        let mut room = Room::new(self);
        loop {
            match room.add(bytes) {
                Ok(()) => return Some(room),
                Err(Full::Connection) if Instant::now() < deadline => sleep(LOOK).await,
                Err(_) => return None,
            }
        }
    }
}
