//! The client of streams, with a real server: over each transport, and over sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};
use rpc::client_middleware::{Next, from_fn};
use rpc::transport::{Reply, ReplyBody, Request};
use rpc::{Client, ErrorCode, ErrorObject, Failure, Server};
use support::{clients_of, serve};
use tokio::sync::mpsc;

fn counting() -> Server {
    Server::builder()
        .stream("count", |(to,): (u64,)| async move { stream::iter(1..=to) })
        .try_stream("fails", |(early,): (bool,)| async move {
            if early {
                return Err(ErrorObject::new(1, "refused"));
            }
            Ok(stream::iter([Ok(1), Err(ErrorObject::new(2, "broken")), Ok(3)]))
        })
        .method("ping", || async { "pong" })
        .build()
}

/// Reads the items of a stream that ends well.
async fn all(client: &Client, to: u64) -> Vec<u64> {
    let mut count = client.stream::<u64>("count", [to]).await.unwrap();
    let mut items = Vec::new();
    while let Some(item) = count.next().await {
        items.push(item.unwrap());
    }
    items
}

#[tokio::test]
async fn items_arrive_in_order_over_each_transport() {
    for (transport, client) in clients_of(&counting()).await {
        assert_eq!(all(&client, 10_000).await, (1..=10_000).collect::<Vec<_>>(), "{transport}");
        assert!(all(&client, 0).await.is_empty(), "{transport}");
        assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong", "{transport}");
    }
}

#[tokio::test]
async fn refusal_and_error_at_the_end_are_told_apart_over_each_transport() {
    for (transport, client) in clients_of(&counting()).await {
        let refused = client.stream::<u64>("fails", [true]).await.unwrap_err();
        assert_eq!(refused.error_object(), Some(ErrorObject::new(1, "refused")), "{transport}");
        let mut fails = client.stream::<u64>("fails", [false]).await.unwrap();
        assert_eq!(fails.next().await.unwrap().unwrap(), 1, "{transport}");
        let error = fails.next().await.unwrap().unwrap_err();
        assert!(error.is_end(), "{transport}");
        assert_eq!(error.error_object(), Some(ErrorObject::new(2, "broken")), "{transport}");
        assert!(fails.next().await.is_none(), "{transport}");
        let unknown = client.stream::<u64>("nope", ()).await.unwrap_err();
        assert_eq!(unknown.error_object().unwrap().code(), ErrorCode::METHOD_NOT_FOUND, "{transport}");
    }
}

#[tokio::test]
async fn method_that_answers_with_a_value_opens_no_stream() {
    for (transport, client) in clients_of(&counting()).await {
        let error = client.stream::<u64>("ping", ()).await.unwrap_err();
        assert_eq!(error.to_string(), "not a JSON-RPC answer: it is a result and not a stream", "{transport}");
        let error = client.call::<u64>("count", [2]).await.unwrap_err();
        if transport == "WebSocket" {
            // Each call of a session may be answered with a stream, so the client cancels it.
            assert!(error.to_string().contains("which only a stream call takes"), "{error}");
        } else {
            assert_eq!(error.error_object().unwrap().code(), ErrorCode::INVALID_REQUEST, "{transport}");
        }
    }
}

#[tokio::test]
async fn dropping_a_stream_drops_that_of_the_handler_over_each_transport() {
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let server = Server::builder()
        .stream("hang", move || {
            let guard = dropped.clone();
            async move {
                let guard = SendsOnDrop(guard);
                stream::once(async { 1 }).chain(stream::pending()).inspect(move |_: &u64| {
                    let _ = &guard;
                })
            }
        })
        .build();
    for (transport, client) in clients_of(&server).await {
        let mut hang = client.stream::<u64>("hang", ()).await.unwrap();
        assert_eq!(hang.next().await.unwrap().unwrap(), 1, "{transport}");
        drop(hang);
        drops.recv().await.unwrap();
    }
}

struct SendsOnDrop(mpsc::UnboundedSender<()>);

impl Drop for SendsOnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn server_in_process_is_asked_for_an_item_only_when_the_reader_asks() {
    let made = Arc::new(AtomicUsize::new(0));
    let server = {
        let made = Arc::clone(&made);
        Server::builder()
            .stream("count", move || {
                let made = Arc::clone(&made);
                async move { stream::iter(1_u64..).inspect(move |_| _ = made.fetch_add(1, Ordering::Relaxed)) }
            })
            .build()
    };
    let mut count = Client::in_process(&server).stream::<u64>("count", ()).await.unwrap();
    for n in 1..=100 {
        assert_eq!(count.next().await.unwrap().unwrap(), n);
    }
    let made = made.load(Ordering::Relaxed);
    assert!((100..=200).contains(&made), "{made} items for 100");
}

#[tokio::test]
async fn connection_is_free_again_behind_a_stream_that_ended() {
    let proxy = super::cutting_proxy::CuttingProxy::start(serve(&counting()).await, []).await;
    let client = Client::new(proxy.url()).unwrap();
    for _ in 0..5 {
        assert_eq!(all(&client, 3).await, [1, 2, 3]);
        client.call::<String>("ping", ()).await.unwrap();
    }
    assert!(proxy.connections() <= 2, "{} connections", proxy.connections());
}

#[tokio::test]
async fn layers_of_attempts_may_wrap_the_body_of_a_stream() {
    async fn wrap(request: Request, next: Next<Request>) -> Result<Reply, Failure> {
        let mut reply = next.run(request).await?;
        reply.body = ReplyBody::from_stream(reply.body.map(|chunk| chunk));
        Ok(reply)
    }
    let client = Client::builder().in_process(&counting()).attempt_layer(from_fn(wrap)).build().unwrap();
    assert_eq!(all(&client, 3).await, [1, 2, 3]);
}

#[tokio::test]
async fn layers_of_calls_see_that_a_stream_was_accepted() {
    use rpc::client_middleware::{Request, Response};

    async fn check(request: Request, next: Next) -> Result<Response, Failure> {
        let response = next.run(request).await?;
        assert_eq!(response.answers()[0].result_json(), Some("null"));
        Ok(response)
    }
    let client = Client::builder().in_process(&counting()).layer(from_fn(check)).build().unwrap();
    assert_eq!(all(&client, 2).await, [1, 2]);
}

#[tokio::test]
async fn open_streams_keep_no_call_from_being_sent() {
    let server = Server::builder()
        .stream("hang", || async { stream::pending::<u64>() })
        .method("ping", || async { "pong" })
        .build();
    let url = format!("http://{}", serve(&server).await);
    let client = Client::builder().endpoint(url).max_concurrent_requests(2).build().unwrap();
    let mut hanging = Vec::new();
    for _ in 0..4 {
        hanging.push(client.stream::<u64>("hang", ()).await.unwrap());
    }
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
}
