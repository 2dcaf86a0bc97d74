//! Typed JSON-RPC 2.0 over HTTP: annotate a trait, and get a server, a client and batches that share its types.
//!
//! ```
//! use rpc::{Client, RpcError, Server};
//!
//! /// Errors are types on both sides of the wire.
//! #[derive(Debug, PartialEq, thiserror::Error, RpcError)]
//! pub enum MathError {
//!     #[error("cannot divide {dividend} by zero")]
//!     #[rpc(code = 1001)]
//!     DivisionByZero { dividend: i64 },
//! }
//!
//! /// One trait is the contract: method names on the wire are `math.divide` and `math.add`.
//! #[rpc::service(namespace = "math")]
//! pub trait Math {
//!     #[rpc(readonly)]
//!     async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError>;
//!     #[rpc(readonly)]
//!     async fn add(&self, a: i64, #[rpc(default = 1)] b: i64) -> i64;
//! }
//!
//! struct Calculator;
//!
//! impl Math for Calculator {
//!     async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError> {
//!         dividend.checked_div(divisor).ok_or(MathError::DivisionByZero { dividend })
//!     }
//!     async fn add(&self, a: i64, b: i64) -> i64 {
//!         a + b
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().service(MathServer::new(Calculator)).build();
//! let server = server.bind("127.0.0.1:0").await?.spawn();
//!
//! let client = Client::new(format!("http://{}", server.local_addr()))?;
//! let math = MathClient::new(client.clone());
//!
//! // A call is a value. `.await` sends it ...
//! assert_eq!(math.divide(7, 2).await?, 3);
//!
//! // ... or a batch sends several in one request. Each has its own typed result.
//! let (quotient, sum) = client.batch((math.divide(7, 0), math.add(1, 2))).await?;
//! assert!(matches!(quotient, Err(rpc::Error::Method(MathError::DivisionByZero { dividend: 7 }))));
//! assert_eq!(sum?, 3);
//! # server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! | you want to | look at |
//! |---|---|
//! | describe a service | [`service`](macro@service), [`RpcError`](derive@RpcError) |
//! | serve it | [`Server`], [`ServerBuilder`], [`Limits`], [`Context`] |
//! | serve it on a Unix socket, or on standard input and output | `Server::bind_unix`, `stdio` |
//! | encrypt it | `ServerBuilder::tls`, `tls` |
//! | make it part of an axum application | [`Server::into_router`] |
//! | observe, change or limit every call | [`middleware`], for clients [`client_middleware`] |
//! | call it | [`Client`], [`ClientSettings`], [`Call`], [`Client::batch`], [`Error`] |
//! | call the client from a handler | [`Context::peer`], `docs/peers.md` in the repository |
//! | call other servers from a handler | [`Call::deadline_from`], [`Context::scope`], `docs/calling_others.md` in the repository |
//! | retry it safely | [`Retry`], [`RetryBudget`], [`Outcome`], [`Ticket`], [`idempotency`] |
//! | monitor it | `Telemetry`, `TraceContext`, `Prometheus` |
//! | test without a socket | `UsersClient::of(fake)`, [`Client::in_process`] |
//! | call a method without a trait | [`Client::call`] |
//! | write a transport | [`transport::Transport`] |
//! | write a dispatcher, or pass bytes to a server | [`Dispatch`], [`RequestContext`] |
//! | relay or count errors, as a gateway does | [`codes`], [`ErrorCode`], [`ErrorKind`], [`headers`] |
//! | implement the protocol elsewhere | `docs/wire.md` in the repository |
//!
//! # Features
//!
//! The features `websocket`, `ipc`, `server-tls`, `rate-limit`, `openrpc`, `telemetry`, `prometheus`, `dns`, `reqwest`,
//! `postgres`, `finite-floats` and `test-util` are off by default. All others are on. Each feature works alone.
//!
//! - `server`: [`Server`] and what `#[rpc::service]` generates for it.
//! - `client`: [`Client`] and what `#[rpc::service]` generates for it.
//! - `tls`: `https` addresses for the client, by rustls and the platform's trusted certificates. Without it, the client
//!   rejects such addresses. It builds aws-lc, which needs a C compiler.
//! - `server-tls`: `tls::Tls` and `ServerBuilder::tls`, TLS for standalone servers, also by rustls.
//! - `dns`: `DnsDiscovery`, endpoints of the client from all addresses of a name, by hickory-resolver.
//! - `reqwest`: a transport for the client on a `reqwest::Client` of your own, for example for cookies or a custom
//!   resolver.
//! - `openrpc`: descriptions of services as OpenRPC documents: `rpc::openrpc`, `ServerBuilder::openrpc` and
//!   `#[rpc::service(openrpc)]`. It adds schemars, re-exported as `rpc::schemars`.
//! - `rate-limit`: `middleware::RateLimit`, limits on the rate of calls per principal or peer.
//! - `telemetry`: `Telemetry`, for servers and clients: spans and metrics of calls under OpenTelemetry's names, logs of
//!   failed and slow calls, and W3C Trace Context.
//! - `prometheus`: `Prometheus`, a page of metrics. It turns on `telemetry`.
//! - `postgres`: `idempotency::PostgresStore`, a store of idempotency keys for servers with several replicas.
//! - `finite-floats`: makes NaN and infinity in params and results errors in every build. Without it, they are errors
//!   only in debug builds, and release builds send `null`: JSON has no number for them.
//! - `websocket`: WebSockets for server and client, calls and streams over one connection: `WebSocketSettings` and
//!   `ServerBuilder::websocket`, `ws` and `wss` addresses for the client.
//! - `ipc`: Unix sockets, standard input and output, and other streams of bytes, for server and client, without HTTP:
//!   `Server::bind_unix`, `Server::messages_on` and `stdio`.
//! - `test-util`: `idempotency::suite`, the tests that every store must pass, for authors of stores.
//! - `macros`: [`service`](macro@service) and the derive [`RpcError`](derive@RpcError).
//!
//! # Good to know
//!
//! - Service traits have native `async fn`s, so they cannot be trait objects (`dyn Users`). To share one
//!   implementation, use an `Arc`, which implements the trait too.
//! - The server answers a panic in a handler with an internal error and keeps running. This needs `panic = "unwind"`,
//!   Rust's default.
//! - A method's `timeout` and a call's `.deadline()` both bound the whole call, all attempts together. The deadline
//!   overrides the timeout, and both override the client's own. The remaining time travels with each request, and a
//!   client used inside a handler inherits it.
//! - The client retries a failed call if that is safe: see [`Retry`], [`RetryBudget`], and `docs/reliability.md` in the
//!   repository. It retries a method that is neither `readonly` nor `idempotent` only if the method did not run, or
//!   under its idempotency key.
//! - When a caller leaves, the server drops the handler of a `readonly` method. Any other handler runs to its end;
//!   [`Context::cancelled`] lets it notice that the caller has left.
//! - The server reports to `tracing`: handlers that panic (error), fail with an [`Internal`] error (error) or take too
//!   long (warn), connections that end early (debug), and its shutdown (info).
//! - The public interface exposes types of `http` 1, `bytes` 1, `serde` 1, `serde_json` 1, `tokio` 1
//!   ([`Server::bind`]), `uuid` 1 ([`Call::idempotency_key`], [`Context::derive_key`]), `futures-core` 0.3
//!   ([`transport::ReplyBody`]), `axum` 0.8 ([`Server::into_router`]), `tower-layer` 0.3 and
//!   `tower-service` 0.3 ([`middleware`], [`client_middleware`]), `rustls` 0.23 (`ClientBuilder::tls_config`,
//!   `tls::Tls::from_config`), `reqwest` 0.13 (`transport::ReqwestTransport`), `metrics-exporter-prometheus` 0.18
//!   (`Prometheus::with_handle`), `tokio-postgres` 0.7 (`idempotency::PostgresBuilder::connect_with`), `tracing` 0.1
//!   (`Propagate`) and `schemars` 1 (`rpc::schemars`).
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::print_stdout)]

