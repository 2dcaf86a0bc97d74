//! [`Incoming`]: what a message of the server is, by its envelope. The connection passes the message on by it.

use rpc_core::IdRef;
use rpc_core::codec::{ACCEPTED, Envelope};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call_id::CallId;

/// A message of the server, with what is needed to pass it on.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    /// The answer to a call, or the answers to a batch. The ids are those that a client can have sent.
    Answer { ids: Vec<CallId>, rpc: Option<&'a str>, result: Option<&'a str> },
    /// The server has accepted the stream with this id.
    Accepted { id: CallId, rpc: Option<&'a str> },
    /// An item of the stream with this id, which is JSON text. In the older form it may be the stream's end, an error.
    Item { subscription: &'a str, error: Option<&'a str> },
    /// A call that the peer makes.
    Call { id: IdRef<'a> },
    /// A notification that concerns no stream of this side, or a batch of calls and notifications.
    OfPeer,
    /// An answer without an id. It belongs to no request that can be told.
    Unassignable { rpc: Option<&'a str> },
    /// An answer with an id that this side cannot have sent.
    Foreign,
    /// No message of JSON-RPC.
    Malformed,
}

/// The params of a notification that belongs to a stream.
#[derive(Deserialize)]
struct StreamParams<'a> {
    #[serde(borrow)]
    subscription: &'a RawValue,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl<'a> Incoming<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        if text.trim_ascii_start().starts_with('[') {
            return Self::read_batch(text);
        }
        match Envelope::read(text) {
            Ok(envelope) if envelope.is_response() => match envelope.id.and_then(CallId::of_reply) {
                Some(id) => Self::Answer { ids: vec![id], rpc: envelope.rpc, result: envelope.result },
                None if envelope.id.is_none_or(IdRef::is_null) => Self::Unassignable { rpc: envelope.rpc },
                // The answer to an earlier call of another program, or a mistake.
                None => Self::Foreign,
            },
            Ok(Envelope { method: Some(_), id: Some(id), .. }) => Self::Call { id },
            Ok(Envelope { method: Some(method), params: Some(params), rpc, .. }) => {
                Self::of_notification(method, params, rpc).unwrap_or(Self::OfPeer)
            }
            Ok(Envelope { method: Some(_), .. }) => Self::OfPeer,
            Ok(_) | Err(_) => Self::Malformed,
        }
    }

    fn read_batch(text: &'a str) -> Self {
        let (mut ids, mut rpc) = (Vec::new(), None);
        let (mut has_responses, mut has_calls) = (false, false);
        let read = Envelope::each(text, |envelope| {
            rpc = rpc.or(envelope.rpc);
            has_responses |= envelope.is_response();
            has_calls |= envelope.method.is_some();
            ids.extend(envelope.id.filter(|_| envelope.is_response()).and_then(CallId::of_reply));
        });
        match read {
            Ok(_) if !ids.is_empty() => Self::Answer { ids, rpc, result: None },
            Ok(_) if has_responses => Self::Unassignable { rpc },
            Ok(_) if has_calls => Self::OfPeer,
            Ok(_) | Err(_) => Self::Malformed,
        }
    }

    fn of_notification(method: &str, params: &'a str, rpc: Option<&'a str>) -> Option<Self> {
        let params: StreamParams<'a> = serde_json::from_str(params).ok()?;
        let subscription = params.subscription.get();
        let method = method.trim_matches('"');
        if method != ACCEPTED && method.starts_with("rpc.") {
            // Credit names a stream, too: one that the peer reads.
            return None;
        }
        if method == ACCEPTED {
            let id = CallId::of_reply(IdRef::from_json(subscription)?)?;
            return Some(Self::Accepted { id, rpc });
        }
        Some(Self::Item { subscription, error: params.error.map(RawValue::get) })
    }
}

/// Returns the id of the subscription that a result names: a string or a number, as JSON text.
pub(super) fn subscription_of(result: Option<&str>) -> Option<&str> {
    result.filter(|result| result.starts_with(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']))
}

#[cfg(test)]
mod tests {
    use super::{Incoming, subscription_of};
    use crate::call_id::CallId;

    #[test]
    fn answers_name_the_calls_that_they_answer() {
        let text = r#"[{"jsonrpc":"2.0","result":1,"id":2,"rpc":{"a":"b"}},{"jsonrpc":"2.0","result":1,"id":1}]"#;
        let Incoming::Answer { ids, rpc, .. } = Incoming::read(text) else { panic!("it is an answer") };
        assert_eq!((ids, rpc), (vec![CallId::Number(2), CallId::Number(1)], Some(r#"{"a":"b"}"#)));
        let Incoming::Answer { ids, result, .. } = Incoming::read(r#"{"result":"0x1","id":7}"#) else { panic!() };
        assert_eq!((ids, subscription_of(result)), (vec![CallId::Number(7)], Some("\"0x1\"")));
    }

    #[test]
    fn what_belongs_to_no_call_is_told_from_what_may_belong_to_the_only_one() {
        for text in [
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"},"id":null}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"}}"#,
            r#"[{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"},"id":null}]"#,
        ] {
            assert!(matches!(Incoming::read(text), Incoming::Unassignable { rpc: None }), "{text}");
        }
        for text in ["nonsense", "", "[]", "[7]", "7", "{}"] {
            assert!(matches!(Incoming::read(text), Incoming::Malformed), "{text}");
        }
        assert!(matches!(Incoming::read(r#"{"jsonrpc":"2.0","result":1,"id":"not ours"}"#), Incoming::Foreign));
    }

    #[test]
    fn what_the_peer_calls_is_told_from_what_it_answers() {
        for text in [
            r#"{"jsonrpc":"2.0","method":"hello"}"#,
            r#"{"jsonrpc":"2.0","method":"hello","params":[1]}"#,
            r#"{"jsonrpc":"2.0","method":"hello","params":{"result":1}}"#,
            r#"{"jsonrpc":"2.0","method":"rpc.credit","params":{"subscription":1,"bytes":9}}"#,
            r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#,
            r#"[{"jsonrpc":"2.0","method":"a","id":1},{"jsonrpc":"2.0","method":"b"}]"#,
        ] {
            assert!(matches!(Incoming::read(text), Incoming::OfPeer), "{text}");
        }
        let call = r#"{"jsonrpc":"2.0","method":"any","params":{"subscription":9},"id":1}"#;
        assert!(matches!(Incoming::read(call), Incoming::Call { .. }));
    }

    #[test]
    fn notifications_of_streams_name_their_stream() {
        let accepted = r#"{"jsonrpc":"2.0","method":"rpc.accepted","params":{"subscription":7},"rpc":{"x-a":"1"}}"#;
        let Incoming::Accepted { id, rpc } = Incoming::read(accepted) else { panic!("it is accepted") };
        assert_eq!((id, rpc), (CallId::Number(7), Some(r#"{"x-a":"1"}"#)));
        let item = r#"{"jsonrpc":"2.0","method":"any","params":{"subscription":"0x1","result":[1]}}"#;
        assert!(matches!(Incoming::read(item), Incoming::Item { subscription: "\"0x1\"", error: None }));
        let end = r#"{"jsonrpc":"2.0","method":"any","params":{"subscription":9,"error":"gone"}}"#;
        assert!(matches!(Incoming::read(end), Incoming::Item { subscription: "9", error: Some("\"gone\"") }));
    }
}
