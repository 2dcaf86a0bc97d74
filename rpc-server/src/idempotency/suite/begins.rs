//! Rules for [`begin`](crate::idempotency::Store::begin): exactly one caller gets a fresh lease, and keys do not
//! interfere.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::fixture::{LONG, Stores, SuiteCall, result};
use crate::idempotency::{Begin, End};

pub(super) async fn check(stores: &Stores) {
    one_of_many_concurrent_begins_is_fresh(stores).await;
    a_call_is_running_until_it_ends(stores).await;
    keys_are_apart(stores).await;
    a_key_belongs_to_one_call(stores).await;
}

async fn one_of_many_concurrent_begins_is_fresh(stores: &Stores) {
    for round in 0..20 {
        let call = SuiteCall::new();
        let mut begins = JoinSet::new();
        for number in 0..24 {
            let handle = Arc::clone(&stores.handles[number % stores.handles.len()]);
            begins.spawn(async move { handle.begin(call.request(LONG)).await });
        }
        let begins = begins.join_all().await;
        let fresh = begins.iter().filter(|begin| matches!(begin, Ok(Begin::Fresh(_)))).count();
        let running = begins.iter().filter(|begin| matches!(begin, Ok(Begin::Running))).count();
        assert_eq!(
            (fresh, running),
            (1, begins.len() - 1),
            "of those that begin a key at the same time, one is told that it is fresh and all others that it is running \
             (round {round})"
        );
    }
}

async fn a_call_is_running_until_it_ends(stores: &Stores) {
    let call = SuiteCall::new();
    stores.fresh(call, LONG, "a new key").await;
    stores.expect(call, &Begin::Running, "before a call's end").await;
}

async fn keys_are_apart(stores: &Stores) {
    let call = SuiteCall::new();
    let lease = stores.fresh(call, LONG, "a new key").await;
    stores.finish(0, lease, End::Kept(result("1"))).await;
    // Each key differs in one bit, in any byte.
    for byte in 0..32 {
        let mut near = call;
        near.key.0[byte] ^= 1 << (byte % 8);
        let lease = stores.fresh(near, LONG, "a key that differs from another in one bit").await;
        stores.finish(0, lease, End::Unknown).await;
    }
    stores.expect(call, &Begin::Done(result("1")), "after others with keys that differ in one bit").await;
}

async fn a_key_belongs_to_one_call(stores: &Stores) {
    let call = SuiteCall::new();
    let lease = stores.fresh(call, LONG, "a new key").await;
    stores.expect(call.other(), &Begin::Mismatch, "another call with the key of one that runs").await;
    stores.finish(1, lease, End::Kept(result("1"))).await;
    stores.expect(call.other(), &Begin::Mismatch, "another call with the key of one that is done").await;
    let mut near = call;
    near.fingerprint.0[31] ^= 1;
    stores.expect(near, &Begin::Mismatch, "a call whose fingerprint differs in one bit").await;
    stores.expect(call, &Begin::Done(result("1")), "after others that did not match").await;

    let call = SuiteCall::new();
    let lease = stores.fresh(call, LONG, "a new key").await;
    stores.finish(0, lease, End::Unknown).await;
    stores.expect(call.other(), &Begin::Mismatch, "another call with the key of one that is unknown").await;
}
