use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use rpc::RequestContext;
use rpc_core::{AnswerStatus, Dispatch};
use serde_json::Value;
use support::raw_http::{Connection, Reply, post};

use crate::conformance::server;

/// A request and its expected answer.
#[derive(Debug)]
pub(crate) struct Row {
    /// Where it is specified: a section of the specification, or `wire` for our own decision.
    section: &'static str,
    shows: &'static str,
    request: Cow<'static, [u8]>,
    answer: Expected,
    /// The header `Rpc-Status`: a code, or the number of failures in a batch.
    status: i64,
    /// Why the answer differs from the specification's own example, or where the specification leaves it open.
    difference: Option<&'static str>,
}

/// An expected body.
#[derive(Debug)]
pub(crate) enum Expected {
    Nothing,
    Bytes(Cow<'static, str>),
    Result {
        result: &'static str,
        id: &'static str,
    },
    /// The exact message and id. `data` is JSON text, or empty for none.
    Error {
        code: i64,
        message: &'static str,
        data: &'static str,
        id: &'static str,
    },
    /// Not JSON. `serde_json` writes the reason, so only the type of the data is checked.
    ParseError,
}

pub(crate) const fn row(section: &'static str, shows: &'static str, request: &'static str, answer: Expected) -> Row {
    Row::new(section, shows, Cow::Borrowed(request.as_bytes()), answer)
}

pub(crate) const fn nothing() -> Expected {
    Expected::Nothing
}

pub(crate) const fn exactly(answer: &'static str) -> Expected {
    Expected::Bytes(Cow::Borrowed(answer))
}

pub(crate) const fn result(result: &'static str, id: &'static str) -> Expected {
    Expected::Result { result, id }
}

pub(crate) const fn error(code: i64, message: &'static str, data: &'static str, id: &'static str) -> Expected {
    Expected::Error { code, message, data, id }
}

/// Expects -32600 with this reason, which is JSON text.
pub(crate) const fn invalid(reason: &'static str, id: &'static str) -> Expected {
    error(-32600, "Invalid Request", reason, id)
}

pub(crate) const fn not_found(id: &'static str) -> Expected {
    error(-32601, "Method not found", "", id)
}

pub(crate) const fn bad_params(message: &'static str, data: &'static str, id: &'static str) -> Expected {
    error(-32602, message, data, id)
}

pub(crate) const fn internal(id: &'static str) -> Expected {
    error(-32603, "Internal error", "", id)
}

impl Row {
    pub(crate) const fn new(
        section: &'static str,
        shows: &'static str,
        request: Cow<'static, [u8]>,
        answer: Expected,
    ) -> Self {
        let status = match &answer {
            Expected::Error { code, .. } => *code,
            Expected::ParseError => -32700,
            Expected::Nothing | Expected::Bytes(_) | Expected::Result { .. } => 0,
        };
        Self { section, shows, request, answer, status, difference: None }
    }

    /// Expects this `Rpc-Status`, if the answer does not imply it.
    pub(crate) const fn status(mut self, status: i64) -> Self {
        self.status = status;
        self
    }

    pub(crate) const fn differs(mut self, why: &'static str) -> Self {
        self.difference = Some(why);
        self
    }

    /// Returns the name of the row for failure messages.
    fn name(&self, path: &str) -> String {
        let Self { section, shows, .. } = self;
        let request = String::from_utf8_lossy(&self.request[..self.request.len().min(500)]);
        let difference = self.difference.map(|why| format!("\nDIFFERENCE: {why}")).unwrap_or_default();
        format!("{path}: section {section}: {shows}\n{request}{difference}\n")
    }

    fn check(&self, path: &str, body: &[u8], status: i64) {
        let name = self.name(path);
        self.answer.check(&name, body);
        assert_eq!(status, self.status, "Rpc-Status of {name}");
    }

    fn check_http(&self, path: &str, reply: &Reply) {
        let name = self.name(path);
        assert_eq!(reply.status, 200, "{name}");
        let content_type = (!reply.body.is_empty()).then_some("application/json");
        assert_eq!(reply.header("content-type"), content_type, "{name}");
        let status = reply.header("rpc-status").expect(&name);
        self.check(path, &reply.body, status.parse().expect(&name));
    }
}

impl Expected {
    pub(crate) fn check(&self, name: &str, body: &[u8]) {
        let body = std::str::from_utf8(body).expect("answers are UTF-8");
        match self {
            Self::Nothing => assert_eq!(body, "", "{name}"),
            Self::Bytes(expected) => assert_eq!(body, expected, "{name}"),
            Self::Result { result, id } => {
                assert_eq!(body, format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#), "{name}");
            }
            Self::Error { code, message, data, id } => {
                let message = Value::from(*message);
                let comma = if data.is_empty() { "" } else { r#","data":"# };
                let error = format!(r#"{{"code":{code},"message":{message}{comma}{data}}}"#);
                assert_eq!(body, format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#), "{name}");
            }
            Self::ParseError => {
                let answer: Value = serde_json::from_str(body).expect(name);
                let data = answer["error"]["data"].as_str().expect(name);
                let error = format!(r#"{{"code":-32700,"message":"Parse error","data":{}}}"#, Value::from(data));
                assert_eq!(body, format!(r#"{{"jsonrpc":"2.0","error":{error},"id":null}}"#), "{name}");
            }
        }
    }
}

/// Runs a table against the pure dispatch and over both HTTP servers.
pub(crate) async fn run<'a>(rows: impl IntoIterator<Item = &'a Row>) {
    let rows: Vec<&Row> = rows.into_iter().collect();
    let server = server::build();
    for row in &rows {
        let body = Bytes::copy_from_slice(&row.request);
        let answer = server.dispatch(body, Arc::new(RequestContext::default())).await;
        let status = match answer.status {
            AnswerStatus::Success => 0,
            AnswerStatus::Error(code) => code.get(),
            AnswerStatus::Batch { failures } => failures.try_into().unwrap(),
            other => panic!("{other:?} of {}", row.name("dispatch")),
        };
        row.check("dispatch", &answer.body, status);
    }
    for (path, addr) in server::serve_both(&server).await {
        let mut connection = Connection::open(addr).await;
        for row in &rows {
            connection.send(&post(&row.request)).await;
            row.check_http(path, &connection.reply().await);
        }
    }
}
