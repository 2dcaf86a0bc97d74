use std::slice;
use std::sync::Arc;

use http::HeaderMap;
use rpc_core::contain::contain;
use rpc_core::headers::{IDEMPOTENCY_KEY, Keys, RPC_IDEMPOTENCY, StoreInfo, uuid_of};
use rpc_core::{IdRef, KeyRefusal, Message, Packet, RequestContext};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::settings::{ANONYMOUS, KeyScope};
use super::{Fingerprint, Idempotency, Key, ietf};

/// Tells whether there may be idempotency keys in a request.
pub(crate) fn are_in(headers: &HeaderMap) -> bool {
    !headers.is_empty() && (headers.contains_key(RPC_IDEMPOTENCY) || headers.contains_key(IDEMPOTENCY_KEY))
}

/// What a request says of its idempotency keys, and to whom they belong.
pub(crate) struct RequestKeys {
    /// Is nothing where the server keeps no keys.
    idempotency: Option<Arc<Idempotency>>,
    kind: Kind,
    /// The store that the client relies on.
    relied_on: Option<Uuid>,
    /// Whether the client knows already what there is to say of the store.
    is_known: bool,
    /// Whom the keys belong to.
    scope: KeyScope,
}

/// Says where the keys stand.
enum Kind {
    /// The id of the only call.
    Id(Uuid),
    /// Ids that are UUIDs.
    Ids,
    /// The header of the IETF's draft, whose key is that of the only call.
    Header(Arc<str>),
}

/// Says why a request as a whole cannot be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broken {
    /// The keys are not those that the client has sent.
    KeysLost,
    /// The header of the IETF's draft is not as it should be, or stands where it should not.
    Header(&'static str),
    /// The hook that tells to whom keys belong has panicked, or the store.
    Panicked,
}

/// A call's key, as it came and as the store knows it.
pub(super) struct CallKey {
    pub(super) given: GivenKey,
    pub(super) key: Key,
}

/// A key as it came, for handlers that ask for it.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the call names it that a public sealed trait names")]
pub enum GivenKey {
    /// The call's id.
    Id(Uuid),
    /// The key of the IETF's header.
    Text(Arc<str>),
}

impl GivenKey {
    pub(crate) fn to_text(&self) -> Arc<str> {
        match self {
            Self::Id(uuid) => Arc::from(&*uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            Self::Text(text) => Arc::clone(text),
        }
    }
}

impl RequestKeys {
    /// Reads the headers, and checks them against the calls.
    pub(crate) fn read(
        idempotency: Option<&Arc<Idempotency>>,
        request: &RequestContext,
        packet: &Packet<'_>,
    ) -> Result<Option<Self>, Broken> {
        let (kind, relied_on, is_known) = match single_value(&request.headers) {
            Some(keys) => {
                let keys = keys.and_then(Keys::from_value).ok_or(Broken::KeysLost)?;
                if idempotency.is_none() && keys.store.is_none() {
                    return Ok(None);
                }
                if sum_of_keys(packet) != keys.sum.as_u128() {
                    return Err(Broken::KeysLost);
                }
                let is_known = idempotency.is_some_and(|keeper| keys.know(keeper.info()));
                // Of a single call, it is the only key.
                let kind = match packet {
                    Packet::Single(_) if !keys.sum.is_nil() => Kind::Id(keys.sum),
                    _ => Kind::Ids,
                };
                (kind, keys.store, is_known)
            }
            // A server that keeps no keys does not know the header.
            None if idempotency.is_none() || !request.headers.contains_key(IDEMPOTENCY_KEY) => return Ok(None),
            None => (Kind::Header(key_of_single(request, packet)?), None, true),
        };
        let scope = scope_of(idempotency, request)?;
        Ok(Some(Self { idempotency: idempotency.cloned(), kind, relied_on, is_known, scope }))
    }

    /// Returns the key of a call with this id, if it has one.
    pub(super) fn of(&self, id: IdRef<'_>) -> Option<CallKey> {
        let uuid = match &self.kind {
            Kind::Header(text) => {
                let key = hashed(self.scope, b"ik", text.as_bytes());
                return Some(CallKey { given: GivenKey::Text(Arc::clone(text)), key });
            }
            Kind::Id(uuid) => *uuid,
            Kind::Ids => uuid_of_id(id)?,
        };
        let key = if self.scope == ANONYMOUS { plain(uuid) } else { hashed(self.scope, b"id", uuid.as_bytes()) };
        Some(CallKey { given: GivenKey::Id(uuid), key })
    }

