//! [`OpenedStream`]: an accepted stream as the messages that transports read.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context as TaskContext, Poll, ready};

use rpc_core::codec::{ItemLoss, ItemPrefix, Output, Responder};
use rpc_core::contain::contain;
use rpc_core::{
    AnswerStatus, BoxFuture, ErrorObject, IdRef, InheritedTimeLimit, Lag, MethodRef, RequestContext, StreamEnd,
    StreamMessage, StreamMessages,
};
use tokio::runtime::Handle;
use tokio::sync::futures::OwnedNotified;
use tokio::task::JoinHandle;

use super::open_streams::StreamGuard;
use super::queue::TakenItem;
use super::shared::PortShared;
use crate::failures;
use crate::registered_waker::RegisteredWaker;
use crate::throttle::Throttle;

type HandlerFuture = BoxFuture<Result<(), ErrorObject>>;

/// The call that a stream answers.
pub(super) struct StreamCall {
    pub(super) method: MethodRef,
    /// The JSON text of the call's id.
    pub(super) id: Box<str>,
    pub(super) prefix: ItemPrefix,
    /// The maximum size of an item or of the answer, in bytes.
    pub(super) limit: usize,
    /// The request, as long as the handler's own context holds it. An idle stream keeps no headers.
    pub(super) request: Weak<RequestContext>,
}

/// A stream that its handler has accepted. When it is dropped, the handler is dropped with it.
pub(super) struct OpenedStream {
    call: StreamCall,
    handler: StreamHandler,
    port: Arc<PortShared>,
    guard: StreamGuard,
    /// Waits until the server drains. Made when the stream first waits.
    drained: Option<Pin<Box<OwnedNotified>>>,
    /// The task that is woken when the server drains.
    drain_waker: RegisteredWaker,
    #[cfg(feature = "telemetry")]
    trace: Option<rpc_core::TraceContext>,
}

/// Where the handler of a stream runs.
enum StreamHandler {
    /// In the task of the transport, which polls it when there is room for an item.
    Inline(HandlerFuture),
    /// In a task of its own, which never waits for the client.
    Eager(JoinHandle<()>),
}

impl Drop for StreamHandler {
    fn drop(&mut self) {
        if let Self::Eager(task) = self {
            task.abort();
        }
    }
}

impl OpenedStream {
    pub(super) fn new(
        call: StreamCall,
        guard: StreamGuard,
        (handler, port): (HandlerFuture, Arc<PortShared>),
        lag: Lag,
    ) -> Self {
        let handler = match Handle::try_current() {
            Ok(runtime) if lag != Lag::Wait => {
                StreamHandler::Eager(runtime.spawn(run_eagerly(handler, Arc::clone(&port), call.method.clone())))
            }
            _ => StreamHandler::Inline(handler),
        };
        Self {
            call,
            handler,
            port,
            guard,
            drained: None,
            drain_waker: RegisteredWaker::default(),
            #[cfg(feature = "telemetry")]
            trace: rpc_core::TraceContext::current(),
        }
    }

    /// Writes the next item, or returns how the handler has ended.
    fn poll_item(
        &mut self,
        cx: &mut TaskContext<'_>,
        output: &mut Vec<u8>,
    ) -> Poll<Result<StreamMessage, Result<(), ErrorObject>>> {
        let prefix = &self.call.prefix;
        let write = |taken: &TakenItem| write_item(prefix, taken, output);
        let handler = match &mut self.handler {
            StreamHandler::Eager(_) => return self.port.poll_pop(cx, write),
            StreamHandler::Inline(handler) => handler,
        };
        #[cfg(feature = "telemetry")]
        let trace = &self.trace;
        let poll = || {
            #[cfg(feature = "telemetry")]
            if let Some(trace) = trace {
                return trace.enter(|| handler.as_mut().poll(cx));
            }
            handler.as_mut().poll(cx)
        };
        // The time limit of the handler has ended with its acceptance, and no other handler's applies.
        let polled = contain(|| InheritedTimeLimit::Nothing.enter(poll));
        match (self.port.pop(write), polled) {
            (Some(written), _) => Poll::Ready(Ok(written)),
            (None, Some(Poll::Ready(result))) => Poll::Ready(Err(result)),
            (None, Some(Poll::Pending)) => Poll::Pending,
            (None, None) => Poll::Ready(Err(Err(panicked(&self.call.method)))),
        }
    }

