//! Our server, from a trait as its users write it.

use std::sync::Arc;

use bytes::Bytes;
use rpc::idempotency::Store;
use rpc::middleware::{Next, Request, from_fn};
use rpc::{Dispatch, Limits, RequestContext, Server};

use crate::workload::{self, Subtract, User};

/// The service. Its client is the one that is measured too.
#[rpc::service]
pub(crate) trait Api {
    async fn subtract(&self, a: i64, b: i64) -> i64;
    async fn page(&self, offset: u64, limit: u64) -> Vec<User>;
    async fn echo(&self, text: String) -> String;
    async fn burn(&self, micros: u64) -> u64;
    async fn nap(&self, millis: u64) -> u64;
}

struct Workload;

impl Api for Workload {
    async fn subtract(&self, a: i64, b: i64) -> i64 {
        workload::subtract(a, b).await
    }

    async fn page(&self, offset: u64, limit: u64) -> Vec<User> {
        workload::page(offset, limit).await
    }

    async fn echo(&self, text: String) -> String {
        workload::echo(text).await
    }

    async fn burn(&self, micros: u64) -> u64 {
        workload::burn(micros).await
    }

    async fn nap(&self, millis: u64) -> u64 {
        workload::nap(millis).await
    }
}

pub(crate) fn server() -> Server {
    Server::builder().service(ApiServer::new(Workload)).limits(limits()).build()
}

/// Builds the server with two layers that do nothing.
pub(super) fn layered() -> Server {
    let layer = || from_fn(|request: Request, next: Next| next.run(request));
    Server::builder().service(ApiServer::new(Workload)).layer(layer()).layer(layer()).limits(limits()).build()
}

/// Builds the server with another store of idempotency keys.
pub(crate) fn server_with(store: impl Store) -> Server {
    Server::builder().service(ApiServer::new(Workload)).idempotency_store(store).build()
}

/// Builds the server, or one with `methods` methods, `subtract` included.
pub(super) fn server_of(methods: Option<usize>) -> Server {
    let Some(methods) = methods else { return server() };
    let names = (1..methods).map(|number| format!("subtract_{number}")).chain(["subtract".to_owned()]);
    let builder = names.fold(Server::builder(), |builder, name| {
        builder.method(name, |Subtract { a, b }: Subtract| workload::subtract(a, b))
    });
    builder.limits(limits()).build()
}

/// Raises the one limit that a batch of 10,000 would exceed.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_batch_entries = 10_000;
    limits
}

pub(super) async fn answer(server: &Server, request: Bytes) -> Bytes {
    server.dispatch(request, Arc::new(RequestContext::default())).await.body
}
