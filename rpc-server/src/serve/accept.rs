use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::connections::{Admitted, Connections};

/// Is how long to wait after an error that concerns more than one connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection for which there is room.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer_addr: SocketAddr,
    pub(super) admitted: Admitted,
}

/// Accepts the next connection and waits until there is room for it.
pub(super) async fn accept(listener: &TcpListener, connections: &Arc<Connections>) -> Accepted {
    loop {
        match listener.accept().await {
            Ok((stream, peer_addr)) => {
                let admitted = connections.admit().await;
                return Accepted { stream, peer_addr, admitted };
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections, trying again in a moment");
                connections.meter.accept_failed();
                // Out of descriptors, most likely. They come back as connections end, so trying at once would only spin.
                connections.evict();
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
