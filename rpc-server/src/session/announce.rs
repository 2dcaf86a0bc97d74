//! The call `rpc.announce` of a session. It is what `HEAD` is over HTTP: it asks which store of idempotency keys the
//! server has.

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use rpc_core::codec::{self, Output, Responder};
use rpc_core::contain::contain;
use rpc_core::{AnswerStatus, ErrorObject, IdRef, Request, RequestContext};

use super::calls::{AnsweredCall, SessionServer};
use crate::dispatch::{WrittenAnswer, whole_error};
use crate::load::ByteRoom;

/// Returns whether a call asks for the announcement.
pub(super) fn is_announce(call: &Request<'_>) -> bool {
    call.method == "rpc.announce"
}

impl SessionServer {
    /// Answers the call with this id, which is JSON text. `room` is that of the message.
    pub(super) async fn announce(
        self: Arc<Self>,
        id: Box<str>,
        request: Arc<RequestContext>,
        mut room: ByteRoom,
    ) -> AnsweredCall {
        let announced = self.http_state.backend.announce(request).await;
        let answer = of_call(announced, IdRef::from_json(&id).unwrap_or(IdRef::NULL));
        room.fit_up_to(answer.body.len());
        AnsweredCall { answer, room }
    }
}

/// Makes the answer to a call from the answer to a `HEAD` request, which has no result and no id.
fn of_call(mut announced: WrittenAnswer, id: IdRef<'_>) -> WrittenAnswer {
    let error = match announced.status {
        AnswerStatus::Success => None,
        AnswerStatus::Error(code) | AnswerStatus::Refused(code, _) => {
            let given = std::str::from_utf8(&announced.body).ok().and_then(codec::error_of);
            Some(given.and_then(Result::ok).unwrap_or_else(|| code.into()))
        }
        _ => Some(ErrorObject::internal()),
    };
    announced.body = match error {
        Some(error) => whole_error(id, &error).body,
        None => {
            let mut output = Output::new(usize::MAX);
            let _ = Responder::new(&mut output, Some(id)).result(&());
            output.into_bytes()
        }
    };
    if let Some(headers) = &mut announced.headers {
        // There are no caches on a session.
        headers.remove(CACHE_CONTROL);
    }
    // An announcement opens no stream, whatever a `Dispatch` of the user's own returns.
    let stream = announced.stream.take();
    contain(|| drop(stream));
    announced
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};
    use rpc_core::{AnswerStatus, ErrorCode, IdRef};

    use super::of_call;
    use crate::dispatch::WrittenAnswer;

    fn answered(body: &str, status: AnswerStatus) -> String {
        let answer = WrittenAnswer::new(body.as_bytes().to_vec(), status);
        String::from_utf8(of_call(answer, IdRef::from_json("7").unwrap()).body).unwrap()
    }

    #[test]
    fn answer_has_the_id_of_its_call_and_the_error_of_the_refusal() {
        assert_eq!(answered("", AnswerStatus::Success), r#"{"jsonrpc":"2.0","result":null,"id":7}"#);
        assert_eq!(answered("no JSON", AnswerStatus::Success), r#"{"jsonrpc":"2.0","result":null,"id":7}"#);
        let refused = AnswerStatus::Refused(ErrorCode::ACCESS_DENIED, StatusCode::FORBIDDEN);
        let error = r#""error":{"code":-32098,"message":"Forbidden"}"#;
        let expected = format!(r#"{{"jsonrpc":"2.0",{error},"id":7}}"#);
        assert_eq!(answered(&format!(r#"{{"jsonrpc":"2.0",{error},"id":null}}"#), refused), expected);
        let status = AnswerStatus::Error(ErrorCode::OVERLOADED);
        let expected = r#"{"jsonrpc":"2.0","error":{"code":-32092,"message":"Server overloaded"},"id":7}"#;
        assert_eq!(answered("no JSON", status), expected);
        assert!(answered("[]", AnswerStatus::Batch { failures: 0 }).contains("-32603"));
    }

    #[test]
    fn headers_are_kept_except_those_for_caches() {
        let mut answer = WrittenAnswer::new(Vec::new(), AnswerStatus::Success);
        answer.header(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.header(rpc_core::headers::RPC_IDEMPOTENCY, HeaderValue::from_static("store=a"));
        let headers = of_call(answer, IdRef::NULL).headers.unwrap();
        assert_eq!((headers.len(), &headers["rpc-idempotency"]), (1, &HeaderValue::from_static("store=a")));
    }
}