pub use rpc_core::{
    After, Answer, AnswerStatus, AnswerStream, At, BoxFuture, Context, Denial, Denied, Describe, Dispatch, Effect,
    ErrorCode, ErrorKind, ErrorObject, ErrorSet, ErrorSpec, Framing, FromPeer, Id, IdempotencyKey, Internal,
    InternalExt, KeyRefusal, Lag, MaybeSend, MaybeSync, MethodKind, MethodSpec, NoPeer, Outbound, Outcome, ParamSpec,
    Params, Peer, Principal, RequestContext, ResponseHeaderError, RpcError, ServiceSpec, Session, SessionEvent,
    SessionProtocol, Shared, Stream, StreamEnd, StreamMessage, StreamMessages, StreamSpec, codes,
};

// When a feature is off, rustc names it to users of the items that it gates. The macros export the items if only
// another package of the build has turned the feature on, as the tests do.
#[cfg(feature = "openrpc")]
pub use rpc_core::{openrpc, schemars};
#[cfg(not(feature = "openrpc"))]
rpc_core::__rpc_export_openrpc!();

#[cfg(feature = "telemetry")]
pub use rpc_core::{Propagate, SpanId, Telemetry, TraceContext, TraceId};
#[cfg(not(feature = "telemetry"))]
rpc_core::__rpc_export_telemetry!();

#[cfg(all(feature = "server", feature = "prometheus"))]
pub use rpc_server::{Prometheus, PrometheusError};
#[cfg(all(feature = "server", not(feature = "prometheus")))]
rpc_server::__rpc_export_prometheus!();

