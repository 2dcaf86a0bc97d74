//! The service that is served and called: here in Rust, and by other libraries in `python/shelf.py` and
//! `javascript/shelf.mjs`.

use std::sync::Mutex;

use rpc::{Limits, RpcError, Server};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) count: u32,
}

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
pub(crate) enum ShelfError {
    #[error("no room for {name}")]
    #[rpc(code = 1001)]
    Full { name: String },
}

#[rpc::service(namespace = "shelf")]
pub(crate) trait Shelf {
    #[rpc(readonly)]
    async fn add(&self, a: i64, b: i64) -> i64;

    /// Returns its argument, byte for byte.
    #[rpc(readonly)]
    async fn echo(&self, value: Box<RawValue>) -> Box<RawValue>;

    /// Counts its calls, unless it fails.
    async fn put(&self, name: String, #[rpc(default = 1)] count: u32) -> Result<Item, ShelfError>;

    async fn note(&self, text: String);

    #[rpc(readonly)]
    async fn notes(&self) -> Vec<String>;

    /// Panics, or does the equivalent in its language.
    #[rpc(readonly)]
    async fn fail(&self);
}

#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Shelf for Notes {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn echo(&self, value: Box<RawValue>) -> Box<RawValue> {
        value
    }

    async fn put(&self, name: String, count: u32) -> Result<Item, ShelfError> {
        if count > 100 {
            return Err(ShelfError::Full { name });
        }
        self.note(format!("put {name}")).await;
        Ok(Item { name, count })
    }

    async fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    async fn notes(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn fail(&self) {
        panic!("as the test wants it");
    }
}

/// Builds a server with a new shelf.
pub(crate) fn server() -> Server {
    let mut limits = Limits::default();
    limits.max_request_bytes = 4 << 20;
    Server::builder().limits(limits).service(ShelfServer::new(Notes::default())).build()
}
