//! Errors of calls from handlers to another server, passed on by `?`.

use std::time::Duration;

use rpc::{Client, Error, ErrorKind, ErrorObject, Outcome, RpcError, Server};
use serde_json::json;
use support::{client_of, clients_of};

use super::failures;
use crate::telemetry::capture::Told;

#[derive(Clone, Debug, PartialEq, thiserror::Error, RpcError)]
enum StockError {
    #[error("{item} is sold out")]
    #[rpc(code = 1001)]
    SoldOut { item: String },
    #[error("busy")]
    #[rpc(code = 1002, retryable)]
    Busy,
}

/// The upstream service.
#[rpc::service(namespace = "stock")]
trait Stock {
    async fn take(&self, item: String) -> Result<u64, StockError>;
    #[rpc(readonly)]
    async fn count(&self) -> u64;
}

struct Shelf;

impl Stock for Shelf {
    async fn take(&self, item: String) -> Result<u64, StockError> {
        match &*item {
            "apple" => Ok(1),
            "busy" => Err(StockError::Busy),
            "panic" => panic!("on purpose"),
            "hang" => std::future::pending().await,
            _ => Err(StockError::SoldOut { item }),
        }
    }
    async fn count(&self) -> u64 {
        3
    }
}

#[derive(Debug, thiserror::Error, RpcError)]
enum RelayError {
    #[error("order {0} is odd")]
    #[rpc(code = 2002)]
    Odd(u64),
    #[error(transparent)]
    #[rpc(transparent)]
    Upstream(#[from] Error<StockError>),
    #[error(transparent)]
    #[rpc(transparent)]
    Plain(#[from] Error),
}

/// An error with a code that the upstream also uses.
#[derive(Debug, thiserror::Error, RpcError)]
enum RecodeError {
    #[error("no such order")]
    #[rpc(code = 1001)]
    NoOrder,
    #[error("stock service: {0}")]
    #[rpc(code = 2001)]
    Stock(#[from] Error<StockError>),
    #[error("cannot take {item}")]
    #[rpc(code = 2002)]
    Named { item: String, source: Error<StockError> },
}

#[rpc::service(namespace = "order")]
trait Orders {
    async fn relay(&self, item: String) -> Result<u64, RelayError>;
    async fn recode(&self, item: String) -> Result<u64, RecodeError>;
    async fn recode_named(&self, item: String) -> Result<u64, RecodeError>;
    async fn object(&self, item: String) -> Result<u64, ErrorObject>;
    async fn itself(&self, item: String) -> Result<u64, Error<StockError>>;
}

struct Desk(Client);

impl Desk {
    fn stock(&self) -> StockClient {
        StockClient::new(self.0.clone())
    }
}

impl Orders for Desk {
    async fn relay(&self, item: String) -> Result<u64, RelayError> {
        if item == "unknown" {
            self.0.call::<u64>("stock.nothing", ()).await?;
        }
        Ok(self.stock().count().await? + self.stock().take(item).await?)
    }
    async fn recode(&self, item: String) -> Result<u64, RecodeError> {
        if item.is_empty() { Err(RecodeError::NoOrder) } else { Ok(self.stock().take(item).await?) }
    }
    async fn recode_named(&self, item: String) -> Result<u64, RecodeError> {
        self.stock().take(item.clone()).await.map_err(|source| RecodeError::Named { item, source })
    }
    async fn object(&self, item: String) -> Result<u64, ErrorObject> {
        Ok(self.stock().take(item).deadline(Duration::from_millis(200)).await?)
    }
    async fn itself(&self, item: String) -> Result<u64, Error<StockError>> {
        // The error of an infallible method converts, too.
        Ok(self.stock().count().await? + self.stock().take(item).deadline(Duration::from_millis(200)).await?)
    }
}

fn sold_out() -> StockError {
    StockError::SoldOut { item: "pear".to_owned() }
}

/// Builds a server of orders that calls a served stock.
async fn orders() -> Server {
    let stock = client_of(&Server::builder().service(StockServer::new(Shelf)).build()).await;
    Server::builder().service(OrdersServer::new(Desk(stock))).build()
}

/// Builds a server of orders that cannot reach a stock.
fn cut_off() -> Server {
    let nobody = Client::builder().endpoint("http://127.0.0.1:1").retry(rpc::Retry::never()).build().unwrap();
    Server::builder().service(OrdersServer::new(Desk(nobody))).build()
}

#[tokio::test]
async fn a_declared_error_is_passed_on_as_the_other_server_sent_it() {
    for (way, client) in clients_of(&orders().await).await {
        let orders = OrdersClient::new(client);
        assert_eq!(orders.relay("apple".to_owned()).await.unwrap(), 4);
        let error = orders.relay("pear".to_owned()).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Method, Outcome::Executed));
        let Error::Method(RelayError::Upstream(Error::Method(stock))) = error else { panic!("{way}: {error:?}") };
        assert_eq!(stock, sold_out());
        let error = orders.itself("pear".to_owned()).await.unwrap_err();
        assert!(matches!(error, Error::Method(Error::Method(stock)) if stock == sold_out()), "{way}");
    }
    let sent = client_of(&orders().await).await.call::<u64>("order.relay", ("pear",)).await.unwrap_err();
    assert_eq!(sent.error_object(), Some(sold_out().to_error_object()));
}

#[tokio::test]
async fn a_declared_error_may_get_a_code_of_its_own_with_the_other_servers_error_as_data() {
    for (way, client) in clients_of(&orders().await).await {
        let orders = OrdersClient::new(client.clone());
        let error = orders.recode("pear".to_owned()).await.unwrap_err();
        assert_eq!(error.to_string(), "stock service: pear is sold out");
        let Error::Method(RecodeError::Stock(Error::Method(stock))) = error else { panic!("{way}: {error:?}") };
        assert_eq!(stock, sold_out());
        let error = orders.recode_named("busy".to_owned()).await.unwrap_err();
        let Error::Method(RecodeError::Named { item, source: Error::Method(StockError::Busy) }) = error else {
            panic!("{way}: {error:?}")
        };
        assert_eq!(item, "busy");
        assert!(matches!(orders.recode(String::new()).await, Err(Error::Method(RecodeError::NoOrder))));
        let error = client.call::<u64>("order.recode", ("pear",)).await.unwrap_err().error_object().unwrap();
        let data = r#"{"code":1001,"message":"pear is sold out","data":{"item":"pear"}}"#;
        assert_eq!(error.code().get(), 2001);
        assert_eq!(error.data().unwrap().get(), data);
    }
}

#[track_caller]
fn assert_kind<E: std::fmt::Debug>(result: Result<u64, Error<E>>, kind: ErrorKind) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Internal, Outcome::Executed));
    let Error::Rpc(object) = error else { panic!("{error:?}") };
    assert_eq!(object, ErrorObject::internal().with_data(&json!({ "kind": kind.as_str() })));
    assert_eq!(object.upstream_kind(), Some(kind));
}

