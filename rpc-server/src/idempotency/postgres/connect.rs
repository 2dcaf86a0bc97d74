//! Opens a [`PostgresStore`]: validates its settings and connects, with or without TLS. This file erases the type of
//! the TLS connector, so the rest of the store is not generic.

use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, NoTls, Socket};

use super::pool::{Connect, Pool};
use super::sql::SqlStatements;
use super::{PostgresBuilder, PostgresStore};
use crate::idempotency::StoreError;

/// The most connections that PostgreSQL can be configured to take.
const MAX_CONNECTIONS: usize = 262_143;

impl PostgresStore {
    /// Connects with the default settings and without TLS.
    ///
    /// `config` has the format of [`tokio_postgres::Config`]: a URL, or key-value pairs such as
    /// `host=localhost user=app dbname=app`.
    ///
    /// # Errors
    ///
    /// If the configuration or a setting is wrong, the database cannot be reached, or the tables cannot be used.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the tables created or not.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::Server;
    /// use rpc::idempotency::PostgresStore;
    ///
    /// let store = PostgresStore::connect("postgres://app@db.internal/app").await?;
    /// let server = Server::builder().method("pay", || async { 7 }).idempotency_store(store).build();
    /// server.serve("0.0.0.0:8080").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(config: &str) -> Result<Self, StoreError> {
        Self::builder().connect(config).await
    }
}

impl PostgresBuilder {
    /// Connects without TLS.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the tables created or not.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use rpc::idempotency::PostgresStore;
    ///
    /// let settings = PostgresStore::builder().ttl(Duration::from_secs(3600)).connections(8);
    /// let store = settings.connect("host=db.internal user=app dbname=app").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(self, config: &str) -> Result<PostgresStore, StoreError> {
        let config = config.parse().map_err(StoreError::failed)?;
        self.connect_with(config, NoTls).await
    }

    /// Connects with TLS, by a connector from a crate such as `tokio-postgres-rustls`.
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
        if self.connections > MAX_CONNECTIONS {
            let reason = format!("{} connections are more than the {MAX_CONNECTIONS} of a server", self.connections);
            return Err(StoreError::failed(reason));
        }
        if self.timeout.is_zero() {
            return Err(StoreError::failed("a timeout of 0 leaves the database no time"));
        }
        let sql = SqlStatements::new(&self.tables, self.timeout).ok_or_else(|| {
            StoreError::failed(format!(
                "{:?} is no name for tables: letters, digits and underscores make one",
                self.tables
            ))
        })?;
        let connect = connector(self.configure(config), tls);
        let pool = Pool::new(connect, sql, self.connections, self.timeout);
        PostgresStore::open(pool, self).await
    }

    /// Sets what the user has not set.
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

/// Erases the type of the TLS connector.
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
                // The connection ends when the client is dropped. Calls that wait for an answer get its errors.
                let _ = connection.await;
            });
            Ok(client)
        })
    })
}
