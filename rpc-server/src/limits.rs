//! [`Limits`], all limits of a server with their defaults, and the values derived from them. `dispatch`, `http` and
//! `serve` enforce them.

use std::time::Duration;

use rpc_core::__private::settings;
use rpc_core::codec::ParseLimits;

settings! {
    /// The limits of a server. Each limit has a safe default and an error of its own.
    ///
    /// `Limits::default()` returns the defaults, and each limit has a setter of its name. The largest value of a
    /// limit's type, such as `usize::MAX`, sets no limit. A limit of 0 rejects everything larger than 0. "Beyond" says
    /// what happens when a limit is exceeded. `max_concurrent_streams`, `header_timeout`, `write_progress_timeout`,
    /// `stream_heartbeat` and `idle_timeout` must be more than 0, since clients would get no error otherwise. If one is
    /// 0, [`build`](crate::ServerBuilder::build) panics.
    ///
    /// # Example
    ///
    /// ```
    /// let limits = rpc::Limits::default().max_request_bytes(16 << 20).max_batch_entries(100);
    /// let server = rpc::Server::builder().limits(limits).build();
    /// ```
    #[derive(Clone, Debug)]
    pub struct Limits {
        /// The maximum size of a request's body over HTTP, in bytes. Default: 2 MiB, and at most
        /// [`max_buffered_bytes`](Self::max_buffered_bytes). Beyond: HTTP 413, code -32090.
        pub max_request_bytes: usize = 2 << 20,
        /// The maximum size of an answer, in bytes. The answers of a batch count together. Default: 10 MiB. Beyond:
        /// code -32091 instead of the answer that does not fit.
        pub max_response_bytes: usize = 10 << 20,
        /// The maximum number of entries in a batch. Default: 1,024. Beyond: code -32090 for the whole batch, and
        /// nothing runs.
        pub max_batch_entries: usize = 1024,
        /// The maximum size of a call's id as written, without quotes, in bytes. Default: 1 KiB. Beyond: code -32600
        /// with id null for this message, which does not run.
        pub max_id_bytes: usize = 1 << 10,
        /// The maximum size of a method's name as written in a request, without quotes, in bytes. Default: 256. Beyond:
        /// code -32600 for this message, which does not run.
        pub max_method_bytes: usize = 256,
        /// The maximum number of calls of one batch that run at a time, at least 1. Default: 64, and at most the number
        /// of calls that one connection may have in flight. The others wait for their turn, for up to
        /// [`batch_wait_timeout`](Self::batch_wait_timeout).
        pub max_batch_concurrency: usize = 64,
        /// The maximum number of calls that run at a time, on all connections. Default: 4,096. Beyond: HTTP 503 with
        /// `Retry-After`, code -32092, and nothing runs.
        pub max_calls_in_flight: usize = 4096,
        /// The maximum size of the requests and answers held at a time, on all connections, in bytes. Default: 256 MiB.
        /// Beyond: HTTP 503 with `Retry-After`, code -32092, and nothing runs. An answer of more than 16 KiB that does
        /// not fit is replaced with code -32091. Buffers need additional memory: about 90 KiB for each connection on
        /// which a body arrives.
        pub max_buffered_bytes: usize = 256 << 20,
        /// The maximum size of the requests and answers that one connection of a standalone server may hold at a time,
        /// in bytes. They also count in [`max_buffered_bytes`](Self::max_buffered_bytes). Default: 64 MiB; at most half
        /// of all, and at least one request and one answer of the largest size. Beyond: HTTP 503 with `Retry-After`,
        /// code -32092, and nothing runs. An answer of more than 16 KiB is replaced with code -32091.
        pub max_connection_bytes: usize = 64 << 20,
        /// The maximum number of calls in flight on one connection of a standalone server, including calls that
        /// continue without their caller. Default: 1,024; at most half of
        /// [`max_calls_in_flight`](Self::max_calls_in_flight), and at least 1. Beyond: HTTP 503 with `Retry-After`,
        /// code -32092, and nothing runs.
        pub max_connection_calls: usize = 1024,
        /// The maximum number of open streams, on all connections. A call that has opened a stream is no longer in
        /// flight. Default: 16,384. Beyond: HTTP 503 with `Retry-After`, code -32092, and the stream does not open.
        pub max_streams: usize = 16_384,
        /// The maximum number of open streams on one connection of a standalone server. Default: 1,024; at most half of
        /// [`max_streams`](Self::max_streams), and at least 1. Beyond: HTTP 503 with `Retry-After`, code -32092, and
        /// the stream does not open.
        pub max_connection_streams: usize = 1024,
        /// How often the server sends a comment on a stream over HTTP that has no items, so that proxies keep the
        /// connection open and clients notice when it is dead. Default: 15 s. The largest value sends none.
        pub stream_heartbeat: Duration = Duration::from_secs(15),
        /// How long a handler may take, also after its caller has left. Default: 30 s. Beyond: it is dropped, code
        /// -32093. A method that is not `async`, or that blocks its thread, cannot be dropped and takes as long as it
        /// needs.
        pub handler_timeout: Duration = Duration::from_secs(30),
        /// How long an entry of a batch waits for its turn while [others](Self::max_batch_concurrency) run. Default: 30
        /// s. Beyond: code -32092 for this entry, which does not run. A batch ends within this time plus
        /// [`handler_timeout`](Self::handler_timeout). Raise both if calls are slow.
        pub batch_wait_timeout: Duration = Duration::from_secs(30),
        /// How long a repeat waits for the first call under its idempotency key. Default: 5 s, and at most an eighth of
        /// its caller's remaining time. Beyond: code -32096, and the client may retry.
        pub key_wait_timeout: Duration = Duration::from_secs(5),
        /// How long the whole body of a request, or a message of a WebSocket, may take to arrive. Default: 30 s.
        /// Beyond: HTTP 408, code -32094; a WebSocket is closed with code 1008.
        pub body_timeout: Duration = Duration::from_secs(30),
        /// How long the body of a request may make no progress. Default: 10 s. Beyond: HTTP 408, code -32094.
        pub body_progress_timeout: Duration = Duration::from_secs(10),
        /// The maximum size of the head of a request on a standalone server, in bytes. Default: 16 KiB. Beyond: HTTP
        /// 431, code -32090, and the connection is closed. HTTP/2 counts 32 more bytes for each header, and beyond the
        /// limit gives 431 without a body.
        pub max_header_bytes: usize = 16 << 10,
        /// The maximum number of headers of a request. Default: 100, and at most 24,000. Beyond: HTTP 431, code -32090,
        /// and over HTTP/1.1 the connection is closed. A limit other than 100 costs an allocation per request.
        pub max_headers: usize = 100,
        /// The maximum number of connections of a standalone server at each of its addresses, at least 1. Default:
        /// 10,000. Beyond: connections without a running request are closed to make room. The server looks first at the
        /// peer address with the most connections. It closes those on which no head of a request has arrived within 1
        /// s. Then it closes the connection that has been idle for the longest time, if that is at least 1 s. To admit
        /// a peer address with fewer connections, it also closes connections without a running request of the address
        /// with the most. If no connection can be closed, new ones wait, and those of the peer address with the most
        /// wait behind all others. An IPv6 network (/64) counts as one address.
        pub max_connections: usize = 10_000,
        /// The maximum number of concurrent requests on an HTTP/2 connection of a standalone server. Default: 200.
        /// Beyond: the protocol itself refuses them (`REFUSED_STREAM`), and clients wait instead.
        pub max_concurrent_streams: u32 = 200,
        /// The maximum age of a connection of a standalone server; it differs between connections by up to a tenth.
        /// Default: 10 minutes. Beyond: the next answer is the last one (`Connection: close`). Over HTTP/2, the
        /// connection takes no new requests (`GOAWAY`) and closes after the last answer. [`Duration::MAX`] sets no
        /// maximum.
        pub max_connection_age: Duration = Duration::from_secs(600),
        /// How long the head of a request may take to arrive, on a standalone server over HTTP/1.1. Default: 10 s.
        /// Beyond: HTTP 408, code -32094, and the connection is closed. A TLS handshake may take the same time before
        /// that.
        pub header_timeout: Duration = Duration::from_secs(10),
        /// How long an answer of a standalone server may wait for its peer to continue reading. Default: 30 s. Beyond:
        /// the connection is closed. Over HTTP/2 this applies to each answer: the peer must read 16 KiB of it in this
        /// time. A stream of items over HTTP/2 waits instead. The server may detect a violation up to a quarter of the
        /// time later.
        pub write_progress_timeout: Duration = Duration::from_secs(30),
        /// The minimum rate at which a peer of a standalone server reads all of its answers together, in bytes per
        /// second. Default: 8,192. Below: the connection is closed. An answer of more than 16 KiB has
        /// [`write_progress_timeout`](Self::write_progress_timeout) plus the time that all unread answers of its
        /// connection take at this rate. For 10 MiB, that is 22 minutes in all. 0 sets no rate.
        pub min_response_rate: usize = 8 << 10,
        /// How long a connection of a standalone server may have no request. Default: 75 s. Beyond: it is closed. Over
        /// HTTP/2, frames such as PING are no requests.
        pub idle_timeout: Duration = Duration::from_secs(75),
        /// How long [`Server::serve`](crate::Server::serve) continues to serve after SIGTERM, while its health reports
        /// that it is not ready. Default: 5 s. With 0, the server drains at once.
        pub shutdown_delay: Duration = Duration::from_secs(5),
        /// How long a standalone server that shuts down waits for calls in flight, including calls that continue after
        /// their caller has left. Default: 30 s. Beyond: connections are cut.
        pub drain_timeout: Duration = Duration::from_secs(30),
    }
}

