//! The stores of idempotency keys: the suite that all must pass, and what happens when processes and databases end.

use std::time::Duration;

use rpc::idempotency::{Begin, BeginRequest, Fingerprint, Key, Store};

mod memory;
mod postgres;
mod processes;
mod proxy;
mod restarts;

const LEASE: Duration = Duration::from_secs(60);

const SAME: Fingerprint = Fingerprint([1; 32]);

/// How long a step may take that should end soon.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

fn key(number: u64) -> Key {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Key(bytes)
}

async fn begin(store: &impl Store, number: u64) -> Begin {
    store.begin(BeginRequest::new(key(number), SAME, LEASE)).await.unwrap()
}
