use std::collections::HashMap;
use std::time::Duration;

use crate::reliability::budget::RetryBudget;
use crate::reliability::retry::Retry;

/// What applies to the calls of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientSettings {
    /// How long a call may take in all, where it does not say so itself: all attempts and the pauses between them.
    /// Default: 30 s.
    pub deadline: Duration,
    /// How long each attempt at a call may take. Default: none, which is a third of the call's deadline where another
    /// attempt may follow, so that a server that does not answer leaves time for it, and all that is left where none may.
    pub attempt_timeout: Option<Duration>,
    /// How often calls are retried that have failed, where that is safe. Default: [`Retry::exponential`], three attempts
    /// in all.
    pub retry: Retry,
    /// How often the calls of single methods are retried, by their names on the wire. Default: none.
    pub method_retries: HashMap<String, Retry>,
    /// The budget that bounds all retries of the client and its clones. Default: a reserve of 100 retries, spent at 10 a
    /// second, refilled by 0.2 for each answered call and by one each 10 s. See [`RetryBudget`].
    pub retry_budget: RetryBudget,
    /// How many bytes an answer may have; a batch's answers count together. Default: 10 MiB.
    pub max_response_bytes: usize,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            attempt_timeout: None,
            retry: Retry::default(),
            method_retries: HashMap::new(),
            retry_budget: RetryBudget::default(),
            max_response_bytes: 10 << 20,
        }
    }
}
