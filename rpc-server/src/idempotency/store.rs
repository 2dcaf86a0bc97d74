//! The [`Store`] trait and its data: keys, leases, outcomes and errors. This is the contract for users' own stores,
//! which `suite` tests. The server's side of it is in `keyed`.

use std::error::Error as StdError;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::headers::StoreInfo;
use rpc_core::{BoxFuture, ErrorCode, ErrorObject};
use uuid::Uuid;

/// A store of the calls that were begun under idempotency keys, and of how they ended.
///
/// A store makes retries safe: the server asks the store before it runs a call that has a key. It runs the call only if
/// [`begin`](Self::begin) reports the key as fresh. [`MemoryStore`](super::MemoryStore) serves one process. If all
/// replicas of a server share a store, any of them can answer a retry.
///
/// # What a store must guarantee
///
/// - Of all calls that begin the same key within [`StoreInfo::ttl`] after the first one, exactly one gets
///   [`Begin::Fresh`], unless that call releases the key. This also holds between processes, and when some of them end
///   at any time.
/// - A store forgets nothing within that time. A store without room refuses new keys. A store that may have lost keys
///   has another [`StoreInfo::identity`] from then on.
/// - A store limits the room of each [scope](Key::scope), if its room is small enough for one caller to fill.
/// - An expired lease does not make its key fresh, because the call may have had its effect. The key is then
///   [`Begin::Unknown`].
/// - A key that the store does not know is [`Begin::Forgotten`] and not fresh if its first attempt may be older than
///   the store's memory. The store decides that by its own [clock](Self::now), because clients' clocks differ and stand
///   still during sleep.
///
/// The suite in `rpc::idempotency::suite` (feature `test-util`) checks all of this.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Returns which store this is, and how long it remembers keys.
    ///
    /// A store may become another one while it is in use. Then this method must return the new identity before any
    /// [`begin`](Self::begin) reports what the new store knows. A server that relies on an identity therefore compares
    /// it again when a call is fresh.
    fn info(&self) -> StoreInfo;

    /// Returns the time of the clock by which the store forgets keys. It counts from any point that stays the same for
    /// one [`StoreInfo::identity`]. The server sends the time to clients, and they use it to tell how old a key may be.
    ///
    /// The time may be slightly behind the time by which [`begin`](Self::begin) decides, but never ahead of it. For a
    /// store in another process, it is an estimate.
    fn now(&self) -> Duration;

    /// Begins a call under a key, or returns what is known of an earlier one. This is one atomic step.
    ///
    /// A key that would be fresh is [`Begin::Forgotten`] in two cases. Either [`BeginRequest::sent`] plus
    /// [`StoreInfo::ttl`] is not after the store's current time. Or the key was sent [too far](BeginRequest::MAX_AHEAD)
    /// in the future. If a key was sent later than now, the store remembers it from the time of sending on. Such a
    /// client believes that the store's clock is ahead of its real time, for example because the store's machine slept.
    /// So the client believes that the key is younger than it is.
    ///
    /// After [`Begin::Fresh`], the server must [`finish`](Self::finish) the call within the time of the lease.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot tell whether the call may run. The server then refuses the call.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the key may or may not have begun.
    fn begin(&self, request: BeginRequest) -> BoxFuture<Result<Begin, StoreError>>;

    /// Returns the maximum size of a kept [outcome](Kept::outcome), in bytes. Default: no limit.
    ///
    /// The server replaces larger outcomes by [`Kept::without_answer`], which tells a repeat that its call ran.
    fn max_answer_bytes(&self) -> usize {
        usize::MAX
    }

    /// Records how the call of this lease ended.
    ///
    /// A lease that is not the key's latest changes nothing. Of several ends, only the first one counts. An expired
    /// lease may still record an end, as long as the store remembers the key.
    ///
    /// # Errors
    ///
    /// [`StoreError::full`] or [`StoreError::over_share`] if there is no room for the answer. The store then keeps
    /// [`Kept::without_answer`]. [`StoreError::failed`] if the store could not record the end.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the key may stay running until its lease expires.
    fn finish(&self, lease: Lease, end: End) -> BoxFuture<Result<(), StoreError>>;

    /// Waits until the call under a key may have ended, for at most `limit`. It may return early.
    ///
    /// Default: waits for 100 ms, or for `limit` if that is shorter.
    fn settled(&self, key: Key, limit: Duration) -> BoxFuture<()> {
        let _ = key;
        Box::pin(tokio::time::sleep(limit.min(Duration::from_millis(100))))
    }
}

