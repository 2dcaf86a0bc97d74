//! Mistakes in how a server is built. The panic names the mistake, and points at its line.

use std::time::Duration;

use rpc::auth::Bearer;
use rpc::health::Health;
use rpc::middleware::RateLimit;
use rpc::{Limits, Principal, Prometheus, Server, ServerBuilder};
use serde::Serialize;
use support::panic_of;

fn ping() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" })
}

/// Adds a method with a result type that the compiler does not check.
#[track_caller]
fn with_method<T: Serialize + Send + 'static>(run: fn() -> T) -> ServerBuilder {
    Server::builder().method("ping", move || async move { run() })
}

/// Asserts that this panics with a message that contains the text, at a line of this file.
fn assert_refused<T>(run: impl FnOnce() -> T, says: &str) {
    let (message, file) = panic_of(run);
    assert!(message.contains(says), "{message:?} does not say {says:?}");
    assert_eq!(file, file!(), "{message:?}");
}

#[test]
fn a_mistake_of_the_builder_is_reported_where_it_was_made() {
    assert_refused(|| with_method(|| Ok::<_, rpc::ErrorObject>(1)), "`try_method`");
    assert_refused(|| ping().path("rpc"), "must begin with a slash");
    assert_refused(|| ping().path(""), "must begin with a slash");
    assert_refused(|| ping().allow_origin("app.example"), "is no origin");
    assert_refused(|| ping().allow_host("https://api.example"), "is no host");
    assert_refused(|| Bearer::new().token("secret", Principal::new("")), "a principal must have a subject");
    assert_refused(|| RateLimit::per_second(0), "0 calls");
    assert_refused(|| RateLimit::per_minute(0), "0 calls");
    assert_refused(|| RateLimit::per_minute(1).burst(0), "0 calls");
}

#[test]
fn a_path_that_no_request_can_have_is_refused() {
    let says = "no request has this path";
    for path in ["/rpc?version=1", "/rpc#calls", "/a path", "/{name}", "/\u{e4}", "/rpc\n", "/\"rpc\""] {
        assert_refused(|| ping().path(path), says);
        assert_refused(|| prometheus().path(path), says);
    }
    for path in ["/", "/rpc", "/v1/rpc/", "/a%20path", "/~a/b-c_d.e;f=g,h"] {
        ping().path(path).build();
    }
}

#[test]
fn a_mistake_that_shows_when_the_server_is_built_is_reported_where_it_is_built() {
    assert_refused(|| ping().method("ping", || async { 1 }).build(), "\"ping\" of a closure is taken by a closure");
    assert_refused(|| ping().method("rpc.mine", || async { 1 }).build(), "is reserved");
    assert_refused(|| ping().method_layer("pong", RateLimit::per_second(1)).build(), "there is no method \"pong\"");
    let aliased = || Server::builder().service(AliasedServer::new(One)).method_layer("uno", RateLimit::per_second(1));
    assert_refused(|| aliased().build(), "\"uno\" is an alias of the method \"one\"");
    assert_refused(|| ping().page_requires("/metrics", &[]).build(), "there is no page \"/metrics\"");
    assert_refused(|| ping().path("/health/live").health(Health::new()).build(), "calls cannot be served at");
    assert_refused(|| ping().limits(Limits::default().idle_timeout(Duration::ZERO)).build(), "`Limits::idle_timeout`");
    assert_refused(
        || ping().prometheus(prometheus().path("/health/live")).health(Health::new()).build(),
        "two pages have the path",
    );
    assert_refused(|| ping().prometheus(prometheus()).prometheus(prometheus()), "two pages have the path");
}

#[test]
fn a_mistake_that_shows_when_the_server_is_used_is_reported_where_it_is_used() {
    let router = || ping().path("/rpc").prometheus(prometheus().path("/")).build().into_router::<()>();
    assert_refused(router, "calls cannot be served at \"/\"");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bound = runtime.block_on(ping().build().bind("127.0.0.1:0")).unwrap();
    assert_refused(|| bound.spawn(), "no reactor running");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_refused(|| ping().build().listen_on(listener), "no reactor running");
}

#[rpc::service]
trait Aliased {
    #[rpc(alias = "uno")]
    fn one(&self) -> u8;
}

struct One;

impl Aliased for One {
    fn one(&self) -> u8 {
        1
    }
}

/// Returns the page of a recorder that records nothing.
fn prometheus() -> Prometheus {
    Prometheus::with_handle(metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle())
}
