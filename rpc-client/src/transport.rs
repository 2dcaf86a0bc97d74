//! Transports, which carry requests to a server and answers back.
//!
//! [`HttpTransport`] is the default. Implement [`Transport`] for a protocol of your own, or to wrap another transport.
//! With the feature `websocket`, `WebSocketTransport` sends over WebSocket. With the feature `ipc`, `MessageTransport`
//! sends over Unix sockets and other streams of bytes. With either of them, `PeerTransport` calls the other side of a
//! session. With the feature `reqwest`, `ReqwestTransport` sends through a client of that crate.

#[cfg(feature = "ipc")]
mod framed;
mod http;
mod in_process;
#[cfg(any(feature = "ipc", feature = "websocket"))]
mod multiplexed;
#[cfg(any(feature = "ipc", feature = "websocket"))]
mod peer;
mod progress;
mod reply;
#[cfg(feature = "reqwest")]
mod reqwest;
mod server_address;
mod subscription_names;
mod unix_path;
#[cfg(feature = "websocket")]
mod websocket;

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Instant;

use ::http::HeaderMap;
use bytes::Bytes;
use rpc_core::{BoxFuture, Dispatch, MaybeSend, MaybeSync};

#[cfg(feature = "ipc")]
pub use framed::MessageTransport;
pub(crate) use http::http_setters;
pub use http::{HttpSettings, HttpTransport, HttpTransportBuilder};
pub(crate) use in_process::InProcess;
#[cfg(any(feature = "ipc", feature = "websocket"))]
pub use peer::PeerTransport;
pub use progress::Progress;
pub use reply::{Reply, ReplyBody};
#[cfg(feature = "reqwest")]
pub use reqwest::ReqwestTransport;
pub use server_address::ServerAddress;
pub(crate) use subscription_names::SubscriptionNames;
pub(crate) use unix_path::unix_path;
#[cfg(feature = "websocket")]
pub use websocket::WebSocketTransport;
#[cfg(feature = "websocket")]
pub(crate) use websocket::{ConnectionSettings, http_form};

use crate::Failure;
use crate::call_numbers::CallNumbers;
use crate::meter::Meter;

/// Carries requests to a server. It is `Send` and `Sync`.
///
/// The client itself bounds every wait and the size of every answer, and decides what is retried. A transport must not
/// repeat a request.
///
/// # Example
///
/// ```
/// use bytes::Bytes;
/// use rpc::transport::{Reply, Request, Transport};
/// use rpc::{BoxFuture, Client, Failure};
/// use serde_json::{Value, json};
///
/// /// Answers each call with its params.
/// #[derive(Debug)]
/// struct Echo;
///
/// impl Transport for Echo {
///     fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
///         let call: Value = serde_json::from_slice(&request.body).unwrap();
///         let answer = json!({ "jsonrpc": "2.0", "result": call["params"], "id": call["id"] });
///         Box::pin(async move { Ok(Reply::new(Bytes::from(answer.to_string()))) })
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
pub trait Transport: fmt::Debug + MaybeSend + MaybeSync + 'static {
    /// Sends a request and returns the head of its answer. The body may still be arriving.
    ///
    /// # Errors
    ///
    /// Return [`Failure::connect`], [`Failure::not_sent`] or a failure with such an [outcome](Failure::with_outcome)
    /// only when it is certain that the request did not run. After such a failure, the client retries even calls that
    /// must not run twice. When the client itself stops waiting, it relies on [`Request::progress`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request. It may have been sent.
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>>;

    /// Asks the server for only the headers of an answer, as HTTP does with `HEAD`. The request has no body, and the
    /// server runs nothing.
    ///
    /// The headers tell the client which store of idempotency keys the server has. The default implementation answers
    /// without headers. The client then assumes that the server has no store, until the answer to a call announces one.
    /// Until then, it does not retry a call with an effect after an unknown outcome. The client never issues tickets
    /// through such a transport. A transport that wraps another one must forward this call to it.
    ///
    /// Before a call, the client waits 250 ms for the answer. If none arrives, it does not probe again. The time starts
    /// when this method is called. If the transport calls [`Progress::hold`] before it returns, the time starts at
    /// [`Progress::sent`].
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the probe.
    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        drop(request);
        Box::pin(ready(Ok(Reply::new(Bytes::new()))))
    }

    /// Returns the server's address, which telemetry reports as `server.address` and `server.port`. Default: `None`. A
    /// transport that wraps another one must forward this call to it.
    fn server_address(&self) -> Option<ServerAddress> {
        None
    }

    /// Returns the numbers of calls, if clients that send through the transport must share them.
    #[doc(hidden)]
    fn call_numbers(&self) -> Option<CallNumbers> {
        None
    }

    /// Answers the calls of the server with this. Returns whether it does.
    #[doc(hidden)]
    fn serve(&self, dispatch: &Arc<dyn Dispatch>) -> bool {
        let _ = dispatch;
        false
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        (**self).send(request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        (**self).probe(request)
    }

    fn server_address(&self) -> Option<ServerAddress> {
        (**self).server_address()
    }

    fn call_numbers(&self) -> Option<CallNumbers> {
        (**self).call_numbers()
    }

    fn serve(&self, dispatch: &Arc<dyn Dispatch>) -> bool {
        (**self).serve(dispatch)
    }
}

