//! Simulates many clients of many servers, on a paused clock and without sockets. The clients are real ones.
//!
//! Each client makes calls at random times, whether or not its earlier calls are answered. It has a subset of the
//! servers, and knows nothing of other clients.

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc::{Balance, Client, Subset};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, sleep_until};

use self::server::{SimulatedServer, exponential};
use crate::Result;

/// How many clients call how many servers. Each client has [`SUBSET`] of the servers.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) servers: usize,
    pub(crate) clients: usize,
}

pub(crate) const SUBSET: usize = 20;

/// How many calls a server runs at the same time.
const WORKERS: usize = 10;

/// The mean time that a call runs. With ten clients for each server, a client thus makes 50 calls per second.
const SERVICE_TIME: Duration = Duration::from_millis(14);

/// The share of the servers' capacity that the clients use.
const UTILISATION: f64 = 0.7;

/// How long the attempts are counted, once all clients have started.
const COUNTED: Duration = Duration::from_secs(2);

/// What clients meet.
#[derive(Clone, Copy)]
pub(crate) struct Conditions {
    /// How many servers are dead from the start. The clients use 70 % of the capacity of the others.
    pub(crate) dead: usize,
    /// The time in which the clients start, each at random.
    pub(crate) start_within: Duration,
}

/// What happened once all clients had started.
pub(crate) struct Simulated {
    /// The number of attempts at the busiest server, divided by the mean of all that live.
    pub(crate) max_to_mean: f64,
    /// The share of the attempts that met a dead server.
    pub(crate) failed_attempts: f64,
    /// The number of calls that failed.
    pub(crate) failed_calls: u64,
    /// The 99th percentile of the response times, in milliseconds.
    pub(crate) p99: f64,
}

/// Runs a simulation, in which all clients have this balancer.
pub(crate) fn run(scale: Scale, conditions: Conditions, balance: &Balance) -> Result<Simulated> {
    let Conditions { dead, start_within } = conditions;
    Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
        let servers: Vec<_> = (0..scale.servers).map(|_| SimulatedServer::new(WORKERS, SERVICE_TIME)).collect();
        kill(&servers, dead);
        let calls = Arc::new(Calls::default());
        let endpoints: Vec<_> = servers.iter().map(SimulatedServer::endpoint).collect();
        let capacity = ((scale.servers - dead) * WORKERS) as f64 / SERVICE_TIME.as_secs_f64();
        let mean_interval = Duration::from_secs_f64(scale.clients as f64 / (capacity * UTILISATION));
        for index in 0..scale.clients {
            let client = Client::builder().endpoints(endpoints.iter().cloned()).balance(balance.clone());
            let client = client.subset(Subset::new(index as u64).size(SUBSET)).build()?;
            let start = Instant::now() + start_within.mul_f64(rand::random());
            tokio::spawn(call_at_random(client, start, mean_interval, Arc::clone(&calls)));
        }
        sleep(start_within).await;
        Ok(observe(&servers, &calls).await)
    })
}

/// Makes calls at random times after the start, whether or not earlier ones are answered.
async fn call_at_random(client: Client, start: Instant, mean_interval: Duration, calls: Arc<Calls>) {
    let mut next = start;
    loop {
        next += exponential(mean_interval);
        sleep_until(next).await;
        let (call, calls) = (client.call::<u8>("work", ()).readonly().into_future(), Arc::clone(&calls));
        tokio::spawn(async move {
            let begin = Instant::now();
            let is_answered = call.await.is_ok();
            calls.add(is_answered, begin.elapsed());
        });
    }
}

/// Kills this many servers, at random.
fn kill(servers: &[SimulatedServer], count: usize) {
    while servers.iter().filter(|server| server.is_dead()).count() < count {
        servers[rand::random_range(0..servers.len())].die();
    }
}

/// Counts what happens for a while.
async fn observe(servers: &[SimulatedServer], calls: &Calls) -> Simulated {
    let before: Vec<_> = servers.iter().map(SimulatedServer::attempts).collect();
    calls.reset();
    sleep(COUNTED).await;
    let attempts = |is_dead| {
        let both = servers.iter().zip(&before);
        let some = both.filter(move |(server, _)| server.is_dead() == is_dead);
        some.map(|(server, before)| (server.attempts() - before) as f64)
    };
    let (answered, failed): (f64, f64) = (attempts(false).sum(), attempts(true).sum());
    let mean = answered / attempts(false).count() as f64;
    Simulated {
        max_to_mean: attempts(false).fold(0.0, f64::max) / mean,
        failed_attempts: failed / (answered + failed),
        failed_calls: calls.failed.load(Ordering::Relaxed),
        p99: calls.p99(),
    }
}

/// How calls ended, and how long those took that succeeded.
struct Calls {
    /// The number of calls that took this many milliseconds. The last one stands for all longer times.
    milliseconds: Vec<AtomicU64>,
    failed: AtomicU64,
}

impl Default for Calls {
    fn default() -> Self {
        Self { milliseconds: (0..10_000).map(|_| AtomicU64::default()).collect(), failed: AtomicU64::default() }
    }
}

impl Calls {
    fn add(&self, is_answered: bool, took: Duration) {
        let place = usize::try_from(took.as_millis()).unwrap_or(usize::MAX).min(self.milliseconds.len() - 1);
        let count = if is_answered { &self.milliseconds[place] } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn reset(&self) {
        self.milliseconds.iter().chain([&self.failed]).for_each(|count| count.store(0, Ordering::Relaxed));
    }

    fn p99(&self) -> f64 {
        let counts: Vec<_> = self.milliseconds.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let mut slower = counts.iter().sum::<u64>() / 100;
        let place = counts.iter().rposition(|count| match slower.checked_sub(*count) {
            Some(rest) => {
                slower = rest;
                false
            }
            None => true,
        });
        place.unwrap_or(0) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundredth_of_the_calls_is_slower_than_the_p99() {
        let calls = Calls::default();
        for millis in (0..200).map(Duration::from_millis) {
            calls.add(true, millis);
        }
        assert_eq!(calls.p99(), 197.0);
        calls.reset();
        assert_eq!(calls.p99(), 0.0);
    }

    #[test]
    fn dead_servers_fail_attempts_and_no_calls() {
        let simulate = |dead| {
            let conditions = Conditions { dead, start_within: Duration::from_secs(1) };
            run(Scale { servers: 20, clients: 10 }, conditions, &Balance::random()).unwrap()
        };
        let [healthy, damaged] = [0, 1].map(simulate);
        assert_eq!((healthy.failed_attempts, healthy.failed_calls), (0.0, 0));
        // A random choice meets the dead one of twenty servers until its circuit opens.
        assert!(damaged.failed_attempts > 0.0 && damaged.failed_calls == 0);
        assert!([healthy, damaged].iter().all(|simulated| simulated.max_to_mean > 1.0 && simulated.p99 >= 14.0));
    }
}
