//! The names of the framework's headers. A test compares them with the tables in docs/wire.md.

use http::HeaderName;

/// `Rpc-Status`, in responses: how the call ended. It is for proxies and canaries that see only HTTP, where the status
/// is 200.
///
/// `0` means a success or a notification. For an error, it is the error's code, such as `-32601`. For a batch, it is
/// the number of its entries that were answered with an error. Pages do not have the header.
///
/// `docs/wire.md`, "Headers of a response".
pub const RPC_STATUS: HeaderName = HeaderName::from_static("rpc-status");

/// `Rpc-Timeout-Ms`, in requests: how many milliseconds the caller still waits, in 1 to 15 digits.
///
/// An invalid value counts as no header. The server counts from the arrival of the request's head. A batch carries the
/// longest time of its calls. [`timeout`](super::timeout()) reads it.
///
/// `docs/wire.md`, "Headers of a request" and "Deadlines".
pub const RPC_TIMEOUT_MS: HeaderName = HeaderName::from_static("rpc-timeout-ms");

/// `Rpc-Attempt`, in requests: the number of the attempt, from `2` on. First attempts do not have it.
///
/// `docs/wire.md`, "Headers of a request".
pub const RPC_ATTEMPT: HeaderName = HeaderName::from_static("rpc-attempt");

/// `Rpc-Idempotency`. In requests: that ids are idempotency keys. In responses: which store keeps them.
///
/// - A request has `keys=UUID`, or `keys=UUID;store=UUID;ttl=SECONDS;at=MILLIS`, then `;scope=HEX` for tickets.
/// - A `HEAD` request has `scope`, or no such header.
/// - A response has `store=UUID;ttl=SECONDS;now=MILLIS`, then `;scope=HEX` if a `HEAD` request asked for it.
///
/// A gateway passes it on unchanged. If a gateway splits batches or changes ids, the server refuses the keys.
///
/// `docs/wire.md`, "Idempotency keys".
pub const RPC_IDEMPOTENCY: HeaderName = HeaderName::from_static("rpc-idempotency");

/// `Rpc-Refused`, in responses: which calls the server refused before any handler saw them.
///
/// `all`, or places in the batch, counted from 0, such as `0-3,7`. A single call has place 0. Handlers cannot set this
/// header, so it is proof. An error's code is no proof, because a handler may relay it from elsewhere.
/// [`is_refused`](super::is_refused) reads it.
///
/// `docs/wire.md`, "Headers of a response".
pub const RPC_REFUSED: HeaderName = HeaderName::from_static("rpc-refused");

/// `Rpc-Fault`, in responses: which calls were answered with an error of the server's own.
///
/// It has the form of [`RPC_REFUSED`], and does not repeat the calls named there. Any other error is the handler's,
/// whatever its code. Handlers cannot set it.
///
/// `docs/wire.md`, "Headers of a response".
pub const RPC_FAULT: HeaderName = HeaderName::from_static("rpc-fault");

/// `Rpc-Retry`, in responses: `no` if the server would refuse the same request again.
///
/// `docs/wire.md`, "Headers of a response".
pub const RPC_RETRY: HeaderName = HeaderName::from_static("rpc-retry");

/// `Idempotency-Key`, in requests: the key of a single call, as defined by the [IETF draft][draft].
///
/// A quoted string of 1 to 255 characters. The server ignores it in a request with [`RPC_IDEMPOTENCY`].
///
/// `docs/wire.md`, "Headers of a request" and "Idempotency keys".
///
/// [draft]: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// `Rpc-Heartbeat-Ms`, in responses with a stream: after how many milliseconds without an event the server sends a
/// comment. A client that has received nothing for three times as long takes the connection for dead.
///
/// `docs/wire.md`, "Server-sent events".
pub const RPC_HEARTBEAT_MS: HeaderName = HeaderName::from_static("rpc-heartbeat-ms");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::HeaderName;

    use super::{
        IDEMPOTENCY_KEY, RPC_ATTEMPT, RPC_FAULT, RPC_HEARTBEAT_MS, RPC_IDEMPOTENCY, RPC_REFUSED, RPC_RETRY, RPC_STATUS,
        RPC_TIMEOUT_MS,
    };

    /// Returns the framework's own names in the table of a section of docs/wire.md.
    fn documented(section: &str) -> BTreeSet<String> {
        let wire = include_str!("../../../docs/wire.md");
        let (_, after) = wire.split_once(&format!("\n### {section}\n")).expect("docs/wire.md has the section");
        let (text, _) = after.split_once("\n#").expect("another section follows");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let is_ours = |name: &&str| name.starts_with("Rpc-") || name.starts_with("Idempotency-");
        rows.filter(is_ours).map(str::to_lowercase).collect()
    }

    #[test]
    fn the_names_of_each_direction_are_those_of_docs_wire() {
        let names = |names: &[HeaderName]| names.iter().map(|name| name.as_str().to_owned()).collect();
        let of_requests: BTreeSet<_> = names(&[RPC_TIMEOUT_MS, RPC_ATTEMPT, RPC_IDEMPOTENCY, IDEMPOTENCY_KEY]);
        assert_eq!(documented("Headers of a request"), of_requests);
        let of_responses: BTreeSet<_> =
            names(&[RPC_STATUS, RPC_REFUSED, RPC_FAULT, RPC_RETRY, RPC_IDEMPOTENCY, RPC_HEARTBEAT_MS]);
        assert_eq!(documented("Headers of a response"), of_responses);
    }
}
