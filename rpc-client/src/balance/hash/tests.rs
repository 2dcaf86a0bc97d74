use std::collections::HashMap;
use std::sync::Arc;

use rpc_core::BoxFuture;

use crate::balance::Balance;
use crate::endpoint::EndpointSettings;
use crate::endpoints::{EndpointState, Endpoints, Pick};
use crate::failure::Failure;
use crate::runtime::Instant;
use crate::stable_hash::stable_hash;
use crate::telemetry::Observer;
use crate::transport::{Reply, Request, ServerAddress, Transport};

/// A transport that only has an address.
#[derive(Debug)]
struct Named(Option<ServerAddress>);

impl Transport for Named {
    fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        unreachable!("these tests only choose endpoints")
    }

    fn server_address(&self) -> Option<ServerAddress> {
        self.0.clone()
    }
}

fn endpoint(host: u32, weight: u32, path: &str) -> EndpointState {
    let settings = EndpointSettings { weight, path: path.to_owned(), ..EndpointSettings::default() };
    let transport = Named(Some(ServerAddress::new(format!("10.0.0.{host}"), 8080)));
    EndpointState::new(settings, Arc::new(transport), None)
}

fn endpoints(hosts: impl IntoIterator<Item = u32>) -> Endpoints {
    Endpoints::new(hosts.into_iter().map(|host| endpoint(host, 1, "")).collect(), Balance::hash(), Observer::default())
}

fn key(number: u32) -> Option<u64> {
    Some(stable_hash(format!("user-{number}").as_bytes()))
}

const KEYS: u32 = 30_000;

/// Returns the host of each key.
fn hosts(endpoints: &Endpoints) -> Vec<String> {
    let host = |number| endpoints.any(key(number)).address().unwrap().host.clone();
    (0..KEYS).map(host).collect()
}

#[test]
fn key_has_the_same_endpoint_in_any_order_of_the_endpoints() {
    assert_eq!(hosts(&endpoints([1, 2, 3, 4, 5])), hosts(&endpoints([4, 2, 5, 1, 3])));
}

#[test]
fn key_has_the_same_endpoint_in_each_release() {
    let endpoints = endpoints([1, 2, 3, 4, 5]);
    let hosts: Vec<_> = (0..8).map(|number| endpoints.any(key(number)).address().unwrap().host.clone()).collect();
    // A change of these values moves the keys of all users. Each server would lose what it has cached.
    assert_eq!(hosts.join(" "), "10.0.0.3 10.0.0.5 10.0.0.1 10.0.0.1 10.0.0.2 10.0.0.2 10.0.0.5 10.0.0.1");
}

#[test]
fn removal_of_an_endpoint_moves_only_its_keys() {
    let (before, after) = (hosts(&endpoints([1, 2, 3, 4, 5])), hosts(&endpoints([1, 2, 4, 5])));
    let mut moved = HashMap::<&str, u32>::new();
    for (before, after) in before.iter().zip(&after) {
        if before == "10.0.0.3" {
            *moved.entry(after).or_default() += 1;
        } else {
            assert_eq!(before, after);
        }
    }
    // The keys of the removed endpoint go to all others.
    let total: u32 = moved.values().sum();
    assert_shares(&[1, 2, 4, 5].map(|host| (moved[format!("10.0.0.{host}").as_str()], 0.25)), total);
}

/// Checks that each count is within six standard deviations of its share.
fn assert_shares(counts: &[(u32, f64)], total: u32) {
    for (count, share) in counts {
        let (expected, deviation) = (f64::from(total) * share, (f64::from(total) * share * (1.0 - share)).sqrt());
        assert!((f64::from(*count) - expected).abs() < 6.0 * deviation, "{count} {expected}");
    }
}

#[test]
fn endpoints_get_keys_in_proportion_to_their_weights() {
    for weights in [[1, 1, 1, 1], [1, 2, 3, 4], [1, 1, 100, 1000]] {
        let of = |(host, weight): (usize, &u32)| endpoint(u32::try_from(host).unwrap(), *weight, "");
        let endpoints =
            Endpoints::new(weights.iter().enumerate().map(of).collect(), Balance::hash(), Observer::default());
        let hosts = hosts(&endpoints);
        let sum: u32 = weights.iter().sum();
        let count = |host: usize| hosts.iter().filter(|other| **other == format!("10.0.0.{host}")).count();
        let counts: Vec<_> = weights
            .iter()
            .enumerate()
            .map(|(host, weight)| (u32::try_from(count(host)).unwrap(), f64::from(*weight) / f64::from(sum)))
            .collect();
        assert_shares(&counts, KEYS);
    }
}

#[test]
fn key_whose_endpoint_was_tried_goes_where_it_would_go_without_that_endpoint() {
    let (all, without) = (endpoints([1, 2, 3, 4]), endpoints([1, 2, 4]));
    for number in 0..1000 {
        let first = all.any(key(number));
        if first.address().unwrap().host != "10.0.0.3" {
            continue;
        }
        let (tried, hash_key) = ([first], key(number));
        let pick = Pick { tried: &tried, hash_key, ..Pick::first(Instant::now()) };
        let second = all.begin(&pick).unwrap();
        assert_eq!(second.endpoint().address(), without.any(key(number)).address());
    }
}

#[test]
fn endpoints_with_the_same_host_are_told_apart_by_path_and_then_by_order() {
    let of = |paths: [&'static str; 3]| {
        let endpoints =
            Endpoints::new(paths.map(|path| endpoint(1, 1, path)).into(), Balance::hash(), Observer::default());
        let place = move |number| {
            let chosen = endpoints.any(key(number));
            endpoints.set().all().iter().position(|endpoint| Arc::ptr_eq(endpoint, &chosen)).unwrap()
        };
        (0..KEYS).map(place).collect::<Vec<_>>()
    };
    let (one, other) = (of(["/a", "/b", "/c"]), of(["/c", "/a", "/b"]));
    assert!(one.iter().zip(&other).all(|(one, other)| (one + 1) % 3 == *other));
    for places in [one, of(["", "", ""])] {
        let counts = [0, 1, 2].map(|place| places.iter().filter(|other| **other == place).count());
        assert_shares(&counts.map(|count| (u32::try_from(count).unwrap(), 1.0 / 3.0)), KEYS);
    }
}

#[test]
fn call_without_a_key_goes_to_a_random_endpoint_by_weight() {
    let endpoints = Endpoints::new(vec![endpoint(1, 1, ""), endpoint(2, 3, "")], Balance::hash(), Observer::default());
    let chosen = (0..KEYS).filter(|_| endpoints.any(None).weight() == 3).count();
    assert_shares(&[(u32::try_from(chosen).unwrap(), 0.75)], KEYS);
}
