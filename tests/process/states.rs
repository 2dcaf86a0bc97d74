//! Connections in every state in which a peer can leave them.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::child::PING;
use crate::raw_http::{PATIENCE, post};

/// A peer that reads nothing takes no more than this, so that answers stay with the server.
const SMALL_BUFFER: u32 = 4096;

/// HTTP/2's preface and empty settings.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Settings that give answers no window.
const NO_WINDOW: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";

pub(crate) async fn connect(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(SMALL_BUFFER).unwrap();
    timeout(PATIENCE, socket.connect(addr)).await.expect("connecting does not hang").unwrap()
}

async fn sent(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(addr).await;
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Opens connections that have nothing under way.
pub(crate) async fn at_rest(addr: SocketAddr) -> Vec<TcpStream> {
    let mut answered = sent(addr, &post(PING.as_bytes())).await;
    let mut answer = Vec::new();
    while !answer.ends_with(br#""id":1}"#) {
        answer.push(answered.read_u8().await.unwrap());
    }
    let mut http2 = sent(addr, HTTP2).await;
    // It is served once it has settings of its own, and is never seen to answer them.
    http2.read_exact(&mut [0; 9]).await.unwrap();
    vec![answered, http2, connect(addr).await, half_a_head(addr).await, sent(addr, b"PRI").await]
}

pub(crate) async fn half_a_head(addr: SocketAddr) -> TcpStream {
    sent(addr, b"POST / HTTP/1.1\r\nhost: a\r\n").await
}

pub(crate) async fn half_a_body(addr: SocketAddr) -> TcpStream {
    let whole = post(PING.as_bytes());
    sent(addr, &whole[..whole.len() - 1]).await
}

/// Asks for an answer that is larger than the buffers between the two, and waits until it begins.
pub(crate) async fn unread(addr: SocketAddr, bytes: usize) -> TcpStream {
    let call = format!(r#"{{"jsonrpc":"2.0","method":"text","params":[{bytes}],"id":1}}"#);
    let stream = sent(addr, &post(call.as_bytes())).await;
    timeout(PATIENCE, stream.readable()).await.expect("there is an answer").unwrap();
    stream
}

/// Asks over HTTP/2 for an answer that has no window.
pub(crate) async fn unread_over_http2(addr: SocketAddr) -> TcpStream {
    // Headers by their places in HPACK's table, and then the body as data.
    let block = b"\x83\x86\x84\x0f\x10\x10application/json";
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let headers = [&[0, 0, length(block), 1, 4, 0, 0, 0, 1], &block[..]].concat();
    let data = [&[0, 0, length(PING.as_bytes()), 0, 1, 0, 0, 0, 1], PING.as_bytes()].concat();
    sent(addr, &[NO_WINDOW, &headers, &data].concat()).await
}
