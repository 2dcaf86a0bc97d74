//! [`Context`]: what a handler can ask about its call.

mod cancellation;
mod request;
mod response_headers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::scope::InheritedScope;
use crate::{FromPeer, Id, IdempotencyKey, MethodRef, MethodSpec, NoPeer, Principal};
pub use request::RequestContext;
pub use response_headers::ResponseHeaderError;

/// What a handler can ask about its call: method, id, headers, peer, extensions, and how long its caller waits.
///
/// Methods of a service trait take `#[rpc(context)] cx: &rpc::Context`, closures take a `Context`. Cloning is cheap:
/// the calls of a batch share the data of their HTTP request.
///
/// # Example
///
/// ```
/// use rpc::{Context, Id, MethodSpec, RequestContext};
///
/// let mut request = RequestContext::default();
/// request.headers.insert("x-tenant", http::HeaderValue::from_static("a"));
/// let cx = Context::new(MethodSpec::new("user.get"), Some(Id::from(1)), request);
/// assert_eq!(cx.method(), "user.get");
/// assert_eq!(cx.headers()["x-tenant"], "a");
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    method: MethodRef,
    id: Option<Id>,
    key: Option<IdempotencyKey>,
    deadline: Option<Instant>,
    request: Arc<RequestContext>,
    /// The place of the call in its request, saturated at `u32::MAX`.
    place: u32,
    #[cfg(feature = "telemetry")]
    trace: Option<crate::TraceContext>,
}

impl Context {
    /// Makes a context. The server does this for each call. Custom [`Dispatch`](crate::Dispatch) types and tests of
    /// handlers do it themselves.
    ///
    /// The method is a [`MethodSpec`] or a `&'static MethodSpec`. A notification has no id.
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use rpc::{Context, Id, MethodSpec, Principal, RequestContext};
    ///
    /// // A call and a notification of one batch.
    /// let request = Arc::new(RequestContext::default().with_principal(Principal::new("ada")));
    /// let get = Context::new(MethodSpec::new("user.get"), Some(Id::from(1)), Arc::clone(&request));
    /// let seen = Context::new(MethodSpec::new("user.seen"), None, request);
    /// assert_eq!(get.principal(), seen.principal());
    /// assert!(get.id().is_some() && seen.id().is_none());
    /// ```
    pub fn new(method: impl Into<MethodRef>, id: Option<Id>, request: impl Into<Arc<RequestContext>>) -> Self {
        let request = request.into();
        Self {
            method: method.into(),
            id,
            key: None,
            deadline: request.deadline,
            request,
            place: 0,
            #[cfg(feature = "telemetry")]
            trace: crate::TraceContext::current(),
        }
    }

    /// Sets the call's idempotency key: a UUID, or the text of the header `Idempotency-Key`. The server sets the key
    /// only if it runs calls under this key at most once.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the time until which the caller waits for the call.
    ///
    /// Default: [the request's deadline](RequestContext::with_deadline).
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use rpc::{Context, MethodSpec, RequestContext};
    ///
    /// let cx = Context::new(MethodSpec::new("report"), None, RequestContext::default());
    /// assert_eq!(cx.remaining(), None);
    /// let cx = cx.with_deadline(Instant::now() + Duration::from_secs(5));
    /// assert!(cx.remaining().is_some_and(|left| left <= Duration::from_secs(5)));
    /// ```
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the place of the call in its request.
    #[doc(hidden)]
    #[must_use]
    pub fn with_place(mut self, place: usize) -> Self {
        self.place = u32::try_from(place).unwrap_or(u32::MAX);
        self
    }

    /// Returns the method's name on the wire. For a call by an alias, this is the method's own name.
    pub fn method(&self) -> &str {
        &self.method.name
    }

    /// Returns the method's description.
    pub fn spec(&self) -> &MethodSpec {
        &self.method
    }

