//! TLS of the default transport. Only this file, and the setters that take a configuration, know rustls.

use std::fmt;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::TlsConnector;

use super::stream::{BoxConnectError, HyperStream};
use crate::failure::{Failure, FailureKind};

/// The user's rustls configuration, if any.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings(Option<Arc<ClientConfig>>);

impl From<ClientConfig> for TlsSettings {
    fn from(config: ClientConfig) -> Self {
        Self(Some(Arc::new(config)))
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are left out.
        f.write_str(if self.0.is_some() { "TlsSettings::Own" } else { "TlsSettings::Platform" })
    }
}

/// Encrypts connections.
pub(super) struct Tls {
    to_server: TlsConnector,
    to_http1: TlsConnector,
}

impl Tls {
    pub(super) fn new(settings: &TlsSettings, http2_only: bool) -> Result<Self, Failure> {
        let mut server = match &settings.0 {
            Some(config) => ClientConfig::clone(config),
            None => {
                platform().map_err(|error| Failure::with_source(FailureKind::Builder("TLS cannot be set up"), error))?
            }
        };
        let mut http1 = server.clone();
        // Proxies get only HTTP/1.1: CONNECT, or whole requests. So do servers of WebSocket.
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        server.alpn_protocols =
            if http2_only { vec![b"h2".to_vec()] } else { vec![b"h2".to_vec(), b"http/1.1".to_vec()] };
        Ok(Self { to_server: Arc::new(server).into(), to_http1: Arc::new(http1).into() })
    }

    /// Encrypts a connection to a server, and returns whether the server chose HTTP/2.
    pub(super) async fn with_server(
        &self,
        stream: HyperStream,
        host: &str,
    ) -> Result<(HyperStream, bool), BoxConnectError> {
        let stream = self.to_server.connect(name(host)?, stream.into_inner()).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((TokioIo::new(Box::new(stream)), is_http2))
    }

    /// Encrypts a connection to a proxy, or to a server that must not choose HTTP/2.
    pub(super) async fn with_http1(&self, stream: HyperStream, host: &str) -> Result<HyperStream, BoxConnectError> {
        Ok(TokioIo::new(Box::new(self.to_http1.connect(name(host)?, stream.into_inner()).await?)))
    }
}

/// Trusts the platform's certificate authorities, and uses the process's default cryptography provider or else aws-lc.
fn platform() -> Result<ClientConfig, rustls::Error> {
    let chosen = CryptoProvider::get_default().cloned();
    let provider = chosen.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_platform_verifier()?.with_no_client_auth())
}

fn name(host: &str) -> Result<ServerName<'static>, BoxConnectError> {
    Ok(ServerName::try_from(host.to_owned())?)
}
