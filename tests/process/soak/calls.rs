//! Many calls, one after another on each of a few connections.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::soak::child::Process;
use crate::soak::memory::Samples;
use crate::soak::scaled;

const CALLS: usize = 200_000;

/// How often the server's memory is looked at, while nothing runs.
const SAMPLES: usize = 40;

const CALLERS: usize = 16;

/// Makes calls by their numbers, a part of them between two looks at the server's memory, which take this long at
/// least.
async fn soak(pace: Duration, is_keyed: bool) -> Samples {
    let server = Process::start().await;
    let soak = server.soak();
    let each = scaled(CALLS) / SAMPLES / CALLERS;
    let mut samples = Samples::default();
    for part in 0..SAMPLES {
        let end = Instant::now() + pace;
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let soak = soak.clone();
            let first = (part * CALLERS + caller) * each;
            callers.spawn(async move {
                for number in first..first + each {
                    let number = number as u64;
                    let call = if is_keyed { soak.once(number) } else { soak.read(number) };
                    assert_eq!(call.await.unwrap(), number);
                }
            });
        }
        callers.join_all().await;
        sleep_until(end).await;
        samples.take(server.pid);
    }
    samples
}

/// Over the last half of a short run a leak of thirty bytes a call would be found, and over that of a full one of
/// three.
#[tokio::test]
async fn memory_is_flat_under_calls() {
    soak(Duration::ZERO, false).await.assert_flat(256);
}

/// Each call leaves a key, which is kept for a second. The pace is the same in a short run and in a full one, so about
/// as many keys are there at any time: 2,500 of some 400 bytes, which is also what the tables they are in may vary by.
#[tokio::test]
async fn memory_is_flat_under_keys_that_come_and_go() {
    let pace = Duration::from_millis(scaled(2000) as u64);
    soak(pace, true).await.assert_flat(1024);
}
