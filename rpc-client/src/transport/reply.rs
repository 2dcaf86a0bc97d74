use std::fmt;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::http::HttpBody;
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
    Http(HttpBody),
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>),
}

impl ReplyBody {
    /// Makes a body of chunks that arrive one by one.
    pub fn from_stream(chunks: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> Self {
        Self(Inner::Stream(Box::pin(chunks)))
    }

    /// Returns the next part, or `None` at the end. After that or a failure it is not asked again.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let chunk = match &mut self.0 {
            Inner::Whole(body) if body.is_empty() => None,
            Inner::Whole(body) => Some(Ok(std::mem::take(body))),
            Inner::Http(body) => body.chunk().await,
            Inner::Stream(chunks) => chunks.next().await,
        };
        chunk.transpose()
    }

    /// Reads up to so many bytes, or to where the body breaks off or has stalled until the deadline.
    pub(crate) async fn start(mut self, limit: usize, deadline: Instant) -> Bytes {
        let mut start = BytesMut::new();
        while start.len() < limit
            && let Ok(Ok(Some(chunk))) = timeout_at(deadline, self.chunk()).await
        {
            start.extend_from_slice(&chunk);
        }
        start.truncate(limit);
        start.freeze()
    }

    /// Reads up to so many bytes. The flag says whether that is all there is.
    pub(crate) async fn read(mut self, limit: usize) -> Result<(Bytes, bool), Failure> {
        // Most answers are one chunk, which is taken as it is.
        let Some(mut body) = self.chunk().await? else { return Ok((Bytes::new(), true)) };
        if body.len() <= limit {
            let Some(second) = self.chunk().await? else { return Ok((body, true)) };
            let mut joined = BytesMut::from(body);
            joined.extend_from_slice(&second);
            while joined.len() <= limit {
                match self.chunk().await? {
                    Some(chunk) => joined.extend_from_slice(&chunk),
                    None => return Ok((joined.freeze(), true)),
                }
            }
            body = joined.freeze();
        }
        body.truncate(limit);
        Ok((body, false))
    }
}

impl From<HttpBody> for ReplyBody {
    fn from(body: HttpBody) -> Self {
        Self(Inner::Http(body))
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
