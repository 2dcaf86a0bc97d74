//! Makes the client that calls the peer of a session.

use std::sync::{Arc, OnceLock};

use rpc_core::{FromPeer, Peer};

use super::ClientBuilder;
use crate::client::Client;
use crate::endpoint::EndpointSettings;
use crate::endpoints::EndpointState;
use crate::reliability::retry::Retry;
use crate::settings::ClientSettings;
use crate::telemetry::Observer;
use crate::transport::PeerTransport;

/// Calls the other side of a session, over the session's own connection. Handlers get such a client from
/// [`Context::peer`](rpc_core::Context::peer).
///
/// Its calls have the default deadline, and are not retried, since there is only one connection. After the session's
/// end, calls fail at once with [`Outcome::NotSent`](crate::Outcome::NotSent). For other settings, build a client on a
/// [`PeerTransport`].
impl FromPeer for Client {
    fn from_peer(peer: &Peer) -> Self {
        static SETTINGS: OnceLock<ClientSettings> = OnceLock::new();
        let settings = SETTINGS.get_or_init(|| ClientSettings::default().retry(Retry::never())).clone();
        let transport = Arc::new(PeerTransport::from_peer(peer));
        let endpoint = EndpointState::new(EndpointSettings::default(), transport, None);
        ClientBuilder::default().settings(settings).build_on(vec![endpoint], None, Observer::default())
    }
}
