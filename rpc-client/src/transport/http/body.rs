//! The bodies of HTTP requests and responses. A request's body reports when a connection takes it: a failure before
//! that proves that the server cannot run the request. A response's body keeps its permit among concurrent requests.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::in_flight::InFlightRequest;
use crate::Failure;
use crate::transport::Progress;

/// The body of a request. It reports when a connection takes it.
pub(super) struct RequestBody {
    body: Bytes,
    progress: Progress,
}

impl RequestBody {
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(super) fn new(body: Bytes, progress: Progress) -> Self {
        Self { body, progress }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestAborted;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RequestAborted>>> {
        if !self.progress.sent() {
            return Poll::Ready(Some(Err(RequestAborted)));
        }
        let body = std::mem::take(&mut self.body);
        Poll::Ready((!body.is_empty()).then(|| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.len() as u64)
    }
}

/// The client gave a request up before its body was taken.
#[derive(Debug)]
pub(super) struct RequestAborted;

impl fmt::Display for RequestAborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("request was given up before it was sent")
    }
}

impl std::error::Error for RequestAborted {}

/// The body of an HTTP response, with what its request holds until the body was read or dropped. Only then is the
/// connection free again.
pub(crate) struct HttpBody {
    body: Incoming,
    held: RequestGuard,
}

/// What a request holds until its response was read.
#[derive(Debug, Default)]
pub(super) struct RequestGuard {
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// Follows a request that may use HTTP/2.
    pub(super) in_flight: Option<Box<InFlightRequest>>,
}

impl HttpBody {
    pub(super) fn new(body: Incoming, held: RequestGuard) -> Self {
        Self { body, held }
    }

    /// Counts the request as ended, since its response is a stream, which may stay open.
    pub(crate) fn release(&mut self) {
        self.held.permit = None;
    }

    /// Polls for the next chunk. `None` is the end. It must not be called again after the end or a failure.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        // With a length in the head, the end is known without another read.
        while !self.body.is_end_stream() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => break,
                // The client does not use trailers.
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(Failure::transport(error)))),
            }
        }
        Poll::Ready(None)
    }
}
