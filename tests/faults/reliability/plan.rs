//! Which request meets which fault. A seed and the content of the request decide, never the time or order of arrival.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::time::Duration;

/// What goes wrong with a request. "Forwarded" means that the server gets the request, and that the fault affects its
/// answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// The proxy reads the request, and resets the connection before the server gets any of it.
    DropRequest,
    /// The request is forwarded. Instead of the answer, the connection is closed.
    DropResponse,
    /// Half of the answer's body is sent. Then the connection is closed.
    Cut,
    /// The request is delayed before it is forwarded.
    DelayRequest(Duration),
    /// The answer is delayed before it is sent.
    DelayResponse(Duration),
    /// There is no answer until the test releases it. The request is forwarded before that, or never.
    Hang { forwarded: bool },
    /// The proxy sends its own answer, instead of forwarding or after it.
    Status { status: u16, retry_after: Option<u32>, forwarded: bool },
    /// The answer is not HTTP.
    Garbage,
    /// The answer is HTTP, but its body is not JSON.
    GarbageJson,
    /// The answer has the id of another call. In a batch, only the first answer has.
    WrongId,
    /// A batch's first answer occurs twice.
    Doubled,
    /// A batch's first answer is missing.
    Missing,
    /// A batch's first answer has an id that no call has.
    Foreign,
    /// The answer is followed by so many blanks that it exceeds any limit.
    Huge,
    /// The answer arrives. Its connection is reset when the next request arrives.
    StaleClose,
    /// The connection is reset, nothing is forwarded, and no socket listens for this time.
    Outage(Duration),
    /// The request is forwarded. After its answer the hook runs, which may kill the server. Then the connection is
    /// closed.
    Kill,
}

impl Fault {
    /// Returns whether the fault applies only to answers to a batch.
    fn is_for_batches(self) -> bool {
        matches!(self, Self::Doubled | Self::Missing | Self::Foreign)
    }

    /// Returns whether the fault needs a body. Answers to HEAD have none.
    fn is_for_bodies(self) -> bool {
        self.is_for_batches() || matches!(self, Self::Cut | Self::GarbageJson | Self::WrongId | Self::Huge)
    }
}

/// A sequence of numbers that is the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Makes a sequence whose seed also depends on the hashed value.
    pub(crate) fn of(seed: u64, what: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hasher.finish())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn uuid(&mut self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes((u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes())
            .into_uuid()
    }
}

/// The identity of a request, which decides its fault: its HTTP method and the numbers of its calls, whatever their
/// ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) method: String,
    pub(crate) calls: Vec<u64>,
    pub(crate) is_batch: bool,
}

/// Assigns a fault to each request, and records it.
#[derive(Debug)]
pub(crate) struct Plan {
    seed: u64,
    faults: Faults,
    notes: Mutex<Notes>,
}

#[derive(Debug)]
enum Faults {
    /// The share of requests that meet each fault, in 1/10,000.
    Seeded(Vec<(Fault, u64)>),
    /// The faults of the requests, in order. Later requests meet none.
    Script(Vec<Option<Fault>>),
}

#[derive(Debug, Default)]
struct Notes {
    seen: HashMap<Name, u32>,
    lines: Vec<Line>,
}

/// The fault that one request met.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    name: Name,
    /// How many requests with these calls had arrived, this one included.
    time: u32,
    fault: String,
}

impl Plan {
    pub(crate) fn seeded(seed: u64, faults: impl IntoIterator<Item = (Fault, u64)>) -> Self {
        Self { seed, faults: Faults::Seeded(faults.into_iter().collect()), notes: Mutex::default() }
    }

    pub(crate) fn script(faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self { seed: 0, faults: Faults::Script(faults.into_iter().collect()), notes: Mutex::default() }
    }

    /// Chooses the fault of this request, and records it.
    pub(crate) fn fault_of(&self, name: Name) -> Option<Fault> {
        let mut notes = self.notes.lock().unwrap();
        let time = notes.seen.entry(name.clone()).or_default();
        *time += 1;
        let time = *time;
        let fault = match &self.faults {
            Faults::Seeded(faults) => choose(faults, &mut Random::of(self.seed, &(&name, time))),
            Faults::Script(faults) => faults.get(notes.lines.len()).copied().flatten(),
        };
        let fault = fault.filter(|fault| match () {
            () if fault.is_for_batches() => name.is_batch,
            () if fault.is_for_bodies() => name.method != "HEAD",
            () => true,
        });
        let line = Line { name, time, fault: fault.map_or_else(|| "-".to_owned(), |fault| format!("{fault:?}")) };
        notes.lines.push(line);
        fault
    }

    /// Returns the faults of all requests, in an order that does not depend on when they arrived.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines = self.notes.lock().unwrap().lines.clone();
        lines.sort();
        lines
    }

    /// Describes the faults of all requests of one call, in order.
    pub(crate) fn story_of(&self, call: u64) -> String {
        let notes = self.notes.lock().unwrap();
        let mut story = format!("seed {}", self.seed);
        for line in notes.lines.iter().filter(|line| line.name.calls.contains(&call)) {
            write!(story, "; {line}").unwrap();
        }
        story
    }
}

fn choose(faults: &[(Fault, u64)], random: &mut Random) -> Option<Fault> {
    let mut drawn = random.below(10_000);
    for (fault, share) in faults {
        if drawn < *share {
            return Some(*fault);
        }
        drawn -= share;
    }
    None
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, time, fault } = self;
        write!(f, "{} {:?} #{time}: {fault}", name.method, name.calls)
    }
}

#[test]
fn a_seed_says_which_request_meets_which_fault_whatever_the_order() {
    let faults = [(Fault::DropRequest, 2000), (Fault::Cut, 2000), (Fault::StaleClose, 1000)];
    let name = |call| Name { method: "POST".to_owned(), calls: vec![call], is_batch: false };
    let forwards = Plan::seeded(7, faults);
    let backwards = Plan::seeded(7, faults);
    let other = Plan::seeded(8, faults);
    for call in 0..1000 {
        forwards.fault_of(name(call));
        backwards.fault_of(name(999 - call));
        other.fault_of(name(call));
    }
    assert_eq!(forwards.lines(), backwards.lines());
    assert_ne!(forwards.lines(), other.lines());
    let met = forwards.lines().iter().filter(|line| line.fault != "-").count();
    assert!((400..600).contains(&met), "half of the requests meet a fault: {met}");
}

#[test]
fn the_story_of_a_call_names_the_seed_and_each_attempt() {
    let plan = Plan::script([Some(Fault::Cut), None, Some(Fault::Missing)]);
    for calls in [vec![1, 2], vec![3], vec![1]] {
        plan.fault_of(Name { method: "POST".to_owned(), is_batch: calls.len() > 1, calls });
    }
    // A single call has no entry that could be missing.
    assert_eq!(plan.story_of(1), "seed 0; POST [1, 2] #1: Cut; POST [1] #1: -");
}
