//! [`ClientSettings`]: the settings of a client, from which the builder's setters are made.

use std::collections::HashMap;
use std::time::Duration;

use rpc_core::__private::settings;

use crate::reliability::budget::RetryBudget;
use crate::reliability::retry::Retry;

settings! {
    /// What applies to the calls of a client.
    ///
    /// [`ClientBuilder`](crate::ClientBuilder) has setters for these, and takes them as a whole by
    /// [`settings`](crate::ClientBuilder::settings). `ClientSettings::default()` makes one. Clones share one
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
        /// How long a call may take in all, where it does not say so itself: all attempts and the pauses between them.
        /// Default: 30 s.
        pub deadline: Duration = Duration::from_secs(30),
        /// How long each attempt at a call may take. Default: none. Then it is a third of the call's deadline where
        /// another attempt may follow, so that a server that does not answer leaves time for that, and else all that is
        /// left.
        pub attempt_timeout: Option<Duration> = None,
        /// How often calls are retried that have failed, where that is safe. Default:
        /// [`Retry::exponential`](crate::Retry::exponential), three attempts in all.
        pub retry: Retry = Retry::exponential(),
        /// How often the calls of single methods are retried, by their names on the wire.
        /// [`ClientBuilder::method_retry`](crate::ClientBuilder::method_retry) adds one. Default: none has a policy of
        /// its own.
        pub method_retries: HashMap<String, Retry> = HashMap::new(); no setter,
        /// The budget that bounds all retries of the client and its clones. Default: a reserve of 100 retries, spent at
        /// 10 a second, refilled by 0.2 for each answered call and by one each 10 s. See
        /// [`RetryBudget`](crate::RetryBudget).
        pub retry_budget: RetryBudget = RetryBudget::default(),
        /// How many bytes an answer may have; a batch's answers count together. Default: 10 MiB.
        pub max_response_bytes: usize = 10 << 20,
        /// How many calls and notifications a batch may have in one request. Default: 1,024, which is what our server
        /// takes if not told otherwise. 0 counts as 1. A larger batch goes in several requests, up to four at a time.
        pub max_batch_entries: usize = 1024,
        /// Whether an answer must say `"jsonrpc":"2.0"`. Default: false. Then an answer that has the id of a call may
        /// also have no `jsonrpc`, or `null` or `"1.0"` as its value, as servers that grew up with version 1.0 send it.
        pub strict_version: bool = false,
        /// Whether calls that must not run twice have idempotency keys, UUIDs as their ids, where the server keeps
        /// them. Default: true.
        ///
        /// If false, all ids are numbers, the client never asks the server for its store by `HEAD`, and requests have
        /// no header `Rpc-Idempotency`. What is given up: a call with an effect does not go again once its outcome is
        /// unknown, as with a server that keeps no keys. A call with a key or a ticket fails and is not sent. A server
        /// that keeps no keys is noticed without this setting.
        pub idempotency_keys: bool = true,
    }
}

client_setters!(ClientSettings);

impl ClientSettings {
    /// Sets how often the calls of one method are retried, by its name on the wire. The name is not checked, see
    /// [`ClientBuilder::method_retry`](crate::ClientBuilder::method_retry).
    #[must_use]
    pub fn method_retry(mut self, method: impl Into<String>, retry: Retry) -> Self {
        self.method_retries.insert(method.into(), retry);
        self
    }
}
