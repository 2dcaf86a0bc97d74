//! The shared state of one connection, as atomics. The connection and its requests report their activity here, for
//! `connections` to read. [`ConnectionOrder`]s go the other way and wake the connection's task: `connections`, `load`
//! and `pace` give them, and none is revoked. It also drives futures that orders wake or end (`attend`, `drive_http2`).
//! Apart from orders, only `shutdown` ends connections from outside: it aborts the tasks that remain after the drain.

use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hyper_util::server::graceful::GracefulConnection;
use tokio::time::{Instant, Sleep, sleep};

use super::peer::PeerKey;

use crate::load::Disconnect;

/// The state of a connection that is visible outside its task, and the orders to the task.
///
/// There is one for each connection, and most connections are idle, so it is small.
#[derive(Debug)]
pub(super) struct ConnectionState {
    /// The key of the peer's address.
    pub(super) peer: PeerKey,
    begun: AtomicU32,
    received: AtomicU32,
    ended: AtomicU32,
    order: AtomicU8,
    /// Whether new requests are refused, over HTTP/2.
    refuses: AtomicBool,
    /// The connection's index in the list of all connections.
    pub(super) place: AtomicU32,
    /// The current [`ConnectionPhase`], encoded by [`ConnectionPhase::to_bits`].
    phase: AtomicU64,
    /// Since when the last answer is known to be unread. The upper half is the number of ended requests at that time,
    /// the lower half the time in units of 64 ms.
    unread: AtomicU64,
    waker: AtomicWaker,
}

/// The activity of a connection and its start, in the time of [`millis`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionPhase {
    /// No request is under way.
    Rests(u64),
    /// A handshake, a head or a body arrives, and no complete request is under way.
    Arrives(u64),
    /// A request runs, or an answer is being written.
    Busy,
}

const BUSY: u64 = u64::MAX;
const ARRIVES: u64 = 1 << 63;

impl ConnectionPhase {
    fn to_bits(self) -> u64 {
        match self {
            Self::Rests(since) => since,
            Self::Arrives(since) => since | ARRIVES,
            Self::Busy => BUSY,
        }
    }

    fn of_bits(bits: u64) -> Self {
        match bits {
            BUSY => Self::Busy,
            _ if bits & ARRIVES == 0 => Self::Rests(bits),
            _ => Self::Arrives(bits & !ARRIVES),
        }
    }
}

/// An order to a connection. Later ones are stronger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum ConnectionOrder {
    #[default]
    GoOn,
    /// End soon: the next answer is the last one.
    Retire,
    /// Finish the requests that are under way or have already arrived, and close.
    Close,
    /// Make room for others: like `Close`, but do not wait for requests that have not arrived completely.
    Evict,
    /// End at once, even with requests under way.
    Cut,
}

impl Disconnect for ConnectionState {
    fn cut(&self) {
        self.tell(ConnectionOrder::Cut);
    }
}

