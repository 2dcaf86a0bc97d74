//! Trace and span ids, and a fast generator for random ones.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// The id of a trace: 16 bytes, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub(super) u128);

/// The id of a span in a trace: 8 bytes, written as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub(super) u64);

impl TraceId {
    pub(super) fn random() -> Self {
        Self(u128::from(random()) << 64 | u128::from(random()))
    }
}

impl SpanId {
    pub(super) fn random() -> Self {
        Self(random())
    }
}

/// Returns an unpredictable number that is not 0.
///
/// It is the hash of a counter under keys that each thread takes once from the system's randomness. This is faster than
/// asking the system each time.
fn random() -> u64 {
    thread_local! {
        static KEYS: RandomState = RandomState::new();
        static COUNTER: Cell<u64> = const { Cell::new(0) };
    }
    loop {
        let count = COUNTER.get();
        COUNTER.set(count.wrapping_add(1));
        let drawn = KEYS.with(|keys| keys.hash_one(count));
        if drawn != 0 {
            return drawn;
        }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{SpanId, TraceId};

    #[test]
    fn ids_differ_on_one_thread_and_on_several() {
        let draw = || (0..1000).map(|_| (TraceId::random(), SpanId::random())).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let drawn: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let (traces, spans): (HashSet<_>, HashSet<_>) = drawn.into_iter().unzip();
        assert_eq!((traces.len(), spans.len()), (4000, 4000));
    }

    #[test]
    fn ids_are_written_with_all_their_digits() {
        assert_eq!(TraceId(0xab).to_string(), "000000000000000000000000000000ab");
        assert_eq!(SpanId(0xab).to_string(), "00000000000000ab");
    }
}
