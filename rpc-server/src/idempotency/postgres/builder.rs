use std::time::Duration;

use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, NoTls, Socket};

use super::PostgresStore;
use super::pool::{Connect, Pool};
use super::sql::Sql;
use crate::idempotency::StoreError;

/// Builds a [`PostgresStore`].
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
#[must_use]
pub struct PostgresBuilder {
    tables: String,
    ttl: Duration,
    connections: usize,
    timeout: Duration,
    max_answer_bytes: usize,
}

impl Default for PostgresBuilder {
    fn default() -> Self {
        Self {
            tables: "rpc_idempotency".to_owned(),
            ttl: Duration::from_secs(24 * 60 * 60),
            connections: 4,
            timeout: Duration::from_secs(3),
            max_answer_bytes: 1 << 20,
        }
    }
}

impl PostgresBuilder {
    /// Sets how the names of the tables begin, with a schema in front or without. Default: `rpc_idempotency`. The schema
    /// must be there already.
    ///
    /// Letters, digits and underscores make up a name, of at most 50 characters; it is used as it is written.
    pub fn tables(mut self, prefix: impl Into<String>) -> Self {
        self.tables = prefix.into();
        self
    }

    /// Sets how long a key is remembered. Default: 24 hours. Clients are told of whole seconds.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how many connections are used in turn, each for many calls at a time. Default: 4. At least 1.
    ///
    /// A connection commits one statement after the other, and each call takes two. Where a commit takes a millisecond, each
    /// connection is good for 500 calls a second.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Sets how long to wait for the database, for a connection and a statement together. Default: 3 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many bytes of an answer are kept at most. Default: 1 MiB.
    ///
    /// Beyond, the key is remembered without the answer, and a repeat is answered with -32091.
    pub fn max_answer_bytes(mut self, max_bytes: usize) -> Self {
        self.max_answer_bytes = max_bytes;
        self
    }

    /// Connects without TLS.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the tables created or not.
    pub async fn connect(self, config: &str) -> Result<PostgresStore, StoreError> {
        let config = config.parse().map_err(StoreError::failed)?;
        self.connect_with(config, NoTls).await
    }

    /// Connects with TLS, as a crate such as `tokio-postgres-rustls` makes it.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the tables created or not.
    pub async fn connect_with<T>(self, config: Config, tls: T) -> Result<PostgresStore, StoreError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let sql = Sql::new(&self.tables, self.timeout).ok_or_else(|| {
            StoreError::failed(format!(
                "{:?} is no name for tables: letters, digits and underscores make one",
                self.tables
            ))
        })?;
        let connect = connector(self.configure(config), tls);
        let pool = Pool::new(connect, sql, self.connections, self.timeout);
        PostgresStore::open(pool, self.ttl, self.max_answer_bytes).await
    }

    /// Fills in what the user has not decided.
    fn configure(&self, mut config: Config) -> Config {
        if config.get_application_name().is_none() {
            config.application_name("rpc-idempotency");
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(self.timeout);
        }
        config
    }
}

/// Hides the type of the TLS.
fn connector<T>(config: Config, tls: T) -> Connect
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    Box::new(move || {
        let (config, tls) = (config.clone(), tls.clone());
        Box::pin(async move {
            let (client, connection) = config.connect(tls).await?;
            tokio::spawn(async move {
                // It ends when the client is dropped. What goes wrong with it is told to those who wait for an answer.
                let _ = connection.await;
            });
            Ok(client)
        })
    })
}