impl ConnectionState {
    pub(super) fn new(peer: PeerKey) -> Self {
        Self {
            peer,
            begun: AtomicU32::new(0),
            received: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            order: AtomicU8::new(ConnectionOrder::GoOn as u8),
            refuses: AtomicBool::new(false),
            place: AtomicU32::new(0),
            phase: AtomicU64::new(BUSY),
            unread: AtomicU64::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// Notes that a request's head was read.
    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.is_busy();
    }

    /// Notes that a request was read to its end, or that the server no longer waits for the rest. Called once for each
    /// request, before it ends.
    pub(super) fn receive(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
        self.is_busy();
    }

    /// Notes that a request's answer is ready to be written.
    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a request was dropped, and wakes the connection's task. Over HTTP/2 the task is woken as soon as the
    /// stream is gone, and may check the state before this call.
    #[cold]
    pub(super) fn give_up(&self) {
        self.end();
        self.waker.wake();
    }

    /// Returns how many requests have begun. The counts are only compared, so they may wrap around.
    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Returns how many requests have ended.
    pub(super) fn ended(&self) -> u32 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Returns whether a request has arrived completely and has no answer yet.
    pub(super) fn runs(&self) -> bool {
        self.received.load(Ordering::Relaxed) != self.ended()
    }

    /// Notes that a request is under way, or that an answer is being written.
    pub(super) fn is_busy(&self) {
        self.set(ConnectionPhase::Busy);
    }

    /// Notes that no request has been under way since this time.
    pub(super) fn rests(&self, since: Instant) {
        self.set(ConnectionPhase::Rests(millis(since)));
    }

    /// Returns whether the last noted phase is [`ConnectionPhase::Rests`].
    pub(super) fn is_resting(&self) -> bool {
        matches!(ConnectionPhase::of_bits(self.phase.load(Ordering::Relaxed)), ConnectionPhase::Rests(_))
    }

    /// Returns whether the last noted phase is [`ConnectionPhase::Arrives`].
    #[cfg(feature = "ipc")]
    pub(super) fn is_arriving(&self) -> bool {
        matches!(ConnectionPhase::of_bits(self.phase.load(Ordering::Relaxed)), ConnectionPhase::Arrives(_))
    }

    /// Notes that something has been arriving since this time, and that nothing else is under way.
    pub(super) fn arrives(&self, since: Instant) {
        self.set(ConnectionPhase::Arrives(millis(since)));
    }

    fn set(&self, phase: ConnectionPhase) {
        self.phase.store(phase.to_bits(), Ordering::Relaxed);
    }

    /// Returns the phase of the connection, or `None` if it already has an order to end.
    pub(super) fn phase(&self) -> Option<ConnectionPhase> {
        (self.order() < ConnectionOrder::Close).then(|| ConnectionPhase::of_bits(self.phase.load(Ordering::Relaxed)))
    }

    /// Returns whether all requests that have begun are answered. The answers may still be unread.
    pub(super) fn is_answered(&self) -> bool {
        self.begun() == self.ended()
    }

    /// Returns since when only unread answers have kept the connection busy, as far as is known. That is the time of
    /// the first call since the last request ended. Call this only while all requests are answered.
    pub(super) fn unread_since(&self, now: u64) -> u64 {
        const UNIT: u64 = 64;
        let ended = u64::from(self.ended());
        let seen = self.unread.load(Ordering::Relaxed);
        if seen != 0 && seen >> 32 == ended {
            return (seen & u64::from(u32::MAX)) * UNIT;
        }
        let at = (now / UNIT + 1).min(u64::from(u32::MAX));
        self.unread.store(ended << 32 | at, Ordering::Relaxed);
        at * UNIT
    }

    /// Wakes the connection's task, so that it notes its phase.
    pub(super) fn look_again(&self) {
        self.waker.wake();
    }

    /// Refuses new requests from now on, over HTTP/2.
    pub(super) fn refuse(&self) {
        self.refuses.store(true, Ordering::Relaxed);
    }

    pub(super) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }

    pub(super) fn order(&self) -> ConnectionOrder {
        match self.order.load(Ordering::Acquire) {
            0 => ConnectionOrder::GoOn,
            1 => ConnectionOrder::Retire,
            2 => ConnectionOrder::Close,
            3 => ConnectionOrder::Evict,
            _ => ConnectionOrder::Cut,
        }
    }

    /// Gives an order to the connection, unless it already has one at least as strong.
    pub(super) fn tell(&self, order: ConnectionOrder) {
        if self.order.fetch_max(order as u8, Ordering::AcqRel) < order as u8 {
            self.waker.wake();
        }
    }

