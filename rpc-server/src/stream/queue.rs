//! The items of one stream between its handler and its transport. A stream that waits for its client has room for one
//! item. Any other stream drops items, and counts them. Its items have room in the server's budget of bytes.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use rpc_core::Lag;

use crate::load::{ByteRoom, ConnectionLoad};

/// How many items wait before a stream with [`Lag::End`] ends.
const MOST_BEFORE_END: usize = 1024;

/// The size up to which the memory of an item is kept for the next one, in bytes.
const MOST_SPARE: usize = 1 << 10;

/// An item as text, without the part that all notifications of the stream begin with.
#[derive(Debug)]
pub(super) struct EncodedItem {
    pub(super) text: Vec<u8>,
    /// The place of the cursor in the text.
    pub(super) cursor: Option<Range<usize>>,
    pub(super) is_after_gap: bool,
}

/// The items that wait for the transport.
#[derive(Debug)]
pub(super) struct ItemQueue {
    /// The oldest item. Most streams have room for no other, and so need no memory for a queue.
    first: Option<EncodedItem>,
    /// The items behind the first.
    more: VecDeque<EncodedItem>,
    /// The room of the items' text, and how many bytes it is. `None` if only one item may wait.
    counted: Option<(ByteRoom, usize)>,
    /// How many items may wait.
    room: usize,
    lag: Lag,
    /// How many items were dropped since the last one was taken.
    dropped: u64,
    /// Whether an item was dropped that came after a gap.
    dropped_gap: bool,
    /// Whether the stream ends because its client has read too little.
    is_overrun: bool,
    /// The memory of the last item, for the next one.
    spare: Vec<u8>,
}

/// An item with what was lost before it.
#[derive(Debug)]
pub(super) struct TakenItem {
    pub(super) item: EncodedItem,
    pub(super) lagged: u64,
}

impl ItemQueue {
    /// The items count in `load`.
    pub(super) fn new(lag: Lag, load: &Arc<ConnectionLoad>) -> Self {
        let counted = (!matches!(lag, Lag::Wait)).then(|| (ByteRoom::new(load), 0));
        let room = match lag {
            Lag::DropOldest(most) => most.max(1),
            Lag::End => MOST_BEFORE_END,
            _ => 1,
        };
        Self {
            first: None,
            more: VecDeque::new(),
            counted,
            room,
            lag,
            dropped: 0,
            dropped_gap: false,
            is_overrun: false,
            spare: Vec::new(),
        }
    }

    /// Returns whether the handler must not be asked for an item now.
    pub(super) fn is_full(&self) -> bool {
        self.lag == Lag::Wait && self.first.is_some()
    }

    pub(super) fn is_overrun(&self) -> bool {
        self.is_overrun
    }

    /// Adds an item. If there is no room, the oldest ones are dropped, or the stream ends.
    pub(super) fn push(&mut self, item: EncodedItem) {
        while self.len() >= self.room || !self.count(item.text.len()) {
            if self.lag == Lag::End {
                self.is_overrun = true;
                (self.first, self.more) = (None, VecDeque::new());
                self.uncount(usize::MAX);
                return;
            }
            let Some(oldest) = self.take_first() else { return self.note_dropped(&item) };
            self.uncount(oldest.text.len());
            self.note_dropped(&oldest);
        }
        match &self.first {
            None => self.first = Some(item),
            Some(_) => self.more.push_back(item),
        }
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    fn note_dropped(&mut self, item: &EncodedItem) {
        self.dropped += 1;
        self.dropped_gap |= item.is_after_gap;
    }

    /// Takes room for the text of an item. Returns whether there is any.
    fn count(&mut self, more: usize) -> bool {
        let Some((room, bytes)) = &mut self.counted else { return true };
        let needed = *bytes + more;
        let has_room = needed <= room.bytes() || room.add(needed - room.bytes()).is_ok();
        if has_room {
            *bytes = needed;
        }
        has_room
    }

    /// Gives back the room of an item's text.
    fn uncount(&mut self, fewer: usize) {
        if let Some((room, bytes)) = &mut self.counted {
            *bytes = bytes.saturating_sub(fewer);
            room.fit_up_to(*bytes);
        }
    }

    /// Takes the oldest item, and moves the next one up.
    fn take_first(&mut self) -> Option<EncodedItem> {
        let first = self.first.take()?;
        if !self.more.is_empty() {
            self.first = self.more.pop_front();
        }
        Some(first)
    }

    /// Returns an empty buffer for the text of an item.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.spare)
    }

