//! The messages of a stream as the client reads them: items, the answer that ends the stream, and `rpc.accepted`. All
//! borrow from the text.

use std::borrow::Cow;

use super::parse::explain;
use super::response::{Reply, parse_reply};
use super::scan::{NotJson, Scanner};
use crate::IdRef;

/// The method of the notification by which a session accepts a stream.
pub const ACCEPTED: &str = "rpc.accepted";

/// A message of a stream, or another message that arrived on its connection.
#[derive(Debug)]
pub enum ReceivedMessage<'a> {
    /// A notification with an item.
    Item(ReceivedItem<'a>),
    /// An answer. With the id of the stream's call, it ends the stream.
    Answer(Reply<'a>),
    /// The notification that the server has accepted the call with this id as a stream.
    Accepted(IdRef<'a>),
    /// Another notification or a call.
    Other,
}

/// An item of a stream, as JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedItem<'a> {
    /// The id of the stream's call.
    pub subscription: IdRef<'a>,
    /// The place of the item in its sequence, if clients can resume the stream.
    pub cursor: Option<&'a str>,
    /// The number of items before this one that were dropped because the client did not read them in time.
    pub lagged: u64,
    /// Whether the server no longer has the items between the client's cursor and this one.
    pub gap: bool,
    /// The item.
    pub result: &'a str,
}

/// Reads a message.
///
/// # Errors
///
/// Returns the reason if the text is not JSON, or if a notification has only some of the members of an item.
pub fn read_stream_message(text: &str) -> Result<ReceivedMessage<'_>, Cow<'static, str>> {
    let mut scanner = Scanner::new(text);
    if scanner.peek() != Some(b'{') {
        return parse_reply(text).map(ReceivedMessage::Answer).map_err(Cow::Owned);
    }
    let mut envelope = Envelope::default();
    let read = scanner.members(b'{', b'}', |scanner| envelope.member(scanner));
    if read.and_then(|()| scanner.end()).is_err() {
        return Err(explain(text).into());
    }
    match envelope {
        Envelope { is_doubled: true, .. } => Err("a member of the message stands there twice".into()),
        Envelope { method: None, .. } => parse_reply(text).map(ReceivedMessage::Answer).map_err(Cow::Owned),
        Envelope { has_id: true, .. } => Ok(ReceivedMessage::Other),
        Envelope { method: Some(method), params, .. } => params.read(method).map_err(Cow::Borrowed),
    }
}

/// The members of a message that tell what it is.
#[derive(Default)]
struct Envelope<'a> {
    /// Whether the method is `rpc.accepted`.
    method: Option<MethodName>,
    params: ItemMembers<'a>,
    has_id: bool,
    is_doubled: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum MethodName {
    Accepted,
    Other,
}

/// The members of an item's params.
#[derive(Default)]
struct ItemMembers<'a> {
    subscription: Option<&'a str>,
    cursor: Option<&'a str>,
    lagged: Option<&'a str>,
    gap: Option<&'a str>,
    result: Option<&'a str>,
}

enum EnvelopeName {
    Method,
    Params,
    Id,
    Other,
}

enum ItemName {
    Subscription,
    Cursor,
    Lagged,
    Gap,
    Result,
    Other,
}

impl<'a> Envelope<'a> {
    #[inline]
    fn member(&mut self, scanner: &mut Scanner<'a>) -> Result<(), NotJson> {
        match EnvelopeName::scan(scanner)? {
            EnvelopeName::Method => {
                let name = scanner.value()?;
                // A name of the framework has no escapes in practice, and an escaped one is another method.
                let name = name.trim_matches('"');
                let name = if name == ACCEPTED { MethodName::Accepted } else { MethodName::Other };
                self.is_doubled |= self.method.replace(name).is_some();
            }
            EnvelopeName::Params if scanner.peek() == Some(b'{') => {
                let params = &mut self.params;
                let mut is_doubled = false;
                scanner.members(b'{', b'}', |scanner| -> Result<(), NotJson> {
                    is_doubled |= params.member(scanner)?;
                    Ok(())
                })?;
                self.is_doubled |= is_doubled;
            }
            EnvelopeName::Id => {
                scanner.value()?;
                self.has_id = true;
            }
            EnvelopeName::Params | EnvelopeName::Other => {
                scanner.value()?;
            }
        }
        Ok(())
    }
}

impl EnvelopeName {
    #[inline]
    fn scan(scanner: &mut Scanner<'_>) -> Result<Self, NotJson> {
        // Nearly all names are written like this. They then need no unescaping.
        scanner.peek();
        Ok(if scanner.take(r#""jsonrpc":"#) {
            Self::Other
        } else if scanner.take(r#""method":"#) {
            Self::Method
        } else if scanner.take(r#""params":"#) {
            Self::Params
        } else {
            scanner.name(|name| match name {
                "method" => Self::Method,
                "params" => Self::Params,
                "id" => Self::Id,
                _ => Self::Other,
            })?
        })
    }
}

impl ItemName {
    #[inline]
    fn scan(scanner: &mut Scanner<'_>) -> Result<Self, NotJson> {
        scanner.peek();
        Ok(if scanner.take(r#""subscription":"#) {
            Self::Subscription
        } else if scanner.take(r#""result":"#) {
            Self::Result
        } else if scanner.take(r#""cursor":"#) {
            Self::Cursor
        } else {
            scanner.name(|name| match name {
                "subscription" => Self::Subscription,
                "cursor" => Self::Cursor,
                "lagged" => Self::Lagged,
                "gap" => Self::Gap,
                "result" => Self::Result,
                _ => Self::Other,
            })?
        })
    }
}

