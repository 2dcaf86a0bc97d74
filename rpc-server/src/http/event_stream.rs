//! Streams over HTTP: the response to a call that has opened a stream, as server-sent events. hyper asks the body for
//! more when it has room, and so the handler's stream is asked for items.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::{Body, Frame};
use rpc_core::codec::event_stream::{HEARTBEAT, begin_event, end_event};
use rpc_core::headers::{RPC_HEARTBEAT_MS, RPC_STATUS};
use rpc_core::{AnswerStream, StreamMessage};
use tokio::time::Instant;

use super::answer_body::{AnswerBody, counted};
use super::streamed_body::BodyError;
use crate::lazy_timer::LazyTimer;
use crate::load::{ByteRoom, ConnectionLoad, SMALL};

/// The size up to which events share a chunk, in bytes.
const CHUNK: usize = 8 << 10;

/// The room in a chunk for the begin of an event that does not come, in bytes.
const SPARE: usize = 16;

/// Tells nginx to pass each event on at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Makes the response to a call that has opened a stream. `own` are the headers of the answer, if it has any.
#[cold]
pub(super) fn respond_with_events(
    stream: AnswerStream,
    own: Option<Box<HeaderMap>>,
    load: &Arc<ConnectionLoad>,
    heartbeat: Duration,
) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::events(EventBody::new(stream, load, heartbeat)));
    let headers = response.headers_mut();
    headers.insert(RPC_STATUS, HeaderValue::from_static("0"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    if let Ok(millis) = u64::try_from(heartbeat.as_millis()) {
        headers.insert(RPC_HEARTBEAT_MS, millis.into());
    }
    headers.extend(own.map(|own| *own).unwrap_or_default());
    response
}

/// The events of a stream.
struct EventBody {
    /// The stream, until its answer was written.
    stream: Option<AnswerStream>,
    /// The capacity of the next chunk, in bytes. Chunks of a stream are often alike.
    capacity: usize,
    heartbeat: Heartbeat,
    load: Arc<ConnectionLoad>,
}

impl EventBody {
    fn new(stream: AnswerStream, load: &Arc<ConnectionLoad>, heartbeat: Duration) -> Self {
        let heartbeat = Heartbeat { interval: heartbeat, timer: LazyTimer::default(), last_sent: Instant::now() };
        Self { stream: Some(stream), capacity: 0, heartbeat, load: Arc::clone(load) }
    }

    /// Writes the messages that are ready, up to the size of a chunk.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, BodyError>> {
        let mut chunk = Vec::with_capacity(self.capacity);
        while let Some(stream) = &mut self.stream
            && chunk.len() < CHUNK
        {
            let start = begin_event(&mut chunk);
            match stream.poll_message(cx, &mut chunk) {
                Poll::Ready(Some(StreamMessage::Item(cursor))) => end_event(&mut chunk, start, cursor),
                Poll::Ready(Some(_)) => {
                    end_event(&mut chunk, start, None);
                    self.stream = None;
                }
                Poll::Ready(None) => {
                    // The client takes a body without an answer for a cut.
                    self.stream = None;
                    chunk.truncate(start);
                    if start == 0 {
                        return Poll::Ready(Err(io::Error::other("the stream panicked").into()));
                    }
                }
                Poll::Pending if start == 0 => return Poll::Pending,
                Poll::Pending => {
                    chunk.truncate(start);
                    break;
                }
            }
        }
        self.capacity = (chunk.len() + SPARE).next_power_of_two().min(2 * CHUNK);
        Poll::Ready(Ok(chunk))
    }

    /// Counts a chunk as held until it is sent.
    fn counted(&self, chunk: Vec<u8>) -> Result<Bytes, BodyError> {
        let mut room = ByteRoom::new(&self.load);
        if chunk.len() <= SMALL {
            room.fit_up_to(chunk.len());
        } else if room.fit(chunk.len()).is_err() {
            return Err(io::Error::other("the server has no room for the items of the stream").into());
        }
        Ok(counted(chunk, room))
    }
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.stream.is_none() {
            return Poll::Ready(None);
        }
        let chunk = match self.fill(cx) {
            Poll::Ready(filled) => filled.and_then(|chunk| self.counted(chunk)),
            Poll::Pending => {
                ready!(self.heartbeat.poll(cx));
                Ok(Bytes::from_static(HEARTBEAT))
            }
        };
        self.heartbeat.note_sent();
        Poll::Ready(Some(chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_none()
    }
}

/// When a stream without items sends a comment.
struct Heartbeat {
    interval: Duration,
    /// It is not set anew for each chunk, since that costs more.
    timer: LazyTimer,
    last_sent: Instant,
}

impl Heartbeat {
    fn note_sent(&mut self) {
        self.last_sent = Instant::now();
    }

    /// Returns ready once nothing was sent for the whole interval.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.last_sent.checked_add(self.interval) else { return Poll::Pending };
        if self.timer.has_struck(cx, due) { Poll::Ready(()) } else { Poll::Pending }
    }
}
