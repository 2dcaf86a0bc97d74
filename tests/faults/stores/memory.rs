use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use rpc::idempotency::{MemoryStore, suite};

#[tokio::test(flavor = "multi_thread")]
async fn memory_passes_the_suite() {
    let store = Arc::new(MemoryStore::new().ttl(Duration::from_secs(2)));
    suite::check(|| ready(Arc::clone(&store))).await;
}
