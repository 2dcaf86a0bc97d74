//! [`Client`], the handle that users clone and call methods with. It makes [`Call`]s and batches. All state is in
//! [`Engine`].

use std::borrow::Cow;
use std::sync::Arc;

use rpc_core::params::{Encode, encode_params, encode_untyped};
use rpc_core::{MethodSpec, codec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, BatchCall};
use crate::call::Call;
use crate::discover::DiscoveryStatus;
use crate::endpoints::{EndpointState, EndpointWatch};
use crate::engine::Engine;
use crate::failure::{Failure, FailureKind};
use crate::notification::Notification;
use crate::stream_call::StreamCall;

/// Sends calls to a JSON-RPC server.
///
/// Cloning is cheap, and all clones share one connection pool. The typed clients that `#[rpc::service]` generates are
/// made from a client.
///
/// Every wait has a bound. A call ends within [its deadline](Call::deadline), 30 s by default. A call made inside a
/// handler also ends within the time that the handler has left.
///
/// Within its deadline the client retries a failed call where that is safe, [up to twice](crate::ClientBuilder::retry):
///
/// - any call that did not reach the server, or that the server refused before a handler saw it;
/// - a call with an unknown outcome, if its method is `readonly` or `idempotent`, or if the server remembers the call's
///   idempotency key.
///
/// If the server keeps idempotency keys, each call of a method that is neither gets a new key, which is also the call's
/// id. [`Failure::outcome`] tells whether a call that failed has run.
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
    engine: Arc<Engine>,
}

impl Client {
    pub(crate) fn with_engine(engine: Engine) -> Self {
        Self { engine: Arc::new(engine) }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the endpoints of the client, the first tier first. Each state is live.
    ///
    /// # Example
    ///
    /// ```
    /// let client = rpc::Client::builder().endpoints(["http://10.0.0.1:8080", "http://10.0.0.2:8080"]).build()?;
    /// for endpoint in client.endpoints() {
    ///     println!("{:?}: {:?}, {} in flight", endpoint.address(), endpoint.circuit(), endpoint.pending());
    /// }
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn endpoints(&self) -> Vec<Arc<EndpointState>> {
        self.engine.endpoints.set().all().to_vec()
    }

    /// Returns how current the endpoints are that the client's [source](crate::Discover) has reported. Returns `None`
    /// for a client whose endpoints never change.
    pub fn discovery(&self) -> Option<DiscoveryStatus> {
        self.engine.endpoints.discovery_status()
    }

    /// Watches the endpoints: [`EndpointWatch::changed`] waits for the next change of a circuit or
    /// of the set of endpoints.
    ///
    /// Make the watch before you read the states. Then it reports each later change.
    ///
    /// # Example
    ///
    /// ```
    /// let client = rpc::Client::builder().endpoints(["http://10.0.0.1:8080", "http://10.0.0.2:8080"]).build()?;
    /// let mut watch = client.watch_endpoints();
    /// let watching = async move {
    ///     // Ends when the client is gone.
    ///     while let Some(endpoints) = watch.changed().await {
    ///         let usable = endpoints.iter().filter(|endpoint| endpoint.is_usable()).count();
    ///         println!("{usable} of {} endpoints are usable", endpoints.len());
    ///     }
    /// };
    /// # drop(client);
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(watching);
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn watch_endpoints(&self) -> EndpointWatch {
        self.engine.endpoints.watch()
    }

    /// Makes a client with calls that all go to one endpoint: for a sequence of calls that must see its own writes, on
    /// servers that do not share their data at once.
    ///
    /// The balancer chooses the endpoint at the first call. From then on, the calls go only to this endpoint, whatever
    /// the state of its circuit. Retries go there too, and no call fails over. So while the endpoint refuses
    /// connections, the calls fail as [`Outcome::NotSent`](crate::Outcome::NotSent). Another `pinned()` chooses again.
    ///
    /// All else is shared with this client: endpoints, connections, credentials, layers and the retry budget. Clones of
    /// the pinned client have the same endpoint.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = rpc::Client::builder().endpoints(["http://10.0.0.1:8080", "http://10.0.0.2:8080"]).build()?;
    /// let pinned = client.pinned();
    /// pinned.call::<()>("cart.add", [7]).await?;
    /// let items: Vec<u64> = pinned.call("cart.list", ()).readonly().await?;
    /// assert!(items.contains(&7));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn pinned(&self) -> Self {
        Self::with_engine(self.engine.pinned())
    }

