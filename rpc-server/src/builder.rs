//! [`ServerBuilder`], with which users configure a server. `build` wraps the methods in their layers, builds the table
//! and the dispatcher, and puts them behind HTTP. The settings for HTTP, pages and TLS are in `web`; `warnings` logs
//! likely mistakes. `dispatch` has a builder of its own.

mod dispatch;
mod warnings;
mod web;

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::Stream;
use rpc_core::{MethodSpec, RequestContext, RpcError, StreamSpec};
use serde::Serialize;

use crate::auth::{AccessControl, Authenticate};
use crate::closure::{
    IsValue, MethodFn, MethodOutput, closure_spec, fallible, fallibly_streaming, infallible, streaming,
};
use crate::dispatch::Dispatcher;
use crate::handler::Handler;
use crate::health::{self, Health, Readiness};
use crate::http::{Backend, HttpSettings, HttpState};
use crate::idempotency::{self, Store};
use crate::in_flight::InFlight;
use crate::middleware::{self, CallLayer};
use crate::page::Roles;
use crate::table::{MethodTable, Methods, OTHER, Row};
use crate::telemetry::{self, Observer};
use crate::{Limits, Server, Service};
pub use dispatch::DispatchServerBuilder;

/// Builds a [`Server`].
///
/// # Example
///
/// ```
/// let server = rpc::Server::builder()
///     .method("ping", || async { "pong" })
///     .method("sum", |numbers: Vec<i64>| async move { numbers.iter().sum::<i64>() })
///     .build();
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ServerBuilder {
    methods: Methods,
    limits: Limits,
    http: HttpSettings,
    idempotency: idempotency::IdempotencySettings,
    health: Option<Health>,
    /// The roles that pages require, by path.
    page_requires: Vec<(Cow<'static, str>, Roles)>,
    access: AccessControl,
    #[cfg(feature = "openrpc")]
    openrpc: Option<rpc_core::openrpc::Info>,
    #[cfg(feature = "prometheus")]
    shows_metrics: bool,
    middleware: middleware::LayerSettings,
    telemetry: telemetry::TelemetrySettings,
}

impl Server {
    /// Creates a builder of a server, with default settings.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::{Client, Server};
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    ///
    /// // Calls in process need no socket.
    /// let answer: String = Client::in_process(&server).call("ping", ()).await?;
    /// assert_eq!(answer, "pong");
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }
}

