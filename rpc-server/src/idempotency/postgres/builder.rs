//! The settings of a [`PostgresStore`](super::PostgresStore): tables, time to live, connections, timeout and answer
//! size. `connect` applies them.

use std::time::Duration;

use rpc_core::__private::settings;

settings! {
    /// A builder of a [`PostgresStore`](super::PostgresStore).
    ///
    /// [`PostgresStore::builder`](super::PostgresStore::builder) makes one. Each field has a setter with its name.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use rpc::idempotency::PostgresStore;
    ///
    /// # async fn example() -> Result<(), rpc::idempotency::StoreError> {
    /// let store = PostgresStore::builder()
    ///     .tables("billing.once")
    ///     .ttl(Duration::from_secs(3600))
    ///     .connect("host=localhost user=app dbname=app")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Clone, Debug)]
    #[must_use = "a builder does nothing until it connects"]
    pub struct PostgresBuilder {
        /// The prefix of the tables' names, with or without a schema in front. Default: `rpc_idempotency`. The schema
        /// must exist already.
        ///
        /// Schema and prefix consist of ASCII letters, digits and underscores, and have at most 50 characters each.
        /// They are used as written.
        pub tables: String = "rpc_idempotency".to_owned(),
        /// How long a key is remembered. Default: 24 hours. Clients are sent whole seconds.
        pub ttl: Duration = Duration::from_secs(24 * 60 * 60),
        /// The number of connections. Calls use them in turn, and each serves many calls at a time. Default: 4. At
        /// least 1, and at most 262,143, which is the maximum of a PostgreSQL server.
        ///
        /// A connection commits one statement after the other, and each call takes two statements. If a commit takes a
        /// millisecond, each connection serves 500 calls per second.
        pub connections: usize = 4,
        /// How long to wait for the database, for a connection and a statement together. Default: 3 s. More than 0.
        pub timeout: Duration = Duration::from_secs(3),
        /// The maximum size of a kept answer, in bytes. Default: 1 MiB.
        ///
        /// For a larger answer, the store remembers the key without the answer, and a repeat gets -32091.
        pub max_answer_bytes: usize = 1 << 20,
    }
}