    /// Calls a method by name, without a trait: for tools, gateways and methods that are known only at run time.
    ///
    /// The client knows nothing of the method, so it assumes an effect that must not happen twice. Set
    /// [`readonly`](Call::readonly) or [`idempotent`](Call::idempotent) where you know better.
    ///
    /// Params are a value that serializes to an array or an object: a tuple, a struct, a map,
    /// `serde_json::json!({..})`. `()` and other values that serialize to `null` mean no params. With any other value
    /// the call fails when it is awaited.
    ///
    /// A result can be nested up to 127 levels deep. A deeper result fails with [`Failure::is_decode`] and does no
    /// harm.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("sum", |(a, b): (i64, i64)| async move { a + b }).build();
    /// let client = Client::in_process(&server);
    /// // Sends {"jsonrpc":"2.0","method":"sum","params":[1,2],"id":..}.
    /// let sum: i64 = client.call("sum", (1, 2)).readonly().await?;
    /// assert_eq!(sum, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Deeper results
    ///
    /// A `Box<serde_json::value::RawValue>` accepts any depth, as text. serde_json can decode the text with its feature
    /// `unbounded_depth`, while the crate `serde_stacker` grows the stack:
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use rpc::{Client, Server};
    /// use serde::Deserialize;
    /// use serde_json::value::RawValue;
    ///
    /// #[derive(Deserialize)]
    /// struct Block {
    ///     height: u32,
    ///     parent: Option<Box<Block>>,
    /// }
    ///
    /// # let block = |parent: String, height| format!(r#"{{"height":{height},"parent":{parent}}}"#);
    /// # let text = (0..1000).fold("null".to_owned(), block);
    /// # let server = Server::builder().method("chain", move || {
    /// #     let chain = RawValue::from_string(text.clone()).unwrap();
    /// #     async move { chain }
    /// # });
    /// # let client = Client::in_process(&server.build());
    /// let chain: Box<RawValue> = client.call("chain", ()).await?;
    /// let mut json = serde_json::Deserializer::from_str(chain.get());
    /// json.disable_recursion_limit();
    /// let mut block = Block::deserialize(serde_stacker::Deserializer::new(&mut json))?;
    /// json.end()?;
    /// assert_eq!(block.height, 999);
    ///
    /// // Dropping the block would recurse as well. Taking it apart level by level needs no deep stack.
    /// while let Some(parent) = block.parent.take() {
    ///     block = *parent;
    /// }
    /// assert_eq!(block.height, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// The same holds for params: encoding deeply nested params can overflow the stack.
    pub fn call<T: DeserializeOwned>(&self, method: impl Into<Cow<'static, str>>, params: impl Serialize) -> Call<T> {
        let method = MethodSpec::with_name(method.into());
        let request = codec::open_request(&method.name, |out| encode_untyped(&params, out));
        let request = request.map_err(|error| Failure::with_source(FailureKind::Encode, error));
        Call::new(Arc::clone(&self.engine), method.into(), request)
    }

