//! A client whose endpoints are the addresses of a name, with a name server of the tests' own.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use rpc::{Balance, Client, Context, DnsDiscovery, Endpoint, Outcome, Server};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;

/// A name server that has one name.
struct NameServer {
    addr: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    /// The number of questions for IPv4 addresses.
    questions: watch::Receiver<u32>,
}

struct Zone {
    /// `None` means that the name does not exist.
    addresses: Option<Vec<Ipv4Addr>>,
    ttl: u32,
    ipv6: Ipv6Answer,
}

/// The answer to questions for IPv6 addresses of the name.
#[derive(Clone, Copy, PartialEq)]
enum Ipv6Answer {
    None,
    /// `::1`.
    Loopback,
    Failure,
}

const NAME: &str = "orders.test.";

impl NameServer {
    async fn start(addresses: &[Ipv4Addr], ttl: u32) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = socket.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone { addresses: Some(addresses.to_vec()), ttl, ipv6: Ipv6Answer::None }));
        let (asked, questions) = watch::channel(0);
        let answering = Arc::clone(&zone);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let answer = answer(&buffer[..length], &answering.lock().unwrap());
                if answer.queries[0].query_type() == RecordType::A {
                    asked.send_modify(|count| *count += 1);
                }
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        });
        Self { addr, zone, questions }
    }

    fn set(&self, addresses: Option<Vec<Ipv4Addr>>) {
        self.zone.lock().unwrap().addresses = addresses;
    }

    fn client(&self, port: u16) -> Client {
        let source = DnsDiscovery::new(format!("http://orders.test:{port}")).unwrap().name_servers([self.addr]);
        Client::builder().discover(source).balance(Balance::round_robin()).build().unwrap()
    }
}

fn answer(question: &[u8], zone: &Zone) -> Message {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    match &zone.addresses {
        Some(addresses) if query.name().to_string() == NAME => {
            if query.query_type() == RecordType::A {
                for address in addresses {
                    let record = Record::from_rdata(query.name().clone(), zone.ttl, RData::A(A(*address)));
                    answer.add_answer(record);
                }
            } else if zone.ipv6 == Ipv6Answer::Failure {
                answer.metadata.response_code = ResponseCode::ServFail;
            } else if zone.ipv6 == Ipv6Answer::Loopback {
                let data = RData::AAAA(AAAA(Ipv6Addr::LOCALHOST));
                answer.add_answer(Record::from_rdata(query.name().clone(), zone.ttl, data));
            }
        }
        _ => answer.metadata.response_code = ResponseCode::NXDomain,
    }
    answer.add_query(query);
    answer
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// Serves at the same port of several addresses. `host` answers with the address of the server and the header `Host`.
async fn serve(hosts: &[u8]) -> u16 {
    'port: loop {
        let mut listeners: Vec<TcpListener> = Vec::new();
        for last in hosts {
            let port = listeners.first().map_or(0, |first| first.local_addr().unwrap().port());
            match TcpListener::bind((ip(*last), port)).await {
                Ok(listener) => listeners.push(listener),
                // Another process has this port of the address.
                Err(_) => continue 'port,
            }
        }
        let port = listeners[0].local_addr().unwrap().port();
        for listener in listeners {
            let own = listener.local_addr().unwrap().ip().to_string();
            let server = Server::builder().method("host", move |cx: Context| {
                let host = cx.headers()["host"].to_str().unwrap().to_owned();
                let own = own.clone();
                async move { (own, host) }
            });
            tokio::spawn(server.build().on(listener).unwrap().serve());
        }
        return port;
    }
}

async fn until_hosts(client: &Client, hosts: &[u8]) {
    let expected: Vec<_> = hosts.iter().map(|last| ip(*last).to_string()).collect();
    let mut watch = client.watch_endpoints();
    let hosts =
        || client.endpoints().iter().map(|endpoint| endpoint.address().unwrap().host.clone()).collect::<Vec<_>>();
    while hosts() != expected {
        watch.changed().await.unwrap();
    }
}

async fn call(client: &Client) -> Result<(String, String), rpc::Error> {
    client.call("host", ()).readonly().await
}

#[tokio::test]
async fn each_address_of_a_name_is_an_endpoint_and_requests_name_the_host() {
    let port = serve(&[1, 2]).await;
    // Name servers rotate the addresses.
    let names = NameServer::start(&[ip(2), ip(1)], 60).await;
    let client = names.client(port);
    let mut hosts = [call(&client).await.unwrap(), call(&client).await.unwrap()];
    hosts.sort();
    let named = format!("orders.test:{port}");
    assert_eq!(hosts, [("127.0.0.1".to_owned(), named.clone()), ("127.0.0.2".to_owned(), named)]);
    let shown: Vec<_> = client.endpoints().iter().map(|endpoint| endpoint.address().unwrap().to_string()).collect();
    assert_eq!(shown, [format!("127.0.0.1:{port}"), format!("127.0.0.2:{port}")]);
}