    /// Drives a future, and polls it again after each new order.
    pub(super) async fn attend<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            // Registers before the future reads the order, so that no order is missed.
            self.waker.register(cx.waker());
            future.as_mut().poll(cx)
        })
        .await
    }

    /// Drives a future like [`attend`](Self::attend), but returns `None` as soon as the order is
    /// [`ConnectionOrder::Cut`].
    pub(super) async fn unless_cut<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        // A single closure instead of a wrapped `attend`, since a connection is polled twice for each request.
        std::future::poll_fn(|cx| {
            // Registers before the order is read, so that no order is missed.
            self.waker.register(cx.waker());
            if self.order() == ConnectionOrder::Cut { Poll::Ready(None) } else { future.as_mut().poll(cx).map(Some) }
        })
        .await
    }

    /// Waits until the future is done. Returns `None` at once on [`ConnectionOrder::Evict`] or a stronger order, and
    /// after this grace on [`ConnectionOrder::Close`].
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only handshakes are waited for"))]
    pub(super) async fn unless_closed<T>(&self, grace: Duration, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let mut closing = None;
        self.attend(std::future::poll_fn(|cx| {
            let order = self.order();
            if order >= ConnectionOrder::Evict {
                return Poll::Ready(None);
            }
            if let Poll::Ready(done) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            if order < ConnectionOrder::Close {
                return Poll::Pending;
            }
            let closing: &mut Pin<Box<Sleep>> = closing.get_or_insert_with(|| Box::pin(sleep(grace)));
            closing.as_mut().poll(cx).map(|()| None)
        }))
        .await
    }

    /// Drives an HTTP/2 connection to its end. It sends GOAWAY on the first order.
    ///
    /// The caller pins the connection, since a future that takes it by value would reserve memory for it twice.
    pub(super) async fn drive_http2<C: GracefulConnection>(&self, mut connection: Pin<&mut C>) -> Result<(), C::Error> {
        let mut known = ConnectionOrder::GoOn;
        self.attend(std::future::poll_fn(|cx: &mut Context<'_>| {
            loop {
                let order = self.order();
                if known == ConnectionOrder::GoOn && order > ConnectionOrder::GoOn {
                    connection.as_mut().graceful_shutdown();
                }
                known = order;
                let done = connection.as_mut().poll(cx);
                // `pace` orders a connection to retire at its maximum age during this poll.
                if done.is_ready() || self.order() == known {
                    return done;
                }
            }
        }))
        .await
    }
}

/// Returns a time in milliseconds since a fixed moment that is the same for all connections of a process.
pub(super) fn millis(at: Instant) -> u64 {
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    let since = at.into_std().saturating_duration_since(*START);
    u64::try_from(since.as_millis()).map_or(ARRIVES - 1, |millis| millis.min(ARRIVES - 1))
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{ConnectionOrder, ConnectionPhase, ConnectionState};

    const GRACE: Duration = Duration::from_secs(1);

    fn state() -> ConnectionState {
        ConnectionState::new(Default::default())
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_told_before_is_not_missed() {
        let state = state();
        state.tell(ConnectionOrder::Retire);
        assert_eq!(state.unless_closed(GRACE, async { 1 }).await, Some(1));
        state.tell(ConnectionOrder::Close);
        assert_eq!(state.unless_closed(GRACE, async { 1 }).await, Some(1));
        let start = Instant::now();
        assert_eq!(state.unless_closed(GRACE, pending::<()>()).await, None);
        assert!((1000..1010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_ends_what_waits_already() {
        for (order, after) in [(ConnectionOrder::Close, 1), (ConnectionOrder::Evict, 0)] {
            let state = state();
            let start = Instant::now();
            let ((), waited) = tokio::join!(
                async {
                    tokio::task::yield_now().await;
                    state.tell(order);
                },
                state.unless_closed(GRACE, pending::<()>()),
            );
            assert_eq!((waited, start.elapsed().as_secs()), (None, after));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_looks_again_when_a_request_was_given_up() {
        let state = Arc::new(state());
        state.begin();
        let looks = Arc::clone(&state);
        let at_rest = move |_: &mut Context<'_>| if looks.runs() { Poll::Pending } else { Poll::Ready(()) };
        state.receive();
        let attended = Arc::clone(&state);
        let task = tokio::spawn(async move { attended.attend(std::future::poll_fn(at_rest)).await });
        tokio::task::yield_now().await;
        state.give_up();
        tokio::time::timeout(GRACE, task).await.expect("it is woken").unwrap();
    }

    #[test]
    fn an_order_is_not_taken_back() {
        let state = state();
        state.tell(ConnectionOrder::Close);
        state.tell(ConnectionOrder::Retire);
        assert_eq!(state.order(), ConnectionOrder::Close);
    }

    #[test]
    fn a_phase_is_what_it_was_before_it_was_bits() {
        for phase in [
            ConnectionPhase::Rests(0),
            ConnectionPhase::Rests(7),
            ConnectionPhase::Arrives(0),
            ConnectionPhase::Arrives(7),
            ConnectionPhase::Busy,
        ] {
            assert_eq!(ConnectionPhase::of_bits(phase.to_bits()), phase);
        }
    }

    #[test]
    fn a_request_runs_from_its_last_byte_to_its_answer() {
        let state = state();
        state.begin();
        assert!(!state.runs());
        state.receive();
        assert!(state.runs());
        state.end();
        assert!(!state.runs());
    }
}
