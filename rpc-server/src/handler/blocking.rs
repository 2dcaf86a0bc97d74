//! Handlers marked `#[rpc(blocking)]`. Each call runs on a thread of tokio's blocking pool, with its trace and its
//! inherited time. A call that is dropped before a thread begins it never runs. One that has begun runs to its end and
//! counts as in flight until then.

use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, ready};

use rpc_core::codec::Responder;
use rpc_core::params::{Decode, decode};
use rpc_core::{MethodSpec, RpcError};
use serde::Serialize;
use tokio::task::{JoinHandle, spawn_blocking};

use super::{FromCall, Handler, StartedHandler, refuse};
use crate::call::Call;
use crate::drive::inherited;
use crate::fault::{Fault, overloaded};
use crate::in_flight::{DetachedGuard, InFlight};
use crate::load::ConnectionLoad;
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
    Row::new(spec, Arc::new(BlockingHandler { service, defaults, run, types: PhantomData }))
}

/// The handler of a sync trait method that runs on a thread where it may block.
struct BlockingHandler<S, P: Decode, C, F> {
    service: Arc<S>,
    defaults: P::Defaults,
    run: F,
    types: PhantomData<fn(C)>,
}

impl<S, P, C, F, T, E> Handler for BlockingHandler<S, P, C, F>
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(&S, P, &C) -> Result<T, E> + Copy + Send + Sync + 'static,
    T: Serialize + Send + 'static,
    E: RpcError,
{
    fn start(&self, call: &Call<'_>, responder: &mut Responder<'_>) -> StartedHandler {
        // Calls that were left behind hold threads, and further calls would be left behind as well.
        if call.in_flight.is_overdrawn(call.load) {
            return StartedHandler::Done(Err(Fault::refuse(&overloaded(), responder)));
        }
        match decode::<P>(call.params, call.method, &self.defaults) {
            Ok(params) => {
                let (service, run, context) = (Arc::clone(&self.service), self.run, C::from_call(call));
                let run = move || run(&service, params, &context);
                StartedHandler::Running(Box::pin(BlockingTask::spawn(run, call.in_flight, call.load)))
            }
            Err(error) => refuse(error, responder),
        }
    }
}

/// Work on a thread that may block.
///
/// If it is dropped before a thread has begun it, it never runs, and what it holds is dropped with it. Later nothing
/// stops it, and it counts as a call in flight until it ends.
struct BlockingTask<T, F> {
    thread: JoinHandle<Option<T>>,
    work: Arc<Mutex<BlockingTaskState<F>>>,
    in_flight: Arc<InFlight>,
    load: Arc<ConnectionLoad>,
}

/// The progress of a task.
enum BlockingTaskState<F> {
    /// No thread has begun it.
    New(F),
    /// A thread runs it.
    Begun,
    /// A thread runs it, and its caller has left.
    LeftBehind {
        _counted: DetachedGuard,
    },
    Over,
}

impl<F> BlockingTaskState<F> {
    fn replace(work: &Mutex<Self>, by: Self) -> Self {
        std::mem::replace(&mut *work.lock().unwrap_or_else(PoisonError::into_inner), by)
    }
}

/// Marks begun work as over when this is dropped, also after a panic.
struct BlockingTaskGuard<'a, F>(&'a Mutex<BlockingTaskState<F>>);

impl<F> Drop for BlockingTaskGuard<'_, F> {
    fn drop(&mut self) {
        drop(BlockingTaskState::replace(self.0, BlockingTaskState::Over));
    }
}

impl<T: Send + 'static, F: FnOnce() -> T + Send + 'static> BlockingTask<T, F> {
    /// Starts the work as a part of the current handler: its calls inherit the same time and continue the same trace.
    fn spawn(run: F, in_flight: &Arc<InFlight>, load: &Arc<ConnectionLoad>) -> Self {
        let (inherited, span) = (inherited(), tracing::Span::current());
        let work = Arc::new(Mutex::new(BlockingTaskState::New(run)));
        let shared = Arc::clone(&work);
        let take_up = in_trace(move || {
            let BlockingTaskState::New(run) = BlockingTaskState::replace(&shared, BlockingTaskState::Begun) else {
                return None;
            };
            let _ending = BlockingTaskGuard(&shared);
            Some(run())
        });
        let thread = spawn_blocking(move || inherited.enter(|| span.in_scope(take_up)));
        Self { thread, work, in_flight: Arc::clone(in_flight), load: Arc::clone(load) }
    }
}

/// Wraps a function that runs elsewhere, so that it has the current position in the trace.
#[cfg(feature = "telemetry")]
fn in_trace<T>(run: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let trace = rpc_core::TraceContext::current();
    move || match &trace {
        Some(trace) => trace.enter(run),
        None => run(),
    }
}

#[cfg(not(feature = "telemetry"))]
fn in_trace<T>(run: impl FnOnce() -> T) -> impl FnOnce() -> T {
    run
}

impl<T, F> Future for BlockingTask<T, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.thread).poll(cx)) {
            Ok(Some(done)) => Poll::Ready(done),
            Ok(None) => unreachable!("only what was dropped does not begin"),
            // Resumes the panic, so that it is caught like that of any other handler. A runtime that shuts down cancels
            // work that has not begun, and then `into_panic` panics.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
}

impl<T, F> Drop for BlockingTask<T, F> {
    fn drop(&mut self) {
        self.thread.abort();
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if let BlockingTaskState::Begun = &*work {
            *work = BlockingTaskState::LeftBehind { _counted: self.in_flight.leave_behind(&self.load) };
            return;
        }
        let unbegun = std::mem::replace(&mut *work, BlockingTaskState::Over);
        drop(work);
        // Dropping params may run user code, so it must not happen under the lock.
        drop(unbegun);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::BlockingTask;
    use crate::Limits;
    use crate::in_flight::InFlight;
    use crate::load::unlimited;
    use crate::meter::Meter;

    #[test]
    fn what_nobody_waits_for_holds_nothing_while_no_thread_is_free() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (in_flight, load) = (Arc::new(InFlight::new(&Limits::default(), Meter::default())), unlimited(1));
        runtime.block_on(async {
            let (open, gate) = mpsc::channel::<()>();
            let first = BlockingTask::spawn(move || gate.recv().is_ok(), &in_flight, &load);
            let params = Arc::new(());
            let held = Arc::clone(&params);
            let second = BlockingTask::spawn(move || drop(held), &in_flight, &load);
            assert_eq!(Arc::strong_count(&params), 2);
            drop(second);
            assert_eq!(Arc::strong_count(&params), 1);
            open.send(()).unwrap();
            assert!(first.await);
        });
    }
}
