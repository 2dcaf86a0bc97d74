use http::HeaderName;

/// Tells proxies and canaries how a call fared, since the HTTP status is 200: a code, or 0, or a batch's number of
/// failures.
pub const RPC_STATUS: HeaderName = HeaderName::from_static("rpc-status");

/// Tells the server how many milliseconds are left of the caller's deadline.
pub const RPC_TIMEOUT_MS: HeaderName = HeaderName::from_static("rpc-timeout-ms");

/// Counts the attempts at a call, from 2 on; the first one has no such header.
pub const RPC_ATTEMPT: HeaderName = HeaderName::from_static("rpc-attempt");

/// Says in a request that ids are idempotency keys ([`Keys`](super::Keys)), and in an answer which store keeps them
/// ([`Announcement`](super::Announcement)).
pub const RPC_IDEMPOTENCY: HeaderName = HeaderName::from_static("rpc-idempotency");

/// Names the calls of a request that the server refused before it looked at them ([`Refused`](super::Refused)).
pub const RPC_REFUSED: HeaderName = HeaderName::from_static("rpc-refused");

/// Names the calls of a request whose errors are the server's own ([`Faults`](super::Faults)).
pub const RPC_FAULT: HeaderName = HeaderName::from_static("rpc-fault");

/// Says `no` where the client must not send the call again.
pub const RPC_RETRY: HeaderName = HeaderName::from_static("rpc-retry");

/// Carries the idempotency key of a single call, as the IETF's draft has it.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
