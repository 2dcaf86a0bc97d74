//! Coalescing: joins calls of several callers into batch requests. [`deliver`] stands between the layers of a client
//! and its deliveries.
//!
//! A call that finds a free slot runs its delivery itself, as without coalescing. Other calls gather. The caller of the
//! oldest gathered call watches for its lane: it is notified when a slot is free, has the timer, and starts the task
//! that delivers the gathered calls. If this caller goes, the next one takes its place. So no task has to outlive its
//! runtime, and no call waits for a caller that has gone.

mod coalescer;
mod joined;
mod lane_key;
mod lanes;
mod round_trips;
mod settings;

use std::sync::Arc;

use rpc_core::BoxFuture;

pub(crate) use coalescer::Coalescer;
pub use settings::Coalesce;

use crate::delivery::{Delivery, Payload, SharedParts};
use crate::engine::Engine;
use crate::error::AnswerResult;
use crate::runtime::Instant;
use coalescer::{LaneSlot, SingleTimer};
use joined::WaitingCall;
use lane_key::LaneKey;
use round_trips::Gathering;

/// Delivers a payload. A call may share its request with calls of other callers, if the client coalesces calls.
///
/// The caller must poll the future at once. It is one of three futures of different size, so that a gathered call does
/// not allocate room for a delivery.
pub(crate) fn deliver(
    engine: Arc<Engine>,
    shared: SharedParts,
    payload: Payload,
    start: Instant,
) -> BoxFuture<Vec<AnswerResult>> {
    let Some(coalescer) = engine.coalescer.clone().filter(|_| may_join(&shared, &payload)) else {
        return Box::pin(Delivery::new(engine, shared, payload, start).run());
    };
    let entry = &payload.entries()[0];
    let timer = |coalescer| SingleTimer::begin(coalescer, &entry.method, start);
    let wait = match coalescer.round_trips.gathering(&entry.method.name, entry.deadline, start) {
        Gathering::For(wait) if entry.len() < coalescer.max_bytes => wait,
        Gathering::For(_) | Gathering::Never => {
            let timer = timer(&coalescer);
            return Box::pin(deliver_alone(Delivery::new(engine, shared, payload, start), timer, None));
        }
    };
    let key = Arc::new(LaneKey::new(shared, entry, &engine.settings.retry));
    if let Some(slot) = coalescer.take_slot(&key, engine.endpoints.count()) {
        let timer = timer(&coalescer);
        return Box::pin(deliver_alone(Delivery::new(engine, key.shared(), payload, start), timer, Some(slot)));
    }
    let call = WaitingCall::gather(engine, coalescer, key, payload, start, wait);
    Box::pin(async { vec![call.wait().await] })
}

/// Returns whether a payload is a call that may share its request. The store of a ticket belongs to one call, and a
/// stream is the whole answer to its request.
fn may_join(shared: &SharedParts, payload: &Payload) -> bool {
    !payload.is_batch()
        && shared.pin.is_none()
        && payload.entries().iter().all(|entry| entry.id.is_some() && !entry.opens_stream())
}

async fn deliver_alone(delivery: Box<Delivery>, timer: SingleTimer, slot: Option<LaneSlot>) -> Vec<AnswerResult> {
    let answers = delivery.run().await;
    drop(slot);
    if answers.iter().all(Result::is_ok) {
        timer.answered();
    }
    answers
}

#[cfg(test)]
mod tests;
