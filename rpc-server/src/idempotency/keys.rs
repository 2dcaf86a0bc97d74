//! Reads the idempotency keys of a request and checks them: sum, duplicates, owner and store. [`RequestKeys`] returns
//! the key of each call, or the reason to refuse the call. `dispatch` reads the keys, and `keyed` uses them. Nothing
//! here asks the store for a key.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use rpc_core::contain::contain;
use rpc_core::headers::{ASKS_SCOPE, IDEMPOTENCY_KEY, KeyScope, Keys, RPC_IDEMPOTENCY, StoreAnnouncement, uuid_of};
use rpc_core::{IdRef, IdempotencyKey, KeyRefusal, Message, Packet, RequestContext};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::settings::{ANONYMOUS, KeyOwner};
use super::store::is_within_memory;
use super::{Fingerprint, Idempotency, Key, StoreInfo, ietf};

/// Whether a request has headers of idempotency keys. Without them, its calls have no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyHeaders {
    Absent,
    Present,
}

impl KeyHeaders {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let present =
            !headers.is_empty() && (headers.contains_key(RPC_IDEMPOTENCY) || headers.contains_key(IDEMPOTENCY_KEY));
        if present { Self::Present } else { Self::Absent }
    }
}

/// Returns whether a probe asks for the owner of its keys.
pub(crate) fn asks_scope(headers: &HeaderMap) -> bool {
    headers.get(RPC_IDEMPOTENCY).is_some_and(|value| *value == ASKS_SCOPE)
}

/// The idempotency keys of a request, and their owner.
pub(crate) struct RequestKeys {
    /// `None` if the server keeps no keys.
    idempotency: Option<Arc<Idempotency>>,
    kind: KeySource,
    /// The store that the client relies on.
    relied_on: Option<Uuid>,
    /// The earliest time at which one of the keys may have been sent, by the store's clock.
    sent: Option<Duration>,
    /// Whether the keys have another owner than the one that the client was told.
    of_other_subject: bool,
    /// The keys that several calls have, sorted.
    doubled: Vec<Uuid>,
    /// Whether the client already knows all facts about the store.
    is_known: bool,
    /// The owner of the keys.
    owner: KeyOwner,
}

/// Where the keys are.
enum KeySource {
    /// No call has a key. The client asks for an announcement.
    None,
    /// The id of the only call.
    Id(Uuid),
    /// Ids that are UUIDs.
    Ids,
    /// The header of the IETF draft, which is the key of the only call.
    Header(IdempotencyKey, Key),
}

/// Why the server cannot answer a request as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequestKeysError {
    /// The keys are not those that the client sent.
    KeysLost,
    /// The header of the IETF draft is invalid, or is not allowed in this request.
    Header(&'static str),
    /// The hook that names the owner of keys panicked, or the store did.
    Panicked,
}

/// A call's key, as the client sent it and as the store knows it.
pub(super) struct CallKey {
    pub(super) given: IdempotencyKey,
    pub(super) key: Key,
}

impl RequestKeys {
    /// Reads the headers and checks them against the calls.
    pub(crate) fn read(
        idempotency: Option<&Arc<Idempotency>>,
        request: &RequestContext,
        packet: &Packet<'_>,
    ) -> Result<Option<Self>, RequestKeysError> {
        match single_value(&request.headers) {
            Some(keys) => {
                let keys = keys.and_then(Keys::from_value).ok_or(RequestKeysError::KeysLost)?;
                if idempotency.is_none() && keys.store.is_none() {
                    return Ok(None);
                }
                Self::of_ids(idempotency, keys, request, packet).map(Some)
            }
            // A server that keeps no keys ignores the header.
            None if idempotency.is_none() || !request.headers.contains_key(IDEMPOTENCY_KEY) => Ok(None),
            None => {
                let text = key_of_single(request, packet)?;
                let owner = owner_of(idempotency, request)?;
                let key = hashed(owner, b"ik", text.as_bytes());
                let kind = KeySource::Header(IdempotencyKey::of_header(text, &key.0), key);
                Ok(Some(Self::new(idempotency, kind, owner)))
            }
        }
    }

