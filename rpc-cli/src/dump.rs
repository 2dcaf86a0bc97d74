//! Shows requests and answers on standard error, as the server and the client see them, without secrets.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderName};
use rpc::client_middleware::{Next, from_fn};
use rpc::transport::{Reply, ReplyBody, Request};
use rpc::{ClientBuilder, Failure};

use crate::escape::escape;

/// How many bytes of a body are shown.
const MAX_BODY: usize = 1 << 20;

/// What stands in the place of a secret.
const SECRET: &str = "***";

/// Shows all requests of a client and their answers.
///
/// A request is shown when it leaves, and an answer when its body has ended or is no longer read.
pub(crate) fn dump(builder: ClientBuilder, url: &str) -> ClientBuilder {
    let (url, attempts) = (Arc::<str>::from(shown(url)), Arc::new(AtomicU32::new(0)));
    builder.attempt_layer(from_fn(move |request: Request, next: Next<Request>| {
        let name = if request.is_probe() {
            "probe".to_owned()
        } else {
            format!("attempt {}", attempts.fetch_add(1, Ordering::Relaxed) + 1)
        };
        show(&request_text(&name, &url, &request));
        async move {
            let mut reply = next.run(request).await.inspect_err(|failure| show(&failed(&name, failure)))?;
            reply.body = ReplyBody::from_stream(ShownBody::of(&name, &mut reply));
            Ok::<_, Failure>(reply)
        }
    }))
}

/// Returns an address without its user and query, which may be secrets.
fn shown(url: &str) -> String {
    let query = if url.contains('?') { "?***" } else { "" };
    format!("{}{query}", crate::description::shown(url))
}

fn request_text(name: &str, url: &str, request: &Request) -> String {
    let method = if request.is_probe() { "HEAD" } else { "POST" };
    let mut text = format!("* {name}: request\n> {method} {url}\n");
    write_headers(&mut text, '>', &request.headers);
    write_body(&mut text, &request.body, 0);
    text
}

fn failed(name: &str, failure: &Failure) -> String {
    let mut text = format!("* {name}: failed: {failure}");
    let mut source = std::error::Error::source(failure);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text.push('\n');
    text
}

fn write_headers(text: &mut String, mark: char, headers: &HeaderMap) {
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = if is_harmless(name) { &*value } else { SECRET };
        let _ = writeln!(text, "{mark} {name}: {}", printable(value));
    }
}

fn write_body(text: &mut String, body: &[u8], more: usize) {
    if !body.is_empty() {
        text.push_str(&printable(&String::from_utf8_lossy(body)));
        text.push('\n');
    }
    if more > 0 {
        let _ = writeln!(text, "* {more} more bytes");
    }
}

/// The headers whose values are shown. Each other one may be a secret under a name that nobody can foresee.
const HARMLESS: [&str; 37] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "expires",
    "host",
    "keep-alive",
    "last-modified",
    "pragma",
    "retry-after",
    "rpc-attempt",
    "rpc-fault",
    "rpc-idempotency",
    "rpc-refused",
    "rpc-retry",
    "rpc-status",
    "rpc-timeout-ms",
    "server",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "x-correlation-id",
    "x-request-id",
];

/// Returns whether the value of a header is known to be no secret, by its name.
fn is_harmless(name: &HeaderName) -> bool {
    HARMLESS.contains(&name.as_str())
}

/// Escapes what would control a terminal.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => printable.push(character),
            '\r' => {}
            control if control.is_control() => printable.extend(control.escape_default()),
            other => printable.push(other),
        }
    }
    printable
}

/// Writes at once, so that the texts of concurrent requests do not mix.
fn show(text: &str) {
    // Nobody can be told that standard error is closed.
    let _ = io::stderr().lock().write_all(escape(text).as_bytes());
}

/// The body of an answer, which is shown when it has ended or is dropped.
struct ShownBody {
    body: ReplyBody,
    /// The name of the attempt and the head of the answer, until they were shown.
    head: Option<String>,
    read: Vec<u8>,
    more: usize,
}

impl ShownBody {
    fn of(name: &str, reply: &mut Reply) -> Self {
        let status = reply.status.map(|status| status.to_string()).unwrap_or_default();
        let mut head = format!("* {name}: answer\n< {status}\n");
        write_headers(&mut head, '<', &reply.headers);
        let body = std::mem::replace(&mut reply.body, Bytes::new().into());
        Self { body, head: Some(head), read: Vec::new(), more: 0 }
    }

    fn show(&mut self, ended: &str) {
        let Some(mut text) = self.head.take() else { return };
        write_body(&mut text, &self.read, self.more);
        text.push_str(ended);
        show(&text);
    }
}

impl Stream for ShownBody {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let chunk = ready!(Pin::new(&mut self.body).poll_next(cx));
        match &chunk {
            Some(Ok(bytes)) => {
                let room = MAX_BODY.saturating_sub(self.read.len()).min(bytes.len());
                self.read.extend_from_slice(&bytes[..room]);
                self.more += bytes.len() - room;
            }
            Some(Err(failure)) => self.show(&format!("* the body broke off: {failure}\n")),
            None => self.show(""),
        }
        Poll::Ready(chunk)
    }
}

impl Drop for ShownBody {
    fn drop(&mut self) {
        // Most answers of a known length are read without asking for their end.
        self.show("");
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::{is_harmless, printable, shown};

    #[test]
    fn only_headers_that_are_known_as_harmless_are_shown() {
        for name in [
            "authorization",
            "set-cookie",
            "x-api-key",
            "ocp-apim-subscription-key",
            "x-functions-key",
            "api_key",
            "x-access-key",
            "x-signature",
            "x-passwd",
            "x-jwt",
            "x-tenant",
            "rpc-token",
        ] {
            assert!(!is_harmless(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["content-type", "rpc-timeout-ms", "rpc-idempotency", "retry-after", "x-request-id"] {
            assert!(is_harmless(&HeaderName::from_static(name)), "{name}");
        }
        assert_eq!(shown("http://user:pass@host/rpc?key=1"), "http://host/rpc?***");
        assert_eq!(shown("http://host/rpc"), "http://host/rpc");
    }

    #[test]
    fn answers_cannot_control_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\tb\r\n"), "a\\u{1b}[31m\tb\n");
    }
}
