use std::net::SocketAddr;

use serde_json::Value;
use support::raw_http::{Connection, Reply, post, request};
use support::serve;

use crate::robustness::server::{self, assert_alive};

/// Bad input, and its expected answer.
pub(crate) struct Attack {
    name: &'static str,
    bytes: Vec<u8>,
    status: u16,
    /// The code of the error.
    code: i64,
    /// The id of the error, as JSON.
    id: &'static str,
}

impl Attack {
    /// Sends these bytes. The expected answer has this HTTP status, this code and id null.
    pub(crate) fn new(name: &'static str, bytes: Vec<u8>, status: u16, code: i64) -> Self {
        Self { name, bytes, status, code, id: "null" }
    }

    /// Posts a body. The expected answer has this code and HTTP status 200.
    pub(crate) fn post(name: &'static str, body: impl AsRef<[u8]>, code: i64) -> Self {
        Self::new(name, post(body), 200, code)
    }

    /// Sends these headers in addition to the content type, and then a body.
    pub(crate) fn framed(
        name: &'static str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
        status: u16,
        code: i64,
    ) -> Self {
        let mut all = vec![("host", "localhost"), ("content-type", "application/json")];
        all.extend(headers);
        Self::new(name, request("POST / HTTP/1.1", &all, body.as_ref()), status, code)
    }

    pub(crate) fn id(mut self, id: &'static str) -> Self {
        self.id = id;
        self
    }

    /// Declares that the input is not an HTTP request, so that its head is refused.
    pub(crate) fn refused_by_http(mut self) -> Self {
        self.status = 400;
        self.code = -32600;
        self
    }

    async fn run(&self, addr: SocketAddr) {
        let mut connection = Connection::open(addr).await;
        connection.send(&self.bytes).await;
        self.check(&connection.reply().await);
    }

    fn check(&self, reply: &Reply) {
        let shown = &reply.text()[..reply.body.len().min(500)];
        let name = format!("{}: answered with {} {shown}", self.name, reply.status);
        assert_eq!(reply.status, self.status, "{name}");
        let code = self.code;
        let answer: Value = serde_json::from_str(reply.text()).expect(&name);
        assert_eq!(answer["error"]["code"], code, "{name}");
        assert_eq!(answer["id"].to_string(), self.id, "{name}");
        assert_eq!(reply.header("rpc-status"), Some(&*code.to_string()), "{name}");
    }
}

/// Runs attacks one after the other, with a normal call between them.
pub(crate) async fn run_on(addr: SocketAddr, attacks: &[Attack]) {
    for attack in attacks {
        attack.run(addr).await;
        assert_alive(addr).await;
    }
}

/// Runs attacks against a server with default limits.
pub(crate) async fn run(attacks: &[Attack]) {
    run_on(serve(&server::builder().build()).await, attacks).await;
}
