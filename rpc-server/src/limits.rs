//! [`Limits`], all limits of a server with their defaults, and the values derived from them. `dispatch`, `http` and
//! `serve` enforce them.

use std::time::Duration;

use rpc_core::__private::settings;
use rpc_core::codec::ParseLimits;

settings! {
    /// Bounds what one server takes on. Every limit has a safe default and an error of its own.
    ///
    /// `Limits::default()` makes one, and each limit has a setter of its name. The largest value of its type sets no
    /// limit. A limit of 0 allows nothing, and refuses what is more with its error. Where clients would get no error,
    /// [`build`](crate::ServerBuilder::build) panics: `max_concurrent_streams`, `header_timeout`,
    /// `write_progress_timeout` and `idle_timeout` are more than 0.
    ///
    /// # Example
    ///
    /// ```
    /// let limits = rpc::Limits::default().max_request_bytes(16 << 20).max_batch_entries(100);
    /// let server = rpc::Server::builder().limits(limits).build();
    /// ```
    #[derive(Clone, Debug)]
    pub struct Limits {
        /// How many bytes a request's body may have, over HTTP. Default: 2 MiB, and no more than
        /// [`max_buffered_bytes`](Self::max_buffered_bytes). Beyond: HTTP 413, code -32090.
        pub max_request_bytes: usize = 2 << 20,
        /// How many bytes an answer may have; a batch's answers count together. Default: 10 MiB. Beyond: code -32091 in
        /// the place of the answer that did not fit.
        pub max_response_bytes: usize = 10 << 20,
        /// How many entries a batch may have. Default: 1,024. Beyond: code -32090 for the whole batch, and nothing
        /// runs.
        pub max_batch_entries: usize = 1024,
        /// How many bytes the id of a call may have as it is written, quotes not counted. Default: 1 KiB. Beyond: code
        /// -32600 with id null for this message, and it does not run.
        pub max_id_bytes: usize = 1 << 10,
        /// How many bytes the name of a method may have as it is written in a request, quotes not counted. Default:
        /// 256. Beyond: code -32600 for this message, and it does not run.
        pub max_method_bytes: usize = 256,
        /// How many calls of one batch run at a time, at least one. Default: 64, and no more than one connection may
        /// have in flight.
        /// Others wait for their turn, for up to [`batch_wait_timeout`](Self::batch_wait_timeout).
        pub max_batch_concurrency: usize = 64,
        /// How many calls run at a time, on all connections. Default: 4,096. Beyond: HTTP 503 with `Retry-After`, code
        /// -32092, and nothing runs.
        pub max_calls_in_flight: usize = 4096,
        /// How many bytes of requests and answers are held at a time, on all connections. Default: 256 MiB. Beyond:
        /// HTTP 503 with `Retry-After`, code -32092, and nothing runs; an answer of more than 16 KiB that does not fit
        /// is withheld, with code -32091 in its place. Buffers come on top, of about 90 KiB for each connection on
        /// which a body arrives.
        pub max_buffered_bytes: usize = 256 << 20,
        /// How many bytes of requests and answers one connection of a standalone server may hold at a time, of those
        /// that [`max_buffered_bytes`](Self::max_buffered_bytes) counts. Default: 64 MiB; at most half of all, and at
        /// least one request and one answer of the largest size. Beyond: HTTP 503 with `Retry-After`, code -32092, and
        /// nothing runs; an answer of more than 16 KiB is withheld, with code -32091 in its place.
        pub max_connection_bytes: usize = 64 << 20,
        /// How many calls one connection of a standalone server may have in flight, those included that go on without
        /// their caller. Default: 1,024; at most half of [`max_calls_in_flight`](Self::max_calls_in_flight), and at
        /// least one. Beyond: HTTP 503 with `Retry-After`, code -32092, and nothing runs.
        pub max_connection_calls: usize = 1024,
        /// How long a handler may take, also one that goes on without its caller. Default: 30 s. Beyond: it is dropped,
        /// code -32093. A method that is not `async`, or that blocks its thread, cannot be dropped and takes the time
        /// that it takes.
        pub handler_timeout: Duration = Duration::from_secs(30),
        /// How long an entry of a batch waits for its turn while [others](Self::max_batch_concurrency) run. Default:
        /// 30 s. Beyond: code -32092 for this entry, and it does not run. A batch ends within this time and
        /// [`handler_timeout`](Self::handler_timeout); raise both where calls are slow.
        pub batch_wait_timeout: Duration = Duration::from_secs(30),
        /// How long a repeated call waits for the first one under its idempotency key. Default: 5 s, and no longer than
        /// an eighth of what its caller has left. Beyond: code -32096, and the call may be made again.
        pub key_wait_timeout: Duration = Duration::from_secs(5),
        /// How long a request's body may take to arrive in all. Default: 30 s. Beyond: HTTP 408, code -32094.
        pub body_timeout: Duration = Duration::from_secs(30),
        /// How long a request's body may make no progress. Default: 10 s. Beyond: HTTP 408, code -32094.
        pub body_progress_timeout: Duration = Duration::from_secs(10),
        /// How many bytes the head of a request may have, on a standalone server. Default: 16 KiB. Beyond: HTTP 431,
        /// code -32090, and the connection is closed; over HTTP/2, which counts 32 bytes more for each header, 431
        /// without a body.
        pub max_header_bytes: usize = 16 << 10,
        /// How many headers a request may have. Default: 100, and 24,000 at most. Beyond: HTTP 431, code -32090, and
        /// over HTTP/1.1 the connection is closed. A limit other than 100 costs each request an allocation.
        pub max_headers: usize = 100,
        /// How many connections a standalone server holds at each of its addresses, at least one. Default: 10,000.
        /// Beyond: connections on which no request runs are closed to make room. First go those of the address that
        /// holds most, if they have not sent the head of a request in a second; then the one that has been idle for the
        /// longest time, and for a second at least. A peer whose address holds fewer gets in at once, at the expense of
        /// the address that holds most. Where there is nothing to close, new ones wait, those of the address that holds
        /// most behind all others. An IPv6 network (/64) counts as one address.
        pub max_connections: usize = 10_000,
        /// How many requests a connection of a standalone server may have under way over HTTP/2. Default: 200. Beyond:
        /// they are refused by the protocol itself (`REFUSED_STREAM`), and clients wait instead.
        pub max_concurrent_streams: u32 = 200,
        /// How old a connection of a standalone server may become; each differs by up to a tenth. Default: 10 minutes.
        /// Beyond: the next answer is its last one (`Connection: close`), or over HTTP/2 it takes no new requests
        /// (`GOAWAY`) and closes after the last answer. [`Duration::MAX`] lets connections live.
        pub max_connection_age: Duration = Duration::from_secs(600),
        /// How long the head of a request may take to arrive, on a standalone server over HTTP/1.1. Default: 10 s.
        /// Beyond: HTTP 408, code -32094, and the connection is closed. A handshake of TLS has as much time for itself.
        pub header_timeout: Duration = Duration::from_secs(10),
        /// How long an answer of a standalone server may wait for its peer to read on. Default: 30 s. Beyond: the
        /// connection is closed. Over HTTP/2 that holds for each answer, which has to be read on by 16 KiB in this
        /// time; it is noticed up to a quarter later.
        pub write_progress_timeout: Duration = Duration::from_secs(30),
        /// How many bytes a second a peer of a standalone server reads at least, of all of its answers together.
        /// Default: 8,192. Beyond: the connection is closed. An answer of more than 16 KiB has
        /// [`write_progress_timeout`](Self::write_progress_timeout) and the time that all unread answers of its
        /// connection take at this rate: 10 MiB have 22 minutes. Zero sets no rate.
        pub min_response_rate: usize = 8 << 10,
        /// How long a connection of a standalone server may be without a request. Default: 75 s. Beyond: it is closed.
        /// Over HTTP/2, frames such as PING are no requests.
        pub idle_timeout: Duration = Duration::from_secs(75),
        /// How long [`Server::serve`](crate::Server::serve) goes on serving after SIGTERM, while its health says that
        /// it is not ready. Default: 5 s. Zero begins to drain at once.
        pub shutdown_delay: Duration = Duration::from_secs(5),
        /// How long a standalone server that shuts down waits for what still runs, handlers that go on without their
        /// caller included. Default: 30 s. Beyond: connections are cut.
        pub drain_timeout: Duration = Duration::from_secs(30),
    }
}