#[tokio::test]
async fn new_address_is_found_when_the_time_to_live_is_over_though_all_servers_answer() {
    let port = serve(&[1, 2]).await;
    // Less than a second counts as a second.
    let names = NameServer::start(&[ip(1)], 0).await;
    let client = names.client(port);
    call(&client).await.unwrap();
    names.set(Some(vec![ip(1), ip(2)]));
    until_hosts(&client, &[1, 2]).await;
}

#[tokio::test]
async fn name_is_resolved_again_at_once_after_a_failed_connect() {
    let port = serve(&[2]).await;
    // By its time to live, the answer would count for 30 s.
    let names = NameServer::start(&[ip(1)], 86_400).await;
    let client = names.client(port);
    let mut questions = names.questions.clone();
    let begun = tokio::time::Instant::now();
    let error = call(&client).await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains(&format!("http://127.0.0.1:{port}")), "{error}");
    names.set(Some(vec![ip(2)]));
    until_hosts(&client, &[2]).await;
    assert_eq!(call(&client).await.unwrap().0, "127.0.0.2");
    assert!(*questions.borrow_and_update() >= 2 && begun.elapsed() < Duration::from_secs(25));
}

#[tokio::test]
async fn name_that_no_longer_resolves_keeps_its_last_endpoints() {
    let port = serve(&[1]).await;
    let names = NameServer::start(&[ip(1)], 0).await;
    let client = names.client(port);
    call(&client).await.unwrap();
    for gone in [None, Some(Vec::new())] {
        names.set(gone);
        let mut questions = names.questions.clone();
        questions.borrow_and_update();
        questions.changed().await.unwrap();
        while client.discovery().unwrap().last_error().is_none() {
            tokio::task::yield_now().await;
        }
        call(&client).await.unwrap();
    }
}

#[tokio::test]
async fn failed_lookup_of_one_family_keeps_the_endpoints_of_both() {
    let names = NameServer::start(&[ip(1)], 0).await;
    names.zone.lock().unwrap().ipv6 = Ipv6Answer::Loopback;
    let client = names.client(80);
    let mut watch = client.watch_endpoints();
    while client.endpoints().is_empty() {
        watch.changed().await.unwrap();
    }
    assert_eq!(client.endpoints().len(), 2);
    names.zone.lock().unwrap().ipv6 = Ipv6Answer::Failure;
    while client.discovery().unwrap().last_error().is_none() {
        assert_eq!(client.endpoints().len(), 2);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(client.endpoints().len(), 2);
    names.zone.lock().unwrap().ipv6 = Ipv6Answer::None;
    until_hosts(&client, &[1]).await;
}

#[tokio::test]
async fn name_whose_ipv6_lookups_always_fail_has_its_ipv4_addresses() {
    let port = serve(&[1]).await;
    let names = NameServer::start(&[ip(1)], 60).await;
    names.zone.lock().unwrap().ipv6 = Ipv6Answer::Failure;
    let client = names.client(port);
    assert_eq!(call(&client).await.unwrap().0, "127.0.0.1");
}

#[tokio::test]
async fn name_that_never_resolved_fails_calls_as_not_sent_and_says_why() {
    let names = NameServer::start(&[], 0).await;
    names.set(None);
    let client = names.client(80);
    let mut questions = names.questions.clone();
    let call = client.call::<()>("host", ()).deadline(Duration::from_millis(500));
    let error = call.await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    questions.changed().await.unwrap();
    let status = client.discovery().unwrap();
    assert!(status.age().is_none() && status.last_error().unwrap().contains("orders.test"), "{status:?}");
}

#[test]
fn only_the_url_of_a_name_is_a_source() {
    for (endpoint, message) in [
        (Endpoint::new("http://127.0.0.1:8080"), "the host to resolve is an address and not a name"),
        (Endpoint::new("http://[::1]:8080"), "the host to resolve is an address and not a name"),
        (Endpoint::new("ftp://orders.test"), "server's address must begin with http:// or https://"),
    ] {
        let failure = DnsDiscovery::new(endpoint).unwrap_err();
        assert!(failure.is_builder());
        assert_eq!(failure.to_string(), message);
    }
}
