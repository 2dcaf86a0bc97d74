//! Credentials that expire and are renewed. [`Credentials`] is the user's provider, and [`Credential`] the header that
//! it returns. `cache` fetches it, and `authorization` applies it to a delivery.

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

/// Provides the credentials of a client's calls, such as an access token that is renewed from time to time.
///
/// An async closure is a provider: `|| async { Ok::<_, MyError>(Credential::bearer(fetch_token().await?)) }`. Pass it
/// to [`ClientBuilder::credentials`](crate::ClientBuilder::credentials), which documents when the client asks it.
///
/// A provider must not make calls with the client that waits for it. Use a client without a provider.
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
    /// Fetches new credentials.
    ///
    /// It runs in a separate task, for all calls that wait for it, and is dropped after 30 s. A panic is caught and
    /// counts as an error.
    ///
    /// # Errors
    ///
    /// Any error of the provider. It becomes the source of the failures of the calls that wait for it.
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

/// A header that identifies the caller to a server, and how long it is valid. `Debug` does not show the header.
#[derive(Clone)]
pub struct Credential {
    /// The header, or why there is none.
    header: Result<(HeaderName, HeaderValue), &'static str>,
    expires_in: Option<Duration>,
}

impl Credential {
    /// Makes a credential from a token: `authorization: Bearer TOKEN`.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Credential, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("header", |cx: Context| async move { cx.headers()["authorization"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let token = || async { Ok::<_, std::io::Error>(Credential::bearer("s3cr3t")) };
    /// let client = Client::builder().in_process(&server).credentials(token).build()?;
    /// assert_eq!(client.call::<String>("header", ()).await?, "Bearer s3cr3t");
    /// # Ok(())
    /// # }
    /// ```
    pub fn bearer(token: impl AsRef<str>) -> Self {
        Self::header(AUTHORIZATION, format!("Bearer {}", token.as_ref()))
    }

    /// Makes a credential from a name and a password: `authorization: Basic ..`.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Credential, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("header", |cx: Context| async move { cx.headers()["authorization"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let password = || async { Ok::<_, std::io::Error>(Credential::basic("ada", "s3cr3t")) };
    /// let client = Client::builder().in_process(&server).credentials(password).build()?;
    /// // The base64 of `ada:s3cr3t`.
    /// assert_eq!(client.call::<String>("header", ()).await?, "Basic YWRhOnMzY3IzdA==");
    /// # Ok(())
    /// # }
    /// ```
    pub fn basic(name: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let text = STANDARD.encode(format!("{}:{}", name.as_ref(), password.as_ref()));
        Self::header(AUTHORIZATION, format!("Basic {text}"))
    }

    /// Makes a credential from any header, such as `x-api-key`. With an invalid name or value, the calls fail.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Credential, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("header", |cx: Context| async move { cx.headers()["x-api-key"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let api_key = || async { Ok::<_, std::io::Error>(Credential::header("x-api-key", "s3cr3t")) };
    /// let client = Client::builder().in_process(&server).credentials(api_key).build()?;
    /// assert_eq!(client.call::<String>("header", ()).await?, "s3cr3t");
    /// # Ok(())
    /// # }
    /// ```
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

    /// Sets how long the credential is valid, from when it was fetched. Default: until a server rejects it.
    ///
    /// Subtract some seconds from the lifetime of an access token: fetching a new one slightly early does no harm.
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Context, Credential, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Server::builder()
    /// #     .method("header", |cx: Context| async move { cx.headers()["authorization"].to_str().unwrap().to_owned() })
    /// #     .build();
    /// let fetched = Arc::new(AtomicU32::new(0));
    /// let fetch = move || {
    ///     let number = fetched.fetch_add(1, Ordering::Relaxed) + 1;
    ///     let token = Credential::bearer(number.to_string()).expires_in(Duration::from_secs(590));
    ///     async move { Ok::<_, std::io::Error>(token) }
    /// };
    /// let client = Client::builder().in_process(&server).credentials(fetch).build()?;
    /// assert_eq!(client.call::<String>("header", ()).await?, "Bearer 1");
    /// assert_eq!(client.call::<String>("header", ()).await?, "Bearer 1");
    /// tokio::time::advance(Duration::from_secs(590)).await;
    /// assert_eq!(client.call::<String>("header", ()).await?, "Bearer 2");
    /// # Ok(())
    /// # }
    /// ```
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
