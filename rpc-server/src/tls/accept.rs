//! The server's side of a TLS handshake, within its timeout. Returns the encrypted stream and the [`TlsFacts`] for its
//! requests.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::write_timeout::WriteTimeoutStream;
use super::{PeerIdentity, Tls, TlsInfo};
use crate::Limits;

/// A TLS connection, and the facts for its requests.
pub(crate) struct TlsAccepted<S> {
    /// Boxed because it is large, and connections move their streams more than once.
    pub(crate) stream: Box<TlsStream<WriteTimeoutStream<S>>>,
    pub(crate) facts: TlsFacts,
}

/// The TLS facts of a connection, for the extensions of its requests.
#[derive(Clone, Debug)]
pub(crate) struct TlsFacts {
    info: TlsInfo,
    peer: Option<PeerIdentity>,
}

impl Tls {
    /// Performs the handshake.
    ///
    /// # Errors
    ///
    /// If the handshake fails, the peer lacks a required certificate, or it takes longer than `Limits::header_timeout`.
    pub(crate) async fn accept<S>(&self, stream: S, limits: &Limits) -> io::Result<TlsAccepted<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = WriteTimeoutStream::new(stream, limits.write_progress_timeout);
        let shaken = timeout(limits.header_timeout, TlsAcceptor::from(self.config()).accept(stream)).await;
        let stream = shaken.map_err(|_| too_slow(limits.header_timeout))??;
        let (_, connection) = stream.get_ref();
        let facts = TlsFacts { info: TlsInfo::of(connection), peer: PeerIdentity::of(connection) };
        Ok(TlsAccepted { stream: Box::new(stream), facts })
    }
}

impl TlsFacts {
    /// Adds the facts to a request's extensions.
    pub(crate) fn tell(&self, extensions: &mut http::Extensions) {
        extensions.insert(self.info.clone());
        if let Some(peer) = &self.peer {
            extensions.insert(peer.clone());
        }
    }
}

fn too_slow(limit: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no handshake within {limit:?}"))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::Instant;
    use tokio_rustls::TlsConnector;

    use crate::Limits;
    use crate::tls::Tls;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_cut_though_all_was_given_to_tls() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let tls = Tls::from_pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();

        let (peer, stream) = duplex(8192);
        let connector = TlsConnector::from(Arc::new(client));
        let connecting = connector.connect(ServerName::try_from("localhost").unwrap(), peer);
        let limits = Limits::default();
        let (connected, accepted) = tokio::join!(connecting, tls.accept(stream, &limits));
        let (_connected, mut stream) = (connected.unwrap(), accepted.unwrap().stream);

        let start = Instant::now();
        stream.write_all(&[0; 32 << 10]).await.unwrap();
        let error = stream.flush().await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed().as_secs()), (ErrorKind::TimedOut, 30));
    }
}
