use std::time::Duration;

use tokio::time::{Instant, advance};

use super::entry::KEY_BYTES;
use super::{Begin, BeginRequest, End, Key, Lease, MemoryStore, Store, StoreError};
use crate::idempotency::{Fingerprint, Kept};

const TTL: Duration = Duration::from_secs(120);
const LEASE: Duration = Duration::from_secs(30);
const SAME: Fingerprint = Fingerprint([1; 32]);

fn key(number: usize) -> Key {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[31] = bytes[0];
    Key(bytes)
}

fn kept(bytes: usize) -> Kept {
    Kept { code: None, outcome: vec![b'1'; bytes].into() }
}

async fn begin(store: &MemoryStore, number: usize) -> Begin {
    store.begin(BeginRequest::new(key(number), SAME, LEASE)).await.unwrap()
}

async fn fresh(store: &MemoryStore, number: usize) -> Lease {
    let Begin::Fresh(lease) = begin(store, number).await else { panic!("key {number} is not fresh") };
    lease
}

#[tokio::test(start_paused = true)]
async fn a_key_is_remembered_until_its_time_after_the_end() {
    let store = MemoryStore::new();
    let lease = fresh(&store, 1).await;
    advance(LEASE / 2).await;
    store.finish(lease, End::Kept(kept(3))).await.unwrap();
    advance(TTL - Duration::from_nanos(1)).await;
    assert_eq!(begin(&store, 1).await, Begin::Done(kept(3)));
    advance(Duration::from_nanos(1)).await;
    fresh(&store, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_without_an_end_is_remembered_until_its_time_after_the_lease() {
    let store = MemoryStore::new();
    fresh(&store, 1).await;
    advance(LEASE - Duration::from_nanos(1)).await;
    assert_eq!(begin(&store, 1).await, Begin::Running);
    advance(Duration::from_nanos(1)).await;
    assert_eq!(begin(&store, 1).await, Begin::Unknown);
    advance(TTL - Duration::from_nanos(1)).await;
    assert_eq!(begin(&store, 1).await, Begin::Unknown);
    advance(Duration::from_nanos(1)).await;
    fresh(&store, 1).await;
}

/// The client believes that the store's clock shows a later time than it does, as after the machine slept.
#[tokio::test(start_paused = true)]
async fn a_key_that_was_sent_in_the_future_is_remembered_from_then_on() {
    let (store, ahead) = (MemoryStore::new(), Duration::from_secs(50));
    let request = BeginRequest::new(key(1), SAME, LEASE).sent(Some(ahead));
    let Begin::Fresh(lease) = store.begin(request).await.unwrap() else { panic!("it is fresh") };
    store.finish(lease, End::Kept(kept(3))).await.unwrap();
    advance(TTL + ahead - Duration::from_nanos(1)).await;
    assert_eq!(store.begin(request).await.unwrap(), Begin::Done(kept(3)));
    advance(Duration::from_nanos(1)).await;
    assert_eq!(store.begin(request).await.unwrap(), Begin::Forgotten);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_over_are_cleared_away_by_others_as_they_come() {
    let store = MemoryStore::new();
    for number in 0..10_000 {
        let lease = fresh(&store, number).await;
        store.finish(lease, End::Kept(kept(100))).await.unwrap();
    }
    assert_eq!(store.room.held(), 10_000 * (KEY_BYTES + 100));
    advance(TTL + TTL / 16).await;
    for number in 10_000..20_000 {
        fresh(&store, number).await;
    }
    // Not all of them, because shards are not used equally.
    assert!(store.room.held() < 10_100 * KEY_BYTES, "{store:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_call_is_kept_while_others_are_cleared_away() {
    let store = MemoryStore::new();
    let Begin::Fresh(long) = store.begin(BeginRequest::new(key(0), SAME, 5 * TTL)).await.unwrap() else {
        panic!("the key is not fresh")
    };
    for round in 1..20 {
        advance(TTL / 4).await;
        for number in 0..1_000 {
            fresh(&store, round * 1_000 + number).await;
        }
        assert_eq!(begin(&store, 0).await, Begin::Running, "round {round}");
    }
    store.finish(long, End::Kept(kept(1))).await.unwrap();
    advance(TTL / 2).await;
    assert_eq!(begin(&store, 0).await, Begin::Done(kept(1)));
}

#[tokio::test(start_paused = true)]
async fn a_full_store_refuses_new_keys_and_forgets_none() {
    let store = MemoryStore::new().max_bytes(100 * KEY_BYTES);
    let mut began = 0;
    let refused = loop {
        match store.begin(BeginRequest::new(key(began), SAME, LEASE)).await {
            Ok(begin) => assert!(matches!(begin, Begin::Fresh(_))),
            Err(error) => break error,
        }
        began += 1;
    };
    assert!(refused.is_full());
    assert_eq!(began, 87, "an eighth is kept for answers");
    for number in 0..began {
        assert_eq!(begin(&store, number).await, Begin::Running);
    }
    assert!(store.begin(BeginRequest::new(key(began), SAME, LEASE)).await.is_err());
    // Expired keys make room, in any shard.
    advance(LEASE + TTL + TTL / 16).await;
    for number in 1_000..1_000 + began {
        fresh(&store, number).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_fit_leaves_a_key_that_says_that_its_call_ran() {
    let store = MemoryStore::new().max_bytes(100 * KEY_BYTES).max_scope_bytes(usize::MAX);
    let lease = fresh(&store, 1).await;
    let error = store.finish(lease, End::Kept(kept(100 * KEY_BYTES))).await.unwrap_err();
    assert!(error.is_full() && !error.is_over_share());
    assert_eq!(begin(&store, 1).await, Begin::Done(Kept::without_answer()));
    assert_eq!(store.room.held(), KEY_BYTES);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_leaves_a_key_that_says_that_its_call_ran() {
    let store = MemoryStore::new().max_answer_bytes(100);
    let lease = fresh(&store, 1).await;
    store.finish(lease, End::Kept(kept(101))).await.unwrap();
    assert_eq!(begin(&store, 1).await, Begin::Done(Kept::without_answer()));
    let lease = fresh(&store, 2).await;
    store.finish(lease, End::Kept(kept(100))).await.unwrap();
    assert_eq!(begin(&store, 2).await, Begin::Done(kept(100)));
}

/// Makes a key of this owner. The owner 0 is all anonymous callers.
fn key_of(owner: u8, number: u8) -> Key {
    let mut bytes = [0; 32];
    (bytes[0], bytes[16], bytes[31]) = (owner, number, number);
    Key(bytes)
}

/// Begins keys of an owner until one is refused. Returns the number of begun keys, and the error.
async fn fill(store: &MemoryStore, owner: u8) -> (u8, StoreError) {
    for number in 0.. {
        if let Err(error) = store.begin(BeginRequest::new(key_of(owner, number), SAME, LEASE)).await {
            return (number, error);
        }
    }
    unreachable!("a share has an end")
}

#[tokio::test(start_paused = true)]
async fn each_owner_fills_its_share_and_no_more() {
    let store = MemoryStore::new().max_bytes(160 * KEY_BYTES);
    let (anonymous, error) = fill(&store, 0).await;
    assert_eq!((anonymous, error.is_over_share()), (70, true), "seven eighths of a half");
    for owner in [1, 17] {
        let (keys, error) = fill(&store, owner).await;
        assert_eq!((keys, error.is_over_share()), (35, true), "seven eighths of a quarter");
    }
    let (none, error) = fill(&store, 2).await;
    assert_eq!((none, error.is_full(), error.is_over_share()), (0, true, false));
    // A key that the total refuses does not count towards the share.
    assert_eq!(store.room.held_by(&key_of(2, 0)), 0);
    advance(LEASE + TTL + TTL / 16).await;
    assert_eq!((fill(&store, 2).await.0, fill(&store, 0).await.0, fill(&store, 1).await.0), (35, 70, 35));
}

#[tokio::test(start_paused = true)]
async fn answers_count_for_the_share_and_an_eighth_of_it_is_kept_for_them() {
    let store = MemoryStore::new().max_anonymous_bytes(80 * KEY_BYTES);
    let mut leases = Vec::new();
    for number in 0..70 {
        let begun = store.begin(BeginRequest::new(key_of(0, number), SAME, LEASE)).await.unwrap();
        let Begin::Fresh(lease) = begun else { panic!("{begun:?}") };
        leases.push(lease);
    }
    for lease in leases.drain(..10) {
        store.finish(lease, End::Kept(kept(KEY_BYTES))).await.unwrap();
    }
    let error = store.finish(leases[0], End::Kept(kept(1))).await.unwrap_err();
    assert!(error.is_over_share());
    assert_eq!(store.room.held_by(&key_of(0, 0)), 80 * KEY_BYTES);
    advance(TTL + LEASE + TTL / 16).await;
    store.begin(BeginRequest::new(key_of(0, 200), SAME, LEASE)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_released_again_and_again_takes_room_once() {
    let store = MemoryStore::new();
    for _ in 0..1_000 {
        let lease = fresh(&store, 1).await;
        store.finish(lease, End::Released).await.unwrap();
    }
    assert_eq!(store.room.held(), KEY_BYTES);
}

#[tokio::test(start_paused = true)]
async fn room_is_given_back_when_a_key_is_used_anew_after_its_time() {
    let store = MemoryStore::new();
    for _ in 0..10 {
        let lease = fresh(&store, 1).await;
        store.finish(lease, End::Kept(kept(50))).await.unwrap();
        assert_eq!(store.room.held(), KEY_BYTES + 50);
        advance(TTL).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_by_the_end() {
    let store = MemoryStore::new();
    let lease = fresh(&store, 1).await;
    let waits = [tokio::spawn(store.settled(key(1), LEASE)), tokio::spawn(store.settled(key(1), LEASE))];
    tokio::task::yield_now().await;
    assert!(waits.iter().all(|wait| !wait.is_finished()));
    let before = Instant::now();
    store.finish(lease, End::Kept(kept(1))).await.unwrap();
    for wait in waits {
        wait.await.unwrap();
    }
    store.settled(key(1), LEASE).await;
    store.settled(key(2), LEASE).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_of_an_end_before_the_first_poll() {
    let store = MemoryStore::new();
    let lease = fresh(&store, 1).await;
    let settled = store.settled(key(1), LEASE);
    store.finish(lease, End::Unknown).await.unwrap();
    let before = Instant::now();
    settled.await;
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_lease_or_the_limit() {
    let store = MemoryStore::new();
    fresh(&store, 1).await;
    let before = Instant::now();
    store.settled(key(1), Duration::from_secs(1)).await;
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    store.settled(key(1), Duration::MAX).await;
    assert_eq!(before.elapsed(), LEASE);
    assert_eq!(begin(&store, 1).await, Begin::Unknown);
}

#[tokio::test(start_paused = true)]
async fn times_without_end_are_allowed() {
    let store = MemoryStore::new().ttl(Duration::MAX);
    let Begin::Fresh(lease) = store.begin(BeginRequest::new(key(1), SAME, Duration::MAX)).await.unwrap() else {
        panic!("not fresh")
    };
    advance(Duration::from_secs(1 << 32)).await;
    assert_eq!(begin(&store, 1).await, Begin::Running);
    store.finish(lease, End::Kept(kept(1))).await.unwrap();
    assert_eq!(begin(&store, 1).await, Begin::Done(kept(1)));

    let none = MemoryStore::new().ttl(Duration::ZERO);
    let lease = fresh(&none, 1).await;
    none.finish(lease, End::Kept(kept(1))).await.unwrap();
    fresh(&none, 1).await;
}

#[test]
fn each_store_is_another_one() {
    let [one, two] = [MemoryStore::new(), MemoryStore::new()];
    assert_ne!(one.info().identity, two.info().identity);
    assert_eq!(one.info(), one.info());
    assert_eq!(one.info().ttl, TTL);
}
