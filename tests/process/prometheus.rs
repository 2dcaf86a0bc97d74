//! The Prometheus page. A process has only one recorder of metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rpc::auth::Bearer;
use rpc::{Client, Principal, Prometheus, Server, ServerBuilder, Telemetry};
use support::raw_http::{Reply, exchange, request};
use support::serve;

fn server() -> ServerBuilder {
    Server::builder()
        .method("ping", || async { "pong" })
        .method("nap", || tokio::time::sleep(Duration::from_millis(30)))
        .telemetry(Telemetry::default())
        .prometheus(Prometheus::install().unwrap())
}

async fn page(addr: SocketAddr, path: &str) -> Reply {
    exchange(addr, &request(&format!("GET {path} HTTP/1.1"), &[("host", "localhost")], b"")).await
}

/// Returns the values of all lines with this start, by the value of their last label.
fn values(page: &str, start: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| line.starts_with(start));
    let split = lines.map(|line| line.rsplit_once(' ').unwrap());
    let last = |name: &str| name.rsplit('"').nth(1).unwrap_or_default().to_owned();
    split.map(|(name, value)| (last(name), value.parse().unwrap())).collect()
}

#[tokio::test]
async fn percentiles_can_be_told_from_the_buckets_on_the_page() {
    let addr = serve(&server().build()).await;
    let client = Client::builder().endpoint(format!("http://{addr}")).telemetry(Telemetry::default()).build().unwrap();
    for _ in 0..9 {
        client.call::<String>("ping", ()).await.unwrap();
    }
    client.call::<()>("nap", ()).await.unwrap();
    client.call::<()>("no such method", ()).await.unwrap_err();
    let page = page(addr, "/metrics").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let text = page.text();
    assert!(text.contains("# TYPE rpc_server_call_duration_seconds histogram"), "{text}");
    for who in ["server", "client"] {
        let name = format!("rpc_{who}_call_duration_seconds_bucket{{rpc_system_name=\"jsonrpc\",rpc_method");
        let ping = values(text, &format!("{name}=\"ping\""));
        assert_eq!((ping.len(), ping["+Inf"]), (23, 9.0), "{text}");
        let nap = values(text, &format!("{name}=\"nap\""));
        assert_eq!((nap["0.025"], nap["60"]), (0.0, 1.0), "{text}");
    }
    let unknown = r#"rpc_server_call_duration_seconds_count{rpc_system_name="jsonrpc",rpc_method="_OTHER",rpc_status_code="-32601",error_type="-32601"} 1"#;
    assert!(text.contains(unknown), "{text}");
    assert!(text.contains(r#"rpc_client_attempts_total{outcome="executed"} 11"#), "{text}");
    assert!(text.lines().any(|line| line.starts_with("rpc_server_connections ")), "{text}");
    assert!(
        text.contains("# HELP rpc_server_calls_in_flight Calls whose handler has begun and has not ended"),
        "{text}"
    );
}

#[tokio::test]
async fn the_page_can_stand_elsewhere_and_is_kept_from_web_pages() {
    let handle = Prometheus::install().unwrap();
    let server = Server::builder().method("ping", || async { "pong" });
    let addr = serve(&server.prometheus(handle.clone().path("/internal/metrics")).build()).await;
    metrics::counter!("orders").increment(2);
    assert_eq!(page(addr, "/metrics").await.status, 404);
    assert!(page(addr, "/internal/metrics").await.text().contains("orders_total 2\n"));
    assert!(handle.render().contains("orders_total 2\n"));
    let rebound = request("GET /internal/metrics HTTP/1.1", &[("host", "evil.example")], b"");
    assert_eq!(exchange(addr, &rebound).await.status, 403);
}

#[tokio::test]
async fn the_page_may_require_a_role() {
    let bearer = Bearer::new().token("ops'", Principal::new("ada").with_role("ops"));
    let addr = serve(&server().authenticate(bearer).page_requires("/metrics", &["ops"]).build()).await;
    for (token, status) in [(None, 401), (Some("Bearer guess"), 401), (Some("Bearer ops'"), 200)] {
        let mut headers = vec![("host", "localhost")];
        headers.extend(token.map(|token| ("authorization", token)));
        let reply = exchange(addr, &request("GET /metrics HTTP/1.1", &headers, b"")).await;
        assert_eq!(reply.status, status, "{token:?}");
        assert_eq!(reply.text().contains("rpc_server_connections"), status == 200, "{token:?}");
    }
}

#[tokio::test]
async fn two_servers_of_a_process_show_the_same_metrics() {
    // Each test has its own methods, because all tests use one recorder.
    let (first, second) = (serve(&server().method("twin", || async {}).build()).await, serve(&server().build()).await);
    let client = Client::new(format!("http://{first}")).unwrap();
    client.call::<()>("twin", ()).await.unwrap();
    let count = r#"rpc_server_call_duration_seconds_count{rpc_system_name="jsonrpc",rpc_method="twin"} 1"#;
    assert!(page(second, "/metrics").await.text().contains(count));
}

#[tokio::test]
#[should_panic(expected = "two pages have the path \"/metrics\"")]
async fn two_pages_of_metrics_need_two_paths() {
    let _ = server().prometheus(Prometheus::install().unwrap());
}
