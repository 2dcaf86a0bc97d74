//! The `HEAD` request that asks a server for its store of idempotency keys, its time, and the owner of the keys. A
//! [`Probe`] for a call is short and delays it little. One for a ticket may take all the time of the call.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::credentials::Authorization;
use crate::endpoints::EndpointState;
use crate::engine::Engine;
use crate::exchange::{AttemptTimeout, Exchange};
use crate::failure::Failure;
use crate::reliability::keys::StoreStatus;
use crate::runtime::{Instant, sleep, timeout_at};
use crate::transport::{ProbePurpose, Progress, Request};

/// How long the answer to a `HEAD` before the first call with a key may take, from when the request is written.
const ANSWER_TIME: Duration = Duration::from_millis(250);

/// How long that `HEAD` may wait for a connection.
const CONNECTION_TIME: Duration = Duration::from_secs(2);

/// The time of an answer is counted in this many steps. Each step starts when the client sees the end of the previous
/// one. So if this process pauses, and cannot see the answer meanwhile, the pause counts as one step, whatever its
/// length.
const STEPS: u32 = 5;

/// Longer than any probe takes.
const BEYOND: Duration = Duration::from_secs(60);

/// Asks the server at an endpoint, with the headers of a call.
#[derive(Clone, Copy)]
pub(crate) struct Probe<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) endpoint: &'a EndpointState,
    pub(crate) headers: Option<&'a HeaderMap>,
    /// Whether the client can renew these credentials when they are rejected.
    pub(crate) may_renew: bool,
}

/// How long a probe may take that no caller asked for.
#[derive(Clone, Copy)]
pub(super) struct ProbeTime {
    /// The time by which it must be on a connection.
    written: Instant,
    /// How long its answer may take from then on.
    answer: Duration,
}

impl ProbeTime {
    /// Returns the time of a probe before an attempt. `budget` is the time that the call had at its start. The
    /// connection and the answer get at most a third of it each, and both together never more than what is left.
    pub(super) fn of_call(now: Instant, deadline: Instant, budget: Duration) -> Self {
        let most = (budget / 3).min((deadline - now) / 2);
        Self { written: now + most.min(CONNECTION_TIME), answer: most.min(ANSWER_TIME) }
    }
}

/// How a probe ended.
enum ProbeResult {
    Answer(Result<HeaderMap, Failure>),
    /// It never got a connection.
    Unwritten,
    /// It was written, but the server did not answer.
    Silence,
}

impl Probe<'_> {
    /// Asks for the server's store, unless another call has asked meanwhile.
    ///
    /// # Errors
    ///
    /// Nothing of the request reached the server, or the server rejected credentials that can be renewed.
    pub(super) async fn store(self, time: ProbeTime) -> Result<StoreStatus, Failure> {
        let store = &self.endpoint.store;
        let Ok(_turn) = timeout_at(time.written + time.answer, store.asking.lock()).await else {
            return Ok(StoreStatus::Nothing);
        };
        let now = Instant::now();
        let known = store.current(now);
        if known != StoreStatus::Nothing {
            return Ok(known);
        }
        let progress = Progress::default();
        let headers = self.engine.headers.of_probe(&self.endpoint.headers, self.headers);
        // `in_time` bounds it.
        let timeout = AttemptTimeout { until: time.written + BEYOND, soft: None };
        let answer = self.send(headers, time.written, timeout, progress.clone());
        match in_time(answer, &progress, time).await {
            // The call itself can wait longer for a connection.
            ProbeResult::Unwritten => Ok(StoreStatus::Nothing),
            ProbeResult::Answer(Err(failure)) if failure.is_expired() => Ok(StoreStatus::Nothing),
            // The client asks again with new credentials, before the next attempt.
            ProbeResult::Answer(Err(failure)) if self.may_renew && is_unauthorized(&failure) => Err(failure),
            ProbeResult::Answer(answer) => store.learn(answer, now),
            ProbeResult::Silence => Ok(store.take_silence()),
        }
    }

    /// Asks for the server's store, its time, and the owner of the call's key.
    pub(crate) async fn scope(self, until: Instant) -> Result<HeaderMap, Failure> {
        let Some(credentials) = &self.engine.credentials else { return self.ask_scope(until).await };
        let (mut authorization, mut headers) = (Authorization::default(), self.headers.cloned().map(Box::new));
        loop {
            authorization.apply(credentials, &mut headers, until).await?;
            let answer = Probe { headers: headers.as_deref(), ..self }.ask_scope(until).await;
            if !answer.as_ref().is_err_and(is_unauthorized) || !authorization.may_renew(credentials) {
                return answer;
            }
            authorization.renew(credentials);
        }
    }

    async fn ask_scope(self, until: Instant) -> Result<HeaderMap, Failure> {
        let ask = || {
            let left = until.saturating_duration_since(Instant::now());
            let headers = self.engine.headers.of_scope_probe(&self.endpoint.headers, self.headers, left);
            self.send(headers, until, AttemptTimeout { until, soft: None }, Progress::default())
        };
        match ask().await {
            // An idle connection may have been closed, and a second probe does no harm.
            Err(failure) if failure.is_transport() => ask().await,
            answer => answer,
        }
    }

    /// Sends the probe, which may wait for a connection until `written`.
    async fn send(
        self,
        headers: HeaderMap,
        written: Instant,
        timeout: AttemptTimeout,
        progress: Progress,
    ) -> Result<HeaderMap, Failure> {
        let begun = Instant::now();
        let request = Request {
            body: Bytes::new(),
            headers,
            deadline: written.into_std(),
            progress: progress.clone(),
            meter: self.engine.observer.meter(),
            transport: None,
            subscription: None,
            purpose: ProbePurpose::Announcement,
        };
        let reply = self.endpoint.transport.probe(request);
        let max_bytes = self.engine.settings.max_response_bytes;
        let answer = Exchange { reply, progress, begun, timeout, max_bytes }.receive(|| true).await;
        answer.map(|exchanged| exchanged.head.headers)
    }
}

pub(crate) fn is_unauthorized(failure: &Failure) -> bool {
    failure.status() == Some(StatusCode::UNAUTHORIZED)
}

/// Waits for the answer within these limits.
async fn in_time(
    answer: impl Future<Output = Result<HeaderMap, Failure>>,
    progress: &Progress,
    time: ProbeTime,
) -> ProbeResult {
    let step = time.answer / STEPS;
    let (mut answer, mut timer) = (pin!(answer), pin!(sleep(step)));
    // The answer's time starts when the probe is written.
    let mut left = None;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(ProbeResult::Answer(answer));
            }
            if left.is_none() && !progress.is_held() {
                left = Some(STEPS);
                timer.as_mut().reset(Instant::now() + step);
            }
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            match &mut left {
                Some(1) => return Poll::Ready(ProbeResult::Silence),
                Some(left) => *left -= 1,
                None if now >= time.written => return Poll::Ready(ProbeResult::Unwritten),
                None => {}
            }
            timer.as_mut().reset(now + step);
        }
    })
    .await
}

#[cfg(test)]
mod tests;
