//! Serves one connection to its end. Detects HTTP/1 or HTTP/2, configures hyper, and passes each request to `http`.
//! Counts requests as under way, for `state` and `pace`. `pace` enforces timeouts. `handshake` does TLS before this.

#[cfg(test)]
mod tests;

use std::future::ready;
#[cfg(not(feature = "websocket"))]
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "websocket")]
use std::sync::{Mutex, PoisonError};

use futures_util::future::Either;
use h2::Reason;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::facts::ConnectionFacts;
use super::pace::PacedStream;
use super::state::{ConnectionOrder, ConnectionState};
use crate::Limits;
#[cfg(feature = "websocket")]
use crate::http::take_session;
use crate::http::{
    AnswerBody, BodyProgress, ConnectionInfo, HeadFault, HttpState, UnreadAnswers, admit, answer, beside, check_host,
    hold_head, refuse_head, route,
};
use crate::load::{ConnectionLoadGuard, Disconnect};
use crate::meter::Gauge;
#[cfg(feature = "websocket")]
use crate::session::SessionRequest;
#[cfg(feature = "websocket")]
use crate::websocket::{self, OpenedWebSocket};

/// State that the requests of one connection share.
struct ConnectionContext {
    http_state: Arc<HttpState>,
    connection: ConnectionInfo,
    facts: ConnectionFacts,
    state: Arc<ConnectionState>,
    /// The count of answers that the peer has not read, over HTTP/2.
    unread: Option<Arc<UnreadAnswers>>,
    /// The session that begins once the response was sent that switches the protocol.
    #[cfg(feature = "websocket")]
    session: Mutex<Option<Box<SessionRequest>>>,
    /// The server's calls and bytes that the connection holds. The connection is counted until this is dropped.
    load: ConnectionLoadGuard,
}

/// Serves one connection to its end.
pub(super) async fn serve<S>(
    http_state: Arc<HttpState>,
    stream: S,
    connection: ConnectionInfo,
    facts: ConnectionFacts,
    state: &Arc<ConnectionState>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let _counted = http_state.meter.raise(Gauge::Connections);
    // The block ends the state that is needed only before the protocol is known. So this state takes no memory in idle
    // connections, which are many.
    let (stream, http2, shared) = {
        let state = Arc::clone(state);
        let load = http_state.budget.connect(Arc::clone(&state) as Arc<dyn Disconnect>);
        let mut stream = PacedStream::new(stream, Arc::clone(&http_state), Arc::clone(&state)).counted_in(&load.0);
        let http2 = match state.attend(stream.speaks_http2()).await {
            Ok(http2) => http2,
            Err(error) => return tracing::debug!(%error, "connection ended before its first request"),
        };
        let unread = stream.unread();
        (
            TokioIo::new(stream),
            http2,
            Arc::new(ConnectionContext {
                http_state,
                connection,
                facts,
                state,
                unread,
                #[cfg(feature = "websocket")]
                session: Mutex::new(None),
                load,
            }),
        )
    };
    let served = if http2 {
        // Boxed because few connections speak HTTP/2. Inline, every connection would reserve memory for its larger
        // state.
        state.unless_cut(state.drive_http2(Box::pin(http2_connection(stream, shared)).as_mut())).await
    } else {
        // After an order to close, HTTP/1 answers have the header `Connection: close`, and the stream ends as soon as
        // no request is under way.
        serve_http1(stream, shared, state).await
    };
    if let Some(Err(error)) = served {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Serves an HTTP/1 connection to its end, and the WebSocket that it may become.
#[cfg(feature = "websocket")]
async fn serve_http1<S>(
    stream: TokioIo<PacedStream<S>>,
    shared: Arc<ConnectionContext>,
    state: &ConnectionState,
) -> Option<Result<(), hyper::Error>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection = http1_connection(stream, Arc::clone(&shared));
    // hyper's own type for upgrades would box the stream. This one returns it, and costs others nothing.
    let served = state.unless_cut(&mut connection).await;
    if let Some(Ok(())) = served
        && let Some(request) = shared.take_session()
    {
        let http1::Parts { io, read_buf, .. } = connection.into_parts();
        let opened = OpenedWebSocket { stream: io.into_inner(), first: read_buf, request: *request };
        let must_end = || state.order() > ConnectionOrder::GoOn;
        let session = websocket::run(Arc::clone(&shared.http_state), Arc::clone(&shared.load.0), opened, must_end);
        // Boxed because few connections are WebSockets.
        state.unless_cut(Box::pin(session)).await;
    }
    served
}

/// Serves an HTTP/1 connection to its end.
#[cfg(not(feature = "websocket"))]
async fn serve_http1<S>(
    stream: TokioIo<PacedStream<S>>,
    shared: Arc<ConnectionContext>,
    state: &ConnectionState,
) -> Option<Result<(), hyper::Error>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    state.unless_cut(pin!(http1_connection(stream, shared))).await
}