    /// Writes the answer that ends the stream.
    #[cold]
    fn write_answer(&self, result: Result<(), ErrorObject>, output: &mut Vec<u8>) -> StreamMessage {
        let id = IdRef::from_json(&self.call.id);
        let mut answer = Output::lazy(self.call.limit);
        let mut responder = Responder::new(&mut answer, id);
        let answered = match result {
            Ok(()) => responder.result(&()),
            Err(error) => responder.error(&error),
        };
        failures::log_source(&mut answer, &self.call.method.name, id);
        output.extend_from_slice(answer.as_bytes());
        StreamMessage::Answer(answered.map_or_else(AnswerStatus::Error, |()| AnswerStatus::Success))
    }

    /// Returns ready once the server drains.
    fn poll_drained(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let Self { call, guard, drained, drain_waker, .. } = self;
        if guard.is_draining() {
            return Poll::Ready(());
        }
        if !drain_waker.begins(cx) {
            return Poll::Pending;
        }
        let notified = drained.get_or_insert_with(|| {
            if call.request.strong_count() == 0 {
                // The memory of the request is free only once nothing refers to it.
                call.request = Weak::new();
            }
            Box::pin(guard.drained())
        });
        // The drain may have begun before this waited for it.
        if notified.as_mut().poll(cx).is_pending() && !guard.is_draining() {
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl StreamMessages for OpenedStream {
    fn poll_message(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, output: &mut Vec<u8>) -> Poll<StreamMessage> {
        let this = self.get_mut();
        if this.guard.is_draining() {
            return Poll::Ready(this.write_answer(Err(StreamEnd::Draining.to_error_object()), output));
        }
        match this.poll_item(cx, output) {
            Poll::Ready(Ok(written)) => Poll::Ready(written),
            Poll::Ready(Err(result)) => Poll::Ready(this.write_answer(result, output)),
            Poll::Pending => {
                ready!(this.poll_drained(cx));
                Poll::Ready(this.write_answer(Err(StreamEnd::Draining.to_error_object()), output))
            }
        }
    }
}

impl Drop for OpenedStream {
    fn drop(&mut self) {
        if let Some(request) = self.call.request.upgrade() {
            request.cancel();
        }
    }
}

fn write_item(prefix: &ItemPrefix, taken: &TakenItem, output: &mut Vec<u8>) -> StreamMessage {
    let TakenItem { item, lagged } = taken;
    prefix.begin(output, ItemLoss { lagged: *lagged, gap: item.is_after_gap });
    let start = output.len();
    output.extend_from_slice(&item.text);
    StreamMessage::Item(item.cursor.as_ref().map(|cursor| start + cursor.start..start + cursor.end))
}

/// Runs a handler that does not wait for its client.
async fn run_eagerly(handler: HandlerFuture, port: Arc<PortShared>, method: MethodRef) {
    use futures_util::FutureExt;
    let ended = std::panic::AssertUnwindSafe(handler).catch_unwind().await;
    port.end(ended.unwrap_or_else(|payload| {
        rpc_core::contain::defuse(payload);
        Err(panicked(&method))
    }));
}

#[cold]
fn panicked(method: &MethodRef) -> ErrorObject {
    static PANICKED: Throttle = Throttle::with(10);
    if let Some(suppressed) = PANICKED.pass() {
        tracing::error!(method = &*method.name, suppressed, "stream panicked");
    }
    ErrorObject::internal()
}
