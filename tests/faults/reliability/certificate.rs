//! TLS between the client and the server of one test.

use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// Builds both sides of TLS for `https://127.0.0.1`. The server accepts these protocols (ALPN).
pub(crate) fn pair(protocols: &[&[u8]]) -> (TlsAcceptor, ClientConfig) {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let key = signing_key.serialize_der().try_into().unwrap();
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
    let mut server = server.unwrap();
    server.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    (Arc::new(server).into(), ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
