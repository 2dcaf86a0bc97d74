//! The TLS handshake of an accepted connection. Afterwards `connection` serves the stream like a plain one.

use std::sync::Arc;

use super::connection;
use super::facts::ConnectionFacts;
use super::pace::GRACE;
use super::state::State;
use super::stream::Stream;
use crate::http::{Connection, Face};
use crate::tls::Tls;

/// Serves one connection with TLS to its end. It is a plain one after the handshake.
pub(super) async fn serve(
    face: Arc<Face>,
    tls: Tls,
    stream: Stream,
    connection: Connection,
    facts: ConnectionFacts,
    state: &Arc<State>,
) {
    // The handshake's state is large and soon over.
    let accepting = Box::pin(tls.accept(stream, &face.limits));
    // The first request may have come with the end of the handshake.
    match state.unless_closed(GRACE, accepting).await {
        Some(Ok(accepted)) => {
            let facts = facts.secured(accepted.facts);
            connection::serve(face, accepted.stream, connection, facts, state).await;
        }
        Some(Err(error)) => {
            let peer_addr = connection.peer_addr.map(tracing::field::display);
            tracing::debug!(%error, peer_addr, "handshake of TLS failed");
        }
        // Nothing was agreed on that would have to be ended in an orderly way.
        None => {}
    }
}
