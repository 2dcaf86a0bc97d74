//! Streams of a service: what the macro makes of each form, from the trait to the client, over each transport.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use rpc::openrpc::{Info, Rule, compare, document};
use rpc::schemars::JsonSchema;
use rpc::{
    After, At, Client, Context, Describe, Effect, Error, Lag, MethodKind, RpcError, Server, Shared, Stream, StreamCall,
    Streaming,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use support::clients_of;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
struct Tick {
    symbol: String,
    number: u64,
}

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[rpc(openrpc)]
enum MarketError {
    #[error("no market for {symbol}")]
    #[rpc(code = 1001)]
    Unknown { symbol: String },
    #[error("the market closed after {0}")]
    #[rpc(code = 1002)]
    Closed(u64),
}

#[rpc::service(namespace = "market", openrpc)]
trait Market {
    #[rpc(stream, resume)]
    fn ticks(
        &self,
        symbol: String,
        limit: Option<u64>,
        after: After<u64>,
        #[rpc(context)] cx: &Context,
    ) -> impl Stream<Item = At<u64, Tick>> + Send;

    #[rpc(stream, lag = "drop_oldest(8)", timeout = "2s")]
    async fn depth(
        &self,
        symbol: String,
        #[rpc(context)] cx: &Context,
    ) -> Result<impl Stream<Item = Result<u64, MarketError>> + Send, MarketError>;

    #[rpc(stream, resume)]
    fn trades(
        &self,
        #[rpc(name = "from")] after: After<u64>,
    ) -> Result<impl Stream<Item = Result<At<u64, Tick>, MarketError>> + Send, MarketError>;

    /// A stream that borrows from the implementation.
    #[rpc(stream, params)]
    async fn symbols(&self, filter: Filter) -> impl Stream<Item = String>;

    #[rpc(stream, subscribe = "eth_subscribe", topic = "newHeads", unsubscribe = "eth_unsubscribe")]
    fn heads(&self) -> impl Stream<Item = Shared<Tick>> + Send + 'static;

    async fn close(&self) -> u8;
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
struct Filter {
    prefix: String,
}

struct Exchange {
    symbols: Vec<String>,
}

impl Market for Exchange {
    fn ticks(
        &self,
        symbol: String,
        limit: Option<u64>,
        after: After<u64>,
        cx: &Context,
    ) -> impl Stream<Item = At<u64, Tick>> {
        let first = after.cursor().map_or(1, |last| last + 1);
        assert_eq!(cx.method(), "market.ticks");
        let tick = move |number| At::new(number, Tick { symbol: symbol.clone(), number });
        let lost = At::new(9, Tick { symbol: "LOST".to_owned(), number: 9 }).after_gap();
        stream::iter(first..=limit.unwrap_or(3)).map(tick).chain(stream::iter((limit == Some(0)).then_some(lost)))
    }

    async fn depth(
        &self,
        symbol: String,
        cx: &Context,
    ) -> Result<impl Stream<Item = Result<u64, MarketError>>, MarketError> {
        if !self.symbols.contains(&symbol) {
            return Err(MarketError::Unknown { symbol });
        }
        let length = cx.method().len() as u64;
        Ok(stream::iter([Ok(1), Ok(length), Err(MarketError::Closed(2)), Ok(4)]))
    }

    fn trades(&self, after: After<u64>) -> Result<impl Stream<Item = Result<At<u64, Tick>, MarketError>>, MarketError> {
        let Some(last) = after.into_cursor() else { return Err(MarketError::Closed(0)) };
        let trade = move |number| Ok(At::new(number, Tick { symbol: "EURUSD".to_owned(), number }));
        Ok(stream::iter(last + 1..last + 3).map(trade))
    }

    async fn symbols(&self, filter: Filter) -> impl Stream<Item = String> {
        let matching = |symbol: &&String| symbol.starts_with(&filter.prefix);
        stream::iter(self.symbols.iter().filter(matching).collect::<Vec<_>>()).map(String::clone)
    }

    fn heads(&self) -> impl Stream<Item = Shared<Tick>> + Send + 'static {
        let head = Shared::new(&Tick { symbol: "ETH".to_owned(), number: 1 }).unwrap();
        stream::iter([head.clone(), head])
    }

    async fn close(&self) -> u8 {
        7
    }
}

fn exchange() -> Exchange {
    Exchange { symbols: ["EURUSD", "EURCHF", "USDCHF"].map(str::to_owned).to_vec() }
}

/// Returns a client of the service for each transport.
async fn markets() -> impl Iterator<Item = (&'static str, MarketClient)> {
    let server = Server::builder().service(MarketServer::new(Arc::new(exchange()))).build();
    clients_of(&server).await.into_iter().map(|(name, client)| (name, MarketClient::new(client)))
}

/// Reads all items of a stream that has no errors.
async fn all<T, E, C>(mut items: Streaming<T, E, C>) -> Vec<T>
where
    T: serde::de::DeserializeOwned,
    E: RpcError,
{
    let mut read = Vec::new();
    while let Some(item) = items.next().await {
        read.push(item.unwrap_or_else(|error| panic!("{error}")));
    }
    read
}

#[tokio::test]
async fn items_with_cursors_begin_behind_the_cursor() {
    for (transport, market) in markets().await {
        let numbers = |ticks: Vec<Tick>| ticks.into_iter().map(|tick| (tick.symbol, tick.number)).collect::<Vec<_>>();
        let tick = |number| ("EURUSD".to_owned(), number);
        let call: StreamCall<Tick, Infallible, u64> = market.ticks("EURUSD", None);
        assert_eq!(numbers(all(call.await.unwrap()).await), [tick(1), tick(2), tick(3)], "{transport}");

        let mut resumed = market.ticks("EURUSD", Some(4)).after(2).await.unwrap();
        assert_eq!(resumed.cursor(), Some(2), "{transport}");
        assert_eq!(resumed.next().await.unwrap().unwrap().number, 3, "{transport}");
        assert_eq!(resumed.cursor(), Some(3), "{transport}");
        assert_eq!(numbers(all(resumed).await), [tick(4)], "{transport}");
    }
}

#[tokio::test]
async fn gap_is_told_before_the_item_behind_it() {
    for (transport, market) in markets().await {
        let mut ticks = market.ticks("EURUSD", Some(0)).after(0).await.unwrap();
        assert!(ticks.next().await.unwrap().unwrap_err().is_gap(), "{transport}");
        assert_eq!(ticks.next().await.unwrap().unwrap().number, 9, "{transport}");
        assert!(ticks.next().await.is_none(), "{transport}");
    }
}

#[tokio::test]
async fn declared_error_refuses_the_call_or_ends_the_stream() {
    for (transport, market) in markets().await {
        let refused = market.depth("GBPUSD").await.unwrap_err();
        let unknown = MarketError::Unknown { symbol: "GBPUSD".to_owned() };
        assert!(matches!(&refused, Error::Method(error) if *error == unknown), "{transport}: {refused:?}");

        let mut depth = market.depth("EURUSD").await.unwrap();
        assert_eq!(depth.next().await.unwrap().unwrap(), 1, "{transport}");
        // The name of the method has twelve letters: the context is that of this call.
        assert_eq!(depth.next().await.unwrap().unwrap(), 12, "{transport}");
        let end = depth.next().await.unwrap().unwrap_err();
        assert!(end.is_end(), "{transport}: {end}");
        assert_eq!(end.method(), Some(&MarketError::Closed(2)), "{transport}");
        assert!(depth.next().await.is_none(), "{transport}");
    }
}

#[tokio::test]
async fn methods_that_refuse_may_have_fallible_items_with_cursors() {
    for (transport, market) in markets().await {
        let refused = market.trades().await.unwrap_err();
        assert!(matches!(refused, Error::Method(MarketError::Closed(0))), "{transport}: {refused:?}");
        let numbers: Vec<_> =
            all(market.trades().after(4).await.unwrap()).await.iter().map(|tick| tick.number).collect();
        assert_eq!(numbers, [5, 6], "{transport}");
    }
}

#[tokio::test]
async fn streams_may_borrow_share_items_and_take_all_params_as_one() {
    for (transport, market) in markets().await {
        let symbols = market.symbols(Filter { prefix: "EUR".to_owned() }).await.unwrap();
        assert_eq!(all(symbols).await, ["EURUSD", "EURCHF"], "{transport}");
        let head = Tick { symbol: "ETH".to_owned(), number: 1 };
        // Clients get the items that are shared, and not `Shared`.
        let heads: Vec<Tick> = all(market.heads().await.unwrap()).await;
        assert_eq!(heads, [head.clone(), head], "{transport}");
        assert_eq!(market.close().await.unwrap(), 7, "{transport}");
    }
}

#[tokio::test]
async fn clients_of_a_fake_open_its_streams() {
    let market = MarketClient::of(exchange());
    assert_eq!(all(market.ticks("EURUSD", Some(1)).await.unwrap()).await.len(), 1);
}

#[tokio::test]
async fn cursor_goes_under_the_name_of_its_parameter() {
    let client = Client::in_process(&Server::builder().service(MarketServer::new(exchange())).build());
    let trades = client.stream::<Tick>("market.trades", json!({ "from": 7 })).await.unwrap();
    assert_eq!(all(trades).await[0].number, 8);
    let error = client.stream::<Tick>("market.trades", json!({ "after": 7 })).await.unwrap_err();
    assert!(error.to_string().contains("after"), "{error}");
}

#[test]
fn spec_says_that_a_method_is_a_stream() {
    let [ticks, depth, .., heads, close] = MarketClient::SPEC.methods else { panic!() };
    let spec = |kind| match kind {
        MethodKind::Stream(stream) => stream,
        other => panic!("{other:?}"),
    };
    assert!(spec(ticks.kind).resume && ticks.params[2].optional && ticks.params.len() == 3);
    assert_eq!((spec(depth.kind).lag, spec(depth.kind).resume), (Lag::DropOldest(8), false));
    assert_eq!(depth.timeout, Some(std::time::Duration::from_secs(2)));
    assert!([1001, 1002].iter().all(|code| depth.errors.iter().any(|error| error.code.get() == *code)));
    let names = spec(heads.kind);
    assert_eq!((names.subscribe, names.topic), (Some("eth_subscribe"), Some("newHeads")));
    assert_eq!(names.unsubscribe, Some("eth_unsubscribe"));
    assert_eq!((ticks.effect, heads.effect, close.effect), (Effect::None, Effect::None, Effect::Once));
    assert_eq!(close.kind, MethodKind::Call);
}

#[test]
fn description_has_the_types_of_items_and_cursors() {
    let document = document(&Info::new("Market", "1.0.0"), &[MarketClient::SPEC]);
    let description = document.description();
    let stream = |method| description.method(method).and_then(|method| method.stream()).unwrap();
    assert_eq!(*stream("market.ticks").item, json!({ "$ref": "#/components/schemas/Tick" }));
    assert_eq!(stream("market.ticks").cursor.unwrap()["format"], "uint64");
    assert_eq!(stream("market.heads").item, stream("market.ticks").item);
    assert_eq!((stream("market.depth").lag, stream("market.depth").cursor), (Lag::DropOldest(8), None));
    let ticks = description.method("market.ticks").unwrap();
    assert_eq!(ticks.result().unwrap().schema.as_value(), &json!({ "type": "null" }));
    assert_eq!(ticks.params().map(|param| param.is_required()).collect::<Vec<_>>(), [true, false, false]);
    assert!(description.method("market.close").unwrap().stream().is_none());
    description.check().unwrap();

    let mut changed = document.as_value().clone();
    let methods = changed["methods"].as_array_mut().unwrap();
    let ticks = methods.iter_mut().find(|method| method["name"] == "market.ticks").unwrap();
    ticks["x-stream"]["item"] = json!({ "type": "string" });
    let changes = compare(&description, &changed.try_into().unwrap());
    let found: Vec<_> = changes.iter().map(|change| (change.rule, &*change.place)).collect();
    assert_eq!(found, [(Rule::ResultTypeChanged, "market.ticks, item")]);
}
