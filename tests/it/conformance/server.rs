use std::collections::BTreeMap;
use std::net::SocketAddr;

use rpc::{Context, ErrorObject, Params, RpcError, Server};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use support::{serve, serve_app};

/// Builds the server for all tables.
pub(crate) fn build() -> Server {
    let server = Server::builder()
        .service(ArithmeticServer::new(Calculator))
        .service(TolerantServer::new(Calculator))
        .method("sum", |numbers: Vec<i64>| async move { numbers.iter().sum::<i64>() })
        .method("update", |_: Vec<i64>| async {})
        .method("notify_sum", |_: Vec<i64>| async {})
        .method("notify_hello", |_: (i64,)| async {})
        .method("get_data", || async { ("hello", 5) })
        .method("ping", || async { "pong" })
        .method("echo", |params: Params| async { params })
        .method("floats", |floats: Vec<f64>| async { floats })
        .method("move", |to: Point| async { to })
        .method("id", |cx: Context| async move { cx.id().map(ToString::to_string) })
        .method("", || async { "the empty name" })
        .method("größe", || async { "ünïcödé \u{1f980} \u{0} \u{2028}" });
    failing(server).allow_origin("https://app.example").build()
}

/// Adds methods that fail in every way that a handler can.
fn failing(server: rpc::ServerBuilder) -> rpc::ServerBuilder {
    server
        .method("panic.closure", || async {
            if true {
                panic!("a secret of the closure");
            }
        })
        .method("panic.start", panicking_before_the_future as fn() -> std::future::Ready<()>)
        .method("panic.serialize", || async { Unserializable::Panics })
        .method("unserializable", || async { Unserializable::Fails })
        .method("map_with_odd_keys", || async { BTreeMap::from([((1, 2), 3)]) })
        .try_method(
            "fail",
            |(code, message): (i64, String)| async move { Err::<(), _>(ErrorObject::new(code, message)) },
        )
        .try_method("fail.with_null", || async { Err::<(), _>(ErrorObject::new(7, "seven").with_data(&None::<u8>)) })
}

fn panicking_before_the_future() -> std::future::Ready<()> {
    panic!("a secret from before the future")
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    x: i32,
    y: i32,
}

enum Unserializable {
    Fails,
    Panics,
}

impl Serialize for Unserializable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fails => Err(S::Error::custom("a secret of the serializer")),
            Self::Panics => panic!("a secret of the panicking serializer"),
        }
    }
}

#[derive(Debug, thiserror::Error, RpcError)]
pub(crate) enum ArithmeticError {
    #[error("cannot divide {dividend} by zero")]
    #[rpc(code = 1001)]
    DivisionByZero { dividend: i64 },
}

#[rpc::service]
pub(crate) trait Arithmetic {
    /// The specification's own example.
    #[rpc(readonly, alias = "minus")]
    fn subtract(&self, minuend: i64, subtrahend: i64) -> i64;

    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, ArithmeticError>;

    fn transfer(&self, wei: u128) -> u128;

    #[rpc(name = "page")]
    fn page_of(
        &self,
        #[rpc(default = 10)] limit: u32,
        after: Option<String>,
        #[rpc(name = "newestFirst", default)] newest_first: bool,
    ) -> (u32, Option<String>, bool);

    fn nothing(&self);

    fn panic_sync(&self);

    async fn panic_async(&self);
}

/// A service that ignores unknown parameters.
#[rpc::service(namespace = "tolerant", lenient)]
pub(crate) trait Tolerant {
    fn add(&self, a: i64, b: i64) -> i64;
}

#[derive(Debug)]
struct Calculator;

impl Arithmetic for Calculator {
    fn subtract(&self, minuend: i64, subtrahend: i64) -> i64 {
        minuend - subtrahend
    }

    fn transfer(&self, wei: u128) -> u128 {
        wei
    }

    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, ArithmeticError> {
        dividend.checked_div(divisor).ok_or(ArithmeticError::DivisionByZero { dividend })
    }

    fn page_of(&self, limit: u32, after: Option<String>, newest_first: bool) -> (u32, Option<String>, bool) {
        (limit, after, newest_first)
    }

    fn nothing(&self) {}

    fn panic_sync(&self) {
        panic!("a secret of the sync method");
    }

    async fn panic_async(&self) {
        tokio::task::yield_now().await;
        panic!("a secret of the async method");
    }
}

impl Tolerant for Calculator {
    fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

/// Serves standalone and as part of an axum application. Returns both addresses.
pub(crate) async fn serve_both(server: &Server) -> [(&'static str, SocketAddr); 2] {
    [("standalone", serve(server).await), ("axum", serve_app(server.clone().into_router()).await)]
}
