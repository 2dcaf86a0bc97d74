//! Answers a message that cannot be read as a whole. A client of a session finds an error only by the ids of its calls.

use rpc_core::codec::{Output, Responder, salvage_ids};
use rpc_core::{AnswerStatus, ErrorObject};

use crate::dispatch::WrittenAnswer;

/// The most bytes of errors for each byte of the message, so that short calls do not cost much more than they sent.
const MAX_GROWTH: usize = 4;

/// The least size at which the errors are cut.
const MIN_BYTES: usize = 4 << 10;

/// Gives the error to each call whose id can be read, instead of one error without an id. `max_id_bytes` is the longest
/// id that the server accepts.
pub(super) fn salvage(answer: &mut WrittenAnswer, error: &ErrorObject, message: &[u8], max_id_bytes: usize) {
    let mut output = Output::new(usize::MAX);
    let most = message.len().saturating_mul(MAX_GROWTH).max(MIN_BYTES);
    let mut failures = 0;
    let is_batch = salvage_ids(message, |id| {
        if id.as_json().len() <= max_id_bytes {
            output.push(if failures == 0 { b"[" } else { b"," });
            let _ = Responder::new(&mut output, Some(id)).error(error);
            failures += 1;
        }
        output.len() < most
    });
    if failures == 0 {
        return;
    }
    if is_batch {
        output.push(b"]");
        (answer.body, answer.status) = (output.into_bytes(), AnswerStatus::Batch { failures });
    } else {
        answer.body = output.as_bytes()[1..].to_vec();
    }
}

#[cfg(test)]
mod tests {
    use rpc_core::{AnswerStatus, ErrorCode, IdRef};

    use super::{MAX_GROWTH, salvage};
    use crate::dispatch::whole_error;

    fn salvaged(message: &str) -> String {
        let error = ErrorCode::PARSE_ERROR.into();
        let mut answer = whole_error(IdRef::NULL, &error).refused();
        salvage(&mut answer, &error, message.as_bytes(), 5);
        assert!(answer.headers.unwrap().contains_key("rpc-refused"));
        assert_eq!(matches!(answer.status, AnswerStatus::Batch { .. }), answer.body.starts_with(b"["));
        String::from_utf8(answer.body).unwrap()
    }

    #[test]
    fn each_call_that_can_be_told_gets_the_error() {
        let error = |id| format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32700,"message":"Parse error"}},"id":{id}}}"#);
        assert_eq!(salvaged(r#"{"id":7,"method":"a","#), error("7"));
        assert_eq!(salvaged("nonsense"), error("null"));
        assert_eq!(salvaged(r#"{"id":1234567,"method":"a","#), error("null"), "the id is too long");
        let batch = r#"[{"id":"a","method":"a"},{"id":2,"method":"a""#;
        assert_eq!(salvaged(batch), format!("[{},{}]", error("\"a\""), error("2")));
    }

    #[test]
    fn errors_are_not_much_longer_than_their_message() {
        let message = format!("[{}", r#"{"id":1,"method":""},"#.repeat(2000));
        let answer = salvaged(&message);
        assert!(answer.len() < MAX_GROWTH * message.len() + 100 && answer.ends_with("]"), "{}", answer.len());
    }
}
