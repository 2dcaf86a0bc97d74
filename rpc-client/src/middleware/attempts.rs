//! A transport with layers around it, for `ClientBuilder::attempt_layer`. A request that no layer passes on counts as
//! not sent.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use rpc_core::{BoxFuture, Dispatch};
use tower_service::Service;

use super::layer::Layers;
use super::layer_request::LayerRequest;
use super::next::Next;
use crate::call_numbers::CallNumbers;
use crate::failure::{Failure, FailureKind};
use crate::transport::{Reply, Request, ServerAddress, Transport};

impl LayerRequest for Request {
    type Response = Reply;
}

/// A transport with layers around it.
pub(crate) struct LayeredTransport {
    layers: Next<Request>,
    transport: Arc<dyn Transport>,
}

/// The attempt layers of a client. All its endpoints share them, so that a limit counts the attempts of all.
#[derive(Clone)]
pub(crate) struct AttemptLayers(Next<Request>);

impl AttemptLayers {
    /// Builds the layers, unless there are none.
    pub(crate) fn build(layers: Layers<Request>) -> Option<Self> {
        if layers.is_empty() { None } else { Some(Self(layers.around(Next::erase(TransportService)))) }
    }

    /// Puts the layers around the transport of an endpoint.
    pub(crate) fn around(&self, transport: Arc<dyn Transport>) -> LayeredTransport {
        LayeredTransport { layers: self.0.clone(), transport }
    }
}

impl LayeredTransport {
    fn pass(&self, mut request: Request) -> BoxFuture<Result<Reply, Failure>> {
        request.transport = Some(Arc::clone(&self.transport));
        // Until a layer passes the request on, it counts as not sent.
        request.progress.hold();
        request.progress.hold_back();
        Box::pin(self.layers.clone().run(request))
    }
}

impl Transport for LayeredTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.pass(request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.pass(request)
    }

    fn server_address(&self) -> Option<ServerAddress> {
        self.transport.server_address()
    }

    fn call_numbers(&self) -> Option<CallNumbers> {
        self.transport.call_numbers()
    }

    fn serve(&self, dispatch: &Arc<dyn Dispatch>) -> bool {
        self.transport.serve(dispatch)
    }
}

impl fmt::Debug for LayeredTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport.fmt(f)
    }
}

/// The innermost service: it sends a request through the transport that the request came with.
#[derive(Clone)]
struct TransportService;

impl Service<Request> for TransportService {
    type Response = Reply;
    type Error = Failure;
    type Future = BoxFuture<Result<Reply, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        request.progress.let_go();
        if !request.progress.release() {
            // The client has already reported it as not sent, and may have sent another request.
            return Box::pin(std::future::ready(Err(Failure::new(FailureKind::Expired))));
        }
        let transport = request.transport.take().expect("a layer cannot make a request, so it came with a transport");
        if request.is_probe() { transport.probe(request) } else { transport.send(request) }
    }
}
