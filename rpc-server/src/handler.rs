mod blocking;

use std::borrow::Cow;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rpc_core::codec::Responder;
use rpc_core::params::{Decode, decode};
use rpc_core::{Context, ErrorObject, IdRef, IdempotencyKey, MethodRef, MethodSpec, RequestContext, RpcError};
use serde::Serialize;

use crate::dispatch::InFlight;
use crate::fault::{Cause, Fault};
use crate::load::ConnectionLoad;
use crate::table::Row;
#[doc(hidden)]
pub use blocking::blocking;
pub(crate) use blocking::inherited;

/// Answers the calls of one method. This is where types are erased: what follows of a call is one box at most.
pub(crate) trait Handler: Send + Sync {
    /// Decodes the params and either answers at once or returns what will.
    fn start(&self, call: &IncomingCall<'_>, responder: &mut Responder<'_>) -> Started;

    /// Counts a call under a key at the limits of rates around the handler, before its store is asked. Where there are
    /// too many, it tells when the call may come again.
    fn count(&self, _call: &IncomingCall<'_>) -> Result<(), Duration> {
        Ok(())
    }

    /// Becomes a part of a server, which counts what runs there.
    fn join(&self, _in_flight: &Arc<InFlight>) {}
}

/// A call, or a notification, on its way to its handler.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the sealed trait behind a public one names it")]
pub struct IncomingCall<'a> {
    pub(crate) method: &'a MethodRef,
    /// The name by which it was called.
    pub(crate) name: &'a Cow<'a, str>,
    pub(crate) params: Option<&'a str>,
    pub(crate) id: Option<IdRef<'a>>,
    pub(crate) request: &'a Arc<RequestContext>,
    /// Until when the caller waits.
    pub(crate) deadline: Option<Instant>,
    /// The key under which the call runs at most once.
    pub(crate) key: Option<&'a IdempotencyKey>,
    /// The bytes of which the params are a part.
    pub(crate) body: &'a Bytes,
    /// The load of the connection that it came by.
    pub(crate) load: &'a Arc<ConnectionLoad>,
    /// Is there already where middleware has seen the call.
    pub(crate) context: Option<&'a Context>,
    /// Where it stands in its request, if `body` is not the request's.
    pub(crate) place: Option<usize>,
}

impl IncomingCall<'_> {
    /// Returns where it stands in its request: how far from the beginning its params are, or else its id.
    pub(crate) fn place(&self) -> usize {
        let text = self.params.or(self.id.map(IdRef::as_json)).unwrap_or(self.name);
        self.place.unwrap_or_else(|| text.as_ptr().addr().wrapping_sub(self.body.as_ptr().addr()))
    }

    pub(crate) fn context(&self) -> Context {
        if let Some(context) = self.context {
            return context.clone();
        }
        let mut context = Context::new(self.method.clone(), self.id.map(IdRef::to_id), Arc::clone(self.request));
        context = context.with_place(self.place());
        if let Some(deadline) = self.deadline {
            context = context.with_deadline(deadline);
        }
        match self.key {
            Some(key) => context.with_idempotency_key(key.clone()),
            None => context,
        }
    }
}

pub(crate) enum Started {
    /// The answer is written.
    Done(Result<(), Fault>),
    /// The handler is a future, which owns its params and borrows nothing.
    Running(Pin<Box<dyn Running>>),
}

/// A handler's future, which writes its answer when it is done.
pub(crate) trait Running: Send {
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Poll<Result<(), Fault>>;
}

