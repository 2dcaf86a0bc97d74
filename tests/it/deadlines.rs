//! Deadlines in the server: with a paused clock in process, and by hand over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use rpc::{Answer, AnswerStatus, Context, Dispatch, ErrorCode, Limits, RequestContext, Server};
use rpc_core::InheritedTimeLimit;
use support::raw_http::{Connection, Reply, exchange, post_with, request};
use support::serve;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

#[rpc::service(namespace = "time")]
trait Time {
    /// Sleeps for a second.
    #[rpc(readonly)]
    async fn read(&self) -> u8;
    async fn write(&self, #[rpc(context)] cx: &Context) -> Option<u64>;
    #[rpc(readonly, timeout = "200ms")]
    async fn short(&self) -> u8;
    #[rpc(timeout = "200ms")]
    async fn short_write(&self, #[rpc(context)] cx: &Context) -> Option<u64>;
    fn left(&self, #[rpc(context)] cx: &Context) -> Option<u64>;
    #[rpc(timeout = "200ms")]
    fn left_by_default(&self, #[rpc(context)] cx: &Context) -> Option<u64>;
    #[rpc(readonly)]
    async fn inherits_reading(&self) -> Vec<String>;
    async fn inherits_writing(&self) -> Vec<String>;
}

struct Clock(mpsc::UnboundedSender<()>);

/// Sleeps for a second. Returns after how many milliseconds the call was cancelled, if it was.
async fn second(cx: &Context) -> Option<u64> {
    let start = Instant::now();
    let end = start + Duration::from_secs(1);
    let cancelled = tokio::time::timeout_at(end, cx.cancelled()).await.ok().map(|()| start.elapsed());
    tokio::time::sleep_until(end).await;
    cancelled.map(|after| after.as_millis() as u64)
}

/// Describes what a call made now inherits. Times count from `start`.
fn inherited(start: Instant) -> String {
    match InheritedTimeLimit::current() {
        InheritedTimeLimit::Nothing => "nothing".to_owned(),
        InheritedTimeLimit::Within(limit) => format!("within {}", limit.as_millis()),
        InheritedTimeLimit::Until(end) => format!("until {}", (end - start.into_std()).as_millis()),
    }
}

async fn inherit() -> Vec<String> {
    let start = Instant::now();
    let at_once = inherited(start);
    sleep(Duration::from_millis(100)).await;
    vec![at_once, inherited(start)]
}

fn millis(left: Option<Duration>) -> Option<u64> {
    left.map(|left| left.as_millis() as u64)
}

impl Time for Clock {
    async fn read(&self) -> u8 {
        self.0.send(()).unwrap();
        sleep(Duration::from_secs(1)).await;
        1
    }
    async fn write(&self, cx: &Context) -> Option<u64> {
        self.0.send(()).unwrap();
        second(cx).await
    }
    async fn short(&self) -> u8 {
        self.read().await
    }
    async fn short_write(&self, cx: &Context) -> Option<u64> {
        second(cx).await
    }
    fn left(&self, cx: &Context) -> Option<u64> {
        self.0.send(()).unwrap();
        millis(cx.remaining())
    }
    fn left_by_default(&self, cx: &Context) -> Option<u64> {
        millis(cx.remaining())
    }
    async fn inherits_reading(&self) -> Vec<String> {
        inherit().await
    }
    async fn inherits_writing(&self) -> Vec<String> {
        inherit().await
    }
}

fn server(change: impl FnOnce(&mut Limits)) -> (Server, mpsc::UnboundedReceiver<()>) {
    let (begins, began) = mpsc::unbounded_channel();
    let mut limits = Limits::default();
    change(&mut limits);
    (Server::builder().service(TimeServer::new(Clock(begins))).limits(limits).build(), began)
}

fn call(method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"time.{method}","id":1}}"#)
}

async fn dispatch(server: &Server, body: &str, timeout: Option<&'static str>) -> Answer {
    let mut context = RequestContext::default();
    if let Some(timeout) = timeout {
        context.headers.insert("rpc-timeout-ms", HeaderValue::from_static(timeout));
    }
    let context = context.counting_from_now(|| Instant::now().into_std());
    server.dispatch(Bytes::copy_from_slice(body.as_bytes()), Arc::new(context)).await
}

#[track_caller]
fn assert_expired(reply: &Reply) {
    assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("-32095")));
    assert_eq!(reply.header("rpc-refused"), Some("all"));
    let error = r#"{"code":-32095,"message":"Deadline expired"}"#;
    assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","error":{error},"id":1}}"#));
}

#[tokio::test]
async fn expired_work_is_refused_before_it_starts() {
    let (server, mut began) = server(|_| {});
    let addr = serve(&server).await;
    assert_expired(&exchange(addr, &post_with(&[("rpc-timeout-ms", "0")], call("left"))).await);

    let note = r#"{"jsonrpc":"2.0","method":"time.left"}"#;
    let reply = exchange(addr, &post_with(&[("rpc-timeout-ms", "0")], note)).await;
    assert_eq!((reply.status, reply.text(), reply.header("rpc-refused")), (200, "", Some("all")));

    let reply = exchange(addr, &post_with(&[("rpc-timeout-ms", "0")], format!("[{0},{note},{0}]", call("left")))).await;
    assert_eq!((reply.header("rpc-status"), reply.header("rpc-refused")), (Some("2"), Some("0-2")));
    assert!(began.try_recv().is_err());

    let reply = exchange(addr, &post_with(&[("rpc-timeout-ms", "60000")], call("left"))).await;
    assert_eq!((reply.header("rpc-status"), reply.header("rpc-refused")), (Some("0"), None));
    assert!(began.try_recv().is_ok());
}

