//! WebSockets, the transport of sessions. `http` checks the request that opens one, and `serve` and the router call
//! [`run`] with the connection once the response was sent.

mod close;
mod frame;
mod framing;
mod settings;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::Session;
use rpc_core::contain::contain;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::http::HttpState;
use crate::load::ConnectionLoad;
use crate::session::{Driver, PeerSession, ServerSession, SessionRequest};
use framing::WebSocketFraming;
pub use settings::WebSocketSettings;

/// How long the end of the byte stream may take.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// A WebSocket whose connection was upgraded.
pub(crate) struct OpenedWebSocket<S> {
    pub(crate) stream: S,
    /// The bytes that have come behind the request.
    pub(crate) first: bytes::Bytes,
    pub(crate) request: SessionRequest,
}

/// Serves a WebSocket to its end. `must_end` returns whether the connection has to end, and the task is woken when that
/// changes.
pub(crate) async fn run<S>(
    http_state: Arc<HttpState>,
    load: Arc<ConnectionLoad>,
    opened: OpenedWebSocket<S>,
    must_end: impl Fn() -> bool,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let OpenedWebSocket { stream, first, request } = opened;
    let Some(settings) = &http_state.http.websocket else { return };
    let own = contain(|| http_state.backend.open(Arc::clone(&request.context), request.protocol)).flatten();
    let session: Box<dyn Session> = own.unwrap_or_else(|| {
        let session = ServerSession::new(&http_state, &load, &request);
        Box::new(session.telling_errors(settings.subscription_errors))
    });
    let session = PeerSession::join(&request.context, session);
    drop(request);
    let framing = WebSocketFraming::new(&http_state.limits, settings, &load);
    let mut driver = Driver::new(stream, session, framing, (&load, &http_state.limits, must_end));
    driver.take_first(&first);
    drop(first);
    poll_fn(|cx| driver.poll(cx)).await;
    let mut stream = driver.into_stream();
    let _ = timeout(SHUTDOWN, stream.shutdown()).await;
}
