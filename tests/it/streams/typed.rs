//! Streams of annotated traits with their typed clients, over each transport: all forms in which methods declare them.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use rpc::{After, At, Client, Context, RpcError, Server, Shared, StreamError, Streaming};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::events::Events;
use support::raw_http::{TEST_TIMEOUT, exchange, post_with};
use support::{clients_of, over_http, serve, serve_app};
use tokio::time::timeout;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tick {
    symbol: String,
    number: u64,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, RpcError)]
enum FeedError {
    #[error("no symbol {symbol}")]
    #[rpc(code = 11)]
    UnknownSymbol { symbol: String },
    #[error("the exchange has closed")]
    #[rpc(code = 12)]
    Closed,
}

#[rpc::service(namespace = "feed")]
trait Feed {
    #[rpc(stream)]
    fn values(&self, symbol: String, count: u64) -> impl Stream<Item = Tick> + Send;

    /// The stream borrows from the service.
    #[rpc(stream)]
    fn borrowed(&self) -> impl Stream<Item = String> + Send;

    #[rpc(stream)]
    fn fallible(&self, until: u64) -> impl Stream<Item = Result<u64, FeedError>> + Send;

    #[rpc(stream)]
    fn checked(&self, symbol: String) -> Result<impl Stream<Item = u64> + Send, FeedError>;

    #[rpc(stream)]
    async fn checked_twice(
        &self,
        symbol: String,
    ) -> Result<impl Stream<Item = Result<u64, FeedError>> + Send, FeedError>;

    #[rpc(stream)]
    async fn late(&self) -> impl Stream<Item = u64> + Send;

    #[rpc(stream, resume, alias = "ticks")]
    fn resumable(&self, symbol: String, after: After<u64>) -> impl Stream<Item = At<u64, Tick>> + Send;

    #[rpc(stream, resume)]
    async fn resumable_and_fallible(
        &self,
        after: After<(String, u8)>,
    ) -> Result<impl Stream<Item = Result<At<(String, u8), u64>, FeedError>> + Send, FeedError>;

    #[rpc(stream)]
    fn shared(&self) -> impl Stream<Item = Shared<Tick>> + Send;

