//! What a client knows of the idempotency store behind its endpoint: the last announcement, its time, and when to ask
//! again. All deliveries to the endpoint share it. `delivery::probe` asks.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rpc_core::Outcome;
use rpc_core::headers::{RPC_IDEMPOTENCY, StoreAnnouncement, StoreInfo};
use uuid::Uuid;

use crate::failure::Failure;
use crate::runtime::Instant;

/// Remembers what the server has announced of its store.
#[derive(Debug, Default)]
pub(crate) struct StoreDiscovery {
    known: RwLock<StoreStatus>,
    /// Allows one probe at a time. Other calls wait for its result.
    pub(crate) asking: tokio::sync::Mutex<()>,
}

/// What the client knows of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum StoreStatus {
    /// The server has not been asked yet.
    #[default]
    Nothing,
    /// The server has this store.
    Store(AnnouncedStore),
    /// The server announced no store. An answer can still announce one.
    NoStore,
    /// The server left `HEAD` unanswered and is not asked again. It may have a store that an answer announces.
    Unheard,
    /// The server gave no usable answer. It is not asked again before this time.
    Silent(Instant),
    /// Several stores are behind the endpoint, one for each server. The client relies on none before this time.
    Several(Instant),
    /// An intermediary changes the ids of calls. The client uses no keys before this time.
    Unkept(Instant),
}

/// Whether a server has a certain store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreMatch {
    Same,
    /// It has another store, or none that can be relied on.
    Other,
    Unknown,
}

/// What a server has announced of its store.
#[derive(Clone, Debug)]
pub(crate) struct AnnouncedStore {
    pub(crate) info: StoreInfo,
    /// What requests say about the store: the parsed announcement, not the text that arrived.
    pub(crate) text: Bytes,
    /// The store's time at the announcement, in milliseconds.
    now: Option<u64>,
    /// When it was announced.
    since: Instant,
}

impl PartialEq for AnnouncedStore {
    fn eq(&self, other: &Self) -> bool {
        self.info == other.info
    }
}

impl Eq for AnnouncedStore {}

impl AnnouncedStore {
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let StoreAnnouncement { store, now, .. } = StoreAnnouncement::from_value(headers.get(RPC_IDEMPOTENCY)?)?;
        let now = now.and_then(|now| u64::try_from(now.as_millis()).ok());
        Some(Self { info: store, text: store.to_text(), now, since: Instant::now() })
    }

    /// Makes an announcement from the store of a ticket.
    pub(crate) fn by_ticket(info: StoreInfo) -> Self {
        Self { info, text: info.to_text(), now: None, since: Instant::now() }
    }

    /// Returns the time of the store in milliseconds, or a little less, if the server has announced it.
    pub(crate) fn time_at(&self, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.since);
        let passed = passed.as_secs().saturating_mul(1000).saturating_add(passed.subsec_millis().into());
        // Clocks differ in pace, and ours may stand still while the machine sleeps. A time in the past is the safe
        // error.
        Some(self.now?.saturating_add(passed - passed / MAX_DRIFT))
    }
}

/// The store's clock may be slower than ours by one part in this many.
const MAX_DRIFT: u64 = 1024;

/// How long knowledge is relied on. Deployments change, so it is refreshed.
const MEMORY: Duration = Duration::from_secs(60);

/// After which time a server that gave no usable answer is asked again.
const PROBE_AGAIN_AFTER: Duration = Duration::from_secs(5);

