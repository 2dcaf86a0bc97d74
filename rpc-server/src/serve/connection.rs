use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::pace::{Paced, Requests};
use super::stop::Stop;
use crate::Server;
use crate::http::{AnswerBody, Connection, admit, answer, not_found};

/// Holds what the requests of one connection share.
struct Shared {
    server: Server,
    connection: Connection,
    requests: Arc<Requests>,
}

/// Serves one connection to its end.
pub(super) async fn serve(server: Server, stream: TcpStream, connection: Connection, stop: &Stop) {
    // Answers are written whole, so waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let requests = Arc::new(Requests::default());
    let mut stream = Paced::new(stream, Arc::clone(&requests), &server.inner.dispatcher.limits);
    let shared = Arc::new(Shared { server, connection, requests });
    // Until something has arrived there is nothing to finish, nor any need for the buffers of a protocol.
    let served = match stop.unless(stream.speaks_http2()).await {
        None => Ok(()),
        Some(Ok(false)) => serve_http1(stream, shared, stop).await,
        // Few connections speak it, and all would have to make room for its larger state.
        Some(Ok(true)) => Box::pin(serve_http2(stream, shared, stop)).await,
        Some(Err(error)) => return tracing::debug!(%error, "connection ended before its first request"),
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn serve_http1(stream: Paced<TcpStream>, shared: Arc<Shared>, stop: &Stop) -> hyper::Result<()> {
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    let mut builder = http1::Builder::new();
    // The stream keeps the time itself, since hyper does not tell a head that trickles in from a connection at rest.
    builder.header_read_timeout(None);
    stop.drive(builder.serve_connection(TokioIo::new(stream), service)).await
}

async fn serve_http2(stream: Paced<TcpStream>, shared: Arc<Shared>, stop: &Stop) -> hyper::Result<()> {
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new());
    stop.drive(builder.serve_connection(TokioIo::new(stream), service)).await
}

/// Answers a request, which is under way from now on.
fn respond(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<AnswerBody>, Infallible>> + Send {
    let shared = UnderWay::begin(shared);
    let Shared { server, connection, .. } = &*shared.0;
    let request = if request.uri().path() == server.inner.http.path {
        admit(&server.inner, request, *connection)
    } else {
        Err(not_found(request))
    };
    async move { Ok(answer(&shared.0.server.inner, request).await) }
}

/// Counts a request as under way until its answer is ready to be written.
struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn begin(shared: Arc<Shared>) -> Self {
        shared.requests.begin();
        Self(shared)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.requests.end();
    }
}
