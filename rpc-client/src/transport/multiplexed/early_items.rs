//! [`EarlyItems`]: items of the older form that arrive before the answer that tells the id of their subscription.

use std::collections::HashMap;

use bytes::Bytes;

/// How many subscriptions can have early items at a time.
const MAX_SUBSCRIPTIONS: usize = 64;

/// How many bytes of early items are kept in all.
const MAX_BYTES: usize = 1 << 20;

/// The notifications of unknown subscriptions. They are kept only while a call that subscribes waits for its answer.
#[derive(Debug, Default)]
pub(super) struct EarlyItems {
    subscriptions: HashMap<Box<str>, EarlyNotifications>,
    bytes: usize,
}

/// The notifications of one subscription, in order.
#[derive(Debug, Default)]
pub(super) struct EarlyNotifications {
    pub(super) messages: Vec<Bytes>,
    /// Whether later ones were dropped, since there was no room.
    pub(super) is_cut: bool,
}

impl EarlyItems {
    /// Keeps a notification of the subscription with this id, which is JSON text.
    pub(super) fn add(&mut self, subscription: &str, message: Bytes) {
        let is_full = self.bytes + message.len() > MAX_BYTES;
        if let Some(known) = self.subscriptions.get_mut(subscription) {
            known.is_cut |= is_full;
            if !known.is_cut {
                self.bytes += message.len();
                known.messages.push(message);
            }
        } else if self.subscriptions.len() < MAX_SUBSCRIPTIONS {
            let size = if is_full { 0 } else { message.len() };
            let messages = if is_full { Vec::new() } else { vec![message] };
            self.bytes += size;
            self.subscriptions.insert(subscription.into(), EarlyNotifications { messages, is_cut: is_full });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// Takes the notifications of a subscription.
    pub(super) fn take(&mut self, subscription: &str) -> EarlyNotifications {
        let taken = self.subscriptions.remove(subscription).unwrap_or_default();
        self.bytes -= taken.messages.iter().map(Bytes::len).sum::<usize>();
        taken
    }

    /// Drops all notifications.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{EarlyItems, MAX_BYTES, MAX_SUBSCRIPTIONS};

    #[test]
    fn notifications_are_kept_in_order_for_each_subscription() {
        let mut early = EarlyItems::default();
        for (subscription, text) in [("\"a\"", "1"), ("7", "2"), ("\"a\"", "3")] {
            early.add(subscription, text.into());
        }
        assert_eq!(early.take("\"a\"").messages, ["1", "3"]);
        assert!(early.take("\"a\"").messages.is_empty());
        early.clear();
        assert!(early.take("7").messages.is_empty());
    }

    #[test]
    fn what_has_no_room_cuts_its_subscription_and_is_told() {
        let mut early = EarlyItems::default();
        early.add("1", Bytes::from(vec![b' '; MAX_BYTES - 1]));
        early.add("2", "long".into());
        early.add("1", "xx".into());
        early.add("1", "x".into());
        let (one, two) = (early.take("1"), early.take("2"));
        assert!(one.is_cut && one.messages.len() == 1, "no item may be missing in the middle");
        assert!(two.is_cut && two.messages.is_empty());
        early.add("3", "x".into());
        assert!(!early.take("3").is_cut, "there is room again");
    }

    #[test]
    fn number_of_subscriptions_is_bounded() {
        let mut early = EarlyItems::default();
        for subscription in 0..2 * MAX_SUBSCRIPTIONS {
            early.add(&subscription.to_string(), "x".into());
        }
        assert_eq!(early.subscriptions.len(), MAX_SUBSCRIPTIONS);
    }
}