/// How many headers a request can have at most: what holds them panics beyond 24,576.
const MAX_HEADERS: usize = 24_000;

impl Limits {
    /// Returns the limits as a server applies them.
    ///
    /// # Panics
    ///
    /// If clients could not be told why a limit of 0 refuses them.
    #[track_caller]
    pub(crate) fn applied(mut self) -> Self {
        let refused = [
            ("max_concurrent_streams", self.max_concurrent_streams == 0, "an HTTP/2 client would wait for ever"),
            ("header_timeout", self.header_timeout.is_zero(), "no head of a request has time to arrive"),
            ("write_progress_timeout", self.write_progress_timeout.is_zero(), "no answer has time to be read"),
            ("idle_timeout", self.idle_timeout.is_zero(), "connections would be closed before their first request"),
        ];
        for (limit, is_zero, why) in refused {
            assert!(!is_zero, "`Limits::{limit}` is 0: {why}. The largest value of its type sets no limit");
        }
        self.max_headers = self.max_headers.min(MAX_HEADERS);
        // A larger body would never have room, however often its client sent it.
        self.max_request_bytes = self.max_request_bytes.min(self.max_buffered_bytes);
        self
    }

    /// Returns the names of those limits that differ from their defaults and speak of calls, of which HTTP knows
    /// nothing.
    pub(crate) fn changed_for_calls(&self) -> String {
        let default = Self::default();
        let changed = [
            ("max_batch_entries", self.max_batch_entries != default.max_batch_entries),
            ("max_id_bytes", self.max_id_bytes != default.max_id_bytes),
            ("max_method_bytes", self.max_method_bytes != default.max_method_bytes),
            ("max_batch_concurrency", self.max_batch_concurrency != default.max_batch_concurrency),
            ("max_calls_in_flight", self.max_calls_in_flight != default.max_calls_in_flight),
            ("max_connection_calls", self.max_connection_calls != default.max_connection_calls),
            ("handler_timeout", self.handler_timeout != default.handler_timeout),
            ("batch_wait_timeout", self.batch_wait_timeout != default.batch_wait_timeout),
            ("key_wait_timeout", self.key_wait_timeout != default.key_wait_timeout),
        ];
        changed.iter().filter(|(_, changed)| *changed).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Returns how many bytes one connection may hold, however the limits were set.
    pub(crate) fn connection_bytes(&self) -> usize {
        let largest = self.max_request_bytes.saturating_add(self.max_response_bytes);
        self.max_connection_bytes.min(self.max_buffered_bytes / 2).max(largest).min(self.max_buffered_bytes)
    }

    /// Returns how many calls one connection may have in flight, however the limits were set.
    pub(crate) fn connection_calls(&self) -> usize {
        self.max_connection_calls.min(self.max_calls_in_flight.div_ceil(2)).max(1)
    }

    /// Returns those that apply to the bytes of a request.
    pub(crate) fn of_parsing(&self) -> ParseLimits {
        ParseLimits::default()
            .max_entries(self.max_batch_entries)
            .max_id_bytes(self.max_id_bytes)
            .max_method_bytes(self.max_method_bytes)
    }
}
