//! Splits calls off a joined request. Each call that is retried continues in a delivery of its own, so that the delay
//! of one call does not hold up the others, which belong to other callers.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::Effect;
use tokio::sync::mpsc;

use super::Delivery;
use super::endpoint_choice::EndpointChoice;
use super::entry::Entry;
use super::payload::Payload;
use super::split_state::{SplitDelivery, SplitState};
use super::store_plan::StorePlan;
use crate::credentials::Authorization;
use crate::runtime::{Instant, sleep};

impl Delivery {
    /// Lets calls leave the delivery when they are retried. They arrive at the receiver.
    pub(crate) fn splitting(mut self: Box<Self>) -> (Box<Self>, mpsc::UnboundedReceiver<SplitDelivery<Self>>) {
        let (splits, receiver) = mpsc::unbounded_channel();
        self.split = Some(Box::new(SplitState { splits: Some(splits), pause: None }));
        (self, receiver)
    }

    /// Returns whether calls that are retried leave this delivery.
    pub(super) fn is_splitting(&self) -> bool {
        self.payload.is_batch() && self.split.as_ref().is_some_and(|split| split.splits.is_some())
    }

    /// Returns whether an entry can leave. A call with an effect that may have run stays with the delivery, which knows
    /// the store of its key.
    pub(super) fn can_leave(entry: &Entry) -> bool {
        entry.joined.is_some() && !(entry.uncertain() && entry.effect == Effect::Once)
    }

    /// Lets the entry at this position leave, and retries it after a pause.
    pub(super) fn split_off(&mut self, index: usize, pause: Duration) {
        let entry = &mut self.payload.entries_mut()[index];
        let Some(caller) = entry.joined.clone() else { return };
        caller.split_off();
        let payload = Payload::single(entry.split_off());
        let endpoint = EndpointChoice::after(&self.endpoint);
        let watching = self.engine.observer.watch(&payload, &endpoint.current.labels, Instant::now());
        let mut headers = self.headers.clone();
        self.authorization.remove_from(headers.as_deref_mut());
        let delivery = Box::new(Self {
            engine: Arc::clone(&self.engine),
            endpoint,
            headers,
            payload,
            plan: StorePlan::new(None),
            authorization: Authorization::default(),
            start: self.start,
            sent: self.sent,
            number: self.number,
            hedged: None,
            paid: None,
            split: Some(Box::new(SplitState { splits: None, pause: Some(pause) })),
            watching,
        });
        if let Some(splits) = self.split.as_ref().and_then(|split| split.splits.as_ref()) {
            // It fails only if nobody waits for the request any more.
            let _ = splits.send(SplitDelivery { caller, delivery });
        }
    }

    /// Waits for the retry of a call that has left its request. Returns when the first attempt begins.
    pub(super) async fn resume(&mut self) -> Instant {
        let Some(pause) = self.split.as_ref().and_then(|split| split.pause) else { return self.start };
        if !pause.is_zero() {
            sleep(pause).await;
        }
        if self.endpoint.is_guarded_single {
            self.endpoint.begin_at_single(&self.engine, &self.payload);
        } else if self.engine.endpoints.are_many() {
            self.move_on().await;
        }
        Instant::now()
    }
}
