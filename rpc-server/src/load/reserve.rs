use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{ConnectionLoad, Full, Room};

/// How long a request waits for the answers before it to be read.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How long it waits at most until it looks again by itself, should it have missed that there is room.
const LOOK: Duration = Duration::from_millis(100);

/// Requests of one connection that wait until its peer has read other answers.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: AtomicU32,
    freed: Notify,
}

impl Queue {
    /// Lets the next one look whether there is room.
    #[inline]
    pub(super) fn look(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.freed.notify_one();
        }
    }
}

/// A request that counts as waiting until this is dropped.
struct Waiting<'a>(&'a Queue);

impl<'a> Waiting<'a> {
    fn new(queue: &'a Queue) -> Self {
        queue.waiting.fetch_add(1, Ordering::Relaxed);
        Self(queue)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        // There may be room for more than this one.
        self.0.look();
    }
}

impl ConnectionLoad {
    /// Tells whether the connection has left so much unread that a request is to wait before its calls run.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.unread.load(Ordering::Relaxed) > self.budget.connection_bytes / 2 && self.is_limited()
    }

    /// Waits until there is room for an answer of so many bytes, or half of the share, so that no call runs whose answer is then withheld.
    /// Returns nothing where the peer takes too long: what is small is answered all the same.
    pub(crate) async fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Room> {
        let deadline = Instant::now() + MAX_WAIT;
        let _waiting = Waiting::new(&self.queue);
        let bytes = bytes.min(self.budget.connection_bytes / 2);
        let mut room = Room::new(self);
        loop {
            match room.add(bytes) {
                Ok(()) => return Some(room),
                Err(Full::Server) => return None,
                Err(Full::Connection) if Instant::now() >= deadline => return None,
                Err(Full::Connection) => {
                    let look = deadline.min(Instant::now() + LOOK);
                    let _ = timeout_at(look, self.queue.freed.notified()).await;
                }
            }
        }
    }
}
