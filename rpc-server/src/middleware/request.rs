//! [`Request`]: a call as layers see it. Its clones share one state. Each clone has only its params and its position in
//! the pipeline for itself.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use rpc_core::codec::Responder;
use rpc_core::params::{decode_value, encode_untyped};
use rpc_core::{Context, ErrorObject};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call_lifecycle::CallLifecycle;
use super::inherited_context::InheritedContext;
use super::pipeline::{Pipeline, Stage};
use super::response::Response;
use crate::call::{Call, OwnedCall};
use crate::fault::Executed;

/// A call or notification on its way through the layers to its handler.
///
/// It owns its data. Cloning is cheap. Layers may send one request several times: the handler runs each time.
#[derive(Clone)]
pub struct Request {
    shared: Arc<SharedRequest>,
    params: Option<Bytes>,
    /// How many of the stages behind the first one the request has passed.
    stage: usize,
}

/// What the clones of a request share.
pub(super) struct SharedRequest {
    /// The call without its params, because layers may replace those.
    pub(super) call: OwnedCall,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) inherited_context: InheritedContext,
    pub(super) lifecycle: CallLifecycle,
}

impl SharedRequest {
    /// Polls the handler, which writes a response.
    pub(super) fn poll(&self, poll: impl FnOnce(&mut Responder<'_>) -> Executed) -> Poll<Response> {
        let limit = self.call.in_flight.max_response_bytes;
        Response::poll_of(self.call.context(), limit, |responder| self.inherited_context.enter(|| poll(responder)))
    }
}

impl Request {
    pub(super) fn new(call: &Call<'_>, pipeline: Arc<Pipeline>) -> Self {
        let params = call.shared_params();
        let call = call.without_params();
        let shared = SharedRequest {
            call,
            pipeline,
            inherited_context: InheritedContext::current(),
            lifecycle: CallLifecycle::default(),
        };
        Self { shared: Arc::new(shared), params, stage: 0 }
    }

    /// Returns what the handler can read, too: method, id, headers, peer, principal, deadline.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::{self, Next, Request, Response};
    /// use rpc::{Client, ErrorObject, Server};
    ///
    /// async fn tenants_only(request: Request, next: Next) -> Result<Response, ErrorObject> {
    ///     if !request.context().headers().contains_key("x-tenant") {
    ///         return Err(ErrorObject::new(1403, "which tenant?"));
    ///     }
    ///     Ok(next.run(request).await)
    /// }
    ///
    /// let layer = middleware::from_fn(tenants_only);
    /// let server = Server::builder().method("ping", || async { "pong" }).layer(layer).build();
    /// let client = Client::in_process(&server);
    /// assert_eq!(client.call::<String>("ping", ()).header("x-tenant", "acme").await?, "pong");
    /// assert!(client.call::<String>("ping", ()).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn context(&self) -> &Context {
        self.shared.call.context()
    }

