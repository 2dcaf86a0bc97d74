use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use rpc_core::codec::Responder;
use rpc_core::params::{Decode, decode};
use rpc_core::{Inherited, MethodSpec, RpcError};
use serde::Serialize;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::{FromCall, Handler, IncomingCall, Started, refuse};
use crate::table::Row;

/// Makes the row of a sync trait method that blocks or computes for long.
#[doc(hidden)]
pub fn blocking<S, P, C, F, T, E>(service: &Arc<S>, spec: &'static MethodSpec, defaults: P::Defaults, run: F) -> Row
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(&S, P, &C) -> Result<T, E> + Copy + Send + Sync + 'static,
    T: Serialize + Send + 'static,
    E: RpcError,
{
    let service = Arc::clone(service);
    Row::new(spec, Arc::new(Blocking { service, defaults, run, types: PhantomData }))
}

/// The handler of a sync trait method that runs on a thread where it may block.
struct Blocking<S, P: Decode, C, F> {
    service: Arc<S>,
    defaults: P::Defaults,
    run: F,
    types: PhantomData<fn(C)>,
}

impl<S, P, C, F, T, E> Handler for Blocking<S, P, C, F>
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(&S, P, &C) -> Result<T, E> + Copy + Send + Sync + 'static,
    T: Serialize + Send + 'static,
    E: RpcError,
{
    fn start(&self, call: &IncomingCall<'_>, responder: &mut Responder<'_>) -> Started {
        match decode::<P>(call.params, call.method, &self.defaults) {
            Ok(params) => {
                let (service, run, context) = (Arc::clone(&self.service), self.run, C::from_call(call));
                Started::Running(Box::pin(Task::spawn(move || run(&service, params, &context))))
            }
            Err(error) => refuse(error, responder),
        }
    }
}

/// What runs on a thread where it may block.
///
/// When it is dropped before a thread has taken it up, it does not run. Nothing stops it later.
struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Begins, as a part of the handler that runs here and now: its calls inherit the same time.
    fn spawn(run: impl FnOnce() -> T + Send + 'static) -> Self {
        let (inherited, span) = (inherited(), tracing::Span::current());
        Self(spawn_blocking(move || inherited.enter(|| span.in_scope(run))))
    }
}

/// Returns the time that calls inherit here, counted from now on: a thread may take up the work only later.
fn inherited() -> Inherited {
    match Inherited::current() {
        Inherited::Within(left) => {
            Instant::now().into_std().checked_add(left).map_or(Inherited::Nothing, Inherited::Until)
        }
        inherited => inherited,
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.0).poll(cx)) {
            Ok(done) => Poll::Ready(done),
            // The panic goes on where that of any other handler is caught. A runtime that shuts down takes up no work, and
            // this panics then.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
