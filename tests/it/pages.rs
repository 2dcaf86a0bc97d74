//! What is read by GET, and who may read it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use rpc::auth::Bearer;
use rpc::health::Health;
use rpc::openrpc::Info;
use rpc::{Limits, Principal, RequestContext, Server, ServerBuilder};
use support::raw_http::{Connection, Reply};
use support::{clients_of, serve, serve_app};
use tokio::sync::Semaphore;

fn builder() -> ServerBuilder {
    Server::builder().health(Health::new()).method("ping", || async { "pong" })
}

/// Sends a request with these header lines.
async fn ask(addr: SocketAddr, method: &str, path: &str, lines: &[&str]) -> Reply {
    let mut connection = Connection::open(addr).await;
    let lines: String = lines.iter().flat_map(|line| [*line, "\r\n"]).collect();
    connection.send(format!("{method} {path} HTTP/1.1\r\n{lines}\r\n").as_bytes()).await;
    if method == "HEAD" { connection.reply_with_body(false).await } else { connection.reply().await }
}

async fn status(addr: SocketAddr, lines: &[&str]) -> u16 {
    ask(addr, "GET", "/health/live", lines).await.status
}

#[tokio::test]
async fn a_page_is_read_with_get_or_head_and_nothing_else() {
    for addr in [serve(&builder().build()).await, serve_app(builder().build().into_router()).await] {
        assert_eq!(ask(addr, "GET", "/health/live", &["host: localhost"]).await.status, 200);
        let head = ask(addr, "HEAD", "/health/live", &["host: localhost"]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let reply = ask(addr, method, "/health/live", &["host: localhost", "content-length: 0"]).await;
            assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")), "{method}");
            assert!(reply.text().contains("-32600"), "{}", reply.text());
        }
    }
}

#[tokio::test]
async fn over_http2_a_head_has_no_body_and_tells_its_length() {
    let addr = serve(&builder().build()).await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for (path, origin, status) in [
        ("health/live", None, 200),
        ("health/live", Some("https://evil.example"), 403),
        ("", Some("null"), 403),
        ("no", None, 404),
    ] {
        let mut request = client.head(format!("http://{addr}/{path}"));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
        assert!(length > 0, "{path}");
        assert_eq!(response.bytes().await.unwrap().len(), 0, "{path}");
    }
}

