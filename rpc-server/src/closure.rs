//! Closures as methods. [`MethodFn`] lists the closure forms that `ServerBuilder::method` takes; [`infallible`] and
//! [`fallible`] make handlers of them. The other traits exist for compile errors: they reject a closure that returns a
//! `Result` where a value is expected.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use futures_util::Stream;
use rpc_core::codec::Responder;
use rpc_core::params::{decode, decode_value};
use rpc_core::{BoxFuture, Context, ErrorObject, MethodSpec, RpcError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::handler::{FnHandler, Handler, StartedHandler, refuse};
use crate::stream::{AcceptingStream, FallibleItems, PlainItems, StreamPermit, StreamPort};

/// A closure that can be a method.
///
/// An async closure or function with
///
/// - no argument: `|| async { "pong" }`; the call must have no params;
/// - one argument, all params as one value: `|Page { limit }: Page| async move { .. }` for a struct,
///   `|(a, b): (u8, u8)|` for params by position (and `|(a,): (u8,)|` for one), `|params: rpc::Params|` for the raw
///   params;
/// - one argument of type [`Context`]: `|cx: rpc::Context| async move { .. }`;
/// - both: `|page: Page, cx: rpc::Context| async move { .. }`.
///
/// The type parameter only distinguishes these forms and is always inferred. There are no other forms: other crates
/// cannot implement this trait, since its hidden method takes a private type.
#[diagnostic::on_unimplemented(
    message = "this cannot be a JSON-RPC method",
    label = "not a closure that can be a method",
    note = "a method is an async closure without arguments, with all params as one value that is `DeserializeOwned`, with a `rpc::Context`, or with both in this order",
    note = "its future must be `Send`"
)]
pub trait MethodFn<Args>: Send + Sync + 'static {
    /// The output of the closure's future.
    type Output;

    #[doc(hidden)]
    type Future: Future<Output = Self::Output> + Send + 'static;

    /// Whether it takes params, as one value.
    #[doc(hidden)]
    const TAKES_PARAMS: bool;

    #[doc(hidden)]
    fn start(&self, call: &Call<'_>) -> Result<Self::Future, ErrorObject>;
}

/// Describes a closure as a method, as far as its type tells.
pub(crate) fn closure_spec<Args, F: MethodFn<Args>>(name: impl Into<Cow<'static, str>>) -> MethodSpec {
    let method = MethodSpec::with_name(name.into());
    if F::TAKES_PARAMS { method.whole_params() } else { method }
}

impl<F, Fut> MethodFn<()> for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;
    const TAKES_PARAMS: bool = false;

    fn start(&self, call: &Call<'_>) -> Result<Fut, ErrorObject> {
        decode::<()>(call.params, call.method, &())?;
        Ok(self())
    }
}

impl<F, Fut, P> MethodFn<(P,)> for F
where
    F: Fn(P) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    P: DeserializeOwned,
{
    type Output = Fut::Output;
    type Future = Fut;
    const TAKES_PARAMS: bool = true;

    fn start(&self, call: &Call<'_>) -> Result<Fut, ErrorObject> {
        decode_value(call.params).map(self)
    }
}

impl<F, Fut> MethodFn<Context> for F
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;
    const TAKES_PARAMS: bool = false;

    fn start(&self, call: &Call<'_>) -> Result<Fut, ErrorObject> {
        decode::<()>(call.params, call.method, &())?;
        Ok(self(call.context()))
    }
}

impl<F, Fut, P> MethodFn<(P, Context)> for F
where
    F: Fn(P, Context) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    P: DeserializeOwned,
{
    type Output = Fut::Output;
    type Future = Fut;
    const TAKES_PARAMS: bool = true;

    fn start(&self, call: &Call<'_>) -> Result<Fut, ErrorObject> {
        Ok(self(decode_value(call.params)?, call.context()))
    }
}

/// Distinguishes values from `Result`s at compile time. The errors of `Result`s would be sent as values.
///
/// `Kind` is inferred: a value has one implementation. A `Result` that cannot be serialized has only the other one,
/// which [`IsValue`] rejects. A `Result` that can be serialized has both, so rustc cannot infer `Kind`, and names the
/// implementations.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a JSON-RPC method",
    label = "returns what does not implement `serde::Serialize`",
    note = "derive it: `#[derive(serde::Serialize)]`"
)]
pub trait MethodOutput<Kind> {
    type Sent: Serialize;

