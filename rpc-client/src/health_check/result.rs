//! [`CheckResult`]: what the answer to a check says about its endpoint.

use bytes::Bytes;
use rpc_core::{ErrorCode, ErrorObject, chain_text};
use serde_json::Value;

use crate::call_id::CallId;
use crate::error::{Answer, AnswerResult};
use crate::exchange::ReceivedResponse;
use crate::failure::{Failure, FailureKind};
use crate::replies::{self, VersionCheck};

/// The call of the method `rpc.health`. A call of a user never has the id 0.
pub(crate) const HEALTH_CALL: &[u8] = br#"{"jsonrpc":"2.0","method":"rpc.health","id":0}"#;

/// What a check says about its endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CheckResult {
    Passed,
    /// It failed, for this reason.
    Failed(String),
    /// Nothing: the client itself did not send the check, or did not send it in time.
    Ignored,
}

impl CheckResult {
    /// Returns what the response to [`HEALTH_CALL`] says.
    pub(crate) fn of_call(response: Result<ReceivedResponse, Failure>) -> Self {
        match response {
            Ok(response) => Self::of_answer(answer(&response.body)),
            Err(mut failure) => match failure.take_answer().map(|body| answer(&body)) {
                // Some servers answer errors of calls with the status of an HTTP error.
                Some(Ok(Answer::Error(error))) => Self::of_error(&error),
                _ => Self::of_failure(&failure),
            },
        }
    }

    /// Returns what the response of a page says.
    pub(crate) fn of_page(response: Result<ReceivedResponse, Failure>) -> Self {
        match response {
            Ok(_) => Self::Passed,
            // Its status was 2xx.
            Err(failure) if matches!(failure.kind_of_failure(), FailureKind::AnswerTooLarge(_)) => Self::Passed,
            Err(failure) => Self::of_failure(&failure),
        }
    }

    /// Returns what a failure says that no answer contradicts.
    pub(crate) fn of_failure(failure: &Failure) -> Self {
        if failure.kind_of_failure().is_of_client() { Self::Ignored } else { Self::Failed(chain_text(failure)) }
    }

    fn of_answer(answered: AnswerResult) -> Self {
        match answered {
            Ok(Answer::Result(report)) => Self::of_report(&report),
            Ok(Answer::Error(error) | Answer::OfRequest(error)) => Self::of_error(&error),
            Err(failure) => Self::of_failure(&failure),
        }
    }

    /// A server of another framework may return anything. Then its answer is what counts.
    fn of_report(report: &Bytes) -> Self {
        let report: Value = serde_json::from_slice(report).unwrap_or_default();
        match report.get("status").and_then(Value::as_str) {
            Some(status @ ("unready" | "draining")) => Self::Failed(format!("the server is {status}")),
            _ => Self::Passed,
        }
    }

    /// A server without the method answers. The client knows no more about it.
    fn of_error(error: &ErrorObject) -> Self {
        if error.code() == ErrorCode::METHOD_NOT_FOUND {
            Self::Passed
        } else {
            Self::Failed(format!("the server answered with the error {}", error.code()))
        }
    }
}

fn answer(body: &Bytes) -> AnswerResult {
    replies::single(body, Some(&CallId::Number(0)), VersionCheck::Lenient)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{CheckResult, HEALTH_CALL, answer};
    use crate::failure::{Failure, FailureKind, LayerFault};

    fn of_body(body: &str) -> CheckResult {
        CheckResult::of_answer(answer(&Bytes::copy_from_slice(body.as_bytes())))
    }

    fn failed(reason: &str) -> CheckResult {
        CheckResult::Failed(reason.to_owned())
    }

    #[test]
    fn result_passes_unless_the_server_is_not_ready() {
        for report in [r#"{"status":"ready","checks":{}}"#, r#"{"status":"ok"}"#, "true", "null", "[1]"] {
            assert_eq!(of_body(&format!(r#"{{"jsonrpc":"2.0","id":0,"result":{report}}}"#)), CheckResult::Passed);
        }
        for status in ["unready", "draining"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":0,"result":{{"status":"{status}"}}}}"#);
            assert_eq!(of_body(&body), failed(&format!("the server is {status}")));
        }
    }

    #[test]
    fn only_the_error_of_an_unknown_method_passes() {
        let of_code = |code| of_body(&format!(r#"{{"jsonrpc":"2.0","id":0,"error":{{"code":{code},"message":""}}}}"#));
        assert_eq!(of_code(-32601), CheckResult::Passed);
        for code in [-32603, -32092, -32000, 1] {
            assert_eq!(of_code(code), failed(&format!("the server answered with the error {code}")));
        }
        assert!(matches!(of_body("<html>"), CheckResult::Failed(_)));
        assert!(matches!(of_body(r#"{"jsonrpc":"2.0","id":7,"result":0}"#), CheckResult::Failed(_)));
    }

    #[test]
    fn failures_of_the_client_itself_say_nothing() {
        for kind in [FailureKind::Expired, FailureKind::Credentials, FailureKind::Layer(LayerFault::Overloaded)] {
            assert_eq!(CheckResult::of_failure(&Failure::new(kind)), CheckResult::Ignored);
        }
        for failure in [Failure::connect("refused"), Failure::not_sent("cut"), Failure::transport("cut")] {
            assert!(matches!(CheckResult::of_failure(&failure), CheckResult::Failed(_)));
        }
    }

    #[test]
    fn call_is_valid_json() {
        let call: serde_json::Value = serde_json::from_slice(HEALTH_CALL).unwrap();
        assert_eq!(call, serde_json::json!({ "jsonrpc": "2.0", "method": "rpc.health", "id": 0 }));
    }
}
