//! Writes a call as a command of `curl`, with everything that the client would send.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use rpc::client_middleware::{Next, from_fn};
use rpc::transport::{Reply, Request};
use rpc::{Client, Failure, Retry};

use crate::connection::{Connection, build};
use crate::error::CliError;

/// The longest body on the command line. Linux takes no argument of 128 KiB or more.
const MAX_ARGUMENT: usize = 100 << 10;

/// Ends a body that is not on the command line. No line of a JSON text is this word.
const END: &str = "END_OF_BODY";

/// Catches the first request of a client instead of sending it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catcher(Arc<Mutex<Option<Request>>>);

impl Catcher {
    /// Builds a client that sends nothing.
    ///
    /// # Errors
    ///
    /// As for [`Connection::client`].
    pub(crate) fn client(&self, connection: &Connection) -> Result<Client, CliError> {
        let caught = Arc::clone(&self.0);
        let layer = from_fn(move |request: Request, _next: Next<Request>| {
            let reply = if request.is_probe() {
                Ok(Reply::new(Bytes::new()))
            } else {
                caught.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(request);
                Err(Failure::not_sent("it is shown instead"))
            };
            std::future::ready(reply)
        });
        build(connection.builder().retry(Retry::never()).attempt_layer(layer))
    }

    /// Returns the command that sends the request, if one was caught.
    pub(crate) fn command(&self, connection: &Connection) -> Option<String> {
        let request = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let is_http2 = connection.is_http2().then_some(connection.url.starts_with("https://"));
        Some(command(&connection.url, is_http2, connection.deadline(), &request.headers, &request.body))
    }
}

/// Writes the command. `http2` says whether HTTP/2 is used, and then whether over TLS.
fn command(url: &str, http2: Option<bool>, deadline: Duration, headers: &HeaderMap, body: &[u8]) -> String {
    let mut text = String::from("curl -sS");
    match http2 {
        None => {}
        Some(true) => text.push_str(" --http2"),
        Some(false) => text.push_str(" --http2-prior-knowledge"),
    }
    if url.contains("/.") {
        // Otherwise curl takes `..` with the part before it out of the path.
        text.push_str(" --path-as-is");
    }
    if url.contains(['[', ']', '{', '}']) {
        text.push_str(" --globoff");
    }
    let _ = write!(text, " --max-time {}", deadline.as_secs_f64());
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        // With a colon, curl would leave out an empty header.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        let _ = write!(text, " -H {}", quote(&header));
    }
    let body = String::from_utf8_lossy(body);
    if body.len() <= MAX_ARGUMENT {
        let _ = write!(text, " --data-raw {} {}", quote(&body), quote(url));
    } else {
        let _ = write!(text, " --data-binary @- {} <<'{END}'\n{body}\n{END}", quote(url));
    }
    text
}

/// Quotes a text for `sh`, unless it needs no quotes.
fn quote(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::{MAX_ARGUMENT, command, quote};

    #[test]
    fn text_is_quoted_where_sh_needs_it() {
        assert_eq!(quote("http://127.0.0.1:8080/a"), "http://127.0.0.1:8080/a");
        assert_eq!(quote("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quote(""), "''");
    }

    #[test]
    fn a_command_has_everything_that_is_sent() {
        let mut headers = HeaderMap::new();
        headers.insert("x-empty", HeaderValue::from_static(""));
        headers.insert("x-tenant", HeaderValue::from_static("a b"));
        let text = command("http://[::1]:80/", Some(false), Duration::from_millis(1500), &headers, b"{}");
        let expected = "curl -sS --http2-prior-knowledge --globoff --max-time 1.5 -H 'x-empty;' -H 'x-tenant: a b' \
                        --data-raw '{}' 'http://[::1]:80/'";
        assert_eq!(text, expected);
        let text = command("http://a/b/../c", None, Duration::from_secs(1), &HeaderMap::new(), b"[]");
        assert_eq!(text, "curl -sS --path-as-is --max-time 1 --data-raw '[]' http://a/b/../c");
        let text = command("https://a", Some(true), Duration::from_secs(1), &HeaderMap::new(), b"[]");
        assert_eq!(text, "curl -sS --http2 --max-time 1 --data-raw '[]' https://a");
    }

    #[test]
    fn a_long_body_is_no_argument() {
        let body = "1".repeat(MAX_ARGUMENT + 1);
        let text = command("http://a", None, Duration::from_secs(1), &HeaderMap::new(), body.as_bytes());
        assert_eq!(
            text,
            format!("curl -sS --max-time 1 --data-binary @- http://a <<'END_OF_BODY'\n{body}\nEND_OF_BODY")
        );
    }
}
