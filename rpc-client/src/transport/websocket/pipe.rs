//! [`WebSocketPipe`]: a WebSocket as a pipe of messages. It sends pings, and finds connections that are dead.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::transport::http::ByteStream;
use crate::transport::multiplexed::{MessagePipe, PipeEnd};

/// How often a ping is sent.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(20);

/// After how many unanswered pings a connection is dead.
const MAX_MISSED: u32 = 2;

/// A WebSocket.
pub(super) struct WebSocketPipe {
    socket: WebSocketStream<Box<dyn ByteStream>>,
    pings: Interval,
    /// The pings that were sent since something arrived.
    unanswered: u32,
    /// The largest size of a message, for the error of a larger one.
    max_message_bytes: usize,
}

impl WebSocketPipe {
    pub(super) fn new(socket: WebSocketStream<Box<dyn ByteStream>>, max_message_bytes: usize) -> Self {
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { socket, pings, unanswered: 0, max_message_bytes }
    }

    /// Sends a ping if it is time, and fails if the last ones were not answered.
    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Result<(), PipeEnd> {
        while self.pings.poll_tick(cx).is_ready() {
            if self.unanswered == MAX_MISSED {
                return Err(PipeEnd::failed("server has not answered the last two pings"));
            }
            self.unanswered += 1;
            // A ping that has no room, because the server does not read, counts as unanswered, too.
            if self.poll_ready(cx)?.is_ready() {
                let sent = Pin::new(&mut self.socket).start_send(Message::Ping(Bytes::new()));
                sent.map_err(|error| self.end_of(error))?;
                let _ = self.poll_flush(cx)?;
            }
        }
        Ok(())
    }

    fn end_of(&self, error: Error) -> PipeEnd {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => PipeEnd::Closed(None),
            Error::Capacity(CapacityError::MessageTooLong { .. }) => PipeEnd::TooLarge(self.max_message_bytes),
            error => PipeEnd::failed(error),
        }
    }
}

impl MessagePipe for WebSocketPipe {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PipeEnd>> {
        Pin::new(&mut self.socket).poll_ready(cx).map_err(|error| self.end_of(error))
    }

    fn send(&mut self, message: Bytes) -> Result<(), PipeEnd> {
        let text = Utf8Bytes::try_from(message).map_err(PipeEnd::failed)?;
        Pin::new(&mut self.socket).start_send(Message::Text(text)).map_err(|error| self.end_of(error))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PipeEnd>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(|error| self.end_of(error))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, PipeEnd>> {
        loop {
            self.poll_ping(cx)?;
            let received = ready!(Pin::new(&mut self.socket).poll_next(cx));
            self.unanswered = 0;
            match received {
                Some(Ok(Message::Text(text))) => return Poll::Ready(Ok(text.into())),
                // Some servers send JSON like this.
                Some(Ok(Message::Binary(bytes))) => return Poll::Ready(Ok(bytes)),
                Some(Ok(Message::Close(frame))) => {
                    // The answer to it was queued. If it cannot be written at once, the server sees the end only.
                    let _ = self.poll_flush(cx);
                    let reason = frame.filter(|frame| !frame.reason.is_empty());
                    return Poll::Ready(Err(PipeEnd::Closed(reason.map(|frame| frame.reason.as_str().into()))));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Poll::Ready(Err(self.end_of(error))),
                None => return Poll::Ready(Err(PipeEnd::Closed(None))),
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(Pin::new(&mut self.socket).poll_close(cx)).is_err() {
            return Poll::Ready(());
        }
        // The server closes the connection once it has answered.
        while let Some(Ok(_)) = ready!(Pin::new(&mut self.socket).poll_next(cx)) {}
        Poll::Ready(())
    }
}