/// The upper bound of `max_headers`. The map that holds headers panics beyond 24,576.
const MAX_HEADERS: usize = 24_000;

impl Limits {
    /// Returns the limits as a server applies them.
    ///
    /// # Panics
    ///
    /// If a limit is 0 and clients would get no error that says why.
    #[track_caller]
    pub(crate) fn applied(mut self) -> Self {
        let refused = [
            ("max_concurrent_streams", self.max_concurrent_streams == 0, "an HTTP/2 client would wait for ever"),
            ("header_timeout", self.header_timeout.is_zero(), "no head of a request has time to arrive"),
            ("write_progress_timeout", self.write_progress_timeout.is_zero(), "no answer has time to be read"),
            ("stream_heartbeat", self.stream_heartbeat.is_zero(), "a stream would send comments without end"),
            ("idle_timeout", self.idle_timeout.is_zero(), "connections would be closed before their first request"),
        ];
        for (limit, is_zero, why) in refused {
            assert!(!is_zero, "`Limits::{limit}` is 0: {why}. The largest value of its type sets no limit");
        }
        self.max_headers = self.max_headers.min(MAX_HEADERS);
        // The server would shed a larger body at each retry, since there is never room for it.
        self.max_request_bytes = self.max_request_bytes.min(self.max_buffered_bytes);
        self
    }

