//! The header `Host`, as defined by [RFC 9112, section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2). A
//! standalone server checks it. Within an application, the check is left to the application.

use std::net::SocketAddr;

use support::raw_http::{Connection, Reply, exchange, request};
use support::{PING, PONG, serve, serve_app};

use crate::conformance::row::{Expected, invalid};
use crate::conformance::server;

const CALL: &str = "POST / HTTP/1.1";
const OLD_CALL: &str = "POST / HTTP/1.0";

const MISSING: Expected = invalid(r#""a request over HTTP/1.1 must have the header Host""#, "null");
const DOUBLED: Expected = invalid(r#""a request must have the header Host only once""#, "null");
const INVALID: Expected = invalid(r#""the header Host must be a host and maybe a port""#, "null");

/// The first line of a request, and the values of its `Host` headers.
type HostRow = (&'static str, &'static [&'static str]);

const TAKEN: &[HostRow] = &[
    (CALL, &["localhost"]),
    (CALL, &["LOCALHOST:80"]),
    (CALL, &["localhost:"]),
    (CALL, &["127.0.0.1:8080"]),
    (CALL, &["[::1]"]),
    (CALL, &["[fd00::1]:8080"]),
    (CALL, &["xn--4ca.example."]),
    (CALL, &["my_service~1"]),
    (CALL, &["a%C3%a4!$&'()*+,;=z"]),
    // A target without an authority requires an empty one.
    (CALL, &[""]),
    // RFC 9112, section 3.2.2: the target's own authority counts. It may differ from the header.
    ("POST http://localhost/ HTTP/1.1", &["other.example"]),
    (OLD_CALL, &[]),
    (OLD_CALL, &["localhost"]),
];

const REFUSED: &[(HostRow, Expected)] = &[
    ((CALL, &[]), MISSING),
    (("GET / HTTP/1.1", &[]), MISSING),
    (("OPTIONS * HTTP/1.1", &[]), MISSING),
    (("POST /other HTTP/1.1", &[]), MISSING),
    (("POST http://localhost/ HTTP/1.1", &[]), MISSING),
    ((CALL, &["localhost", "localhost"]), DOUBLED),
    ((CALL, &["localhost", "other.example"]), DOUBLED),
    ((CALL, &["", ""]), DOUBLED),
    (("POST /other HTTP/1.1", &["localhost", "localhost"]), DOUBLED),
    ((OLD_CALL, &["localhost", "other.example"]), DOUBLED),
    ((CALL, &["two names"]), INVALID),
    ((CALL, &["localhost, other.example"]), INVALID),
    ((CALL, &["http://localhost"]), INVALID),
    ((CALL, &["localhost/"]), INVALID),
    ((CALL, &["user@localhost"]), INVALID),
    ((CALL, &["ä.example"]), INVALID),
    ((CALL, &["a%4"]), INVALID),
    ((CALL, &["a%4g"]), INVALID),
    ((CALL, &["localhost:0x50"]), INVALID),
    ((CALL, &["localhost:80:80"]), INVALID),
    ((CALL, &["::1"]), INVALID),
    ((CALL, &["[::1"]), INVALID),
    ((CALL, &["[localhost]"]), INVALID),
    ((CALL, &["[::1]80"]), INVALID),
    ((OLD_CALL, &["localhost/"]), INVALID),
];

fn ping((line, hosts): HostRow) -> Vec<u8> {
    let length = PING.len().to_string();
    let mut headers = vec![("content-type", "application/json"), ("content-length", &*length)];
    headers.extend(hosts.iter().map(|host| ("host", *host)));
    request(line, &headers, PING.as_bytes())
}

fn check_head(name: &str, reply: &Reply) {
    assert_eq!((reply.status, reply.header("rpc-status")), (400, Some("-32600")), "{name}");
    assert_eq!((reply.header("rpc-refused"), reply.header("rpc-retry")), (Some("all"), Some("no")), "{name}");
    assert_eq!(reply.header("connection"), Some("close"), "{name}");
}

/// Checks that a call is refused, and that its connection then ends.
async fn check_refused(addr: SocketAddr, row: HostRow, answer: &Expected) {
    let name = format!("{row:?}");
    let mut connection = Connection::open(addr).await;
    connection.send(&ping(row)).await;
    let reply = connection.reply().await;
    check_head(&name, &reply);
    answer.check(&name, &reply.body);
    assert_eq!(connection.rest().await, b"", "{name}");
}

#[tokio::test]
async fn requests_with_one_host_are_taken_and_those_of_http_1_0_without() {
    let addr = serve(&server::build()).await;
    for row in TAKEN {
        let reply = exchange(addr, &ping(*row)).await;
        assert_eq!((reply.status, reply.text()), (200, PONG), "{row:?}");
    }
}

#[tokio::test]
async fn requests_without_a_host_or_with_two_or_an_invalid_one_are_refused_and_end_the_connection() {
    let addr = serve(&server::build()).await;
    for (row, answer) in REFUSED {
        check_refused(addr, *row, answer).await;
    }
}

#[tokio::test]
async fn head_without_a_host_is_refused_without_a_body() {
    let mut connection = Connection::open(serve(&server::build()).await).await;
    connection.send(&request("HEAD / HTTP/1.1", &[], b"")).await;
    check_head("HEAD", &connection.reply_with_body(false).await);
    assert_eq!(connection.rest().await, b"");
}

#[tokio::test]
async fn calls_before_it_on_the_connection_are_answered() {
    let mut connection = Connection::open(serve(&server::build()).await).await;
    let (good, bad) = (ping((CALL, &["localhost"])), ping((CALL, &[])));
    connection.send(&[&good[..], &good, &bad, &good].concat()).await;
    assert_eq!(connection.reply().await.text(), PONG);
    assert_eq!(connection.reply().await.text(), PONG);
    check_head("the third", &connection.reply().await);
    assert_eq!(connection.rest().await, b"");
}

#[tokio::test]
async fn an_application_is_left_to_check_the_host_of_calls() {
    let addr = serve_app(server::build().into_router()).await;
    for hosts in [&[][..], &["localhost", "other.example"], &["user@localhost"]] {
        let reply = exchange(addr, &ping((CALL, hosts))).await;
        assert_eq!((reply.status, reply.text()), (200, PONG), "{hosts:?}");
    }
}