/// Servers of one process share a store in an `Arc`.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn info(&self) -> StoreInfo {
        (**self).info()
    }

    fn now(&self) -> Duration {
        (**self).now()
    }

    fn begin(&self, request: BeginRequest) -> BoxFuture<Result<Begin, StoreError>> {
        (**self).begin(request)
    }

    fn max_answer_bytes(&self) -> usize {
        (**self).max_answer_bytes()
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<Result<(), StoreError>> {
        (**self).finish(lease, end)
    }

    fn settled(&self, key: Key, limit: Duration) -> BoxFuture<()> {
        (**self).settled(key, limit)
    }
}

/// The name of a call in a store.
///
/// The first 16 bytes are the [scope](Self::scope), which is the owner of the key. The last 16 bytes are the UUID
/// itself if an anonymous caller sent one. For other keys they are a hash of the scope and the idempotency key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// Returns the owner of the key: 16 zeros for all anonymous callers together. For others it is a hash of the
    /// principal's subject, or of what [`idempotency_scope`](crate::ServerBuilder::idempotency_scope) returned.
    ///
    /// A store that bounds its memory limits each scope, so that one caller cannot use up the room of all others.
    pub fn scope(&self) -> [u8; 16] {
        let mut scope = [0; 16];
        scope.copy_from_slice(&self.0[..16]);
        scope
    }

    /// Returns whether the key belongs to anonymous callers.
    pub fn is_anonymous(&self) -> bool {
        self.scope() == [0; 16]
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Keys of one scope differ in this half.
        if let Some(half) = self.0.last_chunk() {
            state.write_u128(u128::from_le_bytes(*half));
        }
    }
}

/// A hash of the method and the params. It distinguishes calls under the same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// What a call begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BeginRequest {
    /// The call's key.
    pub key: Key,
    /// The hash of the method and the params.
    pub fingerprint: Fingerprint,
    /// How long the call may run. After that, a call without an end is [`Begin::Unknown`].
    pub lease: Duration,
    /// The earliest time at which an attempt under the key may have been sent, by [`Store::now`]. With `None`, a key is
    /// never [`Begin::Forgotten`].
    pub sent: Option<Duration>,
}

impl BeginRequest {
    /// Makes the request of a call without a known time of sending.
    pub fn new(key: Key, fingerprint: Fingerprint, lease: Duration) -> Self {
        Self { key, fingerprint, lease, sent: None }
    }

    /// Sets the earliest time at which an attempt under the key may have been sent.
    #[must_use]
    pub fn sent(mut self, sent: Option<Duration>) -> Self {
        self.sent = sent;
        self
    }

    /// Returns whether a store that remembers keys for `ttl` may have forgotten this key by `now`. Also returns true
    /// for a key that was sent too far in the future. The client of such a key could rely on the store's memory for
    /// longer than it lasts.
    pub fn is_forgotten(&self, now: Duration, ttl: Duration) -> bool {
        self.sent.is_some_and(|sent| !is_within_memory(sent, now, ttl))
    }

    /// Returns the time from which on the store must remember a key that begins now: the later one of now and
    /// [`sent`](Self::sent).
    pub fn remembered_from(&self, now: Duration) -> Duration {
        self.sent.map_or(now, |sent| sent.max(now))
    }

    /// How far in the future a key may have been sent: 120 s. Clients ask for the time once a minute, so they are never
    /// that far ahead.
    pub const MAX_AHEAD: Duration = Duration::from_secs(120);
}

/// Returns whether a store that remembers keys for `ttl` surely knows of all calls that were sent at this time.
pub(super) fn is_within_memory(sent: Duration, now: Duration, ttl: Duration) -> bool {
    sent <= now.saturating_add(BeginRequest::MAX_AHEAD) && now < sent.saturating_add(ttl)
}

/// What a store knows of a key when a call begins under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The key was not known before. The server runs the call.
    Fresh(Lease),
    /// A call under the key has begun and, as far as the store knows, has not ended.
    Running,
    /// The call has ended with this answer.
    Done(Kept),
    /// A call has begun, and its outcome is unknown.
    Unknown,
    /// The key is not known, but it may be older than the store's memory: a call may have begun, and the store has
    /// forgotten it. Or the key was sent too far in the future. No call begins.
    Forgotten,
    /// The key belongs to a call with another fingerprint.
    Mismatch,
}

