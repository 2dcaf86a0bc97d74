use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::BACKLOG;
use super::connections::{Admitted, Connections};
use super::peer::PeerKey;

/// Is how long to wait after an error that concerns more than one connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection for which there is room.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer_addr: SocketAddr,
    pub(super) admitted: Admitted,
}

/// Accepts connections at one address.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    /// One that was accepted and for which there is no room yet.
    waiting: Option<(TcpStream, SocketAddr)>,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, waiting: None }
    }

    /// Accepts the next connection and waits until there is room for it. One that waits is kept if the future is dropped.
    pub(super) async fn next(&mut self, connections: &Arc<Connections>) -> Accepted {
        loop {
            if let Some((_, peer_addr)) = &self.waiting {
                let admitted = connections.admit(PeerKey::of(peer_addr.ip())).await;
                if let Some((stream, peer_addr)) = self.waiting.take() {
                    return Accepted { stream, peer_addr, admitted };
                }
            }
            match self.listener.accept().await {
                Ok(accepted) => self.waiting = Some(accepted),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections, trying again in a moment");
                    connections.meter.accept_failed();
                    // Out of descriptors, most likely. They come back as connections end, so trying at once would only spin.
                    connections.evict(None);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Stops listening, and returns the connections that were made before, at most as many as may queue.
    ///
    /// Their peers take them for accepted, and may have sent requests already, which would be lost. One that is made between
    /// the last look and the end is lost all the same, unless another holds the same socket.
    pub(super) fn close(self, connections: &Arc<Connections>) -> Vec<Accepted> {
        let Self { listener, waiting } = self;
        let mut accepted = Vec::from_iter(waiting);
        match listener.into_std() {
            Ok(listener) => accepted.extend(queued(listener)),
            Err(error) => tracing::error!(%error, "connections that queue are lost"),
        }
        let admit = |(stream, peer_addr): (TcpStream, SocketAddr)| {
            let admitted = connections.admit_beyond(PeerKey::of(peer_addr.ip()));
            Accepted { stream, peer_addr, admitted }
        };
        accepted.into_iter().map(admit).collect()
    }
}

/// Accepts what queues, and ends the socket. The runtime's own listener would first have to hear of connections.
fn queued(listener: std::net::TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut queued = Vec::new();
    for _ in 0..BACKLOG {
        match listener.accept() {
            Ok((stream, peer_addr)) => {
                let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                queued.extend(stream.ok().map(|stream| (stream, peer_addr)));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => break,
        }
    }
    // Right after the last look.
    drop(listener);
    queued
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
