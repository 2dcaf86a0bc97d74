use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::patience::Patience;
use super::{PeerIdentity, Tls, TlsInfo};
use crate::Limits;

/// A connection with TLS, and what its requests are told of it.
pub(crate) struct Accepted<S> {
    /// It is large, and connections move their streams more than once.
    pub(crate) stream: Box<TlsStream<Patience<S>>>,
    pub(crate) facts: Facts,
}

/// What the requests of a connection are told of its TLS.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    info: TlsInfo,
    peer: Option<PeerIdentity>,
}

impl Tls {
    /// Shakes hands.
    ///
    /// # Errors
    ///
    /// If the peer does something else, has no certificate that it must have, or takes longer than a request's head may.
    pub(crate) async fn accept<S>(&self, stream: S, limits: &Limits) -> io::Result<Accepted<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = Patience::new(stream, limits.write_progress_timeout);
        let shaken = timeout(limits.header_timeout, TlsAcceptor::from(self.config()).accept(stream)).await;
        let stream = shaken.map_err(|_| too_slow(limits.header_timeout))??;
        let (_, connection) = stream.get_ref();
        let facts = Facts { info: TlsInfo::of(connection), peer: PeerIdentity::of(connection) };
        Ok(Accepted { stream: Box::new(stream), facts })
    }
}

impl Facts {
    /// Tells a request of it.
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
