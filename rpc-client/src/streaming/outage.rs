//! [`Outage`]: the time from a cut until the stream works again, and when the client tries to open it again.

use std::time::Duration;

use rpc_core::{ErrorCode, ErrorObject, StreamEnd};

use crate::failure::{Failure, FailureKind};
use crate::reliability::retry::Retry;
use crate::runtime::Instant;

/// How long a stream without items must be open until the outage before it is over. A server that accepts streams and
/// cuts them at once must not be called for ever.
const STABLE: Duration = Duration::from_secs(10);

/// How many attempts in a row count at most while the stream has items between its cuts. So the delay stays short, and
/// still no server is called in a loop.
const MOST_WITH_ITEMS: u32 = 4;

/// The time from a cut until the stream has been open for a while.
#[derive(Debug)]
pub(crate) struct Outage {
    since: Instant,
    /// When the last attempt was accepted, if it was.
    accepted: Option<Instant>,
    /// Whether an item has come since the last attempt.
    has_items: bool,
    /// The number of attempts to open the stream again.
    attempts: u32,
}

impl Outage {
    pub(crate) fn begin(now: Instant) -> Self {
        Self { since: now, accepted: None, has_items: false, attempts: 0 }
    }

    /// Records that a server has accepted the stream.
    pub(crate) fn accept(&mut self, now: Instant) {
        self.accepted = Some(now);
    }

    /// Records that an item has come. The time limit then begins at the next cut.
    #[inline]
    pub(crate) fn note_item(&mut self) {
        self.has_items = true;
    }

    /// Returns whether the stream has been open for so long that the next cut begins another outage.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.accepted.is_some_and(|accepted| now.duration_since(accepted) >= STABLE)
    }

    /// Returns the delay before the next attempt, or `None` if it would begin after the limit. `random` is from 0 to 1.
    pub(crate) fn next_delay(&mut self, retry: &Retry, limit: Duration, cut: Cut, random: f64) -> Option<Duration> {
        if std::mem::take(&mut self.has_items) {
            self.since = Instant::now();
            self.attempts = self.attempts.min(MOST_WITH_ITEMS - 1);
        }
        self.attempts = self.attempts.saturating_add(1);
        self.accepted = None;
        let delay = match cut {
            // A server that drains everything at once must not be called in a loop.
            Cut::Draining if self.attempts == 1 => Duration::ZERO,
            Cut::Draining | Cut::Failed => retry.pause(self.attempts, random),
        };
        (self.since.elapsed().saturating_add(delay) < limit).then_some(delay)
    }

    /// Returns how much time is left for attempts.
    pub(crate) fn time_left(&self, limit: Duration) -> Duration {
        limit.saturating_sub(self.since.elapsed())
    }
}

/// Why a stream is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server shuts down and sends its clients elsewhere.
    Draining,
    Failed,
}

impl Cut {
    /// Returns `Draining` for the error that says so, and `Failed` for any other.
    pub(crate) fn by_error(error: &ErrorObject) -> Self {
        match StreamEnd::from_error_object(error) {
            Some(StreamEnd::Draining) => Self::Draining,
            _ => Self::Failed,
        }
    }
}

/// Returns whether no later attempt to open a stream can succeed after this failure: the call cannot be sent, it is
/// invalid, or access is denied.
pub(crate) fn is_hopeless(failure: &Failure) -> bool {
    const HOPELESS: [ErrorCode; 5] = [
        ErrorCode::PARSE_ERROR,
        ErrorCode::INVALID_REQUEST,
        ErrorCode::METHOD_NOT_FOUND,
        ErrorCode::INVALID_PARAMS,
        ErrorCode::ACCESS_DENIED,
    ];
    let is_denied = failure.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403));
    let kind = failure.kind_of_failure();
    is_denied
        || matches!(kind, FailureKind::Builder(_) | FailureKind::Encode)
        || failure.error_object().is_some_and(|error| HOPELESS.contains(&error.code()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use rpc_core::{ErrorCode, ErrorObject, StreamEnd};

    use super::{Cut, Outage, is_hopeless};
    use crate::failure::{Failure, FailureKind};
    use crate::reliability::retry::Retry;
    use crate::runtime::Instant;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn delays_double_until_the_limit() {
        let retry = Retry::exponential().base(Duration::from_secs(1)).cap(Duration::from_secs(30));
        let mut outage = Outage::begin(Instant::now());
        let mut delays = Vec::new();
        while let Some(delay) = outage.next_delay(&retry, LIMIT, Cut::Failed, 1.0) {
            delays.push(delay.as_secs());
            tokio::time::advance(delay).await;
        }
        assert_eq!(delays, [1, 2, 4, 8, 16]);
        assert_eq!(outage.time_left(LIMIT), Duration::from_secs(29));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_first_attempt_after_an_item_is_at_once() {
        let retry = Retry::exponential().base(Duration::from_secs(1));
        let mut outage = Outage::begin(Instant::now());
        let mut delay = |cut| outage.next_delay(&retry, LIMIT, cut, 1.0).unwrap().as_secs();
        assert_eq!([delay(Cut::Draining), delay(Cut::Draining), delay(Cut::Failed)], [0, 2, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn outage_is_over_once_the_stream_was_open_for_a_while() {
        let mut outage = Outage::begin(Instant::now());
        tokio::time::advance(LIMIT).await;
        assert!(!outage.is_over(Instant::now()));
        outage.accept(Instant::now());
        tokio::time::advance(Duration::from_millis(9999)).await;
        assert!(!outage.is_over(Instant::now()));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(outage.is_over(Instant::now()));
        // A new attempt has not been accepted yet.
        outage.next_delay(&Retry::exponential(), LIMIT * 3, Cut::Failed, 1.0);
        assert!(!outage.is_over(Instant::now()));
    }

    #[test]
    fn draining_is_told_from_other_ends() {
        assert_eq!(Cut::by_error(&StreamEnd::Draining.to_error_object()), Cut::Draining);
        assert_eq!(Cut::by_error(&StreamEnd::Lagged.to_error_object()), Cut::Failed);
        assert_eq!(Cut::by_error(&ErrorObject::internal()), Cut::Failed);
    }

    #[test]
    fn denied_and_invalid_calls_are_hopeless() {
        for failure in [
            Failure::rejected(ErrorCode::ACCESS_DENIED),
            Failure::new(FailureKind::Server(ErrorObject::method_not_found())),
            Failure::of_status(StatusCode::UNAUTHORIZED),
            Failure::of_status(StatusCode::FORBIDDEN),
            Failure::new(FailureKind::Builder("no")),
        ] {
            assert!(is_hopeless(&failure), "{failure}");
        }
        for failure in [
            Failure::overloaded(),
            Failure::timed_out(),
            Failure::connect("refused"),
            Failure::transport("cut"),
            Failure::of_status(StatusCode::BAD_GATEWAY),
        ] {
            assert!(!is_hopeless(&failure), "{failure}");
        }
    }
}