    /// Returns what keeps the keys, unless the client relies on another store.
    pub(super) fn keeper(&self) -> Result<&Arc<Idempotency>, KeyRefusal> {
        let keeper = self.idempotency.as_ref().ok_or(KeyRefusal::OtherStore)?;
        match self.relied_on {
            Some(store) if store != keeper.store.info().identity => Err(KeyRefusal::OtherStore),
            _ => Ok(keeper),
        }
    }

    pub(super) fn relied_on(&self) -> Option<Uuid> {
        self.relied_on
    }

    /// Tells whether the key is that of the IETF's header, whose clients look at HTTP's status.
    pub(crate) fn are_in_header(&self) -> bool {
        matches!(self.kind, Kind::Header(_))
    }

    /// Returns which store the answer is to name, if the client does not know it.
    pub(crate) fn announced(&self) -> Option<StoreInfo> {
        let keeper = self.idempotency.as_ref().filter(|_| !self.is_known)?;
        Some(keeper.store.info())
    }
}

/// Asks whom the keys of a request belong to.
fn scope_of(idempotency: Option<&Arc<Idempotency>>, request: &RequestContext) -> Result<KeyScope, Broken> {
    let Some(keeper) = idempotency else { return Ok(ANONYMOUS) };
    contain(|| keeper.scope(request)).ok_or_else(|| {
        keeper.scope_panicked();
        Broken::Panicked
    })
}

/// Makes a key that has to be hashed, since it is long or belongs to somebody.
fn hashed(scope: KeyScope, kind: &[u8; 2], key: &[u8]) -> Key {
    let hash = Sha256::new().chain_update(scope).chain_update(kind).chain_update(key).finalize();
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&scope);
    bytes[16..].copy_from_slice(&hash[..16]);
    Key(bytes)
}

/// Makes the key of an anonymous caller's UUID, which is short enough.
fn plain(uuid: Uuid) -> Key {
    let mut key = [0; 32];
    key[16..].copy_from_slice(uuid.as_bytes());
    Key(key)
}

/// Tells calls apart that have the same key.
pub(super) fn fingerprint(method: &str, params: Option<&str>) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update((method.len() as u64).to_le_bytes());
    hash.update(method);
    hash.update(params.unwrap_or_default());
    Fingerprint(hash.finalize().into())
}

/// Returns the value of our own header where there is one, or an inner `None` where there are several.
fn single_value(headers: &HeaderMap) -> Option<Option<&http::HeaderValue>> {
    let mut values = headers.get_all(RPC_IDEMPOTENCY).iter();
    let first = values.next()?;
    Some(values.next().is_none().then_some(first))
}

fn sum_of_keys(packet: &Packet<'_>) -> u128 {
    messages(packet)
        .iter()
        .filter_map(|message| match message {
            Message::Call(id, _) => uuid_of_id(*id),
            Message::Notification(_) | Message::Invalid(_) => None,
        })
        .fold(0, |sum, key| sum ^ key.as_u128())
}

fn messages<'p, 'a>(packet: &'p Packet<'a>) -> &'p [Message<'a>] {
    match packet {
        Packet::Single(message) => slice::from_ref(message),
        Packet::Batch(entries) => entries,
    }
}

fn uuid_of_id(id: IdRef<'_>) -> Option<Uuid> {
    let json = id.as_json().as_bytes();
    uuid_of(json.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}

fn key_of_single(request: &RequestContext, packet: &Packet<'_>) -> Result<Arc<str>, Broken> {
    match packet {
        Packet::Batch(_) => Err(Broken::Header("a batch cannot have an Idempotency-Key")),
        Packet::Single(Message::Notification(_)) => {
            Err(Broken::Header("a notification cannot have an Idempotency-Key"))
        }
        Packet::Single(_) => match ietf::read(&request.headers) {
            Some(key) => Ok(key.into()),
            None => Err(Broken::Header("Idempotency-Key must be a string in quotes, of 1 to 255 characters")),
        },
    }
}
