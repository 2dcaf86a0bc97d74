//! Rules for time: leases that expire, late ends, waiting calls, and keys that must be remembered.

use std::time::Duration;

use tokio::time::Instant;

use super::fixture::{EVENT_TIMEOUT, LONG, SHORT, Stores, SuiteCall, WATCHED, result};
use crate::idempotency::{Begin, End};

pub(super) async fn check(stores: &Stores) {
    tokio::join!(
        a_lease_that_ran_out_leaves_its_key_unknown(stores),
        a_late_end_counts_unless_it_is_too_late(stores),
        who_waits_is_let_go(stores),
        nothing_is_forgotten_within_its_time(stores),
    );
}

async fn a_lease_that_ran_out_leaves_its_key_unknown(stores: &Stores) {
    let call = SuiteCall::new();
    let start = Instant::now();
    stores.fresh(call, SHORT, "a new key").await;
    loop {
        let known = stores.begin(1, call, LONG).await;
        match known {
            Begin::Running => {
                assert!(start.elapsed() < EVENT_TIMEOUT, "a call is not running when its lease has run out")
            }
            Begin::Unknown => break,
            other => panic!("a key whose lease has run out is unknown, but it is {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The lease began after `start`.
    assert!(start.elapsed() >= SHORT, "a call is running until its lease has run out");
    stores.expect(call, &Begin::Unknown, "after a lease that ran out").await;
    stores.expect(call.other(), &Begin::Mismatch, "another call after a lease that ran out").await;
}

async fn a_late_end_counts_unless_it_is_too_late(stores: &Stores) {
    let call = SuiteCall::new();
    let lease = stores.fresh(call, SHORT, "a new key").await;
    let known = stores.after_running(call).await;
    assert_eq!(known, Begin::Unknown, "a key whose lease has run out is unknown");
    stores.finish(0, lease, End::Kept(result("1"))).await;
    // A store may note such an end.
    let known = stores.begin(1, call, LONG).await;
    assert!(
        [Begin::Unknown, Begin::Done(result("1"))].contains(&known),
        "a call that ended after its lease is unknown or done, but it is {known:?}"
    );
}

async fn who_waits_is_let_go(stores: &Stores) {
    let call = SuiteCall::new();
    let lease = stores.fresh(call, LONG, "a new key").await;
    let settled = |limit| tokio::time::timeout(EVENT_TIMEOUT, stores.handles[1].settled(call.key, limit));
    assert!(settled(Duration::from_millis(50)).await.is_ok(), "nobody waits for a running call beyond the limit");
    let ended = async {
        tokio::task::yield_now().await;
        stores.finish(0, lease, End::Kept(result("1"))).await;
    };
    let (settled, ()) = tokio::join!(settled(LONG), ended);
    assert!(settled.is_ok(), "who waits for a running call is let go when it ends");
    let unused = stores.handles[1].settled(SuiteCall::new().key, LONG);
    assert!(tokio::time::timeout(EVENT_TIMEOUT, unused).await.is_ok(), "nobody waits for a call that was never begun");
}

async fn nothing_is_forgotten_within_its_time(stores: &Stores) {
    let ttl = stores.handles[0].info().ttl;
    let [done, unknown, left] = [SuiteCall::new(), SuiteCall::new(), SuiteCall::new()];
    let start = Instant::now();
    let lease = stores.fresh(done, LONG, "a new key").await;
    stores.finish(0, lease, End::Kept(result("1"))).await;
    let lease = stores.fresh(unknown, LONG, "a new key").await;
    stores.finish(0, lease, End::Unknown).await;
    stores.fresh(left, Duration::from_millis(1), "a new key").await;
    assert_eq!(stores.after_running(left).await, Begin::Unknown, "a key whose lease has run out is unknown");
    while start.elapsed() < ttl.min(WATCHED) {
        // Meanwhile other keys begin and end, for stores that clear expired keys while they are used.
        let lease = stores.fresh(SuiteCall::new(), LONG, "a new key").await;
        stores.finish(1, lease, End::Released).await;
        for (call, expected) in [(done, Begin::Done(result("1"))), (unknown, Begin::Unknown), (left, Begin::Unknown)] {
            let known = stores.begin(2, call, LONG).await;
            // A result that comes too late proves nothing.
            let age = start.elapsed();
            assert!(
                age >= ttl || known == expected,
                "nothing is forgotten within {ttl:?}, but what was {expected:?} is {known:?} after {age:?}"
            );
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
