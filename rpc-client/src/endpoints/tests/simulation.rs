//! Many clients of 20 servers: whether clients that know nothing of each other share the servers evenly, and what a
//! dead server costs them.
//!
//! Servers run a limited number of calls at a time, and further calls wait. So answers take the longer, the more
//! clients choose the same server.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::fake::{Fake, Service};
use crate::{Client, Retry};

const SERVERS: usize = 20;

/// How many calls a server runs at the same time.
const WORKERS: usize = 8;

/// The mean time that a call runs.
const SERVICE_TIME: Duration = Duration::from_millis(50);

/// The share of the servers' capacity that the clients use.
const UTILISATION: f64 = 0.7;

/// When the counts begin.
const WARM_UP: Duration = Duration::from_secs(5);

const END: Duration = Duration::from_secs(15);

/// Returns a random time with an exponential distribution.
fn exponential(mean: Duration) -> Duration {
    mean.mul_f64(-(1.0 - rand::random::<f64>()).ln())
}

/// Makes calls at random times, whether or not earlier ones are answered. None fails.
async fn call_at_random(client: Client, mean_interval: Duration, end: Instant) {
    let mut calls = JoinSet::new();
    let mut next = Instant::now() + exponential(mean_interval);
    while next < end {
        sleep_until(next).await;
        calls.spawn(client.call::<u8>("work", ()).readonly().into_future());
        next += exponential(mean_interval);
    }
    for answer in calls.join_all().await {
        answer.unwrap();
    }
}

/// Runs the clients. Returns the number of attempts at each server after the warm-up. The first servers are dead, and
/// the clients use [`UTILISATION`] of the others.
async fn simulate(clients: usize, dead: usize) -> Vec<u64> {
    let service = |index| if index < dead { Service::IsDead } else { Service::Runs(|_| exponential(SERVICE_TIME)) };
    let servers: Vec<_> = (0..SERVERS).map(|index| Fake::with_workers(service(index), WORKERS)).collect();
    let capacity = ((SERVERS - dead) * WORKERS) as f64 / SERVICE_TIME.as_secs_f64();
    let mean_interval = Duration::from_secs_f64(clients as f64 / (capacity * UTILISATION));
    let end = Instant::now() + END;
    let mut calling = JoinSet::new();
    for _ in 0..clients {
        let client = Client::builder().endpoints(servers.iter().map(Fake::endpoint)).retry(Retry::never());
        calling.spawn(call_at_random(client.build().unwrap(), mean_interval, end));
    }
    sleep(WARM_UP).await;
    let before: Vec<_> = servers.iter().map(|server| server.attempts()).collect();
    calling.join_all().await;
    servers.iter().zip(before).map(|(server, before)| server.attempts() - before).collect()
}

/// At this scale, chance alone gives one of the servers about 1.07 times the mean.
#[tokio::test(start_paused = true)]
async fn three_hundred_clients_share_twenty_servers_evenly() {
    let attempts = simulate(300, 0).await;
    let mean = attempts.iter().sum::<u64>() as f64 / SERVERS as f64;
    let ratio = *attempts.iter().max().unwrap() as f64 / mean;
    assert!(ratio <= 1.35, "{ratio}: {attempts:?}");
}

/// A client knows of a dead server only by its own attempts, and makes one each five seconds. The share of failed
/// attempts thus depends on how often a client calls: here 53 times per second.
#[tokio::test(start_paused = true)]
async fn less_than_one_in_200_attempts_fails_while_one_of_twenty_servers_is_dead() {
    let attempts = simulate(40, 1).await;
    let share = attempts[0] as f64 / attempts.iter().sum::<u64>() as f64;
    assert!(share <= 0.005, "{share}: {attempts:?}");
}

/// If a call compared only two endpoints, one call in 190 would compare the dead ones, and try one of them.
#[tokio::test(start_paused = true)]
async fn two_dead_servers_of_twenty_cost_twice_as_much_as_one() {
    let attempts = simulate(40, 2).await;
    let share = (attempts[0] + attempts[1]) as f64 / attempts.iter().sum::<u64>() as f64;
    assert!(share <= 0.01, "{share}: {attempts:?}");
}