#[tokio::test]
async fn a_failure_becomes_an_internal_error_that_keeps_its_kind() {
    let orders = OrdersClient::new(client_of(&cut_off()).await);
    let pear = || "pear".to_owned();
    assert_kind(orders.relay(pear()).await, ErrorKind::Network);
    assert_kind(orders.recode(pear()).await, ErrorKind::Network);
    assert_kind(orders.recode_named(pear()).await, ErrorKind::Network);
    assert_kind(orders.object(pear()).await, ErrorKind::Network);
    assert_kind(orders.itself(pear()).await, ErrorKind::Network);
    let orders = OrdersClient::new(client_of(&self::orders().await).await);
    assert_kind(orders.object("hang".to_owned()).await, ErrorKind::Timeout);
    assert_kind(orders.itself("hang".to_owned()).await, ErrorKind::Timeout);
}

#[tokio::test]
async fn an_error_that_the_other_method_does_not_declare_becomes_an_internal_error() {
    let orders = OrdersClient::new(client_of(&self::orders().await).await);
    assert_kind(orders.relay("unknown".to_owned()).await, ErrorKind::NotFound);
    assert_kind(orders.relay("panic".to_owned()).await, ErrorKind::Internal);
    assert_kind(orders.recode("panic".to_owned()).await, ErrorKind::Internal);
}

#[tokio::test]
async fn an_undeclared_code_for_services_is_passed_on_by_handlers_that_answer_any_code_and_by_no_others() {
    let odd = || async { Err::<u64, _>(ErrorObject::new(2002, "odd").with_data(&7)) };
    let upstream = client_of(&Server::builder().try_method("stock.take", move |_: rpc::Params| odd()).build()).await;
    let orders =
        OrdersClient::new(Client::in_process(&Server::builder().service(OrdersServer::new(Desk(upstream))).build()));
    let error = orders.object("pear".to_owned()).await.unwrap_err();
    assert!(matches!(error, Error::Method(error) if error == ErrorObject::new(2002, "odd").with_data(&7)));
    // The client must not take it for the error that this service declares under the same code.
    assert_kind(orders.recode("pear".to_owned()).await, ErrorKind::Method);
    assert_eq!(RelayError::Odd(1).to_error_object().code().get(), 2002);
}

#[tokio::test]
async fn the_kind_of_the_first_failure_is_kept_along_a_chain_of_servers() {
    let middle = client_of(&cut_off()).await;
    let relay = move || {
        let orders = OrdersClient::new(middle.clone());
        async move { Ok::<_, ErrorObject>(orders.object("pear".to_owned()).await?) }
    };
    let client = Client::in_process(&Server::builder().try_method("relay", relay).build());
    assert_kind(client.call::<u64>("relay", ()).await, ErrorKind::Network);
}

#[tokio::test]
async fn a_failure_is_logged_with_its_kind_and_sources() {
    let (told, _guard) = Told::begin();
    let orders = OrdersClient::new(Client::in_process(&cut_off()));
    let _ = (orders.relay("pear".to_owned()).await, orders.recode("pear".to_owned()).await);
    let logs = failures(&told);
    let methods: Vec<_> = logs.iter().map(|log| log.fields.get("method").unwrap()).collect();
    assert_eq!(methods, ["order.relay", "order.recode"]);
    for log in logs {
        let error = log.fields.get("error").unwrap();
        assert!(error.starts_with("call to another server failed (network): cannot connect to the server"), "{error}");
    }
}

#[test]
fn wrapped_errors_of_calls_declare_what_the_called_method_does() {
    let codes = |set: &rpc::ErrorSet| set.iter().map(|spec| spec.code.get()).collect::<Vec<_>>();
    assert_eq!(codes(RelayError::ERRORS), [2002, 1001, 1002]);
    assert_eq!(codes(RecodeError::ERRORS), [1001, 2001, 2002]);
    assert!(RelayError::ERRORS.find(1002.into()).unwrap().retryable);
}
