//! Errors that stay on the server.

use std::io;
use std::sync::{Arc, Mutex};

use rpc::middleware::{Next, Request, Response, from_fn};
use rpc::{
    Client, Dispatch as _, Error, ErrorCode, ErrorObject, Internal, InternalExt as _, Outcome, RpcError, Server,
};
use support::clients_of;
use tokio::sync::Notify;
use tracing::Level;

use super::failures;
use crate::telemetry::capture::Told;

/// The error of a database crate: not `Clone`, with a source.
#[derive(Debug, thiserror::Error)]
#[error("query failed")]
struct DbError(#[source] io::Error);

fn query() -> Result<u64, DbError> {
    Err(DbError(io::Error::other("secret table is gone")))
}

/// The error that the contract crate declares. That crate does not know the database.
#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
enum OrderError {
    #[error("order {id} not found")]
    #[rpc(code = 1001)]
    NotFound { id: u64 },
    #[error(transparent)]
    #[rpc(internal)]
    Internal(#[from] Internal),
}

/// The error of a crate that only the server uses.
#[derive(Debug, thiserror::Error, RpcError)]
enum StockError {
    #[error("cannot count")]
    #[rpc(internal)]
    Db(#[from] DbError),
    #[error("no leader")]
    #[rpc(internal)]
    NoLeader,
    #[error("shard {shard} is lost")]
    #[rpc(internal)]
    Shard { shard: u32, source: io::Error },
    #[error(transparent)]
    #[rpc(transparent)]
    Order(OrderError),
}

/// A struct can be internal as well.
#[derive(Debug, thiserror::Error, RpcError)]
#[error("books are closed")]
#[rpc(internal)]
struct Closed;

#[rpc::service(namespace = "order")]
trait Orders {
    async fn get(&self, id: u64) -> Result<u64, OrderError>;
    fn get_at_once(&self, id: u64) -> Result<u64, OrderError>;
    #[rpc(blocking)]
    fn get_blocking(&self, id: u64) -> Result<u64, OrderError>;
    async fn object(&self, id: u64) -> Result<u64, ErrorObject>;
    async fn count(&self, way: u8) -> Result<u64, StockError>;
    async fn close(&self) -> Result<(), Closed>;
}

struct Shop;

impl Orders for Shop {
    async fn get(&self, id: u64) -> Result<u64, OrderError> {
        if id == 0 { Err(OrderError::NotFound { id }) } else { Ok(query().internal()?) }
    }
    fn get_at_once(&self, _: u64) -> Result<u64, OrderError> {
        Ok(query().internal()?)
    }
    fn get_blocking(&self, _: u64) -> Result<u64, OrderError> {
        Ok(query().internal()?)
    }
    async fn object(&self, _: u64) -> Result<u64, ErrorObject> {
        Ok(query().internal()?)
    }
    async fn count(&self, way: u8) -> Result<u64, StockError> {
        match way {
            0 => Ok(query()?),
            1 => Err(StockError::NoLeader),
            2 => Err(StockError::Shard { shard: 7, source: io::Error::other("disk") }),
            _ => Err(StockError::Order(OrderError::Internal(Internal::new("wrapped")))),
        }
    }
    async fn close(&self) -> Result<(), Closed> {
        Err(Closed)
    }
}

fn server() -> Server {
    Server::builder().service(OrdersServer::new(Shop)).build()
}

#[track_caller]
fn assert_bare<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, Error<E>>) {
    let error = result.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Executed);
    let Error::Rpc(object) = error else { panic!("{error:?}") };
    assert_eq!(object, ErrorObject::internal());
    assert!(std::error::Error::source(&object).is_none());
}

#[tokio::test]
async fn an_internal_error_reaches_its_caller_without_text_and_data() {
    for (_, client) in clients_of(&server()).await {
        let orders = OrdersClient::new(client.clone());
        assert_bare(orders.get(1).await);
        assert_bare(orders.get_at_once(1).await);
        assert_bare(orders.get_blocking(1).await);
        assert_bare(orders.object(1).await);
        for way in 0..4 {
            assert_bare(orders.count(way).await);
        }
        assert_bare(orders.close().await);
        let (one, two) = client.batch((orders.get(1), orders.get(0))).await.unwrap();
        assert_bare(one);
        assert!(matches!(two, Err(Error::Method(OrderError::NotFound { id: 0 }))));
    }
}

#[tokio::test]
async fn an_internal_error_is_logged_with_its_sources_method_and_id() {
    let (told, _guard) = Told::begin();
    let orders = OrdersClient::new(Client::in_process(&server()));
    let _ = (orders.get(1).await, orders.get_at_once(1).await, orders.object(1).await);
    let _ = (orders.count(0).await, orders.count(1).await, orders.count(2).await, orders.count(3).await);
    let _ = (orders.close().await, orders.get(0).await);
    let logs = failures(&told);
    let told: Vec<_> =
        logs.iter().map(|log| (log.fields.get("method").unwrap(), log.fields.get("error").unwrap())).collect();
    let query = "query failed: secret table is gone";
    let expected = [
        ("order.get", query),
        ("order.get_at_once", query),
        ("order.object", query),
        ("order.count", "cannot count: query failed: secret table is gone"),
        ("order.count", "no leader"),
        ("order.count", "shard 7 is lost: disk"),
        ("order.count", "wrapped"),
        ("order.close", "books are closed"),
    ];
    assert_eq!(told, expected);
    assert!(logs.iter().all(|log| log.level == Level::ERROR && log.fields.get("id").is_some()), "{logs:?}");
}

#[tokio::test]
async fn an_error_of_a_service_may_have_a_source_that_is_logged() {
    let (told, _guard) = Told::begin();
    let fail = || async { Err::<(), _>(ErrorObject::new(1001, "closed").with_source("out of stock\nforged line")) };
    let client = Client::in_process(&Server::builder().try_method("fail", fail).build());
    let error = client.call::<()>("fail", ()).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error == ErrorObject::new(1001, "closed")));
    client.notify("fail", ()).await.unwrap();
    let logs = failures(&told);
    let told: Vec<_> = logs.iter().map(|log| (log.fields.get("error"), log.fields.get("id").is_some())).collect();
    let escaped = Some(r"out of stock\nforged line");
    assert_eq!(told, [(escaped, true), (escaped, false)]);
}

