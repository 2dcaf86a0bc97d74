//! One connection to PostgreSQL with its prepared statements. It creates the tables if they are missing. `pool` opens
//! and replaces sessions. This file binds parameters and returns rows; `PostgresStore` interprets them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rpc_core::ErrorCode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row, Statement};
use uuid::Uuid;

use super::clock::ClockReading;
use super::sql::{self, SqlStatements};
use crate::idempotency::{BeginRequest, End, Key, Lease};

/// A connection that is ready for use. The statements of many calls go through it without waiting for each other.
pub(super) struct DatabaseSession {
    client: Client,
    /// The identity of the store in the database.
    pub(super) identity: Uuid,
    /// The time of the database when the connection was made.
    pub(super) opened: ClockReading,
    is_given_up: AtomicBool,
    begin: Statement,
    look: Statement,
    finish: Statement,
    release: Statement,
    is_running: Statement,
    clear: Statement,
}

impl DatabaseSession {
    pub(super) async fn open(client: Client, sql: &SqlStatements) -> Result<Self, Error> {
        client.batch_execute(&sql.set_up).await?;
        let (identity, opened) = identity(&client, sql).await?;
        let prepare = |text| client.prepare(text);
        let (begin, look, finish, release, is_running, clear) = tokio::try_join!(
            prepare(&sql.begin),
            prepare(&sql.look),
            prepare(&sql.finish),
            prepare(&sql.release),
            prepare(&sql.is_running),
            prepare(&sql.clear),
        )?;
        let is_given_up = AtomicBool::new(false);
        Ok(Self { client, identity, opened, is_given_up, begin, look, finish, release, is_running, clear })
    }

    pub(super) fn is_usable(&self) -> bool {
        !self.is_given_up.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    /// Prevents any further use of the session.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// Begins a call. Returns `None` if the database now holds another store.
    pub(super) async fn begin(&self, request: BeginRequest, lease: Lease, ttl: Duration) -> Result<Option<Row>, Error> {
        let (key, fingerprint) = (&request.key.0[..], &request.fingerprint.0[..]);
        let (time, ttl) = (seconds(request.lease), seconds(ttl));
        let sent = request.sent.map(|sent| sent.as_secs_f64());
        let mut row = self
            .client
            .query_opt(&self.begin, &[&key, &fingerprint, &lease.token, &time, &ttl, &self.identity, &sent])
            .await?;
        if row.is_none() && sent.is_some() {
            row = self.client.query_opt(&self.look, &[&key, &fingerprint, &self.identity]).await?;
        }
        if row.is_none() {
            self.give_up();
        }
        Ok(row)
    }

    pub(super) async fn finish(&self, lease: Lease, end: &End) -> Result<(), Error> {
        let (key, token) = (&lease.key.0[..], &lease.token);
        let (state, code, outcome) = match end {
            End::Released => {
                self.client.execute(&self.release, &[&key, token]).await?;
                return Ok(());
            }
            End::Unknown => (sql::UNKNOWN, None, None),
            End::Kept(kept) => (sql::DONE, kept.code.map(ErrorCode::get), Some(&kept.outcome[..])),
        };
        self.client.execute(&self.finish, &[&key, token, &state, &code, &outcome]).await?;
        Ok(())
    }

    pub(super) async fn is_running(&self, key: Key) -> Result<bool, Error> {
        Ok(self.client.query_opt(&self.is_running, &[&&key.0[..]]).await?.is_some())
    }

    pub(super) async fn clear(&self) -> Result<(), Error> {
        self.client.execute(&self.clear, &[]).await?;
        Ok(())
    }
}

/// Reads the identity and the time of the store. Creates the store if there is none.
async fn identity(client: &Client, sql: &SqlStatements) -> Result<(Uuid, ClockReading), Error> {
    let read = |row: Row| Ok((row.try_get(0)?, ClockReading::new(row.try_get(1)?)));
    match client.query_opt(&sql.identity, &[]).await {
        Ok(Some(row)) => return read(row),
        Err(error) if error.code() != Some(&SqlState::UNDEFINED_TABLE) => return Err(error),
        Ok(None) | Err(_) => {}
    }
    client.batch_execute(&sql.create()).await?;
    read(client.query_one(&sql.identity, &[]).await?)
}

/// Returns a duration as seconds for the database, limited to what the database can add to a date.
fn seconds(duration: Duration) -> f64 {
    const CENTURY: f64 = 100.0 * 365.0 * 24.0 * 60.0 * 60.0;
    duration.as_secs_f64().min(CENTURY)
}
