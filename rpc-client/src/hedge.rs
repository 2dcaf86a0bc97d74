//! [`Hedge`], the settings of hedging, and [`Hedging`], what a client needs to decide when to hedge. `delivery/hedging`
//! sends the second request.

mod histogram;
mod response_times;

use std::time::Duration;

use rpc_core::__private::settings;

use self::response_times::ResponseTimes;

settings! {
    /// Hedging: if an answer is late, the client sends the request a second time and takes the answer that comes first.
    ///
    /// The client hedges only `readonly` calls, and batches with nothing else. It never sends a call with an effect, a
    /// call with an idempotency key or a ticket, or a notification twice at the same time.
    ///
    /// - The second request follows once the first one has taken longer than the [`percentile`](Self::percentile) of
    ///   the latest response times of its method. So with 0.95, about 5 % of the calls have a second request.
    /// - It goes to another usable endpoint of the same tier, or of a tier with a lower number. See
    ///   [`same_endpoint`](Self::same_endpoint) for clients of one address.
    /// - The first usable answer ends the call: a result, or an error that the client would not retry. The client
    ///   cancels the other request, which then counts neither for its circuit nor for the balancer.
    /// - If one of the requests fails, the client waits for the other one. Only if both fail, the attempt fails.
    /// - A second request takes one retry from the [`RetryBudget`](crate::RetryBudget) for each of its calls. If the
    ///   budget has no retry at once, there is no second request.
    /// - There is none either if the attempt has less time left than it has already taken. The limits of time hold for
    ///   both requests together, from the first one on.
    ///
    /// The client keeps the response times of up to 1,024 methods, and does not hedge the calls of others. Batches that
    /// begin with the same method count as one method.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Hedge};
    ///
    /// let client = Client::builder()
    ///     .endpoints(["http://10.0.0.1:8080", "http://10.0.0.2:8080"])
    ///     .hedge(Hedge::percentile(0.99))
    ///     .build()?;
    /// assert_eq!(Hedge::default(), Hedge::percentile(0.95));
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Hedge {
        /// The percentile of the response times of a method after which the client sends a call a second time, from 0
        /// to 1. Values outside count as the nearest of them, and NaN counts as 1. Default: 0.95.
        ///
        /// The share of calls with a second request is at most about one minus the percentile. The client computes the
        /// percentile over about the last 1,000 calls, up to the next 9 %.
        pub percentile: f64 = 0.95; no setter,
        /// The number of response times of a method that the client needs before it hedges calls of the method. 0
        /// counts as 1. Default: 20, since the 95th percentile of fewer is their maximum.
        pub min_samples: u32 = 20,
        /// The shortest time after which the client sends a second request. Default: 1 ms. Below it, a second request
        /// costs more than it gains.
        pub min_delay: Duration = Duration::from_millis(1),
        /// Whether the second request may go to the same endpoint, if no other is usable. Default: false. Set it where
        /// one address stands for many servers, as behind a load balancer.
        ///
        /// Over HTTP/1.1 the second request uses another connection. Over HTTP/2 it can share the connection. Then it
        /// reaches another server only if the load balancer chooses a server for each request.
        pub same_endpoint: bool = false,
    }
}

impl Hedge {
    /// Makes the settings with this [`percentile`](Self::percentile) and the other defaults.
    pub fn percentile(percentile: f64) -> Self {
        Self { percentile, ..Self::default() }
    }
}

/// What a client needs to decide when to hedge. All clones of a client share it.
#[derive(Debug)]
pub(crate) struct Hedging {
    settings: Hedge,
    times: ResponseTimes,
}

impl Hedging {
    pub(crate) fn new(settings: Hedge) -> Self {
        Self { settings, times: ResponseTimes::default() }
    }

    /// Returns whether the second request may go to the endpoint of the first.
    pub(crate) fn may_use_same_endpoint(&self) -> bool {
        self.settings.same_endpoint
    }

    /// Returns how long a first request takes before the client sends the second one, or `None` if the method has too
    /// few samples.
    pub(crate) fn delay(&self, method: &str, is_batch: bool) -> Option<Duration> {
        let Hedge { percentile, min_samples, min_delay, .. } = self.settings;
        let delay = self.times.percentile(method, is_batch, percentile, min_samples)?;
        Some(delay.max(min_delay))
    }

    /// Adds how long the caller of a method has waited for an attempt that was answered, from its first request on.
    ///
    /// If the second request won, the first one would have taken longer than this. The sample still ranks above the
    /// percentile at which the second request was sent, as the unknown time would. So hedging does not lower the
    /// percentile that it depends on.
    pub(crate) fn add(&self, method: &str, is_batch: bool, took: Duration) {
        self.times.add(method, is_batch, took);
    }
}
