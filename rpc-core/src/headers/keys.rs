//! The header values about idempotency keys: the keys of a request, and the announcement of the store that keeps them.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use uuid::Uuid;

use super::timeout::digits;

/// The value of `Rpc-Idempotency` by which a `HEAD` request asks for the scope of its keys.
pub const ASKS_SCOPE: HeaderValue = HeaderValue::from_static("scope");

/// The value of a request without keys that would have keys if the server had a store. Its sum is 0, the XOR of no
/// keys. A server with a store announces the store in the response.
pub const NO_KEYS: HeaderValue = HeaderValue::from_static("keys=00000000-0000-0000-0000-000000000000");

/// A request's idempotency keys: `keys=UUID`, or `keys=UUID;store=UUID;ttl=SECONDS;at=MILLIS`. The parts after the
/// first come from the server's announcement. Calls with tickets add `;scope=HEX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The XOR of all keys of the request. It shows a server whether a key was lost or changed on the way.
    pub sum: Uuid,
    /// The store that the client relies on. A server with another store must refuse the calls.
    pub store: Option<Uuid>,
    /// How long the client believes that the store remembers keys. Whole seconds.
    pub ttl: Option<Duration>,
    /// The earliest time at which an attempt with one of the keys may have been sent, by the store's clock. Whole
    /// milliseconds.
    pub at: Option<Duration>,
    /// The owner of the keys, as the server told the client. A server that finds another owner must refuse the calls.
    pub scope: Option<KeyScope>,
}

impl Keys {
    /// Makes the value for keys without a store.
    pub fn new(keys: impl IntoIterator<Item = Uuid>) -> Self {
        let sum = keys.into_iter().fold(0, |sum, key| sum ^ key.as_u128());
        Self { sum: Uuid::from_u128(sum), store: None, ttl: None, at: None, scope: None }
    }

    /// Writes the header's value.
    pub fn to_value(&self) -> HeaderValue {
        Self::write(self.sum, &store_text(self.store, self.ttl), self.at.map(millis), self.scope)
    }

    /// Writes the header's value for a store with an already written [text](StoreInfo::to_text), because each call with
    /// a key names the store. The time `at` is in milliseconds.
    #[expect(clippy::missing_panics_doc, reason = "it is visible ASCII, whatever the UUIDs and numbers")]
    pub fn write(sum: Uuid, store: &[u8], at: Option<u64>, scope: Option<KeyScope>) -> HeaderValue {
        let mut buffer = [0; 20];
        let at = at.map(|at| decimal(at.min(MAX_MILLIS), &mut buffer));
        let scope = scope.map(|scope| scope.to_string());
        let parts = [
            at.map_or(&b""[..], |_| b";at="),
            at.unwrap_or_default(),
            scope.as_ref().map_or(&b""[..], |_| b";scope="),
            scope.as_deref().unwrap_or_default().as_bytes(),
        ];
        // With the exact capacity, `Bytes` needs no further allocation to hold buffer and capacity.
        let length = "keys=".len() + UUID + store.len() + parts.iter().map(|part| part.len()).sum::<usize>();
        let mut value = Vec::with_capacity(length);
        write_uuid(&mut value, "keys=", sum);
        value.extend_from_slice(store);
        parts.into_iter().for_each(|part| value.extend_from_slice(part));
        HeaderValue::from_maybe_shared(Bytes::from(value)).expect("UUIDs and numbers make a header value")
    }

    /// Reads the header's value. Unknown parts after further semicolons are ignored, for future extensions.
    pub fn from_value(value: &HeaderValue) -> Option<Self> {
        let (sum, rest) = value.as_bytes().trim_ascii_start().strip_prefix(b"keys=")?.split_at_checked(UUID)?;
        let mut parts = rest.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        if !parts.next()?.is_empty() {
            return None;
        }
        let mut keys = Self { sum: uuid_of(sum)?, store: None, ttl: None, at: None, scope: None };
        for part in parts {
            // A store, time or scope that cannot be read is an error. If it were ignored, the server would accept any
            // value.
            if let Some(text) = part.strip_prefix(b"store=") {
                keys.store = Some(uuid_of(text)?);
            } else if let Some(text) = part.strip_prefix(b"at=") {
                keys.at = Some(Duration::from_millis(digits(text)?));
            } else if let Some(text) = part.strip_prefix(b"scope=") {
                keys.scope = Some(KeyScope::read(text)?);
            } else if let Some(text) = part.strip_prefix(b"ttl=") {
                keys.ttl = digits(text).map(Duration::from_secs);
            }
        }
        Some(keys)
    }

