//! [`Authenticate`], the trait that finds the principal of a request, and its implementation for async closures.
//! `settings` is its only caller.

use std::sync::Arc;

use http::HeaderValue;
use rpc_core::{BoxFuture, Principal, RequestContext};

use super::Denied;

/// Turns a request into a principal.
///
/// Async closures and functions over the request do, and so does [`Bearer`](super::Bearer):
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
    /// Finds out who makes a request: a principal, `None` where the request shows no credentials, or an error where
    /// they do not hold.
    ///
    /// It has the time that a handler has ([`Limits::handler_timeout`](crate::Limits::handler_timeout)), and is dropped
    /// when the client leaves. Where it panics or takes too long, the request is refused as with
    /// [`Denied::unavailable`]. Where the caller's own time is over before, the calls are answered with -32095. A
    /// principal without a subject is refused as with [`Denied::unauthenticated`].
    fn authenticate(&self, request: Arc<RequestContext>) -> BoxFuture<Result<Option<Principal>, Denied>>;

    /// Returns what `WWW-Authenticate` says to those who are not known, as
    /// [RFC 9110, section 11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1) has it. By default `Bearer`.
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
