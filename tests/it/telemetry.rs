//! What servers and clients tell of their calls: spans, traces, metrics and logs.

mod capture;
mod client_metrics;
mod floods;
mod logs;
mod server_metrics;
mod spans;
mod trace_headers;
mod traces;

use support::raw_http::request;

use rpc::{Client, ClientBuilder, Retry, Telemetry};

/// Writes a request with these headers beside those that there must be.
fn post(body: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut all = vec![("host", "localhost"), ("content-type", "application/json"), ("content-length", &*length)];
    all.extend_from_slice(headers);
    request("POST / HTTP/1.1", &all, body.as_bytes())
}

/// Builds a client of this address that tells of its calls and makes each once.
fn telling(url: &str) -> ClientBuilder {
    Client::builder().endpoint(url).retry(Retry::never()).telemetry(Telemetry::default())
}
