//! The handler of a stream until it accepts its call. Then it becomes an [`OpenedStream`], and the call is answered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use rpc_core::codec::{ItemPrefix, Responder};
use rpc_core::{AnswerStream, BoxFuture, ErrorObject, IdRef, Lag, MethodKind, RequestContext, StreamSpec};
use tokio::runtime::Handle;

use super::open_streams::StreamGuard;
use super::opened::{OpenedStream, StreamCall};
use super::port::StreamPort;
use super::shared::PortShared;
use crate::call::{Call, RequestShape};
use crate::fault::{Executed, Fault, of_streams};
use crate::handler::RunningHandler;

/// A handler of a stream that has not accepted its call yet.
pub(crate) struct AcceptingStream {
    handler: Option<BoxFuture<Result<(), ErrorObject>>>,
    port: Arc<PortShared>,
    lag: Lag,
    request: Arc<RequestContext>,
    /// What the opened stream needs, until there is one.
    call: Option<Box<(StreamCall, StreamGuard)>>,
}

/// What a call of a stream needs before its handler begins.
pub(crate) struct StreamPermit {
    guard: StreamGuard,
    spec: StreamSpec,
}

impl StreamPermit {
    /// Checks that the call can be answered by a stream, and counts the stream. Refuses the call otherwise.
    pub(crate) fn of(call: &Call<'_>, responder: &mut Responder<'_>) -> Result<Self, Fault> {
        let why = if call.shape == RequestShape::Entry {
            Some("a stream cannot be opened in a batch")
        } else if call.id.is_none() {
            Some("a stream cannot be opened by a notification")
        } else if !call.request.accepts_stream() {
            Some("the method answers with a stream: over HTTP, send `Accept: text/event-stream`")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(Fault::refuse(&ErrorObject::invalid_request(why), responder));
        }
        let guard = call.in_flight.streams.open(call.load);
        let guard = guard.map_err(|full| Fault::refuse(&of_streams(full), responder))?;
        let spec = if let MethodKind::Stream(spec) = call.method.kind { spec } else { StreamSpec::new() };
        Ok(Self { guard, spec })
    }
}

impl AcceptingStream {
    /// Starts a handler, which gets its end of the stream.
    pub(crate) fn start(
        permit: StreamPermit,
        call: &Call<'_>,
        handler: impl FnOnce(StreamPort) -> BoxFuture<Result<(), ErrorObject>>,
    ) -> Self {
        let StreamPermit { guard, spec } = permit;
        let limit = call.in_flight.max_response_bytes;
        // Without a runtime, a handler has no task of its own. So it waits for its client.
        let lag = if Handle::try_current().is_ok() { spec.lag } else { Lag::Wait };
        let (port, shared) = StreamPort::new(lag, limit, call.load);
        // A borrowed call of a layer has its id in its context.
        let id = match call.context {
            Some(context) => context.id().map(ToString::to_string),
            None => call.id.map(|id| id.as_json().to_owned()),
        };
        let id: Box<str> = id.unwrap_or_else(|| "null".to_owned()).into();
        let prefix = ItemPrefix::new(&call.method.name, IdRef::from_json(&id).unwrap_or(IdRef::NULL));
        let (method, request) = (call.method.clone(), Arc::clone(call.request));
        let opened = StreamCall { method, id, prefix, limit, request: Arc::downgrade(&request) };
        Self { handler: Some(handler(port)), port: shared, lag, request, call: Some(Box::new((opened, guard))) }
    }
}

impl RunningHandler for AcceptingStream {
    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Executed {
        let Some(handler) = &mut self.handler else { unreachable!("a handler that has ended is not polled again") };
        let polled = handler.as_mut().poll(cx);
        match polled {
            Poll::Ready(Err(error)) => {
                let refused = responder.error(&error);
                Poll::Ready(refused.map_err(|written| Fault::of_handler(error.code(), written)))
            }
            Poll::Pending if !self.port.is_accepted() => Poll::Pending,
            // It has accepted the call. A stream cannot end in the same poll.
            Poll::Pending | Poll::Ready(Ok(())) => {
                let this = &mut *self;
                if let (Some(handler), Some(call)) = (this.handler.take(), this.call.take()) {
                    let (call, guard) = *call;
                    let opened = OpenedStream::new(call, guard, (handler, Arc::clone(&this.port)), this.lag);
                    this.request.open_stream(AnswerStream::new(opened));
                }
                Poll::Ready(responder.result(&()).map_err(Fault::from))
            }
        }
    }
}
