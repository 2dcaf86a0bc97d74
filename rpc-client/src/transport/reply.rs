//! [`Reply`]: the head of a response and its body, which may still be arriving. Reading is bounded in size, and for
//! error responses also in time.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode};
use rpc_core::codec::event_stream::write_event;
use tokio::time::{Instant, timeout_at};

use super::http::HttpBody;
use crate::Failure;

/// The head of an answer, with the body to read.
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status, if the transport has one.
    pub status: Option<StatusCode>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which may still be arriving.
    pub body: ReplyBody,
}

impl Reply {
    /// Makes a reply without status and headers.
    ///
    /// # Example
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::StatusCode;
    /// use rpc::transport::Reply;
    ///
    /// // The answer of a fake server.
    /// let mut reply = Reply::new(Bytes::from(r#"{"jsonrpc":"2.0","result":3,"id":1}"#));
    /// assert!(reply.status.is_none() && reply.headers.is_empty());
    /// // A transport that has a status sets it.
    /// reply.status = Some(StatusCode::OK);
    /// ```
    pub fn new(body: impl Into<ReplyBody>) -> Self {
        Self { status: None, headers: HeaderMap::new(), body: body.into() }
    }
}

/// Shows no headers and body, since they may hold secrets.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// How many bytes are read of an HTTP error's body that is no JSON-RPC answer.
const ERROR_BYTES: usize = 4096;

/// How long to wait for such a body, and for each part of one that may be an answer.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// The body of an answer, a stream of its chunks.
///
/// An [attempt layer](crate::ClientBuilder::attempt_layer) that reads the stream must put back what it has read: the
/// client reads the answer from the body of the reply that the layer returns.
///
/// After the end or a failure, the stream returns `None`.
///
/// # Cancel safety
///
/// Dropping the future of `next` loses no chunk. Dropping the body cancels the rest of the answer.
///
/// # Example
///
/// ```
/// use futures_util::StreamExt;
/// use rpc::client_middleware::{Next, from_fn};
/// use rpc::transport::{Reply, ReplyBody, Request};
/// use rpc::{Client, Failure, Server};
///
/// /// Prints the size of each chunk of an answer when it arrives.
/// async fn watch(request: Request, next: Next<Request>) -> Result<Reply, Failure> {
///     let mut reply = next.run(request).await?;
///     let chunks = reply.body.inspect(|chunk| println!("{:?} bytes", chunk.as_ref().map(|chunk| chunk.len())));
///     reply.body = ReplyBody::from_stream(chunks);
///     Ok(reply)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().method("ping", || async { "pong" }).build();
/// let client = Client::builder().in_process(&server).attempt_layer(from_fn(watch)).build()?;
/// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
/// # Ok(())
/// # }
/// ```
pub struct ReplyBody(ReplyBodyInner);

enum ReplyBodyInner {
    Whole(Bytes),
    Http(HttpBody),
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>),
    /// Whole messages of a stream of the server.
    Messages(Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>),
    Ended,
}

