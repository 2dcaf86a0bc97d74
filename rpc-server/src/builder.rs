//! [`ServerBuilder`], with which users configure a server. `build` wraps the methods in their layers, builds the table
//! and the dispatcher, and puts them behind HTTP. The settings for HTTP, pages and TLS are in `web`; `oversights` logs
//! likely mistakes. `dispatch` has a builder of its own.

mod dispatch;
mod oversights;
mod web;

use std::borrow::Cow;
use std::sync::Arc;

use rpc_core::{MethodSpec, RequestContext, RpcError};
use serde::Serialize;

use crate::auth::{Access, Authenticate};
use crate::closure::{IsValue, MethodFn, MethodOutput, closure_spec, fallible, infallible};
use crate::dispatch::Dispatcher;
use crate::handler::Handler;
use crate::health::{self, Health, Readiness};
use crate::http::{Backend, Face, HttpSettings};
use crate::idempotency::{self, Store};
use crate::in_flight::InFlight;
use crate::middleware::{self, CallLayer};
use crate::page::Roles;
use crate::table::{Methods, OTHER, Row, Table};
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
    idempotency: idempotency::Settings,
    health: Option<Health>,
    /// What pages require, by their paths.
    page_requires: Vec<(Cow<'static, str>, Roles)>,
    access: Access,
    #[cfg(feature = "openrpc")]
    openrpc: Option<rpc_core::openrpc::Info>,
    #[cfg(feature = "prometheus")]
    shows_metrics: bool,
    middleware: middleware::Settings,
    telemetry: telemetry::Settings,
}

impl Server {
    /// Begins to build a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }
}

impl ServerBuilder {
    /// Adds the methods of a service.
    pub fn service<S: Service>(mut self, service: S) -> Self {
        let layers = service.layers();
        let rows = self.methods.of_service(S::SPEC, |methods| service.register(methods));
        self.middleware.add_to_service(&rows, layers);
        self
    }

    /// Adds a method without a trait, which returns a value. See [`MethodFn`] for the closures that it takes.
    ///
    /// A closure that returns a `Result` does not compile, since its errors would travel as values:
    /// [`try_method`](Self::try_method) takes it. `Kind` is always inferred, as `Args` is.
    ///
    /// # Panics
    ///
    /// If a generic caller hides from the compiler that the closure returns a `Result`.
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

