//! [`Request`]: a delivery as layers see it, with its entries and headers. It reaches the client through the trait
//! [`DeliverRequest`] only.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};

use http::HeaderMap;
use rpc_core::headers::Keys;
use rpc_core::{BoxFuture, Effect, MethodSpec};
use uuid::Uuid;

use super::answer::EntryAnswer;
use super::entry_runs::EntryRuns;
use super::layer_request::LayerRequest;
use super::response::Response;
use crate::delivery::{Entry, SharedParts};
use crate::error::AnswerResult;
use crate::failure::{Failure, FailureKind, LayerFault};
use crate::runtime::Instant;

/// What a client is about to deliver: a call, a notification, or the calls and notifications of a batch that share a
/// request. All of its attempts are made inside the layers.
///
/// A clone is the same request. Layers can pass it on several times, in sequence or concurrently. A call with an effect
/// is passed on only once, unless the result proves that it did not run. Further copies end with an unknown outcome and
/// are not sent.
#[derive(Clone)]
pub struct Request {
    deliver: Arc<dyn DeliverRequest>,
    entries: Arc<Vec<Entry>>,
    is_batch: bool,
    headers: HeaderMap,
    pin: Option<Box<Keys>>,
    hash_key: Option<u64>,
    entry_runs: Arc<EntryRuns>,
}

/// What is delivered after all layers have seen it.
pub(crate) struct OutboundRequest {
    pub(crate) entries: Vec<Entry>,
    pub(crate) is_batch: bool,
    pub(crate) shared: SharedParts,
}

/// Delivers a request that has passed all layers.
pub(crate) trait DeliverRequest: Send + Sync {
    fn deliver(self: Arc<Self>, outbound: OutboundRequest) -> BoxFuture<Vec<AnswerResult>>;
}

impl LayerRequest for Request {
    type Response = Response;
}

