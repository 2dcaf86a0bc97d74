//! The client over WebSocket, with the framework's own server.

use futures_util::stream;
use rpc::Server;

use crate::{Client, Failure};

async fn server() -> (rpc::ServerHandle, String) {
    let server = Server::builder()
        .method("sum", |(a, b): (i64, i64)| async move { a + b })
        .method("tenant", |cx: rpc::Context| async move { cx.headers()["x-tenant"].to_str().unwrap().to_owned() })
        .service(CounterServer::new(Counting))
        .build();
    let server = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let url = format!("ws://{}", server.local_addr());
    (server, url)
}

#[rpc::service(namespace = "counter")]
trait Counter {
    #[rpc(stream)]
    fn count(&self, to: u64) -> impl futures_util::Stream<Item = String> + Send;
}

struct Counting;

impl Counter for Counting {
    fn count(&self, to: u64) -> impl futures_util::Stream<Item = String> + Send {
        stream::iter((0..to).map(|number| format!("{number:01000}")))
    }
}

#[tokio::test]
async fn calls_batches_and_headers_work_over_one_connection() {
    let (server, url) = server().await;
    let client = Client::connect(&url).await.unwrap();
    assert_eq!(client.call::<i64>("sum", (1, 2)).await.unwrap(), 3);
    let calls: Vec<_> = (0..10).map(|number| client.call::<i64>("sum", (number, 1))).collect();
    let sums = client.batch(calls).await.unwrap().into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(sums, (1..=10).collect::<Vec<_>>());
    assert_eq!(client.call::<String>("tenant", ()).header("x-tenant", "b").await.unwrap(), "b");
    client.notify("sum", (1, 2)).await.unwrap();
    let error = client.call::<i64>("none", ()).await.unwrap_err();
    assert!(
        matches!(&error, crate::Error::Rpc(error) if error.code() == rpc_core::ErrorCode::METHOD_NOT_FOUND),
        "{error:?}"
    );
    drop(client);
    server.shutdown().await;
}

#[tokio::test]
async fn stream_longer_than_its_credit_is_read_whole_while_calls_go_on() {
    let (server, url) = server().await;
    let client = Client::connect(&url).await.unwrap();
    let mut unread = client.stream::<String>("counter.count", [100_000_u64]).await.unwrap();
    let mut read = client.stream::<String>("counter.count", [1000_u64]).await.unwrap();
    for number in 0..1000 {
        assert_eq!(read.next().await.unwrap().unwrap(), format!("{number:01000}"));
    }
    assert!(read.next().await.is_none());
    assert_eq!(client.call::<i64>("sum", (1, 2)).await.unwrap(), 3);
    assert_eq!(unread.next().await.unwrap().unwrap(), format!("{:01000}", 0));
    drop(unread);
    assert_eq!(client.call::<i64>("sum", (1, 2)).await.unwrap(), 3);
    drop(client);
    server.shutdown().await;
}

#[tokio::test]
async fn plain_call_of_a_stream_tells_what_is_wrong() {
    let (server, url) = server().await;
    let client = Client::connect(&url).await.unwrap();
    let error = client.call::<u64>("counter.count", [1_u64]).await.unwrap_err();
    let failure = error.failure().map(Failure::is_protocol);
    assert_eq!(failure, Some(true), "{error:?}");
    drop(client);
    server.shutdown().await;
}
