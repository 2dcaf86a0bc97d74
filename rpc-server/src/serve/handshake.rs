//! The TLS handshake of an accepted connection. Afterwards `connection` serves the stream like a plain one.

use std::sync::Arc;

use super::connection;
use super::facts::ConnectionFacts;
use super::pace::GRACE;
use super::state::ConnectionState;
use super::stream::ConnectionStream;
use crate::http::{ConnectionInfo, HttpState};
use crate::tls::Tls;

/// Serves one TLS connection to its end. After the handshake it is served like a plain one.
pub(super) async fn serve(
    http_state: Arc<HttpState>,
    tls: Tls,
    stream: ConnectionStream,
    connection: ConnectionInfo,
    facts: ConnectionFacts,
    state: &Arc<ConnectionState>,
) {
    // Boxed because the handshake's state is large and short-lived.
    let accepting = Box::pin(tls.accept(stream, &http_state.limits));
    // The grace is there because the first request may arrive with the end of the handshake.
    match state.unless_closed(GRACE, accepting).await {
        Some(Ok(accepted)) => {
            let facts = facts.secured(accepted.facts);
            connection::serve(http_state, accepted.stream, connection, facts, state).await;
        }
        Some(Err(error)) => {
            let peer_addr = connection.peer_addr.map(tracing::field::display);
            tracing::debug!(%error, peer_addr, "handshake of TLS failed");
        }
        // No session exists yet, so there is nothing to close in an orderly way.
        None => {}
    }
}
