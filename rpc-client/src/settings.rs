//! [`ClientSettings`]: the settings of a client. The builder's setters are generated from it.

use std::collections::HashMap;
use std::time::Duration;

use rpc_core::__private::settings;

use crate::balance::Balance;
use crate::breaker::CircuitBreaker;
use crate::coalesce::Coalesce;
use crate::health_check::HealthCheck;
use crate::hedge::Hedge;
use crate::reliability::budget::RetryBudget;
use crate::reliability::retry::Retry;
use crate::subset::Subset;
use crate::throttle::Throttle;

settings! {
    /// The settings for the calls of a client.
    ///
    /// [`ClientBuilder`](crate::ClientBuilder) has a setter for each of them, and takes all of them with
    /// [`settings`](crate::ClientBuilder::settings). `ClientSettings::default()` has the defaults. Clones share one
    /// [`RetryBudget`](crate::RetryBudget), and so do the clients that are built with them.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    /// use rpc::{Client, ClientSettings};
    ///
    /// let settings = ClientSettings::default().deadline(Duration::from_secs(5)).max_response_bytes(1 << 20);
    /// let client = Client::builder().settings(settings).endpoint("http://127.0.0.1:8080").build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    #[derive(Clone, Debug)]
    pub struct ClientSettings, set by client_setters! {
        /// How long a call may take in total, with all attempts and the delays between them. A call can set its own
        /// deadline. Default: 30 s.
        ///
        /// # Example
        ///
        /// ```
        /// use std::time::Duration;
        ///
        /// use rpc::{Client, Server};
        ///
        /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let server = Server::builder().method("hang", || std::future::pending::<u64>()).build();
        /// let client = Client::builder().in_process(&server).deadline(Duration::from_secs(5)).build()?;
        /// assert!(client.call::<u64>("hang", ()).await.unwrap_err().is_timeout());
        /// # Ok(())
        /// # }
        /// ```
        pub deadline: Duration = Duration::from_secs(30),
        /// How long each attempt at a call may take. Default: `None`. If another attempt may follow, an attempt then
        /// gets a third of the call's deadline, so that a silent server leaves time for the next one. Otherwise it gets
        /// all of the remaining time.
        pub attempt_timeout: Option<Duration> = None,
        /// The policy for retries of failed calls, where a retry is safe. Default:
        /// [`Retry::exponential`](crate::Retry::exponential), up to three attempts.
        ///
        /// # Example
        ///
        /// ```
        /// use rpc::{Client, Retry};
        ///
        /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let patient = Retry::exponential().max_attempts(5);
        /// // No server listens at port 1.
        /// let client = Client::builder().endpoint("http://127.0.0.1:1").retry(patient).build()?;
        /// assert_eq!(client.call::<u64>("count", ()).await.unwrap_err().attempts().len(), 5);
        /// # Ok(())
        /// # }
        /// ```
        pub retry: Retry = Retry::exponential(),
        /// The retry policies of single methods, by their names on the wire.
        /// [`ClientBuilder::method_retry`](crate::ClientBuilder::method_retry) adds one. Default: none.
        pub method_retries: HashMap<String, Retry> = HashMap::new(); no setter,
        /// The budget that bounds all retries of the client and its clones. Default: a reserve of 100 retries, spent at
        /// up to 10 per second, refilled by 0.2 for each answered call and by one each 10 s. See
        /// [`RetryBudget`](crate::RetryBudget).
        pub retry_budget: RetryBudget = RetryBudget::default(),
        /// The largest size of an answer, in bytes. The answers of a batch count together. Default: 10 MiB.
        pub max_response_bytes: usize = 10 << 20,
        /// The largest number of calls and notifications of a batch in one request. Default: 1,024, the default limit
        /// of this framework's server. 0 counts as 1. A larger batch is split into several requests, up to four at a
        /// time.
        pub max_batch_entries: usize = 1024,
        /// Whether an answer must contain `"jsonrpc":"2.0"`. Default: false. Then an answer with the id of a call can
        /// also omit `jsonrpc`, or set it to `null` or `"1.0"`. Servers with roots in version 1.0 send such answers.
        pub strict_version: bool = false,
        /// Whether calls that must not run twice get idempotency keys, UUIDs as their ids, if the server keeps keys.
        /// Default: true.
        ///
        /// If false, all ids are numbers, the client never sends `HEAD` to ask for the server's store, and requests
        /// have no header `Rpc-Idempotency`. As with a server that keeps no keys, a call with an effect is then not
        /// retried once its outcome is unknown. A call with a key or a ticket fails and is not sent. The client detects
        /// a server that keeps no keys without this setting.
        pub idempotency_keys: bool = true,
        /// How the client chooses between several endpoints. A client with one endpoint does not use it. Default:
        /// [`Balance::peak_ewma`](crate::Balance::peak_ewma).
        pub balance: Balance = Balance::peak_ewma(),
        /// The share of the endpoints that the client uses, if there are many. Default: `None`, all of them. See
        /// [`Subset`](crate::Subset).
        pub subset: Option<Subset> = None,
        /// The circuit breaker of each of several endpoints, or `None` for none. Default: see
        /// [`CircuitBreaker`](crate::CircuitBreaker). A client with one endpoint uses it only if
        /// [`single_endpoint`](crate::CircuitBreaker::single_endpoint) is set.
        pub circuit_breaker: Option<CircuitBreaker> = Some(CircuitBreaker::default()),
        /// The throttle, by which the client rejects a share of its calls while servers refuse most of them. Default:
        /// `None`, since each rejected call might have been accepted. See [`Throttle`](crate::Throttle).
        pub throttle: Option<Throttle> = None,
        /// Whether and when the client sends a `readonly` call a second time, because its answer is late. The first
        /// answer wins. Default: `None`, since second requests are additional load. See [`Hedge`](crate::Hedge).
        pub hedge: Option<Hedge> = None,
        /// How calls of several callers are joined into batch requests, or `None` if each call is a request of its own.
        /// Default: `None`, since not all servers support batches. See [`Coalesce`](crate::Coalesce).
        ///
        /// # Example
        ///
        /// ```
        /// use rpc::{Client, Coalesce, Server};
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let server = Server::builder().method("double", |(n,): (u64,)| async move { 2 * n }).build();
        /// let client = Client::builder().in_process(&server).coalesce(Coalesce::default()).build()?;
        /// let calls = (0..100).map(|n| tokio::spawn(client.call::<u64>("double", [n]).into_future()));
        /// for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        ///     assert_eq!(call.await??, 2 * n as u64);
        /// }
        /// # Ok(())
        /// # }
        /// ```
        pub coalesce: Option<Coalesce> = None,
        /// The active health checks of each endpoint, or `None` for none. Default: `None`, since not each server has
        /// something to ask, and checks cost requests. See [`HealthCheck`](crate::HealthCheck).
        pub health_check: Option<HealthCheck> = None,
    }
}

client_setters!(ClientSettings);

impl ClientSettings {
    /// Sets the retry policy for the calls of one method, by its name on the wire. The name is not checked, see
    /// [`ClientBuilder::method_retry`](crate::ClientBuilder::method_retry).
    #[must_use]
    pub fn method_retry(mut self, method: impl Into<String>, retry: Retry) -> Self {
        self.method_retries.insert(method.into(), retry);
        self
    }
}
