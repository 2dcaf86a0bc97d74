//! The messages with which a client steers a session: it cancels, gives credit, and ends subscriptions.

use bytes::Bytes;
use rpc_core::codec::Envelope;
use rpc_core::{Id, IdRef, codec};

use crate::call_id::CallId;

/// Cancels a call or a stream.
pub(super) fn cancel(id: &CallId) -> Bytes {
    cancel_with(id, "")
}

/// Gives up an attempt of a call, which another attempt may repeat under the same idempotency key.
pub(super) fn give_up(id: &CallId) -> Bytes {
    cancel_with(id, r#","retry":true"#)
}

fn cancel_with(id: &CallId, more: &str) -> Bytes {
    let mut text = br#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":"#.to_vec();
    id.write_json(&mut text);
    text.extend_from_slice(more.as_bytes());
    text.extend_from_slice(b"}}");
    text.into()
}

/// Allows the server this many bytes more of a stream.
pub(super) fn credit(id: &CallId, bytes: usize) -> Bytes {
    let mut text = br#"{"jsonrpc":"2.0","method":"rpc.credit","params":{"subscription":"#.to_vec();
    id.write_json(&mut text);
    text.extend_from_slice(format!(r#","bytes":{bytes}}}}}"#).as_bytes());
    text.into()
}

/// Calls the method that ends a subscription of the older form. `subscription` is JSON text.
pub(super) fn unsubscribe(method: &str, subscription: &str, id: u64) -> Bytes {
    let write_params = |out: &mut Vec<u8>| -> Result<(), serde_json::Error> {
        out.extend_from_slice(format!("[{subscription}]").as_bytes());
        Ok(())
    };
    let mut text = codec::open_request(method, write_params).expect("the params are JSON text");
    codec::close_request(&mut text, Some(&Id::from(id)));
    text.into()
}

/// Refuses a call that the peer makes.
pub(super) fn refuse_call(id: IdRef<'_>) -> Bytes {
    refusal(id).into()
}

/// Refuses the calls of a batch that the peer makes. Returns `None` if it has none, or if the message is no batch.
pub(super) fn refuse_batch(batch: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(batch).ok()?;
    let mut refusals = Vec::new();
    let is_batch = Envelope::each(text, |envelope| refusals.extend(envelope.id.map(refusal))).ok()?;
    (is_batch && !refusals.is_empty()).then(|| format!("[{}]", refusals.join(",")).into())
}

fn refusal(id: IdRef<'_>) -> String {
    let error = r#"{"code":-32601,"message":"Method not found"}"#;
    format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{}}}"#, id.as_json())
}

/// Makes the answer that ends a stream of the older form. `error` is JSON text.
pub(super) fn final_error(id: &CallId, error: &str) -> Bytes {
    let mut text = format!(r#"{{"jsonrpc":"2.0","error":{error},"id":"#).into_bytes();
    id.write_json(&mut text);
    text.push(b'}');
    text.into()
}

/// The error of a stream whose items the client did not read in time, as the framework's servers send it.
pub(super) const LAGGED: &str = r#"{"code":-32089,"message":"Stream ended","data":{"reason":"lagged"}}"#;

#[cfg(test)]
mod tests {
    use rpc_core::{ErrorCode, ErrorObject, IdRef};
    use uuid::Uuid;

    use super::{LAGGED, cancel, credit, final_error, give_up, refuse_batch, refuse_call, unsubscribe};
    use crate::call_id::{CallId, CallKey};

    #[test]
    fn ids_are_written_as_they_were_sent() {
        let key = CallId::Key(CallKey::new(Uuid::from_u128(0xab)));
        assert_eq!(cancel(&CallId::Number(7)), r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":7}}"#);
        let given_up = r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":7,"retry":true}}"#;
        assert_eq!(give_up(&CallId::Number(7)), given_up);
        assert_eq!(
            credit(&key, 32768),
            concat!(
                r#"{"jsonrpc":"2.0","method":"rpc.credit","params":"#,
                r#"{"subscription":"00000000-0000-0000-0000-0000000000ab","bytes":32768}}"#
            )
        );
        assert_eq!(
            unsubscribe("eth_unsubscribe", "\"0x1\"", 9),
            r#"{"jsonrpc":"2.0","method":"eth_unsubscribe","params":["0x1"],"id":9}"#
        );
        let refused = refuse_call(IdRef::from_json("\"a\"").unwrap());
        assert_eq!(refused, r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"a"}"#);
        let batch = refuse_batch(br#"[{"method":"a","id":"a"},{"method":"b"}]"#).unwrap();
        assert_eq!(batch, format!("[{}]", std::str::from_utf8(&refused).unwrap()));
        assert_eq!(refuse_batch(br#"[{"method":"b"}]"#), None);
        assert_eq!(refuse_batch(br#"{"method":"b","params":[1]}"#), None);
    }

    #[test]
    fn error_of_a_lagging_stream_is_that_of_the_servers() {
        let error: ErrorObject = serde_json::from_str(LAGGED).unwrap();
        assert_eq!(error.code(), ErrorCode::STREAM_ENDED);
        assert_eq!(
            error,
            ErrorObject::from(ErrorCode::STREAM_ENDED).with_data(&serde_json::json!({ "reason": "lagged" }))
        );
        let text = final_error(&CallId::Number(7), LAGGED);
        let reply = rpc_core::codec::parse_reply(std::str::from_utf8(&text).unwrap()).unwrap();
        assert_eq!(reply.outcome.unwrap().unwrap_err().code(), ErrorCode::STREAM_ENDED);
    }
}
