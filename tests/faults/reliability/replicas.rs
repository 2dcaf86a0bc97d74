//! Several servers behind one address, each with its own store; and several callers that use one key.

use std::collections::HashSet;
use std::net::SocketAddr;

use rpc::{Client, ClientBuilder, RequestContext};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::reliability::outcomes::{Findings, compare};
use crate::reliability::plan::{Fault, Plan};
use crate::reliability::proxy::{Options, Proxy};
use crate::reliability::server::{self, EffectsClient, Ledger};
use crate::reliability::storm;

const CALLS: u64 = 300;

/// Distributes connections over the servers in turn, like a load balancer that does not read them.
async fn balance(servers: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for server in servers.iter().cycle().copied() {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(server).await.unwrap();
                drop(copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    addr
}

/// Makes many calls to two servers behind a proxy, and compares.
async fn storm(plan: Plan, build: fn(ClientBuilder) -> ClientBuilder) -> Findings {
    let ledgers = [Ledger::in_memory(), Ledger::in_memory()];
    let mut servers = Vec::new();
    for ledger in &ledgers {
        servers.push(server::builder(ledger).build().bind("127.0.0.1:0").await.unwrap().spawn());
    }
    let balancer = balance(servers.iter().map(rpc::ServerHandle::local_addr).collect()).await;
    let proxy = Proxy::start(balancer, plan).await;
    let client = build(storm::builder()).endpoint(proxy.url()).build().unwrap();
    let records = storm::run(&client, 1, 0..CALLS).await;
    for server in servers {
        server.shutdown().await;
    }
    let [mut effects, of_second] = ledgers.map(|ledger| ledger.counts());
    assert!(effects.len() > 20 && of_second.len() > 20, "both servers have their part");
    for (number, count) in of_second {
        *effects.entry(number).or_default() += count;
    }
    compare(&records, &effects, proxy.plan())
}

fn keeps(client: ClientBuilder) -> ClientBuilder {
    client
}

/// Makes each request go to another server than the one before.
fn closes(client: ClientBuilder) -> ClientBuilder {
    client.header("connection", "close")
}

#[tokio::test]
async fn two_servers_with_stores_of_their_own_run_every_call_once() {
    for build in [keeps, closes] {
        let findings = storm(Plan::script([]), build).await;
        findings.assert_none();
        findings.assert_unknown_at_most(0);
        // The method declines one call of ten, after its effect.
        assert_eq!(findings.failed as u64, CALLS / 10, "{}", findings.summary());
    }
}

#[tokio::test]
async fn two_servers_with_stores_of_their_own_run_no_call_twice_when_answers_are_lost() {
    for build in [keeps, closes] {
        let findings = storm(Plan::seeded(1, [(Fault::DropResponse, 2000)]), build).await;
        findings.assert_none();
        assert!(findings.unknown_once > 0, "no store knows of the other's calls: {}", findings.summary());
    }
}

/// Returns the subject of a token: Ada for the first three tokens, Bob for the others.
fn subject(request: &RequestContext) -> Option<String> {
    let token = request.headers.get("authorization")?.to_str().ok()?.to_owned();
    Some(if ["Bearer 0", "Bearer 1", "Bearer 2"].contains(&&*token) { "ada" } else { "bob" }.to_owned())
}

fn token(request: &RequestContext) -> Option<String> {
    Some(request.headers.get("authorization")?.to_str().ok()?.to_owned())
}

/// Starts a server whose first answer is lost, behind a proxy that changes the token with each request.
async fn rotating(scope: fn(&RequestContext) -> Option<String>) -> (Ledger, Proxy) {
    let ledger = Ledger::in_memory();
    let server = server::builder(&ledger).idempotency_scope(scope).build();
    let server = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let options = Options { rotates_tokens: true, records: true, ..Options::default() };
    let plan = Plan::script([None, Some(Fault::DropResponse)]);
    (ledger, Proxy::with_options(server.local_addr(), plan, options).await)
}

#[tokio::test]
async fn a_token_that_is_another_at_each_attempt_leaves_the_key_the_same_and_another_subject_does_not() {
    let (ledger, proxy) = rotating(subject).await;
    let effects = EffectsClient::new(Client::new(proxy.url()).unwrap());
    let key = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    assert_eq!(effects.once(1).idempotency_key(key).await.unwrap(), 1);
    assert_eq!(ledger.count(1), 1);
    let sent = proxy.forwarded();
    let tokens: HashSet<_> = sent.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert_eq!((sent.len(), tokens.len()), (3, 3), "a HEAD, and an attempt whose answer is lost, and another one");

    // Bob uses the same key as Ada. Both calls of Bob are one call to the server.
    for _ in 0..2 {
        assert_eq!(effects.once(1).idempotency_key(key).await.unwrap(), 1);
        assert_eq!(ledger.count(1), 2);
    }
}

/// For this reason, the scope is the subject of a token and not the token itself.
#[tokio::test]
async fn a_scope_that_changes_between_attempts_lets_a_call_run_twice() {
    let (ledger, proxy) = rotating(token).await;
    let effects = EffectsClient::new(Client::new(proxy.url()).unwrap());
    assert_eq!(effects.once(1).await.unwrap(), 1);
    assert_eq!(ledger.count(1), 2);
}
