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

/// Remembers which calls were begun under an idempotency key, and what came of them.
///
/// This is what makes a retry safe: the server asks the store before it runs a call that has a key, and runs only what
/// [`begin`](Self::begin) says is fresh. [`MemoryStore`](super::MemoryStore) serves one process;
/// a store that all replicas of a server share lets any of them answer a retry.
///
/// # What a store must keep
///
/// - Of all that begin the same key, within [`StoreInfo::ttl`] from the first time on, one is told [`Begin::Fresh`],
///   unless it releases the key. This holds between processes, too, and when some of them end at any time.
/// - It forgets nothing within that time. A store that has no room refuses new keys; one that may have lost some has
///   another [`StoreInfo::identity`] from then on.
/// - It limits what one [scope](Key::scope) takes of it, where its room is small enough for a stranger to fill.
/// - A lease that has run out does not make its key fresh: the call may have had its effect. The key is
///   [`Begin::Unknown`] then.
/// - A key that it does not know, and whose first attempt may be older than its memory, is [`Begin::Forgotten`] and not
///   fresh. It judges that by its own [clock](Self::now), since clients' clocks differ and stand still in sleep.
///
/// The suite in `rpc::idempotency::suite` (feature `test-util`) checks all of this.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Says which store this is and how long it remembers.
    ///
    /// A store that becomes another one while it is used says so here before any [`begin`](Self::begin) tells what the
    /// new one knows. So whoever relies on an identity compares it once more when a call is told to be fresh.
    fn info(&self) -> StoreInfo;

    /// Tells the time by the clock by which the store forgets, counted from any point that stays the same for one
    /// [`StoreInfo::identity`]. Clients are told it, and say by it how old a key may be.
    ///
    /// It may be a little behind the time by which [`begin`](Self::begin) decides, and never ahead of it. A store in
    /// another process estimates it.
    fn now(&self) -> Duration;

    /// Begins a call under a key, or says what is known of an earlier one. This is one atomic step.
    ///
    /// A key that would be fresh is [`Begin::Forgotten`] if [`BeginRequest::sent`] and the time that the store
    /// remembers together are not after its time now, or if it was sent [too far](BeginRequest::MAX_AHEAD) in the
    /// future. A key that was sent later than now is remembered from then on: its client believes that the store's
    /// clock is ahead of what it is, as after the store's machine slept, and so takes the key for younger than it is.
    ///
    /// Whoever is told [`Begin::Fresh`] must [`finish`](Self::finish) within the time of the lease.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the key begun or not.
    fn begin(&self, request: BeginRequest) -> BoxFuture<Result<Begin, StoreError>>;

    /// Returns how many bytes of an [outcome](Kept::outcome) the store keeps at most. Default: no limit.
    ///
    /// The server replaces larger ones by [`Kept::without_answer`], so that a repeat learns that its call ran.
    fn max_answer_bytes(&self) -> usize {
        usize::MAX
    }

    /// Notes how a call ended that this lease was given for.
    ///
    /// Where it has no room for an answer it keeps [`Kept::without_answer`] and fails with [`StoreError::full`] or
    /// [`StoreError::over_share`].
    ///
    /// A lease that is not the key's last one changes nothing, and of several ends only the first one counts. A lease
    /// that has run out still may note an end, as long as the key is remembered.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the key running until its lease runs out.
    fn finish(&self, lease: Lease, end: End) -> BoxFuture<Result<(), StoreError>>;

    /// Waits until the call under a key may have ended, for so long at most. It may return early.
    ///
    /// By default it waits for a tenth of a second, or for as long as is allowed if that is less.
    fn settled(&self, key: Key, limit: Duration) -> BoxFuture<()> {
        let _ = key;
        Box::pin(tokio::time::sleep(limit.min(Duration::from_millis(100))))
    }
}

/// Servers of one process share a store like this.
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

/// Names a call in a store.
///
/// The first sixteen bytes are the [scope](Self::scope), which says whom the key belongs to. The last sixteen are the
/// UUID itself for anonymous callers, else a hash of the scope and the idempotency key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// Returns whom the key belongs to: sixteen zeros for all anonymous callers together, else a hash of the
    /// principal's subject or of what [`idempotency_scope`](crate::ServerBuilder::idempotency_scope) returned.
    ///
    /// A store that bounds its memory limits each scope, so that one caller cannot use up the room of all others.
    pub fn scope(&self) -> [u8; 16] {
        let mut scope = [0; 16];
        scope.copy_from_slice(&self.0[..16]);
        scope
    }

    /// Tells whether the key belongs to anonymous callers.
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

/// Tells calls apart that have the same key: a hash of the method and the params.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// What a call is begun with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BeginRequest {
    /// The call's key.
    pub key: Key,
    /// The method and the params.
    pub fingerprint: Fingerprint,
    /// How long the call may run. After that, a call without an end is [`Begin::Unknown`].
    pub lease: Duration,
    /// The earliest time at which an attempt under the key may have been sent, by [`Store::now`]. With `None`, a key is
    /// never [`Begin::Forgotten`].
    pub sent: Option<Duration>,
}

