//! Many calls, one after another on each of a few connections.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::soak::child::Process;
use crate::soak::memory::Samples;
use crate::soak::scaled;

const CALLS: usize = 200_000;

/// How many times the server's memory is read, while no call runs.
const SAMPLES: usize = 40;

const CALLERS: usize = 16;

/// Makes numbered calls, with a part of them between two readings of the server's memory. Each part takes at least
/// `pace`.
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

/// In the last half of a short run, a leak of 30 bytes per call would be detected. In a full run, one of 3 bytes.
#[tokio::test]
async fn memory_is_flat_under_calls() {
    soak(Duration::ZERO, false).await.assert_flat(256);
}

/// Each call leaves a key, which is kept for a second. The pace is the same in short and full runs, so the store always
/// has about 2,500 keys of some 400 bytes. The tables that hold them may also vary by as much.
#[tokio::test]
async fn memory_is_flat_under_keys_that_come_and_go() {
    let pace = Duration::from_millis(scaled(2000) as u64);
    soak(pace, true).await.assert_flat(1024);
}