#[tokio::test]
async fn layers_see_the_source_and_it_is_logged_once_whatever_they_answer() {
    let (told, _guard) = Told::begin();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = {
        let seen = Arc::clone(&seen);
        from_fn(move |request: Request, next: Next| {
            let seen = Arc::clone(&seen);
            async move {
                let replaced = request.method() == "order.object";
                let response = next.run(request).await;
                let error = response.error_object();
                let source = error.as_ref().and_then(std::error::Error::source);
                seen.lock().unwrap().push(source.map(|source| (source.is::<DbError>(), source.to_string())));
                if replaced { Response::error(ErrorObject::new(1002, "busy").with_source("layer")) } else { response }
            }
        })
    };
    let server = Server::builder().service(OrdersServer::new(Shop)).layer(watch).build();
    let orders = OrdersClient::new(Client::in_process(&server));
    assert_bare(orders.get(1).await);
    assert!(matches!(orders.object(1).await, Err(Error::Method(error)) if error.code() == ErrorCode::new(1002)));
    // The derive has encoded the error, so only its texts are available.
    let text = "query failed".to_owned();
    assert_eq!(*seen.lock().unwrap(), [Some((false, text.clone())), Some((true, text))]);
    let told: Vec<_> = failures(&told).iter().map(|log| log.fields.get("error").unwrap().to_owned()).collect();
    assert_eq!(told, ["query failed: secret table is gone", "query failed: secret table is gone", "layer"]);
}

#[tokio::test]
async fn the_error_of_a_handler_that_goes_on_without_its_caller_is_logged() {
    let (told, _guard) = Told::begin();
    let (begun, go_on, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let fail = {
        let (begun, go_on, ended) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&ended));
        move || {
            let (begun, go_on, ended) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&ended));
            async move {
                begun.notify_one();
                go_on.notified().await;
                ended.notify_one();
                Err::<(), _>(ErrorObject::from(Internal::new("too late")))
            }
        }
    };
    let client = Client::in_process(&Server::builder().try_method("fail", fail).build());
    let call = tokio::spawn(async move { client.call::<()>("fail", ()).await });
    begun.notified().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    go_on.notify_one();
    ended.notified().await;
    while failures(&told).is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(failures(&told)[0].fields.get("error"), Some("too late"));
}

#[test]
fn internal_errors_are_no_part_of_what_a_method_declares() {
    assert_eq!(OrderError::ERRORS.iter().map(|spec| spec.code.get()).collect::<Vec<_>>(), [1001]);
    assert_eq!(OrderError::from_error_object(ErrorObject::internal()), Err(ErrorObject::internal()));
    assert_eq!(StockError::ERRORS.iter().map(|spec| spec.name).collect::<Vec<_>>(), ["NotFound"]);
}

/// An error that panics when it is formatted, or when it is dropped.
#[derive(Debug)]
struct Unstable(bool);

impl std::fmt::Display for Unstable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 { panic!("while it was shown") } else { Err(std::fmt::Error) }
    }
}

impl std::error::Error for Unstable {}

impl Drop for Unstable {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.0 {
            panic!("while it was dropped")
        }
    }
}

#[tokio::test]
async fn an_error_that_panics_while_it_is_logged_harms_no_other_call() {
    for panics in [false, true] {
        for layered in [false, true] {
            let (told, _guard) = Told::begin();
            let server = Server::builder()
                .try_method("fail", move || async move { Err::<(), _>(Internal::new(Unstable(panics))) })
                .method("ping", || async { "pong" });
            let server = if layered { server.layer(from_fn(pass)) } else { server };
            let client = Client::in_process(&server.build());
            let calls = vec![client.call::<String>("ping", ()), client.call("fail", ()), client.call("ping", ())];
            let answers = client.batch(calls).await.unwrap();
            assert_eq!((answers[0].as_ref().unwrap(), answers[2].as_ref().unwrap()), (&"pong".into(), &"pong".into()));
            let Err(Error::Rpc(error)) = &answers[1] else { panic!("{answers:?}") };
            assert_eq!((error.code(), error.data().map(|_| ())), (ErrorCode::INTERNAL_ERROR, None));
            let logs = failures(&told);
            assert_eq!(logs.len(), 1);
            assert_eq!((logs[0].fields.get("method"), logs[0].fields.get("id").is_some()), (Some("fail"), true));
        }
    }
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[tokio::test]
async fn an_error_is_logged_with_the_id_of_its_call_whatever_that_is() {
    for (id, logged) in [("7", "7"), ("\"a\\u0062\"", "ab"), ("1.5", "1.5"), ("null", "null")] {
        let (told, _guard) = Told::begin();
        let server = Server::builder()
            .try_method("fail", || async { Err::<(), _>(Internal::new("gone")) })
            .try_method("layered", || async { Err::<(), _>(Internal::new("gone")) })
            .method_layer("layered", from_fn(pass))
            .build();
        for method in ["fail", "layered"] {
            let body = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":{id}}}"#);
            server.dispatch(body.into(), Arc::default()).await;
        }
        let logs = failures(&told);
        let ids: Vec<_> = logs.iter().map(|log| log.fields.get("id")).collect();
        assert_eq!(ids, [Some(logged); 2]);
    }
}
