//! Token buckets, one per caller, by governor. Full buckets are dropped from time to time, so recent callers bound the
//! memory.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use rpc_core::Context;

/// The identity under which calls are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum BucketKey {
    Subject(Box<str>),
    Peer(IpAddr),
    Nobody,
    Own(String),
}

impl BucketKey {
    pub(super) fn of(context: &Context) -> Self {
        if let Some(principal) = context.principal() {
            return Self::Subject(principal.subject().into());
        }
        context.peer_addr().map_or(Self::Nobody, |peer| Self::Peer(network(peer.ip().to_canonical())))
    }
}

/// Returns the network of an IPv6 address. A caller has the whole network, and may use another address for each call.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// The minimum number of calls between two searches for full buckets.
const MIN_CALLS: usize = 1024;

/// A bucket for each recent caller.
pub(super) struct Buckets {
    limiter: RateLimiter<BucketKey, DashMapStateStore<BucketKey>, DefaultClock>,
    /// How many more calls pass until full buckets are dropped. Each call makes at most one bucket, and the next search
    /// comes after as many calls as there were buckets. So there are at most twice as many buckets as needed, at the
    /// cost of one look at a bucket per call.
    calls_left: AtomicUsize,
}

impl Buckets {
    pub(super) fn new(quota: Quota) -> Self {
        Self { limiter: RateLimiter::dashmap(quota), calls_left: AtomicUsize::new(MIN_CALLS) }
    }

    /// Takes a call out of a bucket, or returns the time until the bucket holds one.
    #[expect(clippy::needless_pass_by_value, reason = "it is made for this alone")]
    pub(super) fn take(&self, key: BucketKey) -> Result<(), Duration> {
        // The call that takes the last one drops full buckets. Calls that come meanwhile wrap around, and drop none.
        if self.calls_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            self.calls_left.store(self.limiter.len().max(MIN_CALLS), Ordering::Relaxed);
        }
        self.limiter.check_key(&key).map_err(|until| until.wait_time_from(self.limiter.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use governor::Quota;

    use super::{BucketKey, Buckets, MIN_CALLS, network};

    #[test]
    fn full_buckets_are_forgotten() {
        // A bucket is full again within a microsecond.
        let buckets = Buckets::new(Quota::per_second(NonZeroU32::new(1_000_000).unwrap()).allow_burst(NonZeroU32::MIN));
        for caller in 0..10 * MIN_CALLS {
            buckets.take(BucketKey::Own(caller.to_string())).unwrap();
            assert!(buckets.limiter.len() <= 2 * MIN_CALLS, "{caller}");
        }
    }

    #[test]
    fn buckets_that_are_not_full_are_kept() {
        let buckets = Buckets::new(Quota::per_hour(NonZeroU32::MIN));
        for caller in 0..4 * MIN_CALLS {
            buckets.take(BucketKey::Own(caller.to_string())).unwrap();
        }
        assert_eq!(buckets.limiter.len(), 4 * MIN_CALLS);
        assert!(buckets.take(BucketKey::Own("0".to_owned())).is_err());
    }

    #[test]
    fn addresses_of_ipv6_count_by_their_network() {
        let ip = |text: &str| text.parse().unwrap();
        assert_eq!(network(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_ne!(network(ip("2001:db8:1:2::1")), network(ip("2001:db8:1:3::1")));
        assert_eq!(network(ip("192.0.2.1")), ip("192.0.2.1"));
    }
}
