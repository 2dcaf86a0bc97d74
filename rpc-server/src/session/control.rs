//! The notifications by which a client controls the calls and streams of its session: `rpc.cancel`, `rpc.credit`, and
//! `$/cancelRequest` of language servers.

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

/// Which notifications are controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlNames {
    /// The framework's own.
    Own,
    /// The framework's own, and those of the Language Server Protocol.
    #[cfg_attr(not(feature = "ipc"), allow(dead_code, reason = "only streams of bytes have them"))]
    WithLanguageServer,
}

impl ControlNames {
    /// Reads a notification. Returns `None` if it is not a control.
    pub(super) fn read<'a>(self, notification: &Request<'a>) -> Option<Control<'a>> {
        let params = notification.params.unwrap_or_default();
        let cancel = || {
            serde_json::from_str(params).map(|CancelParams { id, retry }| {
                if retry { Control::GiveUp { id: id.get() } } else { Control::Cancel { id: id.get() } }
            })
        };
        let read = match &*notification.method {
            "rpc.cancel" => cancel(),
            "$/cancelRequest" if self == Self::WithLanguageServer => cancel(),
            "rpc.credit" => serde_json::from_str(params).map(|CreditParams { subscription, bytes }| Control::Credit {
                subscription: subscription.get(),
                bytes,
            }),
            _ => return None,
        };
        Some(read.unwrap_or(Control::Malformed))
    }
}

#[cfg(test)]
mod tests {
    use rpc_core::codec::{ParseLimits, parse};
    use rpc_core::{Message, Packet};

    use super::{Control, ControlNames};

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
            ("$/cancelRequest", r#"{"id":7}"#, None),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
            let Ok(Packet::Single(Message::Notification(request))) = parse(text.as_bytes(), &ParseLimits::default())
            else {
                panic!("{text} is a notification")
            };
            assert_eq!(ControlNames::Own.read(&request), expected, "{text}");
        }
    }

    #[test]
    fn language_servers_have_another_name_for_the_cancellation() {
        let text = br#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"a"}}"#;
        let Ok(Packet::Single(Message::Notification(request))) = parse(text, &ParseLimits::default()) else {
            panic!("it is a notification")
        };
        let read = ControlNames::WithLanguageServer.read(&request);
        assert_eq!(read, Some(Control::Cancel { id: r#""a""# }));
    }
}
