use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use hyper_util::server::graceful::GracefulConnection;
use tokio::time::Instant;

use crate::load::Cut;

/// What is known of a connection outside of its task, and what the task is told.
///
/// There is one for each connection, and most connections are idle, so it is small.
#[derive(Debug)]
pub(super) struct State {
    begun: AtomicU32,
    ended: AtomicU32,
    order: AtomicU8,
    /// Where the connection stands among all of them.
    pub(super) place: AtomicU32,
    /// When it came to rest, as [`millis`] has it, or [`BUSY`].
    rests_since: AtomicU64,
    waker: AtomicWaker,
}

const BUSY: u64 = u64::MAX;

/// What a connection is told to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    #[default]
    GoOn,
    /// Take no more requests than is polite: the next answer is the last one.
    Retire,
    /// Finish what is under way, and close at once if that is nothing.
    Close,
    /// End at once, whatever is under way.
    Cut,
}

impl Default for State {
    fn default() -> Self {
        Self {
            begun: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            order: AtomicU8::new(Order::GoOn as u8),
            place: AtomicU32::new(0),
            rests_since: AtomicU64::new(BUSY),
            waker: AtomicWaker::new(),
        }
    }
}

impl Cut for State {
    fn cut(&self) {
        self.tell(Order::Cut);
    }
}

impl State {
    /// Notes that a request's head was read.
    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.is_busy();
    }

    /// Notes that a request's answer is ready to be written.
    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many requests were begun. They are only compared, so it does not matter that they wrap around.
    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Returns how many requests have ended.
    pub(super) fn ended(&self) -> u32 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Notes that a request is on its way, or under way.
    pub(super) fn is_busy(&self) {
        self.rests_since.store(BUSY, Ordering::Relaxed);
    }

    /// Notes that nothing is under way since then.
    pub(super) fn rests(&self, since: Instant) {
        self.rests_since.store(millis(since), Ordering::Relaxed);
    }

    /// Returns since when the connection is at rest, as [`millis`] has it, unless it is told to end already.
    pub(super) fn rests_since(&self) -> Option<u64> {
        let since = self.rests_since.load(Ordering::Relaxed);
        (since != BUSY && self.order() < Order::Close).then_some(since)
    }

    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            0 => Order::GoOn,
            1 => Order::Retire,
            2 => Order::Close,
            _ => Order::Cut,
        }
    }

    /// Tells the connection what to do, unless it was told more already.
    pub(super) fn tell(&self, order: Order) {
        if self.order.fetch_max(order as u8, Ordering::AcqRel) < order as u8 {
            self.waker.wake();
        }
    }

    /// Waits until the future is done, or returns `None` as soon as the connection is told to close.
    pub(super) async fn unless_closed<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            self.waker.register(cx.waker());
            if self.order() >= Order::Close { Poll::Ready(None) } else { future.as_mut().poll(cx).map(Some) }
        })
        .await
    }

    /// Drives a connection to its end, which comes soon once it is told to close.
    ///
    /// Over HTTP/1.1, a connection that retires says so with its next answer, which is not a matter of this.
    ///
    /// The connection is pinned by the caller, since a future that takes it by value has room for it twice.
    pub(super) async fn drive<C: GracefulConnection>(
        &self,
        mut connection: Pin<&mut C>,
        http2: bool,
    ) -> Result<(), C::Error> {
        let graceful_from = if http2 { Order::Retire } else { Order::Close };
        let mut known = Order::GoOn;
        std::future::poll_fn(|cx: &mut Context<'_>| {
            loop {
                // Before looking, so that no order is missed.
                self.waker.register(cx.waker());
                let order = self.order();
                if order == Order::Cut {
                    return Poll::Ready(Ok(()));
                }
                if known < graceful_from && graceful_from <= order {
                    connection.as_mut().graceful_shutdown();
                }
                known = order;
                let done = connection.as_mut().poll(cx);
                // The connection itself notices its age while it is polled.
                if done.is_ready() || self.order() == known {
                    return done;
                }
            }
        })
        .await
    }
}

/// Returns a time in milliseconds since some moment that is the same for all connections of a process.
pub(super) fn millis(at: Instant) -> u64 {
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    let since = at.into_std().saturating_duration_since(*START);
    u64::try_from(since.as_millis()).unwrap_or(BUSY - 1)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::{Order, State};

    #[tokio::test]
    async fn what_was_told_before_is_not_missed() {
        let state = State::default();
        state.tell(Order::Retire);
        assert_eq!(state.unless_closed(async { 1 }).await, Some(1));
        state.tell(Order::Close);
        assert_eq!(state.unless_closed(pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn an_order_to_close_ends_what_waits_already() {
        let state = State::default();
        let ((), waited) = tokio::join!(
            async {
                tokio::task::yield_now().await;
                state.tell(Order::Close);
            },
            state.unless_closed(pending::<()>()),
        );
        assert_eq!(waited, None);
    }

    #[test]
    fn an_order_is_not_taken_back() {
        let state = State::default();
        state.tell(Order::Close);
        state.tell(Order::Retire);
        assert_eq!(state.order(), Order::Close);
    }
}
