//! The settings of a [`PostgresStore`](super::PostgresStore): tables, time to live, connections, timeout and answer
//! size. `connect` applies them.

use std::time::Duration;

use rpc_core::__private::settings;

settings! {
    /// Builds a [`PostgresStore`](super::PostgresStore).
    ///
    /// [`PostgresStore::builder`](super::PostgresStore::builder) makes one, and each field has a setter of its name.
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
        /// How the names of the tables begin, with a schema in front or without. Default: `rpc_idempotency`. The schema
        /// must be there already.
        ///
        /// Letters, digits and underscores make up a name, of at most 50 characters; it is used as it is written.
        pub tables: String = "rpc_idempotency".to_owned(),
        /// How long a key is remembered. Default: 24 hours. Clients are told of whole seconds.
        pub ttl: Duration = Duration::from_secs(24 * 60 * 60),
        /// How many connections are used in turn, each for many calls at a time. Default: 4. At least 1, and at most
        /// 262,143, as many as a PostgreSQL server takes.
        ///
        /// A connection commits one statement after the other, and each call takes two. Where a commit takes a
        /// millisecond, each connection is good for 500 calls a second.
        pub connections: usize = 4,
        /// How long to wait for the database, for a connection and a statement together. Default: 3 s. More than 0.
        pub timeout: Duration = Duration::from_secs(3),
        /// How many bytes of an answer are kept at most. Default: 1 MiB.
        ///
        /// Beyond, the key is remembered without the answer, and a repeat is answered with -32091.
        pub max_answer_bytes: usize = 1 << 20,
    }
}
