//! Tests across the crates: annotated traits and their clients, with a real server and real sockets in between.
#![forbid(unsafe_code)]
// Helpers of tests need what is allowed in tests.
#![allow(clippy::unwrap_used)]

mod attempts;
mod auth;
mod axum_app;
mod batch_requests;
mod batch_shapes;
mod blocking;
mod calling_others;
mod calls;
mod cancellation;
#[cfg(target_os = "linux")]
mod certificates;
mod client_credentials;
mod client_extremes;
mod client_keys;
mod client_layers;
mod client_service;
mod closures;
mod codes;
mod conformance;
mod connections;
mod contained;
mod context;
mod conversions;
mod deadlines;
mod endpoints;
mod error_statuses;
mod errors;
mod evolving;
mod failure_table;
mod fairness;
mod fakes;
mod fallback;
mod foreign_errors;
mod foreign_text;
mod guides;
mod handler_errors;
mod header_names;
mod health;
mod idempotency;
mod in_process;
mod kept_answers;
mod large_batches;
mod lifecycle;
mod limits_extremes;
mod limits_table;
mod listeners;
mod load;
mod lone_errors;
mod lying_batch;
mod lying_http;
mod middleware;
mod mistakes;
mod numeric_ids;
mod old_versions;
mod openrpc;
mod origins;
mod own_dispatch;
mod pages;
mod panics;
mod pauses;
mod peers;
mod propagation;
mod proxies;
mod rate_limits;
mod refusals;
mod relay;
mod response_headers;
#[cfg(target_os = "linux")]
mod restarts;
mod robustness;
mod routes;
mod same_words;
mod secrets;
mod server_tls;
mod services;
mod shutdown;
#[cfg(unix)]
mod signals;
mod stdio;
mod streams;
mod telemetry;
mod tls;
mod ui;
#[cfg(unix)]
mod unix;
mod unreachable;
mod user_agent;
mod values;
mod websocket;
mod whole_params;
mod wrapped_transport;
