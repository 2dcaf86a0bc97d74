//! The credential that all calls of a client share. [`CredentialCache`] runs one fetch for all waiting calls, in a
//! separate task, and limits the fetches that rejected credentials cause.

use std::error::Error as StdError;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderName, HeaderValue};
use rpc_core::contain::defuse;
use tokio::sync::watch;

use super::Credentials;
use crate::failure::{Failure, FailureKind};
use crate::middleware::BoxError;
use crate::runtime::{Instant, spawn, timeout_at};

/// How long fetching credentials may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// How many rejections in a row can each cause a fetch at once. If a server rejects everything, the client must not ask
/// the provider for each call.
const MAX_REFUSALS: u32 = 10;

/// After this time one more rejection can cause a fetch.
const REFUSAL_INTERVAL: Duration = Duration::from_secs(1);

/// The credentials of a client, fetched once for all calls that need them. Clones share them.
#[derive(Clone)]
pub(crate) struct CredentialCache {
    provider: Arc<dyn Credentials>,
    state: Arc<Mutex<CacheState>>,
}

#[derive(Default)]
struct CacheState {
    held: Option<CachedCredential>,
    /// Receives the result of the fetch in flight.
    fetching: Option<watch::Receiver<FetchResult>>,
    /// The number of credentials fetched.
    fetched: u64,
    /// The number of recent rejections that caused a fetch. It decreases by one each [`REFUSAL_INTERVAL`].
    refusals: u32,
    /// When it decreased last.
    forgotten: Option<Instant>,
}

/// A credential that was fetched.
#[derive(Clone)]
pub(super) struct CachedCredential {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    /// The sequence number of the fetched credential.
    pub(super) number: u64,
    expires: Option<Instant>,
}

/// The result of a fetch, once it has ended.
type FetchResult = Option<Result<CachedCredential, Arc<dyn StdError + Send + Sync>>>;

impl CredentialCache {
    pub(crate) fn new(provider: impl Credentials) -> Self {
        Self { provider: Arc::new(provider), state: Arc::default() }
    }

    /// Returns the credential, after fetching a new one if needed.
    pub(super) async fn get(&self, until: Instant) -> Result<CachedCredential, Failure> {
        // A fetch ends without a result only when its runtime ends. That runtime may be another than the caller's.
        for _ in 0..3 {
            let mut fetching = match self.held_or_fetch() {
                Ok(held) => return Ok(held),
                Err(fetching) => fetching,
            };
            match timeout_at(until, fetching.wait_for(Option::is_some)).await {
                Err(_) => {
                    return Err(Failure::with_source(FailureKind::Expired, "credentials were not fetched in time"));
                }
                Ok(Err(_)) => {}
                Ok(Ok(fetched)) => match &*fetched {
                    Some(Ok(held)) => return Ok(held.clone()),
                    Some(Err(error)) => return Err(Failure::with_source(FailureKind::Credentials, Arc::clone(error))),
                    None => {}
                },
            }
        }
        Err(Failure::with_source(FailureKind::Credentials, "the runtime that fetched credentials has ended"))
    }

    /// Returns whether a call with a rejected credential can get another one: one was fetched since, or a fetch is
    /// allowed.
    pub(super) fn may_renew(&self, number: u64) -> bool {
        let mut state = lock(&self.state);
        state.held.as_ref().is_none_or(|held| held.number != number) || state.may_fetch(Instant::now())
    }

    /// Forgets a credential that a server has rejected, unless another one was fetched since.
    pub(super) fn forget(&self, number: u64) {
        let mut state = lock(&self.state);
        if state.held.take_if(|held| held.number == number).is_some() {
            state.refusals += 1;
        }
    }

    /// Returns a valid credential, or the receiver of the fetch. Starts a fetch if none is in flight.
    fn held_or_fetch(&self) -> Result<CachedCredential, watch::Receiver<FetchResult>> {
        let mut state = lock(&self.state);
        let now = Instant::now();
        if let Some(held) = state.held.as_ref().filter(|held| held.expires.is_none_or(|expires| now < expires)) {
            return Ok(held.clone());
        }
        // A receiver without its sender never gets a result.
        if let Some(fetching) = state.fetching.as_ref().filter(|fetching| fetching.has_changed().is_ok()) {
            return Err(fetching.clone());
        }
        let (tell, fetching) = watch::channel(None);
        state.fetching = Some(fetching.clone());
        drop(state);
        // The fetch runs in a task of its own: a caller that leaves does not end it for the others.
        spawn(fetch(Arc::clone(&self.provider), Arc::clone(&self.state), tell));
        Err(fetching)
    }
}

impl CacheState {
    /// Returns whether a rejection can cause a fetch.
    fn may_fetch(&mut self, now: Instant) -> bool {
        let since = *self.forgotten.get_or_insert(now);
        let passed = now.saturating_duration_since(since).as_secs() / REFUSAL_INTERVAL.as_secs();
        if passed > 0 {
            self.refusals = self.refusals.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
            self.forgotten = Some(now);
        }
        self.refusals < MAX_REFUSALS
    }
}

async fn fetch(provider: Arc<dyn Credentials>, state: Arc<Mutex<CacheState>>, tell: watch::Sender<FetchResult>) {
    let fetching = AssertUnwindSafe(async move { provider.fetch().await }).catch_unwind();
    let fetched = match timeout_at(Instant::now() + FETCH_TIMEOUT, fetching).await {
        Ok(Ok(fetched)) => fetched,
        Ok(Err(panic)) => {
            defuse(panic);
            Err(BoxError::from("the provider of credentials panicked"))
        }
        Err(_) => Err(BoxError::from(format!("the provider of credentials did not answer within {FETCH_TIMEOUT:?}"))),
    };
    let header = fetched.and_then(|credential| Ok((credential.header?, credential.expires_in)));
    let mut state = lock(&state);
    state.fetching = None;
    let fetched = header.map(|((name, value), expires_in)| {
        state.fetched += 1;
        let expires = expires_in.and_then(|time| Instant::now().checked_add(time));
        CachedCredential { name, value, number: state.fetched, expires }
    });
    if let Ok(held) = &fetched {
        state.held = Some(held.clone());
    }
    drop(state);
    tell.send_replace(Some(fetched.map_err(Arc::from)));
}

fn lock(state: &Mutex<CacheState>) -> MutexGuard<'_, CacheState> {
    // No user code runs while the lock is held.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialCache")
    }
}
