//! Streams of bytes, the transport of sessions without HTTP: Unix sockets, standard input and output, and others.
//! `serve` calls [`run`] with a connection and what is known of its peer.

mod framing;
mod settings;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::contain::contain;
use rpc_core::{RequestContext, Session};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::http::{Backend, HttpState};
use crate::load::ConnectionLoad;
use crate::session::{CallerCheck, Driver, MessageFraming, PeerSession, ServerSession, SessionRequest};
use framing::{ByteFraming, control_names};
pub use settings::MessageSettings;

/// How long the end of the byte stream may take.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// A connection of messages that begins.
pub(crate) struct OpenedStream<S> {
    pub(crate) stream: S,
    pub(crate) settings: MessageSettings,
    /// What is known of the peer, in place of a request that opens the session.
    pub(crate) context: Arc<RequestContext>,
}

/// What goes on at a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Nothing: no call runs, and no stream is open.
    Rests,
    /// A message arrives, and nothing else is under way.
    Arrives,
    Runs,
}

/// What a connection of messages tells and is told.
pub(crate) trait ConnectionWatch {
    /// Returns whether the connection has to end. The task is woken when that changes.
    fn must_end(&self) -> bool;

    /// Notes what goes on. It is called after each turn.
    fn note(&self, activity: Activity);
}

/// Serves a connection of messages to its end.
pub(crate) async fn run<S>(
    http_state: Arc<HttpState>,
    load: Arc<ConnectionLoad>,
    opened: OpenedStream<S>,
    watch: impl ConnectionWatch,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let OpenedStream { stream, settings, context } = opened;
    let request =
        SessionRequest { check: caller_check(&http_state, &context).await, context, protocol: settings.protocol };
    let own = contain(|| http_state.backend.open(Arc::clone(&request.context), request.protocol)).flatten();
    // The calls of a user's own session are in no count, and so it is never at rest.
    let is_counted = own.is_none() && matches!(http_state.backend, Backend::Own(_));
    let session: Box<dyn Session> = own.unwrap_or_else(|| {
        let session = ServerSession::new(&http_state, &load, &request);
        Box::new(session.controlled_by(control_names(settings.framing)))
    });
    let session = PeerSession::join(&request.context, session);
    let peer = request.context.peer().cloned();
    drop(request);
    let framing = ByteFraming::new(settings, http_state.limits.max_request_bytes, &load);
    let mut driver = Driver::new(stream, session, framing, (&load, &http_state.limits, || watch.must_end()));
    let mut messages = 0;
    poll_fn(|cx| {
        let ended = driver.poll(cx);
        let framing = driver.framing();
        if framing.has_ended()
            && let Some(peer) = &peer
        {
            // It answers no more calls. Handlers that wait for such an answer learn it at once.
            peer.end();
        }
        // Calls that have begun and ended in this turn count, too.
        if std::mem::replace(&mut messages, framing.messages()) != framing.messages() {
            watch.note(Activity::Runs);
        }
        watch.note(match () {
            () if !is_counted || load.is_used() => Activity::Runs,
            () if framing.is_within_message() => Activity::Arrives,
            () => Activity::Rests,
        });
        ended
    })
    .await;
    let mut stream = driver.into_stream();
    let _ = timeout(SHUTDOWN, stream.shutdown()).await;
}

/// Authenticates the peer once, for all of its messages. If that fails, each message is authenticated, and refused with
/// an answer of its own.
async fn caller_check(http_state: &HttpState, context: &Arc<RequestContext>) -> CallerCheck {
    http_state.backend.authenticate(context).await.unwrap_or(CallerCheck::EachMessage)
}
