//! Credentials that expire and are renewed. [`Credentials`] is the user's provider, [`Credential`] a header that it
//! returns. `cache` fetches it, and `authorization` applies it to a delivery.

mod authorization;
mod cache;

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use rpc_core::{BoxFuture, MaybeSend, MaybeSync};

use crate::middleware::BoxError;
pub(crate) use authorization::Authorization;
pub(crate) use cache::CredentialCache;

/// Provides the credentials of a client's calls, as an access token that is renewed at times.
///
/// An async closure is one: `|| async { Ok::<_, MyError>(Credential::bearer(fetch_token().await?)) }`. Give it to
/// [`ClientBuilder::credentials`](crate::ClientBuilder::credentials), which says when it is asked.
///
/// A provider must not make calls with the client that waits for it, but with one that has no provider.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpc::client_middleware::BoxError;
/// use rpc::{BoxFuture, Credential, Credentials};
///
/// /// Reads the token of a Kubernetes service account, which the kubelet rotates.
/// struct ServiceAccount;
///
/// impl Credentials for ServiceAccount {
///     fn fetch(&self) -> BoxFuture<Result<Credential, BoxError>> {
///         Box::pin(async {
///             let token = tokio::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/token").await?;
///             Ok(Credential::bearer(token.trim()).expires_in(Duration::from_secs(60)))
///         })
///     }
/// }
///
/// let client = rpc::Client::builder().endpoint("http://127.0.0.1:8080").credentials(ServiceAccount).build()?;
/// # Ok::<(), rpc::Failure>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not provide credentials",
    note = "a provider is a closure like `|| async {{ Ok::<_, MyError>(Credential::bearer(fetch_token().await?)) }}`, or a type that implements `rpc::Credentials`",
    note = "for a token that never changes there is `ClientBuilder::header`"
)]
pub trait Credentials: MaybeSend + MaybeSync + 'static {
    /// Fetches credentials anew.
    ///
    /// It runs in a task of its own, for all calls that wait for it, and is dropped after 30 s. A panic is contained
    /// and counts as an error.
    ///
    /// # Errors
    ///
    /// Whatever it fails with. It becomes the source of the failures of the calls that wait for it.
    fn fetch(&self) -> BoxFuture<Result<Credential, BoxError>>;
}

#[diagnostic::do_not_recommend]
impl<F, Fut, E> Credentials for F
where
    F: Fn() -> Fut + MaybeSend + MaybeSync + 'static,
    Fut: Future<Output = Result<Credential, E>> + MaybeSend + 'static,
    E: Into<BoxError>,
{
    fn fetch(&self) -> BoxFuture<Result<Credential, BoxError>> {
        let fetching = self();
        Box::pin(async { fetching.await.map_err(Into::into) })
    }
}

/// What tells a server who calls: a header, and how long it is good for. It is not shown by `Debug`.
#[derive(Clone)]
pub struct Credential {
    /// The header, or why there is none.
    header: Result<(HeaderName, HeaderValue), &'static str>,
    expires_in: Option<Duration>,
}

impl Credential {
    /// Makes a credential of a token: `authorization: Bearer TOKEN`.
    pub fn bearer(token: impl AsRef<str>) -> Self {
        Self::header(AUTHORIZATION, format!("Bearer {}", token.as_ref()))
    }

    /// Makes a credential of a name and a password: `authorization: Basic ..`.
    pub fn basic(name: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let text = STANDARD.encode(format!("{}:{}", name.as_ref(), password.as_ref()));
        Self::header(AUTHORIZATION, format!("Basic {text}"))
    }

    /// Makes a credential of any header, such as `x-api-key`. Calls fail where the name or the value is none that a
    /// header can have.
    pub fn header<N, V>(name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let header = match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                Ok((name, value))
            }
            (Err(_), _) => Err("the name of the credential's header is not one that a header can have"),
            (_, Err(_)) => Err("the credential cannot be the value of a header"),
        };
        Self { header, expires_in: None }
    }

    /// Sets how long the credential is good for, from when it was fetched. Default: until a server refuses it.
    ///
    /// An access token that is fetched a little early costs nothing, so subtract some seconds from its lifetime.
    #[must_use]
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}
