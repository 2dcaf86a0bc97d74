use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use rpc_core::headers::RPC_TIMEOUT_MS;
use rpc_core::params::encode_untyped;
use rpc_core::{Dispatch, MethodSpec, codec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::batch::{Batch, BatchCall};
use crate::call::Call;
use crate::delivery::{CallId, milliseconds};
use crate::failure::{Failure, Kind};
use crate::reliability::attempt_hook::AttemptHook;
use crate::reliability::keys::Knowledge;
use crate::telemetry::Observer;
use crate::transport::{InProcess, Transport};
use crate::{ClientBuilder, Notification, Retry, RetryBudget};

/// Sends calls to a JSON-RPC server.
///
/// Cloning is cheap, and all clones share one pool of connections. Typed clients, which `#[rpc::service]` generates,
/// are made from a client.
///
/// Every wait has a bound: a call ends within [its deadline](Call::deadline), by default 30 s, and a call that is made
/// inside of a handler within the time that the handler has.
///
/// Within that time a call that fails goes again where that is safe, [up to twice](ClientBuilder::retry): one that did
/// not reach the server, or was refused by it unseen; one whose fate is unknown if its method is `readonly` or
/// `idempotent`, or else under an idempotency key that the server remembers. Such a key is made for each call of any other
/// method; it is the call's id. What still fails says by [`Failure::outcome`] what may have happened.
///
/// # Example
///
/// ```no_run
/// # async fn example() -> Result<(), rpc::Error> {
/// let client = rpc::Client::new("http://127.0.0.1:8080")?;
/// let sum: i64 = client.call("sum", [1, 2, 3]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) settings: Settings,
    pub(crate) knowledge: Knowledge,
    next_id: AtomicU64,
}

/// Holds what a client is told while it is built.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) deadline: Duration,
    pub(crate) max_response_bytes: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) retry: Retry,
    /// The policies of methods that have one of their own.
    pub(crate) method_retries: HashMap<String, Retry>,
    pub(crate) budget: RetryBudget,
    /// How long an attempt may take, if the user has said so.
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) on_attempt: Option<AttemptHook>,
    pub(crate) observer: Observer,
}

impl Settings {
    /// Takes this many retries out of the budget, and returns how long they wait for their turn, which is at most
    /// `longest`.
    pub(crate) fn withdraw(&self, count: usize, now: Instant, longest: Duration) -> Option<Duration> {
        let wait = self.budget.withdraw(count, now, longest);
        if wait.is_none() {
            self.observer.meter().budget_exhausted();
        }
        wait
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the headers, which may hold secrets.
        f.debug_struct("Settings")
            .field("deadline", &self.deadline)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("retry", &self.retry)
            .field("method_retries", &self.method_retries)
            .field("budget", &self.budget)
            .field("attempt_timeout", &self.attempt_timeout)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client for the server at this address, such as `http://127.0.0.1:8080` or `https://api.example/rpc`.
    ///
    /// No connection is made yet.
    ///
    /// # Errors
    ///
    /// If the address is no URL with the scheme `http` or `https`, or if a variable of the environment such as
    /// `HTTP_PROXY` names a proxy for it by what is no proxy's address.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Failure> {
        Self::builder().endpoint(url.as_ref()).build()
    }

    /// Begins to build a client with settings of its own.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Makes a client of a server in the same process, for tests and for services that live together.
    ///
    /// Calls take the same way as over HTTP, bytes included; only the socket is missing, and the limits that belong to it,
    /// such as that of a request's size. For headers and deadlines of the client's own, there is
    /// [`ClientBuilder::in_process`].
    ///
    /// # Panics
    ///
    /// Awaiting its calls panics outside a tokio runtime with a timer, as over HTTP.
    pub fn in_process<D: Dispatch + Clone>(server: &D) -> Self {
        let settings = ClientBuilder::new().settings;
        Self::with_transport(Box::new(InProcess::new(server.clone())), settings)
    }

    pub(crate) fn with_transport(transport: Box<dyn Transport>, mut settings: Settings) -> Self {
        // Most calls have this time, which then need not be written for each.
        settings.headers.insert(RPC_TIMEOUT_MS, milliseconds(settings.deadline));
        let inner = Inner { transport, settings, knowledge: Knowledge::default(), next_id: AtomicU64::new(1) };
        Self { inner: Arc::new(inner) }
    }

    /// Calls a method by name, without a trait: for tools, gateways and methods that are known only at run time.
    ///
    /// Nothing is known of the method, so it is taken to have an effect that must not happen twice. Say
    /// [`readonly`](Call::readonly) or [`idempotent`](Call::idempotent) where you know better.
    ///
    /// Params are what serializes to an array or an object: a tuple, a struct, a map, `serde_json::json!({..})`. `()`
    /// and other values that serialize to `null` are no params. What serializes to anything else, or not at all, fails
    /// when the call is awaited.
    ///
    /// A result may be nested 127 levels deep. A deeper one fails with [`Failure::is_decode`] and does no harm. A
    /// `Box<serde_json::value::RawValue>` takes any depth, as text: decoding that without serde_json's limit of depth,
    /// or dropping a value so deep that was built otherwise, may overflow the stack. So may params that are nested so
    /// deep.
    pub fn call<T: DeserializeOwned>(&self, method: impl Into<Cow<'static, str>>, params: impl Serialize) -> Call<T> {
        let method = MethodSpec::with_name(method.into());
        let request = codec::open_request(&method.name, |out| encode_untyped(&params, out));
        Call::new(self.clone(), method.into(), request.map_err(|error| Failure::with_source(Kind::Encode, error)))
    }

    /// Makes a notification by name, without a trait. Params are as for [`call`](Self::call).
    pub fn notify(&self, method: impl Into<Cow<'static, str>>, params: impl Serialize) -> Notification {
        self.call::<()>(method, params).notify()
    }

    /// Sends several calls in one request.
    ///
    /// The type of what comes back is that of what is put in, with each call in the place of its result: tuples of up
    /// to 12, arrays, `Vec`s, `Option`s, and these in each other. Notifications may stand among the calls. The calls'
    /// own clients do not matter: this one sends them all.
    ///
    /// The server runs the calls of a batch at the same time and in no order: what depends on another call goes in a later
    /// batch. A tuple has parentheses of its own, `client.batch((a, b))`, and an iterator is collected into a `Vec`. A
    /// batch without calls sends nothing and succeeds.
    ///
    /// # Errors
    ///
    /// Awaiting it fails as a whole, with a [`Failure`], only if nothing was sent. After that each call has its own
    /// result.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn example(client: rpc::Client) -> Result<(), rpc::Error> {
    /// let sum = client.call::<i64>("sum", [1, 2, 3]);
    /// let each = (1..4).map(|n| client.call::<i64>("double", [n])).collect::<Vec<_>>();
    /// let (sum, each) = client.batch((sum, each)).await?;
    /// assert_eq!(sum?, 6);
    /// assert_eq!(each.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch<B: Batch>(&self, calls: B) -> BatchCall<B> {
        BatchCall::new(self.clone(), calls)
    }

    /// Makes an id that no other call of this client has.
    pub(crate) fn next_id(&self) -> CallId {
        CallId::Number(self.inner.next_id.fetch_add(1, Ordering::Relaxed))
    }
}
