//! A transport around another one, as users write it.

use rpc::transport::{Reply, Request, ServerAddress, Transport};
use rpc::{BoxFuture, Failure};

/// Passes everything on to another transport.
#[derive(Debug)]
pub struct Wrapped<T>(pub T);

impl<T: Transport> Transport for Wrapped<T> {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.0.send(request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.0.probe(request)
    }

    fn server_address(&self) -> Option<ServerAddress> {
        self.0.server_address()
    }
}
