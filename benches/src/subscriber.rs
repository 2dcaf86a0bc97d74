//! A minimal client of streams, cheap enough not to distort what is measured: server-sent events or a WebSocket, each
//! on a connection of its own.

mod messages;

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;
use crate::workload::{Pace, TICK, Tick};
use messages::{Framing, Messages};

/// How clients subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A request is answered by server-sent events. The answer to the call is the last event.
    Sse,
    /// A message over a WebSocket subscribes by this method. Its answer comes first, and has the id of the
    /// subscription.
    Subscriptions { subscribe: &'static str },
    /// A message over a WebSocket of `rpc.v1` opens the stream. The client gives credit as it reads.
    RpcV1,
}

/// The id of calls. With it, a notification over server-sent events is as long as one with a random id of jsonrpsee.
const ID: u64 = 1_234_567_890_123_456;

/// The size of a notification with a tick, in bytes.
pub(crate) const NOTIFICATION: usize = 136;

/// How many bytes a client of `rpc.v1` reads before it gives them back as credit. It is half of what a stream begins
/// with, as in our client.
const CREDIT: usize = 32 << 10;

/// A subscription on a connection of its own.
pub(crate) struct Subscriber {
    stream: TcpStream,
    messages: Messages,
    wire: Wire,
    /// How many bytes were read since the last credit.
    read: usize,
}

impl Subscriber {
    /// Subscribes to ticks.
    pub(crate) async fn to_ticks(wire: Wire, addr: SocketAddr, pace: Pace, count: u64) -> Result<Self> {
        Self::open(wire, addr, TICK, &json!([pace, count])).await
    }

    /// Subscribes by this method, or over a WebSocket without `rpc.v1` by the method of the wire.
    pub(crate) async fn open(wire: Wire, addr: SocketAddr, method: &str, params: &Value) -> Result<Self> {
        let mut stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let (request, status) = match wire {
            Wire::Sse => (sse_request(&call(method, params)), "HTTP/1.1 200"),
            Wire::Subscriptions { .. } => (upgrade(""), "HTTP/1.1 101"),
            Wire::RpcV1 => (upgrade("sec-websocket-protocol: rpc.v1\r\n"), "HTTP/1.1 101"),
        };
        stream.write_all(&request).await?;
        let rest = read_head(&mut stream, status).await?;
        let (framing, method) = match wire {
            Wire::Sse => (Framing::Events, None),
            Wire::Subscriptions { subscribe } => (Framing::Frames, Some(subscribe)),
            Wire::RpcV1 => (Framing::Frames, Some(method)),
        };
        let mut subscriber = Self { stream, messages: Messages::new(framing, rest), wire, read: 0 };
        if let Some(method) = method {
            subscriber.stream.write_all(&frame(TEXT, call(method, params).as_bytes())).await?;
            subscriber.begin().await?;
        }
        Ok(subscriber)
    }

    /// Reads the message by which a server accepts a stream over a WebSocket.
    async fn begin(&mut self) -> Result<()> {
        while self.messages.next()?.is_none() {
            self.fill().await?;
        }
        Ok(())
    }

    /// Reads more bytes.
    async fn fill(&mut self) -> Result<()> {
        if self.stream.read_buf(self.messages.buffer()).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }

    /// Reads this many notifications. Returns the last one.
    ///
    /// # Errors
    ///
    /// If the connection ends before.
    pub(crate) async fn read(&mut self, count: u64) -> Result<Vec<u8>> {
        let mut left = count;
        loop {
            while let Some(message) = self.messages.next()? {
                if !message.starts_with(br#"{"jsonrpc":"2.0","method":"#) {
                    continue;
                }
                self.read += message.len();
                left -= 1;
                if left == 0 {
                    return Ok(message.to_vec());
                }
            }
            self.reply().await?;
            self.fill().await?;
        }
    }

    /// Sends what the server waits for: pongs, and credit over `rpc.v1`.
    async fn reply(&mut self) -> Result<()> {
        for _ in 0..self.messages.take_pings() {
            self.stream.write_all(&frame(PONG, &[])).await?;
        }
        if self.wire == Wire::RpcV1 && self.read >= CREDIT {
            let bytes = std::mem::take(&mut self.read);
            let credit = format!(
                r#"{{"jsonrpc":"2.0","method":"rpc.credit","params":{{"subscription":{ID},"bytes":{bytes}}}}}"#
            );
            self.stream.write_all(&frame(TEXT, credit.as_bytes())).await?;
        }
        Ok(())
    }

    /// Reads this many ticks, and checks the last one.
    pub(crate) async fn read_ticks(&mut self, count: u64) -> Result<Vec<u8>> {
        let last = self.read(count).await?;
        let notification: Value = serde_json::from_slice(&last)?;
        if notification["method"] == TICK && notification["params"]["result"] == json!(Tick::new(count - 1)) {
            return Ok(last);
        }
        Err(format!("notification {count} is {notification}").into())
    }
}

fn call(method: &str, params: &Value) -> String {
    // The order of the members is that of most clients.
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":{ID}}}"#)
}

fn sse_request(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Writes a request for a WebSocket. The key is any 16 bytes in base64.
fn upgrade(protocol: &str) -> Vec<u8> {
    format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAECAwQFBgcICQoLDA0ODw==\r\n{protocol}\r\n"
    )
    .into_bytes()
}

/// The first byte of a whole text frame.
const TEXT: u8 = 0x81;

/// The first byte of a pong.
const PONG: u8 = 0x8a;

/// Writes a frame of less than 126 bytes. With a mask of zeros, its payload stays as it is.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).expect("a message is short");
    [&[kind, 0x80 | length, 0, 0, 0, 0][..], payload].concat()
}

/// Reads the head of a response, and checks its status. Returns what has arrived behind the head.
async fn read_head(stream: &mut TcpStream, status: &str) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    loop {
        if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            if head.starts_with(status.as_bytes()) {
                return Ok(head.split_off(end + 4));
            }
            return Err(format!("the response is {:?}", String::from_utf8_lossy(&head)).into());
        }
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}
