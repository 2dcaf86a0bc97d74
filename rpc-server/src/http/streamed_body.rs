//! The response body of a route, or of a call that has opened a stream. It may stream without end, so no budget counts
//! its bytes. Contains panics of the user's body. Over HTTP/2 it counts the pieces of a route that were not read.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use rpc_core::contain::{CatchDropPanic, contain};

use super::unread::{UnreadAnswer, UnreadAnswers};

/// Why the body of an answer ended early.
pub(crate) type BodyError = Box<dyn Error + Send + Sync>;

/// The size of the pieces of a watched answer, in bytes: one frame of HTTP/2.
pub(super) const PIECE: usize = 16 << 10;

type BoxBody = Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>;

/// The body of a route's answer, or the events of a stream. It may arrive at any time and have any length.
pub(crate) struct StreamedBody {
    body: CatchDropPanic<BoxBody>,
    /// The part of the last frame that hyper has not taken yet.
    rest: Bytes,
    reading: Reading,
    /// A value that is dropped when the body has ended.
    held: Option<Box<dyn Send>>,
}

/// Whether the peer must read the body in time, over HTTP/2.
enum Reading {
    /// It must once the body is watched.
    Unwatched,
    /// It must. The pieces that it has not read are counted here.
    Watched(Arc<UnreadAnswers>),
    /// It may leave the body unread. The body then waits, and the other answers of the connection go on.
    Free,
}

impl StreamedBody {
    pub(super) fn new(body: impl Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        let body = CatchDropPanic::new(Box::pin(body) as BoxBody);
        Self { body, rest: Bytes::new(), reading: Reading::Unwatched, held: None }
    }

    /// Makes a body that an HTTP/2 peer may leave unread.
    pub(super) fn free(body: impl Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self { reading: Reading::Free, ..Self::new(body) }
    }

    /// Counts each piece as unread until it is sent or dropped. Data that has not arrived yet does not count.
    pub(super) fn watch(&mut self, unread: &Arc<UnreadAnswers>) {
        if let Reading::Unwatched = self.reading {
            self.reading = Reading::Watched(Arc::clone(unread));
        }
    }

    /// Holds a value until the body has ended.
    pub(crate) fn hold(&mut self, value: impl Send + 'static) {
        self.held = Some(Box::new(value));
    }

    /// Returns the next piece of the data that has arrived.
    fn piece(&mut self) -> Frame<Bytes> {
        let Reading::Watched(unread) = &self.reading else { return Frame::data(std::mem::take(&mut self.rest)) };
        let bytes = self.rest.split_to(self.rest.len().min(PIECE));
        Frame::data(Bytes::from_owner(WatchedChunk { bytes, _counted: UnreadAnswer::new(unread) }))
    }
}

/// A piece of an answer that counts as unread until it is dropped.
struct WatchedChunk {
    bytes: Bytes,
    _counted: UnreadAnswer,
}

impl AsRef<[u8]> for WatchedChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body for StreamedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.rest.is_empty() {
            let Some(body) = self.body.get_mut() else { return Poll::Ready(None) };
            let Some(polled) = contain(|| body.as_mut().poll_frame(cx)) else {
                tracing::error!("the body of a route's answer panicked");
                return Poll::Ready(Some(Err(io::Error::other("the body of the answer panicked").into())));
            };
            match ready!(polled).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => {
                    tracing::debug!(%error, "the body of a route's answer broke off");
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(Ok(self.piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.get().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let body = self.body.get().map(|body| body.size_hint()).unwrap_or_default();
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

impl fmt::Debug for StreamedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedBody").finish_non_exhaustive()
    }
}
