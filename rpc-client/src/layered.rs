//! Runs a delivery inside the client's layers. It turns a payload into a `Request` for the layers, and inside the last
//! layer back into a payload to deliver.

use std::sync::Arc;

use rpc_core::BoxFuture;

use crate::coalesce;
use crate::delivery::{Payload, SharedParts};
use crate::engine::Engine;
use crate::error::AnswerResult;
use crate::middleware::{DeliverRequest, Next, OutboundRequest, Request, through};
use crate::runtime::Instant;

/// Passes calls that share a request through the layers, which deliver them.
pub(crate) fn deliver(
    engine: Arc<Engine>,
    layers: Next,
    shared: SharedParts,
    payload: Payload,
) -> BoxFuture<Vec<AnswerResult>> {
    let (entries, is_batch) = payload.into_entries();
    Box::pin(through(Request::new(engine, OutboundRequest { entries, is_batch, shared }), layers))
}

impl DeliverRequest for Engine {
    fn deliver(self: Arc<Self>, outbound: OutboundRequest) -> BoxFuture<Vec<AnswerResult>> {
        let OutboundRequest { entries, is_batch, shared } = outbound;
        let payload = Payload::new(entries, is_batch);
        coalesce::deliver(self, shared, payload, Instant::now())
    }
}