    fn of_ids(
        idempotency: Option<&Arc<Idempotency>>,
        keys: Keys,
        request: &RequestContext,
        packet: &Packet<'_>,
    ) -> Result<Self, RequestKeysError> {
        let RequestSum { sum, doubled, is_of_keys } = RequestSum::of(packet);
        if sum != keys.sum {
            return Err(RequestKeysError::KeysLost);
        }
        // The sum of a single call is its only key.
        let kind = match packet {
            Packet::Single(_) if !keys.sum.is_nil() => KeySource::Id(keys.sum),
            _ if is_of_keys => KeySource::Ids,
            _ => KeySource::None,
        };
        let owner = owner_of(idempotency, request)?;
        let info = idempotency.map(|keeper| keeper.info());
        Ok(Self {
            relied_on: keys.store,
            sent: info.and_then(|info| sent(&keys, info)),
            of_other_subject: info.zip(keys.scope).is_some_and(|(info, told)| told != tag(info, owner)),
            doubled,
            is_known: info.is_some_and(|info| keys.know(info)),
            ..Self::new(idempotency, kind, owner)
        })
    }

    fn new(idempotency: Option<&Arc<Idempotency>>, kind: KeySource, owner: KeyOwner) -> Self {
        Self {
            idempotency: idempotency.cloned(),
            kind,
            relied_on: None,
            sent: None,
            of_other_subject: false,
            doubled: Vec::new(),
            is_known: true,
            owner,
        }
    }

    /// Returns the key of a call with this id, if it has one.
    pub(super) fn of(&self, id: IdRef<'_>) -> Option<CallKey> {
        let uuid = match &self.kind {
            KeySource::Header(given, key) => return Some(CallKey { given: given.clone(), key: *key }),
            KeySource::None => return None,
            KeySource::Id(uuid) => *uuid,
            KeySource::Ids => uuid_of_id(id)?,
        };
        Some(match self.owner {
            ANONYMOUS => CallKey { given: uuid.into(), key: plain(uuid) },
            owner => {
                CallKey { given: IdempotencyKey::of_owner(uuid, owner), key: hashed(owner, b"id", uuid.as_bytes()) }
            }
        })
    }

    /// Returns the [`Idempotency`] that keeps this key, or the reason why its call must not run.
    pub(super) fn keeper(&self, key: &CallKey) -> Result<&Arc<Idempotency>, KeyRefusal> {
        let keeper = self.idempotency.as_ref().ok_or(KeyRefusal::OtherStore)?;
        if self.relied_on.is_some_and(|store| store != keeper.info().identity) {
            Err(KeyRefusal::OtherStore)
        } else if self.of_other_subject {
            Err(KeyRefusal::OtherSubject)
        } else if self.doubled.binary_search(&key.given.uuid()).is_ok() {
            Err(KeyRefusal::Duplicate)
        } else {
            Ok(keeper)
        }
    }

    /// Returns whether a call has a key.
    pub(crate) fn protect_calls(&self) -> bool {
        !matches!(self.kind, KeySource::None)
    }

    pub(super) fn relied_on(&self) -> Option<Uuid> {
        self.relied_on
    }

    pub(super) fn sent(&self) -> Option<Duration> {
        self.sent
    }

    /// Returns whether the key is in the header of the IETF draft. Clients of that header read the HTTP status.
    pub(crate) fn are_in_header(&self) -> bool {
        matches!(self.kind, KeySource::Header(..))
    }

    /// Returns what the answer announces of the store, if the client does not know it, or if its keys appear to be too
    /// old or from the future.
    pub(crate) fn announced(&self) -> Option<StoreAnnouncement> {
        let keeper = self.idempotency.as_ref()?;
        let is_late = |sent| !is_within_memory(sent, keeper.store.now(), keeper.info().ttl);
        (!self.is_known || self.sent.is_some_and(is_late)).then(|| keeper.announcement())
    }
}

/// Returns the earliest time at which the oldest key may have been sent. A client that was told a shorter time than the
/// store's gets an earlier result: its key must be forgotten after the time that the client was told.
fn sent(keys: &Keys, store: StoreInfo) -> Option<Duration> {
    let shorter = keys.ttl.map_or(0, |ttl| store.ttl.as_secs().saturating_sub(ttl.as_secs()));
    Some(keys.at?.saturating_sub(Duration::from_secs(shorter)))
}

/// Returns a tag for the owner of a request's keys. The tag does not name the owner.
pub(crate) fn scope_tag(
    idempotency: &Arc<Idempotency>,
    request: &RequestContext,
) -> Result<KeyScope, RequestKeysError> {
    Ok(tag(idempotency.info(), owner_of(Some(idempotency), request)?))
}