    /// Takes the next item for as long as `write` reads it. Its memory is kept for the next one, unless it is large.
    pub(super) fn pop_into<R>(&mut self, write: impl FnOnce(&TakenItem) -> R) -> Option<R> {
        let taken = self.pop()?;
        let written = write(&taken);
        let mut buffer = taken.item.text;
        if buffer.capacity() <= MOST_SPARE {
            buffer.clear();
            self.spare = buffer;
        }
        Some(written)
    }

    fn pop(&mut self) -> Option<TakenItem> {
        let mut item = self.take_first()?;
        self.uncount(item.text.len());
        item.is_after_gap |= std::mem::take(&mut self.dropped_gap);
        Some(TakenItem { item, lagged: std::mem::take(&mut self.dropped) })
    }
}

#[cfg(test)]
mod tests {
    use rpc_core::Lag;

    use super::{EncodedItem, ItemQueue, MOST_BEFORE_END};
    use crate::load;

    fn empty(lag: Lag) -> ItemQueue {
        ItemQueue::new(lag, &load::unlimited(1 << 20))
    }

    fn item(number: u8) -> EncodedItem {
        EncodedItem { text: vec![number], cursor: None, is_after_gap: number == 1 }
    }

    fn taken(queue: &mut ItemQueue) -> Option<(u8, u64, bool)> {
        queue.pop().map(|taken| (taken.item.text[0], taken.lagged, taken.item.is_after_gap))
    }

    #[test]
    fn dropped_items_are_counted_with_the_next_one() {
        let mut queue = empty(Lag::DropOldest(2));
        (0..5).for_each(|number| queue.push(item(number)));
        assert_eq!(taken(&mut queue), Some((3, 3, true)));
        assert_eq!(taken(&mut queue), Some((4, 0, false)));
        assert_eq!(taken(&mut queue), None);
        let mut queue = empty(Lag::Latest);
        (2..5).for_each(|number| queue.push(item(number)));
        assert_eq!(taken(&mut queue), Some((4, 2, false)));
    }

    #[test]
    fn stream_that_ends_when_it_lags_keeps_nothing() {
        let mut queue = empty(Lag::End);
        for _ in 0..MOST_BEFORE_END {
            queue.push(item(0));
            assert!(!queue.is_overrun());
        }
        queue.push(item(0));
        assert!(queue.is_overrun() && queue.pop().is_none());
    }

    #[test]
    fn stream_that_waits_has_room_for_one_item() {
        let mut queue = empty(Lag::Wait);
        assert!(!queue.is_full());
        queue.push(item(0));
        assert!(queue.is_full());
    }

    #[test]
    fn items_have_room_in_the_budget_or_are_dropped() {
        let large =
            |number: usize| EncodedItem { text: vec![b'a'; 10_000 + number], cursor: None, is_after_gap: false };
        let load = load::unlimited(45_000);
        let mut queue = ItemQueue::new(Lag::DropOldest(100), &load);
        (0..10).for_each(|number| queue.push(large(number)));
        let first = queue.pop().unwrap();
        assert_eq!((first.lagged, first.item.text.len()), (6, 10_006));
        assert!((0..3).all(|_| queue.pop().unwrap().lagged == 0) && queue.pop().is_none());
        queue.push(EncodedItem { text: vec![b'a'; 50_000], cursor: None, is_after_gap: true });
        queue.push(large(0));
        let next = queue.pop().unwrap();
        assert!(next.lagged == 1 && next.item.is_after_gap);

        let mut queue = ItemQueue::new(Lag::End, &load);
        (0..5).for_each(|number| queue.push(large(number)));
        assert!(queue.is_overrun() && queue.pop().is_none());
    }
}