    /// Returns the call's id, or `None` for a notification.
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Returns the headers of the HTTP request that carried the call. In process, these are the headers that the client
    /// set.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("language", |cx: Context| async move {
    ///         let language = cx.headers().get("accept-language").and_then(|value| value.to_str().ok());
    ///         language.unwrap_or("en").to_owned()
    ///     })
    ///     .build();
    /// let client = Client::in_process(&server);
    /// assert_eq!(client.call::<String>("language", ()).await?, "en");
    /// assert_eq!(client.call::<String>("language", ()).header("accept-language", "de").await?, "de");
    /// # Ok(())
    /// # }
    /// ```
    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// Sets a header on the HTTP response that carries the answer, whether a result or an error. A second header of the
    /// same name is added to the first.
    ///
    /// The calls of a batch share one response. It has the headers of all of them, in the order of the batch, and
    /// clients cannot tell which call set which. In process, clients see the same headers as over HTTP.
    ///
    /// A header that is set after the answer was sent is lost, and so are the headers of a handler whose caller has
    /// left. A repeat under an idempotency key gets the kept result or error, without headers.
    ///
    /// The framework's client returns the headers by
    /// [`Call::with_meta`](https://docs.rs/rpc/latest/rpc/struct.Call.html#method.with_meta).
    ///
    /// # Errors
    ///
    /// Returns an error in these cases:
    ///
    /// - the name or the value is not valid for a header;
    /// - the framework or HTTP uses the header itself (`rpc-*`, `content-*`, `connection`, `date`, `retry-after` and so
    ///   on);
    /// - the handlers of the request have already set 32 headers, or would exceed 8 KiB.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::{Client, Context, Server};
    ///
    /// let server = Server::builder()
    ///     .method("report", |cx: Context| async move {
    ///         cx.response_header("x-cost", "7").expect("the header can be set");
    ///         "long"
    ///     })
    ///     .build();
    /// let report = Client::in_process(&server).call::<String>("report", ()).with_meta().await?;
    /// assert_eq!(report.value, "long");
    /// assert_eq!(report.headers()["x-cost"], "7");
    /// # Ok(())
    /// # }
    /// ```
    pub fn response_header<N, V>(&self, name: N, value: V) -> Result<(), ResponseHeaderError>
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let name = name.try_into().map_err(|_| ResponseHeaderError::Name)?;
        let value = value.try_into().map_err(|_| ResponseHeaderError::Value)?;
        self.request.response_headers.add(self.place, name, value)
    }

    /// Returns the address of the peer, or `None` if there is no connection or its address is unknown.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.request.peer_addr
    }

    /// Returns a client that calls the caller of this call, over the session that the call came over.
    ///
    /// `Client` is such a client, and so are the clients that `#[rpc::service]` makes. It can be kept and used after
    /// the call, as long as the session lasts. Afterwards its calls fail. The caller answers if its client has been
    /// built with `serves`; otherwise calls fail with "method not found".
    ///
    /// # Errors
    ///
    /// [`NoPeer`] if the call came over HTTP or in process.
    pub fn peer<C: FromPeer>(&self) -> Result<C, NoPeer> {
        self.request.peer().map(C::from_peer).ok_or(NoPeer)
    }

    /// Returns the extensions that HTTP layers around the server have attached to the request.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Context, MethodSpec, RequestContext};
    ///
    /// /// The region of the request, which an HTTP layer sets.
    /// #[derive(Clone)]
    /// struct Region(&'static str);
    ///
    /// let mut request = RequestContext::default();
    /// request.extensions.insert(Region("eu"));
    /// let cx = Context::new(MethodSpec::new("price"), None, request);
    /// assert_eq!(cx.extensions().get::<Region>().map(|region| region.0), Some("eu"));
    /// ```
    pub fn extensions(&self) -> &Extensions {
        &self.request.extensions
    }

    /// Returns the authenticated caller, or `None` if the caller is anonymous.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Context, Denied, MethodSpec, Principal, RequestContext};
    ///
    /// /// Returns the subject that owns the data, for a handler.
    /// fn owner(cx: &Context) -> Result<&str, Denied> {
    ///     let caller = cx.principal().ok_or_else(|| Denied::unauthenticated("log in first"))?;
    ///     Ok(caller.subject())
    /// }
    ///
    /// let ada = RequestContext::default().with_principal(Principal::new("ada"));
    /// assert_eq!(owner(&Context::new(MethodSpec::new("order.list"), None, ada)), Ok("ada"));
    /// let anonymous = Context::new(MethodSpec::new("order.list"), None, RequestContext::default());
    /// assert!(owner(&anonymous).is_err());
    /// ```
    pub fn principal(&self) -> Option<&Principal> {
        self.request.principal()
    }

    /// Returns the call's place in a trace, if the server has a [`Telemetry`](crate::Telemetry). The handler's own
    /// calls continue this trace automatically.
    #[cfg(feature = "telemetry")]
    pub fn trace(&self) -> Option<&crate::TraceContext> {
        self.trace.as_ref()
    }

    /// Returns the idempotency key under which the server runs the call at most once. Returns `None` if there is none:
    /// the method is `readonly` or `idempotent`, the caller gave no key, or the server has no store.
    ///
    /// The server alone cannot make an effect in your own database happen exactly once. It may crash after the effect
    /// and before it records that the call is done. A handler can: it commits this key together with the effect, and
    /// does nothing if the key is already there. The caller chooses the key. If there are several callers, commit it
    /// with the caller's subject: two subjects may use the same key.
    ///
    /// A key from the header `Idempotency-Key` is a text. Its UUID is of version 5, made from the text and the subject
    /// that it belongs to. It is the same for each repeat.
    ///
    /// # Example
    ///
    /// ```
    /// use std::collections::HashSet;
    ///
    /// use rpc::{Context, MethodSpec, RequestContext};
    /// use uuid::Uuid;
    ///
    /// let cx = Context::new(MethodSpec::new("pay"), None, RequestContext::default());
    /// let cx = cx.with_idempotency_key(Uuid::from_u128(7));
    ///
    /// let (mut keys, mut paid) = (HashSet::new(), 0);
    /// for _attempt in 0..2 {
    ///     // In a database, one transaction commits both.
    ///     if cx.idempotency_key().is_some_and(|key| keys.insert(key)) {
    ///         paid += 4200;
    ///     }
    /// }
    /// assert_eq!(paid, 4200);
    /// ```
    pub fn idempotency_key(&self) -> Option<Uuid> {
        self.key.as_ref().map(IdempotencyKey::uuid)
    }

    /// Returns the text of the header `Idempotency-Key`, if the call's key came in it. The text does not identify the
    /// subject: two subjects may use the same text.
    pub fn idempotency_key_header(&self) -> Option<&str> {
        self.key.as_ref()?.header()
    }

    /// Derives an idempotency key for one of the handler's own calls. Returns `None` if the handler's call has no key.
    ///
    /// The key is a UUID of version 5, made from [`idempotency_key`](Self::idempotency_key), the subject that it
    /// belongs to, and the name. The method is not part of it, because a key belongs to one call. A handler that makes
    /// several calls gives each a different name. When the handler's call is retried, the derived keys are the same.
    /// Calls that have already run under them do not run again, as long as the other server's store remembers them.
    ///
    /// Like any bare key, it names no store. If the handler's call can run again after a restart, the other server may
    /// have restarted, too, and would run the derived call again. So the other server needs a store that survives
    /// restarts, or the handler keeps a ticket of its call.
    ///
    /// # Example
    ///
    /// ```
    /// # async fn handler(cx: rpc::Context, bank: rpc::Client) -> Result<u64, rpc::Error> {
    /// let mut charge = bank.call::<u64>("charge", [4200]);
    /// if let Some(key) = cx.derive_key("charge") {
    ///     charge = charge.idempotency_key(key);
    /// }
    /// charge.await
    /// # }
    /// ```
    pub fn derive_key(&self, name: &str) -> Option<Uuid> {
        self.key.as_ref().map(|key| key.derive(name))
    }

    /// Returns how long the caller still waits for the answer, or `None` if the caller sent no deadline. Zero means
    /// that the caller no longer waits.
    ///
    /// A client used inside a handler inherits the handler's time automatically. If the method is not `readonly`, the
    /// inherited time is longer than this, because such a handler continues without its caller. `Call::deadline_from`
    /// gives a call the caller's time instead.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("quote", |cx: Context| async move {
    ///         // Without enough time for a new price, the handler answers with the last one.
    ///         if cx.remaining().is_some_and(|left| left < Duration::from_secs(1)) { "old" } else { "new" }
    ///     })
    ///     .build();
    /// let client = Client::in_process(&server);
    /// assert_eq!(client.call::<String>("quote", ()).deadline(Duration::from_secs(20)).await?, "new");
    /// assert_eq!(client.call::<String>("quote", ()).deadline(Duration::from_millis(900)).await?, "old");
    /// # Ok(())
    /// # }
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(self.request.now()))
    }

    /// Makes the calls of a future inherit the handler's time limit and its place in a trace.
    ///
    /// Calls inherit within the handler's own task, so also in futures that it awaits or joins. A spawned future is
    /// another task, and inherits only by this method. Call it in the handler, because it captures the inherited
    /// values, and pass the returned future to the task. Nothing else bounds the task: it continues after the handler
    /// has ended.
    ///
    /// # Cancel safety
    ///
    /// The returned future is as cancel safe as the given one.
    ///
    /// # Example
    ///
    /// ```
    /// # async fn example(cx: rpc::Context, shop: rpc::Client) -> Result<u64, rpc::Error> {
    /// let stock = tokio::spawn(cx.scope(shop.call::<u64>("stock.count", [7]).readonly().into_future()));
    /// stock.await.expect("no panic")
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        InheritedScope::here(|| self.request.now()).run(future)
    }

    /// Returns the parts from which the server builds the call again after middleware has seen it.
    #[doc(hidden)]
    pub fn parts(&self) -> (&MethodRef, &Arc<RequestContext>, Option<Instant>) {
        (&self.method, &self.request, self.deadline)
    }

    /// Waits until the answer is no longer wanted: the caller has left, its time is over, or the server shuts down.
    ///
    /// A caller that gave the call an idempotency key may retry to get the answer. If it has also said how long it
    /// waits, only that time counts, and not the end of its connection.
    ///
    /// The handler of a `readonly` method does not need this, because the server drops such a handler. Any other
    /// handler runs to its end, so that no effect stays incomplete. It can stop early if that is harmless.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does nothing.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use rpc::{Context, MethodSpec, RequestContext};
    ///
    /// async fn copy_all(cx: Context) -> usize {
    ///     for row in 0..1_000_000 {
    ///         tokio::select! {
    ///             () = cx.cancelled() => return row,
    ///             () = tokio::time::sleep(Duration::from_micros(10)) => {}
    ///         }
    ///     }
    ///     1_000_000
    /// }
    ///
    /// let request = Arc::new(RequestContext::default());
    /// let copying = tokio::spawn(copy_all(Context::new(MethodSpec::new("copy_all"), None, Arc::clone(&request))));
    /// // The server does this when the caller has left.
    /// request.cancel();
    /// assert!(copying.await.unwrap() < 1_000_000);
    /// # });
    /// ```
    pub async fn cancelled(&self) {
        self.request.cancellation.cancelled().await;
    }

    /// Returns whether the answer is no longer wanted. See [`cancelled`](Self::cancelled).
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use rpc::{Context, MethodSpec, RequestContext};
    ///
    /// let request = Arc::new(RequestContext::default());
    /// let cx = Context::new(MethodSpec::new("export"), None, Arc::clone(&request));
    /// let mut rows = (0..1_000_000).take_while(|_| !cx.is_cancelled());
    /// assert_eq!(rows.next(), Some(0));
    /// // The server does this when the caller has left.
    /// request.cancel();
    /// assert_eq!(rows.next(), None);
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.request.cancellation.is_cancelled()
    }
}
