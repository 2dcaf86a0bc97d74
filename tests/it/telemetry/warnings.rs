//! A server's warnings about settings that are probably a mistake.

use std::time::Duration;

use rpc::auth::Bearer;
use rpc::health::Health;
use rpc::{BoundServer, Context, Limits, Principal, Prometheus, Server, ServerBuilder, Telemetry};
use tracing::Level;

use super::capture::Told;

#[rpc::service]
trait Vault {
    #[rpc(requires = "admin")]
    async fn open(&self) -> u8;

    #[rpc(requires = "reader")]
    async fn look(&self, #[rpc(context)] cx: &Context) -> String;

    #[rpc(timeout = "45s")]
    async fn seal(&self);
}

#[derive(Debug)]
struct Empty;

impl Vault for Empty {
    async fn open(&self) -> u8 {
        0
    }

    async fn look(&self, cx: &Context) -> String {
        cx.method().to_owned()
    }

    async fn seal(&self) {}
}

/// Begins to build a server without such mistakes. Tests then add one.
fn vault() -> ServerBuilder {
    let limits = Limits::default().handler_timeout(Duration::from_secs(60));
    let bearer = Bearer::new().token("secret", Principal::new("ada").with_role("admin"));
    Server::builder().service(VaultServer::new(Empty)).limits(limits).authenticate(bearer)
}

/// Returns the warnings of this code, each as its message and its first other field.
fn warnings_of<T>(run: impl FnOnce() -> T) -> Vec<(String, String)> {
    let (told, _guard) = Told::begin();
    run();
    let logs = told.logs();
    assert!(logs.iter().all(|log| log.level == Level::WARN), "{logs:?}");
    let fields = |log: &super::capture::Log| {
        let other = log.fields.names().into_iter().find(|name| !["message", "handler_timeout"].contains(name));
        let value = |name| log.fields.get(name).unwrap().to_owned();
        (value("message"), other.map_or_else(String::new, value))
    };
    logs.iter().map(fields).collect()
}

fn assert_warned<T>(run: impl FnOnce() -> T, says: &str, of: &str) {
    let warnings = warnings_of(run);
    assert!(matches!(&*warnings, [(message, other)] if message.contains(says) && other == of), "{warnings:?}");
}

#[test]
fn a_server_without_oversights_logs_nothing_when_it_is_built() {
    let pages = || vault().health(Health::new()).page_requires("/health/ready", &["admin"]);
    assert_eq!(warnings_of(|| vault().build()), []);
    assert_eq!(warnings_of(|| pages().build().into_router::<()>()), []);
    assert_eq!(warnings_of(|| pages().path("/rpc").without_idempotency().build()), []);
}

/// Binds a server to any port.
fn bind(server: &Server) -> BoundServer {
    server.listen_on(std::net::TcpListener::bind("127.0.0.1:0").unwrap()).unwrap()
}

fn open_vault() -> ServerBuilder {
    let limits = Limits::default().handler_timeout(Duration::from_secs(45));
    Server::builder().service(VaultServer::new(Empty)).limits(limits)
}

#[tokio::test]
async fn what_requires_a_principal_without_authentication_is_logged_when_it_is_bound() {
    assert_warned(|| bind(&open_vault().build()), "methods require a principal", "open, look");
    let pages = || Server::builder().health(Health::new()).page_requires("/health/ready", &[]);
    assert_warned(|| bind(&pages().build()), "pages require a principal", "/health/ready");
    assert_eq!(warnings_of(|| bind(&vault().build())), []);
}

/// The layers around it may authenticate callers.
#[test]
fn a_router_without_authentication_is_no_oversight() {
    let guarded = || open_vault().health(Health::new()).page_requires("/health/ready", &["admin"]);
    assert_eq!(warnings_of(|| guarded().build().into_router::<()>()), []);
}

#[test]
fn methods_with_more_time_than_handlers_have_are_logged() {
    assert_warned(|| vault().limits(Limits::default()).build(), "a longer `timeout`", "seal");
}

#[test]
fn owners_of_keys_that_are_not_kept_are_logged() {
    let scoped = || vault().without_idempotency().idempotency_scope(|_| None);
    assert_warned(|| scoped().build(), "`idempotency_scope` is never asked", "");
}

#[test]
fn a_page_of_metrics_without_telemetry_is_logged() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = || vault().prometheus(Prometheus::with_handle(recorder.handle()));
    assert_warned(|| page().build(), "no metrics of calls", "");
    assert_eq!(warnings_of(|| page().telemetry(Telemetry::default()).build()), []);
}

#[test]
fn a_path_that_a_router_ignores_is_logged() {
    assert_warned(|| vault().path("/rpc").build().into_router::<()>(), "ignores `ServerBuilder::path`", "/rpc");
}

#[test]
fn tls_that_a_router_ignores_is_logged() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = || rpc::tls::Tls::from_pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap();
    let warnings = warnings_of(|| vault().tls(tls()).build().into_router::<()>());
    // rustls logs only at other levels.
    assert!(warnings.iter().any(|(message, _)| message.contains("ignores `ServerBuilder::tls`")), "{warnings:?}");
}
