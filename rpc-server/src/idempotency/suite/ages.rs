//! Rules for the time at which a key was first sent: old keys and keys from the future do not begin.

use std::time::Duration;

use tokio::time::Instant;

use super::fixture::{EVENT_TIMEOUT, LONG, Stores, SuiteCall, WATCHED, result};
use crate::idempotency::{Begin, End};

pub(super) async fn check(stores: &Stores) {
    a_key_that_was_just_sent_is_fresh(stores).await;
    a_key_that_is_known_is_not_forgotten(stores).await;
    a_key_that_may_be_forgotten_is_not_begun(stores).await;
    a_key_that_was_sent_in_the_future_is_not_begun(stores).await;
}

async fn a_key_that_was_just_sent_is_fresh(stores: &Stores) {
    for (number, handle) in stores.handles.iter().enumerate() {
        let known = stores.ask(number + 1, SuiteCall::new().request(LONG).sent(Some(handle.now()))).await;
        assert!(matches!(known, Begin::Fresh(_)), "a new key that was sent now is fresh, but it is {known:?}");
    }
}

async fn a_key_that_is_known_is_not_forgotten(stores: &Stores) {
    let call = SuiteCall::new();
    let lease = stores.fresh(call, LONG, "a new key").await;
    let old = call.request(LONG).sent(Some(Duration::ZERO));
    assert_eq!(stores.ask(1, old).await, Begin::Running, "a call that runs is running, however old its key is");
    stores.finish(0, lease, End::Kept(result("1"))).await;
    assert_eq!(stores.ask(1, old).await, Begin::Done(result("1")), "a call that is done is so, however old its key is");
}

async fn a_key_that_may_be_forgotten_is_not_begun(stores: &Stores) {
    let ttl = stores.handles[0].info().ttl;
    // A clock that has only just begun to count does not reach back that far.
    let Some(sent) = stores.handles[0].now().checked_sub(ttl) else { return };
    let call = SuiteCall::new();
    for handle in 0..stores.handles.len() {
        let known = stores.ask(handle, call.request(LONG).sent(Some(sent))).await;
        assert_eq!(known, Begin::Forgotten, "a new key that is older than the store's memory is never fresh");
    }
    stores.fresh(call, LONG, "a key that was forgotten, and of which nobody says how old it is,").await;
}

async fn a_key_that_was_sent_in_the_future_is_not_begun(stores: &Stores) {
    for handle in 0..stores.handles.len() {
        let sent = stores.handles[handle].now() + 100 * LONG;
        let known = stores.ask(handle, SuiteCall::new().request(LONG).sent(Some(sent))).await;
        assert_eq!(known, Begin::Forgotten, "a new key that was sent long after now is never fresh");
    }
}

/// Begins a key with the time at which it was sent, again and again until the store has forgotten it.
pub(super) async fn watch(stores: &Stores) {
    let ttl = stores.handles[0].info().ttl;
    if ttl > WATCHED {
        return;
    }
    let call = SuiteCall::new();
    let start = Instant::now();
    let request = call.request(Duration::from_millis(1)).sent(Some(stores.handles[0].now()));
    let Begin::Fresh(lease) = stores.ask(1, request).await else { panic!("a new key that was sent now is fresh") };
    stores.finish(0, lease, End::Kept(result("1"))).await;
    loop {
        let known = stores.ask(2, request).await;
        let age = start.elapsed();
        match known {
            Begin::Done(_) => assert!(age < ttl + EVENT_TIMEOUT, "a key is forgotten some time"),
            other if age < ttl => panic!("nothing is forgotten within {ttl:?}, but what was done is {other:?}"),
            Begin::Forgotten => return,
            other => panic!("a key is never fresh again by the time at which it was sent, but it is {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
