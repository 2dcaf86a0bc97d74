//! The SQL text of a store: its tables and its statements, for a table prefix that users choose. This file executes
//! nothing.

use std::time::Duration;

use uuid::Uuid;

use crate::idempotency::BeginRequest;

/// The call has begun, and runs as long as its lease lasts.
pub(super) const RUNNING: i16 = 0;
/// The call has ended, and its answer is kept.
pub(super) const DONE: i16 = 1;
/// The call has ended, and its outcome is unknown.
pub(super) const UNKNOWN: i16 = 2;

/// The placeholder for an identity, which must be a new one each time.
const NEW_IDENTITY: &str = "NEW_IDENTITY";

/// The texts of all statements.
#[derive(Debug)]
pub(super) struct SqlStatements {
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

impl SqlStatements {
    /// Writes the statements for tables with this prefix. Returns `None` if the prefix is invalid.
    pub(super) fn new(prefix: &str, timeout: Duration) -> Option<Self> {
        let keys = table(prefix, "keys")?;
        let store = table(prefix, "store")?;
        let index = quoted(&format!("{}_keys_expires", prefix.rsplit('.').next()?));
        Some(Self {
            set_up: set_up(timeout),
            create: create(&keys, &store, &index),
            // The time at the end of the statement, not at its beginning.
            identity: format!("SELECT identity, {} FROM {store}", seconds_of("clock_timestamp()")),
            begin: begin(&keys, &store),
            look: look(&keys, &store),
            // `expires` stays as it is: it counts from the end of the lease. That column has an index, and an update
            // that leaves it alone is much cheaper.
            finish: format!(
                "UPDATE {keys} SET state = $3, code = $4, outcome = $5 \
                 WHERE key = $1 AND token = $2 AND state = {RUNNING}"
            ),
            release: format!("DELETE FROM {keys} WHERE key = $1 AND token = $2 AND state = {RUNNING}"),
            is_running: format!("SELECT 1 FROM {keys} WHERE key = $1 AND state = {RUNNING} AND leased_until > now()"),
            // A row that another call is beginning again is locked, and is skipped.
            clear: format!(
                "DELETE FROM {keys} WHERE key = ANY (ARRAY( \
                 SELECT key FROM {keys} WHERE expires <= now() ORDER BY expires LIMIT 1024 FOR UPDATE SKIP LOCKED))"
            ),
        })
    }
}

impl SqlStatements {
    /// Returns the text that creates what is missing, with an identity that no store has had before.
    pub(super) fn create(&self) -> String {
        self.create.replace(NEW_IDENTITY, &Uuid::new_v4().to_string())
    }
}

/// Returns the setup of a session: commits are durable, statements time out, and a begin sees what others have
/// committed.
fn set_up(timeout: Duration) -> String {
    let timeout = timeout.as_millis().clamp(1, 1 << 30);
    format!(
        "SET statement_timeout = {timeout}; \
         SET default_transaction_isolation = 'read committed'; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
}

/// The statements are one transaction, because they are sent together.
fn create(keys: &str, store: &str, index: &str) -> String {
    format!(
        // `IF NOT EXISTS` alone fails when two sessions create the tables at the same time.
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

/// Inserts a row, replaces an expired one, or returns the existing one. This is one statement. So of all calls that
/// begin a key, exactly one finds its own token in the row. A retry after a lost answer finds its token, too. The
/// statement does nothing and returns no row if the tables now belong to another store, or if the key may be forgotten.
///
/// A row is kept longer than the store promises, by the time of its lease. So a deletion cannot be so far ahead of a
/// begin that the begin finds neither the row nor that the key is too old. A key that was sent later than now, as after
/// the clock was set back, is kept from that time on.
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

/// Returns what is known of a key that may be forgotten, without beginning it. If nothing is known, the row has no
/// token. There is no row if the tables now belong to another store.
fn look(keys: &str, store: &str) -> String {
    format!(
        "SELECT {} AS now, token, fingerprint = $2::bytea AS matches, state, leased_until > now() AS leased, code, outcome \
         FROM {store} LEFT JOIN {keys} ON key = $1::bytea AND expires > now() WHERE identity = $3",
        seconds_of("now()")
    )
}

/// Returns an expression for the seconds since 1970.
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
