//! A few lines of HTTP/2, frame by frame.

use std::net::SocketAddr;

use support::frames::{Frame, Frames, PREFACE, SETTINGS};
use support::raw_http::PATIENCE;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::timeout;

/// `:method: POST`, `:scheme: http` and `:path: /` by their places in HPACK's table, and a content type by its name's
/// place.
const POST: &[u8] = b"\x83\x86\x84\x0f\x10\x10application/json";

/// Connects by a socket that takes up little of what is not read.
pub(crate) async fn connect(addr: SocketAddr) -> Frames {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut frames = Frames(socket.connect(addr).await.unwrap());
    frames.0.write_all(PREFACE).await.unwrap();
    frames.write(SETTINGS, 0, 0, &[]).await;
    frames
}

pub(crate) async fn post(frames: &mut Frames, stream: u32, body: &str) {
    frames.post(stream, POST, body).await;
}

/// Reads on to the next frame of this kind.
pub(crate) async fn next(frames: &mut Frames, kind: u8) -> Frame {
    timeout(PATIENCE, frames.until(kind)).await.expect("the server does not hang")
}
