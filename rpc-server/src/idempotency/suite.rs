//! A test suite for implementations of [`Store`]. It checks the rules in the trait's documentation. Needs the feature
//! `test-util`.

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

/// Checks that a store follows the rules in the documentation of [`Store`].
///
/// `open` returns a handle to the same store each time, for example to the same table over a connection of its own.
/// Keys are random, so the store need not be empty. The suite checks for at most 3 s that keys are remembered for the
/// [`ttl`](super::StoreInfo::ttl). Give a store for the test a `ttl` of one or two seconds, so that all of it is
/// checked. All other checks take less than a second with a fast store. The suite runs on tokio, best with several
/// threads, and not under a paused clock.
///
/// The suite cannot check what happens when processes and machines fail.
///
/// # Panics
///
/// If the store breaks a rule. The message names the rule.
///
/// # Cancel safety
///
/// Dropping the future stops the checks. The keys that they began stay in the store until it forgets them.
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
