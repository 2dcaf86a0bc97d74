//! [`PeerIdentity`]: the names in a client's verified certificate. rustls verifies it; this file only reads it.

use std::fmt::{self, Write};
use std::sync::Arc;

use rustls::ServerConnection;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use webpki::EndEntityCert;

/// The identity of a client, from the certificate that it has presented and that TLS has verified.
///
/// It is in the extensions of each request of the connection, before any other code sees the request. Handlers find it
/// in [`Context::extensions`](rpc_core::Context::extensions), and authentication hooks in
/// [`RequestContext::extensions`](rpc_core::RequestContext::extensions). Your code decides which of the names is the
/// caller's, since that depends on how your authority issues certificates. Cloning is cheap.
///
/// # Example
///
/// ```
/// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
/// use rpc::tls::PeerIdentity;
/// use rpc::{Principal, RequestContext};
///
/// // Returns the caller, in a hook that authenticates requests.
/// fn principal(request: &RequestContext) -> Option<Principal> {
///     let identity = request.extensions.get::<PeerIdentity>()?;
///     Some(Principal::new(identity.spiffe_id()?))
/// }
///
/// # use rcgen::{CertificateParams, KeyPair, SanType};
/// # let mut params = CertificateParams::new(["billing.internal".to_owned()])?;
/// # params.subject_alt_names.push(SanType::URI("spiffe://example.org/billing".try_into()?));
/// # let certificate = params.self_signed(&KeyPair::generate()?)?.der().to_vec();
/// let identity = PeerIdentity::from_der(certificate);
/// assert!(identity.dns_names().eq(["billing.internal"]));
///
/// let mut request = RequestContext::default();
/// request.extensions.insert(identity);
/// assert_eq!(principal(&request).unwrap().subject(), "spiffe://example.org/billing");
/// # Ok::<(), rcgen::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PeerIdentity(Arc<PeerIdentityInner>);

#[derive(PartialEq, Eq)]
struct PeerIdentityInner {
    der: CertificateDer<'static>,
    fingerprint: Box<str>,
    dns_names: Box<[Box<str>]>,
    uri_names: Box<[Box<str>]>,
}

impl PeerIdentity {
    /// Takes a certificate that other code has verified, such as the HTTP server around a
    /// [router](crate::Server::into_router). Bytes that are not a certificate have no names.
    pub fn from_der(certificate: impl Into<Vec<u8>>) -> Self {
        Self::new(CertificateDer::from(certificate.into()))
    }

    /// Returns the identity of the peer, if it has presented a certificate.
    pub(super) fn of(connection: &ServerConnection) -> Option<Self> {
        let certificate = connection.peer_certificates()?.first()?;
        Some(Self::new(certificate.clone().into_owned()))
    }

    fn new(der: CertificateDer<'static>) -> Self {
        let (mut dns_names, mut uri_names) = (Box::default(), Box::default());
        if let Ok(certificate) = EndEntityCert::try_from(&der) {
            dns_names = certificate.valid_dns_names().map(Box::from).collect();
            uri_names = certificate.valid_uri_names().map(Box::from).collect();
        }
        let fingerprint = hexadecimal(&Sha256::digest(&der));
        Self(Arc::new(PeerIdentityInner { der, fingerprint, dns_names, uri_names }))
    }

    /// Returns the client's own certificate, in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns the SHA-256 of the certificate, as 64 lower-case hexadecimal digits. It changes whenever the certificate
    /// is renewed.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// Returns the DNS names among the subject's alternative names, in their order. The subject's common name is not
    /// included.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.0.dns_names.iter().map(|name| &**name)
    }

    /// Returns the URIs among the subject's alternative names, in their order.
    pub fn uri_names(&self) -> impl Iterator<Item = &str> {
        self.0.uri_names.iter().map(|name| &**name)
    }

    /// Returns the [SPIFFE ID](https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md#2-spiffe-id), such as
    /// `spiffe://example.org/billing`, if the certificate has one. It must be the only URI in it.
    pub fn spiffe_id(&self) -> Option<&str> {
        match &*self.0.uri_names {
            [name] if name.starts_with("spiffe://") => Some(name),
            _ => None,
        }
    }
}

impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PeerIdentityInner { fingerprint, dns_names, uri_names, .. } = &*self.0;
        f.debug_struct("PeerIdentity")
            .field("fingerprint", fingerprint)
            .field("dns_names", dns_names)
            .field("uri_names", uri_names)
            .finish()
    }
}

fn hexadecimal(bytes: &[u8]) -> Box<str> {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("writing to a string does not fail");
    }
    digits.into()
}
