//! Which calls leave together, and when.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::{Arrival, Group, LaneLimits, Lanes, Place};
use crate::call_id::{CallId, CallKey};
use crate::runtime::Instant;

const WAIT: Duration = Duration::from_millis(1);
const LIMITS: LaneLimits = LaneLimits { max_entries: 4, max_bytes: 100, slots: 2 };

/// Lanes whose two slots for the key 1 are taken.
fn busy() -> (Lanes<u8, u64>, Arc<u8>) {
    let (mut lanes, key) = (Lanes::new(LIMITS), Arc::new(1));
    assert!(lanes.take_slot(&key) && lanes.take_slot(&key));
    assert!(!lanes.take_slot(&key));
    (lanes, key)
}

fn arrival(call: u64, bytes: usize, now: Instant) -> Arrival<u64> {
    Arrival { call, id: Some(CallId::Number(call)), bytes, leaves_at: now + WAIT }
}

fn leaving(calls: &[u64], has_slot: bool) -> Place<Group<u64>> {
    Place::Leaving(vec![Group { calls: calls.to_vec(), has_slot }])
}

#[test]
fn gathered_calls_leave_together_once_a_slot_is_free() {
    let ((mut lanes, key), now) = (busy(), Instant::now());
    let (first, place) = lanes.gather(&key, arrival(7, 10, now));
    assert_eq!(place, Place::First(now + WAIT));
    let (second, place) = lanes.gather(&key, arrival(8, 10, now));
    assert_eq!(place, Place::Behind);
    assert_eq!(lanes.place(&key, first, now), Place::First(now + WAIT));
    assert_eq!(lanes.place(&key, second, now), Place::Behind);
    lanes.release(&key);
    assert_eq!(lanes.first(&key), Some(&7));
    assert_eq!(lanes.place(&key, first, now), leaving(&[7, 8], true));
    assert_eq!(lanes.place(&key, second, now), Place::Left);
    assert!(!lanes.take_slot(&key));
    lanes.release(&key);
    lanes.release(&key);
    assert!(lanes.is_idle());
}

#[test]
fn call_that_arrives_at_a_free_slot_takes_the_gathered_ones_along() {
    let ((mut lanes, key), now) = (busy(), Instant::now());
    lanes.gather(&key, arrival(7, 10, now));
    lanes.release(&key);
    assert!(!lanes.take_slot(&key), "the older call comes first");
    let (ticket, place) = lanes.gather(&key, arrival(8, 10, now));
    assert_eq!(place, leaving(&[7, 8], true));
    assert_eq!(lanes.place(&key, ticket, now), Place::Left);
}

#[test]
fn gathered_calls_leave_without_a_slot_when_their_time_is_over() {
    let ((mut lanes, key), now) = (busy(), Instant::now());
    let (first, _) = lanes.gather(&key, arrival(7, 10, now));
    lanes.gather(&key, arrival(8, 10, now));
    assert_eq!(lanes.place(&key, first, now + WAIT), leaving(&[7, 8], false));
    lanes.release(&key);
    lanes.release(&key);
    assert!(lanes.is_idle());
}

#[test]
fn gathered_calls_leave_when_they_are_many() {
    let ((mut lanes, key), now) = (busy(), Instant::now());
    for call in 0..3 {
        assert!(!matches!(lanes.gather(&key, arrival(call, 10, now)).1, Place::Leaving(_)));
    }
    assert_eq!(lanes.gather(&key, arrival(3, 10, now)).1, leaving(&[0, 1, 2, 3], false));
    assert_eq!(lanes.gather(&key, arrival(4, 10, now)).1, Place::First(now + WAIT));
}

#[test]
fn request_is_never_larger_than_its_limit() {
    let ((mut lanes, key), now) = (busy(), Instant::now());
    lanes.gather(&key, arrival(0, 60, now));
    assert_eq!(lanes.gather(&key, arrival(1, 60, now)).1, leaving(&[0], false));
    assert_eq!(lanes.first(&key), Some(&1));
    assert_eq!(lanes.gather(&key, arrival(2, 40, now)).1, leaving(&[1, 2], false));
}

#[test]
fn calls_with_equal_ids_leave_in_separate_requests() {
    let ((mut lanes, key), now) = (busy(), Instant::now());
    let keyed = |call| {
        let id = CallId::Key(CallKey::new(Uuid::from_u128(5)));
        Arrival { id: Some(id), ..arrival(call, 10, now) }
    };
    let (first, _) = lanes.gather(&key, keyed(0));
    let (second, _) = lanes.gather(&key, keyed(1));
    lanes.gather(&key, arrival(2, 10, now));
    assert_eq!(lanes.place(&key, first, now + WAIT), leaving(&[0, 2], false));
    assert_eq!(lanes.first(&key), Some(&1));
    assert_eq!(lanes.place(&key, second, now + WAIT), leaving(&[1], false));
}

#[test]
fn other_keys_have_other_slots() {
    let ((mut lanes, _), now) = (busy(), Instant::now());
    let other = Arc::new(2);
    assert!(lanes.take_slot(&other) && lanes.take_slot(&other));
    let (ticket, place) = lanes.gather(&other, arrival(7, 10, now));
    assert_eq!(place, Place::First(now + WAIT));
    lanes.release(&other);
    assert_eq!(lanes.place(&other, ticket, now), leaving(&[7], true));
}