#[tokio::test]
async fn the_time_counts_from_the_arrival_of_the_head() {
    let (server, mut began) = server(|_| {});
    let addr = serve(&server).await;
    let mut connection = Connection::open(addr).await;
    let body = call("left");
    let length = body.len().to_string();
    let headers = [
        ("host", "a"),
        ("content-type", "application/json"),
        ("content-length", &*length),
        ("expect", "100-continue"),
        ("rpc-timeout-ms", "20"),
    ];
    connection.send(&request("POST / HTTP/1.1", &headers, b"")).await;
    assert!(connection.sees(b"HTTP/1.1 100 Continue\r\n\r\n").await);
    sleep(Duration::from_millis(30)).await;
    connection.send(body.as_bytes()).await;
    assert_expired(&connection.reply().await);
    assert!(began.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_readonly_handler_is_dropped_at_the_deadline() {
    let (server, _began) = server(|_| {});
    let start = Instant::now();
    let answer = dispatch(&server, &call("read"), Some("300")).await;
    assert_eq!(answer.status, AnswerStatus::Error(ErrorCode::HANDLER_TIMEOUT));
    assert!(answer.headers.is_none_or(|headers| !headers.contains_key("rpc-refused")));
    assert!((300..310).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn any_other_handler_is_told_of_the_deadline_and_goes_on() {
    let (server, _began) = server(|_| {});
    let answer = dispatch(&server, &call("write"), Some("300")).await;
    assert!(answer.body.starts_with(br#"{"jsonrpc":"2.0","result":30"#), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn no_deadline_gives_a_handler_more_time_than_the_server_does() {
    for timeout in [Some("100"), Some("60000"), None] {
        let (server, _began) = server(|limits| limits.handler_timeout = Duration::from_millis(500));
        for method in ["read", "write"] {
            let start = Instant::now();
            let answer = dispatch(&server, &call(method), timeout).await;
            assert_eq!(answer.status, AnswerStatus::Error(ErrorCode::HANDLER_TIMEOUT), "{method}");
            let took = start.elapsed().as_millis();
            let expected = if method == "read" && timeout == Some("100") { 100 } else { 500 };
            assert!((expected..expected + 10).contains(&took), "{method}: {took}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_methods_timeout_is_the_deadline_of_calls_that_have_none() {
    let (server, _began) = server(|_| {});
    let start = Instant::now();
    let answer = dispatch(&server, &call("short"), None).await;
    assert_eq!(answer.status, AnswerStatus::Error(ErrorCode::HANDLER_TIMEOUT));
    assert!((200..210).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    let answer = dispatch(&server, &call("short"), Some("5000")).await;
    assert_eq!(answer.status, AnswerStatus::Success);
    let answer = dispatch(&server, &call("short_write"), None).await;
    assert!(answer.body.starts_with(br#"{"jsonrpc":"2.0","result":20"#), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_methods_timeout_says_nothing_of_the_other_calls_of_a_batch() {
    let (server, _began) = server(|_| {});
    let answer = dispatch(&server, &format!("[{},{}]", call("short_write"), call("write")), None).await;
    let null = r#"{"jsonrpc":"2.0","result":null,"id":1}"#;
    assert_eq!(answer.body, format!("[{null},{null}]"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_knows_how_long_its_caller_waits() {
    let (server, _began) = server(|_| {});
    for (method, timeout, left) in [
        ("left", None, "null"),
        ("left", Some("300"), "300"),
        ("left_by_default", None, "200"),
        ("left_by_default", Some("300"), "300"),
    ] {
        let answer = dispatch(&server, &call(method), timeout).await;
        assert_eq!(answer.body, format!(r#"{{"jsonrpc":"2.0","result":{left},"id":1}}"#), "{method}, {timeout:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn entries_that_wait_for_their_turn_are_refused_when_the_time_is_up() {
    let (server, mut began) = server(|limits| limits.max_batch_concurrency = 1);
    let body = format!("[{},{},{}]", call("write"), call("left"), call("write"));
    let answer = dispatch(&server, &body, Some("500")).await;
    assert_eq!(answer.status, AnswerStatus::Batch { failures: 2 });
    assert_eq!(answer.headers.unwrap()["rpc-refused"], "1-2");
    assert!(began.try_recv().is_ok() && began.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn calls_inside_of_a_handler_inherit_the_time_that_it_has() {
    let (server, _began) = server(|limits| limits.handler_timeout = Duration::from_secs(5));
    for (method, timeout, at_once, later) in [
        ("inherits_reading", Some("300"), "within 300", "until 300"),
        ("inherits_reading", Some("9000"), "within 5000", "until 5000"),
        ("inherits_reading", None, "within 5000", "until 5000"),
        ("inherits_writing", Some("300"), "within 5000", "until 5000"),
        ("inherits_writing", None, "within 5000", "until 5000"),
    ] {
        let answer = dispatch(&server, &call(method), timeout).await;
        let expected = format!(r#"{{"jsonrpc":"2.0","result":["{at_once}","{later}"],"id":1}}"#);
        assert_eq!(answer.body, expected, "{method}, {timeout:?}");
    }
    assert_eq!(InheritedTimeLimit::current(), InheritedTimeLimit::Nothing);
}
