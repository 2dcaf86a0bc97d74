//! What gateways and transports read from the headers in `rpc::headers`.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rpc::{Client, Context, Server, headers};
use support::raw_http::{Reply, exchange, post};
use support::serve;

#[rpc::service]
trait Door {
    #[rpc(readonly)]
    async fn knock(&self) -> u32;
    #[rpc(requires = "admin")]
    async fn open(&self) -> u32;
}

struct Wood;

impl Door for Wood {
    async fn knock(&self) -> u32 {
        1
    }
    async fn open(&self) -> u32 {
        2
    }
}

const KNOCK: &str = r#"{"jsonrpc":"2.0","method":"knock","id":1}"#;
const OPEN: &str = r#"{"jsonrpc":"2.0","method":"open","id":2}"#;
const UNKNOWN: &str = r#"{"jsonrpc":"2.0","method":"unknown","id":3}"#;

async fn reply(body: String) -> Reply {
    let addr = serve(&Server::builder().service(DoorServer::new(Wood)).build()).await;
    exchange(addr, &post(body)).await
}

/// Returns the positions that the response proves not to have run, among this many entries.
fn refused(reply: &Reply, entries: usize) -> Vec<usize> {
    let pair = |(name, value): &(String, String)| {
        (HeaderName::try_from(name.as_str()).unwrap(), HeaderValue::try_from(value.as_str()).unwrap())
    };
    let headers: HeaderMap = reply.headers.iter().map(pair).collect();
    let status = StatusCode::from_u16(reply.status).unwrap();
    (0..entries).filter(|place| headers::is_refused(status, &headers, *place)).collect()
}

#[tokio::test]
async fn a_gateway_reads_how_calls_fared_from_the_head_of_a_response() {
    for (body, fared) in [
        (KNOCK.to_owned(), "0"),
        (UNKNOWN.to_owned(), "-32601"),
        (OPEN.to_owned(), "-32098"),
        (format!("[{KNOCK},{UNKNOWN},{OPEN}]"), "2"),
    ] {
        assert_eq!(reply(body).await.header(headers::RPC_STATUS.as_str()), Some(fared));
    }
}

#[tokio::test]
async fn a_gateway_finds_the_calls_that_did_not_run_by_their_places() {
    assert!(refused(&reply(KNOCK.to_owned()).await, 1).is_empty());
    assert_eq!(refused(&reply(OPEN.to_owned()).await, 1), [0]);
    assert_eq!(refused(&reply(format!("[{KNOCK},{OPEN},{KNOCK},{OPEN}]")).await, 4), [1, 3]);
}

#[tokio::test]
async fn the_time_that_a_client_gives_is_read_from_its_request() {
    let given = |cx: Context| async move { headers::timeout(cx.headers()).map(|time| time.as_millis() as u64) };
    let addr = serve(&Server::builder().method("given", given).build()).await;
    let client = Client::new(format!("http://{addr}")).unwrap();
    let given = client.call::<Option<u64>>("given", ()).deadline(Duration::from_secs(60)).await.unwrap();
    assert!(given.is_some_and(|millis| (1..=60_000).contains(&millis)), "{given:?}");
}
