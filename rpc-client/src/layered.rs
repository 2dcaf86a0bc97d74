//! Runs a delivery inside the client's layers. It turns a payload into a `Request` for the layers, and inside the last
//! layer back into a [`Delivery`].

use std::sync::Arc;

use rpc_core::BoxFuture;

use crate::delivery::{Delivery, Manner, Payload};
use crate::engine::Engine;
use crate::error::Answered;
use crate::middleware::{Deliver, Next, Outbound, Request, through};
use crate::runtime::Instant;

/// Passes calls that share a request through the layers, which deliver them.
pub(crate) fn deliver(engine: Arc<Engine>, layers: Next, manner: Manner, payload: Payload) -> BoxFuture<Vec<Answered>> {
    let (entries, is_batch) = payload.into_entries();
    let Manner { headers, pin } = manner;
    Box::pin(through(Request::new(engine, Outbound { entries, is_batch, headers, pin }), layers))
}

impl Deliver for Engine {
    fn deliver(self: Arc<Self>, outbound: Outbound) -> BoxFuture<Vec<Answered>> {
        let Outbound { entries, is_batch, headers, pin } = outbound;
        let payload = Payload::new(entries, is_batch);
        Box::pin(Delivery::new(self, Manner { headers, pin }, payload, Instant::now()).run())
    }
}
