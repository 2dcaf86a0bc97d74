//! [`Progress`]: the comparisons under way, and what is known of those that ended.

use std::collections::{HashMap, HashSet};

use super::types::TypeSet;
use super::violation::{Place, Violation, ViolationKind};

/// Identifies a comparison: what `a` and `b` consist of.
pub(super) type Pair = ((Vec<usize>, TypeSet), usize);

/// The maximum number of comparisons of two schemas, with all that they contain. What remains is incomparable.
const MAX_STEPS: usize = 20_000;

/// The maximum depth of comparisons. Each has a bit in [`Assumptions`].
const MAX_DEPTH: usize = 100;

/// The number of comparisons from which the violations of a pair are told completely at one place only.
const MANY_STEPS: usize = 2000;

/// A set of comparisons under way whose success is assumed: a bit for each, by its depth.
type Assumptions = u128;

/// A comparison under way.
#[derive(Debug)]
struct Frame {
    pair: Pair,
    place: Place,
    /// The length of the trail at its start.
    trail_start: usize,
    /// What the comparison around it has assumed before.
    assumed_before: Assumptions,
}

/// The comparisons under way, and what is known of those that ended.
#[derive(Debug, Default)]
pub(super) struct Progress {
    under_way: Vec<Frame>,
    /// What the innermost comparison has assumed.
    assumed: Assumptions,
    /// Comparisons without a violation that depend on no assumption.
    proven: HashSet<Pair>,
    /// Comparisons without a violation that depend on assumptions, in their order.
    trail: Vec<(Pair, Assumptions)>,
    /// Their indices in the trail.
    on_trail: HashMap<Pair, usize>,
    /// The first violation of each other comparison, with its place inside of the comparison.
    violated: HashMap<Pair, (String, ViolationKind)>,
    steps: usize,
}

impl Progress {
    /// Returns the result of a comparison if it is known or can be assumed. A comparison under way is assumed to
    /// succeed: if it does not, it reports its own violation.
    pub(super) fn known(&mut self, pair: &Pair, place: &Place) -> Option<Vec<Violation>> {
        if self.proven.contains(pair) {
            return Some(Vec::new());
        }
        if let Some(index) = self.under_way.iter().position(|frame| frame.pair == *pair) {
            // A schema that refers to itself at the same place has no meaning.
            if self.under_way[index].place == *place {
                return Some(vec![place.incomparable("the schema is defined as itself")]);
            }
            self.assumed |= 1 << index;
            return Some(Vec::new());
        }
        if let Some(index) = self.on_trail.get(pair) {
            let assumed = self.trail[*index].1;
            // An assumption of this place may be of a schema that refers to itself.
            let outer = self.under_way.iter().take_while(|frame| frame.place != *place).count();
            if assumed >> outer == 0 {
                self.assumed |= assumed;
                return Some(Vec::new());
            }
        }
        let (inner, kind) = self.violated.get(pair).filter(|_| self.steps > MANY_STEPS)?;
        Some(vec![Violation { place: format!("{}{inner}", place.as_str()), kind: kind.clone() }])
    }

    /// Begins a comparison, or returns `false` if it is too much.
    pub(super) fn begin(&mut self, pair: Pair, place: &Place) -> bool {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.under_way.len() >= MAX_DEPTH {
            return false;
        }
        let assumed_before = std::mem::take(&mut self.assumed);
        self.under_way.push(Frame { pair, place: place.clone(), trail_start: self.trail.len(), assumed_before });
        true
    }

    /// Ends the innermost comparison.
    pub(super) fn end(&mut self, found: &[Violation]) {
        let Frame { pair, place, trail_start, assumed_before } = self.under_way.pop().expect("a comparison has begun");
        let own: Assumptions = 1 << self.under_way.len();
        let assumed = self.assumed & !own;
        self.assumed = assumed | assumed_before;
        if let Some(first) = found.first() {
            // What assumed that this comparison succeeds is open again.
            for (pair, _) in self.trail.drain(trail_start..) {
                self.on_trail.remove(&pair);
            }
            let inner = first.place.strip_prefix(place.as_str()).unwrap_or_default().to_owned();
            self.violated.entry(pair).or_insert_with(|| (inner, first.kind.clone()));
        } else if assumed == 0 {
            for (pair, _) in self.trail.drain(trail_start..) {
                self.on_trail.remove(&pair);
                self.proven.insert(pair);
            }
            self.proven.insert(pair);
        } else {
            for (_, others) in &mut self.trail[trail_start..] {
                if *others & own != 0 {
                    *others = (*others & !own) | assumed;
                }
            }
            self.on_trail.insert(pair.clone(), self.trail.len());
            self.trail.push((pair, assumed));
        }
    }
}