/// How many headers hyper parses without an allocation, which is also its default limit.
const HEADERS_IN_PLACE: usize = 100;

/// The service of an HTTP/1 connection.
trait Http1Service:
    hyper::service::HttpService<Incoming, ResBody = AnswerBody, Error = h2::Error, Future: Send> + Unpin + Send
{
}

impl<T> Http1Service for T where
    T: hyper::service::HttpService<Incoming, ResBody = AnswerBody, Error = h2::Error, Future: Send> + Unpin + Send
{
}

/// The minimum size limit of a connection's buffer. hyper's default is 400 KiB, and no budget counts these buffers.
const BUFFER: usize = 16 << 10;

fn http1_connection<S>(
    stream: TokioIo<PacedStream<S>>,
    shared: Arc<ConnectionContext>,
) -> http1::Connection<TokioIo<PacedStream<S>>, impl Http1Service>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Limits { max_headers, max_header_bytes, .. } = shared.http_state.limits;
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    let mut builder = http1::Builder::new();
    // The stream enforces the timeout itself, since hyper cannot tell a slow head from an idle connection.
    builder.header_read_timeout(None).max_header_size(max_header_bytes).max_buf_size(max_header_bytes.max(BUFFER));
    if max_headers != HEADERS_IN_PLACE {
        // hyper allocates memory for as many headers as the limit allows. The shortest header takes three bytes.
        builder.max_headers(max_headers.min(max_header_bytes / 3));
    }
    builder.serve_connection(stream, service)
}

/// How many requests a peer may reset before the server has looked at them. Beyond that, the connection is closed: such
/// resets are a denial-of-service attack (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;

/// How many stream errors a peer may cause that the server answers with a reset. Beyond that, the connection is closed.
const MAX_ERROR_RESETS: usize = 1024;

fn http2_connection<S>(
    stream: TokioIo<PacedStream<S>>,
    shared: Arc<ConnectionContext>,
) -> impl GracefulConnection<Error = hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Limits { max_header_bytes, max_concurrent_streams, .. } = shared.http_state.limits;
    let service = service_fn(move |request| {
        if shared.state.refuses() {
            // The peer got a GOAWAY and has had time to see it.
            Either::Left(ready(Err(h2::Error::from(Reason::REFUSED_STREAM))))
        } else {
            Either::Right(respond(Arc::clone(&shared), request))
        }
    });
    http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(max_concurrent_streams)
        // hyper requires sizes to be less than this.
        .max_header_list_size(u32::try_from(max_header_bytes).unwrap_or(u32::MAX).saturating_add(1))
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .serve_connection(stream, service)
}

