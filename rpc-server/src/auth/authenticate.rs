//! [`Authenticate`], the trait that finds the principal of a request, and its implementation for async closures.
//! `settings` is its only caller.

use std::sync::Arc;

use http::HeaderValue;
use rpc_core::{BoxFuture, Principal, RequestContext};

use super::Denied;

/// How a server finds the principal of a request.
///
/// Async closures and functions that take the request implement it, and so does [`Bearer`](super::Bearer):
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use std::sync::Arc;
///
/// use rpc::auth::Denied;
/// use rpc::{Client, Principal, RequestContext, Server};
///
/// async fn by_session(request: Arc<RequestContext>) -> Result<Option<Principal>, Denied> {
///     match request.headers.get("x-session").map(|session| session.as_bytes()) {
///         None => Ok(None),
///         Some(b"s3cr3t") => Ok(Some(Principal::new("ada").with_role("admin"))),
///         Some(_) => Err(Denied::unauthenticated("the session has ended")),
///     }
/// }
///
/// let server = Server::builder()
///     .authenticate(by_session)
///     .method("whoami", |cx: rpc::Context| async move { cx.principal().map(|who| who.subject().to_owned()) })
///     .build();
/// let client = Client::in_process(&server);
///
/// let nobody: Option<String> = client.call("whoami", ()).await?;
/// assert_eq!(nobody, None);
/// let ada: Option<String> = client.call("whoami", ()).header("x-session", "s3cr3t").await?;
/// assert_eq!(ada.as_deref(), Some("ada"));
/// # Ok::<_, rpc::Error>(())
/// # }).unwrap();
/// ```
pub trait Authenticate: Send + Sync + 'static {
    /// Returns the principal of the caller, or `None` if the request has no credentials.
    ///
    /// The call has the time limit of a handler ([`Limits::handler_timeout`](crate::Limits::handler_timeout)). The
    /// server drops it when the client leaves. If it panics or times out, the server rejects the request as with
    /// [`Denied::unavailable`]. If the caller's deadline expires first, the server answers the calls with -32095. The
    /// server rejects a principal without a subject as with [`Denied::unauthenticated`].
    ///
    /// # Errors
    ///
    /// [`Denied`] if the credentials are wrong or cannot be checked.
    fn authenticate(&self, request: Arc<RequestContext>) -> BoxFuture<Result<Option<Principal>, Denied>>;

    /// Returns the header `WWW-Authenticate` for unauthenticated callers, as
    /// [RFC 9110, section 11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1) defines it. Default: `Bearer`.
    fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static("Bearer")
    }
}

impl<F, Fut> Authenticate for F
where
    F: Fn(Arc<RequestContext>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Principal>, Denied>> + Send + 'static,
{
    fn authenticate(&self, request: Arc<RequestContext>) -> BoxFuture<Result<Option<Principal>, Denied>> {
        Box::pin(self(request))
    }
}
