//! Responses to heads that hyper rejects before `http` sees a request. Recognizes hyper's own bare response and writes
//! a full one as HTTP/1 bytes. `serve::pace` sends it instead, and also uses it for heads that arrive too slowly.

use std::time::SystemTime;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::{HeaderValue, Response, StatusCode};

use super::answer_body::AnswerBody;
use super::early::EarlyAnswer;
use super::respond::respond;
use super::state::HttpState;

/// Why hyper cannot read the head of a request. hyper makes no request of such a head, so this file writes the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum HyperRefusal {
    /// The head is not valid HTTP.
    Malformed,
    /// The head has too many headers or bytes.
    TooLarge,
    /// The address is longer than any limit allows.
    LongUri,
    /// The head did not arrive in time.
    TooSlow,
}

impl HyperRefusal {
    /// Recognizes an answer that hyper sends by itself, which has a status and no body.
    pub(crate) fn of_hyper(answer: &[u8]) -> Option<Self> {
        // The first bytes decide for nearly all answers. The server's own answers with one of these statuses are never
        // empty.
        let rest = answer.strip_prefix(b"HTTP/1.1 4").or_else(|| answer.strip_prefix(b"HTTP/1.0 4"))?;
        let refusal = match rest.get(..2)? {
            b"00" => Self::Malformed,
            b"14" => Self::LongUri,
            b"31" => Self::TooLarge,
            _ => return None,
        };
        let is_bare =
            answer.ends_with(b"\r\n\r\n") && answer.windows(21).any(|line| line == b"\r\ncontent-length: 0\r\n");
        is_bare.then_some(refusal)
    }

    /// Counts the refusal and returns the whole answer, after which the connection is closed.
    pub(crate) fn answer(self, http_state: &HttpState) -> Vec<u8> {
        let limits = &http_state.limits;
        let early = match self {
            Self::Malformed => EarlyAnswer::malformed_head(),
            Self::TooLarge => EarlyAnswer::large_head(limits),
            Self::LongUri => EarlyAnswer::large_head(limits).with_status(StatusCode::URI_TOO_LONG),
            Self::TooSlow => EarlyAnswer::too_slow(),
        };
        early.count(http_state.meter);
        let mut response = respond(*early.0, &http_state.load);
        let length = response.body().as_bytes().len();
        let date = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now()));
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(DATE, date.expect("a date is ASCII"));
        write(&response)
    }
}

fn write(response: &Response<AnswerBody>) -> Vec<u8> {
    let reason = response.status().canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", response.status().as_str()).into_bytes();
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(response.body().as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::HyperRefusal;
    use crate::Server;

    #[test]
    fn what_hyper_answers_by_itself_is_told_from_what_we_answer() {
        let bare =
            |status: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n");
        let of = |text: &str| HyperRefusal::of_hyper(text.as_bytes());
        assert_eq!(of(&bare("400 Bad Request")), Some(HyperRefusal::Malformed));
        assert_eq!(of(&bare("431 Request Header Fields Too Large")), Some(HyperRefusal::TooLarge));
        assert_eq!(of(&bare("414 URI Too Long").replace("1.1", "1.0")), Some(HyperRefusal::LongUri));
        for other in ["200 OK", "404 Not Found", "413 Payload Too Large"] {
            assert_eq!(of(&bare(other)), None, "{other}");
        }
        assert_eq!(of(&bare("400 Bad Request").replace(": 0", ": 10")), None);
        assert_eq!(of(&format!("{}{{}}", bare("400 Bad Request"))), None);
        assert_eq!(of("HTTP/1.1 4"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn a_refusal_is_a_whole_answer() {
        let server = Server::builder().build();
        let text = String::from_utf8(HyperRefusal::TooSlow.answer(&server.http_state)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{head}");
        for header in ["connection: close", "content-type: application/json", "rpc-status: -32094", "rpc-refused: all"]
        {
            assert!(head.lines().any(|line| line == header), "{header} in {head}");
        }
        assert!(head.contains(&format!("content-length: {}", body.len())) && head.contains("date: "), "{head}");
        assert_eq!(body, r#"{"jsonrpc":"2.0","error":{"code":-32094,"message":"Request timed out"},"id":null}"#);
        // hyper's own answer is replaced, and the replacement is not replaced again.
        assert_eq!(HyperRefusal::of_hyper(text.as_bytes()), None);
    }
}
