//! Builds rustls's configuration from certificate, key and client authorities. Each reload calls [`PemFiles::load`]
//! again.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};

use super::Error;
use super::error::{TlsErrorReason, TlsMaterial};
use super::pem::Pem;
use super::stamps::FileStamps;

/// The source of a configuration.
#[derive(Debug)]
pub(super) enum ConfigSource {
    Files(PemFiles),
    /// A configuration that the user has made.
    Own,
}

/// The source of each part, a file or memory.
#[derive(Clone, Debug)]
pub(super) struct PemFiles {
    certificate: Pem,
    key: Pem,
    pub(super) authorities: Option<Pem>,
    pub(super) optional: bool,
}

impl PemFiles {
    pub(super) fn new(certificate: Pem, key: Pem) -> Self {
        Self { certificate, key, authorities: None, optional: false }
    }

    /// Returns the current state of the files.
    pub(super) fn stamps(&self) -> FileStamps {
        let parts = [Some(&self.certificate), Some(&self.key), self.authorities.as_ref()];
        parts.into_iter().flatten().filter_map(Pem::path).collect()
    }

    /// Reads all parts and builds a configuration from them.
    pub(super) fn load(&self) -> Result<Arc<ServerConfig>, Error> {
        // The process may have another default provider, or none.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certified = self.certified(&provider)?;
        let verifier = self.verifier(&provider)?;
        let asks = verifier.is_some();
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| {
                Error::new(TlsMaterial::Configuration, None, TlsErrorReason::Refused("no version of TLS fits", error))
            })?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        if asks {
            // A resumed session would bring an identity whose certificate was not verified for this connection.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(with_protocols(Arc::new(config)))
    }

    /// Reads the certificate and its key.
    fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
        let chain = self.certificate.certificates(TlsMaterial::Certificate)?;
        let key = provider.key_provider.load_private_key(self.key.key()?).map_err(|error| {
            self.key.error(TlsMaterial::Key, TlsErrorReason::Refused("it is of no kind that is known", error))
        })?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
            Err(error @ rustls::Error::InconsistentKeys(_)) => Err(self
                .key
                .error(TlsMaterial::Key, TlsErrorReason::Refused("it is not the key of the certificate", error))),
            Err(error) => Err(self
                .certificate
                .error(TlsMaterial::Certificate, TlsErrorReason::Refused("it is no certificate of X.509", error))),
        }
    }

    /// Reads the authorities and builds the verifier of client certificates.
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
        let Some(authorities) = &self.authorities else {
            return if self.optional { Err(no_authorities()) } else { Ok(None) };
        };
        let mut roots = RootCertStore::empty();
        for certificate in authorities.certificates(TlsMaterial::Authorities)? {
            roots.add(certificate).map_err(|error| {
                authorities.error(
                    TlsMaterial::Authorities,
                    TlsErrorReason::Refused("one is no certificate of an authority", error),
                )
            })?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = if self.optional { builder.allow_unauthenticated() } else { builder };
        match builder.build() {
            Ok(verifier) => Ok(Some(verifier)),
            Err(error) => Err(authorities.error(TlsMaterial::Authorities, TlsErrorReason::Verifier(error))),
        }
    }
}

fn no_authorities() -> Error {
    Error::new(
        TlsMaterial::Authorities,
        None,
        TlsErrorReason::Malformed("there are none, so no certificate could be asked for"),
    )
}

/// Offers HTTP/2 and HTTP/1.1 by ALPN, unless the configuration offers protocols.
pub(super) fn with_protocols(mut config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    if config.alpn_protocols.is_empty() {
        Arc::make_mut(&mut config).alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    config
}
