//! Connections with TLS, which are plain ones after the handshake. Without the feature there are none.

#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use tokio::net::TcpStream;

#[cfg(feature = "tls")]
use super::{connection, pace::GRACE, state::State};
#[cfg(feature = "tls")]
use crate::{
    Server,
    http::Connection,
    tls::{Facts, Tls},
};

/// What the requests of a connection are told of how it is secured.
#[derive(Debug, Default)]
pub(super) struct Secured {
    #[cfg(feature = "tls")]
    facts: Option<Box<Facts>>,
}

impl Secured {
    /// Tells a request of it.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unused_self, unused_variables, reason = "there is nothing to tell")
    )]
    pub(super) fn tell<B>(&self, request: &mut http::Request<B>) {
        #[cfg(feature = "tls")]
        if let Some(facts) = &self.facts {
            facts.tell(request.extensions_mut());
        }
    }
}

/// Serves one connection with TLS to its end.
#[cfg(feature = "tls")]
pub(super) async fn serve(server: Server, tls: Tls, stream: TcpStream, connection: Connection, state: &Arc<State>) {
    // The handshake's state is large and soon over.
    let accepting = Box::pin(tls.accept(stream, &server.inner.dispatcher.limits));
    // The first request may have come with the end of the handshake.
    match state.unless_closed(GRACE, accepting).await {
        Some(Ok(accepted)) => {
            let secured = Secured { facts: Some(Box::new(accepted.facts)) };
            connection::serve(server, accepted.stream, connection, secured, state).await;
        }
        Some(Err(error)) => {
            let peer_addr = connection.peer_addr.map(tracing::field::display);
            tracing::debug!(%error, peer_addr, "handshake of TLS failed");
        }
        // Nothing was agreed on that would have to be ended in an orderly way.
        None => {}
    }
}
