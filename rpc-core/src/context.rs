//! [`Context`]: what a handler may ask about its call.

mod cancellation;
mod request;
mod response_headers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::scope::Scope;
use crate::{Id, IdempotencyKey, MethodRef, MethodSpec, Principal};
pub use request::RequestContext;
pub use response_headers::ResponseHeaderError;

/// Tells a handler about the call that it answers: method, id, headers, peer, extensions, and how long its caller
/// waits.
///
/// Methods of a service trait take `#[rpc(context)] cx: &rpc::Context`, closures take a `Context`. Cloning is cheap:
/// the calls of a batch share what came with their HTTP request.
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
    /// Where the call stands in the request, before others that stand further on.
    place: u32,
    #[cfg(feature = "telemetry")]
    trace: Option<crate::TraceContext>,
}

impl Context {
    /// Makes a context, as the server does for each call, and as a [`Dispatch`](crate::Dispatch) of your own and tests
    /// of handlers do.
    ///
    /// The method is a [`MethodSpec`] or a `&'static MethodSpec`. A notification has no id.
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

    /// Sets the call's idempotency key, as the server does where it sees to it that no call runs twice under one: a
    /// UUID, or the text of the header `Idempotency-Key`.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets until when the caller waits for the call. Default: [the request's deadline](RequestContext::with_deadline).
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets where the call stands in its request.
    #[doc(hidden)]
    #[must_use]
    pub fn with_place(mut self, place: usize) -> Self {
        self.place = u32::try_from(place).unwrap_or(u32::MAX);
        self
    }

    /// Returns the method's name on the wire. A call by an alias has the method's own name here.
    pub fn method(&self) -> &str {
        &self.method.name
    }

    /// Returns the method's description.
    pub fn spec(&self) -> &MethodSpec {
        &self.method
    }

    /// Returns the call's id; a notification has none.
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Returns the headers of the HTTP request that carried the call. In process there are those that the client set.
    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// Sets a header on the HTTP response that carries the answer, be it a result or an error. A header that is set
    /// twice is there twice.
    ///
    /// The calls of a batch share one response. It has the headers of all of them, in the order of the batch, and
    /// clients cannot tell which call set which. In process, clients find the headers as over HTTP.
    ///
    /// What is set after the answer is on its way goes nowhere, and so do the headers of a handler whose caller is
    /// gone. A repeat under an idempotency key is answered with the kept result or error, without headers.
    ///
    /// Our client shows the headers by
    /// [`Call::with_meta`](https://docs.rs/rpc/latest/rpc/struct.Call.html#method.with_meta).
    ///
    /// # Errors
    ///
    /// If the name or the value is none that a header can have, if the header is the framework's or HTTP's own
    /// (`rpc-*`, `content-*`, `connection`, `date`, `retry-after` and the like), or if the handlers of the request have
    /// set 32 headers or 8 KiB already.
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

    /// Returns the address of the peer, where there is a connection and its address is known.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.request.peer_addr
    }

    /// Returns what the HTTP layers around the server have attached to the request.
    pub fn extensions(&self) -> &Extensions {
        &self.request.extensions
    }

    /// Returns who calls, where the server's authentication has found out.
    pub fn principal(&self) -> Option<&Principal> {
        self.request.principal()
    }

    /// Returns the place in a trace that the call has, where the server has a [`Telemetry`](crate::Telemetry). The
    /// calls that the handler makes itself continue it without being told.
    #[cfg(feature = "telemetry")]
    pub fn trace(&self) -> Option<&crate::TraceContext> {
        self.trace.as_ref()
    }

    /// Returns the idempotency key under which the server runs the call at most once, or `None` where there is none:
    /// the method may be repeated, the caller gave no key, or the server has no store.
    ///
    /// The server alone cannot make an effect in your own database happen exactly once, since it may end between the
    /// effect and the note that it was done. A handler can: it commits this key together with the effect, and does
    /// nothing where the key stands there already. The caller chooses the key, so commit it with the caller's subject
    /// where there are several: two subjects may use the same key.
    ///
    /// A key that came by the header `Idempotency-Key` is a text. Its UUID is one of version 5, made of the text and of
    /// the subject that it belongs to, and the same for each repeat.
    pub fn idempotency_key(&self) -> Option<Uuid> {
        self.key.as_ref().map(IdempotencyKey::uuid)
    }

    /// Returns the text of the header `Idempotency-Key`, where the call's key came by it. It does not say whose it is:
    /// two subjects may use the same text.
    pub fn idempotency_key_header(&self) -> Option<&str> {
        self.key.as_ref()?.header()
    }

    /// Derives an idempotency key for a call that the handler makes itself, or `None` where its own call has no key.
    ///
    /// The key is a UUID of version 5, made of [`idempotency_key`](Self::idempotency_key), the subject that it belongs
    /// to, and the name. The method is no part of it, since a key belongs to one call. A handler that makes several
    /// calls gives each a name of its own. When the handler's call comes again, the derived keys are the same, and what
    /// has run under them already is not run once more, as long as the other server's store remembers.
    ///
    /// Like any bare key it names no store. If the handler's call can run again after a restart, the other server may
    /// have restarted, too, and would run the derived call once more. So the other server needs a store that survives
    /// restarts, or the handler keeps a ticket of the call that it makes.
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

    /// Returns how long the caller still waits for the answer, or `None` where it does not say. Zero means that it does
    /// not wait any longer.
    ///
    /// A client that is used inside of a handler inherits the time that the handler has, without being told. That is
    /// more than this where the method is not `readonly`, since such a handler goes on without its caller:
    /// `Call::deadline_from` makes a call within the caller's time.
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(self.request.now()))
    }

    /// Lets the calls that a future makes inherit what those of the handler do: its time, and its place in a trace.
    ///
    /// Calls inherit in the handler's own task, and so in what it awaits or joins. What it spawns is another task,
    /// which has its time and trace only by this. What is inherited is taken down here, so call it in the handler, and
    /// hand what it returns to the task. The task is bounded by nothing else: it goes on when the handler has ended.
    ///
    /// # Cancel safety
    ///
    /// As for the future.
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
        Scope::here(|| self.request.now()).run(future)
    }

    /// Returns what the server makes a call of once more, after middleware has seen it.
    #[doc(hidden)]
    pub fn parts(&self) -> (&MethodRef, &Arc<RequestContext>, Option<Instant>) {
        (&self.method, &self.request, self.deadline)
    }

    /// Waits until nobody waits for the answer any longer: the caller is gone, its time is up, or the server ends.
    ///
    /// A caller that has given the call a key may come again for the answer. If it has also said how long it waits,
    /// that time counts, and not that its connection was closed.
    ///
    /// The handler of a `readonly` method need not look at it, since it is dropped then. Any other goes on to its end,
    /// so that no effect is left half done, and may stop early where that does no harm.
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
    /// // As the server does when the caller is gone.
    /// request.cancel();
    /// assert!(copying.await.unwrap() < 1_000_000);
    /// # });
    /// ```
    pub async fn cancelled(&self) {
        self.request.cancellation.cancelled().await;
    }

    /// Tells whether nobody waits for the answer any longer. See [`cancelled`](Self::cancelled).
    pub fn is_cancelled(&self) -> bool {
        self.request.cancellation.is_cancelled()
    }
}
