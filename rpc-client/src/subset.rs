//! [`Subset`]: the share of a large set of endpoints that one client uses.

use crate::endpoint::Endpoint;

/// The share of a large set of endpoints that one client uses, so that thousands of clients of thousands of servers
/// need few connections each.
///
/// Each client gets an index, such as the ordinal of its replica: 0, 1, 2 and so on. The subsets of clients with
/// consecutive indices cover all endpoints evenly: the numbers of clients of two endpoints differ by at most four. With
/// random subsets of 20 of 1,000 endpoints, some endpoints would have no client, and others two to four times the mean.
///
/// A subset depends only on the index and on the addresses of the endpoints, in any order. When an endpoint is added or
/// removed, each subset changes by at most one endpoint, rarely by two. Each tier has a subset of its own.
///
/// There is no subset by default, since a client cannot know its index.
///
/// # Example
///
/// ```
/// use rpc::{Client, Subset};
///
/// // The host name of a pod of a stateful set, such as `checkout-7`.
/// let host_name = "checkout-7";
/// let index = host_name.rsplit('-').next().and_then(|ordinal| ordinal.parse().ok()).unwrap_or(0);
///
/// let endpoints = (0..1000).map(|number| format!("http://10.0.{}.{}:8080", number / 250, number % 250));
/// let client = Client::builder().endpoints(endpoints).subset(Subset::new(index).size(50)).build()?;
/// assert_eq!(client.endpoints().len(), 50);
/// # Ok::<(), rpc::Failure>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a subset does nothing until a client is built with it"]
pub struct Subset {
    index: u64,
    size: usize,
}

/// 2^64 divided by the golden ratio. Multiples of it, modulo 2^64, are spread more evenly than random numbers.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Subset {
    /// Makes the subset of the client with this index. It has up to 100 endpoints of each tier.
    pub fn new(index: u64) -> Self {
        Self { index, size: 100 }
    }

    /// Sets how many endpoints of each tier the client uses. Default: 100. 0 counts as 1.
    ///
    /// With fewer endpoints, a client needs fewer connections, but it balances less well, and it notices less of the
    /// others. Below 20, a slow or dead endpoint is a large share of a client's endpoints.
    pub fn size(mut self, size: usize) -> Self {
        self.size = size.max(1);
        self
    }

    /// Returns the endpoints of the subset, in their order.
    pub(crate) fn choose(self, endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
        let mut order: Vec<_> = endpoints.iter().map(|one| (one.tier_number(), one.place())).zip(0..).collect();
        order.sort_unstable();
        let mut is_chosen = vec![false; endpoints.len()];
        for tier in order.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
            for position in self.positions(tier.len()) {
                is_chosen[tier[position].1] = true;
            }
        }
        endpoints.into_iter().zip(is_chosen).filter_map(|(endpoint, is_chosen)| is_chosen.then_some(endpoint)).collect()
    }

    /// Returns the positions of the subset in a ring of this many endpoints.
    fn positions(self, count: usize) -> impl Iterator<Item = usize> {
        let fraction = u128::from(self.index.wrapping_mul(GOLDEN));
        // The product is below `count` times 2^64.
        let start = usize::try_from((fraction * count as u128) >> 64).unwrap_or(0);
        (start..start + self.size.min(count)).map(move |position| position % count)
    }
}

#[cfg(test)]
mod tests {
    use super::Subset;
    use crate::Endpoint;

    fn addresses(count: usize) -> Vec<Endpoint> {
        (0..count).map(|number| Endpoint::new(format!("http://10.0.{}.{}", number / 250, number % 250))).collect()
    }

    fn subset(index: u64, size: usize, endpoints: &[Endpoint]) -> Vec<u64> {
        let chosen = Subset::new(index).size(size).choose(endpoints.to_vec());
        let mut chosen: Vec<_> = chosen.iter().map(|endpoint| endpoint.place()).collect();
        chosen.sort_unstable();
        chosen
    }

    #[test]
    fn subsets_of_consecutive_indices_cover_all_endpoints_evenly() {
        for (clients, size, first) in [(100, 20, 0), (1000, 20, 7), (333, 30, 1_000_000), (5000, 20, 3), (20, 100, 0)] {
            let mut covered = vec![0_u32; 1000];
            for index in first..first + clients {
                Subset::new(index).size(size).positions(1000).for_each(|position| covered[position] += 1);
            }
            let (least, most) = (covered.iter().min().unwrap(), covered.iter().max().unwrap());
            assert!(most - least <= 4 && *least > 0, "{clients} clients with {size}: {least} to {most}");
        }
    }

    #[test]
    fn subset_depends_on_the_addresses_and_not_on_their_order() {
        let mut endpoints = addresses(300);
        let before: Vec<_> = (0..20).map(|index| subset(index, 100, &endpoints)).collect();
        assert!(before.iter().all(|subset| subset.len() == 100));
        endpoints.reverse();
        let after: Vec<_> = (0..20).map(|index| subset(index, 100, &endpoints)).collect();
        assert_eq!(before, after);
    }

    #[test]
    fn subset_changes_by_at_most_two_when_an_endpoint_is_removed() {
        let mut endpoints = addresses(300);
        let before: Vec<_> = (0..100).map(|index| subset(index, 100, &endpoints)).collect();
        let _removed = endpoints.remove(123);
        for (index, before) in (0..).zip(before) {
            let after = subset(index, 100, &endpoints);
            let new = after.iter().filter(|endpoint| !before.contains(endpoint)).count();
            assert!(after.len() == 100 && new <= 2, "{new}");
        }
    }

    #[test]
    fn tiers_have_subsets_of_their_own_and_small_sets_stay_whole() {
        let tiers = addresses(200).into_iter().zip(0..).map(|(endpoint, number)| endpoint.tier(number % 2));
        let tiers: Vec<_> = tiers.chain([Endpoint::new("http://spare").tier(2)]).collect();
        let chosen = Subset::new(5).size(30).choose(tiers);
        let count = |tier| chosen.iter().filter(|endpoint| endpoint.tier_number() == tier).count();
        assert_eq!((count(0), count(1), count(2)), (30, 30, 1));
        assert_eq!(Subset::new(5).choose(addresses(100)).len(), 100);
    }
}
