//! [`PostgresStore`]: a store that several servers share. It implements [`Store`] with prepared statements, which `sql`
//! writes and `session` runs. `pool` opens sessions and retries. Every 256th call deletes expired rows in the
//! background. Only this file and those below it know tokio-postgres.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc_core::headers::StoreInfo;
use rpc_core::{BoxFuture, ErrorCode};
use tokio_postgres::Row;
use uuid::Uuid;

pub use self::builder::PostgresBuilder;
use self::clock::ClockReading;
use self::pool::{ConnectWait, Pool};
use self::session::DatabaseSession;
use super::{Begin, BeginRequest, End, Kept, Key, Lease, Store, StoreError};

mod builder;
mod clock;
mod connect;
mod pool;
mod session;
mod sql;

/// After how many begins expired rows are deleted. A deletion removes more rows than these begins add.
const BEGINS_PER_CLEARING: usize = 256;

/// A store of idempotency keys in a PostgreSQL database that all replicas of a server share. Needs the feature
/// `postgres`.
///
/// Any replica can answer a retry, and a restart forgets nothing. The database's clock is the time of the store.
/// Servers estimate it from the database's last answer. Beginning a call and ending it take one statement each: one
/// round trip on a connection that many calls share.
///
/// A key is remembered for the [`ttl`](PostgresBuilder::ttl) after the time of its lease, by default 24 hours. From
/// time to time, a server that begins a call deletes some of the expired keys. All servers must have the same settings:
/// a server with a shorter time forgets keys for which another server has promised a longer time. To raise the time,
/// stop all servers first.
///
/// The disk is its room. The store limits the size of [each answer](PostgresBuilder::max_answer_bytes), but not what
/// one caller keeps in total. If anonymous callers may make keyed calls, limit their rate.
///
/// # When the database cannot be reached
///
/// The store reconnects when it needs a connection. Beginning a call fails at once if the database refuses connections,
/// and after the [`timeout`](PostgresBuilder::timeout) if it does not answer. The server then refuses the call, and the
/// call does not run.
///
/// If it is not certain whether a begin was committed, the store tries once more, and recognizes its own row. If that
/// fails too, the row remains that of a running call, and the key is unknown after its lease. The key is never fresh
/// twice. The store tries to note an end until the timeout. An end that it cannot note leaves the key unknown after its
/// lease, too.
///
/// # Requirements
///
/// - The store is as durable as the database's commits. Its sessions turn `synchronous_commit` on if it is off.
///   `fsync = off` can lose keys in a crash, and so can a failover to a replica that is not synchronous. A call under a
///   lost key may run twice. After such a loss, or after a backup was restored, drop the tables, even while servers
///   run. The store then creates them again as another store, and clients that rely on the old one are refused.
/// - The database's clock must not be set back by more than a few seconds, nor be that much behind after a failover.
///   For that long, a key older than the `ttl` could pass for a younger one.
/// - Read-only replicas cannot serve. If the configuration names several hosts, add `target_session_attrs=read-write`.
/// - Sessions prepare statements and set variables, so a pooler in between must pool by session.
/// - The store creates missing tables in one transaction: `rpc_idempotency_keys` and `rpc_idempotency_store`, unless
///   [`tables`](PostgresBuilder::tables) names them differently. A user without the right to create tables can use
///   existing ones.
///
/// # Example
///
/// ```no_run
/// use rpc::idempotency::PostgresStore;
///
/// # async fn example() -> Result<(), rpc::idempotency::StoreError> {
/// let store = PostgresStore::connect("host=localhost user=app dbname=app").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    shared: Arc<PostgresInner>,
}

struct PostgresInner {
    pool: Pool,
    settings: PostgresBuilder,
    begun: AtomicUsize,
}

impl PostgresStore {
    /// Returns a builder with the default settings, to change them before connecting.
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    async fn open(pool: Pool, settings: PostgresBuilder) -> Result<Self, StoreError> {
        // The first session reads the identity.
        pool.run(ConnectWait::UntilRefused, |_| async { Ok(()) }).await?;
        Ok(Self { shared: Arc::new(PostgresInner { pool, settings, begun: AtomicUsize::new(0) }) })
    }

