//! [`Reply`]: the head of a response and its body, which may still be arriving. Reading is bounded in size, and in time
//! where the response is an error.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::http::HttpBody;
use crate::Failure;

/// The beginning of an answer.
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

/// Headers and the body may hold secrets, and are not shown.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// How much is read of the body of an HTTP error that is no JSON-RPC answer.
const ERROR_BYTES: usize = 4096;

/// How long is waited for such a body, and for each part of one that may be an answer.
const ERROR_PATIENCE: Duration = Duration::from_secs(1);

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

    /// Reads the body of an answer whose HTTP status is an error, to where it breaks off or stalls, or the deadline.
    /// The flag says whether it came whole.
    ///
    /// A body that begins as JSON does is read up to `max_json` bytes, as long as it comes. Any other has less room and
    /// time.
    pub(crate) async fn of_error(mut self, max_json: usize, deadline: Instant) -> (Bytes, bool) {
        let mut start = BytesMut::new();
        let mut limit = ERROR_BYTES;
        let mut until = deadline.min(Instant::now() + ERROR_PATIENCE);
        loop {
            match timeout_at(until, self.chunk()).await {
                Ok(Ok(Some(chunk))) => start.extend_from_slice(&chunk),
                Ok(Ok(None)) => return (start.freeze(), true),
                Ok(Err(_)) | Err(_) => return (start.freeze(), false),
            }
            if max_json > 0 && matches!(start.trim_ascii_start().first(), Some(b'{' | b'[')) {
                limit = max_json;
                until = deadline.min(Instant::now() + ERROR_PATIENCE);
            }
            if start.len() > limit {
                start.truncate(limit);
                return (start.freeze(), false);
            }
        }
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