#[test]
fn removed_call_does_not_leave() {
    let ((mut lanes, key), now) = (busy(), Instant::now());
    let (first, _) = lanes.gather(&key, arrival(7, 10, now));
    let (second, _) = lanes.gather(&key, arrival(8, 10, now));
    assert_eq!(lanes.remove(&key, first), Some(7));
    assert_eq!(lanes.remove(&key, first), None);
    assert_eq!(lanes.first(&key), Some(&8));
    assert_eq!(lanes.place(&key, second, now), Place::First(now + WAIT));
    assert_eq!(lanes.remove(&key, second), Some(8));
    lanes.release(&key);
    lanes.release(&key);
    assert!(lanes.is_idle());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Call { lane: u8, id: u64, bytes: usize },
    Remove(usize),
    Release(usize),
    Look(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..2, 0_u64..6, 1_usize..60).prop_map(|(lane, id, bytes)| Step::Call { lane, id, bytes }),
        1 => any::<usize>().prop_map(Step::Remove),
        2 => any::<usize>().prop_map(Step::Release),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(call, late)| Step::Look(call, late)),
    ]
}

/// What a caller outside knows of the lanes.
#[derive(Default)]
struct Model {
    /// The calls that have not left, with ticket, id and size.
    gathered: Vec<(u64, Arc<u8>, u64, usize)>,
    slots: Vec<Arc<u8>>,
    next: u64,
}

impl Model {
    /// Checks the groups that leave, and removes their calls.
    fn leave(&mut self, key: &Arc<u8>, place: Place<Group<u64>>) {
        let Place::Leaving(groups) = place else { return };
        for group in groups {
            if group.has_slot {
                self.slots.push(Arc::clone(key));
            }
            let is_of = |call: &(u64, Arc<u8>, u64, usize)| group.calls.contains(&call.0);
            let left: Vec<_> = self.gathered.iter().filter(|call| is_of(call)).cloned().collect();
            self.gathered.retain(|call| !is_of(call));
            assert_eq!(left.len(), group.calls.len(), "each call leaves once");
            assert!((1..=LIMITS.max_entries).contains(&left.len()));
            assert!(left.iter().all(|call| call.1 == *key), "calls of different lanes share no request");
            let mut ids: Vec<_> = left.iter().map(|call| call.2).collect();
            ids.sort_unstable();
            assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "calls with equal ids share no request");
            assert!(left.iter().map(|call| call.3).sum::<usize>() <= LIMITS.max_bytes);
        }
    }

    fn slots_of(&self, key: &Arc<u8>) -> usize {
        self.slots.iter().filter(|slot| *slot == key).count()
    }
}

proptest! {
    #[test]
    fn each_call_leaves_once_whatever_happens(steps in prop::collection::vec(step(), 1..200)) {
        let (mut lanes, mut model, now) = (Lanes::new(LIMITS), Model::default(), Instant::now());
        let keys = [Arc::new(0), Arc::new(1)];
        for step in steps {
            match step {
                Step::Call { lane, id, bytes } => {
                    let key = &keys[usize::from(lane)];
                    if lanes.take_slot(key) {
                        model.slots.push(Arc::clone(key));
                    } else {
                        let call = Arrival { call: model.next, id: Some(CallId::Number(id)), bytes, leaves_at: now + WAIT };
                        model.gathered.push((model.next, Arc::clone(key), id, bytes));
                        let (ticket, place) = lanes.gather(key, call);
                        assert_eq!(ticket, model.next);
                        model.next += 1;
                        model.leave(key, place);
                    }
                }
                Step::Remove(call) if !model.gathered.is_empty() => {
                    let (ticket, key, ..) = model.gathered.remove(call % model.gathered.len());
                    assert_eq!(lanes.remove(&key, ticket), Some(ticket));
                }
                Step::Release(slot) if !model.slots.is_empty() => {
                    let key = model.slots.swap_remove(slot % model.slots.len());
                    lanes.release(&key);
                }
                Step::Look(call, late) if !model.gathered.is_empty() => {
                    let (ticket, key, ..) = model.gathered[call % model.gathered.len()].clone();
                    let place = lanes.place(&key, ticket, if late { now + WAIT } else { now });
                    assert_ne!(place, Place::Left);
                    model.leave(&key, place);
                }
                Step::Remove(_) | Step::Release(_) | Step::Look(..) => {}
            }
            assert!(keys.iter().all(|key| model.slots_of(key) <= LIMITS.slots));
            // The first call of each lane can be notified.
            for key in &keys {
                let first = model.gathered.iter().filter(|call| call.1 == *key).map(|call| call.0).min();
                assert_eq!(lanes.first(key).copied(), first);
            }
        }
        // In the end all can leave, and nothing remains.
        for slot in std::mem::take(&mut model.slots) {
            lanes.release(&slot);
        }
        while let Some((ticket, key, ..)) = model.gathered.iter().min_by_key(|call| call.0).cloned() {
            let place = lanes.place(&key, ticket, now + WAIT);
            model.leave(&key, place);
            for slot in std::mem::take(&mut model.slots) {
                lanes.release(&slot);
            }
        }
        prop_assert!(lanes.is_idle());
    }
}
