//! A relay between clients and servers in tests. It counts connections and can cut them.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards every connection to a server.
pub(crate) struct Relay {
    addr: SocketAddr,
    opened: watch::Receiver<usize>,
    closed: watch::Receiver<usize>,
    cuts: watch::Sender<()>,
}

impl Relay {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (count_opened, opened) = watch::channel(0);
        let (count_closed, closed) = watch::channel(0);
        let cuts = watch::Sender::new(());
        let relay = Self { addr, opened, closed, cuts: cuts.clone() };
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                count_opened.send_modify(|opened| *opened += 1);
                let (count_closed, cuts) = (count_closed.clone(), cuts.subscribe());
                tokio::spawn(async move {
                    hand_on(client, server, cuts).await;
                    count_closed.send_modify(|closed| *closed += 1);
                });
            }
        });
        relay
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn opened(&self) -> usize {
        *self.opened.borrow()
    }

    /// Waits until clients have closed this many connections.
    pub(crate) async fn closed(&self, count: usize) {
        self.closed.clone().wait_for(|closed| *closed >= count).await.unwrap();
    }

    /// Closes all open connections, as servers do with idle ones.
    pub(crate) fn cut(&self) {
        self.cuts.send_replace(());
    }
}

/// Forwards a connection until the client closes it. After a cut, the client closes as soon as it notices.
async fn hand_on(mut client: TcpStream, server: SocketAddr, mut cuts: watch::Receiver<()>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        _ = cuts.changed() => {}
    }
    let _ = client.shutdown().await;
    while client.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
}
