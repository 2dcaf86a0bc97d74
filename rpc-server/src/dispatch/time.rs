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
}

/// Says which time is over.
pub(super) enum Over {
    /// The caller's. The handler goes on.
    Caller,
    /// The handler's.
    Handler,
}

impl Time {
    /// Counts from now on. `left` is how long the caller waits, if its request says so.
    #[inline]
    pub(super) fn start(
        method: &MethodSpec,
        request: &RequestContext,
        left: Option<Duration>,
        limit: Duration,
    ) -> Self {
        if left.is_none() && method.timeout.is_none() {
            return Self { deadline: None, inherited: Inherited::Within(limit), timer: None };
        }
        Self::with_deadline(method, request, left, limit)
    }

    fn with_deadline(method: &MethodSpec, request: &RequestContext, left: Option<Duration>, limit: Duration) -> Self {
        let by_default = || request.now().checked_add(method.timeout?);
        let deadline = request.deadline().or_else(by_default);
        let inherited = match left.or(method.timeout) {
            Some(left) if method.effect == Effect::None => left.min(limit),
            _ => limit,
        };
        Self { deadline, inherited: Inherited::Within(inherited), timer: None }
    }

    /// Counts what is left of a handler's time, at most so much. Returns the time and how long it is.
    pub(super) fn left(inherited: Inherited, limit: Duration) -> (Self, Duration) {
        let left = match inherited {
            Inherited::Nothing => limit,
            Inherited::Within(left) => left.min(limit),
            Inherited::Until(end) => end.saturating_duration_since(tokio::time::Instant::now().into_std()).min(limit),
        };
        (Self { deadline: None, inherited: Inherited::Within(left), timer: None }, left)
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
                    Some(left) if left >= limit => (limit, Duration::ZERO),
                    Some(left) if method.effect == Effect::None => (left, Duration::ZERO),
                    Some(left) => (left, (limit - left).min(FAR)),
                    None => (limit, Duration::ZERO),
                };
                let timer = Box::pin(sleep(first));
                self.inherited = Inherited::Until((timer.deadline() + rest).into_std());
                self.timer.insert(timer)
            }
        };
        ready!(timer.as_mut().poll(cx));
        match self.inherited {
            Inherited::Until(end) if timer.deadline().into_std() < end => {
                timer.as_mut().reset(end.into());
                Poll::Ready(Over::Caller)
            }
            _ => Poll::Ready(Over::Handler),
        }
    }
}

/// Is longer than any handler runs, and no instant plus this overflows.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