    /// Calls a method that answers with a stream by name, without a trait. `T` is the type of the items.
    ///
    /// Params are as for [`call`](Self::call). Such a method has no effect, so the client retries the call until the
    /// server accepts it. After a cut, the stream ends, unless the call says otherwise:
    /// [`resume_param`](StreamCall::resume_param) for streams with cursors, [`resubscribe`](StreamCall::resubscribe)
    /// for others.
    ///
    /// # Example
    ///
    /// ```
    /// use futures_util::stream;
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().stream("count", |(to,): (u64,)| async move { stream::iter(1..=to) }).build();
    /// // Sends {"jsonrpc":"2.0","method":"count","params":[3],"id":..}.
    /// let mut count = Client::in_process(&server).stream::<u64>("count", [3]).await?;
    /// let mut items = Vec::new();
    /// while let Some(item) = count.next().await {
    ///     items.push(item?);
    /// }
    /// assert_eq!(items, [1, 2, 3]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<T: DeserializeOwned>(
        &self,
        method: impl Into<Cow<'static, str>>,
        params: impl Serialize,
    ) -> StreamCall<T> {
        let mut text = Vec::new();
        let written = encode_untyped(&params, &mut text);
        StreamCall::new(
            Arc::clone(&self.engine),
            MethodSpec::with_name(method.into()).into(),
            params_text(text, written),
        )
    }

    /// Makes a notification by name, without a trait. Params are as for [`call`](Self::call).
    ///
    /// Awaiting it waits until the server has answered the request, over HTTP [until the method has run](Call::notify).
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Server};
    /// use tokio::sync::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (seen, mut ids) = mpsc::unbounded_channel();
    /// let server = Server::builder()
    ///     .method("user.seen", move |(id,): (u64,)| {
    ///         let seen = seen.clone();
    ///         async move { seen.send(id).is_ok() }
    ///     })
    ///     .build();
    /// let client = Client::in_process(&server);
    /// // Sends {"jsonrpc":"2.0","method":"user.seen","params":[7]}.
    /// client.notify("user.seen", [7]).await?;
    /// assert_eq!(ids.recv().await, Some(7));
    /// # Ok(())
    /// # }
    /// ```
    pub fn notify(&self, method: impl Into<Cow<'static, str>>, params: impl Serialize) -> Notification {
        self.call::<()>(method, params).notify()
    }

    /// Sends several calls in one request, or in a few if one is not enough.
    ///
    /// The output has the shape of the input, with each call replaced by its result: tuples of up to 12, arrays,
    /// `Vec`s, `Option`s, and nestings of these. Notifications can stand among the calls. This client sends all of the
    /// calls, whichever clients made them.
    ///
    /// The server runs the calls of a batch concurrently and in no order. Put a call that depends on another into a
    /// later batch. A tuple needs parentheses of its own, `client.batch((a, b))`, and an iterator is collected into a
    /// `Vec`. A batch without calls sends nothing and succeeds.
    ///
    /// A batch with more entries than [`max_batch_entries`](crate::ClientBuilder::max_batch_entries), 1,024 by default,
    /// is split into several requests, up to four at a time. Calls with headers of their own or with tickets go in
    /// separate requests too. If the client has several endpoints, so do calls with different
    /// [hash keys](Call::hash_key). Each request is retried separately. The batch's deadline covers all requests: calls
    /// that are still waiting at the deadline are not sent. The output is the same as for one request.
    ///
    /// # Errors
    ///
    /// Awaiting it fails as a whole, with a [`Failure`], only if nothing was sent. Otherwise each call has its own
    /// result.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpc::Error> {
    /// let server = Server::builder()
    ///     .method("sum", |(a, b): (i64, i64)| async move { a + b })
    ///     .method("double", |(n,): (i64,)| async move { 2 * n })
    ///     .build();
    /// let client = Client::in_process(&server);
    /// let sum = client.call::<i64>("sum", [1, 2]);
    /// let each = (1..4).map(|n| client.call::<i64>("double", [n])).collect::<Vec<_>>();
    /// let (sum, each) = client.batch((sum, each)).await?;
    /// assert_eq!(sum?, 3);
    /// assert_eq!(each.into_iter().collect::<Result<Vec<_>, _>>()?, [2, 4, 6]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch<B: Batch>(&self, calls: B) -> BatchCall<B> {
        BatchCall::new(Arc::clone(&self.engine), calls)
    }
}

/// Makes a call of a trait's method.
///
/// A result type that cannot be decoded is rejected here, where the method is declared. Otherwise the error would
/// appear at `.await` and say only that the call is not a future. The bound is not `DeserializeOwned`, because rustc
/// does not show serde's hints for that trait.
#[doc(hidden)]
#[expect(clippy::needless_pass_by_value, reason = "generated code hands over a tuple that it has just made")]
pub fn call<P: Encode, T: for<'de> Deserialize<'de>, E>(
    client: &Client,
    method: &'static MethodSpec,
    params: P,
) -> Call<T, E> {
    Call::new(Arc::clone(&client.engine), method.into(), open(method, &params))
}

/// Makes the call of a trait's method that answers with a stream.
#[doc(hidden)]
#[expect(clippy::needless_pass_by_value, reason = "generated code hands over a tuple that it has just made")]
pub fn stream<P: Encode, T: for<'de> Deserialize<'de>, E, C>(
    client: &Client,
    method: &'static MethodSpec,
    params: P,
) -> StreamCall<T, E, C> {
    let mut text = Vec::new();
    let written = encode_params(method, &params, &mut text);
    StreamCall::new(Arc::clone(&client.engine), method.into(), params_text(text, written))
}

/// Returns the JSON text of params, or `None` if there are none.
fn params_text(text: Vec<u8>, written: Result<(), serde_json::Error>) -> Result<Option<String>, Failure> {
    written.map_err(|error| Failure::with_source(FailureKind::Encode, error))?;
    let text = String::from_utf8(text).expect("serde_json writes UTF-8");
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Writes the request. It is not generic, since code that is generic over params is compiled for each method.
fn open(method: &MethodSpec, params: &dyn Encode) -> Result<Vec<u8>, Failure> {
    let request = codec::open_request(&method.name, |out| encode_params(method, params, out));
    request.map_err(|error| Failure::with_source(FailureKind::Encode, error))
}