    /// Deletes some expired keys, if it is time for it.
    fn clear(&self) {
        if self.shared.begun.fetch_add(1, Ordering::Relaxed).is_multiple_of(BEGINS_PER_CLEARING) {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                let cleared =
                    shared.pool.run(ConnectWait::UntilRefused, |session| async move { session.clear().await }).await;
                if let Err(error) = cleared {
                    tracing::debug!(error = &error as &dyn std::error::Error, "idempotency keys were not cleared away");
                }
            });
        }
    }
}

impl Store for PostgresStore {
    fn info(&self) -> StoreInfo {
        StoreInfo { identity: self.shared.pool.identity(), ttl: self.shared.settings.ttl }
    }

    fn now(&self) -> Duration {
        self.shared.pool.clock.now()
    }

    fn begin(&self, request: BeginRequest) -> BoxFuture<Result<Begin, StoreError>> {
        let store = self.clone();
        Box::pin(async move {
            store.clear();
            // A retry has the same token, and by it recognizes the row of an earlier attempt.
            let given = Lease { key: request.key, token: Uuid::new_v4() };
            let ttl = store.shared.settings.ttl;
            let begin = |session: Arc<DatabaseSession>| async move { session.begin(request, given, ttl).await };
            for _ in 0..2 {
                // Without a row, the database now holds another store. A new session reads its identity.
                if let Some(row) = store.shared.pool.run(ConnectWait::UntilRefused, begin).await? {
                    store.shared.pool.clock.set(ClockReading::new(row.try_get("now").map_err(StoreError::failed)?));
                    return begun(&row, given).map_err(StoreError::failed);
                }
            }
            Err(StoreError::failed("the database holds another store from one moment to the next"))
        })
    }

    fn max_answer_bytes(&self) -> usize {
        self.shared.settings.max_answer_bytes
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<Result<(), StoreError>> {
        let store = self.clone();
        Box::pin(async move {
            let end = Arc::new(end.within(store.shared.settings.max_answer_bytes));
            let finish = |session: Arc<DatabaseSession>| {
                let end = Arc::clone(&end);
                async move { session.finish(lease, &end).await }
            };
            // Only the first end counts, so noting it twice is harmless.
            store.shared.pool.run(ConnectWait::UntilTimeout, finish).await
        })
    }

    fn settled(&self, key: Key, limit: Duration) -> BoxFuture<()> {
        let store = self.clone();
        let polls = async move {
            let mut pause = Duration::from_millis(10);
            loop {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(250));
                let is_running = |session: Arc<DatabaseSession>| async move { session.is_running(key).await };
                // Without the database the wait ends, so that the next begin reports the error.
                if !store.shared.pool.run(ConnectWait::UntilRefused, is_running).await.unwrap_or(false) {
                    return;
                }
            }
        };
        Box::pin(async move {
            let _ = tokio::time::timeout(limit, polls).await;
        })
    }
}

/// Reads the row that a begin has returned.
fn begun(row: &Row, lease: Lease) -> Result<Begin, tokio_postgres::Error> {
    match row.try_get::<_, Option<Uuid>>("token")? {
        None => return Ok(Begin::Forgotten),
        Some(token) if token == lease.token => return Ok(Begin::Fresh(lease)),
        Some(_) => {}
    }
    if !row.try_get::<_, bool>("matches")? {
        return Ok(Begin::Mismatch);
    }
    Ok(match row.try_get::<_, i16>("state")? {
        sql::RUNNING if row.try_get("leased")? => Begin::Running,
        sql::DONE => {
            let code = row.try_get::<_, Option<i64>>("code")?.map(ErrorCode::new);
            Begin::Done(Kept { code, outcome: row.try_get::<_, Vec<u8>>("outcome")?.into() })
        }
        _ => Begin::Unknown,
    })
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the configuration, because it contains a password.
        f.debug_struct("PostgresStore").field("info", &self.info()).finish_non_exhaustive()
    }
}
