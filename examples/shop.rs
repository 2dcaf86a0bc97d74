//! A small shop that describes itself, for a first tour of the command `rpc` (docs/cli.md).
//!
//! Run with: cargo run --example shop --features openrpc (-- 127.0.0.1:9000 serves elsewhere)

use std::time::Duration;

use futures_util::stream;
use rpc::auth::Bearer;
use rpc::health::Health;
use rpc::openrpc::Info;
use rpc::schemars::JsonSchema;
use rpc::{After, At, Principal, RpcError, Server, Stream};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
#[serde(rename_all = "snake_case")]
enum Status {
    Open,
    Shipped,
    Cancelled,
}

/// An order of one article.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
struct Order {
    id: u64,
    article: String,
    quantity: u32,
    status: Status,
    /// What the customer wrote.
    note: Option<String>,
}

#[derive(Debug, thiserror::Error, RpcError)]
#[rpc(openrpc)]
enum OrderError {
    #[error("order {id} does not exist")]
    #[rpc(code = 1001)]
    NotFound { id: u64 },
    #[error("only {left} of {article} are left")]
    #[rpc(code = 1002)]
    OutOfStock { article: String, left: u32 },
    /// The order is unchanged, so the client retries.
    #[error("the carrier does not answer")]
    #[rpc(code = 1003, retryable)]
    CarrierDown,
}

/// The orders of the shop.
#[rpc::service(namespace = "order", openrpc)]
trait Orders {
    /// Reads an order.
    #[rpc(readonly)]
    async fn get(&self, id: u64) -> Result<Order, OrderError>;

    /// Lists the last orders, the newest first.
    ///
    /// Without a status it lists all of them.
    #[rpc(readonly, alias = "recent")]
    async fn list(&self, status: Option<Status>, #[rpc(default = 10)] limit: usize) -> Vec<Order>;

    /// Places an order.
    async fn place(
        &self,
        article: String,
        #[rpc(default = 1)] quantity: u32,
        note: Option<String>,
    ) -> Result<Order, OrderError>;

    /// Hands an order to the carrier, which takes a second.
    #[rpc(timeout = "10s")]
    async fn ship(&self, id: u64) -> Result<Order, OrderError>;

    /// Cancels an order. An order that is cancelled already stays so.
    #[rpc(idempotent)]
    async fn cancel(&self, id: u64) -> Result<Order, OrderError>;

    /// Sends the orders in the order in which they were placed, and each new one.
    #[rpc(stream, resume)]
    fn placed(&self, after: After<u64>) -> impl Stream<Item = At<u64, Order>> + Send;

    /// Counts the articles of all orders. Only managers may know.
    #[rpc(readonly, requires = "manager")]
    async fn sold(&self) -> u64;
}

struct Shop(watch::Sender<Vec<Order>>);

/// How many pieces of one article an order may have.
const STOCK: u32 = 100;

impl Shop {
    fn set(&self, id: u64, status: Status) -> Result<Order, OrderError> {
        let mut changed = Err(OrderError::NotFound { id });
        self.0.send_modify(|orders| {
            if let Some(order) = orders.iter_mut().find(|order| order.id == id) {
                order.status = status;
                changed = Ok(order.clone());
            }
        });
        changed
    }
}

impl Orders for Shop {
    async fn get(&self, id: u64) -> Result<Order, OrderError> {
        self.0.borrow().iter().find(|order| order.id == id).cloned().ok_or(OrderError::NotFound { id })
    }

    async fn list(&self, status: Option<Status>, limit: usize) -> Vec<Order> {
        let is_wanted = |order: &&Order| status.is_none_or(|status| order.status == status);
        self.0.borrow().iter().rev().filter(is_wanted).take(limit).cloned().collect()
    }

    async fn place(&self, article: String, quantity: u32, note: Option<String>) -> Result<Order, OrderError> {
        if quantity > STOCK {
            return Err(OrderError::OutOfStock { article, left: STOCK });
        }
        let mut order = Order { id: 0, article, quantity, status: Status::Open, note };
        self.0.send_modify(|orders| {
            order.id = orders.len() as u64 + 1;
            orders.push(order.clone());
        });
        Ok(order)
    }

    async fn ship(&self, id: u64) -> Result<Order, OrderError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.set(id, Status::Shipped)
    }

    async fn cancel(&self, id: u64) -> Result<Order, OrderError> {
        self.set(id, Status::Cancelled)
    }

    fn placed(&self, after: After<u64>) -> impl Stream<Item = At<u64, Order>> + Send {
        let first = after.cursor().map_or(0, |last| *last as usize);
        stream::unfold((self.0.subscribe(), first), |(mut orders, next)| async move {
            let order = orders.wait_for(|orders| orders.len() > next).await.ok()?[next].clone();
            Some((At::new(order.id, order), (orders, next + 1)))
        })
    }

    async fn sold(&self) -> u64 {
        self.0.borrow().iter().map(|order| u64::from(order.quantity)).sum()
    }
}

/// Builds a server of a shop with two orders.
pub(crate) fn server() -> Server {
    let order = |id, article: &str, quantity| Order {
        id,
        article: article.to_owned(),
        quantity,
        status: Status::Open,
        note: None,
    };
    let (orders, _) = watch::channel(vec![order(1, "teapot", 1), order(2, "cup", 6)]);
    Server::builder()
        .service(OrdersServer::new(Shop(orders)))
        .authenticate(Bearer::new().token("manager-7c1f0e", Principal::new("ada").with_role("manager")))
        .health(Health::new().check("warehouse", || async { Ok::<_, String>(()) }))
        .openrpc(Info::new("Shop", "1.0.0").description("Takes orders and ships them."))
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = server().bind(&address).await?;
    println!("the shop is open at http://{}; ctrl-c closes it", server.local_addr());
    server.serve().await;
    Ok(())
}