    fn into_sent(self) -> Self::Sent;
}

/// Marks outputs that are values.
#[doc(hidden)]
#[derive(Debug)]
pub struct Value;

/// Marks outputs that are `Result`s.
#[doc(hidden)]
#[derive(Debug)]
pub struct ResultsAreForTryMethod;

impl<T: Serialize> MethodOutput<Value> for T {
    type Sent = T;

    fn into_sent(self) -> T {
        self
    }
}

/// Lets rustc find the kind of a `Result`. Never called, since the kind is rejected.
impl<T, E> MethodOutput<ResultsAreForTryMethod> for Result<T, E> {
    type Sent = ();

    fn into_sent(self) {}
}

#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`method` takes closures that return a value, and this one returns a `Result`",
    label = "use `try_method`",
    note = "`try_method` sends the error of a `Result` as an error; `method` would send it as a value"
)]
pub trait IsValue {}

impl IsValue for Value {}

/// Makes a handler from a closure that returns a value.
pub(crate) fn infallible<Args, Kind, F>(run: F) -> Arc<dyn Handler>
where
    F: MethodFn<Args, Output: MethodOutput<Kind>>,
{
    Arc::new(FnHandler(move |call: &Call<'_>, responder: &mut Responder<'_>| match run.start(call) {
        Ok(future) => StartedHandler::Running(Box::pin(async move { Ok::<_, Infallible>(future.await.into_sent()) })),
        Err(error) => refuse(error, responder),
    }))
}

/// Makes a handler from a closure that returns a `Result`.
pub(crate) fn fallible<Args, F, T, E>(run: F) -> Arc<dyn Handler>
where
    F: MethodFn<Args, Output = Result<T, E>>,
    T: Serialize,
    E: RpcError,
{
    Arc::new(FnHandler(move |call: &Call<'_>, responder: &mut Responder<'_>| match run.start(call) {
        Ok(future) => StartedHandler::Running(Box::pin(future)),
        Err(error) => refuse(error, responder),
    }))
}

/// Makes a handler from a closure that returns a stream of values.
pub(crate) fn streaming<Args, F>(run: F) -> Arc<dyn Handler>
where
    F: MethodFn<Args, Output: Stream<Item: Serialize> + Send>,
{
    stream_handler(move |call: &Call<'_>| {
        let opening = run.start(call)?;
        Ok(|port: StreamPort| Box::pin(async move { port.run(opening.await, PlainItems).await }) as _)
    })
}

/// Makes a handler from a closure that returns a `Result` with a stream of `Result`s.
pub(crate) fn fallibly_streaming<Args, F, S, T, E>(run: F) -> Arc<dyn Handler>
where
    F: MethodFn<Args, Output = Result<S, E>>,
    S: Stream<Item = Result<T, E>> + Send,
    T: Serialize,
    E: RpcError,
{
    stream_handler(move |call: &Call<'_>| {
        let opening = run.start(call)?;
        Ok(|port: StreamPort| {
            Box::pin(async move { port.run_accepted(opening.await, FallibleItems(PlainItems)).await }) as _
        })
    })
}

/// Makes a handler from a function that begins a stream for a call.
fn stream_handler<B, H>(begin: B) -> Arc<dyn Handler>
where
    B: Fn(&Call<'_>) -> Result<H, ErrorObject> + Send + Sync + 'static,
    H: FnOnce(StreamPort) -> BoxFuture<Result<(), ErrorObject>>,
{
    Arc::new(FnHandler(move |call: &Call<'_>, responder: &mut Responder<'_>| {
        let permit = match StreamPermit::of(call, responder) {
            Ok(permit) => permit,
            Err(fault) => return StartedHandler::Done(Err(fault)),
        };
        match begin(call) {
            Ok(handler) => StartedHandler::Running(Box::pin(AcceptingStream::start(permit, call, handler))),
            Err(error) => refuse(error, responder),
        }
    }))
}