    /// Adds a method without a trait, which returns a `Result`. See [`MethodFn`] for the closures that it takes.
    pub fn try_method<Args, F, T, E>(self, name: impl Into<Cow<'static, str>>, run: F) -> Self
    where
        F: MethodFn<Args, Output = Result<T, E>>,
        T: Serialize,
        E: RpcError,
    {
        self.add(closure_spec::<Args, F>(name).errors(E::ERRORS), fallible(run))
    }

    /// Answers the calls of methods that nobody has, instead of -32601: a proxy, or names that are known only at run
    /// time.
    ///
    /// Takes the closures that [`try_method`](Self::try_method) takes. Params are raw as
    /// [`Params`](rpc_core::Params), results as `Box<RawValue>`, and [`Context::method`](rpc_core::Context::method) is
    /// the name by which the method was called.
    ///
    /// All else is as for methods: limits, authentication, layers of the server, telemetry (where the name is
    /// `_OTHER`, since callers make up names), and idempotency keys. A call may have an effect, so it runs once under
    /// its key, goes on without its caller, and one key for two names is refused as a mismatch. Layers are told by
    /// [`Request::is_known`](crate::middleware::Request::is_known). OpenRPC does not list it.
    ///
    /// Names that begin with `rpc.` never get here, since
    /// [section 4](https://www.jsonrpc.org/specification#request_object) reserves them: `rpc.discover` and `rpc.health`
    /// speak of the server that is asked, and not of one behind it. They are answered with -32601 where the server does
    /// not have them.
    ///
    /// # Panics
    ///
    /// If there is a fallback already.
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

    /// Replaces the limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Answers probes: adds the pages `/health/live` and `/health/ready` and the method `rpc.health`. See [`Health`].
    pub fn health(mut self, health: Health) -> Self {
        self.health = Some(health);
        self
    }

    /// Describes the server to other programs: adds the method `rpc.discover` and the page `/openrpc.json`, both of
    /// which tell the [OpenRPC](https://spec.open-rpc.org) document of all its methods. See [`rpc_core::openrpc`].
    ///
    /// Types are described of services that say `#[rpc::service(openrpc)]`. Of others and of closures, there are the
    /// names.
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

    /// Tells of calls: a span for each, metrics, logs of those that fail or are slow. See
    /// [`Telemetry`](rpc_core::Telemetry). By default nothing is told but of handlers that panic or take too long.
    ///
    /// Calls of all kinds are told of: alone and as entries of a batch, over HTTP and in process, notifications, and
    /// those that are refused. Where a request names a trace by the header `traceparent`, its calls continue it, and so
    /// do the calls that their handlers make.
    #[cfg(feature = "telemetry")]
    pub fn telemetry(mut self, telemetry: rpc_core::Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    #[cfg(not(feature = "telemetry"))]
    rpc_core::__private::needs_feature!(telemetry: FeatureTelemetry);

    /// Finds out who calls: by [`Bearer`](crate::auth::Bearer) tokens, or by an async closure over the request. See
    /// [`auth`](crate::auth). A second one replaces the first.
    pub fn authenticate(mut self, authenticate: impl Authenticate) -> Self {
        self.access.authenticate = Some(Arc::new(authenticate));
        self
    }

    /// Keeps idempotency keys in this store, so that calls of methods that are neither `readonly` nor `idempotent` may
    /// be repeated and still run once. Servers that are to act as one share one store.
    pub fn idempotency_store(mut self, store: impl Store) -> Self {
        self.idempotency.store = idempotency::Choice::This(Arc::new(store));
        self
    }

    /// Keeps no idempotency keys: clients are told nothing of a store, and so repeat no call whose fate they do not
    /// know, unless its method says that it may be repeated.
    pub fn without_idempotency(mut self) -> Self {
        self.idempotency.store = idempotency::Choice::Nothing;
        self
    }

    /// Tells to whom the idempotency keys of a request belong, in the place of the subject of its
    /// [principal](rpc_core::RequestContext::principal). The same key of two owners is two keys. Where it returns
    /// `None`, or where there is no principal, keys belong to anonymous callers, who share one part of the store. An
    /// empty text is an owner of its own, and no owner is ever a principal's subject.
    ///
    /// It is asked once for each request that has keys. What it returns must be the same when a call is repeated,
    /// so a token that is renewed now and then will not do. Clients' tickets hold a hash of it: after a change, tickets
    /// that were issued before end as unknown.
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

    /// Lets all calls pass through a layer: those of each method, whenever it is added, and those of methods that there
    /// are not; alone and as entries of a batch, over HTTP and in process, and notifications, too.
    ///
    /// The layers of a server come first, in the order in which they are added, then those of the service, then those
    /// of the method: who was added first sees a call first and its response last. The same layer serves all methods,
    /// so what it limits, it limits for all of them together. See [`middleware`] for what a layer is.
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

    /// Lets the calls of a method pass through a layer, inside of those of the server and of its service. The name is
    /// the one on the wire.
    ///
    /// # Panics
    ///
    /// [`build`](Self::build) does, if there is no such method, or the name is an alias: the method's layers see its
    /// calls under all of its names.
    pub fn method_layer(mut self, method: impl Into<Cow<'static, str>>, layer: impl CallLayer) -> Self {
        self.middleware.add_to_method(method.into(), layer);
        self
    }

    /// Builds the server.
    ///
    /// Logs a warning of what is probably not meant: methods with a longer `timeout` than
    /// [`Limits::handler_timeout`](crate::Limits::handler_timeout),
    /// [`idempotency_scope`](Self::idempotency_scope) without a store, and a page for Prometheus without `telemetry`.
    /// [`Server::bind`] warns of methods and pages that require a principal without
    /// [`authenticate`](Self::authenticate).
    ///
    /// # Panics
    ///
    /// If two methods share a name on the wire, or a name begins with `rpc.`, which
    /// [section 4](https://www.jsonrpc.org/specification#request_object) reserves; if there is no method of a name that
    /// [`method_layer`](Self::method_layer) was given, or it is an alias; if there is no page that
    /// [`page_requires`](Self::page_requires) was given, or two have one path; if calls are served at the path of a
    /// page; if a limit is 0 of which [`Limits`](crate::Limits) says that it must not be.
    #[track_caller]
    pub fn build(mut self) -> Server {
        self.limits = self.limits.applied();
        self.log_oversights();
        let readiness = Arc::new(Readiness::default());
        let requires =
            |path: &str| self.page_requires.iter().rev().find(|(page, _)| page == path).map(|(_, roles)| *roles);
        if let Some(health) = self.health {
            health.add_pages(&readiness, &mut self.http.pages);
            health.add_method(&readiness, requires(health::READY), &mut self.methods);
        }
        // Last of those that add methods, so that it describes them all.
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
        let table = Table::build(self.methods);
        let observer = Observer::new(self.telemetry, &table);
        let idempotency = self.idempotency.build(&self.limits, observer.meter());
        let (limits, meter) = (self.limits.clone(), observer.meter());
        let in_flight = Arc::new(InFlight::new(&self.limits, meter));
        let dispatcher = Dispatcher::new(table, self.limits, in_flight, self.access, idempotency, observer);
        let backend = Backend::Own(dispatcher);
        Server::new(Face::new(backend, self.http, limits, readiness, meter))
    }
}

impl ServerBuilder {
    /// Logs what is probably not meant, or notes it for when the server is bound.
    fn log_oversights(&mut self) {
        let pages = self.page_requires.iter().map(|(path, _)| &**path);
        self.http.out_of_reach = oversights::out_of_reach(&self.methods, pages, &self.access);
        oversights::of_methods(&self.methods, &self.limits);
        oversights::of_keys(&self.idempotency);
        #[cfg(feature = "prometheus")]
        oversights::of_metrics(self.shows_metrics, self.telemetry.is_some());
    }
}
