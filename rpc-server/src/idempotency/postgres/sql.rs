//! The SQL text of a store: its tables and its statements, for a table prefix that users choose. This file executes
//! nothing.

use std::time::Duration;

use uuid::Uuid;

use crate::idempotency::BeginRequest;

/// The call was begun, and runs as long as its lease lasts.
pub(super) const RUNNING: i16 = 0;
/// The call ended, and its outcome is kept.
pub(super) const DONE: i16 = 1;
/// The call ended, and nobody knows how.
pub(super) const UNKNOWN: i16 = 2;

/// Stands in the text for an identity that has to be another one each time.
const NEW_IDENTITY: &str = "NEW_IDENTITY";

/// Holds the texts of all statements.
#[derive(Debug)]
pub(super) struct Sql {
    pub(super) set_up: String,
    create: String,
    pub(super) identity: String,
    pub(super) begin: String,
    pub(super) look: String,
    pub(super) finish: String,
    pub(super) release: String,
    pub(super) is_running: String,
    pub(super) clear: String,
}

impl Sql {
    /// Writes the statements for tables whose names begin like this, or returns `None` if no name can.
    pub(super) fn new(prefix: &str, timeout: Duration) -> Option<Self> {
        let keys = table(prefix, "keys")?;
        let store = table(prefix, "store")?;
        let index = quoted(&format!("{}_keys_expires", prefix.rsplit('.').next()?));
        Some(Self {
            set_up: set_up(timeout),
            create: create(&keys, &store, &index),
            // By the clock at the end of the statement, and not at its beginning.
            identity: format!("SELECT identity, {} FROM {store}", seconds_of("clock_timestamp()")),
            begin: begin(&keys, &store),
            look: look(&keys, &store),
            // The time that it is remembered for began when its lease ended, and so stays as it is: that column has an
            // index, and an update that leaves it alone is much cheaper.
            finish: format!(
                "UPDATE {keys} SET state = $3, code = $4, outcome = $5 \
                 WHERE key = $1 AND token = $2 AND state = {RUNNING}"
            ),
            release: format!("DELETE FROM {keys} WHERE key = $1 AND token = $2 AND state = {RUNNING}"),
            is_running: format!("SELECT 1 FROM {keys} WHERE key = $1 AND state = {RUNNING} AND leased_until > now()"),
            // What somebody begins anew at this moment is locked, and left alone.
            clear: format!(
                "DELETE FROM {keys} WHERE key = ANY (ARRAY( \
                 SELECT key FROM {keys} WHERE expires <= now() ORDER BY expires LIMIT 1024 FOR UPDATE SKIP LOCKED))"
            ),
        })
    }
}

impl Sql {
    /// Creates what is missing, with an identity that no store has had before.
    pub(super) fn create(&self) -> String {
        self.create.replace(NEW_IDENTITY, &Uuid::new_v4().to_string())
    }
}

/// Sees to it that commits last, that statements end, and that a begin sees what others have committed.
fn set_up(timeout: Duration) -> String {
    let timeout = timeout.as_millis().clamp(1, 1 << 30);
    format!(
        "SET statement_timeout = {timeout}; \
         SET default_transaction_isolation = 'read committed'; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
}

/// The statements are one transaction, as they are sent together.
fn create(keys: &str, store: &str, index: &str) -> String {
    format!(
        // `IF NOT EXISTS` alone fails when two do it at the same time.
        "SELECT pg_advisory_xact_lock(7810492305601188453); \
         CREATE TABLE IF NOT EXISTS {keys} ( \
             key bytea PRIMARY KEY, \
             fingerprint bytea NOT NULL, \
             token uuid NOT NULL, \
             state smallint NOT NULL, \
             leased_until timestamptz NOT NULL, \
             expires timestamptz NOT NULL, \
             code bigint, \
             outcome bytea \
         ) WITH (fillfactor = 75); \
         CREATE INDEX IF NOT EXISTS {index} ON {keys} (expires); \
         CREATE TABLE IF NOT EXISTS {store} (is_only boolean PRIMARY KEY CHECK (is_only), identity uuid NOT NULL); \
         INSERT INTO {store} VALUES (true, '{NEW_IDENTITY}') ON CONFLICT DO NOTHING"
    )
}

/// Inserts a row, or makes one anew that is over, or returns what is there. It is one statement, so of all who begin a
/// key one finds their own token in it, and so does who tries it once more because the answer was lost. It does
/// nothing, and returns no row, if the tables are those of another store by now, or if the key may be forgotten.
///
/// A row is kept for the time of its lease longer than the store promises. So whoever deletes one cannot be so much
/// ahead of a begin that the latter finds neither the row nor that the key is too old. What was sent later than now, as
/// after the clock was set back, is kept from then on.
fn begin(keys: &str, store: &str) -> String {
    let columns = ["fingerprint", "token", "state", "leased_until", "expires", "code", "outcome"]
        .map(|column| format!("{column} = CASE WHEN old.expires <= now() THEN EXCLUDED.{column} ELSE old.{column} END"))
        .join(", ");
    format!(
        "INSERT INTO {keys} AS old (key, fingerprint, token, state, leased_until, expires) \
         SELECT $1::bytea, $2::bytea, $3::uuid, {RUNNING}, \
             now() + make_interval(secs => $4), now() + make_interval(secs => $4 + $5 + greatest($7 - {now}, 0)) \
         FROM {store} WHERE identity = $6 AND ($7::float8 IS NULL OR ($7 + $5 > {now} AND $7 <= {now} + {ahead})) \
         ON CONFLICT (key) DO UPDATE SET {columns} \
         RETURNING {now} AS now, token, fingerprint = $2 AS matches, state, leased_until > now() AS leased, code, outcome",
        now = seconds_of("now()"),
        ahead = BeginRequest::MAX_AHEAD.as_secs(),
    )
}

/// Returns what is known of a key that may be forgotten, without beginning it: a row without a token if that is
/// nothing, and no row if the tables are those of another store by now.
fn look(keys: &str, store: &str) -> String {
    format!(
        "SELECT {} AS now, token, fingerprint = $2::bytea AS matches, state, leased_until > now() AS leased, code, outcome \
         FROM {store} LEFT JOIN {keys} ON key = $1::bytea AND expires > now() WHERE identity = $3",
        seconds_of("now()")
    )
}

/// Counts a time from 1970 on.
fn seconds_of(time: &str) -> String {
    format!("extract(epoch FROM {time})::float8")
}

fn table(prefix: &str, name: &str) -> Option<String> {
    let parts = prefix.split('.').collect::<Vec<_>>();
    let is_name = |part: &&str| {
        (1..=50).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match parts[..] {
        [table] if is_name(&table) => Some(quoted(&format!("{table}_{name}"))),
        [schema, table] if is_name(&schema) && is_name(&table) => {
            Some(format!("{}.{}", quoted(schema), quoted(&format!("{table}_{name}"))))
        }
        _ => None,
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_quoted_and_only_names_are_allowed() {
        assert_eq!(table("rpc_idempotency", "keys").unwrap(), r#""rpc_idempotency_keys""#);
        assert_eq!(table("Billing.once", "store").unwrap(), r#""Billing"."once_store""#);
        for bad in ["", ".", "a.", ".b", "a.b.c", "a\"b", "a b", "a;b", "ä", &"x".repeat(51)] {
            assert_eq!(table(bad, "keys"), None, "{bad}");
        }
    }
}