    /// Returns the method's name on the wire. For an unknown method this is the name that the caller sent.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::{Arc, Mutex};
    ///
    /// use rpc::middleware::{self, Next, Request};
    /// use rpc::{Client, Server};
    ///
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let log = Arc::clone(&seen);
    /// let record = middleware::from_fn(move |request: Request, next: Next| {
    ///     log.lock().unwrap().push((request.method().to_owned(), request.is_known()));
    ///     next.run(request)
    /// });
    /// let server = Server::builder().method("ping", || async { "pong" }).layer(record).build();
    /// let client = Client::in_process(&server);
    ///
    /// assert!(client.call::<String>("ping", ()).await.is_ok());
    /// assert!(client.call::<String>("pinng", ()).await.is_err());
    /// assert_eq!(*seen.lock().unwrap(), [("ping".to_owned(), true), ("pinng".to_owned(), false)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn method(&self) -> &str {
        self.context().method()
    }

    /// Returns whether the server has the method. A [fallback](crate::ServerBuilder::fallback) does not count. Layers
    /// of the whole server also see calls to unknown methods, and callers can invent their names.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::{self, Next, Request, Response};
    /// use rpc::{Client, ErrorObject, Server};
    ///
    /// // Says more than -32601 about unknown methods.
    /// async fn explain(request: Request, next: Next) -> Result<Response, ErrorObject> {
    ///     if !request.is_known() {
    ///         return Err(ErrorObject::new(1404, "this is version 2 of the API"));
    ///     }
    ///     Ok(next.run(request).await)
    /// }
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).layer(middleware::from_fn(explain)).build();
    /// let error = Client::in_process(&server).call::<String>("v1.ping", ()).await.unwrap_err();
    /// assert_eq!(error.error_object().unwrap().message(), "this is version 2 of the API");
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_known(&self) -> bool {
        self.shared.call.is_known()
    }

    /// Returns whether the request is a notification, which gets no answer.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// use rpc::middleware::{self, Next, Request};
    /// use rpc::{Client, Server};
    ///
    /// let notifications = Arc::new(AtomicU32::new(0));
    /// let counted = Arc::clone(&notifications);
    /// let count = middleware::from_fn(move |request: Request, next: Next| {
    ///     counted.fetch_add(request.is_notification().into(), Ordering::Relaxed);
    ///     next.run(request)
    /// });
    /// let server = Server::builder().method("log", |_: (String,)| async {}).layer(count).build();
    /// let client = Client::in_process(&server);
    ///
    /// client.call::<()>("log", ("a call",)).await?;
    /// client.notify("log", ("a notification",)).await?;
    /// assert_eq!(notifications.load(Ordering::Relaxed), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_notification(&self) -> bool {
        self.context().id().is_none()
    }

    /// Returns the JSON text of the params, an array or an object, or `None` if there are none.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::{self, Next, Request, Response};
    /// use rpc::{Client, Server};
    ///
    /// // Answers with the params, as the caller wrote them.
    /// async fn echo(request: Request, _: Next) -> Response {
    ///     Response::result(&request.params())
    /// }
    ///
    /// let sum = |numbers: Vec<i64>| async move { numbers.iter().sum::<i64>() };
    /// let server = Server::builder().method("sum", sum).layer(middleware::from_fn(echo)).build();
    /// let client = Client::in_process(&server);
    /// assert_eq!(client.call::<String>("sum", [1, 2]).await?, "[1,2]");
    /// assert_eq!(client.call::<Option<String>>("sum", ()).await?, None);
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "params are a part of a text")]
    pub fn params(&self) -> Option<&str> {
        self.params.as_deref().map(|params| std::str::from_utf8(params).expect("params are a part of a text"))
    }

    /// Decodes the params as one value. Missing params decode as an empty object or array, as `None` or as `()`.
    ///
    /// The params are as the caller sent them, by name or by position. Only the handler knows its parameters.
    ///
    /// # Errors
    ///
    /// -32602, with data that names the invalid parameter if it is known.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::{self, Next, Request, Response};
    /// use rpc::{Client, ErrorObject, Server};
    ///
    /// async fn at_most_1000(request: Request, next: Next) -> Result<Response, ErrorObject> {
    ///     let (amount,): (u64,) = request.parse_params()?;
    ///     if amount > 1000 { Err(ErrorObject::new(1402, "too much")) } else { Ok(next.run(request).await) }
    /// }
    ///
    /// let pay = |(amount,): (u64,)| async move { amount };
    /// let server = Server::builder().method("pay", pay).layer(middleware::from_fn(at_most_1000)).build();
    /// let client = Client::in_process(&server);
    /// assert_eq!(client.call::<u64>("pay", [7]).await?, 7);
    /// let error = client.call::<u64>("pay", [7000]).await.unwrap_err();
    /// assert_eq!(error.error_object().unwrap().message(), "too much");
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse_params<T: DeserializeOwned>(&self) -> Result<T, ErrorObject> {
        decode_value(self.params())
    }

    /// Replaces the params.
    ///
    /// # Errors
    ///
    /// If the value cannot be written as JSON, or is neither an array, an object nor null. Null stands for no params.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::{self, Next, Request, Response};
    /// use rpc::{Client, ErrorObject, Server};
    ///
    /// /// Old clients send one number. The handler takes a number and a unit.
    /// async fn of_old_clients(request: Request, next: Next) -> Result<Response, ErrorObject> {
    ///     let (number,): (u64,) = request.parse_params()?;
    ///     let request = request.with_params(&(number, "metre")).map_err(|_| ErrorObject::internal())?;
    ///     Ok(next.run(request).await)
    /// }
    ///
    /// let show = |(number, unit): (u64, String)| async move { format!("{number} {unit}") };
    /// let server = Server::builder().method("show", show).layer(middleware::from_fn(of_old_clients)).build();
    /// assert_eq!(Client::in_process(&server).call::<String>("show", [5]).await?, "5 metre");
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_params<T: Serialize>(mut self, params: &T) -> Result<Self, serde_json::Error> {
        let mut text = Vec::new();
        encode_untyped(params, &mut text)?;
        self.params = if text.is_empty() { None } else { Some(text.into()) };
        Ok(self)
    }

    /// Returns whether a rate limit has already counted the call.
    #[cfg(feature = "rate-limit")]
    pub(super) fn is_counted(&self, limiter: &super::rate_limit::Limiter) -> bool {
        self.shared.call.has_key() && self.shared.pipeline.limiters().any(|counted| counted.is(limiter))
    }

    pub(super) fn shared(&self) -> &Arc<SharedRequest> {
        &self.shared
    }

    /// Returns the next stage and the request for it. Behind the last stage, returns what the handler needs.
    pub(super) fn proceed(mut self) -> NextStep {
        match self.shared.pipeline.rest.get(self.stage) {
            Some(stage) => {
                let stage = Arc::clone(stage);
                self.stage += 1;
                NextStep::Stage(stage, self)
            }
            None => NextStep::Handler(self.shared, self.params),
        }
    }
}

/// Where a request goes next.
pub(super) enum NextStep {
    Stage(Arc<dyn Stage>, Request),
    Handler(Arc<SharedRequest>, Option<Bytes>),
}

/// Params are not shown, because they may contain secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("id", &self.context().id())
            .finish_non_exhaustive()
    }
}
