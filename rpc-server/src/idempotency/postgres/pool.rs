//! The sessions of a [`PostgresStore`](super::PostgresStore): a fixed number, which calls use in turn. [`Pool::run`]
//! reconnects and retries within the store's timeout. It also notices when the database holds another store than
//! before.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc_core::BoxFuture;
use tokio::time::{sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};
use uuid::Uuid;

use super::clock::DatabaseClock;
use super::session::DatabaseSession;
use super::sql::SqlStatements;
use crate::idempotency::StoreError;

/// A function that makes a connection.
pub(super) type Connect = Box<dyn Fn() -> BoxFuture<Result<Client, Error>> + Send + Sync>;

/// The pause before the next attempt to connect to a database that refuses connections.
const PAUSE: Duration = Duration::from_millis(50);

/// How long to wait while the database refuses connections.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum ConnectWait {
    UntilRefused,
    UntilTimeout,
}

/// The connections of a store, which are made when they are needed.
pub(super) struct Pool {
    connect: Connect,
    sql: SqlStatements,
    timeout: Duration,
    /// The identity of the store that a connection has found last. All other connections must find the same.
    identity: Mutex<Uuid>,
    pub(super) clock: DatabaseClock,
    slots: Box<[Slot]>,
    next: AtomicUsize,
}

/// Locked while it connects, so that other calls wait for the connection and do not make more.
type Slot = tokio::sync::Mutex<Option<Arc<DatabaseSession>>>;

impl Pool {
    pub(super) fn new(connect: Connect, sql: SqlStatements, connections: usize, timeout: Duration) -> Self {
        let slots = (0..connections.max(1)).map(|_| Slot::default()).collect();
        Self {
            connect,
            sql,
            timeout,
            identity: Mutex::default(),
            clock: DatabaseClock::new(),
            slots,
            next: AtomicUsize::new(0),
        }
    }

    pub(super) fn identity(&self) -> Uuid {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on one of the connections. If the connection breaks, it may run `work` again.
    pub(super) async fn run<T, F>(
        &self,
        waiting: ConnectWait,
        work: impl Fn(Arc<DatabaseSession>) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let slot = &self.slots[self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len()];
        let mut used = None;
        let tries = async {
            let mut has_failed = false;
            loop {
                let session = match self.session(slot).await {
                    Ok(session) => Arc::clone(used.insert(session)),
                    Err(_) if waiting == ConnectWait::UntilTimeout => {
                        sleep(PAUSE).await;
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                match work(Arc::clone(&session)).await {
                    Ok(done) => return Ok(done),
                    Err(error) => {
                        session.give_up();
                        if !is_lost(&error) || (has_failed && waiting == ConnectWait::UntilRefused) {
                            return Err(error);
                        }
                        has_failed = true;
                    }
                }
            }
        };
        match timeout(self.timeout, tries).await {
            Ok(done) => done.map_err(StoreError::failed),
            Err(elapsed) => {
                // A connection that does not answer now will not answer the next call, either.
                used.iter().for_each(|session| session.give_up());
                Err(StoreError::failed(elapsed))
            }
        }
    }

    async fn session(&self, slot: &Slot) -> Result<Arc<DatabaseSession>, Error> {
        let mut slot = slot.lock().await;
        if let Some(session) = &*slot
            && session.is_usable()
            && session.identity == self.identity()
        {
            return Ok(Arc::clone(session));
        }
        // Drops the old session even if no new one can be made.
        *slot = None;
        let session = Arc::new(DatabaseSession::open((self.connect)().await?, &self.sql).await?);
        self.clock.set(session.opened);
        self.found(session.identity);
        *slot = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Notes which store a connection has found, before any call can use the connection.
    fn found(&self, identity: Uuid) {
        let known = std::mem::replace(&mut *self.identity.lock().unwrap_or_else(PoisonError::into_inner), identity);
        if known != identity && !known.is_nil() {
            tracing::warn!(%known, %identity, "the database now holds another store of idempotency keys");
        }
    }
}

/// Returns whether the connection failed, and not the statement.
fn is_lost(error: &Error) -> bool {
    let ends = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    error.code().is_none_or(|code| ends.contains(code))
}
