//! The statuses with which the server declares by `Rpc-Refused` that nothing ran, and those with which the client
//! believes it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rpc::auth::Bearer;
use rpc::middleware::RateLimit;
use rpc::{Limits, Outcome, Principal, Server, ServerBuilder};
use support::raw_http::{Connection, Reply, exchange, post, post_with, request};
use support::{Answer, Peer, error, http, serve};

#[rpc::service(namespace = "door")]
trait Door {
    async fn knock(&self, times: u32) -> u32;
    #[rpc(requires = "admin")]
    async fn open(&self) -> u32;
}

struct Wood;

impl Door for Wood {
    async fn knock(&self, times: u32) -> u32 {
        times
    }
    async fn open(&self) -> u32 {
        0
    }
}

fn door() -> ServerBuilder {
    let bearer = Bearer::new().token("bob's", Principal::new("bob"));
    Server::builder().service(DoorServer::new(Wood)).authenticate(bearer)
}

fn limits(change: fn(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// Returns the statuses that docs/wire.md lists for `Rpc-Refused`.
fn listed() -> BTreeSet<u16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wire.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, list) = document.split_once("It comes with the statuses ").expect("the statuses are listed");
    let (list, _) = list.split_once(" alone").expect("the list has an end");
    list.split([',', ' ']).filter_map(|status| status.parse().ok()).collect()
}

const KNOCK: &str = r#"{"jsonrpc":"2.0","method":"door.knock","params":[1],"id":1}"#;
const KNOCK_TWICE: &str = r#"{"jsonrpc":"2.0","method":"door.knock","params":[2],"id":2}"#;
const OPEN: &str = r#"{"jsonrpc":"2.0","method":"door.open","id":1}"#;

const HOST: (&str, &str) = ("host", "localhost");
const JSON: (&str, &str) = ("content-type", "application/json");

/// Sends requests that are refused for their content, each for another reason. Returns the answers.
async fn refused_for_what_they_are(addr: SocketAddr) -> Vec<Reply> {
    let plain = |line| request(line, &[HOST], b"");
    let too_many = vec![("x-header", "x"); 200];
    let mut replies = Vec::new();
    for bytes in [
        post("{"),
        post_with(&[("rpc-timeout-ms", "0")], KNOCK),
        post_with(&[("rpc-idempotency", "keys=00000000-0000-4000-8000-000000000001")], KNOCK),
        post_with(&[("rpc-idempotency", "keys=")], KNOCK),
        post_with(&[("idempotency-key", "bare")], KNOCK),
        post_with(&[("authorization", "Bearer guess")], KNOCK),
        post_with(&[("x-token", "none")], OPEN),
        post_with(&[("authorization", "Bearer bob's")], OPEN),
        post_with(&[("origin", "http://evil.example")], KNOCK),
        request("POST / HTTP/1.1", &[HOST, ("content-type", "text/plain"), ("content-length", "0")], b""),
        request("POST / HTTP/1.1", &[HOST, JSON, ("content-length", "3000000"), ("expect", "100-continue")], b""),
        plain("GET / HTTP/1.1"),
        plain("POST /elsewhere HTTP/1.1"),
        plain("GET"),
        plain(&format!("GET /{} HTTP/1.1", "x".repeat(70_000))),
        request("POST / HTTP/1.1", &too_many, b""),
    ] {
        replies.push(exchange(addr, &bytes).await);
    }
    replies
}

/// Sends requests that do not arrive in full or in time. Returns the answers.
async fn refused_for_how_they_come() -> Vec<Reply> {
    let slow = door().limits(limits(|limits| {
        limits.header_timeout = Duration::from_millis(50);
        limits.body_progress_timeout = Duration::from_millis(50);
    }));
    let slow = serve(&slow.build()).await;
    let begun = request("POST / HTTP/1.1", &[HOST, JSON, ("content-length", "10")], b"{");
    let mut replies = vec![exchange(slow, b"POST / HTTP/1.1\r\n").await, exchange(slow, &begun).await];
    let mut broken = Connection::open(serve(&door().build()).await).await;
    broken.send(&begun).await;
    broken.finish_sending().await;
    replies.push(broken.reply().await);
    replies
}

/// Sends requests that are refused because of other requests or the server's own faults. Returns the answers.
async fn refused_for_the_state_of_the_server() -> Vec<Reply> {
    let mut replies = Vec::new();
    let full = door().limits(limits(|limits| limits.max_calls_in_flight = 0)).build();
    replies.push(exchange(serve(&full).await, &post(KNOCK)).await);
    let filled = door().limits(limits(|limits| limits.max_buffered_bytes = 1)).build();
    replies.push(exchange(serve(&filled).await, &post(KNOCK)).await);
    let limited = serve(&door().layer(RateLimit::per_minute(1)).build()).await;
    let keyed = serve(&door().build()).await;
    for (addr, header) in [(limited, ("x-header", "x")), (keyed, ("idempotency-key", "\"order\""))] {
        assert_eq!(exchange(addr, &post_with(&[header], KNOCK)).await.status, 200);
        replies.push(exchange(addr, &post_with(&[header], KNOCK_TWICE)).await);
    }
    let panics = door().idempotency_scope(|_| panic!("in the hook")).build();
    let addr = serve(&panics).await;
    replies.push(exchange(addr, &post_with(&[("idempotency-key", "\"order\"")], KNOCK)).await);
    let mut connection = Connection::open(addr).await;
    connection.send(&request("HEAD / HTTP/1.1", &[HOST, ("rpc-idempotency", "scope")], b"")).await;
    let asked = connection.reply_with_body(false).await;
    assert_eq!((asked.status, asked.header("rpc-refused")), (500, None), "there are no calls of which to say it");
    replies
}

#[tokio::test]
async fn the_server_refuses_with_the_statuses_that_are_listed_and_with_no_other() {
    let server = door().limits(limits(|limits| limits.max_header_bytes = 1 << 20)).build();
    let mut replies = refused_for_what_they_are(serve(&server).await).await;
    replies.extend(refused_for_how_they_come().await);
    replies.extend(refused_for_the_state_of_the_server().await);
    for reply in &replies {
        assert_eq!(reply.header("rpc-refused"), Some("all"), "{} {}", reply.status, reply.text());
    }
    let statuses: BTreeSet<_> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, listed());
}

#[tokio::test]
async fn the_client_believes_refusals_with_the_statuses_that_are_listed_and_with_no_other() {
    let status = Arc::new(AtomicU16::new(0));
    let answered = Arc::clone(&status);
    let peer = Peer::start(move |request| {
        let line = format!("{} Prepared", answered.load(Ordering::Relaxed));
        Answer::Bytes(http(&line, &["rpc-refused: all"], &error(&request.id(), -32092, "")))
    });
    let client = peer.await.client();
    let mut believed = BTreeSet::new();
    // Responses with these statuses have no body.
    for code in (200..600).filter(|code| ![204, 205, 304].contains(code)) {
        status.store(code, Ordering::Relaxed);
        if client.call::<u32>("method", ()).await.unwrap_err().outcome() == Outcome::Refused {
            believed.insert(code);
        }
    }
    assert_eq!(believed, listed());
}