impl BeginRequest {
    /// Makes the request of a call of which nobody says when it was sent.
    pub fn new(key: Key, fingerprint: Fingerprint, lease: Duration) -> Self {
        Self { key, fingerprint, lease, sent: None }
    }

    /// Sets the earliest time at which an attempt under the key may have been sent.
    #[must_use]
    pub fn sent(mut self, sent: Option<Duration>) -> Self {
        self.sent = sent;
        self
    }

    /// Tells whether a store that remembers for so long may have forgotten the key by now, or is not to remember it for
    /// as long as its client may take it for young, since it was sent too far in the future.
    pub fn is_forgotten(&self, now: Duration, ttl: Duration) -> bool {
        self.sent.is_some_and(|sent| !is_within_memory(sent, now, ttl))
    }

    /// Returns from when on the store has to remember a key that is begun now: the later one of now and
    /// [`sent`](Self::sent).
    pub fn remembered_from(&self, now: Duration) -> Duration {
        self.sent.map_or(now, |sent| sent.max(now))
    }

    /// How far in the future a key may have been sent. Clients ask for the time once a minute, and so are never that
    /// far ahead.
    pub const MAX_AHEAD: Duration = Duration::from_secs(120);
}

/// Tells whether a store that remembers for so long surely knows of what was sent at this time.
pub(super) fn is_within_memory(sent: Duration, now: Duration, ttl: Duration) -> bool {
    sent <= now.saturating_add(BeginRequest::MAX_AHEAD) && now < sent.saturating_add(ttl)
}

/// What a store knows of a key that a call is begun under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nothing, until now: the call is to run.
    Fresh(Lease),
    /// A call under the key was begun and has not ended, for all that is known.
    Running,
    /// The call ended like this.
    Done(Kept),
    /// A call was begun, and nobody knows what came of it.
    Unknown,
    /// Nothing, but the key may be older than the store's memory: a call may have been begun and forgotten. Or it was
    /// sent too far in the future. Nothing is begun.
    Forgotten,
    /// The key belongs to a call with another fingerprint.
    Mismatch,
}

/// Stands for the right to run a call and to say what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The call's key.
    pub key: Key,
    /// Tells this lease from others of the same key.
    pub token: Uuid,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this, which repeats of the call are answered with.
    Kept(Kept),
    /// Without an effect: the key is as if it had never been used.
    Released,
    /// Nobody knows how, as after a panic: the call may have had its effect, and is never run again.
    Unknown,
}

impl End {
    /// Leaves an answer away that has more bytes than this.
    pub(super) fn within(self, max_answer_bytes: usize) -> Self {
        match self {
            Self::Kept(kept) if kept.outcome.len() > max_answer_bytes => Self::Kept(Kept::without_answer()),
            end => end,
        }
    }
}

/// What came of a call.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// The error's code, if it was an error.
    pub code: Option<ErrorCode>,
    /// The member `result` or `error` of the answer, as JSON text, in memory of its own: what is kept must not keep a
    /// larger buffer alive.
    pub outcome: Bytes,
}

impl Kept {
    /// Returns what repeats are told of a call that ran and whose answer is not kept: the error -32091.
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

/// Says why a store cannot tell whether a call may run. The call is refused then.
#[derive(Debug)]
pub struct StoreError(Cause);

#[derive(Debug)]
enum Cause {
    Full,
    OverShare,
    Failed(Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// Says that there is no room for another key.
    pub fn full() -> Self {
        Self(Cause::Full)
    }

    /// Says that whom a key belongs to has no room left, while others may have some.
    pub fn over_share() -> Self {
        Self(Cause::OverShare)
    }

    /// Says that the store failed, or could not be reached.
    pub fn failed(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Cause::Failed(source.into()))
    }

    /// Tells whether there is no room, be it in the whole store or for the owner of the key.
    pub fn is_full(&self) -> bool {
        matches!(self.0, Cause::Full | Cause::OverShare)
    }

    /// Tells whether the owner of the key has no room left.
    pub fn is_over_share(&self) -> bool {
        matches!(self.0, Cause::OverShare)
    }

    /// Returns the reason as metrics name it.
    pub(super) fn reason(&self) -> &'static str {
        match self.0 {
            Cause::Full => "full",
            Cause::OverShare => "share",
            Cause::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Cause::Full => "idempotency store is full",
            Cause::OverShare => "the owner of an idempotency key has used up its share of the store",
            Cause::Failed(_) => "idempotency store failed",
        })
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Cause::Failed(source) => Some(&**source),
            Cause::Full | Cause::OverShare => None,
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
        // Without the outcome, which belongs to the caller alone.
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
