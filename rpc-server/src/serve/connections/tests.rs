use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{ConnectionOrder, ConnectionSlot, Connections, Meter, PeerKey, REMEMBERED};

/// The peer of all connections that need no peer of their own.
const PEER: fn() -> PeerKey = PeerKey::default;

fn is_told_to_close(admitted: &ConnectionSlot) -> bool {
    admitted.state.order() == ConnectionOrder::Evict
}

/// Returns a full server. Its connections came to rest one second after another, the last one now.
async fn at_rest(count: usize) -> (std::sync::Arc<Connections>, Vec<ConnectionSlot>) {
    let connections = Connections::new(count, Meter::default());
    let mut all = Vec::new();
    for _ in 0..count {
        advance(Duration::from_secs(1)).await;
        let admitted = connections.enter(PEER()).expect("there is room");
        admitted.state.rests(Instant::now());
        all.push(admitted);
    }
    (connections, all)
}

#[tokio::test(start_paused = true)]
async fn the_idlest_is_closed_to_make_room_and_no_other() {
    let (connections, mut all) = at_rest(3).await;
    assert!(connections.enter(PEER()).is_none());
    connections.make_room(PEER());
    assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [true, false, false]);
    drop(all.remove(0));
    all.push(connections.enter(PEER()).expect("there is room"));
    assert!(!all.iter().any(is_told_to_close));
}

#[tokio::test(start_paused = true)]
async fn what_is_busy_or_was_just_used_is_not_closed() {
    let (connections, all) = at_rest(3).await;
    all[0].state.begin();
    all[1].state.rests(Instant::now());
    assert!(!connections.evict(None));
    advance(Duration::from_secs(1)).await;
    assert!(connections.evict(None) && connections.evict(None) && !connections.evict(None));
    assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_remembered_as_idle_and_is_used_meanwhile_is_not_closed() {
    let (connections, all) = at_rest(4).await;
    assert!(connections.evict(None));
    all[1].state.begin();
    assert!(connections.evict(None));
    assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [true, false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn all_that_are_idle_are_closed_in_their_order_however_many_there_are() {
    let count = 3 * REMEMBERED;
    let (connections, all) = at_rest(count).await;
    advance(Duration::from_secs(1)).await;
    for closed in 1..=count {
        assert!(connections.evict(None));
        assert_eq!(all.iter().take_while(|admitted| is_told_to_close(admitted)).count(), closed);
    }
    assert!(!connections.evict(None));
}

#[tokio::test(start_paused = true)]
async fn room_is_given_back_in_any_order() {
    let (connections, mut all) = at_rest(4).await;
    for place in [1, 0, 1, 0] {
        drop(all.remove(place));
    }
    let again: Vec<_> = (0..4).map(|_| connections.enter(PEER()).expect("there is room")).collect();
    assert!(connections.enter(PEER()).is_none());
    connections.tell(ConnectionOrder::Retire);
    assert!(again.iter().all(|admitted| admitted.state.order() == ConnectionOrder::Retire));
}

fn peer(last: u8) -> PeerKey {
    PeerKey::of([127, 0, 0, last].into())
}

/// Returns a full server with connections of these peers, in order. The first request of each is arriving.
async fn arriving(peers: &[u8]) -> (std::sync::Arc<Connections>, Vec<ConnectionSlot>) {
    let connections = Connections::new(peers.len(), Meter::default());
    let mut all = Vec::new();
    for last in peers {
        advance(Duration::from_millis(5)).await;
        all.push(connections.enter(peer(*last)).expect("there is room"));
    }
    (connections, all)
}

fn evicted(all: &[ConnectionSlot]) -> Vec<usize> {
    (0..all.len()).filter(|place| is_told_to_close(&all[*place])).collect()
}

#[tokio::test(start_paused = true)]
async fn the_peer_with_the_most_makes_room_for_one_with_fewer_at_once() {
    let (connections, all) = arriving(&[1, 2, 2, 2, 3, 3]).await;
    assert!(connections.evict(Some(peer(4))));
    assert_eq!(evicted(&all), [1]);
    // The newcomer's peer must have fewer connections than the crowd.
    assert!(!connections.evict(Some(peer(2))));
    let (connections, all) = arriving(&[2, 2, 3, 3]).await;
    assert!(!connections.evict(Some(peer(3))));
    assert!(evicted(&all).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_has_sent_no_head_goes_before_what_rests_and_that_before_what_arrives() {
    let (connections, all) = arriving(&[1, 1, 1, 2]).await;
    // The first one has had a request, and another one arrives now.
    all[0].state.begin();
    all[0].state.end();
    all[0].state.arrives(Instant::now());
    all[3].state.begin();
    all[3].state.end();
    all[3].state.rests(Instant::now());
    advance(Duration::from_secs(1)).await;
    for expected in [&[1][..], &[1, 2], &[1, 2, 3]] {
        assert!(connections.evict(Some(peer(1))));
        assert_eq!(evicted(&all), expected);
    }
    // A request that makes room only for its own address gets more time.
    assert!(!connections.evict(Some(peer(1))));
    advance(Duration::from_secs(4)).await;
    assert!(connections.evict(Some(peer(1))));
    assert_eq!(evicted(&all), [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_never_closed() {
    let (connections, all) = arriving(&[1, 1, 1]).await;
    all.iter().for_each(|admitted| admitted.state.begin());
    advance(Duration::from_secs(100)).await;
    assert!(!connections.evict(Some(peer(2))));
}

#[tokio::test(start_paused = true)]
async fn answers_that_the_peer_with_the_most_leaves_unread_are_cut_one_at_a_time_for_others_with_fewer() {
    let (connections, all) = arriving(&[1, 1, 1, 1]).await;
    for admitted in &all {
        admitted.state.begin();
        admitted.state.receive();
    }
    let is_cut = || all.iter().filter(|admitted| admitted.state.order() == ConnectionOrder::Cut).count();
    // One request still runs. The answers of the others are unread.
    all[1..].iter().for_each(|admitted| admitted.state.end());
    for seconds in [0, 4] {
        advance(Duration::from_secs(seconds)).await;
        connections.make_room(peer(2));
        assert_eq!(is_cut(), 0);
    }
    // Another answer was written meanwhile.
    all[1].state.begin();
    all[1].state.end();
    advance(Duration::from_secs(2)).await;
    connections.make_room(peer(1));
    assert_eq!(is_cut(), 0);
    for cut in [1, 2, 2] {
        connections.make_room(peer(2));
        assert_eq!(is_cut(), cut);
    }
    assert!(all[2..].iter().all(|admitted| admitted.state.order() == ConnectionOrder::Cut));
}

#[tokio::test(start_paused = true)]
async fn what_was_told_to_all_is_told_to_those_who_come() {
    let (connections, mut all) = arriving(&[1]).await;
    connections.tell(ConnectionOrder::Retire);
    all.clear();
    let admitted = connections.enter(peer(1)).expect("there is room");
    assert_eq!(admitted.state.order(), ConnectionOrder::Retire);
}

#[tokio::test(start_paused = true)]
async fn peers_are_forgotten_with_their_last_connection() {
    let (connections, mut all) = arriving(&[1, 2, 2]).await;
    all.truncate(2);
    assert_eq!(connections.lock().peers.len(), 2);
    all.clear();
    assert!(connections.lock().peers.is_empty());
}
