//! Parses a request's body into messages. `scan` checks the JSON and finds the members. This file decides whether they
//! make a call, a notification or an invalid request.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::MAX_DEPTH;
use super::scan::{NotJson, Scanner};
use crate::__private::settings;
use crate::{ErrorCode, ErrorObject, IdRef, InvalidRequest, Message, Packet, Request};

/// Why a body is neither a message nor a batch.
///
/// The server answers such a body with one error with id null,
/// [section 5](https://www.jsonrpc.org/specification#response_object).
#[derive(Debug)]
pub enum ParseError {
    /// The body is not JSON, or not UTF-8.
    NotJson(String),
    /// The body is a batch without entries.
    EmptyBatch,
    /// The body is a batch with too many entries. Parsing stopped at the limit.
    TooManyEntries {
        /// The maximum number of entries.
        limit: usize,
    },
}

impl ParseError {
    /// Makes the error that answers the body.
    pub fn to_error_object(&self) -> ErrorObject {
        match self {
            Self::NotJson(reason) => ErrorObject::parse_error(reason),
            Self::EmptyBatch => ErrorObject::invalid_request("a batch must have at least one entry"),
            Self::TooManyEntries { limit } => ErrorObject::from(ErrorCode::REQUEST_TOO_LARGE)
                .with_data(&format!("a batch may have at most {limit} entries")),
        }
    }
}

settings! {
    /// The limits of [`parse`].
    ///
    /// `ParseLimits::default()` makes one. Each limit has a setter of the same name.
    #[derive(Clone, Copy, Debug)]
    pub struct ParseLimits {
        /// The maximum number of entries in a batch. Default: 1,024. Beyond it: [`ParseError::TooManyEntries`].
        pub max_entries: usize = 1024,
        /// The maximum length of an id in bytes as written, without quotes. Default: 1 KiB. Beyond it:
        /// [`Message::Invalid`] with id null.
        pub max_id_bytes: usize = 1 << 10,
        /// The maximum length of a method's name in bytes as written, without quotes. Default: 256. Beyond it:
        /// [`Message::Invalid`].
        pub max_method_bytes: usize = 256,
    }
}

/// Parses a request's body and classifies each of its messages.
///
/// Parses the whole body before it returns anything. So if the end of a batch is not valid JSON, none of its entries
/// runs.
///
/// # Errors
///
/// Returns an error if the body as a whole is invalid. A single invalid message is [`Message::Invalid`] instead.
///
/// # Example
///
/// ```
/// use rpc_core::codec::{ParseLimits, parse};
/// use rpc_core::{Message, Packet};
///
/// let packet = parse(br#"{"jsonrpc":"2.0","method":"ping","id":1}"#, &ParseLimits::default()).unwrap();
/// let Packet::Single(Message::Call(id, request)) = packet else { unreachable!() };
/// assert_eq!((id.as_json(), &*request.method), ("1", "ping"));
/// ```
pub fn parse<'a>(body: &'a [u8], limits: &ParseLimits) -> Result<Packet<'a>, ParseError> {
    let text = std::str::from_utf8(body).map_err(|error| ParseError::NotJson(error.to_string()))?;
    packet(&mut Scanner::new(text), limits).map_err(|stop| match stop {
        PacketError::TooManyEntries => ParseError::TooManyEntries { limit: limits.max_entries },
        PacketError::EmptyBatch => ParseError::EmptyBatch,
        PacketError::NotJson => ParseError::NotJson(explain(text)),
    })
}

/// Returns what is wrong with text that is not JSON, and where.
pub(super) fn explain(text: &str) -> String {
    let error = serde_json::from_str::<IgnoredAny>(text).err();
    error.map_or_else(|| "not JSON".to_owned(), |error| error.to_string())
}

enum PacketError {
    NotJson,
    EmptyBatch,
    TooManyEntries,
}

impl From<NotJson> for PacketError {
    fn from(NotJson: NotJson) -> Self {
        Self::NotJson
    }
}

fn packet<'a>(scanner: &mut Scanner<'a>, limits: &ParseLimits) -> Result<Packet<'a>, PacketError> {
    if scanner.peek() != Some(b'[') {
        let mut single = None;
        message(scanner, limits, |message| single = Some(message))?;
        scanner.end()?;
        return single.map(Packet::Single).ok_or(PacketError::NotJson);
    }
    let mut entries = Vec::with_capacity(scanner.len().div_ceil(SHORT_ENTRY).min(limits.max_entries));
    scanner.members(b'[', b']', |scanner| {
        if entries.len() == limits.max_entries {
            return Err(PacketError::TooManyEntries);
        }
        Ok(message(scanner, limits, |message| entries.push(message))?)
    })?;
    scanner.end()?;
    if entries.is_empty() { Err(PacketError::EmptyBatch) } else { Ok(Packet::Batch(entries)) }
}

/// The number of bytes that a short entry of a batch takes. It gives the capacity to reserve, so that most batches need
/// no reallocation.
const SHORT_ENTRY: usize = 64;