impl<'a> ItemMembers<'a> {
    /// Reads a member, and returns whether it came a second time.
    #[inline]
    fn member(&mut self, scanner: &mut Scanner<'a>) -> Result<bool, NotJson> {
        let name = ItemName::scan(scanner)?;
        let value = match name {
            ItemName::Result => scanner.long_value()?,
            _ => scanner.value()?,
        };
        let slot = match name {
            ItemName::Subscription => &mut self.subscription,
            ItemName::Cursor => &mut self.cursor,
            ItemName::Lagged => &mut self.lagged,
            ItemName::Gap => &mut self.gap,
            ItemName::Result => &mut self.result,
            ItemName::Other => return Ok(false),
        };
        Ok(slot.replace(value).is_some())
    }

    fn read(self, method: MethodName) -> Result<ReceivedMessage<'a>, &'static str> {
        let Some(subscription) = self.subscription.and_then(IdRef::from_json) else {
            return Ok(ReceivedMessage::Other);
        };
        if method == MethodName::Accepted {
            return Ok(ReceivedMessage::Accepted(subscription));
        }
        let Some(result) = self.result else {
            return Err("the notification of an item has no member \"result\"");
        };
        let lagged = match self.lagged.map(str::parse) {
            None => 0,
            Some(Ok(lagged)) => lagged,
            Some(Err(_)) => return Err("member \"lagged\" of an item is not a number of items"),
        };
        let gap = match self.gap {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err("member \"gap\" of an item is neither true nor false"),
        };
        Ok(ReceivedMessage::Item(ReceivedItem { subscription, cursor: self.cursor, lagged, gap, result }))
    }
}

#[cfg(test)]
mod tests {
    use super::{ReceivedItem, ReceivedMessage, read_stream_message};
    use crate::IdRef;
    use crate::codec::{ItemLoss, ItemPrefix, write_item};

    #[track_caller]
    fn item(text: &str) -> ReceivedItem<'_> {
        match read_stream_message(text) {
            Ok(ReceivedMessage::Item(item)) => item,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[track_caller]
    fn problem(text: &str) -> String {
        read_stream_message(text).expect_err(text).into_owned()
    }

    #[test]
    fn item_is_read_as_the_server_writes_it() {
        let mut text = Vec::new();
        let loss = ItemLoss { lagged: 3, gap: true };
        let prefix = ItemPrefix::new("market.ticks", IdRef::from_json("7").unwrap());
        prefix.begin(&mut text, loss);
        write_item(&mut text, 1000, Some(&(4, "x")), "a\"b").unwrap();
        let text = String::from_utf8(text).unwrap();
        let (subscription, cursor) = (IdRef::from_json("7").unwrap(), Some(r#"[4,"x"]"#));
        assert_eq!(item(&text), ReceivedItem { subscription, cursor, lagged: 3, gap: true, result: r#""a\"b""# });
    }

    #[test]
    fn members_come_in_any_order_and_with_escapes() {
        let text =
            r#" { "params" : { "r\u0065sult" : [1] , "more" : {} , "subscription" : "0x1" } , "method" : "m" } "#;
        let read = item(text);
        assert_eq!((read.subscription.as_json(), read.cursor, read.result), ("\"0x1\"", None, "[1]"));
        assert_eq!((read.lagged, read.gap), (0, false));
    }

    #[test]
    fn answer_and_acceptance_are_told_from_items() {
        let answer = r#"{"jsonrpc":"2.0","result":null,"id":7}"#;
        let Ok(ReceivedMessage::Answer(reply)) = read_stream_message(answer) else { panic!("an answer") };
        assert_eq!(reply.id.unwrap().as_u64(), Some(7));
        assert_eq!(reply.outcome.unwrap().unwrap(), "null");
        let accepted = r#"{"jsonrpc":"2.0","method":"rpc.accepted","params":{"subscription":"x"}}"#;
        let Ok(ReceivedMessage::Accepted(id)) = read_stream_message(accepted) else { panic!("an acceptance") };
        assert_eq!(id.as_json(), "\"x\"");
    }

    #[test]
    fn calls_and_other_notifications_are_no_part_of_a_stream() {
        for other in [
            r#"{"jsonrpc":"2.0","method":"m","params":{"subscription":7,"result":1},"id":1}"#,
            r#"{"jsonrpc":"2.0","method":"m","params":[7,1]}"#,
            r#"{"jsonrpc":"2.0","method":"m","params":{"result":1}}"#,
            r#"{"jsonrpc":"2.0","method":"m"}"#,
        ] {
            assert!(matches!(read_stream_message(other), Ok(ReceivedMessage::Other)), "{other}");
        }
    }

    #[test]
    fn broken_messages_are_told_with_their_reason() {
        assert!(problem(r#"{"jsonrpc":"2.0","method":"m","params":{"subscription":7"#).contains("EOF"));
        for (text, reason) in [
            (r#"{"method":"m","params":{"subscription":7}}"#, "the notification of an item has no member \"result\""),
            (
                r#"{"method":"m","params":{"subscription":7,"result":1,"result":2}}"#,
                "a member of the message stands there twice",
            ),
            (
                r#"{"method":"m","params":{"subscription":7,"lagged":-1,"result":1}}"#,
                "member \"lagged\" of an item is not a number of items",
            ),
            (
                r#"{"method":"m","params":{"subscription":7,"gap":1,"result":1}}"#,
                "member \"gap\" of an item is neither true nor false",
            ),
        ] {
            assert_eq!(problem(text), reason);
        }
    }
}
