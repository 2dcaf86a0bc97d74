//! A test suite for implementations of [`Store`], which checks the rules in the trait's documentation. Needs the
//! feature `test-util`.

mod ages;
mod begins;
mod ends;
mod fixture;
mod leases;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::fixture::Stores;
use super::Store;

/// Checks that a store keeps what the documentation of [`Store`] asks for.
///
/// `open` gives a handle to one and the same store each time: to the same table, say, by a connection of its own. Keys
/// are random, so the store need not be empty. That it remembers for its [`ttl`](super::StoreInfo::ttl) is checked for
/// three seconds at most; a store that is made for the test with a second or two is checked for all of it. The rest
/// takes less than a second with a fast store. It runs on tokio, best with several threads, and not under a paused
/// clock.
///
/// What it cannot check is what happens when processes and machines fail.
///
/// # Panics
///
/// If the store breaks a rule, and says which.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use rpc::idempotency::{MemoryStore, suite};
///
/// # #[tokio::main]
/// # async fn main() {
/// let store = Arc::new(MemoryStore::new().ttl(Duration::from_secs(1)));
/// suite::check(|| async { store.clone() }).await;
/// # }
/// ```
pub async fn check<S: Store, F: Future<Output = S>>(open: impl Fn() -> F) {
    let mut handles = Vec::new();
    for _ in 0..3 {
        handles.push(Arc::new(open().await) as Arc<dyn Store>);
    }
    let stores = Stores { handles };
    stores.are_the_same();
    begins::check(&stores).await;
    ends::check(&stores).await;
    ages::check(&stores).await;
    tokio::join!(leases::check(&stores), ages::watch(&stores));
}
