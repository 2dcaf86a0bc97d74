//! Authentication and authorization while a server runs. [`AccessControl`] calls the user's [`Authenticate`] once per
//! request, within its time limit, and contains its panics. [`check`] and [`has_all`] compare a principal's roles with
//! those that a method or page requires. `dispatch` turns the results into answers.

use std::fmt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::HeaderValue;
use rpc_core::contain::{CatchDropPanic, contain, defuse};
use rpc_core::{Denial, ErrorCode, InheritedTimeLimit, MethodSpec, RequestContext};
use tokio::time::{Instant, timeout};

use super::{Authenticate, Denied};
use crate::throttle::Throttle;

/// How a server authenticates callers.
#[derive(Default)]
pub(crate) struct AccessControl {
    pub(crate) authenticate: Option<Arc<dyn Authenticate>>,
    logs: AuthLogThrottles,
}

/// Throttles for the lines that callers can make the server log.
#[derive(Default)]
struct AuthLogThrottles {
    denied: Throttle,
    nameless: Throttle,
    panicked: Throttle,
    late: Throttle,
}

/// Why the server rejects the calls of a request before it looks at them.
pub(crate) enum Unauthenticated {
    Denied(Denied),
    /// The caller's deadline expired before authentication ended.
    Expired,
}

impl Unauthenticated {
    /// Returns the error code of the answers.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Expired => ErrorCode::DEADLINE_EXPIRED,
        }
    }
}

impl AccessControl {
    /// Authenticates the caller of a request, and stores the principal in the request.
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
            // Authentication did not succeed within the caller's time. That says nothing about the server's load.
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
        // Calls that authentication makes to other servers have no more time than that, either.
        let inherited = Instant::now()
            .checked_add(limit)
            .map_or(InheritedTimeLimit::Nothing, |end| InheritedTimeLimit::Until(end.into()));
        // After a panic the server rejects the request, so nothing reads what the panic left half done.
        let asked = async { CatchDropPanic::new(authenticate.authenticate(Arc::clone(request))).await };
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
                // Callers choose their own deadlines, however short. So only a timeout by the server's limit is logged.
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

/// Checks whether a request has a principal with all of these roles.
pub(crate) fn has_all(request: &RequestContext, roles: &[&str]) -> Result<(), Denial> {
    let principal = request.principal().ok_or(Denial::Unauthenticated)?;
    if roles.iter().all(|role| principal.has_role(role)) { Ok(()) } else { Err(Denial::Forbidden) }
}

impl fmt::Debug for AccessControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessControl").field("authenticate", &self.authenticate.is_some()).finish()
    }
}
