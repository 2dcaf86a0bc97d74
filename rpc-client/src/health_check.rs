//! [`HealthCheck`], the settings of the user. `plan` has them in the form that checks need, and decides when checks
//! run. `counter` is the state machine that makes an endpoint healthy or unhealthy. `result` is what an answer says.
//! Nothing here sends: `endpoints` runs the checks.

mod counter;
mod plan;
mod result;

use std::time::Duration;

use rpc_core::__private::settings;

pub(crate) use counter::{Health, HealthCounter};
pub(crate) use plan::CheckPlan;
pub(crate) use result::{CheckResult, HEALTH_CALL};

settings! {
    /// Active health checks: the client asks each endpoint at an interval whether it is ready for calls, and avoids
    /// endpoints that are not.
    ///
    /// [Circuit breakers](crate::CircuitBreaker) learn from calls that fail. Health checks are an addition to them:
    ///
    /// - A server that drains, or that declares itself not ready, gets no more calls before it refuses any.
    /// - An endpoint that gets no calls, such as one of a lower tier, is known to be down before it is needed.
    /// - An endpoint that has recovered is used again without a call that risks a failure.
    ///
    /// A check is one of two requests:
    ///
    /// - [`HealthCheck::rpc`], the default, calls the method `rpc.health`. The check passes if the server answers with
    ///   a result, unless the `status` of the result is `unready` or `draining`. It also passes if the server has no
    ///   such method (-32601), since the server answers. Any other answer fails.
    /// - [`HealthCheck::path`] sends `GET` to a path. The check passes if the status of the answer is 2xx.
    ///
    /// A check without an answer fails. A check that the client could not send because of its own limits, layers or
    /// provider of credentials does not count.
    ///
    /// A new endpoint is healthy until its checks fail. Otherwise a new client could use no endpoint until the first
    /// checks have passed. Three failures in a row make an endpoint unhealthy, and two successes make it healthy again.
    /// Attempts avoid an unhealthy endpoint like one with an open circuit. At least half of all endpoints stay in use,
    /// over both causes together.
    ///
    /// If an endpoint's circuit is not closed, and [a test](crate::CircuitState::HalfOpen) is due, the next check is
    /// that test. So the circuit closes without calls of users. While an endpoint is unhealthy, only checks test it.
    ///
    /// Checks have the headers of the client and of the endpoint, and its credentials. They neither count as attempts
    /// nor change response times, success rates or the retry budget. Checks by `rpc.health` pass through the attempt
    /// layers, which may sign requests. Checks by path do not, since layers expect calls.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, HealthCheck};
    ///
    /// let check = HealthCheck::path("/health/ready").interval(Duration::from_secs(5));
    /// let client = Client::builder()
    ///     .endpoints(["http://10.0.0.1:8080", "http://10.0.0.2:8080"])
    ///     .health_check(check)
    ///     .build()?;
    /// assert!(client.endpoints().iter().all(|endpoint| endpoint.is_healthy()));
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[must_use = "a health check does nothing until a client is built with it"]
    pub struct HealthCheck {
        /// The path of the page to get, or `None` to call the method `rpc.health`. Default: `None`.
        pub path: Option<String> = None; no setter,
        /// The time from one check of an endpoint to the next one. Less than 1 ms counts as 1 ms. Default: 10 s, which
        /// costs a server little, even with thousands of clients. Calls that fail open circuits sooner.
        ///
        /// Each time varies by up to 10 % at random, and the first check of an endpoint follows within one interval. So
        /// many clients that start at once do not check a server at once.
        pub interval: Duration = Duration::from_secs(10),
        /// How long a check may take, with its connection. Less than 1 ms counts as 1 ms. Default: 2 s, twice what this
        /// framework's server gives its own checks.
        pub timeout: Duration = Duration::from_secs(2),
        /// The number of failures in a row that makes an endpoint unhealthy. 0 counts as 1. Default: 3, so that one
        /// lost packet or one pause of the server does not.
        pub unhealthy_after: u32 = 3,
        /// The number of successes in a row that makes an unhealthy endpoint healthy. 0 counts as 1. Default: 2, so
        /// that a server that fails every other check stays unhealthy.
        pub healthy_after: u32 = 2,
    }
}

impl HealthCheck {
    /// Makes checks that call the method `rpc.health`, with the defaults.
    ///
    /// [`health`](https://docs.rs/rpc/latest/rpc/struct.ServerBuilder.html#method.health) adds this method to a server.
    /// A server without it is healthy as long as it answers.
    pub fn rpc() -> Self {
        Self::default()
    }

    /// Makes checks that send `GET` to this path at the host and port of each endpoint, with the defaults. The path can
    /// have a query.
    ///
    /// The path replaces the path of the endpoint's URL. Only endpoints with a URL have paths:
    /// [`build`](crate::ClientBuilder::build) rejects an endpoint without an `http` or `https` address.
    pub fn path(path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }
}
