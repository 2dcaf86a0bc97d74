//! Errors in handlers: a database error that stays on the server, errors of a call to another server, and a handler
//! that forbids a call.
//!
//! Run with: cargo run --example handler_errors
//!
//! With `tracing-subscriber` set up, the errors that stay on the server are logged as `handler failed`. Here, a layer
//! prints them.

use std::error::Error as _;

use rpc::middleware::{Next, Request, Response, from_fn};
use rpc::{Client, Context, Denied, Error, Internal, InternalExt as _, RpcError, Server};

/// Stands in for a database crate. Only the server depends on it.
mod db {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read table `orders`")]
    pub(crate) struct DbError(#[source] std::io::Error);

    pub(crate) fn owner(order: u64) -> Result<Option<&'static str>, DbError> {
        match order {
            1 => Ok(Some("ann")),
            2 => Err(DbError(std::io::Error::other("disk 7 is gone"))),
            _ => Ok(None),
        }
    }
}

#[derive(Debug, thiserror::Error, RpcError)]
enum StockError {
    #[error("{item} is sold out")]
    #[rpc(code = 1001)]
    SoldOut { item: String },
}

/// A warehouse, another service.
#[rpc::service(namespace = "stock")]
trait Stock {
    /// Takes an item off the shelf.
    async fn take(&self, item: String) -> Result<u64, StockError>;
}

struct Shelf;

impl Stock for Shelf {
    async fn take(&self, item: String) -> Result<u64, StockError> {
        if item == "apple" { Ok(1) } else { Err(StockError::SoldOut { item }) }
    }
}

#[derive(Debug, thiserror::Error, RpcError)]
enum OrderError {
    #[error("order {id} not found")]
    #[rpc(code = 1001)]
    NotFound { id: u64 },
    /// The other service also uses code 1001. Its errors travel under a separate code of this service.
    #[error("stock: {0}")]
    #[rpc(code = 2001)]
    Stock(#[from] Error<StockError>),
    #[error(transparent)]
    #[rpc(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    #[rpc(internal)]
    Internal(#[from] Internal),
}

/// Orders. Only the owner of an order can ship it.
#[rpc::service(namespace = "order")]
trait Orders {
    /// Ships an item of an order.
    async fn ship(&self, id: u64, item: String, #[rpc(context)] cx: &Context) -> Result<u64, OrderError>;
}

struct Desk {
    stock: StockClient,
}

impl Orders for Desk {
    async fn ship(&self, id: u64, item: String, cx: &Context) -> Result<u64, OrderError> {
        let owner = db::owner(id).internal()?.ok_or(OrderError::NotFound { id })?;
        if cx.headers().get("x-user").is_none_or(|user| user != owner) {
            Err(Denied::forbidden("not yours"))?;
        }
        Ok(self.stock.take(item).await?)
    }
}

/// Prints the errors that callers do not see.
async fn print_hidden(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(hidden) = response.error_object().as_ref().and_then(|error| error.source()) {
        println!("server:   {hidden}: {}", hidden.source().map_or_else(String::new, ToString::to_string));
    }
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stock = Server::builder().service(StockServer::new(Shelf)).build().bind("127.0.0.1:0").await?.spawn();
    let stock_client = StockClient::new(Client::new(format!("http://{}", stock.local_addr()))?);
    let orders = OrdersServer::new(Desk { stock: stock_client });
    let server = Server::builder().service(orders).layer(from_fn(print_hidden)).build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let client_of = |user| Client::builder().endpoint(format!("http://{}", server.local_addr())).header("x-user", user);
    let (ann, bob) = (OrdersClient::new(client_of("ann").build()?), OrdersClient::new(client_of("bob").build()?));

    let ship = async |orders: &OrdersClient, id, item: &str| match orders.ship(id, item.to_owned()).await {
        Ok(left) => println!("ok:       {left}"),
        Err(Error::Method(OrderError::Stock(Error::Method(error)))) => println!("stock:    {error}"),
        Err(Error::Method(error)) => println!("order:    {error}"),
        Err(error) => println!("{:<9} {error}", format!("{}:", error.kind())),
    };
    ship(&ann, 1, "apple").await;
    ship(&ann, 1, "pear").await;
    ship(&ann, 3, "apple").await;
    ship(&ann, 2, "apple").await;
    ship(&bob, 1, "apple").await;
    // The stock service is down.
    stock.shutdown().await;
    ship(&ann, 1, "apple").await;
    server.shutdown().await;
    Ok(())
}