#[cfg(feature = "macros")]
#[doc = include_str!("../docs/service.md")]
#[doc(inline)]
pub use rpc_macros::service;

#[cfg(feature = "macros")]
#[doc = include_str!("../docs/rpc_error.md")]
#[doc(inline)]
pub use rpc_macros::RpcError;

#[cfg(feature = "server")]
pub use rpc_server::{
    BoundServer, DispatchServerBuilder, Lifecycle, Limits, Listener, MethodFn, Server, ServerBuilder, ServerHandle,
    ServerPhase, Service, auth, health, idempotency, middleware,
};

#[cfg(all(feature = "server", feature = "server-tls"))]
pub use rpc_server::tls;

#[cfg(all(feature = "server", feature = "websocket"))]
pub use rpc_server::WebSocketSettings;

#[cfg(all(feature = "server", feature = "ipc"))]
pub use rpc_server::{MessageSettings, PeerCredentials, ServerConnection, stdio};

#[cfg(all(feature = "client", feature = "dns"))]
pub use rpc_client::DnsDiscovery;
#[cfg(feature = "client")]
pub use rpc_client::{
    Attempt, AttemptError, AttemptEvent, Balance, Balancer, Batch, BatchCall, BatchFuture, Call, CallFuture,
    Candidates, CircuitBreaker, CircuitState, Client, ClientBuilder, ClientSettings, Coalesce, Connect, Credential,
    Credentials, Discover, DiscoveryStatus, Endpoint, EndpointState, EndpointWatch, Error, Failure, HealthCheck, Hedge,
    MetaCall, MetaFuture, Notification, NotificationFuture, RawCall, Retry, RetryBudget, StreamCall, StreamCallFuture,
    StreamError, Streaming, Subset, Throttle, Ticket, WithMeta, middleware as client_middleware, transport,
};

pub mod headers;

#[cfg(all(feature = "client", feature = "server"))]
mod fake;
#[cfg(all(test, feature = "client", not(feature = "tls")))]
mod features;

#[doc(hidden)]
pub mod __private {
    //! What the macros' expansions call. Not a public interface.
    pub use rpc_core::__private::*;

    #[cfg(feature = "macros")]
    pub use rpc_macros::service_where;

    #[cfg(feature = "server")]
    pub use rpc_server::__private::*;

    #[cfg(feature = "client")]
    pub use rpc_client::__private::*;

    pub use crate::{__rpc_both as both, __rpc_client as client, __rpc_server as server};

    #[cfg(all(feature = "client", feature = "server"))]
    pub use crate::fake::of;
}

/// Keeps the server's half of an expansion.
#[cfg(feature = "server")]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_server {
    ($($half:tt)*) => { $($half)* };
}

/// Drops the server's half of an expansion.
#[cfg(not(feature = "server"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_server {
    ($($half:tt)*) => {};
}

/// Keeps the client's half of an expansion.
#[cfg(feature = "client")]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_client {
    ($($half:tt)*) => { $($half)* };
}

/// Drops the client's half of an expansion.
#[cfg(not(feature = "client"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_client {
    ($($half:tt)*) => {};
}

/// Keeps what an expansion contains when both halves are on.
#[cfg(all(feature = "client", feature = "server"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_both {
    ($($both:tt)*) => { $($both)* };
}

/// Drops the code that needs both halves.
#[cfg(not(all(feature = "client", feature = "server")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_both {
    ($($both:tt)*) => {};
}

/// Compiles and runs the guide about tests.
#[cfg(all(doctest, feature = "client", feature = "macros", feature = "server"))]
#[doc = include_str!("../docs/testing.md")]
struct Testing;
/// Compiles the guide to several endpoints.
#[cfg(all(doctest, feature = "client", feature = "dns"))]
#[doc = include_str!("../docs/endpoints.md")]
struct Endpoints;
/// Compiles and runs the guide about streams.
#[cfg(all(doctest, feature = "client", feature = "macros", feature = "server"))]
#[doc = include_str!("../docs/streams.md")]
struct Streams;
/// Compiles and runs the guide about calls in both directions.
#[cfg(all(doctest, feature = "client", feature = "macros", feature = "server", feature = "websocket"))]
#[doc = include_str!("../docs/peers.md")]
struct Peers;
/// Compiles and runs the guide about errors in handlers.
#[cfg(all(doctest, feature = "client", feature = "macros", feature = "server"))]
#[doc = include_str!("../docs/errors.md")]
struct Errors;

/// Compiles and runs the README's server and client.
#[cfg(all(doctest, feature = "client", feature = "macros", feature = "server"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles the examples of the page about calls from handlers.
#[cfg(all(doctest, feature = "client", feature = "macros", feature = "server"))]
#[doc = include_str!("../docs/calling_others.md")]
struct CallingOthers;