/// A request to a server: one message, a batch of messages, or a [probe](Transport::probe).
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The JSON text. Empty for a probe.
    pub body: Bytes,
    /// The headers, including the content type.
    pub headers: HeaderMap,
    /// The time at which the client stops waiting.
    pub deadline: Instant,
    /// Reports to the client how far the request got, if the transport can tell.
    pub progress: Progress,
    /// Counts the requests that wait in a transport. It is part of the request, so that it also works when other
    /// transports wrap that one.
    pub(crate) meter: Meter,
    /// Where the request goes once it has passed the attempt layers.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// The names of the stream that it opens, for servers that know streams as subscriptions.
    #[cfg_attr(
        not(any(feature = "ipc", feature = "websocket")),
        expect(dead_code, reason = "HTTP has no subscriptions")
    )]
    pub(crate) subscription: Option<Arc<SubscriptionNames>>,
    /// What it is for, if it is a probe.
    #[cfg_attr(
        not(any(feature = "ipc", feature = "websocket")),
        expect(dead_code, reason = "`HEAD` does both over HTTP")
    )]
    pub(crate) purpose: ProbePurpose,
}

/// What a [probe](Transport::probe) is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProbePurpose {
    /// The headers that announce the server's store.
    #[default]
    Announcement,
    /// A connection to the server.
    Connection,
}

impl Request {
    /// Returns whether it is a probe: it asks for only the headers of an answer and has no calls.
    pub fn is_probe(&self) -> bool {
        self.body.is_empty()
    }
}

/// Shows neither params nor headers, since they may contain secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("is_probe", &self.is_probe())
            .field("bytes", &self.body.len())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rpc_core::{BoxFuture, Outcome};

    use super::{Reply, Request, Transport};
    use crate::{Client, Failure};

    /// Loses all answers.
    #[derive(Debug, Default)]
    struct LossyTransport(AtomicU32);

    impl Transport for LossyTransport {
        fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(ready(Err(Failure::transport("lost"))))
        }
    }

    #[tokio::test]
    async fn transport_without_a_probe_counts_as_a_server_without_a_store() {
        let transport = Arc::new(LossyTransport::default());
        let client = Client::builder().transport(Arc::clone(&transport)).build().unwrap();
        let mut pay = client.call::<u64>("pay", ());
        let failure = pay.ticket().await.unwrap_err();
        assert_eq!(failure.to_string(), "no ticket can be issued: the server has no store of idempotency keys");
        assert_eq!(pay.await.unwrap_err().outcome(), Outcome::Unknown);
        assert_eq!(transport.0.load(Ordering::Relaxed), 1, "an effect of unknown outcome is not retried");
    }
}
