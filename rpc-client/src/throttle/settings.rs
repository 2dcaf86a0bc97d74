//! [`Throttle`]: the settings of the user.

use std::time::Duration;

use rpc_core::__private::settings;

settings! {
    /// A client-side throttle: while servers refuse most calls, the client rejects a share of its calls itself. An
    /// overloaded server then spends less work on refusals, and recovers sooner.
    ///
    /// This is the adaptive throttling of
    /// [Site Reliability Engineering](https://sre.google/sre-book/handling-overload/). The client counts its requests
    /// and the accepted ones. It rejects a call with the probability
    /// `(requests - 2 * accepted) / (requests + 1)`, if that is more than 0. So it rejects nothing while servers accept
    /// at least half of the requests. If they accept fewer, the client sends about twice as many as they accept.
    ///
    /// The counts include the calls of all endpoints and of all clones of the client. Each attempt counts as a request,
    /// and so does each entry of a batch. The result of an attempt counts as follows:
    ///
    /// | Result | Counts as |
    /// |---|---|
    /// | Not sent, HTTP 429, or a refusal because of the server's load (-32092, -32099) | a request |
    /// | A refusal because of the caller, such as -32098 | nothing |
    /// | Stopped by a layer or a limit of the client, or cancelled by the caller | nothing |
    /// | Not sent, and then sent to another endpoint without a retry | nothing |
    /// | Any other result | a request and an accepted one |
    /// | Rejected by the throttle | a request |
    ///
    /// A rejected call fails at once with [`ErrorKind::Throttled`](crate::ErrorKind::Throttled) and
    /// [`Outcome::NotSent`](crate::Outcome::NotSent), and the client does not retry it. A retry that the throttle
    /// rejects does not take place: the call ends with the result of its last attempt. Rejected calls change neither
    /// circuit breakers nor the retry budget.
    ///
    /// The calls of a request are rejected together or not at all. Each of them counts.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, ErrorKind, Outcome, Retry, Throttle};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let client = Client::builder()
    ///     .endpoint("http://127.0.0.1:1")
    ///     .retry(Retry::never())
    ///     .throttle(Throttle::default())
    ///     .build()?;
    /// let mut throttled = 0;
    /// for _ in 0..1000 {
    ///     let error = client.call::<u64>("count", ()).await.unwrap_err();
    ///     assert_eq!(error.outcome(), Outcome::NotSent);
    ///     throttled += u32::from(error.kind() == ErrorKind::Throttled);
    /// }
    /// assert!(throttled > 500);
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Throttle {
        /// How many requests the client makes for each accepted one before it rejects calls. Less than 1 counts as 1.
        /// Default: 2. A lower value spares the server more, and rejects more calls that the server would have
        /// accepted.
        pub requests_per_accept: f64 = 2.0,
        /// How far back the counts go. The window moves on in ten steps, so it covers between 90 % and 100 % of this
        /// time. Less than 10 ms counts as 10 ms. Default: 30 s. A shorter window follows the server faster, and has
        /// fewer requests to judge by.
        pub window: Duration = Duration::from_secs(30),
        /// The number of requests in the window from which on the client rejects calls. Default: 10. So a client that
        /// makes few calls, or has just started, is not throttled because of a few failures.
        pub min_requests: u32 = 10,
        /// The highest probability, from 0 to 1, with which the client rejects a call. Default: 0.9. The rest of the
        /// calls shows when the server accepts calls again. Without this bound, a client with many calls would send
        /// about one call in each window to a server that refuses all of them.
        pub max_rejection: f64 = 0.9,
    }
}
