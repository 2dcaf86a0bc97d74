//! The call `rpc.announce`, by which a client of a session asks which store of idempotency keys the server has.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rpc_core::codec::{self, Envelope};
use rpc_core::{Denial, ErrorCode, ErrorObject};

use super::connection::IdentifiedRequest;
use super::state::Expect;
use crate::call_id::KeyGenerator;
use crate::failure::{Failure, FailureKind, HttpError};
use crate::transport::{Reply, Request};

/// Makes the call from a probe, which has no body.
pub(super) fn announce_call(probe: Request) -> IdentifiedRequest {
    // No other call of any client has this id.
    let id = KeyGenerator::default().next();
    let mut call = br#"{"jsonrpc":"2.0","method":"rpc.announce","id":"#.to_vec();
    id.write_json(&mut call);
    call.push(b'}');
    IdentifiedRequest { request: Request { body: call.into(), ..probe }, ids: vec![id], expect: Expect::Answer }
}

/// Makes the reply to the probe from the answer and its headers. A server that does not know the call has no store.
pub(super) fn announced(answer: &Bytes, headers: HeaderMap) -> Result<Reply, Failure> {
    let text = std::str::from_utf8(answer).map_err(|error| Failure::with_source(FailureKind::Transport, error))?;
    match codec::error_of(text) {
        None if Envelope::read(text).is_ok_and(|envelope| envelope.result.is_some()) => {
            Ok(Reply { headers, ..Reply::new(Bytes::new()) })
        }
        None => Err(Failure::protocol("the answer to `rpc.announce` has neither a result nor an error")),
        Some(Ok(error)) if error.code() == ErrorCode::METHOD_NOT_FOUND => Ok(Reply::new(Bytes::new())),
        Some(Ok(error)) => Err(refusal(error, headers)),
        Some(Err(foreign)) => Err(Failure::new(FailureKind::ForeignError(foreign))),
    }
}

/// Makes the failure that the same refusal of `HEAD` is over HTTP, by the status that belongs to the error.
fn refusal(error: ErrorObject, headers: HeaderMap) -> Failure {
    match status_of(&error) {
        Some(status) => {
            Failure::new(FailureKind::Status(HttpError { status, headers, error: Some(Ok(error)), answer: None }))
        }
        None => Failure::new(FailureKind::Server(error)),
    }
}

fn status_of(error: &ErrorObject) -> Option<StatusCode> {
    match Denial::from_error_object(error) {
        Some(denial) => denial.meaning().http.of_call(),
        None => error.code().meaning().http.of_request(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use rpc_core::ErrorKind;

    use super::announced;
    use crate::Failure;

    fn failure(answer: &str) -> Failure {
        announced(&Bytes::from(answer.to_owned()), HeaderMap::new()).unwrap_err()
    }

    #[test]
    fn refusals_are_the_failures_that_they_are_over_http() {
        for (error, status) in [
            (r#"{"code":-32098,"message":"m","data":{"reason":"unauthenticated"}}"#, Some(401)),
            (r#"{"code":-32098,"message":"m","data":{"reason":"forbidden"}}"#, Some(403)),
            (r#"{"code":-32092,"message":"m"}"#, Some(503)),
            (r#"{"code":-32600,"message":"m"}"#, Some(400)),
            (r#"{"code":-32603,"message":"m"}"#, None),
            (r#"{"code":7,"message":"m"}"#, None),
            (r#""broken""#, None),
        ] {
            let failure = failure(&format!(r#"{{"jsonrpc":"2.0","error":{error},"id":1}}"#));
            assert_eq!(failure.status().map(|status| status.as_u16()), status, "{error}");
        }
        assert_eq!(failure("7").kind(), ErrorKind::Internal);
    }

    #[test]
    fn server_that_does_not_know_the_call_announces_nothing() {
        let unknown = r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}"#;
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"))]);
        assert!(announced(&Bytes::from_static(unknown.as_bytes()), headers).unwrap().headers.is_empty());
    }
}