impl ServerBuilder {
    /// Adds the methods of a service.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::{Client, Server};
    ///
    /// #[rpc::service(namespace = "math")]
    /// trait Math {
    ///     async fn add(&self, a: i64, b: i64) -> i64;
    /// }
    /// # struct Calculator;
    /// # impl Math for Calculator {
    /// #     async fn add(&self, a: i64, b: i64) -> i64 {
    /// #         a + b
    /// #     }
    /// # }
    ///
    /// let server = Server::builder().service(MathServer::new(Calculator)).build();
    /// let client = Client::in_process(&server);
    ///
    /// // The generated client knows names and types. Any other client calls `math.add`.
    /// assert_eq!(MathClient::new(client.clone()).add(1, 2).await?, 3);
    /// assert_eq!(client.call::<i64>("math.add", serde_json::json!({ "a": 1, "b": 2 })).await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn service<S: Service>(mut self, service: S) -> Self {
        let layers = service.layers();
        let rows = self.methods.of_service(S::SPEC, |methods| service.register(methods));
        self.middleware.add_to_service(&rows, layers);
        self
    }

    /// Adds a closure as a method that returns a value. [`MethodFn`] lists the forms of closures.
    ///
    /// A closure that returns a `Result` does not compile, since its errors would be sent as values. Use
    /// [`try_method`](Self::try_method) for it. `Args` and `Kind` are always inferred.
    ///
    /// # Panics
    ///
    /// If a generic caller hides from the compiler that the closure returns a `Result`.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::{Client, Context, Server};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Name {
    ///     first: String,
    /// }
    ///
    /// let server = Server::builder()
    ///     .method("sum", |numbers: Vec<i64>| async move { numbers.iter().sum::<i64>() })
    ///     .method("greet", |name: Name, cx: Context| async move { format!("{}: hello, {}", cx.method(), name.first) })
    ///     .build();
    /// let client = Client::in_process(&server);
    ///
    /// // Params by position are an array, and params by name are an object.
    /// assert_eq!(client.call::<i64>("sum", [1, 2, 3]).await?, 6);
    /// let greeting: String = client.call("greet", serde_json::json!({ "first": "Ada" })).await?;
    /// assert_eq!(greeting, "greet: hello, Ada");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn method<Args, Kind, F>(self, name: impl Into<Cow<'static, str>>, run: F) -> Self
    where
        F: MethodFn<Args, Output: MethodOutput<Kind>>,
        Kind: IsValue,
    {
        let output = std::any::type_name::<F::Output>();
        assert!(
            !output.starts_with("core::result::Result<"),
            "this method returns a `Result`: add it with `try_method`, so that its errors travel as errors"
        );
        self.add(closure_spec::<Args, F>(name), infallible(run))
    }

    /// Adds a closure as a method that returns a `Result`. [`MethodFn`] lists the forms of closures.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    ///
    /// use rpc::{Dispatch, ErrorObject, Server};
    ///
    /// let server = Server::builder()
    ///     .try_method("divide", |(a, b): (i64, i64)| async move {
    ///         a.checked_div(b).ok_or_else(|| ErrorObject::new(1001, "division by zero"))
    ///     })
    ///     .build();
    ///
    /// let request = r#"{"jsonrpc":"2.0","method":"divide","params":[7,0],"id":1}"#;
    /// let answer = server.dispatch(request.into(), Arc::default()).await;
    /// assert_eq!(answer.body, r#"{"jsonrpc":"2.0","error":{"code":1001,"message":"division by zero"},"id":1}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_method<Args, F, T, E>(self, name: impl Into<Cow<'static, str>>, run: F) -> Self
    where
        F: MethodFn<Args, Output = Result<T, E>>,
        T: Serialize,
        E: RpcError,
    {
        self.add(closure_spec::<Args, F>(name).errors(E::ERRORS), fallible(run))
    }

    /// Adds a closure as a method that answers with a stream of values. [`MethodFn`] lists the forms of closures.
    ///
    /// The method has no effect, as if it were `readonly`. Clients that resume streams need a service trait.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::{StreamExt, stream};
    /// use rpc::{Client, Server};
    ///
    /// let server = Server::builder().stream("count", |(to,): (u64,)| async move { stream::iter(1..=to) }).build();
    /// let client = Client::in_process(&server);
    ///
    /// let mut numbers = client.stream::<u64>("count", [3]).await?;
    /// let mut sum = 0;
    /// while let Some(number) = numbers.next().await {
    ///     sum += number?;
    /// }
    /// assert_eq!(sum, 6);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<Args, F>(self, name: impl Into<Cow<'static, str>>, run: F) -> Self
    where
        F: MethodFn<Args, Output: Stream<Item: Serialize> + Send>,
    {
        self.add(closure_spec::<Args, F>(name).stream(StreamSpec::new()), streaming(run))
    }

    /// Adds a closure as a method that answers with a stream of `Result`s, or refuses the call with an error. The first
    /// error of an item ends the stream. [`MethodFn`] lists the forms of closures.
    pub fn try_stream<Args, F, S, T, E>(self, name: impl Into<Cow<'static, str>>, run: F) -> Self
    where
        F: MethodFn<Args, Output = Result<S, E>>,
        S: Stream<Item = Result<T, E>> + Send,
        T: Serialize,
        E: RpcError,
    {
        let method = closure_spec::<Args, F>(name).errors(E::ERRORS).stream(StreamSpec::new());
        self.add(method, fallibly_streaming(run))
    }

    /// Answers calls of unknown methods, which otherwise get -32601. Use it for a proxy, or for names that are known
    /// only at run time.
    ///
    /// It takes the same closures as [`try_method`](Self::try_method). [`Params`](rpc_core::Params) gives the raw
    /// params, `Box<RawValue>` is a raw result, and [`Context::method`](rpc_core::Context::method) is the name in the
    /// request.
    ///
    /// Everything else applies as for methods: limits, authentication, the server's layers, idempotency keys, and
    /// telemetry. Telemetry records the name `_OTHER`, since callers can invent names. A call may have an effect: it
    /// runs at most once under its key and continues without its caller. One key for two names is refused as a
    /// mismatch. Layers can ask [`Request::is_known`](crate::middleware::Request::is_known). OpenRPC documents do not
    /// list the fallback.
    ///
    /// Names that begin with `rpc.` never reach the fallback, since
    /// [section 4](https://www.jsonrpc.org/specification#request_object) reserves them: `rpc.discover` and `rpc.health`
    /// describe this server, and not one behind it. If the server does not have them, their calls get -32601.
    ///
    /// # Panics
    ///
    /// If the builder already has a fallback.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use rpc::{Context, ErrorObject, Params, Server};
    ///
    /// let server = Server::builder()
    ///     .method("ping", || async { "pong" })
    ///     .fallback(|params: Params, cx: Context| async move {
    ///         Ok::<_, ErrorObject>(format!("{} of {:?}", cx.method(), params.as_json()))
    ///     })
    ///     .build();
    ///
    /// let client = rpc::Client::in_process(&server);
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// assert_eq!(client.call::<String>("sum", [1, 2]).await?, r#"sum of Some("[1,2]")"#);
    /// # Ok::<_, rpc::Error>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn fallback<Args, F, T, E>(mut self, run: F) -> Self
    where
        F: MethodFn<Args, Output = Result<T, E>>,
        T: Serialize,
        E: RpcError,
    {
        let method = closure_spec::<Args, F>(OTHER).errors(E::ERRORS);
        self.methods.set_fallback(Row::new(method, fallible(run)));
        self
    }

    fn add(mut self, method: MethodSpec, handler: Arc<dyn Handler>) -> Self {
        self.methods.add(Row::new(method, handler));
        self
    }

    /// Replaces the limits. Default: `Limits::default()`.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Limits, Server};
    ///
    /// let server = Server::builder()
    ///     .method("stuck", || std::future::pending::<()>())
    ///     .limits(Limits::default().handler_timeout(Duration::from_secs(2)))
    ///     .build();
    ///
    /// // The server drops the handler after 2 s and answers with code -32093.
    /// let error = Client::in_process(&server).call::<()>("stuck", ()).await.unwrap_err();
    /// assert!(error.is_timeout());
    /// # Ok(())
    /// # }
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds the pages `/health/live` and `/health/ready` and the method `rpc.health`, for probes and load balancers.
    /// See [`Health`].
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::body::Body;
    /// use rpc::health::Health;
    /// use tower::ServiceExt;
    ///
    /// let health = Health::new();
    /// let server = rpc::Server::builder().health(health.clone()).build();
    /// let app: axum::Router = server.into_router();
    /// let probe = || http::Request::get("/health/ready").body(Body::empty());
    ///
    /// assert_eq!(app.clone().oneshot(probe()?).await?.status(), 200);
    /// health.set_ready(false);
    /// assert_eq!(app.oneshot(probe()?).await?.status(), 503);
    /// # Ok(())
    /// # }
    /// ```
    pub fn health(mut self, health: Health) -> Self {
        self.health = Some(health);
        self
    }

    /// Publishes the [OpenRPC](https://spec.open-rpc.org) document of all methods: adds the method `rpc.discover` and
    /// the page `/openrpc.json`. See [`rpc_core::openrpc`].
    ///
    /// The document describes the types of services with `#[rpc::service(openrpc)]`. Of other services and of closures,
    /// it has only the names.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::openrpc::Info;
    ///
    /// let server = rpc::Server::builder()
    ///     .method("ping", || async { "pong" })
    ///     .openrpc(Info::new("Ping", "1.0.0"))
    ///     .build();
    /// let document = server.openrpc().expect("was asked for");
    /// assert_eq!(document.as_value()["methods"][0]["name"], "ping");
    /// ```
    #[cfg(feature = "openrpc")]
    pub fn openrpc(mut self, info: rpc_core::openrpc::Info) -> Self {
        self.openrpc = Some(info);
        self
    }

    #[cfg(not(feature = "openrpc"))]
    rpc_core::__private::needs_feature!(openrpc: FeatureOpenrpc);

    /// Enables telemetry of calls: a span for each call, metrics, and logs of calls that fail or are slow. See
    /// [`Telemetry`](rpc_core::Telemetry). By default, the server only logs problems of its own, such as handlers that
    /// panic or time out.
    ///
    /// Telemetry covers all calls: single calls and entries of a batch, over HTTP and in process, notifications, and
    /// refused calls. If a request has the header `traceparent`, its calls continue that trace, and so do the calls
    /// that their handlers make.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::{Client, Context, Server, Telemetry};
    ///
    /// let server = Server::builder()
    ///     .method("trace", |cx: Context| async move { cx.trace().map(|trace| trace.trace_id().to_string()) })
    ///     .telemetry(Telemetry::default())
    ///     .build();
    ///
    /// // The call continues the caller's trace.
    /// let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let call = Client::in_process(&server).call::<Option<String>>("trace", ()).header("traceparent", caller);
    /// assert_eq!(call.await?.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "telemetry")]
    pub fn telemetry(mut self, telemetry: rpc_core::Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    #[cfg(not(feature = "telemetry"))]
    rpc_core::__private::needs_feature!(telemetry: FeatureTelemetry);

    /// Authenticates callers, by [`Bearer`](crate::auth::Bearer) tokens or by an async closure over the request. See
    /// [`auth`](crate::auth). A second call replaces the first setting. Default: no authentication.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    ///
    /// use rpc::{Client, Context, Denied, ErrorKind, Principal, RequestContext, Server};
    ///
    /// async fn by_api_key(request: Arc<RequestContext>) -> Result<Option<Principal>, Denied> {
    ///     let Some(key) = request.headers.get("x-api-key") else { return Ok(None) };
    ///     if key == "s3cr3t" { Ok(Some(Principal::new("ada"))) } else { Err(Denied::unauthenticated("unknown key")) }
    /// }
    ///
    /// let server = Server::builder()
    ///     .authenticate(by_api_key)
    ///     .method("whoami", |cx: Context| async move { cx.principal().map(|caller| caller.subject().to_owned()) })
    ///     .build();
    /// let client = Client::in_process(&server);
    /// let whoami = |key| client.call::<Option<String>>("whoami", ()).header("x-api-key", key);
    ///
    /// assert_eq!(whoami("s3cr3t").await?.as_deref(), Some("ada"));
    /// assert_eq!(whoami("guess").await.unwrap_err().kind(), ErrorKind::Authentication);
    /// # Ok(())
    /// # }
    /// ```
    pub fn authenticate(mut self, authenticate: impl Authenticate) -> Self {
        self.access.authenticate = Some(Arc::new(authenticate));
        self
    }

    /// Sets the store of idempotency keys. With it, clients may retry calls of methods that are neither `readonly` nor
    /// `idempotent`, and the calls still run at most once. Servers that act as one must share one store. Default: a
    /// [`MemoryStore`](crate::idempotency::MemoryStore).
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    ///
    /// use rpc::idempotency::MemoryStore;
    /// use rpc::{Client, Server};
    /// use uuid::Uuid;
    ///
    /// let payments = AtomicU32::new(0);
    /// let server = Server::builder()
    ///     .method("pay", move || std::future::ready(payments.fetch_add(1, Ordering::Relaxed) + 1))
    ///     .idempotency_store(MemoryStore::new().ttl(Duration::from_secs(3600)))
    ///     .build();
    /// let client = Client::in_process(&server);
    ///
    /// // The repeat gets the kept answer, and pays nothing.
    /// let key = Uuid::new_v4();
    /// assert_eq!(client.call::<u32>("pay", ()).idempotency_key(key).await?, 1);
    /// assert_eq!(client.call::<u32>("pay", ()).idempotency_key(key).await?, 1);
    /// assert_eq!(client.call::<u32>("pay", ()).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn idempotency_store(mut self, store: impl Store) -> Self {
        self.idempotency.store = idempotency::StoreChoice::This(Arc::new(store));
        self
    }

    /// Disables idempotency keys. The server announces no store, so clients do not retry a call with an unknown
    /// outcome, unless its method is `readonly` or `idempotent`.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    ///
    /// use rpc::headers::RPC_IDEMPOTENCY;
    /// use rpc::{Dispatch, Server};
    ///
    /// // A server announces its store in the answer to `HEAD`.
    /// let server = Server::builder().method("ping", || async { "pong" });
    /// let headers = server.build().announce(Arc::default()).await.headers.unwrap_or_default();
    /// assert!(headers.contains_key(RPC_IDEMPOTENCY));
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).without_idempotency();
    /// let headers = server.build().announce(Arc::default()).await.headers.unwrap_or_default();
    /// assert!(!headers.contains_key(RPC_IDEMPOTENCY));
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_idempotency(mut self) -> Self {
        self.idempotency.store = idempotency::StoreChoice::Nothing;
        self
    }

    /// Sets the function that names the owner of a request's idempotency keys, instead of the subject of its
    /// [principal](rpc_core::RequestContext::principal). If two owners send the same key, the store treats it as two
    /// keys. If the function returns `None`, the keys belong to the anonymous callers, who share one part of the store.
    /// By default, that is so for requests without a principal. An empty text is an owner like any other. The
    /// function's owners and the subjects of principals never share keys, even if their texts are equal.
    ///
    /// The server calls the function once for each request with keys. It must return the same owner when a call is
    /// repeated. So do not return a token that is renewed. Clients' tickets contain a hash of the owner. After a
    /// change, tickets that were issued before end as unknown.
    ///
    /// # Example
    ///
    /// ```
    /// #[derive(Clone)]
    /// struct Subject(String);
    ///
    /// let server = rpc::Server::builder()
    ///     .method("ping", || async { "pong" })
    ///     .idempotency_scope(|request| request.extensions.get::<Subject>().map(|subject| subject.0.clone()))
    ///     .build();
    /// ```
    pub fn idempotency_scope<F>(mut self, scope: F) -> Self
    where
        F: Fn(&RequestContext) -> Option<String> + Send + Sync + 'static,
    {
        self.idempotency.scope = Some(Arc::new(scope));
        self
    }

    /// Adds a layer around all calls: of all methods, including those that are added later, and of unknown methods. It
    /// sees single calls, entries of a batch and notifications, over HTTP and in process.
    ///
    /// The server's layers come first, in the order in which they were added, then those of the service, then those of
    /// the method. The layer that was added first sees a call first and its response last. One layer serves all
    /// methods, so its limits apply to all of them together. See [`middleware`] for what a layer is.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::middleware::{self, Next, Request, Response};
    ///
    /// async fn log(request: Request, next: Next) -> Response {
    ///     println!("{}", request.method());
    ///     next.run(request).await
    /// }
    ///
    /// let server = rpc::Server::builder()
    ///     .method("ping", || async { "pong" })
    ///     .layer(middleware::from_fn(log))
    ///     .build();
    /// ```
    pub fn layer(mut self, layer: impl CallLayer) -> Self {
        self.middleware.add(layer);
        self
    }

    /// Adds a layer around the calls of one method, inside the layers of the server and of its service. `method` is the
    /// name on the wire.
    ///
    /// # Panics
    ///
    /// [`build`](Self::build) panics if there is no such method, or if the name is an alias. The method's layers see
    /// its calls under all of its names.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::{self, Next, Request};
    /// use rpc::{Client, ErrorObject, Server};
    ///
    /// let frozen = middleware::from_fn(|_: Request, _: Next| async { ErrorObject::new(1423, "frozen") });
    /// let server = Server::builder()
    ///     .method("balance", || async { 100 })
    ///     .method("withdraw", || async { 0 })
    ///     .method_layer("withdraw", frozen)
    ///     .build();
    /// let client = Client::in_process(&server);
    ///
    /// assert_eq!(client.call::<u32>("balance", ()).await?, 100);
    /// let error = client.call::<u32>("withdraw", ()).await.unwrap_err();
    /// assert_eq!(error.error_object().unwrap().message(), "frozen");
    /// # Ok(())
    /// # }
    /// ```
    pub fn method_layer(mut self, method: impl Into<Cow<'static, str>>, layer: impl CallLayer) -> Self {
        self.middleware.add_to_method(method.into(), layer);
        self
    }

    /// Builds the server.
    ///
    /// Logs a warning about settings that are probably mistakes: methods with a longer `timeout` than
    /// [`Limits::handler_timeout`](crate::Limits::handler_timeout), [`idempotency_scope`](Self::idempotency_scope)
    /// without a store, and a page for Prometheus without `telemetry`. [`Server::bind`] warns about methods and pages
    /// that require a principal without [`authenticate`](Self::authenticate).
    ///
    /// # Panics
    ///
    /// If
    /// - two methods share a name on the wire;
    /// - a name begins with `rpc.`, which [section 4](https://www.jsonrpc.org/specification#request_object) reserves;
    /// - a name given to [`method_layer`](Self::method_layer) is unknown or an alias;
    /// - a path given to [`page_requires`](Self::page_requires) has no page;
    /// - two pages have the same path;
    /// - calls are served at the path of a page;
    /// - a limit is 0, and [`Limits`](crate::Limits) says that it must not be 0.
    ///
    /// # Example
    ///
    /// ```should_panic
    /// // The second `ping` panics at the start of the program, not at the first call.
    /// rpc::Server::builder()
    ///     .method("ping", || async { "pong" })
    ///     .method("ping", || async { "pong, too" })
    ///     .build();
    /// ```
    #[track_caller]
    pub fn build(mut self) -> Server {
        self.limits = self.limits.applied();
        self.log_warnings();
        let readiness = Arc::new(Readiness::default());
        let requires =
            |path: &str| self.page_requires.iter().rev().find(|(page, _)| page == path).map(|(_, roles)| *roles);
        if let Some(health) = self.health {
            health.add_pages(&readiness, &mut self.http.pages);
            health.add_method(&readiness, requires(health::READY), &mut self.methods);
        }
        // After all other code that adds methods, so that it describes them all.
        #[cfg(feature = "openrpc")]
        if let Some(info) = self.openrpc {
            let requires = requires(crate::openrpc::PATH);
            crate::openrpc::serve(&info, requires, &mut self.methods, &mut self.http.pages);
        }
        for (path, roles) in &self.page_requires {
            self.http.pages.require(path, roles);
        }
        self.http.check_path();
        self.middleware.wrap(&mut self.methods);
        let table = MethodTable::build(self.methods);
        let observer = Observer::new(self.telemetry, &table);
        let idempotency = self.idempotency.build(&self.limits, observer.meter());
        let (limits, meter) = (self.limits.clone(), observer.meter());
        let in_flight = Arc::new(InFlight::new(&self.limits, meter));
        let dispatcher = Dispatcher::new(table, self.limits, in_flight, self.access, idempotency, observer);
        let backend = Backend::Own(dispatcher);
        Server::new(HttpState::new(backend, self.http, limits, readiness, meter))
    }
}

impl ServerBuilder {
    /// Logs probable mistakes, or stores them until the server is bound.
    fn log_warnings(&mut self) {
        let pages = self.page_requires.iter().map(|(path, _)| &**path);
        self.http.unreachable_endpoints = warnings::unreachable_endpoints(&self.methods, pages, &self.access);
        warnings::of_methods(&self.methods, &self.limits);
        warnings::of_keys(&self.idempotency);
        #[cfg(feature = "prometheus")]
        warnings::of_metrics(self.shows_metrics, self.telemetry.is_some());
    }
}