/// Reads a message and passes it to `put`.
///
/// If it returned the message, the CPU would copy the message while its writes are still pending, and would stall.
#[inline(always)]
fn message<'a>(scanner: &mut Scanner<'a>, limits: &ParseLimits, put: impl FnOnce(Message<'a>)) -> Result<(), NotJson> {
    if scanner.peek() != Some(b'{') {
        scanner.value()?;
        put(invalid(IdRef::NULL, "a request must be an object"));
        return Ok(());
    }
    let mut members = RequestMembers::default();
    scanner.members(b'{', b'}', |scanner| -> Result<(), NotJson> {
        let name = RequestMemberName::scan(scanner)?;
        // Forgets an escape in the member's name.
        scanner.take_escaped();
        let value = match name {
            RequestMemberName::Jsonrpc if scanner.take(VERSION) => VERSION,
            _ => scanner.value()?,
        };
        members.method_escaped |= matches!(name, RequestMemberName::Method) && scanner.take_escaped();
        members.too_deep |= scanner.take_too_deep() && matches!(name, RequestMemberName::Params);
        let slot = match name {
            RequestMemberName::Jsonrpc => &mut members.jsonrpc,
            RequestMemberName::Method => &mut members.method,
            RequestMemberName::Params => &mut members.params,
            RequestMemberName::Id => &mut members.id,
            RequestMemberName::Other => return Ok(()),
        };
        if slot.replace(value).is_some() {
            members.doubled = true;
            members.two_ids |= matches!(name, RequestMemberName::Id);
        }
        Ok(())
    })?;
    members.classify(limits, put);
    Ok(())
}

fn invalid<'a>(id: IdRef<'a>, reason: &'static str) -> Message<'a> {
    Message::Invalid(InvalidRequest { id, reason })
}

/// The name of a member of a request.
enum RequestMemberName {
    Jsonrpc,
    Method,
    Params,
    Id,
    Other,
}

impl RequestMemberName {
    #[inline(always)]
    fn scan(scanner: &mut Scanner<'_>) -> Result<Self, NotJson> {
        // Nearly all names are written like this. They then need no unescaping.
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

/// The members of a request object, as they were written.
#[derive(Default)]
struct RequestMembers<'a> {
    jsonrpc: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<&'a str>,
    id: Option<&'a str>,
    method_escaped: bool,
    doubled: bool,
    two_ids: bool,
    too_deep: bool,
}

impl<'a> RequestMembers<'a> {
    #[inline(always)]
    fn classify(self, limits: &ParseLimits, put: impl FnOnce(Message<'a>)) {
        match (self.id(limits.max_id_bytes), self.request(limits.max_method_bytes)) {
            (Ok(Some(id)), Ok(request)) => put(Message::Call(id, request)),
            (Ok(None), Ok(request)) => put(Message::Notification(request)),
            (Ok(id), Err(reason)) => put(invalid(id.unwrap_or(IdRef::NULL), reason)),
            (Err(reason), _) => put(invalid(IdRef::NULL, reason)),
        }
    }

    fn id(&self, max_bytes: usize) -> Result<Option<IdRef<'a>>, &'static str> {
        match self.id {
            None => Ok(None),
            Some(_) if self.two_ids => Err("a request must not have two ids"),
            Some(json) => match IdRef::from_json(json) {
                // The answer then has id null: the server does not send a long id back.
                Some(_) if unquoted_len(json) > max_bytes => Err(LONG_ID),
                Some(id) => Ok(Some(id)),
                None => Err(IdRef::EXPECTED),
            },
        }
    }

    #[inline(always)]
    fn request(&self, max_method_bytes: usize) -> Result<Request<'a>, &'static str> {
        if self.doubled {
            return Err("a request must not have a member twice");
        }
        let version = self.jsonrpc.ok_or("member \"jsonrpc\" is missing")?;
        if !is_version(version) {
            return Err("member \"jsonrpc\" must be the string \"2.0\"");
        }
        let method = self.method.ok_or("member \"method\" is missing")?;
        // Checked before escapes are resolved, because there may be many.
        if unquoted_len(method) > max_method_bytes && method.starts_with('"') {
            return Err(LONG_METHOD);
        }
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

const LONG_ID: &str = "id is longer than this server takes";
const LONG_METHOD: &str = "member \"method\" is longer than this server takes";
const TOO_DEEP: &str = "a request must not be nested deeper than 128 levels";
const _: () = assert!(MAX_DEPTH == 128, "the message above says so");

/// The version of JSON-RPC that the framework speaks, in its usual spelling.
pub(super) const VERSION: &str = r#""2.0""#;

/// Returns whether this is the version of JSON-RPC that the framework speaks.
pub(super) fn is_version(json: &str) -> bool {
    json == VERSION || text(json, true).as_deref() == Some("2.0")
}

/// Returns the length of a value in bytes, without the quotes of a string.
fn unquoted_len(json: &str) -> usize {
    json.len() - if json.starts_with('"') { 2 } else { 0 }
}

/// Reads a JSON string, borrowed if it has no escapes. Returns `None` if the escapes are not valid Unicode.
pub(super) fn text(json: &str, escaped: bool) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if escaped { serde_json::from_str(json).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}
