//! What servers and clients report about their calls: spans, traces, metrics and logs.

pub(crate) mod capture;
mod client_metrics;
mod floods;
mod joined;
mod logs;
mod server_metrics;
mod spans;
mod trace_headers;
mod traces;
mod warnings;

use rpc::{Client, ClientBuilder, Retry, Telemetry};

/// Begins to build a client of this address that reports its calls and makes each once.
fn telling(url: &str) -> ClientBuilder {
    Client::builder().endpoint(url).retry(Retry::never()).telemetry(Telemetry::default())
}
