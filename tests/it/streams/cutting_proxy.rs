//! A TCP proxy that cuts connections after a number of bytes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// A proxy in front of a server. It cuts each of its first connections after a number of bytes from the server, and
/// passes all others on.
pub(crate) struct CuttingProxy {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl CuttingProxy {
    /// Starts a proxy that cuts one connection at each of these places.
    pub(crate) async fn start(server: SocketAddr, places: impl IntoIterator<Item = u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, places) = (Arc::clone(&connections), Mutex::new(Vec::from_iter(places).into_iter()));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let limit = places.lock().unwrap().next().unwrap_or(u64::MAX);
                tokio::spawn(pass_on(client, server, limit));
            }
        });
        Self { addr, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns how many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Passes bytes on in both directions, until one of them ends or the server has sent `limit` bytes.
async fn pass_on(client: TcpStream, server: SocketAddr, limit: u64) {
    let server = TcpStream::connect(server).await.unwrap();
    server.set_nodelay(true).unwrap();
    client.set_nodelay(true).unwrap();
    let ((mut from_client, mut to_client), (from_server, mut to_server)) = (client.into_split(), server.into_split());
    let requests = async {
        let _ = copy(&mut from_client, &mut to_server).await;
    };
    let answers = async {
        // The connection may end in any way, which ends the other one.
        let _ = copy(&mut from_server.take(limit), &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}
