use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::IdRef;
use crate::codec::{MAX_DEPTH, is_deeper_than};

/// Is what a request's body holds, [section 6](https://www.jsonrpc.org/specification#batch).
#[derive(Debug)]
pub enum Packet<'a> {
    /// One message.
    Single(Message<'a>),
    /// A batch of at least one.
    Batch(Vec<Message<'a>>),
}

/// Is a message, classified once.
#[derive(Debug)]
pub enum Message<'a> {
    /// A request that wants an answer.
    Call(IdRef<'a>, Request<'a>),
    /// A request without an id, which is not answered.
    Notification(Request<'a>),
    /// JSON that is no request.
    Invalid(Invalid<'a>),
}

/// Is what a call and a notification have in common.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method's name, escapes resolved.
    pub method: Cow<'a, str>,
    /// The params, an array or an object.
    pub params: Option<&'a RawValue>,
}

/// Says why JSON is no request.
#[derive(Debug)]
pub struct Invalid<'a> {
    /// The id to answer with: the message's own, or null where it has none that could be trusted.
    pub id: IdRef<'a>,
    /// What is wrong.
    pub reason: &'static str,
}

impl<'a> Message<'a> {
    pub(crate) fn invalid(reason: &'static str) -> Self {
        Self::Invalid(Invalid { id: IdRef::NULL, reason })
    }
}

const NOT_AN_OBJECT: &str = "a request must be an object";

impl<'de: 'a, 'a> Deserialize<'de> for Message<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MessageVisitor)
    }
}

/// Never fails by itself: an error of the deserializer is one of the JSON text.
struct MessageVisitor;

macro_rules! not_an_object {
    ($($visit:ident: $type:ty),*) => { $(
        fn $visit<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            Ok(Message::invalid(NOT_AN_OBJECT))
        }
    )* };
}

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC request")
    }

    not_an_object!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Message::invalid(NOT_AN_OBJECT))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Message::invalid(NOT_AN_OBJECT))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<Name>()? {
            let slot = match name {
                Name::Jsonrpc => &mut members.jsonrpc,
                Name::Method => &mut members.method,
                Name::Params => &mut members.params,
                Name::Id => &mut members.id,
                Name::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value = map.next_value::<&'de RawValue>()?;
            if slot.replace(value).is_some() {
                members.doubled = true;
                members.two_ids |= matches!(name, Name::Id);
            }
        }
        Ok(members.classify())
    }
}

/// Holds the members of a request object, as they were written.
#[derive(Default)]
struct Members<'a> {
    jsonrpc: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    doubled: bool,
    two_ids: bool,
}

impl<'a> Members<'a> {
    fn classify(self) -> Message<'a> {
        let id = match (self.id.map(IdRef::from_raw), self.two_ids) {
            (Some(Some(_)), true) => return Message::invalid("a request must not have two ids"),
            (Some(None), _) => return Message::invalid(IdRef::EXPECTED),
            (Some(id), _) => id,
            (None, _) => None,
        };
        match self.request() {
            Ok(request) => match id {
                Some(id) => Message::Call(id, request),
                None => Message::Notification(request),
            },
            Err(reason) => Message::Invalid(Invalid { id: id.unwrap_or(IdRef::NULL), reason }),
        }
    }

    fn request(&self) -> Result<Request<'a>, &'static str> {
        if self.doubled {
            return Err("a request must not have a member twice");
        }
        let version = self.jsonrpc.ok_or("member \"jsonrpc\" is missing")?;
        if text(version).as_deref() != Some("2.0") {
            return Err("member \"jsonrpc\" must be the string \"2.0\"");
        }
        let method = self.method.ok_or("member \"method\" is missing")?;
        let method = text(method).ok_or("member \"method\" must be a string")?;
        let params = match self.params {
            None => None,
            Some(params) => match params.get().as_bytes() {
                [b'{' | b'[', ..] => Some(params),
                b"null" => None,
                _ => return Err("member \"params\" must be an array or an object"),
            },
        };
        // The request object itself is the first level.
        if params.is_some_and(|params| is_deeper_than(params.get(), MAX_DEPTH - 1)) {
            return Err("a request must not be nested deeper than 128 levels");
        }
        Ok(Request { method, params })
    }
}

/// Reads a JSON string, borrowed where it has no escapes. Escapes that make no Unicode text make no string.
fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let json = raw.get();
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(json).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// Names the members that a request has.
enum Name {
    Jsonrpc,
    Method,
    Params,
    Id,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(match name {
            "jsonrpc" => Name::Jsonrpc,
            "method" => Name::Method,
            "params" => Name::Params,
            "id" => Name::Id,
            _ => Name::Other,
        })
    }
}
