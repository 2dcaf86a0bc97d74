//! The metrics of clients.

use futures_util::FutureExt;
use rpc::transport::{HttpTransport, ReqwestTransport, Transport};
use rpc::{Client, Limits, Retry, RetryBudget, Server, Telemetry};
use support::{Answer, Peer, Wrapped, error, http, result, serve};

use super::capture::{Counter, Gauge, Histogram, Metrics};
use super::telling;

const DURATION: &str = "rpc.client.call.duration";

#[tokio::test]
async fn calls_are_timed_with_all_their_attempts_which_are_counted_apart() {
    let metrics = Metrics::begin();
    let peer = Peer::start(|request| match request.header("rpc-attempt") {
        None => Answer::Bytes(http("502 Bad Gateway", &[], "")),
        Some(_) => Answer::Bytes(http("200 OK", &[], &result(&request.id(), 1))),
    });
    let peer = peer.await;
    let client = telling(&peer.url()).retry(Retry::exponential()).build().unwrap();
    client.call::<i32>("shop.count", ()).readonly().await.unwrap();
    client.call::<i32>(String::from("made at run time"), ()).readonly().await.unwrap();
    let metrics = metrics.now();
    let port = peer.addr().rsplit_once(':').unwrap().1.to_owned();
    for method in ["_OTHER", "shop.count"] {
        let labels = format!("rpc.method={method},rpc.system.name=jsonrpc,server.address=127.0.0.1,server.port={port}");
        assert_eq!(metrics.get(&format!("{DURATION}{{{labels}}}")), Some(&Histogram(1)), "{metrics:#?}");
    }
    assert_eq!(metrics.get("rpc.client.attempts{outcome=unknown}"), Some(&Counter(2)));
    assert_eq!(metrics.get("rpc.client.attempts{outcome=executed}"), Some(&Counter(2)));
    assert_eq!(metrics.get("rpc.client.requests.in_flight{}"), Some(&Gauge(0.0)));
}

#[tokio::test]
async fn failures_are_told_apart_by_code_or_by_kind() {
    let metrics = Metrics::begin();
    let server = Server::builder().method("ping", || async {}).build();
    let client = Client::builder().in_process(&server).telemetry(Telemetry::default()).build().unwrap();
    client.call::<()>("nothing", ()).await.unwrap_err();
    let peer = Peer::answering(|request| error(&request.id(), -32093, "")).await;
    telling(&peer.url()).build().unwrap().call::<()>("slow", ()).await.unwrap_err();
    let gone = telling("http://127.0.0.1:9").build().unwrap();
    gone.call::<()>("away", ()).await.unwrap_err();
    let metrics = metrics.now();
    let nothing = "error.type=-32601,rpc.method=nothing,rpc.status_code=-32601,rpc.system.name=jsonrpc";
    assert_eq!(metrics.get(&format!("{DURATION}{{{nothing}}}")), Some(&Histogram(1)), "{metrics:#?}");
    let find = |start: &str| metrics.iter().find(|(name, _)| name.starts_with(&format!("{DURATION}{{{start}")));
    assert!(find("error.type=-32093,rpc.method=slow,rpc.status_code=-32093").is_some(), "{metrics:#?}");
    assert!(find("error.type=network,rpc.method=away,rpc.system.name").is_some(), "{metrics:#?}");
    assert_eq!(metrics.get("rpc.client.attempts{outcome=not_sent}"), Some(&Counter(1)));
}

#[tokio::test]
async fn a_refusal_is_counted_alike_alone_and_in_a_batch() {
    let metrics = Metrics::begin();
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 0;
    let server = Server::builder().method("ping", || async {}).limits(limits).build();
    let client = telling(&format!("http://{}", serve(&server).await)).retry(Retry::never()).build().unwrap();
    client.call::<()>("ping", ()).await.unwrap_err();
    client.batch([client.call::<()>("ping", ())]).await.unwrap()[0].as_ref().unwrap_err();
    let metrics = metrics.now();
    let labels = "error.type=-32092,rpc.method=ping,rpc.status_code=-32092";
    let found = metrics.iter().find(|(name, _)| name.starts_with(&format!("{DURATION}{{{labels}")));
    assert_eq!(found.unwrap().1, &Histogram(2), "{metrics:#?}");
}