    /// Returns whether the client already knows what the server would announce about this store.
    pub fn know(&self, store: StoreInfo) -> bool {
        self.store == Some(store.identity) && self.ttl.map(|ttl| ttl.as_secs()) == Some(store.ttl.as_secs())
    }
}

/// What a server announces about its idempotency store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// The identity of the store. A store that may have forgotten keys has a new identity.
    pub identity: Uuid,
    /// The minimum time that the store remembers a key, counted from its first use. Whole seconds.
    pub ttl: Duration,
}

impl StoreInfo {
    /// Writes the part of a request's header that names the store.
    #[doc(hidden)]
    pub fn to_text(&self) -> Bytes {
        store_text(Some(self.identity), Some(self.ttl)).into()
    }
}

fn store_text(store: Option<Uuid>, ttl: Option<Duration>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(store) = store {
        write_uuid(&mut text, ";store=", store);
    }
    if let Some(ttl) = ttl {
        write_number(&mut text, ";ttl=", ttl.as_secs());
    }
    text
}

/// A server's announcement: `store=UUID;ttl=SECONDS;now=MILLIS`, with `;scope=HEX` if the request asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreAnnouncement {
    /// The server's store.
    pub store: StoreInfo,
    /// The time by the store's clock, or slightly earlier. Whole milliseconds.
    pub now: Option<Duration>,
    /// The owner of the keys of the request that asked for it.
    pub scope: Option<KeyScope>,
}

impl StoreAnnouncement {
    /// Writes the header's value.
    #[expect(clippy::missing_panics_doc, reason = "it is visible ASCII, whatever the UUIDs and numbers")]
    pub fn to_value(&self) -> HeaderValue {
        let mut value = Vec::with_capacity(96);
        write_uuid(&mut value, "store=", self.store.identity);
        write_number(&mut value, ";ttl=", self.store.ttl.as_secs());
        if let Some(now) = self.now {
            write_number(&mut value, ";now=", millis(now));
        }
        if let Some(scope) = self.scope {
            // Writing to a vector does not fail.
            let _ = write!(value, ";scope={scope}");
        }
        HeaderValue::from_maybe_shared(Bytes::from(value)).expect("UUIDs and numbers make a header value")
    }

    /// Reads the header's value. A time or scope that cannot be read is ignored.
    pub fn from_value(value: &HeaderValue) -> Option<Self> {
        let mut parts = value.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let identity = uuid_of(parts.next()?.strip_prefix(b"store=")?)?;
        let (mut ttl, mut now, mut scope) = (None, None, None);
        for part in parts {
            if let Some(text) = part.strip_prefix(b"ttl=") {
                ttl = Some(Duration::from_secs(digits(text)?));
            } else if let Some(text) = part.strip_prefix(b"now=") {
                now = digits(text).map(Duration::from_millis);
            } else if let Some(text) = part.strip_prefix(b"scope=") {
                scope = KeyScope::read(text);
            }
        }
        Some(Self { store: StoreInfo { identity, ttl: ttl? }, now, scope })
    }
}

/// The owner of keys, without its name. In a header, it is sixteen hexadecimal digits, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// Any caller that knows the keys.
    Nobody,
    /// The owner with this number, which is a part of a hash.
    Somebody(u64),
}

impl KeyScope {
    fn read(text: &[u8]) -> Option<Self> {
        if text == b"none" {
            return Some(Self::Nobody);
        }
        let is_number = text.len() == 16 && text.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let text = std::str::from_utf8(text).ok().filter(|_| is_number)?;
        u64::from_str_radix(text, 16).ok().map(Self::Somebody)
    }
}

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("none"),
            Self::Somebody(number) => write!(f, "{number:016x}"),
        }
    }
}

/// The length of a UUID in its usual form.
const UUID: usize = 36;

/// Reads a UUID in its usual form: 36 characters, with hyphens. Only this form is a key.
pub fn uuid_of(text: &[u8]) -> Option<Uuid> {
    if text.len() == UUID { Uuid::try_parse_ascii(text).ok() } else { None }
}

fn write_uuid(out: &mut Vec<u8>, name: &str, uuid: Uuid) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
}

fn write_number(out: &mut Vec<u8>, name: &str, number: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(decimal(number, &mut [0; 20]));
}

/// Writes a number to the end of a buffer that has room for any `u64`.
fn decimal(number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut start = buffer.len();
    let mut rest = number;
    loop {
        start -= 1;
        buffer[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &buffer[start..];
        }
    }
}