impl StoreDiscovery {
    pub(crate) fn get(&self) -> StoreStatus {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what is known, or `Nothing` if that is too old.
    pub(crate) fn current(&self, now: Instant) -> StoreStatus {
        match self.get() {
            StoreStatus::Silent(until) | StoreStatus::Several(until) | StoreStatus::Unkept(until) if until <= now => {
                StoreStatus::Nothing
            }
            // A server without a store that replaces this one would not announce that.
            StoreStatus::Store(announced) if announced.since + MEMORY <= now => StoreStatus::Nothing,
            known => known,
        }
    }

    /// Returns whether the server has this store, as far as is known.
    pub(crate) fn matches(&self, store: Uuid, now: Instant) -> StoreMatch {
        match self.current(now) {
            StoreStatus::Store(announced) if announced.info.identity == store => StoreMatch::Same,
            StoreStatus::Nothing => StoreMatch::Unknown,
            _ => StoreMatch::Other,
        }
    }

    /// Notes what the headers of an answer announce of the store. Servers announce it to requests that do not name it.
    pub(crate) fn note(&self, headers: &HeaderMap) {
        let Some(announced) = AnnouncedStore::of(headers) else { return };
        if !matches!(self.current(Instant::now()), StoreStatus::Several(_) | StoreStatus::Unkept(_)) {
            self.set(StoreStatus::Store(announced));
        }
    }

    /// Notes what the headers of an answer say about the store, when the request had keys and named no store. A server
    /// with a store would announce it.
    pub(crate) fn note_answer(&self, headers: &HeaderMap) {
        if headers.contains_key(RPC_IDEMPOTENCY) {
            return self.note(headers);
        }
        let says_enough = |known: &StoreStatus| {
            !matches!(known, StoreStatus::Nothing | StoreStatus::Silent(_) | StoreStatus::Unheard)
        };
        if says_enough(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !says_enough(&known) {
            *known = StoreStatus::NoStore;
        }
    }

    pub(crate) fn there_are_several(&self, now: Instant) {
        self.set(StoreStatus::Several(now + MEMORY));
    }

    pub(crate) fn keys_are_lost(&self, now: Instant) {
        self.set(StoreStatus::Unkept(now + MEMORY));
    }

    /// Replaces the store with another announced one.
    pub(crate) fn replace(&self, announced: AnnouncedStore) {
        self.set(StoreStatus::Store(announced));
    }

    /// Notes that the server leaves `HEAD` unanswered.
    pub(crate) fn take_silence(&self) -> StoreStatus {
        self.set(StoreStatus::Unheard);
        StoreStatus::Unheard
    }

    fn set(&self, known: StoreStatus) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// Updates the knowledge from the answer to a `HEAD` request.
    ///
    /// # Errors
    ///
    /// The request did not reach the server.
    pub(crate) fn learn(&self, answer: Result<HeaderMap, Failure>, now: Instant) -> Result<StoreStatus, Failure> {
        let known = match answer {
            Ok(headers) => AnnouncedStore::of(&headers).map_or(StoreStatus::NoStore, StoreStatus::Store),
            // A layer of the client can answer itself, which sends nothing.
            Err(failure) if failure.outcome() == Outcome::NotSent && failure.status().is_none() => return Err(failure),
            Err(failure) => match failure.headers().and_then(AnnouncedStore::of) {
                Some(announced) => StoreStatus::Store(announced),
                None if says_no_store(&failure) => StoreStatus::NoStore,
                // Perhaps the server does not support `HEAD`. Calls are then sent without keys instead of failing.
                None => StoreStatus::Silent(now + PROBE_AGAIN_AFTER),
            },
        };
        self.set(known.clone());
        Ok(known)
    }
}

/// Returns whether a server rejected `HEAD` as servers do that do not support it. Temporary failures do not count, and
/// neither do rejections of the caller: with credentials, the answer may be another one.
fn says_no_store(failure: &Failure) -> bool {
    failure.status().is_some_and(|status| {
        let client_error = status.is_client_error();
        let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        let of_caller = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::PROXY_AUTHENTICATION_REQUIRED];
        (client_error && !passing && !of_caller.contains(&status))
            || status == StatusCode::NOT_IMPLEMENTED
            || status.is_redirection()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;
    use rpc_core::headers::{RPC_IDEMPOTENCY, StoreAnnouncement, StoreInfo};
    use tokio::time::{Instant, advance};
    use uuid::Uuid;

    use super::{AnnouncedStore, StoreDiscovery, StoreStatus};
    use crate::Failure;

    fn headers(number: u128) -> HeaderMap {
        let store = StoreInfo { identity: Uuid::from_u128(number), ttl: Duration::from_secs(120) };
        let announcement = StoreAnnouncement { store, now: Some(Duration::from_secs(1000)), scope: None };
        HeaderMap::from_iter([(RPC_IDEMPOTENCY, announcement.to_value())])
    }

    fn store(number: u128) -> StoreStatus {
        StoreStatus::Store(AnnouncedStore::of(&headers(number)).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_store_is_never_estimated_to_be_later_than_it_is() {
        let announced = AnnouncedStore::of(&headers(1)).unwrap();
        assert_eq!(announced.time_at(Instant::now()), Some(1_000_000));
        advance(Duration::from_secs(1024)).await;
        assert_eq!(announced.time_at(Instant::now()), Some(2_023_000));
    }

    #[test]
    fn answers_to_head_tell_of_a_store_or_of_none() {
        let (discovery, now) = (StoreDiscovery::default(), Instant::now());
        assert_eq!(discovery.learn(Ok(headers(1)), now).unwrap(), store(1));
        assert_eq!(discovery.learn(Ok(HeaderMap::new()), now).unwrap(), StoreStatus::NoStore);
        assert!(discovery.learn(Err(Failure::connect("refused")), now).is_err());
        assert_eq!(discovery.get(), StoreStatus::NoStore);
    }

    #[test]
    fn rejection_of_the_caller_says_nothing_of_the_store() {
        for (status, says) in [(401, false), (403, false), (407, false), (404, true), (405, true)] {
            let (discovery, now) = (StoreDiscovery::default(), Instant::now());
            let failure = Failure::of_status(http::StatusCode::from_u16(status).unwrap());
            let known = discovery.learn(Err(failure), now).unwrap();
            assert_eq!(known == StoreStatus::NoStore, says, "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_of_use_is_asked_again_later_or_heard_when_it_says_something() {
        let (discovery, now) = (StoreDiscovery::default(), Instant::now());
        assert!(matches!(discovery.learn(Err(Failure::transport("cut")), now).unwrap(), StoreStatus::Silent(_)));
        assert!(matches!(discovery.current(now + Duration::from_secs(4)), StoreStatus::Silent(_)));
        assert_eq!(discovery.current(now + Duration::from_secs(5)), StoreStatus::Nothing);
        discovery.note(&headers(1));
        assert_eq!(discovery.current(now), store(1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_to_a_call_with_named_keys_tells_of_a_store_or_of_none() {
        let (discovery, now) = (StoreDiscovery::default(), Instant::now());
        discovery.note_answer(&HeaderMap::new());
        assert_eq!(discovery.get(), StoreStatus::NoStore);
        discovery.note_answer(&headers(1));
        assert_eq!(discovery.get(), store(1));
        // Another call has learned of the store meanwhile, or of several.
        discovery.note_answer(&HeaderMap::new());
        assert_eq!(discovery.get(), store(1));
        discovery.there_are_several(now);
        discovery.note_answer(&HeaderMap::new());
        assert!(matches!(discovery.get(), StoreStatus::Several(_)));
        discovery.learn(Err(Failure::transport("cut")), now).unwrap();
        discovery.note_answer(&HeaderMap::new());
        assert_eq!(discovery.get(), StoreStatus::NoStore);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_is_asked_for_again_after_a_minute() {
        let discovery = StoreDiscovery::default();
        discovery.note(&headers(1));
        advance(Duration::from_secs(59)).await;
        assert_eq!(discovery.current(Instant::now()), store(1));
        advance(Duration::from_secs(1)).await;
        assert_eq!(discovery.current(Instant::now()), StoreStatus::Nothing);
    }

    #[tokio::test(start_paused = true)]
    async fn several_stores_are_not_relied_upon_for_a_minute_whatever_they_announce() {
        let discovery = StoreDiscovery::default();
        discovery.there_are_several(Instant::now());
        discovery.note(&headers(1));
        assert!(matches!(discovery.current(Instant::now()), StoreStatus::Several(_)));
        advance(Duration::from_secs(60)).await;
        assert_eq!(discovery.current(Instant::now()), StoreStatus::Nothing);
        discovery.note(&headers(1));
        assert_eq!(discovery.current(Instant::now()), store(1));
    }
}
