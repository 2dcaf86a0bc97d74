use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::state::{Order, State, millis};
use crate::meter::{Level, Meter};

/// Is how long a connection has to be idle before it is closed to make room. One that was just used is likely to be used
/// again, and its next request may be on its way already.
const MIN_REST: Duration = Duration::from_secs(1);

/// Is how many of the idlest are remembered, so that not all have to be looked at for each of them.
const REMEMBERED: usize = 64;

/// All connections that a server holds at one of its addresses.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    pub(super) meter: Meter,
    all: Mutex<All>,
    one_left: Notify,
}

#[derive(Debug, Default)]
struct All {
    states: Vec<Arc<State>>,
    /// Some that were the idlest when they were looked at, the very idlest last, and since when.
    idlest: Vec<(u64, Arc<State>)>,
}

impl Connections {
    pub(super) fn new(limit: usize, meter: Meter) -> Arc<Self> {
        let limit = limit.clamp(1, u32::MAX as usize);
        Arc::new(Self { limit, meter, all: Mutex::default(), one_left: Notify::new() })
    }

    /// Waits until there is room for another connection, and closes idle ones to make some.
    pub(super) async fn admit(self: &Arc<Self>) -> Admitted {
        if let Some(admitted) = self.enter() {
            return admitted;
        }
        let _waiting = self.meter.raise(Level::AcceptWaiting);
        loop {
            let mut one_left = pin!(self.one_left.notified());
            one_left.as_mut().enable();
            if let Some(admitted) = self.enter() {
                return admitted;
            }
            self.evict();
            // One that was told to close may take its time, and others may come to rest meanwhile.
            let _ = timeout(MIN_REST, one_left).await;
        }
    }

    fn enter(self: &Arc<Self>) -> Option<Admitted> {
        let mut all = self.lock();
        if all.states.len() >= self.limit {
            return None;
        }
        let state = Arc::new(State::default());
        let place = u32::try_from(all.states.len()).expect("the limit is within 32 bits");
        state.place.store(place, Ordering::Relaxed);
        all.states.push(Arc::clone(&state));
        Some(Admitted { connections: Arc::clone(self), state })
    }

    /// Closes the connection that has been idle for the longest time, and returns whether there was one.
    pub(super) fn evict(&self) -> bool {
        let mut all = self.lock();
        if let Some(idlest) = all.still_idlest() {
            idlest.tell(Order::Close);
            return true;
        }
        all.remember_idlest(millis(Instant::now()));
        let idlest = all.still_idlest();
        if let Some(idlest) = &idlest {
            idlest.tell(Order::Close);
        }
        idlest.is_some()
    }

    /// Tells all connections that there are.
    pub(super) fn tell(&self, order: Order) {
        self.lock().states.iter().for_each(|state| state.tell(order));
    }

    fn leave(&self, state: &State) {
        let mut all = self.lock();
        let place = state.place.load(Ordering::Relaxed) as usize;
        drop(all.states.swap_remove(place));
        if let Some(moved) = all.states.get(place) {
            moved.place.store(state.place.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        drop(all);
        self.one_left.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        // Nothing panics within the lock, and what it guards would still be whole.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// Returns the idlest of those that are remembered and were at rest all the time.
    fn still_idlest(&mut self) -> Option<Arc<State>> {
        while let Some((since, state)) = self.idlest.pop() {
            if state.rests_since() == Some(since) {
                return Some(state);
            }
        }
        None
    }

    fn remember_idlest(&mut self, now: u64) {
        let latest = now.saturating_sub(millis_of(MIN_REST));
        let at_rest = self.states.iter().filter_map(|state| state.rests_since().map(|since| (since, state)));
        let mut at_rest: Vec<_> = at_rest.filter(|(since, _)| *since <= latest).collect();
        if at_rest.len() > REMEMBERED {
            at_rest.select_nth_unstable_by_key(REMEMBERED, |(since, _)| *since);
            at_rest.truncate(REMEMBERED);
        }
        at_rest.sort_unstable_by_key(|(since, _)| std::cmp::Reverse(*since));
        self.idlest = at_rest.into_iter().map(|(since, state)| (since, Arc::clone(state))).collect();
    }
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A connection that counts as one until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    connections: Arc<Connections>,
    pub(super) state: Arc<State>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.leave(&self.state);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::{Instant, advance};

    use super::{Admitted, Connections, Meter, Order, REMEMBERED};

    fn is_told_to_close(admitted: &Admitted) -> bool {
        admitted.state.order() == Order::Close
    }

    /// Fills the room with connections that came to rest one second after the other, the last one now.
    async fn at_rest(count: usize) -> (std::sync::Arc<Connections>, Vec<Admitted>) {
        let connections = Connections::new(count, Meter::default());
        let mut all = Vec::new();
        for _ in 0..count {
            advance(Duration::from_secs(1)).await;
            let admitted = connections.admit().now_or_never().expect("there is room");
            admitted.state.rests(Instant::now());
            all.push(admitted);
        }
        (connections, all)
    }

    #[tokio::test(start_paused = true)]
    async fn the_idlest_is_closed_to_make_room_and_no_other() {
        let (connections, mut all) = at_rest(3).await;
        let mut next = Box::pin(connections.admit());
        assert!((&mut next).now_or_never().is_none());
        assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [true, false, false]);
        drop(all.remove(0));
        all.push(next.now_or_never().expect("there is room"));
        assert!(!all.iter().any(is_told_to_close));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_busy_or_was_just_used_is_not_closed() {
        let (connections, all) = at_rest(3).await;
        all[0].state.begin();
        all[1].state.rests(Instant::now());
        assert!(!connections.evict());
        advance(Duration::from_secs(1)).await;
        assert!(connections.evict() && connections.evict() && !connections.evict());
        assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [false, true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_remembered_as_idle_and_is_used_meanwhile_is_not_closed() {
        let (connections, all) = at_rest(4).await;
        assert!(connections.evict());
        all[1].state.begin();
        assert!(connections.evict());
        assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [true, false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_are_idle_are_closed_in_their_order_however_many_there_are() {
        let count = 3 * REMEMBERED;
        let (connections, all) = at_rest(count).await;
        advance(Duration::from_secs(1)).await;
        for closed in 1..=count {
            assert!(connections.evict());
            assert_eq!(all.iter().take_while(|admitted| is_told_to_close(admitted)).count(), closed);
        }
        assert!(!connections.evict());
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_given_back_in_any_order() {
        let (connections, mut all) = at_rest(4).await;
        for place in [1, 0, 1, 0] {
            drop(all.remove(place));
        }
        let again: Vec<_> = (0..4).map(|_| connections.admit().now_or_never().expect("there is room")).collect();
        assert!(connections.enter().is_none());
        connections.tell(Order::Retire);
        assert!(again.iter().all(|admitted| admitted.state.order() == Order::Retire));
    }
}