impl ReplyBody {
    /// Makes a body from chunks that arrive one by one.
    ///
    /// # Example
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::stream;
    /// use rpc::transport::{Reply, ReplyBody, Request, Transport};
    /// use rpc::{BoxFuture, Client, Failure};
    /// use serde_json::{Value, json};
    ///
    /// /// Answers each call with its params, in chunks of eight bytes.
    /// #[derive(Debug)]
    /// struct Echo;
    ///
    /// impl Transport for Echo {
    ///     fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
    ///         let call: Value = serde_json::from_slice(&request.body).unwrap();
    ///         let answer = json!({ "jsonrpc": "2.0", "result": call["params"], "id": call["id"] }).to_string();
    ///         let chunks: Vec<_> = answer.as_bytes().chunks(8).map(Bytes::copy_from_slice).map(Ok).collect();
    ///         Box::pin(async move { Ok(Reply::new(ReplyBody::from_stream(stream::iter(chunks)))) })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder().transport(Echo).build()?;
    /// assert_eq!(client.call::<Vec<u64>>("echo", [7, 2]).await?, [7, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_stream(chunks: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> Self {
        Self(ReplyBodyInner::Stream(Box::pin(chunks)))
    }

    /// Makes the body of a call that the server has accepted as a stream, from whole JSON-RPC messages: the items, and
    /// at last the answer. It is for transports that carry messages, such as a WebSocket.
    ///
    /// The transport has matched the messages with the call, so the client does not check their ids. Set the content
    /// type to `text/event-stream`: layers that read the body as chunks get each message as a server-sent event. The
    /// client polls for a message only when the reader of the stream asks for it. The stream of messages may end with
    /// a failure. If it ends without an answer, it was cut.
    ///
    /// # Example
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::stream;
    /// use rpc::transport::{Reply, ReplyBody, Request, Transport};
    /// use rpc::{BoxFuture, Client, Failure};
    /// use serde_json::{Value, json};
    ///
    /// /// Answers each call with a stream that counts to two.
    /// #[derive(Debug)]
    /// struct Count;
    ///
    /// impl Transport for Count {
    ///     fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
    ///         let id = serde_json::from_slice::<Value>(&request.body).unwrap()["id"].clone();
    ///         let params = |n| json!({ "subscription": id, "result": n });
    ///         let item = |n| json!({ "jsonrpc": "2.0", "method": "count", "params": params(n) });
    ///         let answer = json!({ "jsonrpc": "2.0", "result": null, "id": id });
    ///         let messages = [item(1), item(2), answer].map(|message| Ok(Bytes::from(message.to_string())));
    ///         Box::pin(async move { Ok(Reply::new(ReplyBody::from_messages(stream::iter(messages)))) })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder().transport(Count).build()?;
    /// let mut count = client.stream::<u64>("count", ()).await?;
    /// assert_eq!(count.next().await.transpose()?, Some(1));
    /// assert_eq!(count.next().await.transpose()?, Some(2));
    /// assert_eq!(count.next().await.transpose()?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_messages(messages: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> Self {
        Self(ReplyBodyInner::Messages(Box::pin(messages)))
    }

    /// Returns whether it is made of whole messages.
    pub(crate) fn has_messages(&self) -> bool {
        matches!(self.0, ReplyBodyInner::Messages(_))
    }

    /// Polls for the next message of a body that is made of messages, or the next chunk of any other body.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let part = match &mut self.0 {
            ReplyBodyInner::Whole(body) if body.is_empty() => None,
            ReplyBodyInner::Whole(body) => return Poll::Ready(Some(Ok(std::mem::take(body)))),
            ReplyBodyInner::Http(body) => ready!(body.poll_chunk(cx)),
            ReplyBodyInner::Stream(parts) | ReplyBodyInner::Messages(parts) => ready!(parts.as_mut().poll_next(cx)),
            ReplyBodyInner::Ended => None,
        };
        if !matches!(part, Some(Ok(_))) {
            self.0 = ReplyBodyInner::Ended;
        }
        Poll::Ready(part)
    }

    /// Stops counting the request as in flight: its response is a stream, and may stay open. Otherwise open streams
    /// would keep plain calls from being sent.
    pub(crate) fn release(&mut self) {
        if let ReplyBodyInner::Http(body) = &mut self.0 {
            body.release();
        }
    }

    /// Returns the next chunk, or `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.next().await.transpose()
    }

    /// Reads the body of an HTTP error until it ends, breaks off or stalls, or until the deadline. The flag is true if
    /// it arrived whole.
    ///
    /// A body that begins like JSON is read up to `max_json` bytes, as long as chunks keep arriving. Any other body has
    /// less room and time.
    pub(crate) async fn of_error(mut self, max_json: usize, deadline: Instant) -> (Bytes, bool) {
        let mut start = BytesMut::new();
        let mut limit = ERROR_BYTES;
        let mut until = deadline.min(Instant::now() + ERROR_BODY_TIMEOUT);
        loop {
            match timeout_at(until, self.chunk()).await {
                Ok(Ok(Some(chunk))) => start.extend_from_slice(&chunk),
                Ok(Ok(None)) => return (start.freeze(), true),
                Ok(Err(_)) | Err(_) => return (start.freeze(), false),
            }
            if max_json > 0 && matches!(start.trim_ascii_start().first(), Some(b'{' | b'[')) {
                limit = max_json;
                until = deadline.min(Instant::now() + ERROR_BODY_TIMEOUT);
            }
            if start.len() > limit {
                start.truncate(limit);
                return (start.freeze(), false);
            }
        }
    }

    /// Reads up to `limit` bytes. The flag is true if this is the whole body.
    pub(crate) async fn read(mut self, limit: usize) -> Result<(Bytes, bool), Failure> {
        // Most answers are one chunk, which is returned without a copy.
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

impl Stream for ReplyBody {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let has_messages = self.has_messages();
        let part = ready!(self.poll_part(cx));
        Poll::Ready(if has_messages { part.map(|message| message.map(event)) } else { part })
    }
}

/// Writes a message as it travels over HTTP.
#[expect(clippy::needless_pass_by_value, reason = "it maps the messages of a body")]
fn event(message: Bytes) -> Bytes {
    let mut event = Vec::with_capacity(message.len() + 8);
    write_event(&mut event, &message);
    event.into()
}

impl From<HttpBody> for ReplyBody {
    fn from(body: HttpBody) -> Self {
        Self(ReplyBodyInner::Http(body))
    }
}

impl From<Bytes> for ReplyBody {
    fn from(body: Bytes) -> Self {
        Self(ReplyBodyInner::Whole(body))
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyBody")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{StreamExt, stream};

    use super::ReplyBody;
    use crate::Failure;

    #[tokio::test]
    async fn a_whole_body_is_one_chunk_and_an_empty_one_is_none() {
        let chunks: Vec<_> = ReplyBody::from(Bytes::from("[1]")).map(Result::unwrap).collect().await;
        assert_eq!(chunks, ["[1]"]);
        assert_eq!(ReplyBody::from(Bytes::new()).count().await, 0);
    }

    #[tokio::test]
    async fn messages_are_read_as_chunks_of_an_event_stream() {
        let messages = [Ok(Bytes::from("{}")), Err(Failure::transport("cut"))];
        let mut body = ReplyBody::from_messages(stream::iter(messages));
        assert!(body.has_messages());
        assert_eq!(body.next().await.unwrap().unwrap(), "data: {}\n\n");
        assert!(body.next().await.unwrap().unwrap_err().is_transport());
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_body_ends_after_a_failure() {
        let parts = [Ok(Bytes::from("[")), Err(Failure::transport("cut")), Ok(Bytes::from("]"))];
        let mut body = ReplyBody::from_stream(stream::iter(parts));
        assert_eq!(body.next().await.unwrap().unwrap(), "[");
        assert!(body.next().await.unwrap().unwrap_err().is_transport());
        assert!(body.next().await.is_none());
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_body_is_not_polled_again_after_its_end() {
        // Such a stream panics when it is polled after its end.
        let once = stream::unfold(false, |is_read| async move { (!is_read).then(|| (Ok(Bytes::from("1")), true)) });
        let mut body = ReplyBody::from_stream(once);
        assert_eq!(body.next().await.unwrap().unwrap(), "1");
        assert!(body.next().await.is_none());
        assert!(body.next().await.is_none());
    }
}
