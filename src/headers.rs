//! The framework's own HTTP headers, for transports and gateways: their names, and functions that read their values.
//!
//! Servers and clients of this framework write and read these headers. `docs/wire.md` in the repository defines them.
//!
//! | header | in | content |
//! |---|---|---|
//! | [`Rpc-Timeout-Ms`](RPC_TIMEOUT_MS) | requests | how long the caller still waits; read by [`timeout`](timeout()) |
//! | [`Rpc-Attempt`](RPC_ATTEMPT) | requests | which attempt the request is |
//! | [`Idempotency-Key`](IDEMPOTENCY_KEY) | requests | the key of a single call, from third-party clients |
//! | [`Rpc-Idempotency`](RPC_IDEMPOTENCY) | both | that ids are idempotency keys, and which store keeps them |
//! | [`Rpc-Status`](RPC_STATUS) | responses | how the call ended |
//! | [`Rpc-Refused`](RPC_REFUSED) | responses | which calls did not run; read by [`is_refused`] |
//! | [`Rpc-Fault`](RPC_FAULT) | responses | which errors are the server's own |
//! | [`Rpc-Retry`](RPC_RETRY) | responses | `no` if the server would refuse a retry as well |
//! | [`Rpc-Heartbeat-Ms`](RPC_HEARTBEAT_MS) | responses | how long a stream is silent at most |
//!
//! A gateway passes all of them on. The headers of W3C Trace Context are not in this list: `TraceContext` reads and
//! writes them.
//!
//! # Example
//!
//! A gateway counts failures by the head of each response, without reading the body:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use rpc::{Client, Server, headers};
//!
//! let server = Server::builder().method("ping", || async { "pong" }).build();
//! let server = server.bind("127.0.0.1:0").await?.spawn();
//! let client = Client::new(format!("http://{}", server.local_addr()))?;
//!
//! let pong = client.call::<String>("ping", ()).with_meta().await?;
//! assert_eq!(pong.headers()[headers::RPC_STATUS], "0");
//! assert!(!pong.headers().contains_key(headers::RPC_REFUSED));
//! # server.shutdown().await;
//! # Ok(())
//! # }
//! ```

pub use rpc_core::headers::{
    IDEMPOTENCY_KEY, RPC_ATTEMPT, RPC_FAULT, RPC_HEARTBEAT_MS, RPC_IDEMPOTENCY, RPC_REFUSED, RPC_RETRY, RPC_STATUS,
    RPC_TIMEOUT_MS, is_refused, timeout,
};
