//! The items of the streams. They are the same for every subject.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};

use futures_util::Stream;
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
    /// One at a time: the stream waits for a turn of the runtime after each item. The server sends each item alone.
    Single,
    /// One item, and then the stream stays open.
    Idle,
}

impl Pace {
    /// Returns a stream of this many ticks.
    pub(crate) fn ticks(self, count: u64) -> Ticks {
        Ticks { numbers: 0..count, pace: self, is_awake: true }
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
#[derive(Debug)]
pub(crate) struct Ticks {
    numbers: Range<u64>,
    pace: Pace,
    /// Whether the runtime had a turn since the last item.
    is_awake: bool,
}

impl Stream for Ticks {
    type Item = Tick;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Tick>> {
        match self.pace {
            Pace::Single if !self.is_awake => {
                self.is_awake = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pace::Idle if self.numbers.start > 0 => return Poll::Pending,
            Pace::Burst | Pace::Single | Pace::Idle => self.is_awake = false,
        }
        Poll::Ready(self.numbers.next().map(Tick::new))
    }
}
