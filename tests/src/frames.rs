//! HTTP/2 frame by frame.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::raw_http::TEST_TIMEOUT;

/// The client's first bytes.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Types of frames, their flags and codes (RFC 9113, sections 6 and 7).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const NO_ERROR: u32 = 0;
pub const INTERNAL_ERROR: u32 = 2;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// The headers of a POST in HPACK: `:method`, `:scheme` and `:path` by their indices in the static table, and a content
/// type by the index of its name.
pub const POST: &[u8] = b"\x83\x86\x84\x0f\x10\x10application/json";

/// `:status: 200`, by its index.
const STATUS_200: &[u8] = &[0x88];

/// A connection, read and written frame by frame.
#[derive(Debug)]
pub struct Frames<S = TcpStream> {
    pub stream: S,
    /// The part of a request's body that has arrived.
    body: Vec<u8>,
}

#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A request that has arrived in full.
#[derive(Debug)]
pub enum Request {
    /// A request without a body, so it is a HEAD.
    Head {
        stream: u32,
    },
    Post {
        stream: u32,
        body: Vec<u8>,
    },
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<S> {
    /// Begins a connection as its client.
    pub async fn open(stream: S) -> Self {
        let mut frames = Self { stream, body: Vec::new() };
        frames.stream.write_all(PREFACE).await.unwrap();
        frames.write(SETTINGS, 0, 0, &[]).await;
        frames
    }

    /// Begins a connection as its server. Returns `None` if the client has left.
    pub async fn accept(mut stream: S) -> Option<Self> {
        stream.read_exact(&mut [0; PREFACE.len()]).await.ok()?;
        let mut frames = Self { stream, body: Vec::new() };
        frames.write(SETTINGS, 0, 0, &[]).await;
        Some(frames)
    }

    /// Reads the next frame. Returns `None` at the end of the connection.
    pub async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// Reads to the next frame of this type, and acknowledges the peer's settings.
    pub async fn until(&mut self, kind: u8) -> Frame {
        let reading = async {
            loop {
                let frame = self.read().await.expect("the connection goes on");
                self.acknowledge(&frame).await;
                if frame.kind == kind {
                    return frame;
                }
            }
        };
        timeout(TEST_TIMEOUT, reading).await.expect("the peer does not hang")
    }

    /// Handles a frame like a server that gets one request after the other: acknowledges settings and joins the parts
    /// of bodies. Returns the request that ends with this frame.
    pub async fn take(&mut self, frame: Frame) -> Option<Request> {
        self.acknowledge(&frame).await;
        let Frame { kind, flags, stream, payload } = frame;
        if kind == DATA {
            self.body.extend_from_slice(&payload);
        }
        match kind {
            HEADERS if flags & END_STREAM != 0 => Some(Request::Head { stream }),
            DATA if flags & END_STREAM != 0 => Some(Request::Post { stream, body: std::mem::take(&mut self.body) }),
            _ => None,
        }
    }

    async fn acknowledge(&mut self, frame: &Frame) {
        if frame.kind == SETTINGS && frame.flags & ACK == 0 {
            self.write(SETTINGS, ACK, 0, &[]).await;
        }
    }

    /// Sends a request with this block of headers.
    pub async fn post(&mut self, stream: u32, block: &[u8], body: &str) {
        self.write(HEADERS, END_HEADERS, stream, block).await;
        self.write(DATA, END_STREAM, stream, body.as_bytes()).await;
    }

    /// Sends the answer to a POST.
    pub async fn answer(&mut self, stream: u32, body: &str) {
        self.begin_answer(stream).await;
        self.write(DATA, END_STREAM, stream, body.as_bytes()).await;
    }

    /// Sends the head of an answer to a POST.
    pub async fn begin_answer(&mut self, stream: u32) {
        self.write(HEADERS, END_HEADERS, stream, STATUS_200).await;
    }

    /// Handles a frame like [`take`](Self::take), and answers a HEAD. Returns the stream and the body of a POST that
    /// ends with this frame.
    pub async fn take_post(&mut self, frame: Frame) -> Option<(u32, Vec<u8>)> {
        match self.take(frame).await? {
            Request::Post { stream, body } => Some((stream, body)),
            Request::Head { stream } => {
                self.answer_head(stream).await;
                None
            }
        }
    }

    /// Sends the answer to a HEAD.
    pub async fn answer_head(&mut self, stream: u32) {
        self.write(HEADERS, END_HEADERS | END_STREAM, stream, STATUS_200).await;
    }

    pub async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend_from_slice(&[kind, flags]);
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        // The peer may have disconnected.
        let _ = self.stream.write_all(&frame).await;
    }
}
