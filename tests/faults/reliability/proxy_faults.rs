//! Each fault does what its name says.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use support::raw_http::{Connection, Reply, TEST_TIMEOUT, exchange, post, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::reliability::plan::{Fault, Plan};
use crate::reliability::proxy::{Gateway, Options, Proxy};
use crate::reliability::server::{self, Ledger};

/// A server behind a proxy. The test sets the fault of each request, in order.
struct Rig {
    ledger: Ledger,
    proxy: Proxy,
}

impl Rig {
    async fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::with_options(faults, Options::default()).await
    }

    async fn with_options(faults: impl IntoIterator<Item = Fault>, options: Options) -> Self {
        let ledger = Ledger::in_memory();
        let server = server::builder(&ledger).build().bind("127.0.0.1:0").await.unwrap().spawn();
        let plan = Plan::script(faults.into_iter().map(Some));
        Self { ledger, proxy: Proxy::with_options(server.local_addr(), plan, options).await }
    }

    fn addr(&self) -> SocketAddr {
        self.proxy.addr()
    }

    /// Returns how many effects the calls 1, 2 and 3 had.
    fn effects(&self) -> [u32; 3] {
        [1, 2, 3].map(|number| self.ledger.count(number))
    }
}

fn call(number: u64) -> Value {
    json!({"jsonrpc": "2.0", "method": "effects.once", "params": [number], "id": format!("id-{number}")})
}

fn single() -> Vec<u8> {
    post(call(1).to_string())
}

fn batch() -> Vec<u8> {
    post(json!([call(1), call(2), call(3)]).to_string())
}

fn ids(reply: &Reply) -> Vec<Value> {
    let body: Vec<Value> = reply.json();
    body.iter().map(|entry| entry["id"].clone()).collect()
}

/// Sends a call, and returns what arrived before the connection was closed or reset.
async fn until_closed(rig: &Rig) -> Vec<u8> {
    let mut stream = TcpStream::connect(rig.addr()).await.unwrap();
    stream.write_all(&single()).await.unwrap();
    let mut came = Vec::new();
    drop(timeout(TEST_TIMEOUT, stream.read_to_end(&mut came)).await.expect("the proxy closes"));
    came
}

#[tokio::test]
async fn without_faults_all_passes_untouched() {
    let rig = Rig::with_options([], Options { records: true, ..Options::default() }).await;
    let body = call(1).to_string();
    let length = body.len().to_string();
    let headers = [("Host", "a"), ("content-type", "application/json"), ("X-One", "1"), ("content-length", &length)];
    let reply = exchange(rig.addr(), &request("POST / HTTP/1.1", &headers, body.as_bytes())).await;
    assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("0")));
    assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","result":1,"id":"id-1"}"#);
    let forwarded = rig.proxy.forwarded();
    assert_eq!(forwarded[0].headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(forwarded[0].body, body.as_bytes());
}

#[tokio::test]
async fn head_requests_pass_and_meet_faults() {
    let status = Fault::Status { status: 503, retry_after: None, forwarded: false };
    let rig = Rig::new([Fault::Cut, status]).await;
    let mut connection = Connection::open(rig.addr()).await;
    let head = request("HEAD / HTTP/1.1", &[("host", "a")], b"");
    connection.send(&head).await;
    let direct = connection.reply_with_body(false).await;
    assert_ne!(direct.status, 503);
    connection.send(&head).await;
    assert_eq!(connection.reply_with_body(false).await.status, 503);
    connection.send(&single()).await;
    assert_eq!(connection.reply().await.status, 200);
}

#[tokio::test]
async fn a_dropped_request_has_no_effect_and_a_dropped_answer_has_one() {
    let rig = Rig::new([Fault::DropRequest, Fault::DropResponse]).await;
    assert_eq!(until_closed(&rig).await, b"");
    assert_eq!(rig.effects(), [0, 0, 0]);
    assert_eq!(until_closed(&rig).await, b"");
    assert_eq!(rig.effects(), [1, 0, 0]);
}

#[tokio::test]
async fn a_cut_answer_has_a_head_and_half_a_body() {
    let rig = Rig::new([Fault::Cut]).await;
    let came = String::from_utf8(until_closed(&rig).await).unwrap();
    assert!(came.ends_with("\r\n\r\n{\"jsonrpc\":\"2.0\",\"re"), "{came}");
    assert_eq!(rig.effects(), [1, 0, 0]);
}

#[tokio::test]
async fn a_delay_changes_nothing_but_the_time() {
    let time = Duration::from_millis(30);
    for fault in [Fault::DelayRequest(time), Fault::DelayResponse(time)] {
        let rig = Rig::new([fault]).await;
        let start = std::time::Instant::now();
        assert_eq!(exchange(rig.addr(), &single()).await.status, 200);
        assert!(start.elapsed() >= time);
    }
}

#[tokio::test]
async fn what_hangs_hangs_until_it_is_let_go() {
    for (forwarded, effects) in [(false, 0), (true, 1)] {
        let rig = Rig::new([Fault::Hang { forwarded }]).await;
        let mut connection = Connection::open(rig.addr()).await;
        connection.send(&single()).await;
        assert!(!connection.has_bytes_within(Duration::from_millis(50)).await);
        rig.proxy.release();
        assert_eq!(connection.rest().await, b"");
        assert_eq!(rig.effects(), [effects, 0, 0]);
    }
}

