use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::MAX_DEPTH;
use super::scan::{NotJson, Scanner};
use crate::{ErrorCode, ErrorObject, IdRef, Invalid, Message, Packet, Request};

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
    packet(&mut Scanner::new(text), max_entries).map_err(|stop| match stop {
        Stop::TooManyEntries => ParseError::TooManyEntries { limit: max_entries },
        Stop::EmptyBatch => ParseError::EmptyBatch,
        Stop::NotJson => ParseError::NotJson(explain(text)),
    })
}

/// Says what is wrong with text that is not JSON, and where.
pub(super) fn explain(text: &str) -> String {
    let error = serde_json::from_str::<IgnoredAny>(text).err();
    error.map_or_else(|| "not JSON".to_owned(), |error| error.to_string())
}

enum Stop {
    NotJson,
    EmptyBatch,
    TooManyEntries,
}

impl From<NotJson> for Stop {
    fn from(NotJson: NotJson) -> Self {
        Self::NotJson
    }
}

fn packet<'a>(scanner: &mut Scanner<'a>, max_entries: usize) -> Result<Packet<'a>, Stop> {
    if scanner.peek() != Some(b'[') {
        let message = message(scanner)?;
        scanner.end()?;
        return Ok(Packet::Single(message));
    }
    let mut entries = Vec::with_capacity(scanner.len().div_ceil(SHORT_ENTRY).min(max_entries));
    scanner.members(b'[', b']', |scanner| {
        if entries.len() == max_entries {
            return Err(Stop::TooManyEntries);
        }
        entries.push(message(scanner)?);
        Ok(())
    })?;
    scanner.end()?;
    if entries.is_empty() { Err(Stop::EmptyBatch) } else { Ok(Packet::Batch(entries)) }
}

/// How many bytes a short entry of a batch takes. Room for as many as fit saves most batches from growing.
const SHORT_ENTRY: usize = 64;

fn message<'a>(scanner: &mut Scanner<'a>) -> Result<Message<'a>, NotJson> {
    if scanner.peek() != Some(b'{') {
        scanner.value()?;
        return Ok(invalid(IdRef::NULL, "a request must be an object"));
    }
    let mut members = Members::default();
    scanner.members(b'{', b'}', |scanner| -> Result<(), NotJson> {
        let name = Name::scan(scanner)?;
        scanner.take_escaped();
        let value = match name {
            Name::Jsonrpc if scanner.take(VERSION) => VERSION,
            _ => scanner.value()?,
        };
        members.method_escaped |= matches!(name, Name::Method) && scanner.take_escaped();
        members.too_deep |= scanner.take_too_deep() && matches!(name, Name::Params);
        let slot = match name {
            Name::Jsonrpc => &mut members.jsonrpc,
            Name::Method => &mut members.method,
            Name::Params => &mut members.params,
            Name::Id => &mut members.id,
            Name::Other => return Ok(()),
        };
        if slot.replace(value).is_some() {
            members.doubled = true;
            members.two_ids |= matches!(name, Name::Id);
        }
        Ok(())
    })?;
    Ok(members.classify())
}

fn invalid<'a>(id: IdRef<'a>, reason: &'static str) -> Message<'a> {
    Message::Invalid(Invalid { id, reason })
}

/// Names the members that a request has.
enum Name {
    Jsonrpc,
    Method,
    Params,
    Id,
    Other,
}

impl Name {
    #[inline]
    fn scan(scanner: &mut Scanner<'_>) -> Result<Self, NotJson> {
        // Nearly all names are written like this, and then need not be taken apart.
        scanner.peek();
        Ok(if scanner.take(r#""jsonrpc":"#) {
            Self::Jsonrpc
        } else if scanner.take(r#""method":"#) {
            Self::Method
        } else if scanner.take(r#""params":"#) {
            Self::Params
        } else if scanner.take(r#""id":"#) {
            Self::Id
        } else {
            scanner.name(Self::read)?
        })
    }

    fn read(name: &str) -> Self {
        match name {
            "jsonrpc" => Self::Jsonrpc,
            "method" => Self::Method,
            "params" => Self::Params,
            "id" => Self::Id,
            _ => Self::Other,
        }
    }
}

