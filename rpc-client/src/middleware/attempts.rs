//! A transport with layers around it, for `ClientBuilder::attempt_layer`. A request that no layer passes on counts as
//! not sent.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use rpc_core::BoxFuture;
use tower_service::Service;

use super::layer::Layers;
use super::layer_request::LayerRequest;
use super::next::Next;
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

impl LayeredTransport {
    pub(crate) fn new(layers: Layers<Request>, transport: Box<dyn Transport>) -> Self {
        let transport: Arc<dyn Transport> = transport.into();
        Self { layers: layers.around(Next::erase(TransportService(Arc::clone(&transport)))), transport }
    }

    fn pass(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        // Until a layer passes the request on, it counts as not sent.
        request.progress.hold();
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
}

impl fmt::Debug for LayeredTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport.fmt(f)
    }
}

/// The transport inside all layers, as a service.
#[derive(Clone)]
struct TransportService(Arc<dyn Transport>);

impl Service<Request> for TransportService {
    type Response = Reply;
    type Error = Failure;
    type Future = BoxFuture<Result<Reply, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if !request.progress.release() {
            // The client has already reported it as not sent, and may have sent another request.
            return Box::pin(std::future::ready(Err(Failure::new(FailureKind::Expired))));
        }
        if request.is_probe() { self.0.probe(request) } else { self.0.send(request) }
    }
}
