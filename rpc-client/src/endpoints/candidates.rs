//! [`Candidates`]: the endpoints between which a balancer chooses.

use std::fmt;
use std::sync::Arc;

use super::pick::Pick;
use super::set::Tier;
use super::state::EndpointState;
use crate::runtime::Instant;

/// The endpoints that may take an attempt. There is at least one.
///
/// All candidates belong to one tier. Endpoints that the call has tried already are no candidates, and neither are
/// endpoints that lack the call's store of idempotency keys.
pub struct Candidates<'a> {
    tier: &'a Tier,
    pick: &'a Pick<'a>,
    first: &'a Arc<EndpointState>,
}

/// How often to draw from the whole tier before all candidates are counted. Usually the first draw is a candidate.
const DRAWS: u32 = 4;

impl<'a> Candidates<'a> {
    /// Returns the candidates of a tier, or `None` if it has none.
    pub(super) fn new(tier: &'a Tier, pick: &'a Pick<'a>) -> Option<Self> {
        let first = tier.endpoints.iter().find(|endpoint| pick.allows(endpoint))?;
        Some(Self { tier, pick, first })
    }

    /// Returns the candidates one by one, in the order in which the user added them to the client.
    pub fn iter(&self) -> impl Iterator<Item = &'a Arc<EndpointState>> {
        self.tier.endpoints.iter().filter(|endpoint| self.pick.allows(endpoint))
    }

    /// Returns the first candidate.
    pub fn first(&self) -> &'a Arc<EndpointState> {
        self.first
    }

    /// Returns the hash of the call's [hash key](crate::Call::hash_key), or `None` if the call has none.
    ///
    /// A key has the same hash in every process and every release.
    pub fn hash_key(&self) -> Option<u64> {
        self.pick.hash_key
    }

    /// Returns when the client picks.
    pub(crate) fn now(&self) -> Instant {
        self.pick.now
    }

    /// Returns the first candidate at or after a position in the tier. Positions wrap around at its end.
    ///
    /// A caller that counts positions up visits the candidates in turn.
    pub fn at_or_after(&self, position: usize) -> &'a Arc<EndpointState> {
        let endpoints = &self.tier.endpoints;
        let (before, after) = endpoints.split_at(position % endpoints.len());
        after.iter().chain(before).find(|endpoint| self.pick.allows(endpoint)).unwrap_or(self.first)
    }

    /// Returns a random candidate, each with the same probability.
    pub fn random(&self) -> &'a Arc<EndpointState> {
        let endpoints = &self.tier.endpoints;
        self.draw(|| &endpoints[rand::random_range(0..endpoints.len())], |_| 1)
    }

    /// Returns a random candidate, each with a probability in proportion to its weight.
    pub fn weighted(&self) -> &'a Arc<EndpointState> {
        let draw = || {
            let drawn = rand::random_range(0..self.tier.weight());
            let index = self.tier.cumulative_weights.partition_point(|sum| *sum <= drawn);
            &self.tier.endpoints[index]
        };
        self.draw(draw, |endpoint| u64::from(endpoint.weight()))
    }

    /// Draws endpoints until one is a candidate. After [`DRAWS`] draws without a candidate, chooses between all
    /// candidates.
    fn draw(
        &self,
        from_all: impl Fn() -> &'a Arc<EndpointState>,
        weight: impl Fn(&EndpointState) -> u64,
    ) -> &'a Arc<EndpointState> {
        if let Some(drawn) = (0..DRAWS).map(|_| from_all()).find(|drawn| self.pick.allows(drawn)) {
            return drawn;
        }
        let sum: u64 = self.iter().map(|candidate| weight(candidate)).sum();
        let mut left = rand::random_range(0..sum.max(1));
        for candidate in self.iter() {
            match left.checked_sub(weight(candidate)) {
                Some(rest) => left = rest,
                None => return candidate,
            }
        }
        self.first
    }

    /// Returns the better one of two different random candidates, by `cost`. If there is only one, returns that one.
    ///
    /// Comparing two candidates spreads calls nearly as well as comparing all, and costs less.
    pub fn best_of_two(&self, cost: impl Fn(&EndpointState) -> f64) -> &'a Arc<EndpointState> {
        let endpoints = &self.tier.endpoints;
        let drawn = (0..DRAWS).find_map(|_| {
            let [one, other] = two_of(endpoints.len())?.map(|index| &endpoints[index]);
            (self.pick.allows(one) && self.pick.allows(other)).then_some([one, other])
        });
        let two = drawn.or_else(|| {
            let two = two_of(self.iter().count())?;
            Some(two.map(|index| self.iter().nth(index).unwrap_or(self.first)))
        });
        let Some([one, other]) = two else { return self.first };
        if cost(other) < cost(one) { other } else { one }
    }
}

/// Returns two different random indices below `count`, or `None` if there are no two.
fn two_of(count: usize) -> Option<[usize; 2]> {
    if count < 2 {
        return None;
    }
    let one = rand::random_range(0..count);
    Some([one, (one + rand::random_range(1..count)) % count])
}

impl fmt::Debug for Candidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