impl<F> Running for F
where
    F: Future<Output: Respond> + Send,
{
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Poll<Result<(), Fault>> {
        match Future::poll(self, cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome.respond(responder)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// What a call comes to, and can be answered with.
pub(crate) trait Respond {
    fn respond(self, responder: &mut Responder<'_>) -> Result<(), Fault>;
}

impl<T: Serialize, E: RpcError> Respond for Result<T, E> {
    #[inline]
    fn respond(self, responder: &mut Responder<'_>) -> Result<(), Fault> {
        respond(self, responder)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "dropping the result is compiled here, and not for each method")]
fn respond<T: Serialize, E: RpcError>(result: Result<T, E>, responder: &mut Responder<'_>) -> Result<(), Fault> {
    match &result {
        Ok(value) => responder.result(value).map_err(Fault::from),
        Err(error) => fail(&error.to_error_object(), responder),
    }
}

/// Answers with the error of a handler.
#[cold]
fn fail(error: &ErrorObject, responder: &mut Responder<'_>) -> Result<(), Fault> {
    responder.error(error).map_err(|written| Fault::of_handler(error.code(), written))
}

/// Answers a call whose params cannot be decoded.
#[expect(clippy::needless_pass_by_value, reason = "as above")]
pub(crate) fn refuse(error: ErrorObject, responder: &mut Responder<'_>) -> Started {
    Started::Done(responder.error(&error).map_err(|code| Fault { code, cause: Cause::Params }))
}

/// What a handler wants to know of its call: nothing, or its [`Context`].
#[doc(hidden)]
pub trait FromCall: Sized + Send + Sync + 'static {
    #[doc(hidden)]
    fn from_call(call: &IncomingCall<'_>) -> Self;
}

impl FromCall for () {
    fn from_call(_: &IncomingCall<'_>) {}
}

impl FromCall for Context {
    fn from_call(call: &IncomingCall<'_>) -> Self {
        call.context()
    }
}

/// Makes the row of an async trait method.
#[doc(hidden)]
pub fn asynchronous<S, P, C, F, Fut, T, E>(
    service: &Arc<S>,
    spec: &'static MethodSpec,
    defaults: P::Defaults,
    run: F,
) -> Row
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(Arc<S>, P, C) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Serialize,
    E: RpcError,
{
    let service = Arc::clone(service);
    Row::new(spec, Arc::new(Asynchronous { service, defaults, run, types: PhantomData }))
}

/// Makes the row of a sync trait method, which needs no box and no clone of the service.
#[doc(hidden)]
pub fn synchronous<S, P, C, F, T, E>(service: &Arc<S>, spec: &'static MethodSpec, defaults: P::Defaults, run: F) -> Row
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(&S, P, &C) -> Result<T, E> + Send + Sync + 'static,
    T: Serialize,
    E: RpcError,
{
    let service = Arc::clone(service);
    Row::new(spec, Arc::new(Synchronous { service, defaults, run, types: PhantomData }))
}

/// The handler of an async trait method. There is one for each method of each service, and all of its code is compiled
/// as often.
struct Asynchronous<S, P: Decode, C, F> {
    service: Arc<S>,
    defaults: P::Defaults,
    run: F,
    types: PhantomData<fn(C)>,
}

impl<S, P, C, F, Fut, T, E> Handler for Asynchronous<S, P, C, F>
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(Arc<S>, P, C) -> Fut + Send + Sync,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Serialize,
    E: RpcError,
{
    fn start(&self, call: &IncomingCall<'_>, responder: &mut Responder<'_>) -> Started {
        match decode::<P>(call.params, call.method, &self.defaults) {
            Ok(params) => Started::Running(Box::pin((self.run)(Arc::clone(&self.service), params, C::from_call(call)))),
            Err(error) => refuse(error, responder),
        }
    }
}

/// The handler of a sync trait method.
struct Synchronous<S, P: Decode, C, F> {
    service: Arc<S>,
    defaults: P::Defaults,
    run: F,
    types: PhantomData<fn(C)>,
}

impl<S, P, C, F, T, E> Handler for Synchronous<S, P, C, F>
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(&S, P, &C) -> Result<T, E> + Send + Sync,
    T: Serialize,
    E: RpcError,
{
    fn start(&self, call: &IncomingCall<'_>, responder: &mut Responder<'_>) -> Started {
        match decode::<P>(call.params, call.method, &self.defaults) {
            Ok(params) => Started::Done(respond((self.run)(&self.service, params, &C::from_call(call)), responder)),
            Err(error) => refuse(error, responder),
        }
    }
}

/// Makes a handler of a closure.
pub(crate) struct FnHandler<F>(pub(crate) F);

impl<F> Handler for FnHandler<F>
where
    F: Fn(&IncomingCall<'_>, &mut Responder<'_>) -> Started + Send + Sync,
{
    fn start(&self, call: &IncomingCall<'_>, responder: &mut Responder<'_>) -> Started {
        (self.0)(call, responder)
    }
}
