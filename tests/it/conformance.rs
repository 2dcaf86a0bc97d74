//! JSON-RPC 2.0 section by section, and the additions of `docs/wire.md`, as data.
//!
//! A [`Row`](row::Row) is a request and its exact answer. Each row runs three times: against the pure dispatch, over a
//! socket against the standalone server, and over a socket against an axum application.

mod batches;
mod concurrency;
mod errors;
mod hosts;
mod http;
mod ids;
mod json;
mod lengths;
mod limits;
mod notifications;
mod numbers;
mod params;
mod requests;
mod row;
mod server;
mod specification;
