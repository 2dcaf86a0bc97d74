//! A service that counts, and what a client must get of it.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use rpc::{After, At, Client, Limits, Retry, Server};
use std::net::SocketAddr;
use support::serve;

/// The last number of each stream.
pub(crate) const LAST: u64 = 20;

/// A heartbeat for stalls. A client waits three times as long for a silent server.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(20);

/// A heartbeat with which no client takes a loaded server for dead.
pub(crate) const CALM: Duration = Duration::from_secs(15);

#[rpc::service]
pub(crate) trait Numbers {
    #[rpc(stream, resume)]
    fn resumable(&self, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send;

    #[rpc(stream)]
    fn plain(&self) -> impl Stream<Item = u64> + Send;
}

pub(crate) struct Counter;

impl Numbers for Counter {
    fn resumable(&self, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send {
        count(after.cursor().map_or(1, |last| last + 1)).map(|number| At::new(number, format!("item {number} \u{e9}")))
    }

    fn plain(&self) -> impl Stream<Item = u64> + Send {
        count(1)
    }
}

/// Counts to the last number. Some of the items share a chunk.
fn count(first: u64) -> impl Stream<Item = u64> + Send {
    stream::iter(first..=LAST).then(|number| async move {
        if number % 3 != 0 {
            tokio::task::yield_now().await;
        }
        number
    })
}

pub(crate) fn item(number: u64) -> String {
    format!("item {number} \u{e9}")
}

pub(crate) async fn serve_numbers(heartbeat: Duration) -> SocketAddr {
    let limits = Limits::default().stream_heartbeat(heartbeat);
    serve(&Server::builder().service(NumbersServer::new(Counter)).limits(limits).build()).await
}

/// A protocol between the client and the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    Http1,
    Http2,
    Reqwest,
}

/// Returns a client that has no connection yet and retries almost at once.
pub(crate) fn client(url: &str, protocol: Protocol) -> NumbersClient {
    let retry = Retry::exponential().base(Duration::from_millis(1)).cap(Duration::from_millis(5)).max_attempts(9);
    let builder = Client::builder().retry(retry);
    let client = match protocol {
        Protocol::Http1 => builder.endpoint(url),
        Protocol::Http2 => builder.endpoint(url).http2_prior_knowledge(),
        Protocol::Reqwest => {
            let http = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never()).build().unwrap();
            builder.transport(rpc::transport::ReqwestTransport::new(http, url).unwrap())
        }
    };
    NumbersClient::new(client.build().unwrap())
}
