//! [`MemoryStore`], the default store: keys in the memory of one process, bounded in bytes. It is split into 64 locked
//! shards. `shard` implements the rules of the store, and `budget` counts the bytes. Each operation clears a few
//! expired keys.

use std::fmt;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rpc_core::__private::settings;
use rpc_core::BoxFuture;
use rpc_core::headers::StoreInfo;
use tokio::time::Instant;
use uuid::Uuid;

use self::budget::{MemoryBudget, budget_setters};
use self::shard::Shard;
use self::time::StoreTime;
use super::{Begin, BeginRequest, End, Key, Lease, Store, StoreError};

mod budget;
mod entry;
mod shard;
#[cfg(test)]
mod tests;
mod time;

/// The number of locks. With this many, calls rarely wait for each other.
const SHARDS: usize = 64;

/// How many possibly expired keys an operation checks. It checks more than it adds, so that clearing keeps pace.
const SHARE: usize = 3;

/// How many keys of each shard are checked when there is no room left.
const SWEEP: usize = 256;

/// A store of idempotency keys in the memory of this process.
///
/// It remembers a key from its first use until [`ttl`](Self::ttl) after the end of its call. If no end was noted, it
/// remembers the key until `ttl` after the end of its lease. Each operation clears a few expired keys. An expired key
/// is cleared within a sixteenth of the `ttl`.
///
/// Its memory is bounded, and it never forgets a key early. A full store refuses new keys. The last eighth of the
/// memory is reserved for the answers of running calls. A key takes about 320 bytes plus its answer. So 256 MiB are
/// enough for 6,000 keyed calls per second.
///
/// No caller can use up the room of all others. Anonymous callers share [one half](Self::max_anonymous_bytes), and each
/// principal has at most [a quarter](Self::max_scope_bytes). If all callers of a server are anonymous, give them the
/// whole store: `.max_anonymous_bytes(usize::MAX)`.
///
/// The store does not keep an answer that is [too large](Self::max_answer_bytes) or does not fit. A repeat of such a
/// call gets -32091, which says that the call ran.
///
/// Its clock counts the time of the process since the store was made. The clock stands still while the machine sleeps.
///
/// Each store has an identity of its own. A client may rely on the store of a process before a restart, or of another
/// replica. Its call is then refused and does not run twice.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpc::idempotency::{Begin, BeginRequest, End, Fingerprint, Kept, Key, MemoryStore, Store};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), rpc::idempotency::StoreError> {
/// let store = MemoryStore::new().ttl(Duration::from_secs(600)).max_bytes(64 << 20);
/// let call = BeginRequest::new(Key([7; 32]), Fingerprint([1; 32]), Duration::from_secs(30));
///
/// let Begin::Fresh(lease) = store.begin(call).await? else { panic!("nobody used it before") };
/// let kept = Kept { code: None, outcome: r#""result":5"#.into() };
/// store.finish(lease, End::Kept(kept.clone())).await?;
///
/// let again = store.begin(call).await?;
/// assert_eq!(again, Begin::Done(kept));
/// # Ok(())
/// # }
/// ```
pub struct MemoryStore {
    identity: Uuid,
    settings: MemorySettings,
    started: Instant,
    room: MemoryBudget,
    shards: Box<[Mutex<Shard>]>,
}

settings! {
    /// What a store keeps, and for how long.
    struct MemorySettings, set by memory_setters! {
        /// How long a key is remembered. Default: 120 s. Clients are sent whole seconds.
        ///
        /// A client must not retry a call later than this after its first attempt.
        pub ttl: Duration = Duration::from_secs(120),
        /// The maximum size of a kept answer, in bytes. Default: 1 MiB.
        ///
        /// For a larger answer, the store remembers the key without the answer.
        pub max_answer_bytes: usize = 1 << 20,
    }
}

impl MemoryStore {
    /// Makes an empty store, with an identity of its own.
    pub fn new() -> Self {
        Self {
            identity: Uuid::new_v4(),
            settings: MemorySettings::default(),
            started: Instant::now(),
            room: MemoryBudget::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    fn time(&self) -> StoreTime {
        StoreTime::default().after(self.started.elapsed())
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        // The last byte differs even between UUIDs that count up. The maps hash half of the key, with a secret.
        self.lock(&self.shards[usize::from(key.0[31]) % SHARDS])
    }

    fn lock<'a>(&self, shard: &'a Mutex<Shard>) -> MutexGuard<'a, Shard> {
        // No operation under the lock can panic half-way, so the data is complete even after a panic.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_begin(&self, request: &BeginRequest) -> Result<Begin, StoreError> {
        let mut shard = self.shard(&request.key);
        // Under the lock: keys that other calls have cleared had expired by this time, so `begin` sees that such a key
        // is old.
        let now = self.time();
        shard.clear(now, self.settings.ttl, SHARE, &self.room);
        shard.begin(request, now, self.settings.ttl, &self.room)
    }

    /// Makes room for a key if possible, at the cost of a look at each shard.
    fn sweep(&self, now: StoreTime, key: &Key) {
        for shard in &self.shards {
            self.lock(shard).clear(now, self.settings.ttl, SWEEP, &self.room);
            if self.room.has_room_for_key(key) {
                return;
            }
        }
    }
}

memory_setters!(MemoryStore.settings);
budget_setters!(MemoryStore.room.limits);

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn info(&self) -> StoreInfo {
        StoreInfo { identity: self.identity, ttl: self.settings.ttl }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn begin(&self, request: BeginRequest) -> BoxFuture<Result<Begin, StoreError>> {
        let begun = self.try_begin(&request).or_else(|_| {
            self.sweep(self.time(), &request.key);
            self.try_begin(&request)
        });
        Box::pin(ready(begun))
    }

    fn max_answer_bytes(&self) -> usize {
        self.settings.max_answer_bytes
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<Result<(), StoreError>> {
        let over = self.time().after(self.settings.ttl);
        let end = end.within(self.settings.max_answer_bytes);
        let finished = self.shard(&lease.key).finish(lease, end, over, &self.room);
        Box::pin(ready(finished))
    }

    fn settled(&self, key: Key, limit: Duration) -> BoxFuture<()> {
        let Some((ended, left)) = self.shard(&key).wait(&key, self.time()) else {
            return Box::pin(ready(()));
        };
        Box::pin(async move {
            // Both an end and a timeout are reasons to ask again.
            let _ = tokio::time::timeout(limit.min(left), ended).await;
        })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("identity", &self.identity)
            .field("ttl", &self.settings.ttl)
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}
