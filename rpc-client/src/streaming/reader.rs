//! [`MessageReader`]: the whole messages of an accepted stream, from the chunks of a body or from a transport that
//! carries messages. It notices that the server has fallen silent.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::IdRef;
use rpc_core::codec::event_stream::EventDecoder;

use crate::call_id::CallId;
use crate::failure::{Failure, FailureKind};
use crate::response_slot::AcceptedStream;
use crate::runtime::{Instant, Sleep, sleep};
use crate::transport::ReplyBody;

/// After how many times the server's heartbeat the client takes a silent connection for dead.
const SILENT_HEARTBEATS: u32 = 3;

/// Reads the messages of a stream. Dropping it closes the response.
pub(crate) struct MessageReader {
    id: Option<CallId>,
    body: ReplyBody,
    /// Reads the messages from chunks. `None` if the body is made of messages.
    events: Option<EventDecoder>,
    max_bytes: usize,
    silence: Option<SilenceTimer>,
}

/// Fires when nothing has arrived for a while.
struct SilenceTimer {
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
    /// Whether something has arrived since the timer was set.
    is_outdated: bool,
}

impl MessageReader {
    /// Makes a reader of messages with at most this many bytes.
    pub(crate) fn new(stream: AcceptedStream, max_bytes: usize) -> Self {
        let AcceptedStream { id, heartbeat, body } = stream;
        let events = (!body.has_messages()).then(|| EventDecoder::new(max_bytes));
        let silence = heartbeat.map(|heartbeat| SilenceTimer::new(heartbeat.saturating_mul(SILENT_HEARTBEATS)));
        Self { id, body, events, max_bytes, silence }
    }

    /// Returns whether a message with this id belongs to the stream.
    #[inline]
    pub(crate) fn is_of_stream(&self, id: Option<IdRef<'_>>) -> bool {
        self.id.as_ref().is_none_or(|own| id.is_some_and(|id| own.is_in(id)))
    }

    /// Polls for the next message. A stream that breaks off, ends or falls silent is a failure, after which it must not
    /// be polled again.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Failure>> {
        loop {
            if let Some(events) = &mut self.events {
                match events.next_event() {
                    // Some servers send empty events to keep the connection alive.
                    Ok(Some(message)) if message.is_empty() => continue,
                    Ok(Some(message)) => return Poll::Ready(Ok(message)),
                    Ok(None) => {}
                    Err(_) => return Poll::Ready(Err(self.too_large())),
                }
            }
            match self.body.poll_part(cx) {
                Poll::Pending => return self.poll_silence(cx).map(Err),
                Poll::Ready(None) => {
                    return Poll::Ready(Err(Failure::transport("the stream ended without an answer")));
                }
                Poll::Ready(Some(Err(failure))) => return Poll::Ready(Err(failure)),
                Poll::Ready(Some(Ok(part))) => {
                    if let Some(silence) = &mut self.silence {
                        silence.is_outdated = true;
                    }
                    match &mut self.events {
                        Some(events) => events.push(part),
                        None if part.len() > self.max_bytes => return Poll::Ready(Err(self.too_large())),
                        None => return Poll::Ready(Ok(part)),
                    }
                }
            }
        }
    }

    /// Reads the end of the body behind the last message, if it has arrived. The connection can then be used again.
    pub(crate) fn finish(mut self, cx: &mut Context<'_>) {
        // Whatever follows the answer does not matter.
        let _ = self.body.poll_part(cx);
    }

    fn too_large(&self) -> Failure {
        Failure::new(FailureKind::AnswerTooLarge(self.max_bytes))
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        match &mut self.silence {
            Some(silence) => silence.poll(cx),
            None => Poll::Pending,
        }
    }
}

impl SilenceTimer {
    fn new(limit: Duration) -> Self {
        Self { limit, sleep: Box::pin(sleep(limit)), is_outdated: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        if std::mem::take(&mut self.is_outdated)
            && let Some(at) = Instant::now().checked_add(self.limit)
        {
            self.sleep.as_mut().reset(at);
        }
        let limit = self.limit;
        self.sleep.as_mut().poll(cx).map(|()| Failure::transport(format!("the server was silent for {limit:?}")))
    }
}