/// The largest number of milliseconds that can be read back.
const MAX_MILLIS: u64 = 999_999_999_999_999;

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(MAX_MILLIS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;
    use uuid::Uuid;

    use super::{KeyScope, Keys, StoreAnnouncement, StoreInfo};

    const STORE: StoreInfo = StoreInfo { identity: Uuid::from_u128(9), ttl: Duration::from_secs(120) };

    #[test]
    fn announcements_survive_a_round_trip() {
        let plain = StoreAnnouncement { store: STORE, now: None, scope: None };
        assert_eq!(plain.to_value(), "store=00000000-0000-0000-0000-000000000009;ttl=120");
        let full = StoreAnnouncement {
            now: Some(Duration::from_millis(1_234)),
            scope: Some(KeyScope::Somebody(255)),
            ..plain
        };
        let text = "store=00000000-0000-0000-0000-000000000009;ttl=120;now=1234;scope=00000000000000ff";
        assert_eq!(full.to_value(), text);
        let nobody = StoreAnnouncement { scope: Some(KeyScope::Nobody), ..full };
        for announcement in [plain, full, nobody] {
            assert_eq!(StoreAnnouncement::from_value(&announcement.to_value()), Some(announcement));
        }
    }

    #[test]
    fn what_cannot_be_read_of_an_announcement_is_left_away_but_for_the_store() {
        let read = |text| StoreAnnouncement::from_value(&HeaderValue::from_static(text));
        let plain = StoreAnnouncement { store: STORE, now: None, scope: None };
        let odd = "store=00000000-0000-0000-0000-000000000009; ttl=120;now=-1;scope=x;later=1";
        assert_eq!(read(odd), Some(plain));
        for broken in ["", "store=9;ttl=1", "store=00000000-0000-0000-0000-000000000009", "ttl=120"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn keys_survive_a_round_trip() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(6));
        let plain = Keys::new([one, two]);
        assert_eq!(plain.to_value(), "keys=00000000-0000-0000-0000-000000000007");
        assert_eq!(plain, Keys::new([two, one, two, two]));
        let full = Keys {
            store: Some(STORE.identity),
            ttl: Some(STORE.ttl),
            at: Some(Duration::from_millis(10)),
            scope: Some(KeyScope::Somebody(u64::MAX)),
            ..plain
        };
        let text = "keys=00000000-0000-0000-0000-000000000007;store=00000000-0000-0000-0000-000000000009;ttl=120;at=10;\
                    scope=ffffffffffffffff";
        assert_eq!(full.to_value(), text);
        for keys in [plain, full, Keys { at: Some(Duration::ZERO), scope: Some(KeyScope::Nobody), ..plain }] {
            assert_eq!(Keys::from_value(&keys.to_value()), Some(keys));
        }
        let late = Keys { at: Some(Duration::MAX), ..plain };
        assert_eq!(Keys::from_value(&late.to_value()).unwrap().at, Some(Duration::from_millis(999_999_999_999_999)));
    }

    #[test]
    fn a_client_knows_a_store_by_its_name_and_its_time() {
        let info = StoreInfo { ttl: Duration::from_millis(120_500), ..STORE };
        let keys = Keys { store: Some(info.identity), ttl: Some(info.ttl), ..Keys::new([]) };
        let keys = Keys::from_value(&keys.to_value()).unwrap();
        assert!(keys.know(info));
        assert!(!keys.know(StoreInfo { ttl: Duration::from_secs(60), ..info }));
        assert!(!keys.know(StoreInfo { identity: Uuid::from_u128(8), ..info }));
        assert!(!Keys { ttl: None, ..keys }.know(info));
    }

    #[test]
    fn what_is_added_later_to_the_header_is_ignored_and_what_is_broken_is_nothing() {
        let keys = |text| Keys::from_value(&HeaderValue::from_static(text));
        let plain = keys("keys=00000000-0000-0000-0000-000000000007");
        assert!(plain.is_some());
        assert_eq!(keys("keys=00000000-0000-0000-0000-000000000007; later=1"), plain);
        for broken in [
            "",
            "keys",
            "keys=7",
            "store=00000000-0000-0000-0000-000000000007",
            "keys=00000000000000000000000000000007",
            "keys=00000000-0000-0000-0000-000000000007;store=x",
            "keys=00000000-0000-0000-0000-000000000007;at=",
            "keys=00000000-0000-0000-0000-000000000007;at=-1",
            "keys=00000000-0000-0000-0000-000000000007;scope=ff",
            "keys=00000000-0000-0000-0000-000000000007;scope=+0000000000000ff",
        ] {
            assert_eq!(keys(broken), None, "{broken}");
        }
    }
}
