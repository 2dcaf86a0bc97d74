//! [`Client`], the handle that users clone and call methods with. It makes [`Call`]s and batches; all state is in
//! [`Engine`].

use std::borrow::Cow;
use std::sync::Arc;

use rpc_core::params::{Encode, encode_params, encode_untyped};
use rpc_core::{MethodSpec, codec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, BatchCall};
use crate::call::Call;
use crate::engine::Engine;
use crate::failure::{Failure, Kind};
use crate::notification::Notification;

/// Sends calls to a JSON-RPC server.
///
/// Cloning is cheap, and all clones share one pool of connections. Typed clients, which `#[rpc::service]` generates,
/// are made from a client.
///
/// Every wait has a bound: a call ends within [its deadline](Call::deadline), by default 30 s, and a call that is made
/// inside of a handler within the time that the handler has.
///
/// Within that time a call that fails goes again where that is safe, [up to twice](crate::ClientBuilder::retry): one
/// that did not reach the server, or was refused by it unseen; one whose fate is unknown if its method is `readonly` or
/// `idempotent`, or else under an idempotency key that the server remembers. Such a key is made for each call of any
/// other method, if the server keeps keys; it is the call's id. What still fails says by [`Failure::outcome`] what may
/// have happened.
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

    /// Calls a method by name, without a trait: for tools, gateways and methods that are known only at run time.
    ///
    /// Nothing is known of the method, so it is taken to have an effect that must not happen twice. Say
    /// [`readonly`](Call::readonly) or [`idempotent`](Call::idempotent) where you know better.
    ///
    /// Params are what serializes to an array or an object: a tuple, a struct, a map, `serde_json::json!({..})`. `()`
    /// and other values that serialize to `null` are no params. What serializes to anything else, or not at all, fails
    /// when the call is awaited.
    ///
    /// A result may be nested 127 levels deep. A deeper one fails with [`Failure::is_decode`] and does no harm.
    ///
    /// # Deeper results
    ///
    /// A `Box<serde_json::value::RawValue>` takes any depth, as text. serde_json decodes it with its feature
    /// `unbounded_depth`, and the crate `serde_stacker` lets the stack grow meanwhile:
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
    /// // Dropping the block would recurse as well. Taken apart one by one, no stack is too small.
    /// while let Some(parent) = block.parent.take() {
    ///     block = *parent;
    /// }
    /// assert_eq!(block.height, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// The same holds for params: writing ones that are nested so deep may overflow the stack.
    pub fn call<T: DeserializeOwned>(&self, method: impl Into<Cow<'static, str>>, params: impl Serialize) -> Call<T> {
        let method = MethodSpec::with_name(method.into());
        let request = codec::open_request(&method.name, |out| encode_untyped(&params, out));
        let request = request.map_err(|error| Failure::with_source(Kind::Encode, error));
        Call::new(Arc::clone(&self.engine), method.into(), request)
    }

    /// Makes a notification by name, without a trait. Params are as for [`call`](Self::call).
    ///
    /// Awaiting it waits until the server has answered the request, over HTTP [until the method has
    /// run](Call::notify).
    pub fn notify(&self, method: impl Into<Cow<'static, str>>, params: impl Serialize) -> Notification {
        self.call::<()>(method, params).notify()
    }

    /// Sends several calls in one request, or in as few as it takes.
    ///
    /// The type of what comes back is that of what is put in, with each call in the place of its result: tuples of up
    /// to 12, arrays, `Vec`s, `Option`s, and these in each other. Notifications may stand among the calls. The calls'
    /// own clients do not matter: this one sends them all.
    ///
    /// The server runs the calls of a batch at the same time and in no order: what depends on another call goes in a
    /// later batch. A tuple has parentheses of its own, `client.batch((a, b))`, and an iterator is collected into a
    /// `Vec`. A batch without calls sends nothing and succeeds.
    ///
    /// A batch that is larger than [`max_batch_entries`](crate::ClientBuilder::max_batch_entries), 1,024 by default,
    /// goes in several requests, up to four at a time, and so do calls with headers of their own or tickets. Each
    /// request is retried by itself. The batch's deadline is that of all of them: calls whose turn does not come in
    /// time are not sent. What comes back is as for one request.
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
        BatchCall::new(Arc::clone(&self.engine), calls)
    }
}

/// Makes a call of a method of a trait.
///
/// A result that cannot be decoded is refused here, where the method is declared: an `.await` would only be told that
/// the call is no future. The bound is not `DeserializeOwned`, for which rustc does not show what serde advises.
#[doc(hidden)]
#[expect(clippy::needless_pass_by_value, reason = "generated code hands over a tuple that it has just made")]
pub fn call<P: Encode, T: for<'de> Deserialize<'de>, E>(
    client: &Client,
    method: &'static MethodSpec,
    params: P,
) -> Call<T, E> {
    Call::new(Arc::clone(&client.engine), method.into(), open(method, &params))
}

/// Writes the request. It is not generic, since what is generic over params is compiled for each method.
fn open(method: &MethodSpec, params: &dyn Encode) -> Result<Vec<u8>, Failure> {
    let request = codec::open_request(&method.name, |out| encode_params(method, params, out));
    request.map_err(|error| Failure::with_source(Kind::Encode, error))
}
