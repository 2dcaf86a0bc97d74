use std::fmt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::HeaderValue;
use rpc_core::{Denial, Inherited, MethodSpec, RequestContext};
use tokio::time::{Instant, timeout};

use super::{Authenticate, Denied};

/// What a server knows of how to find out who calls.
#[derive(Default)]
pub(crate) struct Access {
    pub(crate) authenticate: Option<Arc<dyn Authenticate>>,
}

impl Access {
    /// Finds out who makes a request, and notes it.
    #[cold]
    pub(crate) async fn authenticate(
        authenticate: &dyn Authenticate,
        request: &Arc<RequestContext>,
        limit: Duration,
    ) -> Result<(), Denied> {
        let left = request.deadline().map(|deadline| deadline.saturating_duration_since(request.now()));
        let limit = left.map_or(limit, |left| left.min(limit));
        // What is asked elsewhere has no more time than that, either.
        let inherited =
            Instant::now().checked_add(limit).map_or(Inherited::Nothing, |end| Inherited::Until(end.into()));
        // Whatever it may have left half done is not seen again: the request is refused.
        let asked = AssertUnwindSafe(async { authenticate.authenticate(Arc::clone(request)).await }).catch_unwind();
        let mut asked = pin!(timeout(limit, asked));
        match poll_fn(|cx| inherited.enter(|| asked.as_mut().poll(cx))).await {
            Ok(Ok(Ok(Some(principal)))) => {
                request.set_principal(principal);
                Ok(())
            }
            Ok(Ok(Ok(None))) => Ok(()),
            Ok(Ok(Err(denied))) => {
                tracing::info!(peer = ?request.peer_addr, "request was refused: {denied}");
                Err(denied)
            }
            Ok(Err(_)) => {
                tracing::error!("authentication panicked");
                Err(Denied::unavailable())
            }
            Err(_) => {
                tracing::warn!(?limit, "authentication took too long");
                Err(Denied::unavailable())
            }
        }
    }

    pub(crate) fn challenge(&self) -> HeaderValue {
        self.authenticate.as_ref().map_or(HeaderValue::from_static("Bearer"), |authenticate| authenticate.challenge())
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

fn has_all(request: &RequestContext, roles: &[&str]) -> Result<(), Denial> {
    let principal = request.principal().ok_or(Denial::Unauthenticated)?;
    if roles.iter().all(|role| principal.has_role(role)) { Ok(()) } else { Err(Denial::Forbidden) }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("authenticate", &self.authenticate.is_some()).finish()
    }
}
