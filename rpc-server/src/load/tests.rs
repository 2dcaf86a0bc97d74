use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, advance};

use super::{
    ByteBudget, ByteRoom, CallRoom, CapacityError, ConnectionLoadGuard, Disconnect, HeldCalls, SMALL, unlimited,
};
use crate::Limits;
use crate::meter::Meter;
use crate::quota::Quota;

const MIB: usize = 1 << 20;

#[derive(Default)]
struct Peer(AtomicBool);

impl Disconnect for Peer {
    fn cut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Connection {
    load: ConnectionLoadGuard,
    peer: Arc<Peer>,
}

impl Connection {
    fn new(budget: &Arc<ByteBudget>) -> Self {
        let peer = Arc::new(Peer::default());
        Self { load: budget.connect(Arc::clone(&peer) as Arc<dyn Disconnect>), peer }
    }

    fn room(&self) -> ByteRoom {
        ByteRoom::new(&self.load.0)
    }

    fn holds(&self, bytes: usize) -> ByteRoom {
        let mut room = self.room();
        room.add(bytes).unwrap();
        room
    }

    fn is_cut(&self) -> bool {
        self.peer.0.load(Ordering::Relaxed)
    }
}

fn budget() -> Arc<ByteBudget> {
    Arc::new(ByteBudget::new(&Limits::default(), Meter::default()))
}

#[test]
fn large_answers_need_room_and_small_ones_do_not() {
    let load = unlimited(100_000);
    let mut room = ByteRoom::new(&load);
    assert_eq!(room.fit(100_001), Err(CapacityError::Server));
    room.fit(100_000).unwrap();
    let mut other = ByteRoom::new(&load);
    assert!(other.fit(SMALL).is_ok() && other.fit(SMALL + 1).is_err());
    drop(room);
    assert!(other.fit(100_000).is_ok());
}

#[test]
fn room_is_given_back_when_an_answer_is_smaller_and_when_it_is_dropped() {
    let load = unlimited(100_000);
    let mut room = ByteRoom::new(&load);
    room.add(90_000).unwrap();
    room.fit(40_000).unwrap();
    let unread = room.unread();
    assert!(ByteRoom::new(&load).add(60_001).is_err());
    drop(unread);
    assert!(ByteRoom::new(&load).add(100_000).is_ok());
}

#[test]
fn what_is_small_has_a_reserve_that_large_ones_leave() {
    let budget = budget();
    let connections: Vec<_> = (0..4).map(|_| Connection::new(&budget)).collect();
    let held: Vec<_> = connections.iter().map(|connection| connection.holds(64 * MIB)).collect();
    let other = Connection::new(&budget);
    assert_eq!(other.room().add(SMALL + 1), Err(CapacityError::Server));
    // A connection that holds more than a few bytes cannot use the reserve.
    let few: Vec<_> = (0..256 * 1024 / SMALL + 1).map(|_| other.holds(SMALL)).collect();
    assert_eq!(other.room().add(1), Err(CapacityError::Server));
    let another = Connection::new(&budget);
    another.holds(SMALL);
    drop(few);
    // Answers use the reserve, too, until all of it is used up.
    let small: Vec<_> = (0..64)
        .flat_map(|_| {
            let connection = Connection::new(&budget);
            (0..16).map(|_| connection.holds(SMALL).unread()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(another.room().add(1), Err(CapacityError::Server));
    // A body that was small at first and has become large can no longer use the reserve.
    drop(small);
    assert_eq!(other.holds(SMALL).add(1), Err(CapacityError::Server));
    drop(held);
    other.holds(64 * MIB);
}

#[test]
fn one_connection_has_its_share_and_leaves_the_rest_to_others() {
    let budget = budget();
    let (greedy, other) = (Connection::new(&budget), Connection::new(&budget));
    let held = greedy.holds(64 * MIB);
    assert_eq!(greedy.room().add(1), Err(CapacityError::Connection));
    assert_eq!(greedy.room().fit(SMALL + 1), Err(CapacityError::Connection));
    assert!(greedy.room().fit(SMALL).is_ok(), "what is small is answered");
    other.holds(64 * MIB);
    drop(held);
    greedy.holds(64 * MIB);
}

#[test]
fn a_share_is_at_most_half_of_all_and_at_least_one_request_and_one_answer() {
    let share = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        (limits.connection_bytes() / MIB, limits.connection_calls())
    };
    assert_eq!(share(|_| {}), (64, 1024));
    assert_eq!(share(|limits| limits.max_buffered_bytes = 64 * MIB), (32, 1024));
    assert_eq!(share(|limits| limits.max_buffered_bytes = 8 * MIB), (8, 1024));
    assert_eq!(share(|limits| limits.max_connection_bytes = 0), (12, 1024));
    assert_eq!(share(|limits| limits.max_calls_in_flight = 3), (64, 2));
    assert_eq!(share(|limits| limits.max_connection_calls = 0), (64, 1));
}

#[test]
fn calls_of_one_connection_are_limited_and_leave_room_to_others() {
    let limits = Limits { max_connection_calls: 3, ..Limits::default() };
    let budget = Arc::new(ByteBudget::new(&limits, Meter::default()));
    let (greedy, other) = (Connection::new(&budget), Connection::new(&budget));
    let all = Quota::new(4);
    let take = |connection: &Connection, calls| CallRoom::take(&all, &connection.load.0, calls).map(drop);
    let held = CallRoom::take(&all, &greedy.load.0, 3).unwrap();
    assert_eq!(take(&greedy, 1), Err(CapacityError::Connection));
    assert_eq!((take(&other, 1), take(&other, 2)), (Ok(()), Err(CapacityError::Server)));
    held.keep(1);
    assert_eq!((take(&greedy, 2), take(&greedy, 3), take(&other, 3)), (Ok(()), Err(CapacityError::Connection), Ok(())));
    held.keep(2);
    drop(held);
    assert_eq!((take(&greedy, 3), all.take(4).map(drop).is_ok()), (Ok(()), true));
}

/// Fills the budget with answers that were given at once. Each connection reads at its rate in bytes per second.
/// Requests room after some seconds.
async fn cut(rates: &[usize], seconds: u64) -> Vec<bool> {
    let budget = budget();
    let readers: Vec<_> = rates.iter().map(|_| Connection::new(&budget)).collect();
    let answers: Vec<_> = readers.iter().map(|reader| reader.holds(256 * MIB / rates.len()).unread()).collect();
    advance(Duration::from_secs(seconds)).await;
    for (reader, rate) in readers.iter().zip(rates) {
        reader.load.0.note_written(rate * usize::try_from(seconds).unwrap());
    }
    assert_eq!(Connection::new(&budget).room().add(MIB), Err(CapacityError::Server));
    drop(answers);
    readers.iter().map(Connection::is_cut).collect()
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_the_slowest_readers_are_cut_until_an_eighth_comes_free() {
    assert_eq!(cut(&[1000, 1, 2000, 3000], 5).await, [false, true, false, false]);
    let many = [&[1000; 8][..], &[10; 8]].concat();
    assert_eq!(cut(&many, 5).await.iter().filter(|cut| **cut).count(), 2);
    assert!(!cut(&many, 5).await[..8].iter().any(|cut| *cut));
}

#[tokio::test(start_paused = true)]
async fn readers_are_spared_at_first_and_those_that_will_soon_be_done_always() {
    assert_eq!(cut(&[0; 4], 2).await, [false; 4]);
    // At this rate they read 64 MiB in three seconds.
    assert_eq!(cut(&[22 * MIB; 4], 60).await, [false; 4]);
}

#[tokio::test(start_paused = true)]
async fn requests_whose_calls_run_and_answers_that_were_read_are_no_reason_to_be_cut() {
    let budget = budget();
    let (runs, reads) = (Connection::new(&budget), Connection::new(&budget));
    let fill: Vec<_> = (0..2).map(|_| Connection::new(&budget)).collect();
    let held: Vec<_> = fill.iter().map(|connection| connection.holds(64 * MIB)).collect();
    let body = runs.holds(64 * MIB);
    drop(reads.holds(64 * MIB).unread());
    advance(Duration::from_secs(60)).await;
    let answer = reads.holds(64 * MIB).unread();
    assert_eq!(Connection::new(&budget).room().add(MIB), Err(CapacityError::Server));
    assert!(![&runs, &reads].into_iter().any(Connection::is_cut));
    // The time counts from this answer, not from earlier ones.
    advance(Duration::from_secs(3)).await;
    assert_eq!(Connection::new(&budget).room().add(MIB), Err(CapacityError::Server));
    assert!(reads.is_cut() && !runs.is_cut());
    drop((held, body, answer));
}

#[tokio::test(start_paused = true)]
async fn answers_have_their_time_to_be_read_and_time_is_not_saved_up() {
    let budget = budget();
    let connection = Connection::new(&budget);
    let load = &connection.load.0;
    let left = || load.read_by().map(|by| (by - Instant::now()).as_secs());
    let small = connection.holds(SMALL).unread();
    assert_eq!(left(), None);
    let large = connection.holds(MIB).unread();
    assert_eq!(left(), Some(30 + 128));
    advance(Duration::from_secs(100)).await;
    // The answer adds its own time. The deadline is never later than the time for all unread answers from now on.
    let another = connection.holds(MIB).unread();
    assert_eq!(left(), Some(30 + 128 + 128 - 100));
    drop(large);
    let third = connection.holds(MIB).unread();
    assert_eq!(left(), Some(30 + 2 + 256));
    drop((small, another, third));
    assert_eq!(left(), None);
    let again = connection.holds(MIB).unread();
    assert_eq!(left(), Some(30 + 128));
    advance(Duration::from_secs(157)).await;
    assert!(!load.is_overdue());
    advance(Duration::from_secs(2)).await;
    assert!(load.is_overdue());
    drop(again);
    assert!(!load.is_overdue());
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_that_was_read_is_no_reason_to_cut_a_connection_that_always_has_small_ones_to_write() {
    let budget = budget();
    let connection = Connection::new(&budget);
    let load = &connection.load.0;
    let large = connection.holds(MIB).unread();
    let mut small = connection.holds(SMALL).unread();
    drop(large);
    for _ in 0..20 {
        assert_eq!(load.read_by(), None);
        advance(Duration::from_secs(10)).await;
        // Each answer arrives before the last one is gone.
        small = connection.holds(SMALL).unread();
    }
    assert!(!load.is_overdue());
    // The time of the last large answer does not shorten that of the next one.
    let again = connection.holds(MIB).unread();
    assert_eq!(load.read_by().map(|by| (by - Instant::now()).as_secs()), Some(30 + 128));
    drop((small, again));
}

#[tokio::test(start_paused = true)]
async fn quick_answers_give_a_slow_one_only_the_time_that_they_may_take_themselves() {
    let budget = budget();
    let connection = Connection::new(&budget);
    let load = &connection.load.0;
    let slow = connection.holds(10 * MIB).unread();
    let start = Instant::now();
    while !load.is_overdue() && start.elapsed() < Duration::from_secs(10_000) {
        advance(Duration::from_secs(25)).await;
        drop(connection.holds(SMALL + 1024).unread());
    }
    // Each of the answers that are read in the meantime may take 2 s.
    let allowed = 30 + 10 * 128;
    assert!((allowed..allowed * 27 / 25 + 50).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn a_crowded_connection_reserves_room_for_one_answer_after_the_other_as_they_are_read() {
    let budget = budget();
    let connection = Connection::new(&budget);
    let load = &connection.load.0;
    let body = connection.holds(30 * MIB);
    assert!(!load.is_crowded(), "requests are no answers");
    drop(body);
    let mut unread: Vec<_> = (0..6).map(|_| connection.holds(10 * MIB).unread()).collect();
    assert!(load.is_crowded());
    let (mut one, mut other) = (Box::pin(load.reserve(10 * MIB)), Box::pin(load.reserve(10 * MIB)));
    assert!((&mut one).now_or_never().is_none() && (&mut other).now_or_never().is_none());
    unread.pop();
    let start = Instant::now();
    let one = one.await.expect("there is room for one");
    advance(Duration::from_secs(1)).await;
    assert!((&mut other).now_or_never().is_none());
    // The next request gets the freed room.
    unread.pop();
    let other = other.await.expect("there is room for the other");
    assert!(start.elapsed() < Duration::from_millis(1100), "{:?}", start.elapsed());
    let start = Instant::now();
    assert!(load.reserve(10 * MIB).await.is_none());
    assert_eq!(start.elapsed().as_secs(), 5);
    drop((one, other, unread));
    assert!(!load.is_crowded());
}

#[test]
fn calls_that_go_on_count_in_the_share_of_their_connection_also_beyond_it() {
    let limits = Limits { max_connection_calls: 2, ..Limits::default() };
    let budget = Arc::new(ByteBudget::new(&limits, Meter::default()));
    let (greedy, other) = (Connection::new(&budget), Connection::new(&budget));
    let all = Quota::new(10);
    let room = CallRoom::take(&all, &greedy.load.0, 2).unwrap();
    // One call is handed over, and another is added while the request still holds its own.
    let gone_on = [HeldCalls::of(&room), HeldCalls::overdraw(&all, &greedy.load.0)];
    assert!(greedy.load.0.is_overdrawn() && !other.load.0.is_overdrawn());
    drop(room);
    assert!(!greedy.load.0.is_overdrawn());
    assert_eq!(CallRoom::take(&all, &greedy.load.0, 1).map(drop), Err(CapacityError::Connection));
    assert_eq!(CallRoom::take(&all, &other.load.0, 2).map(drop), Ok(()));
    gone_on.iter().for_each(|held| held.give_back(&all));
    assert_eq!(CallRoom::take(&all, &greedy.load.0, 2).map(drop), Ok(()));
    assert!(all.take(10).is_ok());
}
