use std::fmt;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode};
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
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>),
}

impl ReplyBody {
    /// Makes a body of chunks that arrive one by one.
    pub fn from_stream(chunks: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> Self {
        Self(Inner::Stream(Box::pin(chunks)))
    }

    /// Reads up to so many bytes, or to where the body breaks off or has stalled until the deadline.
    pub(crate) async fn start(self, limit: usize, deadline: Instant) -> Bytes {
        let mut chunks = match self.0 {
            Inner::Whole(body) => return body.slice(..body.len().min(limit)),
            Inner::Stream(chunks) => chunks,
        };
        let mut start = BytesMut::new();
        while start.len() < limit
            && let Ok(Some(Ok(chunk))) = timeout_at(deadline, chunks.next()).await
        {
            start.extend_from_slice(&chunk);
        }
        start.truncate(limit);
        start.freeze()
    }

    /// Reads up to so many bytes. The flag says whether that is all there is.
    pub(crate) async fn read(self, limit: usize) -> Result<(Bytes, bool), Failure> {
        let mut chunks = match self.0 {
            Inner::Whole(mut body) => {
                let whole = body.len() <= limit;
                body.truncate(limit);
                return Ok((body, whole));
            }
            Inner::Stream(chunks) => chunks,
        };
        // Most answers are one chunk, which is taken as it is.
        let mut body = chunks.next().await.transpose()?.unwrap_or_default();
        let mut whole = body.len() <= limit;
        if whole && let Some(second) = chunks.next().await.transpose()? {
            let mut joined = BytesMut::from(body);
            joined.extend_from_slice(&second);
            while joined.len() <= limit {
                match chunks.next().await.transpose()? {
                    Some(chunk) => joined.extend_from_slice(&chunk),
                    None => return Ok((joined.freeze(), true)),
                }
            }
            body = joined.freeze();
            whole = false;
        }
        body.truncate(limit);
        Ok((body, whole))
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
