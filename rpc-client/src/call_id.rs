//! Ids of calls: a number, unique within the client, or an idempotency key. [`CallId`] writes ids into requests and
//! recognizes them in answers. [`KeyGenerator`] makes new keys, which count up within a batch.

use std::fmt;
use std::hash::{Hash, Hasher};

use rpc_core::{Id, IdRef, codec, headers};
use uuid::{NoContext, Timestamp, Uuid};

/// Identifies a call: a number is unique within the client, and an idempotency key is unique everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CallId {
    Number(u64),
    Key(CallKey),
}

/// An idempotency key with its text form.
#[derive(Clone, Debug)]
pub(crate) struct CallKey {
    pub(crate) uuid: Uuid,
    text: [u8; 36],
}

impl CallKey {
    pub(crate) fn new(uuid: Uuid) -> Self {
        let mut text = [0; 36];
        uuid.hyphenated().encode_lower(&mut text);
        Self { uuid, text }
    }
}

impl PartialEq for CallKey {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl Eq for CallKey {}

impl Hash for CallKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl CallId {
    pub(crate) fn key(&self) -> Option<Uuid> {
        match self {
            Self::Key(key) => Some(key.uuid),
            Self::Number(_) => None,
        }
    }

    /// Reads the id of an answer, or returns `None` if it cannot be an id of this client.
    pub(crate) fn of_reply(id: IdRef<'_>) -> Option<Self> {
        if let Some(number) = id.as_u64() {
            return Some(Self::Number(number));
        }
        let text = id.as_json().strip_prefix('"')?.strip_suffix('"')?;
        headers::uuid_of(text.as_bytes()).map(|uuid| Self::Key(CallKey::new(uuid)))
    }

    /// Returns whether an answer has this id in exactly the text that was sent. Servers usually echo ids unchanged.
    pub(crate) fn is_echoed(&self, id: IdRef<'_>) -> bool {
        match self {
            Self::Number(number) => id.as_u64() == Some(*number),
            Self::Key(key) => {
                let json = id.as_json().as_bytes();
                json.len() == 38 && json[1..37] == key.text
            }
        }
    }

    /// Returns whether an answer or an item has this id.
    #[inline]
    pub(crate) fn is_in(&self, id: IdRef<'_>) -> bool {
        self.is_echoed(id) || Self::of_reply(id).as_ref() == Some(self)
    }

    /// Appends the id as JSON.
    #[cfg(any(feature = "ipc", feature = "websocket"))]
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Key(key) => {
                out.push(b'"');
                out.extend_from_slice(&key.text);
                out.push(b'"');
            }
        }
    }

    /// Appends the id and closes the request.
    pub(crate) fn close(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => codec::close_request(out, Some(&Id::from(*number))),
            Self::Key(key) => {
                out.extend_from_slice(br#","id":""#);
                out.extend_from_slice(&key.text);
                out.extend_from_slice(br#""}"#);
            }
        }
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Key(key) => key.uuid.fmt(f),
        }
    }
}

/// Makes unique keys: UUIDs of version 7. Those of one batch count up from the first one, as
/// [RFC 9562, section 6.2](https://www.rfc-editor.org/rfc/rfc9562#section-6.2) allows. Generating each would cost more
/// than the rest of the call.
#[derive(Debug, Default)]
pub(crate) struct KeyGenerator(Option<u128>);

/// The random part behind the variant.
const TAIL: u128 = (1 << 62) - 1;

impl KeyGenerator {
    pub(crate) fn next(&mut self) -> CallId {
        CallId::Key(CallKey::new(self.next_key()))
    }

    pub(crate) fn next_key(&mut self) -> Uuid {
        let next = match self.0 {
            // A shared context would need a lock. Ids need no order within a millisecond.
            None => Uuid::new_v7(Timestamp::now(NoContext)).as_u128(),
            Some(last) => last & !TAIL | (last + 1) & TAIL,
        };
        self.0 = Some(next);
        Uuid::from_u128(next)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rpc_core::IdRef;
    use uuid::{Uuid, Variant};

    use super::{CallId, CallKey, KeyGenerator, TAIL};

    #[test]
    fn keys_are_uuids_of_version_7_and_differ() {
        let mut keys = HashSet::new();
        for _ in 0..100 {
            let mut generator = KeyGenerator::default();
            for _ in 0..10 {
                let key = generator.next().key().unwrap();
                assert_eq!((key.get_version_num(), key.get_variant()), (7, Variant::RFC4122));
                assert!(keys.insert(key));
            }
        }
    }

    #[test]
    fn counting_up_leaves_version_and_variant_alone() {
        let last = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | TAIL);
        let next = KeyGenerator(Some(last.as_u128())).next().key().unwrap();
        assert_eq!(next, Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000));
    }

    #[test]
    fn an_id_is_known_by_its_letters_and_read_in_other_letters_too() {
        let id = CallId::Key(CallKey::new(Uuid::from_u128(0xab)));
        let text = r#""00000000-0000-0000-0000-0000000000ab""#;
        assert!(id.is_echoed(IdRef::from_json(text).unwrap()));
        let upper = text.to_uppercase();
        let upper = IdRef::from_json(&upper).unwrap();
        assert!(!id.is_echoed(upper));
        assert_eq!(CallId::of_reply(upper), Some(id));
        assert!(CallId::Number(7).is_echoed(IdRef::from_json("7").unwrap()));
        assert!(!CallId::Number(7).is_echoed(IdRef::from_json("\"7\"").unwrap()));
    }
}
