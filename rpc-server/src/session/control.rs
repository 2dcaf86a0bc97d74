//! The notifications by which a client controls the calls and streams of its session: `rpc.cancel` and `rpc.credit`.

use rpc_core::Request;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a client asks for. Ids are JSON as the client has written it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control<'a> {
    /// Cancels the calls with this id, and ends the stream with it.
    Cancel { id: &'a str },
    /// As [`Cancel`](Self::Cancel), but only for one attempt of a call. Its client may ask for the kept answer.
    GiveUp { id: &'a str },
    /// Lets a stream send this many more bytes.
    Credit { subscription: &'a str, bytes: u64 },
    /// A notification with a control's name and other params. The session ignores it.
    Malformed,
}

#[derive(Deserialize)]
struct CancelParams<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(default)]
    retry: bool,
}

#[derive(Deserialize)]
struct CreditParams<'a> {
    #[serde(borrow)]
    subscription: &'a RawValue,
    bytes: u64,
}

impl<'a> Control<'a> {
    /// Reads a notification. Returns `None` if it is not a control.
    pub(super) fn read(notification: &Request<'a>) -> Option<Self> {
        let params = notification.params.unwrap_or_default();
        let read = match &*notification.method {
            "rpc.cancel" => serde_json::from_str(params).map(|CancelParams { id, retry }| {
                if retry { Self::GiveUp { id: id.get() } } else { Self::Cancel { id: id.get() } }
            }),
            "rpc.credit" => serde_json::from_str(params)
                .map(|CreditParams { subscription, bytes }| Self::Credit { subscription: subscription.get(), bytes }),
            _ => return None,
        };
        Some(read.unwrap_or(Self::Malformed))
    }
}

#[cfg(test)]
mod tests {
    use rpc_core::codec::{ParseLimits, parse};
    use rpc_core::{Message, Packet};

    use super::Control;

    #[test]
    fn controls_name_ids_as_their_clients_wrote_them() {
        for (method, params, expected) in [
            ("rpc.cancel", r#"{"id": "a\u0062"}"#, Some(Control::Cancel { id: r#""a\u0062""# })),
            ("rpc.cancel", r#"{"id":7,"more":1}"#, Some(Control::Cancel { id: "7" })),
            ("rpc.cancel", r#"{"id":7,"retry":false}"#, Some(Control::Cancel { id: "7" })),
            ("rpc.cancel", r#"{"id":7,"retry":true}"#, Some(Control::GiveUp { id: "7" })),
            ("rpc.cancel", r#"{"id":7,"retry":1}"#, Some(Control::Malformed)),
            ("rpc.credit", r#"{"subscription":7,"bytes":9}"#, Some(Control::Credit { subscription: "7", bytes: 9 })),
            ("rpc.credit", r#"{"subscription":7,"bytes":-9}"#, Some(Control::Malformed)),
            ("rpc.credit", r#"{"subscription":7}"#, Some(Control::Malformed)),
            ("rpc.cancel", "{}", Some(Control::Malformed)),
            ("rpc.health", "{}", None),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
            let Ok(Packet::Single(Message::Notification(request))) = parse(text.as_bytes(), &ParseLimits::default())
            else {
                panic!("{text} is a notification")
            };
            assert_eq!(Control::read(&request), expected, "{text}");
        }
    }
}
