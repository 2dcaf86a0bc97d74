//! Authentication and authorization while a server runs. [`Access`] calls the user's [`Authenticate`] once a request,
//! within its time limit, and contains its panics. [`check`] and [`has_all`] compare a principal's roles with those
//! that a method or page requires. `dispatch` turns the results into answers.

use std::fmt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::HeaderValue;
use rpc_core::contain::{Contained, contain, defuse};
use rpc_core::{Denial, ErrorCode, Inherited, MethodSpec, RequestContext};
use tokio::time::{Instant, timeout};

use super::{Authenticate, Denied};
use crate::throttle::Throttle;

/// What a server knows of how to find out who calls.
#[derive(Default)]
pub(crate) struct Access {
    pub(crate) authenticate: Option<Arc<dyn Authenticate>>,
    logs: Logs,
}

/// Bounds what callers make the server log.
#[derive(Default)]
struct Logs {
    denied: Throttle,
    nameless: Throttle,
    panicked: Throttle,
    late: Throttle,
}

/// Says why the calls of a request are not looked at.
pub(crate) enum Unauthenticated {
    Denied(Denied),
    /// The caller's time was up before it was known who calls.
    Expired,
}

impl Unauthenticated {
    /// Returns the code that the calls are answered with.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Expired => ErrorCode::DEADLINE_EXPIRED,
        }
    }
}

impl Access {
    /// Finds out who makes a request, and notes it.
    #[cold]
    pub(crate) async fn authenticate(
        &self,
        authenticate: &dyn Authenticate,
        request: &Arc<RequestContext>,
        limit: Duration,
    ) -> Result<(), Unauthenticated> {
        let is_expired = || request.deadline().is_some_and(|deadline| deadline <= request.now());
        if is_expired() {
            return Err(Unauthenticated::Expired);
        }
        let asked = self.ask(authenticate, request, limit).await;
        asked.map_err(|denied| match denied.denial() {
            // Who calls could not be found out in the caller's time, which says nothing of the server's load.
            None if is_expired() => Unauthenticated::Expired,
            _ => Unauthenticated::Denied(denied),
        })
    }

    async fn ask(
        &self,
        authenticate: &dyn Authenticate,
        request: &Arc<RequestContext>,
        limit: Duration,
    ) -> Result<(), Denied> {
        let left = request.deadline().map(|deadline| deadline.saturating_duration_since(request.now()));
        let (limit, is_callers) = match left {
            Some(left) if left <= limit => (left, true),
            _ => (limit, false),
        };
        // What is asked elsewhere has no more time than that, either.
        let inherited =
            Instant::now().checked_add(limit).map_or(Inherited::Nothing, |end| Inherited::Until(end.into()));
        // Whatever it may have left half done is not seen again: the request is refused.
        let asked = async { Contained::new(authenticate.authenticate(Arc::clone(request))).await };
        let asked = AssertUnwindSafe(asked).catch_unwind();
        let mut asked = pin!(timeout(limit, asked));
        match poll_fn(|cx| inherited.enter(|| asked.as_mut().poll(cx))).await {
            Ok(Ok(Ok(Some(principal)))) if !principal.is_somebody() => {
                if let Some(suppressed) = self.logs.nameless.pass() {
                    tracing::error!(
                        suppressed,
                        "request was refused: authentication names a principal without a subject"
                    );
                }
                Err(Denied::unauthenticated("the credentials name nobody"))
            }
            Ok(Ok(Ok(Some(principal)))) => {
                request.set_principal(principal);
                Ok(())
            }
            Ok(Ok(Ok(None))) => Ok(()),
            Ok(Ok(Err(denied))) => {
                if let Some(suppressed) = self.logs.denied.pass() {
                    tracing::info!(peer = ?request.peer_addr, suppressed, "request was refused: {denied}");
                }
                Err(denied)
            }
            Ok(Err(payload)) => {
                defuse(payload);
                if let Some(suppressed) = self.logs.panicked.pass() {
                    tracing::error!(suppressed, "authentication panicked");
                }
                Err(Denied::unavailable())
            }
            Err(_) => {
                // A caller chooses its own time, and may choose next to none.
                if !is_callers && let Some(suppressed) = self.logs.late.pass() {
                    tracing::warn!(?limit, suppressed, "authentication took too long");
                }
                Err(Denied::unavailable())
            }
        }
    }

    pub(crate) fn challenge(&self) -> HeaderValue {
        let challenge = self.authenticate.as_ref().and_then(|authenticate| contain(|| authenticate.challenge()));
        challenge.unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

/// Checks whether the caller of a request may call a method.
#[inline]
pub(crate) fn check(method: &MethodSpec, request: &RequestContext) -> Result<(), Denial> {
    match method.requires {
        None => Ok(()),
        Some(roles) => has_all(request, roles),
    }
}

/// Checks whether the caller of a request is known and has these roles.
pub(crate) fn has_all(request: &RequestContext, roles: &[&str]) -> Result<(), Denial> {
    let principal = request.principal().ok_or(Denial::Unauthenticated)?;
    if roles.iter().all(|role| principal.has_role(role)) { Ok(()) } else { Err(Denial::Forbidden) }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("authenticate", &self.authenticate.is_some()).finish()
    }
}