    /// Returns the names of the limits of calls that differ from their defaults. They do not apply to a user's own
    /// `Dispatch`.
    pub(crate) fn changed_for_calls(&self) -> String {
        let default = Self::default();
        let changed = [
            ("max_batch_entries", self.max_batch_entries != default.max_batch_entries),
            ("max_id_bytes", self.max_id_bytes != default.max_id_bytes),
            ("max_method_bytes", self.max_method_bytes != default.max_method_bytes),
            ("max_batch_concurrency", self.max_batch_concurrency != default.max_batch_concurrency),
            ("max_calls_in_flight", self.max_calls_in_flight != default.max_calls_in_flight),
            ("max_connection_calls", self.max_connection_calls != default.max_connection_calls),
            ("max_streams", self.max_streams != default.max_streams),
            ("max_connection_streams", self.max_connection_streams != default.max_connection_streams),
            ("handler_timeout", self.handler_timeout != default.handler_timeout),
            ("batch_wait_timeout", self.batch_wait_timeout != default.batch_wait_timeout),
            ("key_wait_timeout", self.key_wait_timeout != default.key_wait_timeout),
        ];
        changed.iter().filter(|(_, changed)| *changed).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Returns the maximum size of what one connection may hold, in bytes, within the bounds of the other limits.
    pub(crate) fn connection_bytes(&self) -> usize {
        let largest = self.max_request_bytes.saturating_add(self.max_response_bytes);
        self.max_connection_bytes.min(self.max_buffered_bytes / 2).max(largest).min(self.max_buffered_bytes)
    }

    /// Returns how many calls one connection may have in flight, within the bounds of the other limits.
    pub(crate) fn connection_calls(&self) -> usize {
        self.max_connection_calls.min(self.max_calls_in_flight.div_ceil(2)).max(1)
    }

    /// Returns how many streams one connection may have open, within the bounds of the other limits.
    pub(crate) fn connection_streams(&self) -> usize {
        self.max_connection_streams.min(self.max_streams.div_ceil(2)).max(1)
    }

    /// Returns the limits that apply to the bytes of a request.
    pub(crate) fn of_parsing(&self) -> ParseLimits {
        ParseLimits::default()
            .max_entries(self.max_batch_entries)
            .max_id_bytes(self.max_id_bytes)
            .max_method_bytes(self.max_method_bytes)
    }
}
