//! What one slow server of three costs callers, compared with the two other servers alone.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fake::{Fake, Service};
use super::{client, millis};
use crate::CircuitBreaker;

const CALLERS: usize = 8;

/// Calls that begin earlier are not counted.
const WARM_UP: Duration = Duration::from_secs(5);

const END: Duration = Duration::from_secs(35);

/// Returns the 99th percentile of the response times of a client, and the share of its attempts at the last server.
/// Each caller makes its next call as soon as its last one is answered.
async fn p99(services: &[Service], callers: usize) -> (Duration, f64) {
    let servers: Vec<_> = services.iter().map(|service| Fake::new(*service)).collect();
    let client = client(&servers, Some(CircuitBreaker::default()));
    let start = Instant::now();
    let mut calling = JoinSet::new();
    for _ in 0..callers {
        let client = client.clone();
        calling.spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < END {
                let begin = Instant::now();
                client.call::<u8>("work", ()).readonly().await.unwrap();
                times.extend((begin >= start + WARM_UP).then(|| begin.elapsed()));
            }
            times
        });
    }
    let mut times = calling.join_all().await.concat();
    times.sort_unstable();
    let all: u64 = servers.iter().map(|server| server.attempts()).sum();
    (times[times.len() * 99 / 100], servers[servers.len() - 1].attempts() as f64 / all as f64)
}

/// Returns a random time around 10 ms.
fn work() -> Duration {
    millis(rand::random_range(5..=15))
}

#[tokio::test(start_paused = true)]
async fn p99_with_a_server_20_times_slower_is_within_one_and_a_half_times_that_of_the_healthy_pair() {
    let (healthy, slow) = (Service::Runs(|_| work()), Service::Runs(|_| 20 * work()));
    let (pair, _) = p99(&[healthy, healthy], CALLERS).await;
    let (three, share) = p99(&[healthy, healthy, slow], CALLERS).await;
    assert!(pair > millis(10) && three <= pair.mul_f64(1.5), "{pair:?} {three:?} {share}");
    // Fewer than one call in a hundred is why the percentile does not move.
    assert!(share > 0.0 && share < 0.01, "{share}");
}