fn tag(store: StoreInfo, owner: KeyOwner) -> KeyScope {
    if owner == ANONYMOUS {
        return KeyScope::Nobody;
    }
    let hash = Sha256::new().chain_update(owner).chain_update(b"tg").chain_update(store.identity.as_bytes()).finalize();
    hash.first_chunk().map_or(KeyScope::Nobody, |part| KeyScope::Somebody(u64::from_be_bytes(*part)))
}

/// Returns the owner of a request's keys.
fn owner_of(idempotency: Option<&Arc<Idempotency>>, request: &RequestContext) -> Result<KeyOwner, RequestKeysError> {
    let Some(keeper) = idempotency else { return Ok(ANONYMOUS) };
    contain(|| keeper.owner(request)).ok_or_else(|| {
        keeper.scope_panicked();
        RequestKeysError::Panicked
    })
}

/// Makes a store key with a hash, because the key is long or has an owner.
fn hashed(owner: KeyOwner, kind: &[u8; 2], key: &[u8]) -> Key {
    let hash = Sha256::new().chain_update(owner).chain_update(kind).chain_update(key).finalize();
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&owner);
    bytes[16..].copy_from_slice(&hash[..16]);
    Key(bytes)
}

/// Makes the store key of an anonymous caller's UUID, which is short enough without a hash.
fn plain(uuid: Uuid) -> Key {
    let mut key = [0; 32];
    key[16..].copy_from_slice(uuid.as_bytes());
    Key(key)
}

/// Returns a hash that distinguishes calls under the same key.
pub(super) fn fingerprint(method: &str, params: Option<&str>) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update((method.len() as u64).to_le_bytes());
    hash.update(method);
    hash.update(params.unwrap_or_default());
    Fingerprint(hash.finalize().into())
}

/// Returns the value of our own header, if there is one. The inner `None` means several values.
fn single_value(headers: &HeaderMap) -> Option<Option<&http::HeaderValue>> {
    let mut values = headers.get_all(RPC_IDEMPOTENCY).iter();
    let first = values.next()?;
    Some(values.next().is_none().then_some(first))
}

/// The keys in a request, taken together.
struct RequestSum {
    /// The exclusive or of all keys.
    sum: Uuid,
    /// A sorted list of the keys that occur more than once.
    doubled: Vec<Uuid>,
    /// Whether there is a key.
    is_of_keys: bool,
}

impl RequestSum {
    fn of(packet: &Packet<'_>) -> Self {
        let entries = match packet {
            Packet::Single(message) => {
                let key = key_of(message);
                return Self { sum: key.unwrap_or_default(), doubled: Vec::new(), is_of_keys: key.is_some() };
            }
            Packet::Batch(entries) => entries,
        };
        let mut keys: Vec<Uuid> = entries.iter().filter_map(key_of).collect();
        let sum = keys.iter().fold(0, |sum, key| sum ^ key.as_u128());
        let mut doubled = Vec::new();
        // The keys of our clients count up, so nearly all lists are sorted.
        if !keys.is_sorted_by(|one, next| one < next) {
            keys.sort_unstable();
            doubled.extend(keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]));
        }
        Self { sum: Uuid::from_u128(sum), doubled, is_of_keys: !keys.is_empty() }
    }
}

fn key_of(message: &Message<'_>) -> Option<Uuid> {
    match message {
        Message::Call(id, _) => uuid_of_id(*id),
        Message::Notification(_) | Message::Invalid(_) => None,
    }
}

fn uuid_of_id(id: IdRef<'_>) -> Option<Uuid> {
    let json = id.as_json().as_bytes();
    uuid_of(json.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}

fn key_of_single(request: &RequestContext, packet: &Packet<'_>) -> Result<Arc<str>, RequestKeysError> {
    match packet {
        Packet::Batch(_) => Err(RequestKeysError::Header("a batch cannot have an Idempotency-Key")),
        Packet::Single(Message::Notification(_)) => {
            Err(RequestKeysError::Header("a notification cannot have an Idempotency-Key"))
        }
        Packet::Single(_) => match ietf::read(&request.headers) {
            Some(key) => Ok(key.into()),
            None => Err(RequestKeysError::Header("Idempotency-Key must be a string in quotes, of 1 to 255 characters")),
        },
    }
}
