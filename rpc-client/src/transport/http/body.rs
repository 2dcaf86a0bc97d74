use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::OwnedSemaphorePermit;

use crate::Failure;

/// Is the body of an HTTP answer, and what its request holds until the body was read or dropped: the connection is free
/// again only then.
pub(crate) struct HttpBody {
    body: Incoming,
    _permit: Option<OwnedSemaphorePermit>,
}

impl HttpBody {
    pub(super) fn new(body: Incoming, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { body, _permit: permit }
    }

    /// Returns the next part, or `None` at the end. After that or a failure it is not asked again.
    pub(crate) async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        // A length that the head told is known to be reached without looking for more.
        while !self.body.is_end_stream() {
            match self.body.frame().await? {
                Ok(frame) => {
                    // Trailers say nothing to us.
                    if let Ok(chunk) = frame.into_data() {
                        return Some(Ok(chunk));
                    }
                }
                Err(error) => return Some(Err(Failure::transport(error))),
            }
        }
        None
    }
}
