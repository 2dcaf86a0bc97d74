//! Handlers of trait methods, sync and async. The macros' expansions call [`asynchronous`] and [`synchronous`] to make
//! the rows of the method table. This code is compiled once per method, so it stays small.

use std::marker::PhantomData;
use std::sync::Arc;

use rpc_core::codec::Responder;
use rpc_core::params::{Decode, decode};
use rpc_core::{MethodSpec, RpcError};
use serde::Serialize;

use super::{FromCall, Handler, StartedHandler, refuse, respond};
use crate::call::Call;
use crate::table::Row;

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
    Row::new(spec, Arc::new(AsyncHandler { service, defaults, run, types: PhantomData }))
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
    Row::new(spec, Arc::new(SyncHandler { service, defaults, run, types: PhantomData }))
}

/// The handler of an async trait method. All of its code is compiled once for each method of each service.
struct AsyncHandler<S, P: Decode, C, F> {
    service: Arc<S>,
    defaults: P::Defaults,
    run: F,
    types: PhantomData<fn(C)>,
}

impl<S, P, C, F, Fut, T, E> Handler for AsyncHandler<S, P, C, F>
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(Arc<S>, P, C) -> Fut + Send + Sync,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Serialize,
    E: RpcError,
{
    fn start(&self, call: &Call<'_>, responder: &mut Responder<'_>) -> StartedHandler {
        match decode::<P>(call.params, call.method, &self.defaults) {
            Ok(params) => {
                StartedHandler::Running(Box::pin((self.run)(Arc::clone(&self.service), params, C::from_call(call))))
            }
            Err(error) => refuse(error, responder),
        }
    }
}

/// The handler of a sync trait method.
struct SyncHandler<S, P: Decode, C, F> {
    service: Arc<S>,
    defaults: P::Defaults,
    run: F,
    types: PhantomData<fn(C)>,
}

impl<S, P, C, F, T, E> Handler for SyncHandler<S, P, C, F>
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(&S, P, &C) -> Result<T, E> + Send + Sync,
    T: Serialize,
    E: RpcError,
{
    fn start(&self, call: &Call<'_>, responder: &mut Responder<'_>) -> StartedHandler {
        match decode::<P>(call.params, call.method, &self.defaults) {
            Ok(params) => {
                StartedHandler::Done(respond((self.run)(&self.service, params, &C::from_call(call)), responder))
            }
            Err(error) => refuse(error, responder),
        }
    }
}
