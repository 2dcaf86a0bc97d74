//! How a set of endpoints is replaced.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::advance;

use super::fake::{Fake, Service};
use super::{call, millis};
use crate::{CircuitBreaker, CircuitState, Client, Endpoint};

/// Replaces the endpoints, and waits until the client has the new ones.
async fn replace(client: &Client, set: &watch::Sender<Vec<Endpoint>>, endpoints: &[&Endpoint]) {
    let mut watch = client.watch_endpoints();
    set.send_replace(endpoints.iter().copied().cloned().collect());
    watch.changed().await.unwrap();
}

fn servers<const N: usize>(service: Service) -> [Endpoint; N] {
    [(); N].map(|()| Fake::new(service).endpoint())
}

#[tokio::test(start_paused = true)]
async fn new_endpoint_begins_with_the_median_load_of_the_others() {
    let all: [_; 4] = servers(Service::Runs(|_| millis(10)));
    let (set, source) = watch::channel(all[..3].to_vec());
    let client = Client::builder().discover(source).build().unwrap();
    call(&client, 3, 30, || "work").await;
    let now = crate::runtime::Instant::now();
    for (endpoint, load) in client.endpoints().iter().zip([0.5, 4.0, 2.0]) {
        endpoint.load.begin_at(load, now);
    }
    replace(&client, &set, &[&all[3], &all[0], &all[1], &all[2]]).await;
    let loads: Vec<_> = client.endpoints().iter().map(|endpoint| endpoint.load.get(now)).collect();
    assert_eq!(loads, [2.0, 0.5, 4.0, 2.0]);
    // The median decays like the others, from the same time on.
    advance(Duration::from_secs(10)).await;
    let later = crate::runtime::Instant::now();
    assert!((client.endpoints()[0].load.get(later) - 2.0 * (-1.0_f64).exp()).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn open_circuit_stays_open_in_the_next_set_and_frees_its_place_when_it_is_removed() {
    let [one, other] = servers(Service::Runs(|_| millis(10)));
    let [dead] = servers(Service::IsDead);
    let (set, source) = watch::channel(vec![one.clone(), other.clone(), dead.clone()]);
    let breaker = CircuitBreaker::default().failures_to_open(1);
    let client = Client::builder().discover(source).circuit_breaker(Some(breaker)).build().unwrap();
    let is_open = |endpoint: &Arc<crate::EndpointState>| endpoint.circuit() == CircuitState::Open;
    while !client.endpoints().iter().any(is_open) {
        call(&client, 1, 1, || "work").await;
    }
    replace(&client, &set, &[&dead, &one]).await;
    let endpoints = client.endpoints();
    assert!(is_open(&endpoints[0]) && !endpoints[0].is_usable() && endpoints[1].is_usable());
    // Of one endpoint, none may be out of use.
    replace(&client, &set, &[&dead]).await;
    assert!(is_open(&client.endpoints()[0]) && client.endpoints()[0].is_usable());
    replace(&client, &set, &[&one, &dead, &other]).await;
    assert!(is_open(&client.endpoints()[1]) && !client.endpoints()[1].is_usable());
}

#[tokio::test(start_paused = true)]
async fn end_of_an_attempt_at_a_removed_endpoint_changes_nothing_of_the_others() {
    let (slow, all) = (Fake::new(Service::Runs(|_| millis(50))), servers::<2>(Service::Runs(|_| millis(1))));
    let (set, source) = watch::channel(vec![slow.endpoint()]);
    let client = Client::builder().discover(source).build().unwrap();
    let slow_call = tokio::spawn(client.call::<u8>("work", ()).readonly().into_future());
    while slow.attempts() == 0 {
        tokio::task::yield_now().await;
    }
    replace(&client, &set, &[&all[0], &all[1]]).await;
    assert_eq!(slow_call.await.unwrap().unwrap(), 0);
    assert!(client.endpoints().iter().all(|endpoint| endpoint.is_usable() && endpoint.pending() == 0));
}

#[tokio::test(start_paused = true)]
async fn same_set_again_notifies_no_watch() {
    let [one, other] = servers(Service::Runs(|_| millis(1)));
    let (set, source) = watch::channel(vec![one.clone()]);
    let client = Client::builder().discover(source).build().unwrap();
    call(&client, 1, 1, || "work").await;
    let mut watch = client.watch_endpoints();
    set.send_replace(vec![one.clone()]);
    // The client reads the set while this task sleeps.
    tokio::time::sleep(millis(1)).await;
    set.send_replace(vec![other]);
    let changed = watch.changed().await.unwrap();
    assert_eq!(changed.len(), 1);
    assert!(tokio::time::timeout(millis(1), watch.changed()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn same_set_in_no_order_of_tiers_or_with_an_endpoint_left_out_notifies_no_watch() {
    let [one, other] = servers(Service::Runs(|_| millis(1)));
    let all = vec![one.tier(1), Endpoint::new("ftp://x"), other];
    let (set, source) = watch::channel(all.clone());
    let client = Client::builder().discover(source).build().unwrap();
    call(&client, 1, 1, || "work").await;
    let mut watch = client.watch_endpoints();
    assert_eq!(client.endpoints().len(), 2);
    set.send_replace(all);
    assert!(tokio::time::timeout(millis(1), watch.changed()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn equal_endpoints_are_told_apart_and_both_are_kept() {
    let [one] = servers(Service::Runs(|_| millis(1)));
    let (set, source) = watch::channel(vec![one.clone(), one.clone()]);
    let client = Client::builder().discover(source).build().unwrap();
    call(&client, 1, 1, || "work").await;
    let before = client.endpoints();
    assert_ne!(before[0].hash, before[1].hash);
    replace(&client, &set, &[&one, &one, &one]).await;
    let after = client.endpoints();
    assert!(Arc::ptr_eq(&before[0], &after[0]) && Arc::ptr_eq(&before[1], &after[1]));
    assert!(![before[0].hash, before[1].hash].contains(&after[2].hash));
}

#[tokio::test(start_paused = true)]
async fn pinned_client_keeps_its_endpoint_when_another_one_replaces_it() {
    let [one, other] = [(); 2].map(|()| Fake::new(Service::Runs(|_| millis(1))));
    let (set, source) = watch::channel(vec![one.endpoint(), other.endpoint().tier(1)]);
    let client = Client::builder().discover(source).build().unwrap();
    let pinned = client.pinned();
    call(&pinned, 1, 1, || "work").await;
    replace(&client, &set, &[&other.endpoint()]).await;
    call(&pinned, 1, 1, || "work").await;
    assert_eq!((one.attempts(), other.attempts()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn pinned_client_keeps_the_endpoint_that_was_the_only_one_at_its_first_call() {
    let [one, other] = [(); 2].map(|()| Fake::new(Service::Runs(|_| millis(1))));
    let (set, source) = watch::channel(vec![one.endpoint()]);
    let client = Client::builder().discover(source).build().unwrap();
    let pinned = client.pinned();
    call(&pinned, 1, 1, || "work").await;
    replace(&client, &set, &[&other.endpoint(), &one.endpoint().tier(1)]).await;
    call(&pinned, 1, 1, || "work").await;
    assert_eq!((one.attempts(), other.attempts()), (2, 0));
}