/// Answers a request, which is under way from now on. The future never fails; the error type is that of refused
/// streams.
fn respond(
    shared: Arc<ConnectionContext>,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<AnswerBody>, h2::Error>> + Send {
    let under_way = RequestGuard::begin(shared);
    let ConnectionContext { http_state, connection, facts, unread, load, .. } = &*under_way.shared;
    // This comes before any code that may need the caller's TLS identity.
    facts.tell(&mut request);
    let checked = if unread.is_some() {
        hold_head(request.headers(), &load.0).map_err(HeadFault::NoRoom)
    } else {
        check_host(&request).map(|()| None).map_err(HeadFault::Host)
    };
    let request = if let Err(fault) = checked {
        Err(refuse_head(request, fault))
    } else if request.uri().path() == http_state.http.path {
        admit(http_state, request, *connection)
    } else if let Some(routes) = http_state.http.routes_at(request.uri().path()) {
        facts.tell_route(request.extensions_mut());
        Err(route(http_state, routes, request, *connection))
    } else {
        Err(beside(http_state, request, *connection))
    };
    let head = checked.ok().flatten();
    async move {
        let ConnectionContext { http_state, load, .. } = &*under_way.shared;
        let mut response = answer(http_state, request, &load.0, &under_way).await;
        drop(head);
        #[cfg(feature = "websocket")]
        if let Some(session) = take_session(&mut response) {
            under_way.upgrade(session);
            return Ok(response);
        }
        under_way.end(&mut response);
        Ok(response)
    }
}

impl ConnectionContext {
    /// Returns the session that begins once the response was sent, if the connection was upgraded.
    #[cfg(feature = "websocket")]
    fn take_session(&self) -> Option<Box<SessionRequest>> {
        // Nothing panics while holding the lock.
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Adds the connection's part to an answer: the header `Connection: close`, or the count of unread answers.
    fn finish(&self, response: &mut Response<AnswerBody>) {
        match &self.unread {
            Some(unread) => response.body_mut().watch(unread),
            None if self.state.order() != ConnectionOrder::GoOn => {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            None => {}
        }
    }
}

/// Counts a request as under way until its answer is ready to be written.
struct RequestGuard {
    shared: Arc<ConnectionContext>,
    is_received: AtomicBool,
    end: RequestEnd,
}

/// How a request that is under way has ended.
#[derive(Clone, Copy)]
enum RequestEnd {
    GivenUp,
    Answered,
    /// It has become a session, and stays under way as long as its connection exists.
    #[cfg(feature = "websocket")]
    Upgraded,
}

impl RequestGuard {
    fn begin(shared: Arc<ConnectionContext>) -> Self {
        shared.state.begin();
        Self { shared, is_received: AtomicBool::new(false), end: RequestEnd::GivenUp }
    }

    fn end(mut self, response: &mut Response<AnswerBody>) {
        self.shared.finish(response);
        match response.body_mut().as_streamed() {
            None => self.end = RequestEnd::Answered,
            // The request is under way until its body has ended. Otherwise, the connection's task might not be notified
            // of this end.
            Some(streamed) => streamed.hold(self),
        }
    }

    /// Lets a session begin once the response was sent.
    #[cfg(feature = "websocket")]
    fn upgrade(mut self, session: SessionRequest) {
        self.end = RequestEnd::Upgraded;
        // Nothing panics while holding the lock.
        *self.shared.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(session));
    }
}

impl BodyProgress for RequestGuard {
    #[cold]
    fn waits(&self) {
        // Over HTTP/2, the stream records this itself, since other requests may run.
        if self.shared.unread.is_none() {
            self.shared.state.arrives(Instant::now());
        }
    }

    fn ends(&self) {
        self.is_received.store(true, Ordering::Relaxed);
        self.shared.state.receive();
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let state = &self.shared.state;
        if !*self.is_received.get_mut() {
            // The request was dropped before it had arrived.
            state.receive();
        }
        match self.end {
            RequestEnd::GivenUp => state.give_up(),
            RequestEnd::Answered => state.end(),
            #[cfg(feature = "websocket")]
            RequestEnd::Upgraded => {}
        }
    }
}
