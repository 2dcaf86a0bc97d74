//! A client as a `tower::Service`, with [`RawCall`] as its request.

use std::borrow::Cow;
use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::Effect;
use serde_json::value::RawValue;
use tower_service::Service;
use uuid::Uuid;

use crate::call::{Call, CallFuture};
use crate::client::Client;
use crate::error::Error;
use crate::failure::Failure;
use crate::headers::set_header;
use crate::stable_hash::stable_hash;

/// A call without a trait, as a value that can be cloned. It is the request of a [`Client`] as a `tower::Service`. Its
/// result is JSON text.
///
/// A clone is a separate call with its own idempotency key. So a layer outside the client that repeats calls, such as
/// tower's `retry`, can run a call with an effect twice. An [`idempotency_key`](Self::idempotency_key) prevents this.
/// The client itself retries where that is safe.
///
/// # Example
///
/// ```
/// use rpc::{Client, RawCall, Server};
/// use serde_json::value::to_raw_value;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().method("double", |(n,): (u32,)| async move { 2 * n }).build();
/// let mut client = ServiceBuilder::new().concurrency_limit(8).service(Client::in_process(&server));
/// let call = RawCall::new("double").params(to_raw_value(&[21])?).readonly();
/// assert_eq!(client.ready().await?.call(call).await?.get(), "42");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a call is sent only when it is given to a client"]
pub struct RawCall {
    method: Cow<'static, str>,
    params: Option<Box<RawValue>>,
    headers: HeaderMap,
    /// The request of the handler from which the client copies headers.
    caller: Option<rpc_core::Context>,
    /// The first header that could not be set. The call fails with it when it is sent.
    bad_header: Option<Failure>,
    deadline: Option<Duration>,
    effect: Effect,
    key: Option<Uuid>,
    hash_key: Option<u64>,
}

impl RawCall {
    /// Makes a call without params. As with [`Client::call`], the client knows nothing of the method.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, RawCall, Server};
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// let client = Client::in_process(&server);
    /// let answer = client.oneshot(RawCall::new("ping")).await?;
    /// assert_eq!(answer.get(), r#""pong""#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(method: impl Into<Cow<'static, str>>) -> Self {
        Self {
            method: method.into(),
            params: None,
            headers: HeaderMap::new(),
            caller: None,
            bad_header: None,
            deadline: None,
            effect: Effect::Once,
            key: None,
            hash_key: None,
        }
    }

    /// Sets the params: the text of an array or an object. `null` means no params, and with any other value the call
    /// fails.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, RawCall, Server};
    /// use serde_json::value::RawValue;
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("sum", |(a, b): (i64, i64)| async move { a + b }).build();
    /// let client = Client::in_process(&server);
    /// let params = RawValue::from_string("[1,2]".to_owned())?;
    /// let answer = client.oneshot(RawCall::new("sum").params(params)).await?;
    /// assert_eq!(answer.get(), "3");
    /// # Ok(())
    /// # }
    /// ```
    pub fn params(mut self, params: Box<RawValue>) -> Self {
        self.params = Some(params);
        self
    }

    /// Sends a header with the call. See [`Call::header`].
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let set = set_header(&mut self.headers, name, value);
        self.bad_header = self.bad_header.or(set.err());
        self
    }

    /// Copies headers from the request of the current handler. The list is that of the client that sends the call. See
    /// [`Call::headers_from`].
    pub fn headers_from(mut self, cx: &rpc_core::Context) -> Self {
        self.caller = Some(cx.clone());
        self
    }

    /// Sets how long the call may take in total. See [`Call::deadline`].
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Declares that the call has no effect. See [`Call::readonly`].
    pub fn readonly(mut self) -> Self {
        self.effect = Effect::None;
        self
    }

    /// Declares that repeating the call has the same effect as running it once. See [`Call::idempotent`].
    pub fn idempotent(mut self) -> Self {
        self.effect = Effect::Idempotent;
        self
    }

    /// Sets the idempotency key of the call and its clones. See [`Call::idempotency_key`].
    pub fn idempotency_key(mut self, key: Uuid) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the key by which [`Balance::hash`](crate::Balance::hash) chooses the endpoint. See [`Call::hash_key`].
    pub fn hash_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.hash_key = Some(stable_hash(key.as_ref()));
        self
    }

    /// Returns the method's name.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the JSON text of the params, if they were set.
    pub fn params_json(&self) -> Option<&str> {
        self.params.as_deref().map(RawValue::get)
    }

    /// Turns it into a call of this client.
    fn into_call(self, client: &Client) -> Call<Box<RawValue>> {
        let mut call = client.call(self.method, self.params);
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        if let Some(cx) = &self.caller {
            call = call.headers_from(cx);
        }
        if let Some(failure) = self.bad_header {
            call.parts.request = Err(failure);
        }
        call.parts.hash_key = self.hash_key;
        if let Some(deadline) = self.deadline {
            call = call.deadline(deadline);
        }
        if let Some(key) = self.key {
            call = call.idempotency_key(key);
        }
        match self.effect {
            Effect::None => call.readonly(),
            Effect::Idempotent => call.idempotent(),
            Effect::Once => call,
        }
    }
}

/// Shows no params and headers, since they may hold secrets.
impl fmt::Debug for RawCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawCall").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Sends each [`RawCall`] as [`Client::call`] does, through the client's own layers. The service is always ready.
/// Layers around it see only these calls. The layers of [`ClientBuilder::layer`](crate::ClientBuilder::layer) also see
/// typed calls and batches.
impl Service<RawCall> for Client {
    type Response = Box<RawValue>;
    type Error = Error;
    type Future = CallFuture<Box<RawValue>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: RawCall) -> Self::Future {
        call.into_call(self).into_future()
    }
}
