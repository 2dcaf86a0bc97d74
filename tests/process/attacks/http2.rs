//! A minimal HTTP/2, frame by frame.

use std::net::SocketAddr;

use support::frames::Frames;
use tokio::net::TcpSocket;

/// Connects with a socket that buffers little of what is not read.
pub(crate) async fn connect(addr: SocketAddr) -> Frames {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    Frames::open(socket.connect(addr).await.unwrap()).await
}
