//! Reads and drops the bodies of refused requests, within bounds, so that the client can read the refusal before the
//! connection closes.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

/// Discards the body of a refused request.
pub(super) fn discard<B>(body: B, headers: &HeaderMap)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    // A client that sent `Expect` sends no body until it gets `100 Continue`. Reading the body would send that.
    if !body.is_end_stream() && !headers.contains_key(EXPECT) {
        drain(body);
    }
}

/// Reads and drops the rest of a body, within bounds, while the refusal is sent. A connection that is closed with
/// unread bytes is reset, and the client would not see the refusal.
pub(super) fn drain<B>(mut body: B)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    const MAX_BYTES: usize = 64 << 20;
    const MAX_TIME: Duration = Duration::from_secs(5);
    tokio::spawn(timeout(MAX_TIME, async move {
        let mut drained = 0;
        while let Some(Ok(frame)) = body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len);
            if drained > MAX_BYTES {
                break;
            }
        }
    }));
}
