//! [`Coalesce`], the settings of coalescing.

use rpc_core::__private::settings;

settings! {
    /// Coalescing: the client joins calls that several callers make at the same time into batch requests.
    ///
    /// A call leaves at once, alone, while fewer than [`requests_in_flight`](Self::requests_in_flight) requests for
    /// each endpoint are in flight. Further calls gather. They leave together as one batch request:
    ///
    /// - when one of the requests in flight has ended;
    /// - when [`max_entries`](Self::max_entries) or [`max_bytes`](Self::max_bytes) is reached;
    /// - after the median round trip of the client's requests, at least 1 ms and at most 100 ms.
    ///
    /// Only calls with the same headers and the same hash key share a request. Each call keeps its deadline, its
    /// idempotency key, its retry policy, its result and its cancellation. The server must support batches.
    ///
    /// These go alone, as without coalescing: notifications, batches, calls with [tickets](crate::Call::ticket), calls
    /// with short deadlines, calls of slow methods, and the first call of each method.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Coalesce};
    ///
    /// let coalesce = Coalesce::default().max_entries(64);
    /// assert_eq!(coalesce.requests_in_flight, 2);
    /// let client = Client::builder().endpoint("http://127.0.0.1:8080").coalesce(coalesce).build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Coalesce {
        /// The largest number of calls in one request. [`max_batch_entries`](crate::ClientBuilder::max_batch_entries)
        /// bounds it as well. 0 counts as 1. Default: 128. The cost of a request, divided by this number, is then small
        /// in comparison with the cost of a call.
        pub max_entries: usize = 128,
        /// The largest size of a request with several calls, in bytes. A call that alone reaches it is not gathered.
        /// Default: 256 KiB. A request of this size takes a few milliseconds to send and to read, and larger requests
        /// would save little.
        pub max_bytes: usize = 256 << 10,
        /// The number of requests in flight, for each endpoint, from which on calls gather. 0 counts as 1. Default: 2,
        /// so that the server has work while the client reads the answers to a request.
        pub requests_in_flight: usize = 2,
    }
}
