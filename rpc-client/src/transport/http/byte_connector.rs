//! [`ByteConnector`]: makes connections for protocols that begin as HTTP/1.1 and then carry other bytes. Names, proxies
//! and TLS are those of HTTP.

use std::net::SocketAddr;

use http::uri::Scheme;
use http::{HeaderValue, Uri};

use super::address::HttpAddress;
use super::connect::Connector;
use super::connect_error::ConnectError;
use super::connection_reuse::ConnectionReuse;
use super::route::Route;
use super::settings::HttpSettings;
use super::stream::ByteStream;
use crate::failure::{Failure, FailureKind};
use crate::transport::ServerAddress;

/// Makes connections to one server.
pub(in crate::transport) struct ByteConnector {
    address: HttpAddress,
    route: Route,
    connector: Connector,
    /// The address to connect to, if it is not that of the URL.
    to: Option<SocketAddr>,
}

impl ByteConnector {
    /// Prepares connections to the server at an `http` or `https` URL, or to this address of it. It does not connect
    /// yet.
    ///
    /// # Errors
    ///
    /// The URL is invalid, or its TLS or its proxy cannot be set up.
    pub(in crate::transport) fn new(
        url: &str,
        to: Option<SocketAddr>,
        settings: &HttpSettings,
    ) -> Result<Self, Failure> {
        let address = HttpAddress::parse(url)?;
        let route = match to {
            Some(to) => Route::to_address(&address.uri, to)?,
            None => Route::of_connection_to(&address.uri)?,
        };
        let connector = Connector::new(address.uri.clone(), route.clone(), ConnectionReuse::new(), settings)?;
        Ok(Self { address, route, connector, to })
    }

    /// Connects, within the timeout of the settings.
    pub(in crate::transport) async fn connect(&self) -> Result<Box<dyn ByteStream>, Failure> {
        let connected = self.connector.connect_http1().await;
        connected.map(hyper_util::rt::TokioIo::into_inner).map_err(|error| self.failure(error))
    }

    /// Makes the failure of a connection that could not be made.
    pub(in crate::transport) fn failure(&self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
        let server = self.route.address().unwrap_or(&self.address.uri);
        let error = ConnectError::new(&as_websocket(server), self.route.proxy(), why.into());
        Failure::with_source(FailureKind::Connect(ConnectError::address(&error)), error)
    }

    /// Returns the server's URL, without name and password.
    pub(in crate::transport) fn uri(&self) -> &Uri {
        &self.address.uri
    }

    /// Returns the header of the name and the password in the URL.
    pub(in crate::transport) fn authorization(&self) -> Option<&HeaderValue> {
        self.address.authorization.as_ref()
    }

    pub(in crate::transport) fn server_address(&self) -> Option<ServerAddress> {
        match self.to {
            Some(to) => Some(ServerAddress::of_socket(to)),
            None => ServerAddress::of_uri(&self.address.uri),
        }
    }
}

/// Returns the URL as its user wrote it.
fn as_websocket(server: &Uri) -> Uri {
    let mut parts = server.clone().into_parts();
    let scheme = if parts.scheme == Some(Scheme::HTTPS) { "wss" } else { "ws" };
    parts.scheme = Some(scheme.parse().expect("it is a scheme"));
    Uri::from_parts(parts).expect("a URL with another scheme is a URL")
}