#[tokio::test]
async fn each_call_of_a_batch_is_timed() {
    let metrics = Metrics::begin();
    let server = Server::builder().method("ping", || async {}).build();
    let client = Client::builder().in_process(&server).telemetry(Telemetry::default()).build().unwrap();
    let (_, pong, nothing) = client
        .batch((client.notify("ping", ()), client.call::<()>("ping", ()), client.call::<()>("no", ())))
        .await
        .unwrap();
    assert!(pong.is_ok() && nothing.is_err());
    let metrics = metrics.now();
    let ping = format!("{DURATION}{{rpc.method=ping,rpc.system.name=jsonrpc}}");
    assert_eq!(metrics.get(&ping), Some(&Histogram(2)), "{metrics:#?}");
    assert_eq!(metrics.keys().filter(|name| name.starts_with(DURATION)).count(), 2);
    assert_eq!(metrics.get("rpc.client.attempts{outcome=executed}"), Some(&Counter(3)));
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_seen() {
    let metrics = Metrics::begin();
    let peer = Peer::start(|_| Answer::Bytes(http("502 Bad Gateway", &[], ""))).await;
    let client = telling(&peer.url()).retry(Retry::exponential()).retry_budget(RetryBudget::new(1).per_success(0.0));
    client.build().unwrap().call::<()>("ping", ()).readonly().await.unwrap_err();
    assert_eq!(peer.requests().len(), 2);
    let metrics = metrics.now();
    assert_eq!(metrics.get("rpc.client.retry_budget.exhausted{}"), Some(&Counter(1)), "{metrics:#?}");
    assert_eq!(metrics.get("rpc.client.retry_budget.remaining{}"), Some(&Gauge(0.0)));
}

#[tokio::test]
async fn requests_that_wait_for_their_turn_are_seen() {
    let metrics = Metrics::begin();
    let server = Server::builder().method("wait", std::future::pending::<()>).build();
    let url = format!("http://{}", serve(&server).await);
    let client = telling(&url).max_concurrent_requests(1).build().unwrap();
    let mut calls =
        (0..3).map(|_| Box::pin(client.call::<()>("wait", ()).readonly().into_future())).collect::<Vec<_>>();
    for call in &mut calls {
        assert!(call.now_or_never().is_none());
    }
    let under_way = metrics.now();
    assert_eq!(under_way.get("rpc.client.requests.in_flight{}"), Some(&Gauge(3.0)), "{under_way:#?}");
    assert_eq!(under_way.get("rpc.client.requests.waiting{}"), Some(&Gauge(2.0)));
    drop(calls);
    let given_up = metrics.now();
    assert_eq!(given_up.get("rpc.client.requests.in_flight{}"), Some(&Gauge(0.0)));
    assert_eq!(given_up.get("rpc.client.requests.waiting{}"), Some(&Gauge(0.0)));
    let cancelled = given_up.iter().find(|(name, _)| name.contains("error.type=cancelled"));
    assert_eq!(cancelled.map(|(_, value)| value), Some(&Histogram(3)), "{given_up:#?}");
}

#[tokio::test]
async fn a_transport_that_wraps_another_is_told_like_it() {
    let server = Server::builder().method("ping", || async {}).method("wait", std::future::pending::<()>).build();
    let addr = serve(&server).await;
    let url = format!("http://user:secret@{addr}/");
    let http = || HttpTransport::builder().max_concurrent_requests(1).build(&url).unwrap();
    let reqwest = ReqwestTransport::new(reqwest::Client::builder().no_proxy().build().unwrap(), &url).unwrap();
    let wrapped: [Box<dyn Transport>; 3] = [Box::new(http()), Box::new(Wrapped(http())), Box::new(Wrapped(reqwest))];
    for transport in wrapped {
        let metrics = Metrics::begin();
        let is_ours = !format!("{transport:?}").contains("Reqwest");
        let transport = std::sync::Arc::<dyn Transport>::from(transport);
        let client = Client::builder().transport(transport).telemetry(Telemetry::default()).build().unwrap();
        client.call::<()>("ping", ()).await.unwrap();
        let now = metrics.now();
        let labels = "rpc.method=ping,rpc.system.name=jsonrpc,server.address=127.0.0.1";
        let ping = format!("{DURATION}{{{labels},server.port={}}}", addr.port());
        assert_eq!(now.get(&ping), Some(&Histogram(1)), "{now:#?}");
        if is_ours {
            let mut calls =
                (0..3).map(|_| Box::pin(client.call::<()>("wait", ()).readonly().into_future())).collect::<Vec<_>>();
            assert!(calls.iter_mut().all(|call| call.now_or_never().is_none()));
            assert_eq!(metrics.now().get("rpc.client.requests.waiting{}"), Some(&Gauge(2.0)));
        }
    }
}
