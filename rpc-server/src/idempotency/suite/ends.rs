//! Rules for [`finish`](crate::idempotency::Store::finish): what a retry gets after a call has ended.

use uuid::Uuid;

use super::fixture::{LONG, Stores, SuiteCall, kept, result};
use crate::idempotency::{Begin, End, Lease};

pub(super) async fn check(stores: &Stores) {
    what_is_kept_is_given_back_byte_for_byte(stores).await;
    a_released_key_is_as_if_it_had_never_been_used(stores).await;
    what_is_unknown_stays_unknown(stores).await;
    the_first_end_counts(stores).await;
    a_lease_that_is_not_the_last_one_changes_nothing(stores).await;
}

async fn what_is_kept_is_given_back_byte_for_byte(stores: &Stores) {
    for kept in kept() {
        let call = SuiteCall::new();
        let lease = stores.fresh(call, LONG, "a new key").await;
        stores.finish(1, lease, End::Kept(kept.clone())).await;
        for handle in 0..stores.handles.len() {
            match stores.begin(handle, call, LONG).await {
                Begin::Done(again) => {
                    assert_eq!(again.code, kept.code, "a call that is done has its code again");
                    assert!(again.outcome == kept.outcome, "a call that is done has its outcome again, byte for byte");
                }
                other => panic!("a call whose outcome is kept is done, but it is {other:?}"),
            }
        }
    }
}

async fn a_released_key_is_as_if_it_had_never_been_used(stores: &Stores) {
    let call = SuiteCall::new();
    for _ in 0..3 {
        let lease = stores.fresh(call, LONG, "a new or released key").await;
        stores.finish(1, lease, End::Released).await;
    }
    let other = call.other();
    let lease = stores.fresh(other, LONG, "a released key under another call").await;
    stores.expect(other, &Begin::Running, "a call that was begun under a released key").await;
    stores.expect(call, &Begin::Mismatch, "a call whose released key now belongs to another").await;
    stores.finish(0, lease, End::Kept(result("2"))).await;
    stores.expect(other, &Begin::Done(result("2")), "a call that was done under a released key").await;
}

async fn what_is_unknown_stays_unknown(stores: &Stores) {
    let call = SuiteCall::new();
    let lease = stores.fresh(call, LONG, "a new key").await;
    stores.finish(1, lease, End::Unknown).await;
    stores.expect(call, &Begin::Unknown, "after an end that nobody knows").await;
    stores.expect(call, &Begin::Unknown, "after being told so already").await;
}

async fn the_first_end_counts(stores: &Stores) {
    for late in [End::Released, End::Unknown, End::Kept(result("2"))] {
        let call = SuiteCall::new();
        let lease = stores.fresh(call, LONG, "a new key").await;
        stores.finish(0, lease, End::Kept(result("1"))).await;
        stores.finish(1, lease, late.clone()).await;
        stores.expect(call, &Begin::Done(result("1")), &format!("done, and then ended once more as {late:?}")).await;
    }
    for late in [End::Released, End::Kept(result("2"))] {
        let call = SuiteCall::new();
        let lease = stores.fresh(call, LONG, "a new key").await;
        stores.finish(0, lease, End::Unknown).await;
        stores.finish(1, lease, late.clone()).await;
        stores.expect(call, &Begin::Unknown, &format!("unknown, and then ended once more as {late:?}")).await;
    }
}

async fn a_lease_that_is_not_the_last_one_changes_nothing(stores: &Stores) {
    let call = SuiteCall::new();
    let old = stores.fresh(call, LONG, "a new key").await;
    stores.finish(0, old, End::Released).await;
    let last = stores.fresh(call, LONG, "a released key").await;
    assert_ne!(old.token, last.token, "no two leases of a key are the same");
    let foreign = Lease { key: call.key, token: Uuid::new_v4() };
    for lease in [old, foreign] {
        for end in [End::Kept(result("1")), End::Released, End::Unknown] {
            stores.finish(1, lease, end.clone()).await;
            stores.expect(call, &Begin::Running, &format!("ended by a lease that is not its own as {end:?}")).await;
        }
    }
    stores.finish(0, last, End::Kept(result("2"))).await;
    stores.finish(1, old, End::Released).await;
    stores.expect(call, &Begin::Done(result("2")), "done, and then released by an old lease").await;
    // No call has begun under this key.
    stores.finish(0, Lease { key: SuiteCall::new().key, token: Uuid::new_v4() }, End::Unknown).await;
}