/// Holds the members of a request object, as they were written.
#[derive(Default)]
struct Members<'a> {
    jsonrpc: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<&'a str>,
    id: Option<&'a str>,
    method_escaped: bool,
    doubled: bool,
    two_ids: bool,
    too_deep: bool,
}

impl<'a> Members<'a> {
    fn classify(self) -> Message<'a> {
        let id = match self.id {
            None => None,
            Some(_) if self.two_ids => return invalid(IdRef::NULL, "a request must not have two ids"),
            Some(json) => match IdRef::from_json(json) {
                Some(id) => Some(id),
                None => return invalid(IdRef::NULL, IdRef::EXPECTED),
            },
        };
        match (self.request(), id) {
            (Ok(request), Some(id)) => Message::Call(id, request),
            (Ok(request), None) => Message::Notification(request),
            (Err(reason), id) => invalid(id.unwrap_or(IdRef::NULL), reason),
        }
    }

    fn request(&self) -> Result<Request<'a>, &'static str> {
        if self.doubled {
            return Err("a request must not have a member twice");
        }
        let version = self.jsonrpc.ok_or("member \"jsonrpc\" is missing")?;
        if !is_version(version) {
            return Err("member \"jsonrpc\" must be the string \"2.0\"");
        }
        let method = self.method.ok_or("member \"method\" is missing")?;
        let method = text(method, self.method_escaped).ok_or("member \"method\" must be a string")?;
        let params = match self.params {
            None | Some("null") => None,
            Some(params) if params.starts_with(['{', '[']) => Some(params),
            Some(_) => return Err("member \"params\" must be an array or an object"),
        };
        if self.too_deep {
            return Err(TOO_DEEP);
        }
        Ok(Request { method, params })
    }
}

const TOO_DEEP: &str = "a request must not be nested deeper than 128 levels";
const _: () = assert!(MAX_DEPTH == 128, "the message above says so");

/// The version that we speak, as nearly everybody writes it.
pub(super) const VERSION: &str = r#""2.0""#;

/// Tells whether this is the version that we speak.
pub(super) fn is_version(json: &str) -> bool {
    json == VERSION || text(json, true).as_deref() == Some("2.0")
}

/// Reads a JSON string, borrowed where it has no escapes. Escapes that make no Unicode text make no string.
fn text(json: &str, escaped: bool) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if escaped { serde_json::from_str(json).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
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
    fn members_may_be_escaped_spread_and_unknown() {
        let body =
            " { \"\\u006dethod\" : \"\\u0061\" ,\n\"id\":1, \"jsonrpc\":\"\\u0032.0\", \"x\":1e999, \"\\ud800\":{} } ";
        let Message::Call(id, request) = single(body) else { panic!("{body}") };
        assert_eq!((id.as_json(), &*request.method, request.params), ("1", "a", None));
    }

    #[test]
    fn an_invalid_request_keeps_its_id_where_it_has_one_to_trust() {
        assert_invalid(r#"{"method":"a","id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"a","params":1,"id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"a","method":"a","id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"\ud800","id":7}"#, "7");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"a","id":7,"id":7}"#, "null");
        assert_invalid(r#"{"jsonrpc":"2.0","id":7,"id":7,"method":"a","method":"a"}"#, "null");
        assert_invalid(r#"{"jsonrpc":"2.0","method":"a","id":[7]}"#, "null");
        assert_invalid("17", "null");
        assert_invalid("1e999", "null");
    }

    #[test]
    fn only_params_count_for_depth() {
        let with = |member: &str, levels: usize| {
            let deep = "[".repeat(levels) + &"]".repeat(levels);
            format!(r#"{{"jsonrpc":"2.0","method":"a","id":1,"{member}":{deep}}}"#)
        };
        assert!(matches!(single(&with("params", 127)), Message::Call(..)));
        assert_invalid(&with("params", 128), "1");
        assert!(matches!(single(&with("other", 10_000)), Message::Call(..)));
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
