use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use rpc_core::{Effect, Inherited, MethodSpec, RequestContext};
use tokio::time::{Sleep, sleep};

/// Is how long a handler may go on, and with it the calls that it makes.
///
/// The caller's deadline ends a `readonly` handler. Any other is told that nobody waits for it any longer, and goes on.
#[derive(Debug, Default)]
pub(super) struct Time {
    /// Until when the caller waits, by the clock of its request.
    pub(super) deadline: Option<Instant>,
    pub(super) inherited: Inherited,
    /// Most handlers are done at once and never need it.
    timer: Option<Pin<Box<Sleep>>>,
    /// What the handler has left when the caller's deadline is over.
    rest: Option<Duration>,
}

/// Says which time is over.
pub(super) enum Over {
    /// The caller's. The handler goes on.
    Caller,
    /// The handler's.
    Handler,
}

impl Time {
    /// Counts from now on. `now` is known where the request has a deadline.
    #[inline]
    pub(super) fn start(method: &MethodSpec, request: &RequestContext, now: Option<Instant>, limit: Duration) -> Self {
        let (deadline, left) = match (request.deadline(), now) {
            (Some(deadline), Some(now)) => (Some(deadline), Some(deadline.saturating_duration_since(now))),
            _ => match method.timeout {
                None => (None, None),
                Some(timeout) => (request.now().checked_add(timeout), Some(timeout)),
            },
        };
        let inherited = match left {
            Some(left) if method.effect == Effect::None => left.min(limit),
            _ => limit,
        };
        Self { deadline, inherited: Inherited::Within(inherited), timer: None, rest: None }
    }

    /// Waits until some of the time is over.
    pub(super) fn poll(
        &mut self,
        method: &MethodSpec,
        request: &RequestContext,
        limit: Duration,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Over> {
        let timer = match &mut self.timer {
            Some(timer) => timer,
            None => {
                let left = self.deadline.map(|deadline| deadline.saturating_duration_since(request.now()));
                let (first, rest) = match left {
                    Some(left) if left >= limit => (limit, None),
                    Some(left) if method.effect == Effect::None => (left, None),
                    Some(left) => (left, Some((limit - left).min(FAR))),
                    None => (limit, None),
                };
                let timer = Box::pin(sleep(first));
                self.rest = rest;
                self.inherited = Inherited::Until((timer.deadline() + rest.unwrap_or_default()).into_std());
                self.timer.insert(timer)
            }
        };
        ready!(timer.as_mut().poll(cx));
        let Some(rest) = self.rest.take() else { return Poll::Ready(Over::Handler) };
        let end = timer.deadline() + rest;
        timer.as_mut().reset(end);
        Poll::Ready(Over::Caller)
    }
}

/// Is longer than any handler runs, and no instant plus this overflows.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