impl Request {
    /// Returns the entries in their order: one, or those of a batch.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::client_middleware::{Next, Request, from_fn};
    /// use rpc::{Client, Failure, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("user.delete", |(_id,): (u64,)| async {}).build();
    /// let harmless = from_fn(|request: Request, next: Next| async move {
    ///     if request.entries().any(|entry| entry.method().ends_with(".delete")) {
    ///         return Err(Failure::not_sent("this program must not delete"));
    ///     }
    ///     next.run(request).await
    /// });
    /// let client = Client::builder().in_process(&server).layer(harmless).build()?;
    /// assert!(client.call::<()>("user.delete", [7]).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn entries(&self) -> impl ExactSizeIterator<Item = RequestEntry<'_>> {
        self.entries.iter().map(RequestEntry)
    }

    /// Returns whether it is a batch. A batch can have one entry.
    pub fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// Returns the headers of the call or the batch. The client's headers are added later, for names that are missing
    /// here.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns these headers to change them. They are sent with each attempt.
    ///
    /// # Example
    ///
    /// ```
    /// use http::HeaderValue;
    /// use rpc::client_middleware::{Next, Request, from_fn};
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("tenant", |cx: Context| async move { cx.headers()["x-tenant"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let tenant = from_fn(|mut request: Request, next: Next| {
    ///     request.headers_mut().insert("x-tenant", HeaderValue::from_static("a"));
    ///     next.run(request)
    /// });
    /// let client = Client::builder().in_process(&server).layer(tenant).build()?;
    /// assert_eq!(client.call::<String>("tenant", ()).await?, "a");
    /// # Ok(())
    /// # }
    /// ```
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Returns the time by which the request must have ended: the latest deadline of its entries. Time spent in layers
    /// counts.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use rpc::client_middleware::{Next, Request, from_fn};
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// let check = from_fn(|request: Request, next: Next| {
    ///     assert!(request.deadline() <= Instant::now() + Duration::from_secs(5));
    ///     next.run(request)
    /// });
    /// let client = Client::builder().in_process(&server).layer(check).build()?;
    /// let ping = client.call::<String>("ping", ()).deadline(Duration::from_secs(5));
    /// assert_eq!(ping.await?, "pong");
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline(&self) -> StdInstant {
        self.until().into_std()
    }

    /// Returns the time that is left until the deadline.
    pub fn remaining(&self) -> Duration {
        self.until().saturating_duration_since(Instant::now())
    }

    /// Answers each entry without the server, as a cache or a fake does.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::client_middleware::{EntryAnswer, Next, Request, from_fn};
    /// use rpc::{Client, Failure};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpc::Error> {
    /// let fake = from_fn(|request: Request, _: Next| async move {
    ///     Ok::<_, Failure>(request.answer_each(|entry| EntryAnswer::result(&entry.method().len())))
    /// });
    /// let client = Client::builder().endpoint("http://127.0.0.1:1").layer(fake).build()?;
    /// assert_eq!(client.call::<usize>("ping", ()).await?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn answer_each(&self, answer: impl FnMut(RequestEntry<'_>) -> EntryAnswer) -> Response {
        Response::new(self.entries().map(answer))
    }

    pub(crate) fn new(deliver: Arc<dyn DeliverRequest>, outbound: OutboundRequest) -> Self {
        let OutboundRequest { entries, is_batch, shared } = outbound;
        let SharedParts { headers, pin, hash_key } = shared;
        let entry_runs = Arc::new(EntryRuns::of(&entries));
        let headers = headers.map(|headers| *headers).unwrap_or_default();
        Self { deliver, entries: Arc::new(entries), is_batch, headers, pin, hash_key, entry_runs }
    }

    pub(super) fn until(&self) -> Instant {
        self.entries.iter().map(|entry| entry.deadline).max().unwrap_or_else(Instant::now)
    }

    pub(super) fn entry_runs(&self) -> Arc<EntryRuns> {
        Arc::clone(&self.entry_runs)
    }

    /// Sends the entries that can be sent safely. Entries that may have run and must not run twice fail.
    pub(super) async fn send(self) -> Response {
        let Self { deliver, entries, is_batch, headers, pin, hash_key, entry_runs } = self;
        let begun: Vec<bool> =
            entries.iter().enumerate().map(|(index, entry)| entry_runs.begin(index, entry.effect)).collect();
        let entries = Arc::try_unwrap(entries).unwrap_or_else(|shared| shared.iter().map(Entry::copy).collect());
        let entries: Vec<Entry> =
            entries.into_iter().zip(&begun).filter(|(_, begun)| **begun).map(|(entry, _)| entry).collect();
        let mut answers = Vec::new().into_iter();
        if !entries.is_empty() {
            let headers = if headers.is_empty() { None } else { Some(Box::new(headers)) };
            let shared = SharedParts { headers, pin, hash_key };
            answers = deliver.deliver(OutboundRequest { entries, is_batch, shared }).await.into_iter();
        }
        let answer = |(index, begun): (usize, bool)| {
            if !begun {
                return Failure::new(FailureKind::Layer(LayerFault::Repeated)).into();
            }
            let answered = answers.next().expect("there is an answer for each entry that was sent");
            entry_runs.end(index, &answered);
            EntryAnswer::of(answered)
        };
        Response::new(begun.into_iter().enumerate().map(answer))
    }
}

/// Shows no params and headers, since they may hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("entries", &self.entries().collect::<Vec<_>>())
            .field("is_batch", &self.is_batch)
            .finish_non_exhaustive()
    }
}

/// A call or a notification in a [`Request`].
#[derive(Clone, Copy)]
pub struct RequestEntry<'a>(&'a Entry);

impl<'a> RequestEntry<'a> {
    /// Returns the method's name on the wire.
    pub fn method(&self) -> &'a str {
        &self.0.method.name
    }

    /// Returns the method's description. For a call without a trait it holds only the name.
    pub fn spec(&self) -> &'a MethodSpec {
        &self.0.method
    }

    /// Returns the effect of repeating the call, as the method or the call declares it.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// Returns whether it is a notification, which has no answer.
    pub fn is_notification(&self) -> bool {
        self.0.id.is_none()
    }

    /// Returns the JSON text of the params, an array or an object, or `None` if there are none.
    pub fn params(&self) -> Option<&'a str> {
        self.0.params()
    }

    /// Returns the idempotency key that the caller set, with a ticket or directly. Other keys are made inside the
    /// layers, once the client knows that the server keeps keys.
    pub fn idempotency_key(&self) -> Option<Uuid> {
        self.0.key()
    }
}

impl fmt::Debug for RequestEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestEntry").field("method", &self.method()).finish_non_exhaustive()
    }
}