/// The right to run a call and to record how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The call's key.
    pub key: Key,
    /// Distinguishes this lease from others of the same key.
    pub token: Uuid,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this answer, which repeats of the call get.
    Kept(Kept),
    /// Without an effect. The key counts as never used.
    Released,
    /// With an unknown outcome, as after a panic. The call may have had its effect, and never runs again.
    Unknown,
}

impl End {
    /// Replaces an answer of more bytes than this by [`Kept::without_answer`].
    pub(super) fn within(self, max_answer_bytes: usize) -> Self {
        match self {
            Self::Kept(kept) if kept.outcome.len() > max_answer_bytes => Self::Kept(Kept::without_answer()),
            end => end,
        }
    }
}

/// The answer to a call, as a store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// The error's code, if the answer is an error.
    pub code: Option<ErrorCode>,
    /// The member `result` or `error` of the answer, as JSON text. It must have memory of its own, so that a kept
    /// answer does not keep a larger buffer alive.
    pub outcome: Bytes,
}

impl Kept {
    /// Returns the answer to repeats of a call that ran and has no kept answer: the error -32091.
    pub fn without_answer() -> Self {
        const CODE: ErrorCode = ErrorCode::RESPONSE_TOO_LARGE;
        static OUTCOME: LazyLock<Bytes> = LazyLock::new(|| {
            let error = ErrorObject::from(CODE).with_data("the call ran, but its answer was not kept");
            let json = serde_json::to_string(&error).expect("an error object can be written as JSON");
            format!("\"error\":{json}").into()
        });
        Self { code: Some(CODE), outcome: OUTCOME.clone() }
    }
}

/// Why a store cannot tell whether a call may run, or cannot record its end. If the store cannot begin a call, the
/// server refuses the call.
#[derive(Debug)]
pub struct StoreError(StoreErrorKind);

#[derive(Debug)]
enum StoreErrorKind {
    Full,
    OverShare,
    Failed(Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// Makes the error of a store that has no room left.
    pub fn full() -> Self {
        Self(StoreErrorKind::Full)
    }

    /// Makes the error for an owner of keys that has used up its share. Other owners may have room left.
    pub fn over_share() -> Self {
        Self(StoreErrorKind::OverShare)
    }

    /// Makes the error of a store that failed or could not be reached.
    pub fn failed(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(StoreErrorKind::Failed(source.into()))
    }

    /// Returns whether there is no room, in the whole store or for the owner of the key.
    pub fn is_full(&self) -> bool {
        matches!(self.0, StoreErrorKind::Full | StoreErrorKind::OverShare)
    }

    /// Returns whether the owner of the key has no room left.
    pub fn is_over_share(&self) -> bool {
        matches!(self.0, StoreErrorKind::OverShare)
    }

    /// Returns the reason as metrics name it.
    pub(super) fn reason(&self) -> &'static str {
        match self.0 {
            StoreErrorKind::Full => "full",
            StoreErrorKind::OverShare => "share",
            StoreErrorKind::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            StoreErrorKind::Full => "idempotency store is full",
            StoreErrorKind::OverShare => "the owner of an idempotency key has used up its share of the store",
            StoreErrorKind::Failed(_) => "idempotency store failed",
        })
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            StoreErrorKind::Failed(source) => Some(&**source),
            StoreErrorKind::Full | StoreErrorKind::OverShare => None,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, f)
    }
}

fn hexadecimal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the outcome, because it belongs to the caller alone.
        f.debug_struct("Kept").field("code", &self.code).field("bytes", &self.outcome.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    /// Shared stores hold these bytes for servers of other versions.
    #[test]
    fn answer_that_was_not_kept_is_an_error_with_a_reason() {
        let kept = Kept::without_answer();
        let error =
            r#"{"code":-32091,"message":"Response too large","data":"the call ran, but its answer was not kept"}"#;
        assert_eq!(kept.outcome, format!(r#""error":{error}"#));
        assert_eq!(kept.code.map(rpc_core::ErrorCode::get), Some(-32091));
    }
}