#[tokio::test]
async fn a_server_on_loopback_shows_its_pages_under_no_name_that_a_web_page_could_have() {
    let addr = serve(&builder().build()).await;
    for host in ["localhost", "127.0.0.1:8080", "[::1]:1"] {
        assert_eq!(status(addr, &[&format!("host: {host}")]).await, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:80"] {
        let refused = ask(addr, "GET", "/health/live", &[&format!("host: {host}")]).await;
        assert_eq!(refused.status, 403, "{host}");
        assert!(refused.text().contains("under this host name"), "{}", refused.text());
        assert_eq!(refused.header("rpc-refused"), Some("all"));
    }
    for host in ["localhost:99999", "localhost:0", ""] {
        assert_eq!(status(addr, &[&format!("host: {host}")]).await, 403, "{host}");
    }
    assert_eq!(status(addr, &["host: localhost:"]).await, 200, "an empty port is none");
    assert_eq!(ask(addr, "GET", "http://user@localhost/health/live", &["host: localhost"]).await.status, 403);
    assert_eq!(ask(addr, "GET", "http://evil.example/health/live", &["host: localhost"]).await.status, 403);
}

#[tokio::test]
async fn pages_are_not_shown_to_requests_whose_host_is_not_as_http_has_it() {
    let standalone = serve(&builder().build()).await;
    let app = serve_app(Router::new().merge(builder().allow_host("localhost").build().into_router())).await;
    for (addr, refused) in [(standalone, 400), (app, 403)] {
        assert_eq!(status(addr, &["host: localhost", "host: evil.example"]).await, refused);
        for host in ["user@localhost", "localhost:0x", "user:80@localhost:80"] {
            assert_eq!(status(addr, &[&format!("host: {host}")]).await, refused, "{host}");
        }
    }
    assert_eq!(status(standalone, &[]).await, 400);
    assert_eq!(status(app, &[]).await, 200, "an application looks at hosts itself");
}

#[tokio::test]
async fn listed_hosts_and_those_of_allowed_origins_are_shown_the_pages() {
    let server = builder().allow_host("Api.example").allow_origin("https://app.example").build();
    let addr = serve(&server).await;
    for host in ["api.example:80", "API.EXAMPLE", "app.example"] {
        assert_eq!(status(addr, &[&format!("host: {host}")]).await, 200, "{host}");
    }
    assert_eq!(status(addr, &["host: other.example"]).await, 403);
}

#[tokio::test]
async fn an_application_takes_all_names_until_some_are_listed() {
    let open = serve_app(Router::new().merge(builder().build().into_router())).await;
    assert_eq!(status(open, &["host: any.example"]).await, 200);
    let listed = serve_app(Router::new().merge(builder().allow_host("api.example").build().into_router())).await;
    assert_eq!(status(listed, &["host: any.example"]).await, 403);
    assert_eq!(status(listed, &["host: api.example"]).await, 200);
}

#[tokio::test]
async fn pages_are_not_shown_to_web_pages_of_other_origins() {
    let addr = serve(&builder().build()).await;
    assert_eq!(status(addr, &["host: localhost", "origin: http://localhost:3000"]).await, 200);
    assert_eq!(status(addr, &["host: localhost", "origin: https://evil.example"]).await, 403);
    assert_eq!(status(addr, &["host: localhost", "origin: null"]).await, 403);
}

#[tokio::test]
async fn no_answer_has_a_cors_header_that_nobody_asked_for() {
    let addr = serve(&builder().allow_origin("https://app.example").build()).await;
    let origin = "origin: https://app.example";
    let json = ["content-type: application/json", "content-length: 2"];
    for (method, path) in [("GET", "/health/live"), ("OPTIONS", "/"), ("HEAD", "/"), ("GET", "/"), ("GET", "/nothing")]
    {
        let reply = ask(addr, method, path, &["host: localhost", origin]).await;
        let cors = reply.headers.iter().find(|(name, _)| name.to_ascii_lowercase().starts_with("access-control"));
        assert_eq!(cors, None, "{method} {path}");
    }
    let mut connection = Connection::open(addr).await;
    let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\n{origin}\r\n{}\r\n\r\n{{}}", json.join("\r\n"));
    connection.send(head.as_bytes()).await;
    let reply = connection.reply().await;
    assert!(reply.headers.iter().all(|(name, _)| !name.to_ascii_lowercase().starts_with("access-control")));
}

#[tokio::test]
async fn calls_keep_their_path_beside_the_pages() {
    let addr = serve(&builder().path("/rpc").build()).await;
    assert_eq!(status(addr, &["host: localhost"]).await, 200);
    assert_eq!(ask(addr, "GET", "/health", &["host: localhost"]).await.status, 404);
    assert_eq!(ask(addr, "GET", "/rpc", &["host: localhost"]).await.status, 405);
}

#[test]
#[should_panic(expected = "calls cannot be served at \"/health/live\"")]
fn calls_are_not_served_where_a_page_is() {
    builder().path("/health/live").build();
}

#[test]
fn what_is_no_host_is_refused_when_it_is_listed() {
    for host in [
        "",
        "api.example:80",
        "api.example:",
        "https://api.example",
        "user@api.example",
        "api.example.",
        "a b",
        "*.example",
    ] {
        assert!(std::panic::catch_unwind(|| Server::builder().allow_host(host)).is_err(), "{host}");
    }
}

fn guarded() -> ServerBuilder {
    let bearer =
        Bearer::new().token("ops'", Principal::new("ada").with_role("ops")).token("bob's", Principal::new("bob"));
    builder()
        .authenticate(bearer)
        .openrpc(Info::new("Ping", "1"))
        .page_requires("/openrpc.json", &[])
        .page_requires("/health/ready", &["ops"])
}

#[tokio::test]
async fn a_page_may_require_a_principal_or_roles() {
    for addr in [serve(&guarded().build()).await, serve_app(guarded().build().into_router()).await] {
        for (path, token, status) in [
            ("/openrpc.json", None, 401),
            ("/openrpc.json", Some("guess"), 401),
            ("/openrpc.json", Some("bob's"), 200),
            ("/health/ready", None, 401),
            ("/health/ready", Some("bob's"), 403),
            ("/health/ready", Some("ops'"), 200),
            ("/health/live", None, 200),
            ("/health/live", Some("guess"), 200),
        ] {
            let line = token.map(|token| format!("authorization: Bearer {token}"));
            let lines: Vec<&str> = ["host: localhost"].into_iter().chain(line.as_deref()).collect();
            for method in ["GET", "HEAD"] {
                let reply = ask(addr, method, path, &lines).await;
                assert_eq!(reply.status, status, "{method} {path} {token:?}");
                let challenge = (status == 401).then_some("Bearer");
                assert_eq!(reply.header("www-authenticate"), challenge, "{method} {path} {token:?}");
                if status != 200 {
                    assert_eq!(
                        (reply.header("rpc-status"), reply.header("rpc-refused")),
                        (Some("-32098"), Some("all"))
                    );
                }
            }
        }
        // The server refuses pages of other sites before it authenticates the caller.
        let lines = ["host: localhost", "origin: https://evil.example", "authorization: Bearer bob's"];
        assert_eq!(ask(addr, "GET", "/openrpc.json", &lines).await.status, 403);
    }
}

#[tokio::test]
async fn a_method_requires_what_the_page_does_that_tells_the_same() {
    let server = guarded().build();
    for (method, token, code) in [
        ("rpc.discover", None, Some(-32098)),
        ("rpc.discover", Some("bob's"), None),
        ("rpc.health", None, Some(-32098)),
        ("rpc.health", Some("bob's"), Some(-32098)),
        ("rpc.health", Some("ops'"), None),
        ("ping", None, None),
    ] {
        for (way, client) in clients_of(&server).await {
            let call = client.call::<serde_json::Value>(method, ());
            let call = match token {
                Some(token) => call.header("authorization", format!("Bearer {token}")),
                None => call,
            };
            let answered = call.await.err().map(|error| error.failure().unwrap().error_object().unwrap().code().get());
            assert_eq!(answered, code, "{way}: {method} {token:?}");
        }
    }
    let document = server.openrpc().unwrap().as_value().to_string();
    assert!(document.contains(r#""x-requires":["ops"]"#) && document.contains(r#""x-requires":[]"#), "{document}");
}

#[tokio::test]
async fn a_page_that_is_guarded_is_shown_to_few_while_the_server_is_full_and_bounds_who_is_asked_for() {
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let authenticate = move |_: Arc<RequestContext>| {
        let gate = Arc::clone(&opened);
        async move { Ok(gate.acquire().await.ok().map(|_| Principal::new("ada"))) }
    };
    let server = builder().authenticate(authenticate).page_requires("/health/live", &[]).limits(limits).build();
    let addr = serve(&server).await;
    let live = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut connection = Connection::open(addr).await;
        connection.send(live).await;
        connections.push(connection);
    }
    // There is room for one request, and for one more. Of three, one is refused at once.
    let mut statuses = Vec::new();
    while statuses.is_empty() {
        for connection in &mut connections {
            if connection.has_bytes_within(std::time::Duration::from_millis(5)).await {
                statuses.push(connection.reply().await.status);
            }
        }
    }
    assert_eq!(statuses, [503]);
    gate.add_permits(2);
}

#[test]
#[should_panic(expected = "page_requires: there is no page \"/metrics\"")]
fn what_is_no_page_requires_nothing() {
    builder().page_requires("/metrics", &[]).build();
}
