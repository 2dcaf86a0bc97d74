use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{ErrorCode, ErrorObject, Message, Packet};

/// Says why a body is neither a message nor a batch.
///
/// Such a body is answered by one error with id null,
/// [section 5](https://www.jsonrpc.org/specification#response_object).
#[derive(Debug)]
pub enum ParseError {
    /// It is not JSON, or not UTF-8.
    NotJson(String),
    /// It is a batch without entries.
    EmptyBatch,
    /// It is a batch with more entries than are taken; reading stopped there.
    TooManyEntries {
        /// How many are taken.
        limit: usize,
    },
}

impl ParseError {
    /// Makes the error that answers the body.
    pub fn to_error_object(&self) -> ErrorObject {
        match self {
            Self::NotJson(reason) => ErrorObject::parse_error(reason),
            Self::EmptyBatch => ErrorObject::invalid_request("a batch must have at least one entry"),
            Self::TooManyEntries { limit } => ErrorObject::new(ErrorCode::REQUEST_TOO_LARGE, "Request too large")
                .with_data(&format!("a batch may have at most {limit} entries")),
        }
    }
}

/// Reads a request's body and classifies each of its messages.
///
/// The whole body is read before anything is returned, so that of a batch whose end is broken nothing runs.
///
/// # Errors
///
/// If the body as a whole is at fault. A single bad message is [`Message::Invalid`] instead.
///
/// # Example
///
/// ```
/// use rpc_core::{Message, Packet, codec};
///
/// let packet = codec::parse(br#"{"jsonrpc":"2.0","method":"ping","id":1}"#, 1024).unwrap();
/// let Packet::Single(Message::Call(id, request)) = packet else { unreachable!() };
/// assert_eq!((id.as_json(), &*request.method), ("1", "ping"));
/// ```
pub fn parse(body: &[u8], max_entries: usize) -> Result<Packet<'_>, ParseError> {
    let text = std::str::from_utf8(body).map_err(|error| ParseError::NotJson(error.to_string()))?;
    let is_batch = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('[');
    if is_batch { parse_batch(text, max_entries).map(Packet::Batch) } else { parse_single(text).map(Packet::Single) }
}

fn not_json(error: &serde_json::Error) -> ParseError {
    ParseError::NotJson(error.to_string())
}

fn parse_single(text: &str) -> Result<Message<'_>, ParseError> {
    serde_json::from_str(text).or_else(|error| {
        // Some JSON is beyond what serde hands over, such as 1e999 or a name with half a surrogate pair.
        match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => Ok(Message::invalid(UNREADABLE)),
            Err(_) => Err(not_json(&error)),
        }
    })
}

const UNREADABLE: &str = "a request must be an object whose names are Unicode text";

fn parse_batch(text: &str, max_entries: usize) -> Result<Vec<Message<'_>>, ParseError> {
    let mut too_many = false;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let entries = Entries { max: max_entries, too_many: &mut too_many }.deserialize(&mut deserializer);
    let entries = entries.and_then(|entries| deserializer.end().map(|()| entries));
    if too_many {
        return Err(ParseError::TooManyEntries { limit: max_entries });
    }
    let entries = match entries {
        Ok(entries) => entries,
        // As above: valid JSON is taken apart again, so that only the unreadable entry is invalid.
        Err(error) => {
            let raw: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| not_json(&error))?;
            if raw.len() > max_entries {
                return Err(ParseError::TooManyEntries { limit: max_entries });
            }
            raw.into_iter()
                .map(|entry| serde_json::from_str(entry.get()).unwrap_or_else(|_| Message::invalid(UNREADABLE)))
                .collect()
        }
    };
    if entries.is_empty() { Err(ParseError::EmptyBatch) } else { Ok(entries) }
}

struct Entries<'t> {
    max: usize,
    too_many: &'t mut bool,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Vec<Message<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Vec<Message<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut entries = Vec::new();
        while entries.len() < self.max {
            match seq.next_element()? {
                Some(entry) => entries.push(entry),
                None => return Ok(entries),
            }
        }
        if seq.next_element::<IgnoredAny>()?.is_some() {
            *self.too_many = true;
            return Err(S::Error::custom("too many entries"));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::{ParseError, parse};
    use crate::{Message, Packet};

    fn single(body: &str) -> Message<'_> {
        match parse(body.as_bytes(), 4) {
            Ok(Packet::Single(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn assert_invalid(body: &str, id: &str) {
        match single(body) {
            Message::Invalid(invalid) => assert_eq!(invalid.id.as_json(), id, "{body}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_without_id_is_a_notification_and_with_null_id_a_call() {
        assert!(matches!(single(r#"{"jsonrpc":"2.0","method":"a"}"#), Message::Notification(_)));
        assert!(matches!(single(r#"{"jsonrpc":"2.0","method":"a","id":null}"#), Message::Call(id, _) if id.is_null()));
    }

    #[test]
    fn an_invalid_request_keeps_its_id_where_it_has_one_to_trust() {
        assert_invalid(r#"{"method":"a","id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"a","params":1,"id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"a","method":"a","id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"a","id":7,"id":7}"#, "null");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"a","id":[7]}"#, "null");
        assert_invalid("17", "null");
    }

    #[test]
    fn json_beyond_serde_is_invalid_and_not_a_parse_error() {
        assert_invalid("1e999", "null");
        assert_invalid(r#"{"\ud800":1}"#, "null");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"\ud800","id":1}"#, "1");
        let Ok(Packet::Batch(entries)) = parse(br#"[1e999, {"jsonrpc":"2.0","method":"a"}]"#, 4) else { panic!() };
        assert!(matches!(&entries[..], [Message::Invalid(_), Message::Notification(_)]));
    }

    #[test]
    fn entries_are_counted_while_parsing() {
        assert!(matches!(parse(b"[1,1,1,1]", 4), Ok(Packet::Batch(entries)) if entries.len() == 4));
        assert!(matches!(parse(b"[1,1,1,1,1", 4), Err(ParseError::TooManyEntries { limit: 4 })));
        assert!(matches!(parse(b" [ ] ", 4), Err(ParseError::EmptyBatch)));
        assert!(matches!(parse(b"[1e999,1,1,1,1]", 4), Err(ParseError::TooManyEntries { limit: 4 })));
    }

    #[test]
    fn a_batch_with_a_broken_end_is_no_batch() {
        for body in [&b"[1,1"[..], b"[1] 1", b"[1,]", b"[1]\x0c", b"\xef\xbb\xbf[1]", b"[\"\xff\"]", b""] {
            assert!(matches!(parse(body, 4), Err(ParseError::NotJson(_))), "{body:?}");
        }
    }
}
