//! The two time limits of a running handler: the handler timeout and the caller's deadline. [`Time`] has one timer for
//! both and creates it when the handler first waits. It also holds the time that calls made by the handler inherit.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use rpc_core::{Effect, Inherited, MethodSpec, RequestContext};
use tokio::time::{Sleep, sleep};

use crate::call::Call;

/// How long a handler may go on, and with it the calls that it makes.
///
/// The caller's deadline ends a `readonly` handler. Any other is told that nobody waits for it any longer, and goes on.
#[derive(Debug, Default)]
pub(crate) struct Time {
    /// Until when the caller waits, by the clock of its request.
    pub(crate) deadline: Option<Instant>,
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

/// Returns the time that calls inherit here, counted from now on: what is to inherit it may begin only later.
pub(crate) fn inherited() -> Inherited {
    match Inherited::current() {
        Inherited::Within(left) => {
            let now = tokio::time::Instant::now().into_std();
            now.checked_add(left).map_or(Inherited::Nothing, Inherited::Until)
        }
        inherited => inherited,
    }
}

impl Time {
    /// Counts from now on. `left` is how long the caller waits, if its request says so.
    #[inline]
    pub(crate) fn start(
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
        let within = match left.or(method.timeout) {
            Some(left) if method.effect == Effect::None => left.min(limit),
            _ => limit,
        };
        Self { deadline, inherited: Inherited::Within(within), timer: None }
    }

    /// Counts what is left of the time that a handler has inherited, at most so much. No caller waits for it.
    pub(crate) fn left(inherited: Inherited, limit: Duration) -> Self {
        let left = match inherited {
            Inherited::Nothing => limit,
            Inherited::Within(left) => left.min(limit),
            Inherited::Until(end) => end.saturating_duration_since(tokio::time::Instant::now().into_std()).min(limit),
        };
        Self { deadline: None, inherited: Inherited::Within(left), timer: None }
    }

    /// Waits until some of the time is over.
    pub(super) fn poll(&mut self, call: &Call<'_>, cx: &mut TaskContext<'_>) -> Poll<Over> {
        let timer = match &mut self.timer {
            Some(timer) => timer,
            None => {
                let (first, rest) = self.split(call);
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

    /// Returns how long the caller waits, as far as the handler has as much time, and how long it goes on then.
    fn split(&self, call: &Call<'_>) -> (Duration, Duration) {
        let limit = match self.inherited {
            Inherited::Within(limit) => limit,
            Inherited::Nothing | Inherited::Until(_) => call.in_flight.handler_timeout,
        };
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(call.request.now()));
        match left {
            Some(left) if left < limit && call.method.effect == Effect::None => (left, Duration::ZERO),
            Some(left) if left < limit => (left, (limit - left).min(FAR)),
            _ => (limit, Duration::ZERO),
        }
    }
}

/// Is longer than any handler runs, and no instant plus this overflows.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