    #[rpc(stream)]
    fn about_caller(&self, first: u64, #[rpc(context)] cx: &Context) -> impl Stream<Item = String> + Send;

    #[rpc(stream, lag = "drop_oldest(100)")]
    fn optional(&self, symbol: String, count: Option<u64>) -> impl Stream<Item = Tick> + Send;

    #[rpc(stream, lag = "latest")]
    fn latest(&self) -> impl Stream<Item = u64> + Send;

    #[rpc(stream, resume, lag = "end")]
    fn ends(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send;
}

struct Market(String);

fn tick(symbol: &str, number: u64) -> Tick {
    Tick { symbol: symbol.to_owned(), number }
}

/// Returns numbers that come one by one, with other tasks between them.
fn numbers(range: std::ops::RangeInclusive<u64>) -> impl Stream<Item = u64> + Send {
    stream::iter(range).then(|number| async move {
        tokio::task::yield_now().await;
        number
    })
}

impl Feed for Market {
    fn values(&self, symbol: String, count: u64) -> impl Stream<Item = Tick> + Send {
        numbers(1..=count).map(move |number| tick(&symbol, number))
    }

    fn borrowed(&self) -> impl Stream<Item = String> + Send {
        stream::iter(self.0.split(' ')).map(str::to_owned)
    }

    fn fallible(&self, until: u64) -> impl Stream<Item = Result<u64, FeedError>> + Send {
        numbers(1..=9).map(move |number| if number > until { Err(FeedError::Closed) } else { Ok(number) })
    }

    fn checked(&self, symbol: String) -> Result<impl Stream<Item = u64> + Send, FeedError> {
        if symbol == "X" { Err(FeedError::UnknownSymbol { symbol }) } else { Ok(numbers(1..=2)) }
    }

    async fn checked_twice(
        &self,
        symbol: String,
    ) -> Result<impl Stream<Item = Result<u64, FeedError>> + Send, FeedError> {
        tokio::task::yield_now().await;
        let items = self.checked(symbol)?;
        Ok(items.map(|number| if number == 2 { Err(FeedError::Closed) } else { Ok(number) }))
    }

    async fn late(&self) -> impl Stream<Item = u64> + Send {
        tokio::task::yield_now().await;
        numbers(1..=3)
    }

    fn resumable(&self, symbol: String, after: After<u64>) -> impl Stream<Item = At<u64, Tick>> + Send {
        let first = after.cursor().map_or(1, |last| last + 1);
        numbers(first..=4).map(move |number| At::new(number, tick(&symbol, number)))
    }

    async fn resumable_and_fallible(
        &self,
        after: After<(String, u8)>,
    ) -> Result<impl Stream<Item = Result<At<(String, u8), u64>, FeedError>> + Send, FeedError> {
        let page = match after.into_cursor() {
            Some((page, _)) if page != "page" => return Err(FeedError::UnknownSymbol { symbol: page }),
            Some((_, last)) => last + 1,
            None => 1,
        };
        let items = stream::iter(page..=3).map(|number| Ok(At::new(("page".to_owned(), number), number.into())));
        Ok(items.chain(stream::iter([Err(FeedError::Closed)])))
    }

    fn shared(&self) -> impl Stream<Item = Shared<Tick>> + Send {
        let event = Shared::new(&tick("EURUSD", 7)).unwrap();
        stream::iter([event.clone(), event])
    }

    fn about_caller(&self, first: u64, cx: &Context) -> impl Stream<Item = String> + Send {
        let about = format!("{} {}", cx.method(), cx.headers()["x-caller"].to_str().unwrap());
        numbers(first..=first + 1).map(move |number| format!("{about} {number}"))
    }

    fn optional(&self, symbol: String, count: Option<u64>) -> impl Stream<Item = Tick> + Send {
        self.values(symbol, count.unwrap_or(1))
    }

    fn latest(&self) -> impl Stream<Item = u64> + Send {
        numbers(1..=300)
    }

    fn ends(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send {
        numbers(after.cursor().map_or(1, |last| last + 1)..=5).map(|number| At::new(number, number))
    }
}

fn server() -> Server {
    Server::builder().service(FeedServer::new(Market("a bc".to_owned()))).build()
}

/// Returns a client for each transport, and one of an axum application.
async fn clients() -> Vec<(&'static str, FeedClient)> {
    let app = format!("http://{}/", serve_app(server().into_router()).await);
    let http2 = Client::builder().endpoint(&app).http2_prior_knowledge().build().unwrap();
    let app = over_http(&app).into_iter().chain([("HTTP/2", http2)]);
    let clients = clients_of(&server()).await.into_iter().chain(app);
    clients.map(|(way, client)| (way, FeedClient::new(client))).collect()
}

/// Reads the items of a stream that ends without an error.
async fn items<T, E, C>(stream: Streaming<T, E, C>) -> Vec<T>
where
    Streaming<T, E, C>: Stream<Item = Result<T, StreamError<E>>> + Unpin,
    E: std::fmt::Debug,
{
    let items = stream.map(|item| item.unwrap()).collect();
    timeout(TEST_TIMEOUT, items).await.expect("the stream does not hang")
}

/// Reads a stream that ends with an error of its method. Returns the items and the error.
async fn until_error<T, C>(mut stream: Streaming<T, FeedError, C>) -> (Vec<T>, FeedError)
where
    Streaming<T, FeedError, C>: Stream<Item = Result<T, StreamError<FeedError>>> + Unpin,
{
    let mut items = Vec::new();
    loop {
        match timeout(TEST_TIMEOUT, StreamExt::next(&mut stream)).await.expect("the stream does not hang").unwrap() {
            Ok(item) => items.push(item),
            Err(error) => {
                assert!(error.is_end());
                assert!(StreamExt::next(&mut stream).await.is_none());
                return (items, error.method().unwrap().clone());
            }
        }
    }
}

#[tokio::test]
async fn plain_streams_give_their_items_and_end() {
    for (way, client) in clients().await {
        let ticks = items(client.values("EURUSD", 3).await.unwrap()).await;
        assert_eq!(ticks, [1, 2, 3].map(|number| tick("EURUSD", number)), "{way}");
        assert_eq!(items(client.values("EURUSD", 0).await.unwrap()).await, [], "{way}");
        assert_eq!(items(client.borrowed().await.unwrap()).await, ["a", "bc"], "{way}");
        assert_eq!(items(client.late().await.unwrap()).await, [1, 2, 3], "{way}");
        assert_eq!(items(client.shared().await.unwrap()).await, [tick("EURUSD", 7), tick("EURUSD", 7)], "{way}");
    }
}

#[tokio::test]
async fn streams_refuse_their_call_or_end_with_an_error_of_the_method() {
    for (way, client) in clients().await {
        let unknown = FeedError::UnknownSymbol { symbol: "X".to_owned() };
        assert_eq!(until_error(client.fallible(2).await.unwrap()).await, (vec![1, 2], FeedError::Closed), "{way}");
        assert_eq!(client.checked("X").await.unwrap_err().method(), Some(&unknown), "{way}");
        assert_eq!(items(client.checked("Y").await.unwrap()).await, [1, 2], "{way}");
        assert_eq!(client.checked_twice("X").await.unwrap_err().method(), Some(&unknown), "{way}");
        assert_eq!(until_error(client.checked_twice("Y").await.unwrap()).await, (vec![1], FeedError::Closed), "{way}");
    }
}

#[tokio::test]
async fn streams_begin_behind_a_cursor() {
    for (way, client) in clients().await {
        let mut ticks = client.resumable("EURUSD").await.unwrap();
        assert_eq!(ticks.cursor(), None, "{way}");
        assert_eq!(ticks.next().await.unwrap().unwrap(), tick("EURUSD", 1), "{way}");
        assert_eq!(ticks.cursor(), Some(1), "{way}");
        let rest = client.resumable("EURUSD").after(2).await.unwrap();
        assert_eq!(rest.cursor(), Some(2), "{way}");
        assert_eq!(items(rest).await, [tick("EURUSD", 3), tick("EURUSD", 4)], "{way}");
        let pages = client.resumable_and_fallible().after(("page".to_owned(), 1)).await.unwrap();
        assert_eq!(until_error(pages).await, (vec![2, 3], FeedError::Closed), "{way}");
        let unknown = FeedError::UnknownSymbol { symbol: "other".to_owned() };
        let refused = client.resumable_and_fallible().after(("other".to_owned(), 1)).await.unwrap_err();
        assert_eq!(refused.method(), Some(&unknown), "{way}");
    }
}

#[tokio::test]
async fn streams_know_their_caller_and_take_optional_params() {
    for (way, client) in clients().await {
        let about = client.about_caller(8).header("x-caller", "ada").await.unwrap();
        assert_eq!(items(about).await, ["feed.about_caller ada 8", "feed.about_caller ada 9"], "{way}");
        let ticks = items(client.optional("EURUSD", Some(2)).await.unwrap()).await;
        assert_eq!(ticks, [tick("EURUSD", 1), tick("EURUSD", 2)], "{way}");
        assert_eq!(items(client.optional("EURUSD", None).await.unwrap()).await, [tick("EURUSD", 1)], "{way}");
    }
}

#[tokio::test]
async fn streams_of_each_lag_form_give_all_or_tell_what_is_lost() {
    for (way, client) in clients().await {
        assert_eq!(items(client.ends().await.unwrap()).await, [1, 2, 3, 4, 5], "{way}");
        let mut latest = client.latest().await.unwrap();
        let (mut last, mut accounted) = (0, 0);
        while let Some(item) = timeout(TEST_TIMEOUT, latest.next()).await.unwrap() {
            match item {
                Ok(number) => {
                    assert!(number > last, "{way}: {number} after {last}");
                    (last, accounted) = (number, accounted + 1);
                }
                Err(error) => accounted += error.lagged_items().unwrap(),
            }
        }
        assert_eq!((last, accounted), (300, 300), "{way}");
    }
}

#[tokio::test]
async fn streams_are_called_by_position_by_name_and_by_alias() {
    let addr = serve(&server()).await;
    for (method, params) in [
        ("feed.resumable", json!(["EURUSD"])),
        ("feed.resumable", json!({ "symbol": "EURUSD" })),
        ("feed.resumable", json!({ "symbol": "EURUSD", "after": null })),
        ("feed.resumable", json!(["EURUSD", null])),
        ("feed.ticks", json!(["EURUSD", 0])),
        ("feed.ticks", json!({ "after": 0, "symbol": "EURUSD" })),
    ] {
        let call = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": "a" }).to_string();
        let events = Events::open(addr, &call).await;
        assert_eq!(events.head.status, 200, "{method} {params}");
        let events = events.rest().await;
        assert_eq!(events.len(), 5, "{method} {params}");
        assert_eq!(events[0].id.as_deref(), Some("1"));
        let params = json!({ "subscription": "a", "cursor": 1, "result": { "symbol": "EURUSD", "number": 1 } });
        assert_eq!(events[0].data, json!({ "jsonrpc": "2.0", "method": "feed.resumable", "params": params }));
        assert_eq!(events[4].data, json!({ "jsonrpc": "2.0", "result": null, "id": "a" }));
    }
}

#[tokio::test]
async fn wrong_params_and_cursors_refuse_the_call() {
    let addr = serve(&server()).await;
    for (params, named) in [
        (json!([]), "symbol"),
        (json!(["EURUSD", "no number"]), "after"),
        (json!({ "symbol": "EURUSD", "after": [1] }), "after"),
        (json!({ "symbol": "EURUSD", "more": 1 }), "more"),
        (json!(["EURUSD", 1, 2]), ""),
    ] {
        let call = json!({ "jsonrpc": "2.0", "method": "feed.resumable", "params": params, "id": 7 });
        let reply = exchange(addr, &post_with(&[("accept", "text/event-stream")], call.to_string())).await;
        assert_eq!(reply.header("content-type"), Some("application/json"), "{params}");
        let error = &reply.json::<Value>()["error"];
        assert_eq!(error["code"], -32602, "{params}");
        assert!(error["message"].as_str().unwrap().contains(named), "{params}: {error}");
    }
}

#[tokio::test]
async fn untyped_client_resumes_behind_a_cursor_and_reads_any_item() {
    for (way, client) in clients_of(&server()).await {
        let call = client.stream::<Value>("feed.resumable", ["EURUSD"]).resume_param("after");
        let mut ticks = call.deadline(Duration::from_secs(9)).await.unwrap();
        assert_eq!(ticks.next().await.unwrap().unwrap(), json!({ "symbol": "EURUSD", "number": 1 }), "{way}");
        let cursor = ticks.cursor().unwrap();
        let again = client.stream::<Tick>("feed.resumable", json!({ "symbol": "EURUSD" })).resume_param("after");
        let again = again.after(cursor).await.unwrap();
        assert_eq!(items(again).await, [2, 3, 4].map(|number| tick("EURUSD", number)), "{way}");
    }
}
