//! The items of the streams. They are the same for every subject.

use std::fmt;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};

use futures_util::Stream;
use futures_util::task::AtomicWaker;
use serde::de::{IntoDeserializer, value};
use serde::{Deserialize, Serialize};

/// The name of the notifications with ticks.
pub(crate) const TICK: &str = "ticks";

/// A tick of a market. All ticks have the same length as JSON.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Tick {
    seq: u64,
    symbol: &'static str,
    price: u64,
}

impl Tick {
    /// Returns the tick with this number, from 0 up.
    pub(crate) fn new(number: u64) -> Self {
        Self { seq: 10_000_000 + number, symbol: "EURUSD", price: 100_000 + number % 900_000 }
    }
}

/// How the items of a stream become ready.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pace {
    /// All at once, so that a server can send several of them together.
    Burst,
    /// One at a time: the stream waits for a turn of the runtime after each item. A server cannot wait for the next
    /// item without its task, so it sends each item alone.
    Single,
    /// One item, and then the stream stays open.
    Idle,
}

impl Pace {
    /// Returns a stream of this many ticks.
    pub(crate) fn ticks(self, count: u64) -> Ticks {
        let turn = (self == Self::Single).then(Turn::new);
        Ticks { numbers: 0..count, turn, is_idle: self == Self::Idle, has_sent: false }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for Pace {
    type Err = value::Error;

    fn from_str(name: &str) -> Result<Self, value::Error> {
        Self::deserialize(name.into_deserializer())
    }
}

/// A stream of ticks.
pub(crate) struct Ticks {
    numbers: Range<u64>,
    /// What the stream waits for after each item.
    turn: Option<Turn>,
    /// Whether nothing follows the first item.
    is_idle: bool,
    /// Whether an item was sent since the last turn.
    has_sent: bool,
}

impl Stream for Ticks {
    type Item = Tick;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Tick>> {
        if self.has_sent {
            if self.is_idle {
                return Poll::Pending;
            }
            if let Some(turn) = &mut self.turn {
                ready!(turn.poll(cx));
            }
        }
        self.has_sent = true;
        Poll::Ready(self.numbers.next().map(Tick::new))
    }
}

/// A turn of the runtime: it has come once the task that waits for it was polled to its end.
///
/// To wake the task at once would not do. A connection that asks again before it writes would get the next item.
struct Turn {
    state: Arc<TurnState>,
    /// The same object as `state`.
    waker: Waker,
    is_awaited: bool,
}

#[derive(Default)]
struct TurnState {
    has_come: AtomicBool,
    task: AtomicWaker,
}

impl Wake for TurnState {
    fn wake(self: Arc<Self>) {
        self.has_come.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Turn {
    fn new() -> Self {
        let state: Arc<TurnState> = Arc::default();
        Self { waker: Waker::from(Arc::clone(&state)), state, is_awaited: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.state.task.register(cx.waker());
        if !std::mem::replace(&mut self.is_awaited, true) {
            // The runtime wakes this waker behind the poll of the task. The future is not needed after that.
            let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&self.waker));
        }
        if !self.state.has_come.swap(false, Ordering::Acquire) {
            return Poll::Pending;
        }
        self.is_awaited = false;
        Poll::Ready(())
    }
}
