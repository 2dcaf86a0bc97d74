use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::{HeaderMap, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::Failure;

/// The beginning of an answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status, where the transport has one.
    pub status: Option<StatusCode>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which may still be on its way.
    pub body: ReplyBody,
}

impl Reply {
    /// Makes a reply without status and headers.
    pub fn new(body: impl Into<ReplyBody>) -> Self {
        Self { status: None, headers: HeaderMap::new(), body: body.into() }
    }
}

/// The body of an answer.
pub struct ReplyBody(Inner);

enum Inner {
    Whole(Bytes),
    Http { body: Incoming, _permit: Option<OwnedSemaphorePermit> },
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>),
}

impl ReplyBody {
    /// Makes a body of chunks that arrive one by one.
    pub fn from_stream(chunks: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> Self {
        Self(Inner::Stream(Box::pin(chunks)))
    }

    /// Makes a body of what hyper receives. The permit is given back when the body was read or dropped.
    pub(crate) fn from_http(body: Incoming, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self(Inner::Http { body, _permit: permit })
    }

    /// Reads up to so many bytes, or to where the body breaks off or has stalled until the deadline.
    pub(crate) async fn start(mut self, limit: usize, deadline: Instant) -> Bytes {
        let mut start = BytesMut::new();
        while start.len() < limit
            && let Ok(Some(Ok(chunk))) = timeout_at(deadline, self.chunk()).await
        {
            start.extend_from_slice(&chunk);
        }
        start.truncate(limit);
        start.freeze()
    }

    /// Reads up to so many bytes. The flag says whether that is all there is.
    pub(crate) async fn read(mut self, limit: usize) -> Result<(Bytes, bool), Failure> {
        // Most answers are one chunk, which is taken as it is.
        let mut body = self.chunk().await.transpose()?.unwrap_or_default();
        let mut joined = BytesMut::new();
        while body.len().max(joined.len()) <= limit && !self.is_at_end() {
            let Some(chunk) = self.chunk().await.transpose()? else { break };
            joined.extend_from_slice(&std::mem::take(&mut body));
            joined.extend_from_slice(&chunk);
        }
        if body.is_empty() {
            body = joined.freeze();
        }
        let whole = body.len() <= limit;
        body.truncate(limit);
        Ok((body, whole))
    }

    /// Waits for the next chunk.
    async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            return match &mut self.0 {
                Inner::Whole(body) if body.is_empty() => Poll::Ready(None),
                Inner::Whole(body) => Poll::Ready(Some(Ok(std::mem::take(body)))),
                Inner::Stream(chunks) => chunks.as_mut().poll_next(cx),
                Inner::Http { body, .. } => match ready!(Pin::new(body).poll_frame(cx)) {
                    None => Poll::Ready(None),
                    Some(Err(error)) => Poll::Ready(Some(Err(Failure::transport(error)))),
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => Poll::Ready(Some(Ok(data))),
                        // Trailers say nothing that we would have asked for.
                        Err(_) => continue,
                    },
                },
            };
        }
    }

    /// Tells whether it is known that nothing follows.
    fn is_at_end(&self) -> bool {
        match &self.0 {
            Inner::Whole(body) => body.is_empty(),
            Inner::Http { body, .. } => body.is_end_stream(),
            Inner::Stream(_) => false,
        }
    }
}

impl From<Bytes> for ReplyBody {
    fn from(body: Bytes) -> Self {
        Self(Inner::Whole(body))
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyBody")
    }
}
