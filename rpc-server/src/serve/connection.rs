use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};

use super::pace::{Paced, Requests};
use super::secure::Secured;
use super::stop::Stop;
use crate::Server;
use crate::http::{AnswerBody, Connection, admit, answer, beside};

/// Holds what the requests of one connection share.
struct Shared {
    server: Server,
    connection: Connection,
    secured: Secured,
    requests: Arc<Requests>,
}

/// Serves one connection to its end.
pub(super) async fn serve<S>(server: Server, stream: S, connection: Connection, secured: Secured, stop: &Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // What is only needed before the protocol is known takes no room in idle connections, of which there are many.
    let (stream, http2, shared) = {
        let requests = Arc::new(Requests::default());
        let mut stream = Paced::new(stream, Arc::clone(&requests), &server.inner.dispatcher.limits);
        let http2 = match stop.unless(stream.speaks_http2()).await {
            Some(Ok(http2)) => http2,
            Some(Err(error)) => return tracing::debug!(%error, "connection ended before its first request"),
            // Nothing has arrived that would have to be finished, so it will close at once, with what TLS has to say then.
            None => false,
        };
        (TokioIo::new(stream), http2, Arc::new(Shared { server, connection, secured, requests }))
    };
    let served = if http2 {
        // Few connections speak it, and all would have to make room for its larger state.
        stop.drive(Box::pin(http2_connection(stream, shared)).as_mut()).await
    } else {
        stop.drive(pin!(http1_connection(stream, shared))).await
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended early");
    }
}

fn http1_connection<S>(stream: TokioIo<Paced<S>>, shared: Arc<Shared>) -> impl GracefulConnection<Error = hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    // The stream keeps the time itself, since hyper does not tell a head that trickles in from a connection at rest.
    http1::Builder::new().header_read_timeout(None).serve_connection(stream, service)
}

fn http2_connection<S>(stream: TokioIo<Paced<S>>, shared: Arc<Shared>) -> impl GracefulConnection<Error = hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    http2::Builder::new(TokioExecutor::new()).timer(TokioTimer::new()).serve_connection(stream, service)
}

/// Answers a request, which is under way from now on.
fn respond(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<AnswerBody>, Infallible>> + Send {
    let shared = UnderWay::begin(shared);
    let Shared { server, connection, secured, .. } = &*shared.0;
    // Before all that might want to know who calls.
    secured.tell(&mut request);
    let request = if request.uri().path() == server.inner.http.path {
        admit(&server.inner, request, *connection)
    } else {
        Err(beside(&server.inner, request, *connection))
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