#[tokio::test]
async fn a_status_comes_before_the_effect_or_after_it() {
    for status in [429, 500, 502, 503] {
        for (forwarded, effects) in [(false, 0), (true, 1)] {
            for retry_after in [None, Some(7)] {
                let rig = Rig::new([Fault::Status { status, retry_after, forwarded }]).await;
                let reply = exchange(rig.addr(), &single()).await;
                assert_eq!(reply.status, status);
                assert_eq!(reply.header("retry-after"), retry_after.map(|_| "7"));
                assert_eq!(rig.effects(), [effects, 0, 0]);
            }
        }
    }
}

#[tokio::test]
async fn garbage_is_no_http_or_no_json() {
    let rig = Rig::new([Fault::Garbage, Fault::GarbageJson]).await;
    assert!(!until_closed(&rig).await.starts_with(b"HTTP"));
    let reply = exchange(rig.addr(), &single()).await;
    assert_eq!(reply.status, 200);
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
    assert_eq!(rig.effects(), [2, 0, 0]);
}

#[tokio::test]
async fn answers_lose_their_ids_and_their_places() {
    let faults = [Fault::WrongId, Fault::WrongId, Fault::Doubled, Fault::Missing, Fault::Foreign];
    let rig = Rig::new(faults).await;
    let reply = exchange(rig.addr(), &single()).await;
    assert_eq!(reply.text(), r#"{"id":"nobody's","jsonrpc":"2.0","result":1}"#);
    for expected in [
        json!(["nobody's", "id-2", "id-3"]),
        json!(["id-1", "id-2", "id-3", "id-1"]),
        json!(["id-2", "id-3"]),
        json!(["nobody's", "id-2", "id-3"]),
    ] {
        assert_eq!(json!(ids(&exchange(rig.addr(), &batch()).await)), expected);
    }
}

#[tokio::test]
async fn a_huge_answer_is_the_answer_with_much_space_behind_it() {
    let rig = Rig::new([Fault::Huge]).await;
    let reply = exchange(rig.addr(), &single()).await;
    assert!(reply.body.len() > 256 << 10);
    assert_eq!(reply.text().trim_end(), r#"{"jsonrpc":"2.0","result":1,"id":"id-1"}"#);
}

#[tokio::test]
async fn a_stale_connection_is_reset_when_the_next_request_comes() {
    let rig = Rig::new([Fault::StaleClose]).await;
    let mut stream = TcpStream::connect(rig.addr()).await.unwrap();
    stream.write_all(&single()).await.unwrap();
    let mut answer = vec![0; 4096];
    let len = stream.read(&mut answer).await.unwrap();
    assert!(answer[..len].starts_with(b"HTTP/1.1 200"));
    stream.write_all(&single()).await.unwrap();
    let end = timeout(TEST_TIMEOUT, stream.read(&mut answer)).await.expect("the proxy resets");
    assert!(end.is_err(), "{end:?}");
    assert_eq!(rig.effects(), [1, 0, 0]);
}

#[tokio::test]
async fn nobody_listens_in_an_outage_and_all_is_well_after_it() {
    let rig = Rig::new([Fault::Outage(Duration::from_millis(200))]).await;
    assert_eq!(until_closed(&rig).await, b"");
    let refused = async { while TcpStream::connect(rig.addr()).await.is_ok() {} };
    timeout(TEST_TIMEOUT, refused).await.expect("connections are refused");
    let accepted = async { while TcpStream::connect(rig.addr()).await.is_err() {} };
    timeout(TEST_TIMEOUT, accepted).await.expect("connections are accepted again");
    assert_eq!(exchange(rig.addr(), &single()).await.status, 200);
    assert_eq!(rig.effects(), [1, 0, 0]);
}

#[tokio::test]
async fn connections_may_be_reset_as_soon_as_they_are_accepted() {
    let rig = Rig::with_options([], Options { resets_one_of: 2, ..Options::default() }).await;
    assert_eq!(exchange(rig.addr(), &single()).await.status, 200);
    let mut stream = TcpStream::connect(rig.addr()).await.unwrap();
    assert!(stream.read(&mut [0]).await.is_err());
    assert_eq!(exchange(rig.addr(), &single()).await.status, 200);
}

#[tokio::test]
async fn a_gateway_gives_calls_ids_of_its_own_and_answers_their_old_ones() {
    for gateway in [Gateway::NumbersCalls, Gateway::MintsUuids] {
        let rig = Rig::with_options([], Options { gateway, records: true, ..Options::default() }).await;
        assert_eq!(ids(&exchange(rig.addr(), &batch()).await), ["id-1", "id-2", "id-3"]);
        let sent: Vec<Value> = serde_json::from_slice(&rig.proxy.forwarded()[0].body).unwrap();
        for (number, entry) in (1..).zip(sent) {
            match gateway {
                Gateway::MintsUuids => drop(uuid::Uuid::try_parse(entry["id"].as_str().unwrap()).unwrap()),
                _ => assert_eq!(entry["id"], number),
            }
        }
    }
}

#[tokio::test]
async fn each_request_may_get_another_token() {
    let options = Options { rotates_tokens: true, records: true, ..Options::default() };
    let rig = Rig::with_options([], options).await;
    for _ in 0..2 {
        exchange(rig.addr(), &single()).await;
    }
    let tokens: Vec<_> =
        rig.proxy.forwarded().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(tokens, ["Bearer 0", "Bearer 1"]);
}

#[tokio::test]
async fn the_hook_runs_between_the_effect_and_the_answer() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let hook = move || {
        tell.send(()).unwrap();
        Box::pin(std::future::ready(())) as _
    };
    let rig = Rig::with_options([Fault::Kill], Options { hook: Some(Box::new(hook)), ..Options::default() }).await;
    assert_eq!(until_closed(&rig).await, b"");
    told.recv().await.unwrap();
    assert_eq!(rig.effects(), [1, 0, 0]);
}
