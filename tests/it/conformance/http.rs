//! The second table: the rules of HTTP. Each row uses a new connection.

use std::net::SocketAddr;

use support::raw_http::{Connection, Reply, exchange, post, request};
use support::{PING, serve};

use crate::conformance::row::{Expected, error, invalid, result};
use crate::conformance::server;

type Headers = &'static [(&'static str, &'static str)];

/// An HTTP request and its expected answer.
#[derive(Debug)]
struct HttpRow {
    shows: &'static str,
    line: &'static str,
    /// All headers except `Host` and `Content-Length`.
    headers: Headers,
    body: &'static str,
    status: u16,
    answer: Expected,
    /// A header of the answer, in addition to `Rpc-Status` and `Content-Type`.
    header: Option<(&'static str, &'static str)>,
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

const fn http(shows: &'static str, line: &'static str, headers: Headers) -> HttpRow {
    HttpRow { shows, line, headers, body: PING, status: 200, answer: result(r#""pong""#, "1"), header: None }
}

/// Returns a row: a POST with these headers, which is answered.
const fn taken(shows: &'static str, headers: Headers) -> HttpRow {
    http(shows, "POST / HTTP/1.1", headers)
}

/// Returns a row: a POST with these headers, which is refused.
const fn refused(shows: &'static str, headers: Headers, status: u16, reason: &'static str) -> HttpRow {
    taken(shows, headers).answered(status, invalid(reason, "null"))
}

impl HttpRow {
    const fn answered(mut self, status: u16, answer: Expected) -> Self {
        self.status = status;
        // The previous value needs no drop, and a constant function could not run one.
        std::mem::forget(std::mem::replace(&mut self.answer, answer));
        self
    }

    const fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    const fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let length = self.body.len().to_string();
        let mut headers = vec![("host", "localhost")];
        if !self.headers.iter().any(|(name, _)| *name == "transfer-encoding") {
            headers.push(("content-length", &length));
        }
        headers.extend(self.headers);
        request(self.line, &headers, self.body.as_bytes())
    }

    fn check(&self, path: &str, reply: &Reply) {
        let name = format!("{path}: {}, answered with {} {:?}", self.shows, reply.status, reply.text());
        assert_eq!(reply.status, self.status, "{name}");
        self.answer.check(&name, &reply.body);
        let expected = match self.answer {
            Expected::Error { code, .. } => code.to_string(),
            Expected::ParseError => "-32700".to_owned(),
            _ => "0".to_owned(),
        };
        assert_eq!(reply.header("rpc-status"), Some(&*expected), "{name}");
        let content_type = (!matches!(self.answer, Expected::Nothing)).then_some("application/json");
        assert_eq!(reply.header("content-type"), content_type, "{name}");
        if let Some((header, value)) = self.header {
            assert_eq!(reply.header(header), Some(value), "{name}");
        }
    }
}

const TYPE: &str = r#""content type must be application/json or application/json-rpc""#;
const ENCODING: &str = r#""content encodings are not supported""#;
const ORIGIN: &str = r#""requests of this origin are not allowed""#;
const METHOD: Expected = invalid(r#""calls are sent with POST""#, "null");

const CONTENT: &[HttpRow] = &[
    taken("application/json", JSON),
    taken("application/json-rpc", &[("content-type", "application/json-rpc")]),
    taken("a charset", &[("content-type", "application/json; charset=utf-8")]),
    taken("a quoted charset", &[("content-type", "application/json;charset=\"UTF-8\"")]),
    taken("another parameter", &[("content-type", "application/json ; profile=\"a;b\"")]),
    taken("media types have no case", &[("content-type", "Application/JSON")]),
    taken("the identity encoding", &[("content-type", "application/json"), ("content-encoding", "identity")]),
    refused("no content type", &[], 415, TYPE),
    refused("an empty content type", &[("content-type", "")], 415, TYPE),
    refused("text/plain, a simple request's", &[("content-type", "text/plain")], 415, TYPE),
    refused("a form, a simple request's", &[("content-type", "application/x-www-form-urlencoded")], 415, TYPE),
    refused("multipart, a simple request's", &[("content-type", "multipart/form-data; boundary=x")], 415, TYPE),
    refused("JSON in a parameter only", &[("content-type", "text/plain; a=application/json")], 415, TYPE),
    refused("a longer type", &[("content-type", "application/json5")], 415, TYPE),
    refused("two types in one", &[("content-type", "text/plain, application/json")], 415, TYPE),
    refused("gzip", &[("content-type", "application/json"), ("content-encoding", "gzip")], 415, ENCODING),
    refused(
        "two encodings",
        &[("content-type", "application/json"), ("content-encoding", "identity, br")],
        415,
        ENCODING,
    ),
];

/// Returns a row: a request with a method other than POST.
const fn not_allowed(shows: &'static str, line: &'static str, headers: Headers) -> HttpRow {
    http(shows, line, headers).answered(405, METHOD).header("allow", "POST, HEAD")
}

const METHODS: &[HttpRow] = &[
    not_allowed("GET", "GET / HTTP/1.1", &[]).body(""),
    not_allowed("GET with a query", "GET /?method=ping HTTP/1.1", &[]).body(""),
    not_allowed("PUT", "PUT / HTTP/1.1", JSON),
    not_allowed("PATCH", "PATCH / HTTP/1.1", JSON),
    not_allowed("DELETE", "DELETE / HTTP/1.1", &[]).body(""),
    not_allowed("OPTIONS", "OPTIONS / HTTP/1.1", &[]).body(""),
    not_allowed(
        "a preflight",
        "OPTIONS / HTTP/1.1",
        &[("origin", "http://evil.example"), ("access-control-request-method", "POST")],
    )
    .body(""),
    not_allowed("a method of one's own", "BREW / HTTP/1.1", JSON),
    http("POST with a query", "POST /?a=b HTTP/1.1", JSON),
    http("POST to a whole address", "POST http://localhost/ HTTP/1.1", JSON),
];

const FRAMING: &[HttpRow] = &[
    taken("a chunked body", &[("content-type", "application/json"), ("transfer-encoding", "chunked")])
        .body("a\r\n{\"jsonrpc\"\r\n1;x=y\r\n:\r\n1d\r\n\"2.0\",\"method\":\"ping\",\"id\":1}\r\n0\r\n\r\n"),
    taken("a chunked body with trailers", &[("content-type", "application/json"), ("transfer-encoding", "chunked")])
        .body("28\r\n{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}\r\n0\r\nx-sum: 1\r\n\r\n"),
    taken("a chunked body of nothing", &[("content-type", "application/json"), ("transfer-encoding", "chunked")])
        .body("0\r\n\r\n")
        .answered(200, Expected::ParseError),
    taken("an empty body", JSON).body("").answered(200, Expected::ParseError),
    taken("a notification", JSON).body(r#"{"jsonrpc":"2.0","method":"ping"}"#).answered(200, Expected::Nothing),
    taken("an error", JSON)
        .body(r#"{"jsonrpc":"2.0","method":"divide","params":[1,0],"id":1}"#)
        .answered(200, error(1001, "cannot divide 1 by zero", r#"{"dividend":1}"#, "1")),
];

const ORIGINS: &[HttpRow] = &[
    taken("a listed origin", &[("content-type", "application/json"), ("origin", "https://app.example")]),
    taken("a listed origin, in capitals", &[("content-type", "application/json"), ("origin", "HTTPS://App.Example")]),
    refused(
        "a foreign origin",
        &[("content-type", "application/json"), ("origin", "http://evil.example")],
        403,
        ORIGIN,
    ),
    refused("another scheme", &[("content-type", "application/json"), ("origin", "http://app.example")], 403, ORIGIN),
    refused(
        "another port",
        &[("content-type", "application/json"), ("origin", "https://app.example:8443")],
        403,
        ORIGIN,
    ),
    refused("the origin null", &[("content-type", "application/json"), ("origin", "null")], 403, ORIGIN),
    refused("an empty origin", &[("content-type", "application/json"), ("origin", "")], 403, ORIGIN),
    refused("before the content type", &[("origin", "http://evil.example")], 403, ORIGIN),
    refused(
        "a name that only begins as loopback",
        &[("content-type", "application/json"), ("origin", "http://127.0.0.1.evil.example")],
        403,
        ORIGIN,
    ),
];

/// A header with the keys of the requests below.
macro_rules! keys {
    ($value:literal) => {
        &[("content-type", "application/json"), ("rpc-idempotency", $value)]
    };
}

const KEYED: &str = r#"{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":"01890a5d-ac96-774b-bcce-b302099a8057"}"#;
const REFUSED: &str = "Idempotency key refused";

const KEYS: &[HttpRow] = &[
    taken("a key", keys!("keys=01890a5d-ac96-774b-bcce-b302099a8057"))
        .body(KEYED)
        .answered(200, result("3", r#""01890a5d-ac96-774b-bcce-b302099a8057""#)),
    taken("a key with a time and a scope", keys!("keys=01890a5d-ac96-774b-bcce-b302099a8057;at=0;scope=none"))
        .body(KEYED)
        .answered(200, result("3", r#""01890a5d-ac96-774b-bcce-b302099a8057""#)),
    taken("other keys than those that arrived", keys!("keys=01890a5d-ac96-774b-bcce-b302099a8058"))
        .body(KEYED)
        .answered(200, error(-32096, REFUSED, r#"{"reason":"keys_lost"}"#, r#""01890a5d-ac96-774b-bcce-b302099a8057""#))
        .header("rpc-refused", "all"),
    taken("a time that cannot be read", keys!("keys=01890a5d-ac96-774b-bcce-b302099a8057;at=x"))
        .body(KEYED)
        .answered(200, error(-32096, REFUSED, r#"{"reason":"keys_lost"}"#, r#""01890a5d-ac96-774b-bcce-b302099a8057""#))
        .header("rpc-refused", "all"),
    taken(
        "another store",
        keys!("keys=01890a5d-ac96-774b-bcce-b302099a8057;store=01890a5d-ac96-774b-bcce-b302099a8057;ttl=1"),
    )
    .body(KEYED)
    .answered(200, error(-32096, REFUSED, r#"{"reason":"other_store"}"#, r#""01890a5d-ac96-774b-bcce-b302099a8057""#))
    .header("rpc-refused", "all"),
    taken("another subject", keys!("keys=01890a5d-ac96-774b-bcce-b302099a8057;scope=0123456789abcdef"))
        .body(KEYED)
        .answered(
            200,
            error(-32096, REFUSED, r#"{"reason":"other_subject"}"#, r#""01890a5d-ac96-774b-bcce-b302099a8057""#),
        )
        .header("rpc-refused", "all"),
];

/// Two calls with one key and one call between them. The two equal keys cancel out in the exclusive or.
const DOUBLED: &str = concat!(
    r#"[{"jsonrpc":"2.0","method":"sum","params":[1],"id":"01890a5d-ac96-774b-bcce-b302099a8057"},"#,
    r#"{"jsonrpc":"2.0","method":"sum","params":[2],"id":"01890a5d-ac96-774b-bcce-b302099a8058"},"#,
    r#"{"jsonrpc":"2.0","method":"sum","params":[3],"id":"01890a5d-ac96-774b-bcce-b302099a8057"}]"#
);

const DOUBLED_ANSWER: &str = concat!(
    r#"[{"jsonrpc":"2.0","error":{"code":-32096,"message":"Idempotency key refused","data":{"reason":"duplicate"}},"#,
    r#""id":"01890a5d-ac96-774b-bcce-b302099a8057"},"#,
    r#"{"jsonrpc":"2.0","result":2,"id":"01890a5d-ac96-774b-bcce-b302099a8058"},"#,
    r#"{"jsonrpc":"2.0","error":{"code":-32096,"message":"Idempotency key refused","data":{"reason":"duplicate"}},"#,
    r#""id":"01890a5d-ac96-774b-bcce-b302099a8057"}]"#
);

/// Only the standalone server knows that it is bound to a loopback address, and what else it serves.
const STANDALONE: &[HttpRow] = &[
    taken("a loopback origin", &[("content-type", "application/json"), ("origin", "http://localhost:3000")]),
    taken("a loopback address", &[("content-type", "application/json"), ("origin", "http://[::1]:8080")]),
    http("another path", "POST /other HTTP/1.1", JSON)
        .answered(404, invalid(r#""nothing is served at this path""#, "null")),
    http("a path that is empty twice", "POST // HTTP/1.1", JSON)
        .answered(404, invalid(r#""nothing is served at this path""#, "null")),
];

async fn run_on(path: &str, addr: SocketAddr, rows: &[HttpRow]) {
    for row in rows {
        row.check(path, &exchange(addr, &row.bytes()).await);
    }
}

async fn run(rows: &[HttpRow]) {
    for (path, addr) in server::serve_both(&server::build()).await {
        run_on(path, addr, rows).await;
    }
}

#[tokio::test]
async fn json_is_the_only_content_that_is_taken() {
    run(CONTENT).await;
}

#[tokio::test]
async fn post_is_the_only_method_that_is_taken() {
    run(METHODS).await;
}

#[tokio::test]
async fn bodies_are_taken_however_they_are_framed() {
    run(FRAMING).await;
}

#[tokio::test]
async fn foreign_origins_are_refused() {
    run(ORIGINS).await;
}

#[tokio::test]
async fn calls_whose_keys_are_refused_do_not_run() {
    run(KEYS).await;
}

#[tokio::test]
async fn calls_of_one_batch_with_the_same_key_do_not_run() {
    for (path, addr) in server::serve_both(&server::build()).await {
        let length = DOUBLED.len().to_string();
        let headers = [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("content-length", &length),
            ("rpc-idempotency", "keys=01890a5d-ac96-774b-bcce-b302099a8058"),
        ];
        let reply = exchange(addr, &request("POST / HTTP/1.1", &headers, DOUBLED.as_bytes())).await;
        assert_eq!((reply.status, reply.text()), (200, DOUBLED_ANSWER), "{path}");
        assert_eq!((reply.header("rpc-status"), reply.header("rpc-refused")), (Some("2"), Some("0,2")), "{path}");
    }
}

#[tokio::test]
async fn a_standalone_server_on_loopback_takes_loopback_origins_and_one_path() {
    run_on("standalone", serve(&server::build()).await, STANDALONE).await;
}

/// Sends a HEAD with these headers, and checks that the answer has no body.
async fn head(path: &str, addr: SocketAddr, headers: &[(&str, &str)]) -> Reply {
    let mut connection = Connection::open(addr).await;
    let headers = [&[("host", "localhost"), ("connection", "close")], headers].concat();
    connection.send(&request("HEAD / HTTP/1.1", &headers, b"")).await;
    let reply = connection.reply_with_body(false).await;
    assert_eq!(connection.rest().await, b"", "{path}");
    reply
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    for (path, addr) in server::serve_both(&server::build()).await {
        let reply = head(path, addr, &[]).await;
        assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("0")), "{path}");
        assert_eq!(reply.header("content-type"), None, "{path}");
        assert_eq!(reply.header("rpc-refused"), None, "{path}");
    }
}

#[tokio::test]
async fn head_of_a_foreign_origin_is_refused_without_a_body() {
    for (path, addr) in server::serve_both(&server::build()).await {
        let reply = head(path, addr, &[("origin", "http://evil.example")]).await;
        assert_eq!((reply.status, reply.header("rpc-status")), (403, Some("-32600")), "{path}");
        assert_eq!((reply.header("rpc-refused"), reply.header("rpc-idempotency")), (Some("all"), None), "{path}");
        let reply = head(path, addr, &[("origin", "https://app.example")]).await;
        assert_eq!(reply.status, 200, "{path}");
    }
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    for (path, addr) in server::serve_both(&server::build()).await {
        let mut connection = Connection::open(addr).await;
        let length = PING.len().to_string();
        let headers = [("content-type", "application/json"), ("content-length", &length)];
        connection.send(&request("POST / HTTP/1.0", &headers, PING.as_bytes())).await;
        let reply = connection.reply().await;
        assert_eq!((&*reply.version, reply.status, reply.header("rpc-status")), ("HTTP/1.0", 200, Some("0")), "{path}");
        assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","result":"pong","id":1}"#, "{path}");
        assert_eq!(connection.rest().await, b"", "{path}");
    }
}

#[tokio::test]
async fn a_client_that_waits_to_go_on_is_told_to() {
    for (path, addr) in server::serve_both(&server::build()).await {
        let mut connection = Connection::open(addr).await;
        let length = PING.len().to_string();
        let headers = [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("content-length", &length),
            ("expect", "100-continue"),
        ];
        connection.send(&request("POST / HTTP/1.1", &headers, b"")).await;
        assert!(connection.sees(b"HTTP/1.1 100 Continue\r\n\r\n").await, "{path}");
        connection.send(PING.as_bytes()).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, &*reply.interim, reply.header("rpc-status")), (200, &[100][..], Some("0")), "{path}");
    }
}

#[tokio::test]
async fn a_client_that_waits_to_go_on_is_told_at_once_what_is_refused() {
    for (path, addr) in server::serve_both(&server::build()).await {
        let headers = [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("content-length", "3000000"),
            ("expect", "100-continue"),
        ];
        let reply = exchange(addr, &request("POST / HTTP/1.1", &headers, b"")).await;
        assert_eq!(
            (reply.status, &*reply.interim, reply.header("rpc-status")),
            (413, &[][..], Some("-32090")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn requests_that_are_sent_ahead_are_answered_in_their_order() {
    for (path, addr) in server::serve_both(&server::build()).await {
        let mut connection = Connection::open(addr).await;
        let sent: Vec<u8> = (0..10)
            .flat_map(|id| post(format!(r#"{{"jsonrpc":"2.0","method":"sum","params":[{id},1],"id":{id}}}"#)))
            .collect();
        connection.send(&sent).await;
        for id in 0..10 {
            let answer = format!(r#"{{"jsonrpc":"2.0","result":{},"id":{id}}}"#, id + 1);
            assert_eq!(connection.reply().await.text(), answer, "{path}");
        }
    }
}
