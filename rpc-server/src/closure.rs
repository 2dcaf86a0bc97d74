use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use rpc_core::codec::Responder;
use rpc_core::params::{decode, decode_value};
use rpc_core::{Context, ErrorObject, MethodSpec, RpcError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::handler::{FnHandler, Handler, IncomingCall, Started, refuse};

/// A closure that can be a method.
///
/// An async closure or function with
///
/// - no argument: `|| async { "pong" }`; the call must have no params;
/// - one argument, all params as one value: `|Page { limit }: Page| async move { .. }` for a struct, `|(a, b): (u8, u8)|`
///   for params by position (and `|(a,): (u8,)|` for one), `|params: rpc::Params|` for the params as they came;
/// - one argument of type [`Context`]: `|cx: rpc::Context| async move { .. }`;
/// - both: `|page: Page, cx: rpc::Context| async move { .. }`.
///
/// The type parameter only tells these forms apart and is always inferred. There are no others: what they would take
/// cannot be named.
#[diagnostic::on_unimplemented(
    message = "this cannot be a JSON-RPC method",
    label = "not a closure that can be a method",
    note = "a method is an async closure without arguments, with all params as one value that is `DeserializeOwned`, with a `rpc::Context`, or with both in this order",
    note = "its future must be `Send`"
)]
pub trait MethodFn<Args>: Send + Sync + 'static {
    /// What the method answers.
    type Output;

    #[doc(hidden)]
    type Future: Future<Output = Self::Output> + Send + 'static;

    /// Whether it takes params, which are then one value.
    #[doc(hidden)]
    const TAKES_PARAMS: bool;

    #[doc(hidden)]
    fn start(&self, call: &IncomingCall<'_>) -> Result<Self::Future, ErrorObject>;
}

/// Describes a closure, as far as it is known.
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

    fn start(&self, call: &IncomingCall<'_>) -> Result<Fut, ErrorObject> {
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

    fn start(&self, call: &IncomingCall<'_>) -> Result<Fut, ErrorObject> {
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

    fn start(&self, call: &IncomingCall<'_>) -> Result<Fut, ErrorObject> {
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

    fn start(&self, call: &IncomingCall<'_>) -> Result<Fut, ErrorObject> {
        Ok(self(decode_value(call.params)?, call.context()))
    }
}

/// Makes a handler of a closure that returns a value.
pub(crate) fn infallible<Args, F>(run: F) -> Arc<dyn Handler>
where
    F: MethodFn<Args, Output: Serialize>,
{
    Arc::new(FnHandler(move |call: &IncomingCall<'_>, responder: &mut Responder<'_>| match run.start(call) {
        Ok(future) => Started::Running(Box::pin(async move { Ok::<_, Infallible>(future.await) })),
        Err(error) => refuse(error, responder),
    }))
}

/// Makes a handler of a closure that returns a `Result`.
pub(crate) fn fallible<Args, F, T, E>(run: F) -> Arc<dyn Handler>
where
    F: MethodFn<Args, Output = Result<T, E>>,
    T: Serialize,
    E: RpcError,
{
    Arc::new(FnHandler(move |call: &IncomingCall<'_>, responder: &mut Responder<'_>| match run.start(call) {
        Ok(future) => Started::Running(Box::pin(future)),
        Err(error) => refuse(error, responder),
    }))
}
