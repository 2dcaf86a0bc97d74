//! The two time limits of a running handler: the handler timeout and the caller's deadline. [`HandlerTime`] has one
//! timer for both and creates it when the handler first waits. It also holds the time that calls made by the handler
//! inherit.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use rpc_core::{Effect, InheritedTimeLimit, MethodSpec, RequestContext};
use tokio::time::{Sleep, sleep};

use crate::call::Call;

/// The time limits of a running handler and of the calls that it makes.
///
/// The caller's deadline drops a `readonly` handler. Any other handler is only cancelled, and continues until its own
/// timeout.
#[derive(Debug, Default)]
pub(crate) struct HandlerTime {
    /// The caller's deadline, by the clock of its request.
    pub(crate) deadline: Option<Instant>,
    pub(super) inherited: InheritedTimeLimit,
    /// Created at the first wait, since most handlers never wait.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The limit that has passed.
pub(super) enum ExpiredLimit {
    /// The caller's deadline. The handler continues.
    Caller,
    /// The handler timeout, or the caller's deadline if that drops the handler.
    Handler,
}

/// Returns the time that calls made here inherit, as an instant: the code that inherits it may start later.
pub(crate) fn inherited() -> InheritedTimeLimit {
    match InheritedTimeLimit::current() {
        InheritedTimeLimit::Within(left) => {
            let now = tokio::time::Instant::now().into_std();
            now.checked_add(left).map_or(InheritedTimeLimit::Nothing, InheritedTimeLimit::Until)
        }
        inherited => inherited,
    }
}

impl HandlerTime {
    /// Starts the time now. `left` is the caller's remaining time, if its request has a deadline.
    #[inline]
    pub(crate) fn start(
        method: &MethodSpec,
        request: &RequestContext,
        left: Option<Duration>,
        limit: Duration,
    ) -> Self {
        if left.is_none() && method.timeout.is_none() {
            return Self { deadline: None, inherited: InheritedTimeLimit::Within(limit), timer: None };
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
        Self { deadline, inherited: InheritedTimeLimit::Within(within), timer: None }
    }

    /// Starts the time of a handler without a caller: the rest of the inherited time, and `limit` at most.
    pub(crate) fn left(inherited: InheritedTimeLimit, limit: Duration) -> Self {
        let left = match inherited {
            InheritedTimeLimit::Nothing => limit,
            InheritedTimeLimit::Within(left) => left.min(limit),
            InheritedTimeLimit::Until(end) => {
                end.saturating_duration_since(tokio::time::Instant::now().into_std()).min(limit)
            }
        };
        Self { deadline: None, inherited: InheritedTimeLimit::Within(left), timer: None }
    }

    /// Polls until the next limit passes.
    pub(super) fn poll(&mut self, call: &Call<'_>, cx: &mut TaskContext<'_>) -> Poll<ExpiredLimit> {
        let timer = match &mut self.timer {
            Some(timer) => timer,
            None => {
                let (first, rest) = self.split(call);
                let timer = Box::pin(sleep(first));
                self.inherited = InheritedTimeLimit::Until((timer.deadline() + rest).into_std());
                self.timer.insert(timer)
            }
        };
        ready!(timer.as_mut().poll(cx));
        match self.inherited {
            InheritedTimeLimit::Until(end) if timer.deadline().into_std() < end => {
                timer.as_mut().reset(end.into());
                Poll::Ready(ExpiredLimit::Caller)
            }
            _ => Poll::Ready(ExpiredLimit::Handler),
        }
    }

    /// Returns the time until the first limit, and the time from there until the handler must end. The second is zero
    /// if the first limit ends the handler.
    fn split(&self, call: &Call<'_>) -> (Duration, Duration) {
        let limit = match self.inherited {
            InheritedTimeLimit::Within(limit) => limit,
            InheritedTimeLimit::Nothing | InheritedTimeLimit::Until(_) => call.in_flight.handler_timeout,
        };
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(call.request.now()));
        match left {
            Some(left) if left < limit && call.method.effect == Effect::None => (left, Duration::ZERO),
            // If the handler went on without its request, the next message would begin too early.
            Some(left) if left < limit && !call.request.keeps_order() => (left, (limit - left).min(FAR)),
            _ => (limit, Duration::ZERO),
        }
    }
}

/// Longer than any handler runs, and small enough to add to any instant without an overflow.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
